"""What a model's answer means: a call that the planner schemas allow, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from cmo.config.secrets import mask_addresses, redact
from cmo.domain.text import clean_line
from cmo.graph.planner import ToolCall, Trouble
from cmo.graph.planners.arguments import ArgumentsUnfit, Schema, read_arguments

MOST_MESSAGE_CHARS = 200
MOST_TOKENS_COUNTED = 10_000_000
"""Of one answer; a server that reports more is not believed."""
SAME_CALLS = 3
"""This often in a row without an effect is a loop."""

_WITHOUT_EFFECT = frozenset({"pages", "processed", "failed", "item_failed", "checkpoint_written"})
"""Counts of a step's result that may rise although nothing is gained."""


@dataclass(frozen=True)
class WrittenCall:
    """A tool call as it came: nothing of it is to be trusted."""

    tool: str
    arguments: str


@dataclass(frozen=True)
class Answer:
    """One completion, as far as planning needs it."""

    calls: tuple[WrittenCall, ...] = ()
    text: str = ""
    refusal: str = ""
    finish_reason: str = ""
    tokens: int = 0


@dataclass(frozen=True)
class Failure:
    """Why there is no call."""

    trouble: Trouble
    is_final: bool = False
    """Asking this service again is of no use."""


def failure(kind: str, message: str, *, is_final: bool = False) -> Failure:
    """A trouble with `message` fit for the record."""
    return Failure(Trouble(kind=kind, message=harmless(message)), is_final)


def harmless(text: str) -> str:
    """Words from outside on one short line, without keys and addresses."""
    masked = mask_addresses(redact(clean_line(text[:50_000], limit=10_000)))  # masked before the cut: no half of a key
    return clean_line(masked, limit=MOST_MESSAGE_CHARS)


def parse_answer(body: bytes) -> Answer | None:
    """The completion in `body`; None where that is no chat completion. Unknown fields are ignored.

    Source: the `openai` package's types/chat/chat_completion.py
    """
    try:
        found = _Completion.model_validate_json(body)
    except ValidationError:
        return None
    tokens = _tokens(found.usage)
    if not found.choices:
        return Answer(tokens=tokens)
    choice = found.choices[0]
    calls = tuple(call.function for call in choice.message.tool_calls or () if call.function is not None)
    return Answer(
        calls=tuple(WrittenCall(tool=call.name, arguments=call.arguments or "") for call in calls),
        text=choice.message.content if isinstance(choice.message.content, str) else "",
        refusal=choice.message.refusal or "",
        finish_reason=choice.finish_reason or "",
        tokens=tokens,
    )


def read_call(answer: Answer, schemas: Mapping[str, Schema]) -> ToolCall | Failure:
    """The first call of `answer`, checked.

    Args:
        schemas: Tool name -> its planner schema.
    """
    if answer.refusal or answer.finish_reason == "content_filter":
        return failure("refusal", f"The model refused: {answer.refusal or 'content filter'}")
    if not answer.calls:
        cut = answer.finish_reason == "length"
        told = "The answer was cut off before a tool call." if cut else f"No tool call, but text: {answer.text}"
        return failure("no_call", told)
    first, *rest = answer.calls
    if first.tool not in schemas:
        return failure("unknown_tool", f"There is no tool called {first.tool}")
    try:
        args = read_arguments(first.arguments, schemas[first.tool])
    except ArgumentsUnfit as exc:
        return failure("bad_arguments", f"{first.tool}: {exc}")
    notes = (answer.text, f"({len(rest)} more calls in the same answer were left out)" if rest else "")
    return ToolCall(tool=first.tool, args=args, why=harmless(" ".join(filter(None, notes))))


def is_loop(call: ToolCall, turns: Sequence[Mapping[str, Any]]) -> bool:
    """Whether `call` would be the third in a row that is the same and moves nothing.

    Args:
        turns: The last turns, oldest first, as `Situation.messages`; one without `args` is judged by its tool.
    """
    last = turns[-(SAME_CALLS - 1) :]
    return len(last) == SAME_CALLS - 1 and all(_is_vain_repetition(call, turn) for turn in last)


def _is_vain_repetition(call: ToolCall, turn: Mapping[str, Any]) -> bool:
    result = turn.get("result") or {}
    moved = any(type(n) is int and n > 0 for name, n in result.items() if name not in _WITHOUT_EFFECT)
    return turn.get("tool") == call.tool and turn.get("args", call.args) == call.args and not moved


def _tokens(usage: Any) -> int:
    total = usage.get("total_tokens") if isinstance(usage, dict) else None
    return max(0, min(total, MOST_TOKENS_COUNTED)) if type(total) is int else 0


class _Tolerant(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Function(_Tolerant):
    name: str
    arguments: str | None = None


class _Call(_Tolerant):
    function: _Function | None = None


class _Message(_Tolerant):
    content: Any = None
    refusal: str | None = None
    tool_calls: list[_Call] | None = None


class _Choice(_Tolerant):
    message: _Message
    finish_reason: str | None = None


class _Completion(_Tolerant):
    choices: list[_Choice]
    usage: Any = None
