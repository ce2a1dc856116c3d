"""Job files: a goal saved with its settings, in YAML or TOML. Strict; what is written out beats what the goal says."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from cmo.config.jobtext import JobText, fault, read_job_text
from cmo.config.settings import SPECS
from cmo.domain.goal import Question, Reading, parse_goal, short_goal
from cmo.domain.grammar.compile import changed
from cmo.domain.grammar.tokens import KEYS_BELONG, looks_secret
from cmo.domain.job import Mode, Plan
from cmo.domain.plan_fields import FIELDS, check_field, find_field, nearest_field
from cmo.domain.text import clean_line
from cmo.errors import GoalUnclear, JobFileError

SECTIONS = ("icp", "caps", "settings")
SETTINGS = (
    *(key for key in SPECS if key.startswith("quota.")),
    "scoring.weights", "model.provider", "model.name", "model.timeout_s", "github.timeout_s", "dns.timeout_s",
)  # fmt: skip
"""What `settings` may hold: nothing that names a service, a key, an approver or the ceiling of the mode."""
_EXAMPLE = 'goal: "find 300 python maintainers active in the last 90 days, dry run"'
_SECRET_NAMES = ("key", "token", "secret", "password", "credential")


@dataclass(frozen=True)
class JobFile:
    """A job file that can be used."""

    path: Path
    plan: Plan
    """Its mode is what the file asks for; the ceiling of the settings is the service's to keep."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """`section.name` -> value, for the job-file layer of the settings."""
    notify: str | None = None
    """bell, desktop, none, or a web address."""
    questions: tuple[Question, ...] = ()
    """About the goal, where no key answers them."""
    unread: tuple[str, ...] = ()
    """Words of the goal that were not understood."""
    keys: tuple[str, ...] = ()
    """The plan fields that the file sets outright, dotted."""


def load_job_file(path: Path, *, today: date, defaults: Plan | None = None) -> JobFile:
    """Read a job file.

    Args:
        today: As for `parse_goal`.
        defaults: What holds where the file is silent.
    Raises:
        JobFileError: names file, line and key, what is wrong and how to fix it.
    """
    text = read_job_text(path)
    values = {key: _checked(text, key, at, value) for key, at, value in _plan_values(text)}
    usual = defaults or Plan(goal="")
    notes: list[str] = []
    if values.get("start_on") and date.fromisoformat(values["start_on"]) < today:
        notes.append(f"start_on: {values['start_on']} is in the past: the start is at once.")
        values["start_on"] = None
    languages = {key: values[key] for key in ("icp.languages",) if key in values}
    reading = _read_goal(text, values, changed(usual, languages, usual), today)
    plan = changed(usual if reading is None else reading.plan, values, usual)
    if reading is None:
        plan = plan.model_copy(update={"goal": short_goal(plan), "assumptions": (*plan.assumptions, *notes)})
    else:
        notes = [*reading.assumptions, *_contradictions(reading, plan, values), *notes]
        plan = plan.model_copy(update={"assumptions": tuple(dict.fromkeys(notes))})
    return JobFile(
        path=path,
        plan=plan,
        settings=dict(_settings(text)),
        notify=_notify(text),
        questions=() if reading is None else reading.questions,
        unread=() if reading is None else reading.unread,
        keys=tuple(values),
    )


# --- keys


def _plan_values(text: JobText) -> Iterator[tuple[str, tuple[str, ...], Any]]:
    """Dotted name, place and value of every plan field in the file; refuses what is no key."""
    for name, value in text.values.items():
        if name in ("icp", "caps"):
            for inner, item in _table(text, name).items():
                if f"{name}.{inner}" not in FIELDS:
                    raise _unknown(text, (name, inner))
                yield f"{name}.{inner}", (name, inner), item
        elif name in FIELDS and "." not in name:
            yield name, (name,), value
        elif name not in ("goal", "notify", "settings"):
            raise _unknown(text, (name,))


def _table(text: JobText, name: str) -> dict[str, Any]:
    table = text.values.get(name, {})
    if not isinstance(table, dict):
        raise fault(text.path, text.line(name), "must be a table of keys and values", key=name,
                    hint=f"Write the keys of {name} below it, one a line.")  # fmt: skip
    return table


