"""The planner that asks a model: any OpenAI-compatible server, by tool calling.

A model's word counts only as a call that fits a planner schema. Whatever else comes of asking is a trouble: it is
recorded, and the fallback's call is taken.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol

from cmo.config.secrets import Secret
from cmo.graph.planner import Decision, Planner, Situation, ToolCall
from cmo.graph.planners.answers import Answer, Failure, failure, is_loop, read_call
from cmo.graph.planners.arguments import require_checkable
from cmo.graph.planners.completions import Completions, Endpoint, open_client
from cmo.graph.planners.prompt import Message, correction, messages_for
from cmo.providers.ports import Meter


class Asks(Protocol):
    """A model, as far as planning needs it."""

    async def ask(self, messages: Sequence[Message]) -> Answer | Failure:
        """One answer. Never raises for what the model or its service does."""


class ModelPlanner:
    """Asks a model; once its service is of no further use, only the fallback."""

    def __init__(
        self,
        model: Asks,
        *,
        tools: Sequence[dict[str, Any]],
        fallback: Planner,
        meter: Meter,
        new_marker: Callable[[], str],
    ) -> None:
        """Raises ValueError where a tool's schema says what cannot be checked."""
        self._model = model
        self._schemas = {str(tool["name"]): tool["parameters"] for tool in tools}
        for schema in self._schemas.values():
            require_checkable(schema)
        self._fallback = fallback
        self._meter = meter
        self._new_marker = new_marker
        self._has_given_up = False

    async def decide(self, situation: Situation) -> Decision:
        """The model's call, or the fallback's with the trouble that the model was."""
        if self._has_given_up:
            return await self._fallback.decide(situation)
        before = self._meter.snapshot()
        found = await self._call(situation)
        usage = self._meter.since(before)
        if isinstance(found, ToolCall):
            return Decision(call=found, planner="openai", usage=usage)
        self._has_given_up = found.is_final
        instead = await self._fallback.decide(situation)
        return instead.model_copy(update={"troubles": (found.trouble,), "usage": {**instead.usage, **usage}})

    async def _call(self, situation: Situation) -> ToolCall | Failure:
        messages = messages_for(situation, tools=tuple(self._schemas), marker=self._new_marker())
        found = await self._ask(messages)
        if isinstance(found, Failure) and found.trouble.kind == "bad_arguments":
            found = await self._ask([*messages, correction(found.trouble.message)])
        if isinstance(found, ToolCall) and is_loop(found, situation.messages):
            return failure("loop", f"{found.tool} was called again and again, and nothing moved.")
        return found

    async def _ask(self, messages: Sequence[Message]) -> ToolCall | Failure:
        answer = await self._model.ask(messages)
        return answer if isinstance(answer, Failure) else read_call(answer, self._schemas)


class Unconfigured:
    """In place of a model whose settings are incomplete: says so once."""

    def __init__(self, missing: str) -> None:
        self._missing = missing

    async def ask(self, messages: Sequence[Message]) -> Failure:
        return failure("rejected", self._missing, is_final=True)


def random_marker() -> str:
    """128 random bits: nobody who writes data can guess it."""
    return secrets.token_hex(16)


@asynccontextmanager
async def open_model_planner(
    *,
    provider: str,
    model: str,
    api_key: str,
    base_url: str,
    azure_endpoint: str,
    api_version: str,
    timeout_s: float,
    tools: Sequence[dict[str, Any]],
    fallback: Planner,
    new_marker: Callable[[], str] = random_marker,
) -> AsyncIterator[ModelPlanner]:
    """A planner that asks `model`, while the context lasts.

    Args:
        provider: `openai` (any compatible server) or `azure_openai`.
        model: Its name; on Azure the name of the deployment.
        api_key: May be empty where `base_url` is a server that needs none.
        timeout_s: For one attempt; a question takes at most three times as long, its repetition included.
        tools: Of each its `name`, `description` and `parameters`, the JSON Schema of what a planner may say.
        fallback: Takes the step when the model cannot.
    """
    endpoint = Endpoint(provider, Secret(api_key), base_url, azure_endpoint, api_version)
    meter, missing = Meter(), endpoint.what_is_missing()
    if missing is not None:
        yield ModelPlanner(Unconfigured(missing), tools=tools, fallback=fallback, meter=meter, new_marker=new_marker)
        return
    async with open_client(endpoint, timeout_s=timeout_s, meter=meter) as client:
        completions = Completions(client, model=model, tools=tools, timeout_s=timeout_s, meter=meter)
        yield ModelPlanner(completions, tools=tools, fallback=fallback, meter=meter, new_marker=new_marker)
