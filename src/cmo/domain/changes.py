"""Changing the plan of a job by hand: `max_repos=800 stars_range=50..500`."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from cmo.domain.job import Caps, Icp, Plan
from cmo.errors import ConfigError

_ICP = ("languages", "topics", "keywords", "exclude", "roles", "location", "stars_range", "activity_days")
_CAPS = (
    "max_steps",
    "max_repos",
    "max_people",
    "max_tool_calls",
    "top_authors_per_repo",
    "checkpoint_every",
    "budget_usd",
)
_TOP = ("target", "mode", "sequence_id", "list_id", "start_on", "until")
CHANGEABLE = (*_TOP, *_CAPS, *_ICP)
"""What `change_plan` can change."""
_LISTS = frozenset(("languages", "topics", "keywords", "exclude", "roles"))
M = TypeVar("M", bound=BaseModel)
_NONE = frozenset(("", "none", "null"))


def change_plan(plan: Plan, changes: Mapping[str, str]) -> Plan:
    """`plan` with each setting of `changes` read from text.

    Lists are comma-separated; `none` empties what may be empty.

    Raises:
        ConfigError: an unknown setting (names the nearest), or a value that it cannot have.
    """
    unknown = next((name for name in changes if name not in CHANGEABLE), None)
    if unknown is not None:
        near = get_close_matches(unknown, CHANGEABLE, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(CHANGEABLE)}."
        raise ConfigError(f"A job has no setting `{unknown}`.", hint=hint)
    values = {name: _read(name, text.strip()) for name, text in changes.items()}
    icp = _updated(plan.icp, Icp, values, _ICP)
    caps = _updated(plan.caps, Caps, values, _CAPS)
    return _updated(plan.model_copy(update={"icp": icp, "caps": caps}), Plan, values, _TOP)


def _read(name: str, text: str) -> Any:
    if name in _LISTS:
        return tuple(word.strip().lower() for word in text.split(",") if word.strip())
    if name == "stars_range":
        low, dots, high = text.partition("..")
        if not (dots and low.strip().isdigit() and high.strip().isdigit()):
            raise ConfigError(f"stars_range: `{text}` is no range.", hint="Write it as 100..2000")
        return {"low": int(low), "high": int(high)}
    return None if text.lower() in _NONE else text


def _updated(before: M, model: type[M], values: Mapping[str, Any], names: tuple[str, ...]) -> M:
    given = {name: values[name] for name in names if name in values}
    if not given:
        return before
    try:
        return model.model_validate({**before.model_dump(), **given})
    except ValidationError as exc:
        problem = exc.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in problem["loc"])
        raise ConfigError(f"{where}: {problem['msg']}.", hint="Nothing was changed.") from exc
