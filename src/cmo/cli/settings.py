"""`cmo config`: show and change settings."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Annotated, Any

import typer

from cmo.cli.diagnostics import BAD_DATA, DONE
from cmo.cli.errors import UsageProblem
from cmo.cli.options import DryRun, Fields
from cmo.cli.output import Column, Row, plain
from cmo.cli.registry import suggest
from cmo.cli.session import Session, session
from cmo.config import CREDENTIALS, SPECS, Origin, Problem, Settings, inspect
from cmo.config.settings import Spec
from cmo.config.tomlfile import changed_text
from cmo.errors import ConfigError
from cmo.paths import PROJECT_CONFIG_NAME, write_private

_KEY_WORDS = re.compile(r"token|secret|password|(?:api|\b|_)key$", re.IGNORECASE)
Project = Annotated[bool, typer.Option("--project", help="cmo.toml in this folder, not the user file.")]
Key = Annotated[str, typer.Argument(metavar="KEY", help="As in `cmo config show`, e.g. caps.max_steps.")]


def show(
    origin: Annotated[
        bool, typer.Option("--origin", help="Also where each value comes from, and what it hides.")
    ] = False,
    fields: Fields = None,
) -> int:
    """Show settings."""
    here = session()
    settings, problems = inspect(here.sources)
    columns = [
        Column("key", least=24),
        Column("value", least=12, show=lambda row: "none" if row["value"] is None else plain(row["value"])),
        Column("origin", extra=not origin, tone=lambda row: "dim" if row["origin"] == "default" else ""),
        Column("source", extra=not origin),
        Column("hidden", extra=not origin),
        Column("about", extra=origin),
    ]
    here.out.table("cmo.config.show/1", columns, [_row(settings, spec) for spec in SPECS.values()], fields=fields)
    _tell(here, problems)
    here.say.hint(
        "Change one: cmo config set KEY VALUE" + ("" if origin else "   Where from: cmo config show --origin")
    )
    return DONE


def get(key: Key) -> int:
    """Print one setting."""
    here = session()
    spec = _spec(key)
    value = getattr(here.settings, spec.attribute)
    here.out.value("cmo.config.get/1", spec.key, _native(spec, value) if here.flags.json else _shown(spec, value))
    return DONE


def change(
    key: Key,
    value: Annotated[str, typer.Argument(metavar="VALUE", help="Lists: comma separated.")],
    project: Project = False,
    dry_run: DryRun = False,
) -> int:
    """Change one setting.

    Comments and order of the file stay. Keys for providers are not settings: cmo auth set NAME.
    """
    here = session()
    spec = _spec(key)
    try:
        parsed = spec.kind.from_text(value)
    except (ValueError, OverflowError) as exc:
        raise UsageProblem(f"{spec.key} must be {spec.kind.expects}, not {value[:80]!r}.", hint=spec.about) from exc
    path = _file(here, project)
    after = changed_text(path, spec.key, spec.kind.to_toml(parsed))
    if not dry_run:
        before, _ = inspect(here.sources)
        write_private(path, after)
        if spec.key == "mail.provider":
            from cmo.service.mailers import record_mailer_change

            record_mailer_change(before, parsed)
    done = "Would set" if dry_run else "Set"
    here.say.note(f"{done} {spec.key} = {spec.kind.to_text(parsed)} in {path}")
    if not dry_run:
        _warn_if_hidden(here, spec, path)
    return DONE


def edit(project: Project = False) -> int:
    """Open the settings file.

    The editor is ui.editor, CMO_EDITOR, VISUAL, EDITOR, else vi. Afterwards the file is checked.
    """
    here = session()
    path = _file(here, project)
    if not (here.ask.allowed and here.world.stdout.isatty()):
        from cmo.cli.errors import NeedsPerson

        raise NeedsPerson("An editor needs a terminal.", hint=f"Change one value: cmo config set KEY VALUE   ({path})")
    if not path.exists():
        write_private(path, _TEMPLATE)
    command = _editor(here)
    try:
        subprocess.run([*shlex.split(command), str(path)], check=False)
    except OSError as exc:
        raise ConfigError(f"The editor {command!r} cannot be started.", hint="cmo config set ui.editor nano") from exc
    return check()


def path(project: Project = False) -> int:
    """Print places."""
    here = session()
    if project:
        here.out.value("cmo.config.path/1", "settings", str(_file(here, project=True)))
        return DONE
    places = inspect(here.sources)[0].paths
    data = {
        "settings": here.flags.config or places.config_file,
        "project_settings": here.folder / PROJECT_CONFIG_NAME,
        "store": places.db,
        "runs": places.runs_dir,
        "logs": places.logs_dir,
        "reports": places.reports_dir,
        "cache": places.cache_dir,
    }
    here.out.document("cmo.config.path/1", {name: str(place) for name, place in data.items()})
    return DONE


def check(fields: Fields = None) -> int:
    """Name what is wrong.

    Exit code 65 when a value cannot be used; unknown and hidden ones are only named.
    """
    here = session()
    settings, problems = inspect(here.sources)
    from cmo.cli.tui import unknown_actions

    problems += tuple(
        Problem(f"ui.keys: there is no action {name}.", hint=f"Did you mean {near}?" if near else "", key="ui.keys")
        for name, near in unknown_actions(settings.keys).items()
    )
    problems += _unknown_features(settings)
    rows: list[Row] = [_problem_row(problem) for problem in problems]
    rows += [_hidden_row(spec, settings.origins[spec.key]) for spec in SPECS.values() if _hidden(settings, spec)]
    columns = [
        Column("level", tone=lambda row: {"fail": "error", "warn": "warn"}.get(row["level"], "dim")),
        Column("key", least=20),
        Column("message", least=30),
        Column("fix", least=20),
        Column("file", extra=True),
        Column("line", extra=True),
    ]
    if rows or here.flags.json:
        here.out.table("cmo.config.check/1", columns, rows, fields=fields)
    failing = sum(problem.fatal for problem in problems)
    if failing:
        here.say.note(f"{failing} of these cannot be used.")
    elif not problems:
        here.say.note("Every setting is understood.")
    return BAD_DATA if failing else DONE


def _unknown_features(settings: Settings) -> tuple[Problem, ...]:
    if not settings.scoring_weights:
        return ()
    from cmo.service.scores import unknown_features

    key = "scoring.weights"
    return tuple(
        Problem(
            f"{key}: there is no feature {name}.", hint=f"Did you mean {near}?" if near else "cmo score show", key=key
        )
        for name, near in unknown_features(settings.scoring_weights).items()
    )


_TEMPLATE = """# Settings of cmo. `cmo config show` lists all of them; `cmo help environment` the variables.
# [operator]
# name = "sebastian"
# [caps]
# max_repos = 600
"""


def _spec(key: str) -> Spec:
    spec = SPECS.get(key)
    if spec is not None:
        return spec
    service = next((name for name in CREDENTIALS if name.split("_")[0] in key.lower()), None)
    if service and _KEY_WORDS.search(key):
        raise UsageProblem("A key is no setting, and is not typed on the command line.", hint=f"cmo auth set {service}")
    by_name = [known for known in SPECS if known.rpartition(".")[2] == key]
    near = by_name[0] if by_name else suggest(key, tuple(SPECS))
    raise UsageProblem(
        f"There is no setting {key!r}.", hint=f"Did you mean {near}?" if near else "cmo config show lists all settings."
    )


def _file(here: Session, project: bool) -> Path:
    if project:
        return here.folder / PROJECT_CONFIG_NAME
    return here.settings_file


def _editor(here: Session) -> str:
    try:
        chosen = here.settings.editor
    except ConfigError:  # the file to be edited is the one that is wrong
        chosen = ""
    return chosen or here.env.get("VISUAL") or here.env.get("EDITOR") or ("notepad" if os.name == "nt" else "vi")


def _row(settings: Settings, spec: Spec) -> Row:
    winner, *hidden = settings.origins[spec.key]
    value = getattr(settings, spec.attribute)
    return {
        "key": spec.key,
        "value": _native(spec, value),
        "origin": winner.layer,
        "source": winner.source,
        "hidden": "; ".join(_said(spec, item) for item in hidden if item.layer != "default"),
        "about": spec.about,
    }


def _native(spec: Spec, value: Any) -> Any:
    """The value as JSON has it; a range stays text."""
    is_native = value is None or isinstance(value, (bool, int, float, dict)) or _is_words(value)
    return value if is_native else _shown(spec, value)


def _is_words(value: Any) -> bool:
    return isinstance(value, tuple) and all(isinstance(item, str) for item in value)


def _shown(spec: Spec, value: Any) -> str:
    return str(spec.kind.to_text(value))


def _said(spec: Spec, origin: Origin) -> str:
    return f"{_shown(spec, origin.value)} ({origin.layer}{': ' + origin.source if origin.source else ''})"


def _hidden(settings: Settings, spec: Spec) -> bool:
    winner, *rest = settings.origins[spec.key]
    return any(item.layer != "default" and item.value != winner.value for item in rest)


def _hidden_row(spec: Spec, origins: tuple[Origin, ...]) -> Row:
    winner, *rest = origins
    hidden = next(item for item in rest if item.layer != "default" and item.value != winner.value)
    by = winner.source or winner.layer
    message = f"{_said(spec, hidden)} is hidden by {by} = {_shown(spec, winner.value)}"
    return {"level": "note", "key": spec.key, "message": message, "fix": f"Unset {by}" if winner.source else ""}


def _problem_row(problem: Problem) -> Row:
    level = "fail" if problem.fatal else "warn"
    return {"level": level, "key": problem.key, "message": problem.message, "fix": problem.hint, "file": problem.file,
            "line": problem.line}  # fmt: skip


def _tell(here: Session, problems: tuple[Problem, ...]) -> None:
    for problem in problems:
        here.say.warn(problem.message, problem.hint)


def _warn_if_hidden(here: Session, spec: Spec, path: Path) -> None:
    settings, problems = inspect(here.sources)
    winner = settings.origins[spec.key][0]
    for problem in problems:
        if problem.key == spec.key:
            here.say.warn(problem.message, problem.hint)
    if not winner.source.startswith(str(path)):
        here.say.warn(
            f"It is hidden: {winner.source or winner.layer} says {_shown(spec, winner.value)}.",
            "cmo config show --origin",
        )
