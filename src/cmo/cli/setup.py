"""`cmo init` and `cmo demo`: the first minutes."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from cmo.cli.diagnostics import DONE, PARTLY
from cmo.cli.errors import NeedsPerson, UsageProblem
from cmo.cli.session import Session, entered, session
from cmo.cli.terminal import safe_line
from cmo.config import CREDENTIALS, SPECS, Secret, find_paths, inspect
from cmo.config.tomlfile import read_toml, with_value
from cmo.errors import ConfigError, JobLeased, StoreError
from cmo.paths import ensure_folder, write_private

if TYPE_CHECKING:
    from cmo.config import Settings

_AHEAD = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_QUESTIONS = {
    "operator.name": ("--operator", "Your name, for the record of approvals:"),
    "sender.name": ("--sender-name", "The name that recipients see:"),
    "sender.email": ("--sender-email", "The address that mail is written from:"),
    "sender.postal_address": ("--postal-address", "Your postal address; the law wants it in each mail:"),
    "sender.time_zone": ("--time-zone", "Your time zone, such as Europe/Lisbon:"),
    "copy.offer": ("--offer", "What you offer, in one sentence:"),
    "copy.question": ("--question", "The one question that a mail ends with:"),
    "quota.max_emails_per_day": ("--max-emails-per-day", "Most first mails a day, once sending is unlocked:"),
}
"""Setting -> the flag that answers, and the question."""


def init(
    operator: Annotated[str | None, typer.Option("--operator", metavar="NAME", help="Who approves.")] = None,
    sender_name: Annotated[
        str | None, typer.Option("--sender-name", metavar="NAME", help="The name that recipients see.")
    ] = None,
    sender_email: Annotated[
        str | None, typer.Option("--sender-email", metavar="ADDRESS", help="Where mail is written from.")
    ] = None,
    postal_address: Annotated[
        str | None, typer.Option("--postal-address", metavar="TEXT", help="In each mail, as the law wants.")
    ] = None,
    time_zone: Annotated[str | None, typer.Option("--time-zone", metavar="ZONE", help="Such as Europe/Lisbon.")] = None,
    offer: Annotated[str | None, typer.Option("--offer", metavar="TEXT", help="What you offer, in a sentence.")] = None,
    question: Annotated[str | None, typer.Option("--question", metavar="TEXT", help="What a mail ends with.")] = None,
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
    given = {
        "operator.name": operator,
        "sender.name": sender_name,
        "sender.email": sender_email,
        "sender.postal_address": postal_address,
        "sender.time_zone": time_zone,
        "copy.offer": offer,
        "copy.question": question,
        "quota.max_emails_per_day": None if max_emails_per_day is None else str(max_emails_per_day),
    }
    answers = {key: value for key, value in given.items() if value is not None}
    if not answers and not here.ask.allowed:
        raise NeedsPerson(
            "This asks a few questions, and there is no terminal.", hint='Answer with --operator "YOUR NAME"'
        )
    settings = inspect(here.sources)[0]
    here.say.note(
        f"Settings go to {settings.paths.config_file}, data to {settings.paths.data_dir}. CMO_HOME moves both."
    )
    for key, text in answers.items():
        _checked(key, text)
    if here.ask.allowed:
        answers = {key: answers.get(key) or _ask(here, settings, key) for key in _QUESTIONS}
    _write(here, settings, {key: text for key, text in answers.items() if text})
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
    forward: Annotated[
        str | None, typer.Option("--forward", metavar="TIME", help="Only move the sandbox's clock on, e.g. 2d.")
    ] = None,
) -> int:
    """Make a demo.

    Needs no key and no network: GitHub, DNS, mail services and CRMs are simulated on this machine, in a home of their
    own. Real keys and data are not touched. Opens nothing.
    """
    outer = session()
    here = Session(replace(outer.flags, sandbox=True), outer.world)
    here.argv = outer.argv
    with entered(here):
        if forward is not None:
            if fast or reset:
                raise UsageProblem("--forward only moves the clock.", hint="cmo demo --forward 2d")
            return _forward(here, forward)
        if reset:
            _reset(here)
        return _demo(here, fast=fast)


def _demo(here: Session, *, fast: bool) -> int:
    """Make the demo's job, or go on with the newest one, and say what to look at; the exit code."""
    from cmo.cli import driving
    from cmo.service import demo as demos

    newest = demos.newest_job(here.settings)
    if newest is None:
        here.say.note("One job, simulated GitHub and DNS. Ctrl-C pauses.")
        ensure_folder(here.settings.paths.data_dir)
        newest = demos.start_demo(here.settings, fast=fast)
    if newest.status.is_over:
        here.say.note(f"{newest.id} is there already; `cmo demo --reset` makes a new one.")
        code = driving.tell_end(here, newest.id)
    else:
        code = driving.drive(here, newest)
    if code not in (DONE, PARTLY):
        return code
    demos.calm(here.settings)
    found = demos.look(here.settings, newest.id)
    wait = (
        f"{found.drafts:,} drafts wait for you, {found.flagged:,} of them flagged" if found.drafts else "No draft waits"
    )
    groups = f"{found.error_groups} error group{'' if found.error_groups == 1 else 's'}"
    here.say.block(
        [
            f"Ready. {wait if found.drafts else 'No draft waits'}; {groups}. Everything here is invented.",
            "  cmo drafts review",
            "  cmo errors list",
            *([f"  cmo leads why {safe_line(found.best_login)}"] if found.best_login else []),
            "  cmo jobs set last mode=send_allowed",
            "  cmo send last --limit 20",
            "  cmo demo --forward 1d",
        ]
    )
    return DONE


