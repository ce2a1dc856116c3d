"""The fields of a plan by name: what each may hold, read from typed values (job files) and text (`cmo jobs set`)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from fractions import Fraction
from typing import Any

from cmo.domain.grammar.compile import changed
from cmo.domain.grammar.items import Form, as_exclusion, as_keyword, as_topic
from cmo.domain.grammar.numbers import read_number
from cmo.domain.grammar.rules_where import as_place
from cmo.domain.grammar.rules_who import as_language
from cmo.domain.grammar.tokens import Sentence
from cmo.domain.grammar.understood import BOUNDS
from cmo.domain.grammar.vocabulary import CHANNELS, CRMS, MAILERS
from cmo.domain.job import MOST_USD, Mode, Plan, Role, Stage
from cmo.domain.text import clean_line
from cmo.errors import ConfigError

MOST_ITEMS = 100
"""Items in a list of topics, keywords and so on."""


@dataclass(frozen=True)
class PlanField:
    """One field. Both readers raise ValueError where the value does not fit; `expects` says what would."""

    expects: str
    """Completes `must be …`."""
    check: Callable[[Any], Any]
    """A typed value, as YAML or TOML give it -> the plain value a plan takes. `True` is no number, 3.0 no count."""
    from_text: Callable[[str], Any]
    """Text -> a typed value, not yet checked."""
    optional: bool = False
    """May be none: null, or empty text."""


def _whole(key: str) -> PlanField:
    low, high = BOUNDS[key]

    def check(value: Any) -> int:
        if type(value) is not int or not low <= value <= high:
            raise ValueError
        return value

    return PlanField(f"a whole number from {low:,} to {high:,}", check, _count)


def _count(text: str) -> int:
    """`800`, `2k`, `two thousand`."""
    s = Sentence(text.strip().rstrip(","))
    found = read_number(s, 0)
    if found is None or found[1] != len(s) or found[0].value.denominator != 1:
        raise ValueError
    return int(found[0].value)


def _money() -> PlanField:
    def check(value: Any) -> float:
        if type(value) not in (int, float) or not math.isfinite(value) or not 0 <= value <= MOST_USD:
            raise ValueError
        return float(value)

    def from_text(text: str) -> float:
        return float(Fraction(text.strip().removeprefix("$").replace(",", "")))

    return PlanField(f"an amount in US dollars from 0 to {MOST_USD:,}", check, from_text, optional=True)


def _listed(expects: str, form: Form | Callable[[str], str | None]) -> PlanField:
    def check(value: Any) -> list[str]:
        if not isinstance(value, list) or len(value) > MOST_ITEMS or not all(isinstance(item, str) for item in value):
            raise ValueError
        items = [form(clean_line(item)) for item in value]
        if None in items:
            raise ValueError
        return list(dict.fromkeys(item for item in items if item))

    return PlanField(expects, check, lambda text: [part.strip() for part in text.split(",") if part.strip()])


def _exactly(form: Form) -> Callable[[str], str | None]:
    return lambda text: form(text, exact=True)


def _role(text: str) -> str | None:
    word = text.lower().removesuffix("s")
    return word if word in list(Role) else None


def _choice(options: list[str], *, optional: bool = False) -> PlanField:
    def check(value: Any) -> str:
        word = value.strip().lower().replace("-", "_") if isinstance(value, str) else ""
        if word not in options:
            raise ValueError
        return word

    return PlanField(f"one of {', '.join(options)}", check, str, optional=optional)


def _matching(expects: str, read: Callable[[str], str | None]) -> PlanField:
    def check(value: Any) -> str:
        found = read(clean_line(value)) if isinstance(value, str) else None
        if found is None:
            raise ValueError
        return found

    return PlanField(expects, check, str, optional=True)


def _as_id(text: str) -> str | None:
    return text if re.fullmatch(r"\w[\w .:-]{0,99}", text) else None


def _stars() -> PlanField:
    def check(value: Any) -> dict[str, int]:
        if isinstance(value, str):
            value = _star_ends(value)
        elif isinstance(value, Mapping) and set(value) == {"low", "high"}:
            value = [value["low"], value["high"]]
        if not isinstance(value, list) or [type(end) for end in value] != [int, int]:
            raise ValueError
        low, high = value
        if not 0 <= low <= high <= BOUNDS["stars.high"][1]:
            raise ValueError
        return {"low": low, "high": high}

    return PlanField("a range such as 100..2000", check, str)


def _star_ends(text: str) -> list[int]:
    low, dots, high = text.partition("..")
    if not dots:
        raise ValueError
    return [_count(low), _count(high)]


def _day() -> PlanField:
    def check(value: Any) -> str:
        if type(value) is date:
            return value.isoformat()
        if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value.strip()):
            raise ValueError
        return date.fromisoformat(value.strip()).isoformat()

    return PlanField("a day such as 2026-12-01", check, str, optional=True)


def _counts() -> PlanField:
    def check(value: Any) -> dict[str, int]:
        if not isinstance(value, Mapping) or len(value) > MOST_ITEMS:
            raise ValueError
        for name, count in value.items():
            if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]{0,59}", name):
                raise ValueError
            if type(count) is not int or not 1 <= count <= 1_000_000:
                raise ValueError
        return dict(value)

    def from_text(text: str) -> dict[str, int]:
        pairs = [part.partition("=") for part in text.split(",") if part.strip()]
        return {name.strip(): _count(count) for name, _, count in pairs}

    return PlanField("tools with whole numbers, such as mx_check=50", check, from_text)


FIELDS: dict[str, PlanField] = {
    "target": _whole("target"),
    "icp.keywords": _listed("a list of words to search for", _exactly(as_keyword)),
    "icp.languages": _listed("a list of languages, such as python", as_language),
    "icp.stars_range": _stars(),
    "icp.activity_days": _whole("icp.activity_days"),
    "icp.topics": _listed("a list of GitHub topics: letters, digits and dashes", _exactly(as_topic)),
    "icp.location": _matching("a place, such as Berlin", as_place),
    "icp.roles": _listed(f"a list of {' and '.join(Role)}", _role),
    "icp.exclude": _listed("a list of words or topics", _exactly(as_exclusion)),
    "caps.max_steps": _whole("caps.max_steps"),
    "caps.max_repos": _whole("caps.max_repos"),
    "caps.max_people": _whole("caps.max_people"),
    "caps.max_tool_calls": _whole("caps.max_tool_calls"),
    "caps.max_tool_calls_per_kind": _counts(),
    "caps.top_authors_per_repo": _whole("caps.top_authors_per_repo"),
    "caps.checkpoint_every": _whole("caps.checkpoint_every"),
    "caps.budget_usd": _money(),
    "mode": _choice(list(Mode)),
    "channel": _choice(sorted(set(CHANNELS.values()))),
    "mailer": _choice(sorted(MAILERS), optional=True),
    "sequence_id": _matching("an id: letters, digits, dots, dashes", _as_id),
    "crm": _choice(sorted(CRMS), optional=True),
    "list_id": _matching("an id: letters, digits, dots, dashes", _as_id),
    "start_on": _day(),
    "until": _choice(list(Stage), optional=True),
}
"""Dotted name -> field; `goal` and `assumptions` are not set but follow from the sentence."""
_ALIASES = {"include_topics": "icp.topics", "stars": "icp.stars_range", "active_days": "icp.activity_days"}


def find_field(name: str) -> str | None:
    """The dotted name of the field that `name` means; `max_repos` and `caps.max_repos` are the same."""
    if name in FIELDS:
        return name
    return _ALIASES.get(name) or next((key for key in FIELDS if key.endswith(f".{name}")), None)


def nearest_field(name: str) -> str | None:
    """The known field whose name is most like `name`, if any is."""
    names = {key.rpartition(".")[2]: key for key in FIELDS} | {key: key for key in FIELDS} | _ALIASES
    near = get_close_matches(name.lower().replace("-", "_"), names, 1, 0.6)
    return names[near[0]] if near else None


def check_field(key: str, value: Any) -> Any:
    """The plain value that the field `key` takes.

    Raises:
        ValueError: the value does not fit; `FIELDS[key].expects` says what would.
    """
    field = FIELDS[key]
    if value is None or value == "":
        if not field.optional:
            raise ValueError
        return None
    return field.check(value)


def change_plan(plan: Plan, changes: Mapping[str, str]) -> Plan:
    """`plan` with settings changed by their names, as in `cmo jobs set JOB max_repos=800 stars_range=50..500`.

    Args:
        changes: Name, dotted or not -> text. Lists are comma separated; `none` or nothing empties an optional field.
    Raises:
        ConfigError: an unknown name, or a value that does not fit.
    """
    values: dict[str, Any] = {}
    for name, text in changes.items():
        key = find_field(name.strip().lower().replace("-", "_"))
        if key is None:
            raise _unknown(name)
        values[key] = _read_text(key, name, text)
    return changed(plan, values, plan)


_ANY = ("any", "all", "anywhere")


def _example(key: str) -> str:
    """A value that the field takes, as text."""
    field = FIELDS[key]
    if "such as " in field.expects:
        return field.expects.rpartition("such as ")[2]
    if field.expects.startswith("one of "):
        return field.expects.removeprefix("one of ").partition(",")[0]
    if field.expects.startswith(("a whole number", "an amount")):
        return "20"
    return {"icp.roles": "maintainer", "icp.topics": "ci,testing"}.get(key, "abc")


def _read_text(key: str, name: str, text: str) -> Any:
    field = FIELDS[key]
    word = text.strip().rstrip(",").lower()
    is_none = field.optional and word in ("", "none", "off", "null", *(_ANY if key == "icp.location" else ()))
    if field.expects.startswith("a list") and word in ("none", *_ANY):
        return []
    try:
        return None if is_none else check_field(key, field.from_text(text))
    except (ValueError, ArithmeticError) as exc:
        shown = clean_line(text, limit=60)
        raise ConfigError(
            f"{name} must be {field.expects}, not “{shown}”.",
            hint=f"For example: {name}={_example(key)}",
            details={"key": key},
        ) from exc


def _unknown(name: str) -> ConfigError:
    shown, near = clean_line(name, limit=60), nearest_field(name)
    hint = f"Did you mean {near.rpartition('.')[2]}?" if near else f"Known: {', '.join(FIELDS)}."
    return ConfigError(f"A job has no setting “{shown}”.", hint=hint, details={"key": shown, "nearest": near})
