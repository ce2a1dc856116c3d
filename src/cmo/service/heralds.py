"""Telling of milestones while a job runs: to the terminal by way of who runs it, to web hooks by one POST each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from cmo.clock import Clock
from cmo.config import Settings
from cmo.errors import ProviderError
from cmo.service.milestones import Milestone, milestones
from cmo.store import journal
from cmo.store.db import Connection
from cmo.store.events import last_seq

LOOK_S = 0.5
HOOK_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Ears:
    """Who hears of milestones in this process. Neither may raise."""

    ring: Callable[[Milestone], None] = lambda milestone: None
    warn: Callable[[str], None] = lambda text: None
    """Told of a web hook that did not take one."""


@asynccontextmanager
async def heralded(settings: Settings, conn: Connection, job_id: str, clock: Clock, ears: Ears) -> AsyncIterator[None]:
    """Tell of what the job comes to while the context lasts, of its end too; each once, and never what was before."""
    if not settings.notify:
        yield
        return
    herald = _Herald(settings, conn, job_id, clock, ears)
    over = asyncio.Event()
    work = asyncio.ensure_future(herald.watch(over))
    try:
        yield
    finally:
        over.set()
        await asyncio.gather(work, return_exceptions=True)


class _Herald:
    def __init__(self, settings: Settings, conn: Connection, job_id: str, clock: Clock, ears: Ears) -> None:
        self._settings, self._conn, self._job_id = settings, conn, job_id
        self._clock, self._ears = clock, ears
        self._hooks = [word for word in settings.notify if "://" in word]
        self._seen = last_seq(conn)

    async def watch(self, over: asyncio.Event) -> None:
        is_last = False
        while not is_last:
            with suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), LOOK_S)
            is_last = over.is_set()
            if journal.is_taken_over(self._conn, self._job_id):
                return
            for milestone in milestones(self._conn, self._job_id, after_seq=self._seen):
                self._seen = milestone.seq
                self._ears.ring(milestone)
                for hook in self._hooks:
                    await self._post(hook, milestone)

    async def _post(self, hook: str, milestone: Milestone) -> None:
        from cmo.providers.http import HttpClient

        client = HttpClient("webhook", clock=self._clock, timeout_s=HOOK_TIMEOUT_S, base_urls=(hook,))
        try:
            answer = await client.send("POST", hook, operation="tell of a milestone", json_body=self._body(milestone))
            trouble = "" if answer.status // 100 == 2 else f"it answered {answer.status}"
        except ProviderError as error:
            trouble = error.message
        finally:
            await client.close()
        if trouble:  # the address itself may be a secret: its host is all that is told
            host = urlsplit(hook).hostname
            self._ears.warn(f"The web hook at {host} was not told that {self._job_id} {milestone.text}: {trouble}.")

    def _body(self, milestone: Milestone) -> dict[str, object]:
        sandbox = self._settings.sandbox
        return {
            "schema": "cmo.milestone/1",
            "job_id": self._job_id,
            "milestone": milestone.kind,
            "at": milestone.at.isoformat(),
            "sandbox": sandbox,
            "text": milestone.sentence(self._job_id, sandbox=sandbox),
        }
