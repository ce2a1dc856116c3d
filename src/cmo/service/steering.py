"""Saying something to a job, with what it will mean once it is read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from cmo.config import Settings
from cmo.domain.follow_up import FollowUp, parse_follow_up
from cmo.service import job_hand
from cmo.service.store import clock_of, reader, resolve_job, summary
from cmo.store.chat_views import ChatLine


@dataclass(frozen=True)
class Said:
    """A message that waits to be read."""

    message: int
    when: str
    """When it is read, in words."""
    reading: FollowUp
    """What the rules make of it now."""


def tell(settings: Settings, ref: str | None, text: str, *, later: bool = False) -> Said:
    """Steer the job.

    Raises:
        ConfigError: there is nothing to say, or it looks like a key.
        JobNotFound, JobNotResumable
    """
    message = job_hand.say(settings, ref, text, later=later)
    when = "after the present stage" if later else "at the next step"
    return Said(message, when, _reading(settings, ref, text))


def _reading(settings: Settings, ref: str | None, text: str) -> FollowUp:
    with reader(settings) as conn:
        found = summary(settings, conn, resolve_job(conn, ref))
    today = clock_of(settings).now().date()
    return parse_follow_up(text, found.job.plan, today=today, repos_found=found.progress.repos)


def answer_words(line: ChatLine) -> str:
    """What came of a message."""
    match line.state:
        case "read":
            return f"read at step {line.step} · {line.told}"
        case "dropped":
            return "taken back before it was read"
        case _:
            return f"queued, read {read_when(line)}"


def read_when(line: ChatLine) -> str:
    """When a message that waits is read."""
    return f"after {line.stage}" if line.is_later else "at the next step"


def call_words(line: ChatLine) -> str:
    """A call of a tool on one line: what it came to, how long it took, what it was called with."""
    args = " ".join(f"{name}:{_value(value)}" for name, value in line.args.items())
    if line.state == "refused":
        return f"{line.text}  refused: {line.told}"
    if line.result is None or line.ended_at is None:
        return f"{line.text}  {line.state}  {args}".rstrip()
    failed = line.result.get("failed")
    done = f"{line.result.get('processed', 0):,}" + (f", {failed:,} failed" if failed else "")
    return f"{line.text}  {done} in {_long((line.ended_at - line.at).total_seconds())}  {args}".rstrip()


def whole(line: ChatLine) -> str:
    """Everything about a line; nothing is cut."""
    if line.kind != "call":
        return f"{line.text}\n\n{answer_words(line)}"
    took = f" in {_long((line.ended_at - line.at).total_seconds())}" if line.ended_at else ""
    parts = [f"step {line.n}: {line.text}, {line.state}{took}", line.told]
    parts += ["", "called with", *_fields(line.args)]
    if line.result is not None:
        parts += ["", "answered", *_fields(line.result)]
    return "\n".join(parts)


def _fields(values: dict[str, Any]) -> list[str]:
    return [f"  {name}: {_value(value)}" for name, value in values.items()]


def _long(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _value(value: Any) -> str:
    if isinstance(value, dict) and set(value) == {"low", "high"}:
        return f"{value['low']}..{value['high']}"
    if isinstance(value, list):
        return ",".join(map(_value, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