def _unknown(text: JobText, at: tuple[str, ...]) -> JobFileError:
    name = ".".join(at)
    line = text.line(*at)
    if any(word in at[-1].lower() for word in _SECRET_NAMES):
        return fault(text.path, line, "keys and passwords are not kept in job files", key=name, hint=KEYS_BELONG)
    if at[-1] in FIELDS:
        group, _, inner = at[-1].partition(".")
        return fault(text.path, line, "there is no such key", key=name, nearest=at[-1],
                     hint=f"Write {inner} below {group}.")  # fmt: skip
    near = _nearest(at)
    known = ", ".join(
        ["goal", "target", "icp", "caps", "mode", "channel", "sequence_id", "list_id", "start_on", "until"]
    )
    hint = f"Known are {known}, …" if near is None else f"Did you mean {near}?"
    if near is not None and "." in near and near.rpartition(".")[2] == at[-1]:
        hint = f"{at[-1]} belongs under {near.partition('.')[0]}."
    return fault(text.path, line, "there is no such key", key=name, hint=hint, nearest=near)


def _nearest(at: tuple[str, ...]) -> str | None:
    """The known key most like the one at `at`, in its own table first."""
    inside = [key.rpartition(".")[2] for key in FIELDS if key.startswith(f"{at[0]}.")] if len(at) > 1 else []
    if near := get_close_matches(at[-1], inside, 1, 0.6):
        return f"{at[0]}.{near[0]}"
    if found := find_field(at[-1]):
        return found
    top = [*(key for key in FIELDS if "." not in key), "goal", "notify", *SECTIONS]
    near = get_close_matches(at[-1], top, 1, 0.6)
    return near[0] if near else nearest_field(at[-1])


def _checked(text: JobText, key: str, at: tuple[str, ...], value: Any) -> Any:
    try:
        return check_field(key, value)
    except (ValueError, TypeError) as exc:
        shown = _shown(value)
        hint = "Leave the key out, or give it a value." if value is None else _hint(key, value)
        if isinstance(value, str) and looks_secret(value):
            shown, hint = "a key", KEYS_BELONG
        what = f"must be {FIELDS[key].expects}, not {shown}"
        raise fault(text.path, text.line(*at), what, hint=hint, key=key) from exc


def _hint(key: str, value: Any) -> str:
    if isinstance(value, bool):
        return 'Words such as no, yes, on and off are true or false to YAML: put text in quotes, e.g. "NO".'
    if FIELDS[key].expects.startswith("a list") and isinstance(value, str):
        return f"Write a list: [{clean_line(value, limit=40)}]"
    if FIELDS[key].expects.startswith("a whole number"):
        return "Write the digits without quotes, e.g. 2000."
    return "Correct the value, or leave the key out for the default."


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list):
        return f"a {'table' if isinstance(value, dict) else 'list'} ({clean_line(str(value), limit=60)})"
    return f"“{clean_line(str(value), limit=60)}”"


# --- goal


def _read_goal(text: JobText, values: Mapping[str, Any], usual: Plan, today: date) -> Reading | None:
    """The goal as read; None where there is none and the other keys suffice."""
    goal = text.values.get("goal")
    if "goal" not in text.values:
        if "target" in values and any(key.startswith("icp.") for key in values):
            return None
        what = "a goal is missing"
        raise fault(
            text.path, 1, what, key="goal", hint=f"Add a sentence, or both target and icp. For example: {_EXAMPLE}"
        )
    if not isinstance(goal, str):
        what = f"must be a sentence, not {_shown(goal)}"
        raise fault(text.path, text.line("goal"), what, key="goal", hint=f"For example: {_EXAMPLE}")
    try:
        return parse_goal(goal, today=today, defaults=usual, settled=values.keys())
    except GoalUnclear as exc:
        raise fault(text.path, text.line("goal"), exc.message.rstrip("."), key="goal", hint=exc.hint) from exc


def _contradictions(reading: Reading, plan: Plan, values: Mapping[str, Any]) -> Iterator[str]:
    """Where a key and the goal disagree: the key holds."""
    for key in reading.named:
        if key in values and _field(reading.plan, key) != _field(plan, key):
            said, holds = (_plain(_field(of, key)) for of in (reading.plan, plan))
            yield f"{key}: the goal says {said}, the file's own key says {holds}; {holds} holds."
    if values.get("mode") == Mode.SEND_ALLOWED:
        yield "The file asks for send_allowed: your settings set the ceiling, and drafts still wait for your approval."


