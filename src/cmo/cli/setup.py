"""`cmo init` and `cmo demo`: the first minutes."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from cmo.cli.diagnostics import DONE, PARTLY
from cmo.cli.errors import NeedsPerson
from cmo.cli.session import Session, entered, session
from cmo.cli.terminal import safe_line
from cmo.config import CREDENTIALS, SPECS, Secret, find_paths, inspect
from cmo.config.tomlfile import read_toml, with_value
from cmo.errors import ConfigError, JobLeased, StoreError
from cmo.paths import ensure_folder, write_private

if TYPE_CHECKING:
    from cmo.config import Settings

DEMO_GOAL = "find {target} python maintainers active in the last 90 days, topics ci and testing"


def init(
    operator: Annotated[str | None, typer.Option("--operator", metavar="NAME", help="Who approves.")] = None,
    max_emails_per_day: Annotated[
        int | None, typer.Option("--max-emails-per-day", min=0, max=100_000, metavar="N", help="First mails a day.")
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Do not try the keys.")] = False,
) -> int:
    """Set up.

    Every question can be skipped with Enter; what is set already is offered as the answer. Keys are asked for without
    showing them and are never flags: on a pipe use `cmo auth set NAME`, or variables.
    """
    here = session()
    if operator is None and not here.ask.allowed:
        raise NeedsPerson(
            "This asks a few questions, and there is no terminal.", hint='Answer with --operator "YOUR NAME"'
        )
    settings = inspect(here.sources)[0]
    here.say.note(
        f"Settings go to {settings.paths.config_file}, data to {settings.paths.data_dir}. CMO_HOME moves both."
    )
    wanted = {"operator.name": operator or _ask_operator(here, settings)}
    quota = max_emails_per_day
    if quota is None and here.ask.allowed:
        quota = _ask_quota(here, settings)
    if quota is not None:
        wanted["quota.max_emails_per_day"] = str(quota)
    _write(here, settings, wanted)
    if here.ask.allowed and not settings.sandbox:
        for name in ("github", "openai"):
            _ask_key(here, settings, name)
    from cmo.cli.health import examine

    after = Session(here.flags, here.world)  # settings were read before they were written
    with entered(after):
        examine(after, offline=offline or settings.sandbox)
        if settings.sandbox or after.settings.github_tokens():
            after.say.hint('Next: cmo run "find 50 python maintainers active 90 days" --dry-run   or first: cmo demo')
        else:
            after.say.hint("A run needs a GitHub token: cmo auth set github   First, without one: cmo demo")
    return DONE


def demo(
    fast: Annotated[bool, typer.Option("--fast", help="A smaller world: some seconds.")] = False,
    reset: Annotated[bool, typer.Option("--reset", help="Throw the sandbox away first, with all jobs in it.")] = False,
) -> int:
    """Make a demo.

    Needs no key and no network: GitHub and DNS are simulated on this machine, in a home of their own. Real keys and
    data are not touched. Opens nothing.
    """
    outer = session()
    here = Session(replace(outer.flags, sandbox=True), outer.world)
    here.argv = outer.argv
    with entered(here):
        if reset:
            _reset(here)
        code = _demo_job(here, target=25 if fast else 300)
        if code not in (DONE, PARTLY):
            return code
        _ready(here, fast=fast)
    return DONE


def _demo_job(here: Session, *, target: int) -> int:
    """Make the demo's job, or go on with the newest one; the exit code."""
    from cmo import service
    from cmo.cli import driving
    from cmo.store import views

    newest = None
    if here.settings.paths.db.exists():
        with service.reader(here.settings) as conn:
            newest = next(iter(views.list_jobs(conn, limit=1)), None)
    if newest is None:
        here.say.note("One job, simulated GitHub and DNS. Ctrl-C pauses.")
        ensure_folder(here.settings.paths.data_dir)
        newest = service.start_job(
            here.settings, service.plan_goal(here.settings, DEMO_GOAL.format(target=target)).plan
        )
    if newest.status.is_over:
        here.say.note(f"{newest.id} is there already; `cmo demo --reset` makes a new one.")
        return driving.tell_end(here, newest.id)
    return driving.drive(here, newest)


def _ask_operator(here: Session, settings: Settings) -> str:
    return here.ask.line("Your name, for the record of approvals:", default=settings.operator_name, flag="--operator")


def _ask_quota(here: Session, settings: Settings) -> int:
    kind = SPECS["quota.max_emails_per_day"].kind
    while True:
        text = here.ask.line(
            "Most first mails a day, once sending is unlocked:",
            default=str(settings.max_emails_per_day),
            flag="--max-emails-per-day",
        )
        try:
            return int(kind.from_text(text))
        except ValueError:
            here.say.note(f"That must be {kind.expects}.")


def _ask_key(here: Session, settings: Settings, name: str) -> None:
    credential = CREDENTIALS[name]
    found = settings.secrets.find(name)
    has = f"one is set already, {'…' + found.tail if found and found.tail else 'hidden'}" if found else "none yet"
    here.say.note(f"{credential.env}: {credential.about} ({has}). From: {credential.where}.")
    typed = here.ask.secret("Key (not shown; Enter skips):", flag=f"cmo auth set {name}")
    if typed:
        kept = settings.secrets.keep(name, Secret(typed))
        here.say.note(f"Kept in {'the keyring' if kept.layer == 'keyring' else kept.source}.")


def _write(here: Session, settings: Settings, wanted: dict[str, str]) -> None:
    path = here.folder / here.flags.config if here.flags.config else settings.paths.config_file
    read_toml(path)
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    for key, value in wanted.items():
        kind = SPECS[key].kind
        try:
            text = with_value(text, key, kind.to_toml(kind.from_text(value)))
        except ValueError as exc:
            raise ConfigError(f"{key} cannot be set to {value!r}.", hint="cmo config edit") from exc
    write_private(path, text)


def _reset(here: Session) -> None:
    home = find_paths(here.sources).data_dir
    if home.name != "sandbox":
        raise ConfigError(f"{home} is not a sandbox, so it is left alone.", hint="Remove it by hand.")
    _refuse_while_running(here)
    shutil.rmtree(home, ignore_errors=True)
    here.say.note(f"Removed {home}.")


def _refuse_while_running(here: Session) -> None:
    if not here.settings.paths.db.exists():
        return
    from cmo import service
    from cmo.store import views

    try:
        with service.reader(here.settings) as conn:
            for job in views.list_jobs(conn, limit=100):
                if service.summary(here.settings, conn, job.id).holder is not None:
                    raise JobLeased(f"{job.id} is running in the sandbox.", hint=f"cmo pause {job.id} first.")
    except (StoreError, ConfigError):
        return  # a store that cannot be read is what the reset is for


def _ready(here: Session, *, fast: bool) -> None:
    from cmo import service
    from cmo.store import people_views, views

    with service.reader(here.settings) as conn:
        found, _ = people_views.list_leads(conn, views.list_jobs(conn, limit=1)[0].id, limit=1)
    why = [f"  cmo leads why {safe_line(lead.login)}" for lead in found]
    here.say.block(
        [
            "Ready. Everything here is invented.",
            '  cmo leads list --where "score>=80"',
            *why,
            "  cmo export last --dry-run",
            f'  cmo run "find {25 if fast else 300} go maintainers active 90 days"',
        ]
    )
