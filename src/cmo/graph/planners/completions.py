"""One model behind an OpenAI-compatible API: how it is asked, and what its service's errors mean.

`openai` is imported where it is used: it takes most of a second. The client is ours in two respects: it follows no
redirect, so that neither key nor prompt reaches another host, and it counts the requests that leave.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cmo.config.secrets import Secret
from cmo.graph.planner import Trouble
from cmo.graph.planners.answers import Answer, Failure, failure, parse_answer
from cmo.providers.ports import Meter

if TYPE_CHECKING:
    from httpx2 import Request
    from openai import APIStatusError, AsyncOpenAI

OPENAI_URL = "https://api.openai.com/v1"
MAX_RETRIES = 1
"""By the client, after its own short wait; the rules planner is a better answer than a long one."""
MOST_TOKENS = 4_000
"""Of one answer, thinking included."""

OPTIONS: Mapping[str, Any] = {
    "tool_choice": "required",
    "parallel_tool_calls": False,
    "temperature": 0,
    "max_completion_tokens": MOST_TOKENS,
}
"""Fields that some servers or models refuse; they are left out once that has happened."""

_NO_QUOTA = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})


@dataclass(frozen=True)
class Endpoint:
    """Where a model is, and the key to it."""

    provider: str
    """`openai`, which is any compatible server, or `azure_openai`."""
    api_key: Secret
    base_url: str
    """Empty means OpenAI's own."""
    azure_endpoint: str
    api_version: str

    @property
    def url(self) -> str:
        return self.azure_endpoint if self.provider == "azure_openai" else self.base_url or OPENAI_URL

    def what_is_missing(self) -> str | None:
        """The setting without which nothing can be asked, in words for the operator."""
        if self.provider == "azure_openai":
            if not self.azure_endpoint:
                return "Azure OpenAI has no endpoint: set AZURE_OPENAI_ENDPOINT."
            if not self.api_version:
                return "Azure OpenAI has no API version: set OPENAI_API_VERSION."
        if not self.api_key and (self.provider == "azure_openai" or not self.base_url):
            return f"No key for {self.provider}: cmo auth set {self.provider}"
        return None


class Completions:
    """Asks one model for tool calls; remembers which options its server refused."""

    def __init__(
        self, client: AsyncOpenAI, *, model: str, tools: Sequence[dict[str, Any]], timeout_s: float, meter: Meter
    ) -> None:
        self._client = client
        self._model = model
        self._tools = [{"type": "function", "function": tool} for tool in tools]
        self._patience_s = timeout_s * (MAX_RETRIES + 2)
        self._meter = meter
        self._options = dict(OPTIONS)

    async def ask(self, messages: Sequence[dict[str, str]]) -> Answer | Failure:
        """One completion. Never raises for what the service does."""
        from openai import OpenAIError

        try:
            async with asyncio.timeout(self._patience_s):  # the client limits each read, and honours long Retry-Afters
                body = await self._post(messages)
        except (OpenAIError, TimeoutError) as exc:
            return _failure_of(exc)
        except UnicodeError:
            return failure("rejected", "The request cannot be sent: the key has characters that no header may have.")
        answer = parse_answer(body)
        if answer is None:
            return failure("unreachable", "The server's answer is no chat completion.")
        self._meter.add("tokens_used", answer.tokens)
        return answer

    async def _post(self, messages: Sequence[dict[str, str]]) -> bytes:
        from openai import BadRequestError, UnprocessableEntityError

        asked: dict[str, Any] = {"model": self._model, "messages": messages, "tools": self._tools}
        options = dict(self._options)
        while True:
            try:
                raw = await self._client.chat.completions.with_raw_response.create(**asked, **options)
            except (BadRequestError, UnprocessableEntityError) as exc:
                simpler = _without_refused(options, exc)
                if simpler is None:
                    raise
                options = simpler
            else:
                self._options = options
                content: bytes = raw.content
                return content


@asynccontextmanager
async def open_client(endpoint: Endpoint, *, timeout_s: float, meter: Meter) -> AsyncIterator[AsyncOpenAI]:
    """A client for `endpoint`, closed at the end. Proxies of the environment are not used for this machine."""
    from openai import AsyncAzureOpenAI, AsyncOpenAI, DefaultAsyncHttpxClient

    async def count(request: Request) -> None:
        meter.add("openai_api_calls")

    transport = DefaultAsyncHttpxClient(
        timeout=timeout_s,
        follow_redirects=False,
        trust_env=not _is_loopback(endpoint.url),
        event_hooks={"request": [count]},
    )
    shared: dict[str, Any] = {
        "api_key": endpoint.api_key.reveal() or "none",  # a server of one's own may need no key, the client does
        "timeout": timeout_s,
        "max_retries": MAX_RETRIES,
        "http_client": transport,
    }
    client: AsyncOpenAI
    if endpoint.provider == "azure_openai":
        client = AsyncAzureOpenAI(azure_endpoint=endpoint.url, api_version=endpoint.api_version, **shared)
    else:
        client = AsyncOpenAI(base_url=endpoint.url, **shared)
    async with client:
        yield client


async def probe(endpoint: Endpoint, *, timeout_s: float) -> Trouble | None:
    """What is wrong with the key or the server, found by one call that costs no tokens; None when nothing is."""
    from openai import NotFoundError, OpenAIError

    missing = endpoint.what_is_missing()
    if missing is not None:
        return failure("rejected", missing).trouble
    try:
        async with asyncio.timeout(timeout_s), open_client(endpoint, timeout_s=timeout_s, meter=Meter()) as client:
            await client.models.with_raw_response.list()
    except NotFoundError:
        return None  # not every compatible server lists its models; the key was not refused
    except (OpenAIError, TimeoutError) as exc:
        return _failure_of(exc).trouble
    return None


def _without_refused(options: Mapping[str, Any], refusal: APIStatusError) -> dict[str, Any] | None:
    """`options` without those that a 400 or 422 is about; None where it is about something else."""
    param = str(refusal.param or "").rpartition(".")[2]
    refused = {param} & set(options) or {
        name for name in options if re.search(rf"\b{name}\b", f"{refusal.message} {refusal.body}")
    }
    if not refused or "max_tokens" in refused:
        return None
    kept = {name: value for name, value in options.items() if name not in refused}
    if "max_completion_tokens" in refused:
        kept["max_tokens"] = MOST_TOKENS
    return kept


def _failure_of(exc: Exception) -> Failure:
    from openai import APIStatusError, APITimeoutError

    match exc:
        case APITimeoutError() | TimeoutError():
            return failure("timeout", "No answer in time (model.timeout_s).")
        case APIStatusError():
            return _failure_of_status(exc)
        case _:
            return failure("unreachable", f"The model cannot be reached: {type(exc.__cause__ or exc).__name__}")


def _failure_of_status(exc: APIStatusError) -> Failure:
    status, words = exc.status_code, {str(exc.code), str(exc.type)}
    told = exc.body.get("message") if isinstance(exc.body, dict) else None
    message = f"{status}: {told or 'no reason given'}"
    if status == 402 or (status in (400, 429) and words & _NO_QUOTA):
        return failure("quota", f"No quota is left, so the rules plan from here on. {message}", is_final=True)
    if status == 429:
        return failure("quota", message)
    if "content_filter" in words:
        return failure("refusal", message)
    if status < 400:
        return failure("unreachable", f"{status}: the server redirects, which is not followed. Check OPENAI_BASE_URL.")
    if status in (408, 409) or status >= 500:
        return failure("unreachable", message)
    return failure("rejected", message)


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
