"""What a model is told: how to plan, where the job stands, and, fenced as data, the operator's words.

Nothing of a lead is in it: no name, login, address or list. Of the last turns only counts are told. Everything has a
limit, so that a prompt is as long at a million leads as at ten.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from cmo.config.secrets import mask_addresses, redact
from cmo.domain.event import KINDS
from cmo.domain.job import ATTIO_CSV, PROSPECTS_CSV
from cmo.domain.text import clean_line
from cmo.graph import rails
from cmo.graph.planner import Situation, ToolCall

MOST_TURNS = 10
MOST_FOLLOW_UPS = 5
MOST_SENTENCE_CHARS = 400
MOST_WORDS = 20
MOST_WORD_CHARS = 60

_OUTCOME = re.compile(r"(dropped|mx)_[a-z_]{1,20}")
_COUNTS = frozenset({*KINDS, "pages", "processed", "failed", "leads_accepted", "leads_rejected"})
_FILES = {"prospects": PROSPECTS_CSV, "attio": ATTIO_CSV}
_STATES = frozenset({"finished", "refused", "running"})

Message = dict[str, str]


def messages_for(situation: Situation, *, tools: Sequence[str], marker: str) -> list[Message]:
    """The conversation that asks for the next call.

    Args:
        tools: Names of the tools that may be called.
        marker: Random and new for each conversation: what closes the fence cannot be guessed by who wrote the data.
    """
    told = "\n".join(
        (
            f"Choose the call for step {situation.step}. The marker of this message is {marker}.",
            _json(_standing(situation, tools)),
            _fenced("operator", _operators_words(situation), marker),
        )
    )
    return [{"role": "system", "content": instructions()}, {"role": "user", "content": told}]


def correction(problem: str) -> Message:
    """Tells a model what was wrong with its call.

    Args:
        problem: In our words, without anything the model wrote.
    """
    told = f"That call was refused: {problem}. Call one tool again; its arguments must fit its schema exactly."
    return {"role": "user", "content": told}


def instructions() -> str:
    """The system message; the same in every conversation."""
    return files("cmo.graph").joinpath("prompts/planner.md").read_text(encoding="utf-8").strip()


def _standing(situation: Situation, tools: Sequence[str]) -> dict[str, Any]:
    plan = situation.plan
    icp = plan.icp
    return {
        "plan": {
            "target": plan.target,
            "mode": plan.mode.value,
            "until": plan.until.value if plan.until else None,
            "stars": str(icp.stars_range),
            "activity_days": icp.activity_days,
            "caps": plan.caps.model_dump(include={"max_steps", "max_repos", "max_people"}),
        },
        "stage": situation.stage.value,
        "steps_left": situation.steps_left,
        "counts": situation.progress.model_dump(),
        "room": {"repos": situation.room_repos, "people": situation.room_people},
        "search": {"open": situation.search_open, "can_widen": situation.can_widen},
        "tools": {name: _tool(situation, name) for name in tools},
        "rows_exported": {what: situation.files.get(path) for what, path in _FILES.items()},
        "last_turns": [_turn(turn, tools) for turn in situation.messages[-MOST_TURNS:]],
    }


def _tool(situation: Situation, name: str) -> dict[str, Any]:
    missing = rails.what_is_missing(ToolCall(tool=name, args={}), situation)
    left = {"calls_left": situation.tool_calls_left.get(name, 0)}
    return left if missing is None else {**left, "not_now": missing}


def _turn(turn: Mapping[str, Any], tools: Sequence[str]) -> dict[str, Any]:
    """A turn without any text but our own: its tool, its state and the counts of its result."""
    tool, state = turn.get("tool"), turn.get("state")
    counts = {name: n for name, n in (turn.get("result") or {}).items() if _is_count(name) and type(n) is int}
    return {
        "tool": tool if tool in tools else "other",
        "state": state if state in _STATES else "other",
        "counts": counts,
    }


def _is_count(name: str) -> bool:
    return name in _COUNTS or _OUTCOME.fullmatch(name) is not None


def _operators_words(situation: Situation) -> dict[str, Any]:
    plan, icp = situation.plan, situation.plan.icp
    lists = {
        "languages": icp.languages,
        "topics": icp.topics,
        "keywords": icp.keywords,
        "exclude": icp.exclude,
        "location": (icp.location,) if icp.location else (),
        "roles": tuple(role.value for role in icp.roles),
    }
    return {
        "goal": _words(plan.goal, MOST_SENTENCE_CHARS),
        **{name: [_words(word, MOST_WORD_CHARS) for word in found[:MOST_WORDS]] for name, found in lists.items()},
        "said_meanwhile": [_words(text, MOST_SENTENCE_CHARS) for text in situation.follow_ups[-MOST_FOLLOW_UPS:]],
    }


def _words(text: str, limit: int) -> str:
    return clean_line(mask_addresses(redact(clean_line(text, limit=limit * 4))), limit=limit)


def _fenced(label: str, content: object, marker: str) -> str:
    return f"<data {marker} from={label}>\n{_json(content)}\n</data {marker}>"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