def _forward(here: Session, text: str) -> int:
    matched = re.fullmatch(r"([1-9][0-9]{0,2})\s*([hdw])", text.strip().lower())
    if matched is None:
        raise UsageProblem(f"{safe_line(text)!r} is no time to move on by.", hint="e.g. 12h, 2d, 1w")
    from cmo.service.world import forward_world

    _refuse_while_running(here)
    moved = forward_world(here.settings, int(matched[1]) * _AHEAD[matched[2]]).now
    local = moved.astimezone(ZoneInfo(here.settings.sender_time_zone))
    words = f"It is {local:%A %Y-%m-%d %H:%M} in the sandbox ({here.settings.sender_time_zone})."
    here.out.document("cmo.demo.clock/1", {"now": moved}, text=[words])
    return DONE


def _ask(here: Session, settings: Settings, key: str) -> str:
    """The answer to a question; Enter takes what is set."""
    flag, question = _QUESTIONS[key]
    spec = SPECS[key]
    while True:
        text = here.ask.line(question, default=spec.kind.to_text(getattr(settings, spec.attribute)), flag=flag)
        try:
            _checked(key, text)
        except ConfigError as error:
            here.say.note(f"{error.message} {error.hint}".strip())
        else:
            return text


def _checked(key: str, text: str) -> None:
    """Raises ConfigError where a setting cannot be `text`; empty leaves it as it is."""
    if not text:
        return
    kind, expects = SPECS[key].kind, SPECS[key].kind.expects
    is_right = True
    try:
        kind.from_text(text)
        if key == "sender.time_zone":
            ZoneInfo(text)
        elif key == "sender.email":
            from cmo.domain.address import parse_address

            is_right = parse_address(text) is not None
    except (ValueError, KeyError, OSError):
        is_right, expects = False, "an IANA zone such as Europe/Lisbon" if key == "sender.time_zone" else expects
    if not is_right:
        raise ConfigError(
            f"{key} must be {expects}, not {safe_line(text)!r}.", hint=f"Answer with {_QUESTIONS[key][0]}"
        )


def _ask_key(here: Session, settings: Settings, name: str) -> None:
    credential = CREDENTIALS[name]
    found = settings.secrets.find(name)
    has = f"one is set already, {'…' + found.tail if found and found.tail else 'hidden'}" if found else "none yet"
    where = credential.where if here.say.terminal.glyphs else credential.where.replace(" → ", ", then ")
    here.say.note(f"{credential.env}: {credential.about} ({has}). From: {where}.")
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
