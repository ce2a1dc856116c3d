"""What the tests of the model planner share: situations, a planner opened on the scripted server, and its decisions."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from itertools import count
from typing import Any

import jsonschema

from cmo.domain.job import Icp, Plan, Stage
from cmo.graph.planner import Decision, Planner, Situation
from cmo.graph.planners.openai import open_model_planner
from cmo.graph.planners.rules import RulesPlanner
from cmo.store.progress import Progress
from cmo.tools.registry import TOOLS, schemas
from tests.fakes.model_server import Asked, ModelServer, Reply, model_server

KEY = "sk-planted-0123456789abcdef"
SEARCH = ("search_github_repos", {"max_repos": 40})
SCHEMAS: dict[str, Any] = {tool["name"]: tool["parameters"] for tool in schemas(planner=True)}

PLANTED = ("jane.roe", "octojane", "Jane Roe", "example.org", "ghp_0123456789abcdefghij", KEY)
"""Of a lead, or secret: no request may contain any of it."""

_FUNCTION = {
    "type": "object",
    "properties": {
        "name": {"enum": list(SCHEMAS)},
        "description": {"type": "string"},
        "parameters": {"type": "object"},
    },
    "required": ["name", "description", "parameters"],
    "additionalProperties": False,
}
CONTRACT = {
    "type": "object",
    "properties": {
        "model": {"type": "string"},
        "messages": {
            "type": "array",
            "minItems": 2,
            "items": {
                "type": "object",
                "properties": {"role": {"enum": ["system", "user"]}, "content": {"type": "string"}},
                "required": ["role", "content"],
                "additionalProperties": False,
            },
        },
        "tools": {
            "type": "array",
            "minItems": len(SCHEMAS),
            "items": {
                "type": "object",
                "properties": {"type": {"const": "function"}, "function": _FUNCTION},
                "required": ["type", "function"],
                "additionalProperties": False,
            },
        },
        "tool_choice": {"const": "required"},
        "parallel_tool_calls": {"const": False},
        "temperature": {"const": 0},
        "max_completion_tokens": {"const": 4000},
        "max_tokens": {"const": 4000},
    },
    "required": ["model", "messages", "tools"],
    "additionalProperties": False,
}
"""A request body, as contracts/data/openai.exchanges.json and contracts/openai.md have it."""


def situation_factory(*, counts: dict[str, int] | None = None, **changes: Any) -> Situation:
    """A fresh job, for which the rules call search_github_repos; each argument changes a field."""
    values: dict[str, Any] = {
        "plan": Plan(goal="find 100 py maintainers", target=100, icp=Icp(topics=("testing",))),
        "step": 1,
        "steps_left": 40,
        "stage": Stage.DISCOVER,
        "progress": Progress.model_validate({**dict.fromkeys(Progress.model_fields, 0), **(counts or {})}),
        "tool_calls_left": {tool.name: 5 for tool in TOOLS},
        "room_repos": 600,
        "room_people": 3000,
        "search_open": True,
        "can_widen": True,
        "files": {},
        "messages": (),
        "follow_ups": (),
    }
    return Situation.model_validate({**values, **changes})


def turn(tool: str = SEARCH[0], *, args: Any = SEARCH[1], state: str = "finished", **result: Any) -> dict[str, Any]:
    """A turn as the agent tells it."""
    return {"step": 1, "tool": tool, "args": args, "state": state, "result": result}


def open_on(url: str, **changes: Any) -> AbstractAsyncContextManager[Planner]:
    """A planner of the server at `url`; its fences are marked marker-1, marker-2, …"""
    markers = count(1)
    values: dict[str, Any] = {
        "provider": "openai",
        "model": "m",
        "api_key": KEY,
        "base_url": url,
        "azure_endpoint": "",
        "api_version": "",
        "timeout_s": 20.0,
        "tools": schemas(planner=True),
        "fallback": RulesPlanner(),
        "new_marker": lambda: f"marker-{next(markers)}",
    }
    return open_model_planner(**{**values, **changes})


async def decided(url: str, *situations: Situation, **changes: Any) -> list[Decision]:
    """The decisions of one planner, in turn."""
    async with open_on(url, **changes) as planner:
        return [await planner.decide(situation) for situation in situations]


def decide_after(
    *script: Reply, situation: Situation | None = None, times: int = 1, **changes: Any
) -> tuple[list[Decision], list[Asked]]:
    """The decisions of one planner over a server with this script, and what the server was asked.

    Every request must be within contract and free of what is planted.
    """
    with model_server(*script) as server:
        found = asyncio.run(decided(server.url, *[situation or situation_factory()] * times, **changes))
    assert_clean(server)
    return found, server.asked


def assert_clean(server: ModelServer) -> None:
    for asked in server.asked:
        jsonschema.validate(asked.body, CONTRACT)
        assert not [planted for planted in PLANTED if planted in asked.raw.decode()]


@contextmanager
def closed_port() -> Iterator[str]:
    """The base URL of a server that is gone."""
    with model_server(Reply()) as server:
        url = server.url
    yield url