def _field(plan: Plan, key: str) -> Any:
    group, _, name = key.rpartition(".")
    return getattr(getattr(plan, group) if group else plan, name)


def _plain(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(str(item) for item in value) or "none"
    return "none" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


# --- settings and notices


def _settings(text: JobText) -> Iterator[tuple[str, Any]]:
    """The job-file layer of the settings; `quota.max_emails_per_day` and nested tables mean the same."""
    seen: dict[str, int] = {}
    for at, key, value in _settings_pairs(_table(text, "settings")):
        line = text.line("settings", *at)
        if key in seen:
            raise fault(text.path, line, f"stands twice, first in line {seen[key]}", key=key, hint="Keep one of them.")
        seen[key] = line
        if key not in SETTINGS:
            raise _unknown_setting(text, line, key)
        try:
            SPECS[key].kind.from_toml(value)
        except (ValueError, TypeError, OverflowError) as exc:
            what = f"must be {SPECS[key].kind.expects}, not {_shown(value)}"
            raise fault(text.path, line, what, key=f"settings.{key}", hint="Correct the value.") from exc
        yield key, value


def _settings_pairs(table: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str, Any]]:
    for name, value in table.items():
        if isinstance(value, dict) and name not in SPECS:
            for inner, item in value.items():
                yield (name, inner), f"{name}.{inner}", item
        else:
            yield (name,), name, value


def _unknown_setting(text: JobText, line: int, key: str) -> JobFileError:
    name = f"settings.{key}"
    field_name = find_field(key.rpartition(".")[2])
    if field_name is not None:
        hint = f"It is a key of the job itself: {field_name}."
        return fault(text.path, line, "this is no setting", key=name, hint=hint, nearest=field_name)
    if key in SPECS:
        what = "a job file cannot change this"
        return fault(text.path, line, what, key=name, hint=f"Set it for all jobs: cmo config set {key} …")
    near = get_close_matches(key, SETTINGS, 1, 0.5)
    hint = f"Did you mean {near[0]}?" if near else f"Known are {', '.join(SETTINGS)}."
    return fault(text.path, line, "there is no such setting", key=name, hint=hint, nearest=near[0] if near else None)


def _notify(text: JobText) -> str | None:
    if "notify" not in text.values:
        return None
    value, kind = text.values["notify"], SPECS["notify"].kind
    try:
        return kind.to_text(kind.from_toml(value))
    except (ValueError, TypeError) as exc:
        what = f"must be {kind.expects}, not {_shown(value)}"
        raise fault(text.path, text.line("notify"), what, key="notify", hint="For example: notify: desktop") from exc


# --- writing


def render_job_file(plan: Plan, *, form: Literal["yaml", "toml"] = "yaml") -> str:
    """A job file from which `load_job_file` reads the same plan, every field written out.

    Assumptions are not written: they follow from the goal. `icp.pushed_before_days` belongs to a running job.
    """
    tree = _tree(plan)
    if form == "toml":
        return _toml(tree)
    import yaml

    return yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=1_000)


def _tree(plan: Plan) -> dict[str, Any]:
    plain = plan.model_dump(mode="json")
    tree: dict[str, Any] = {"goal": plan.goal} if plan.goal else {}
    for key in FIELDS:
        group, _, name = key.rpartition(".")
        branch = tree.setdefault(group, {}) if group else tree
        branch[name] = plain[group][name] if group else plain[name]
    tree["icp"]["stars_range"] = str(plan.icp.stars_range)
    return tree


def _toml(tree: Mapping[str, Any]) -> str:
    """TOML has no null: what is none is written as empty text, which reads as none."""
    top = [f"{name} = {_literal(value)}" for name, value in tree.items() if name not in SECTIONS]
    tables = [
        "\n".join([f"\n[{name}]", *(f"{inner} = {_literal(value)}" for inner, value in tree[name].items())])
        for name in SECTIONS
        if name in tree
    ]
    return "\n".join([*top, *tables]) + "\n"


def _literal(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {_literal(item)}" for name, item in value.items()) + " }" if value else "{}"
    if isinstance(value, list):
        return f"[{', '.join(_literal(item) for item in value)}]"
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    return json.dumps(value or "", ensure_ascii=False).replace("\x7f", "\\u007f")
