"""A client of a sending service, pointed at the service's twin behind a door."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from cmo.domain.outward import Letter, Receipt
from cmo.sandbox.vendors.door import Door
from cmo.sandbox.vendors.sending import SendingTwin
from tests.fakes.clock import NOON, StillClock

ClientT = TypeVar("ClientT")
TwinT = TypeVar("TwinT", bound=SendingTwin)
T = TypeVar("T")


def letter(email: str, campaign_id: str, **changed: Any) -> Letter:
    """An approved letter."""
    fields: dict[str, Any] = {
        "key": f"{email}|email|{campaign_id}|first_touch",
        "step": "first_touch",
        "to_email": email,
        "first_name": "Ann",
        "last_name": "Moss",
        "company": "Meadow & Sons",
        "from_email": "ada@send-one.example",
        "subject": "Flaky tests in <pytest> & co",
        "body": 'Hi Ann,\n\n  I read "it\'s flaky" & liked a<b.\nReply "no" and I stop.\n',
        "message_id": "m1@send-one.example",
        "sequence_id": campaign_id,
        "written_at": NOON,
    }
    return Letter.model_validate(fields | changed)


@dataclass(frozen=True)
class Outside(Generic[ClientT, TwinT]):
    """The twin, its door, and where it is."""

    twin: TwinT
    door: Door
    url: str
    clock: StillClock
    client: Callable[..., Any]
    """Makes one for a URL; an async context manager."""
    operation: str
    timeout_s: float
    pause_s: float = 0.0
    """Between one client and the next."""

    def run(self, use: Callable[[ClientT], Awaitable[T]], **options: Any) -> T:
        """What `use` returns for a client of its own."""

        async def go() -> T:
            async with self.client(self.url, **{"clock": self.clock, "timeout_s": self.timeout_s, **options}) as client:
                return await use(client)

        self.clock.advance(self.pause_s)
        return asyncio.run(go())

    def write(self, *letters: Letter) -> tuple[Receipt, ...]:
        def use(client: Any) -> Awaitable[tuple[Receipt, ...]]:
            given: Awaitable[tuple[Receipt, ...]] = client.write(self.operation, letters)
            return given

        return self.run(use)

    def look_up(self, *letters: Letter) -> tuple[Receipt, ...]:
        def use(client: Any) -> Awaitable[tuple[Receipt, ...]]:
            given: Awaitable[tuple[Receipt, ...]] = client.look_up(self.operation, letters)
            return given

        return self.run(use)

    def texts(self) -> dict[str, tuple[str, str]]:
        """Address -> subject and body as they arrived."""
        return {mail.to_email: (mail.subject, mail.body) for mail in self.twin.sent}

    def has(self, letter: Letter) -> bool:
        return bool(self.twin.floor.find(letter.to_email, campaign_id=letter.sequence_id))
