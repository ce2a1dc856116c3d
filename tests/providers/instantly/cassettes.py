"""Recorded exchanges of the sending services: how they are made, and how a client plays them back.

Neither service can be reached where the tests run, so they are recorded against the sandbox and say so; its people are
invented. To record anew, after a change of what we send: `python -m tests.providers.instantly.cassettes`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import vcr
import yaml

from cmo.domain.outward import Letter
from cmo.providers.ports import Mailer
from cmo.sandbox.vendors.instantly import ACTIVE_ID, ELSEWHERE
from cmo.sandbox.vendors.smartlead import ACTIVE_ID as SMARTLEAD_ID
from tests.fakes.clock import StillClock
from tests.providers.instantly import world as instantly
from tests.providers.smartlead import world as smartlead

FOLDER = Path(__file__).parents[3] / "cassettes"
NOTE = "# Recorded against cmo's sandbox, not against the service: people and addresses are invented.\n"
ADDRESSES = ("ann@meadow.example", "blocked@meadow.example", ELSEWHERE)


@dataclass(frozen=True)
class Service:
    """One sending service as it is recorded."""

    world: Any
    """Its test module: `client`, `letter`, `outside`, `ENROL`."""
    host: str
    """Where it really is."""
    campaign_id: str


SERVICES = {
    "instantly": Service(instantly, "https://api.instantly.ai", ACTIVE_ID),
    "smartlead": Service(smartlead, "https://server.smartlead.ai", SMARTLEAD_ID),
}


class Noted:
    """YAML with a note on where it comes from."""

    @staticmethod
    def serialize(cassette: dict[str, Any]) -> str:
        return NOTE + str(yaml.safe_dump(cassette, allow_unicode=True, width=120))

    @staticmethod
    def deserialize(text: str) -> Any:
        return yaml.safe_load(text)


def play(name: str, *, recorded_at: str | None = None, clock: StillClock | None = None) -> tuple[Any, Any]:
    """What a small campaign of the service `name` gives, and its cassette.

    Args:
        recorded_at: Where the sandbox plays the service; None to play the cassette.
        clock: The sandbox's.
    """
    service = SERVICES[name]

    def at_home(request: Any) -> Any:
        if recorded_at is not None:
            request.uri = request.uri.replace(recorded_at, service.host)
        return request

    tape = vcr.VCR(
        record_mode="none" if recorded_at is None else "all",
        match_on=["method", "scheme", "host", "port", "path", "query", "body"],
        filter_headers=["authorization", "user-agent", "accept-encoding", "connection", "host"],
        filter_query_parameters=["api_key"],
        before_record_request=at_home,
    )
    tape.register_serializer("noted", Noted)

    async def act() -> list[Any]:
        async with service.world.client(recorded_at or service.host, clock=clock or StillClock()) as mailer:
            letters = [service.world.letter(email) for email in ADDRESSES]
            return await small_campaign(mailer, service.campaign_id, service.world.ENROL, letters)

    with tape.use_cassette(str(FOLDER / name / "campaign.yaml"), serializer="noted") as cassette:
        return asyncio.run(act()), cassette


async def small_campaign(mailer: Mailer, campaign_id: str, operation: str, letters: Sequence[Letter]) -> list[Any]:
    """Look at a campaign, add people, look them up, pause it."""
    given = [
        await mailer.probe(),
        await mailer.sequence(campaign_id),
        *await mailer.write(operation, letters),
        *await mailer.look_up(operation, letters),
        await mailer.pause(campaign_id),
    ]
    return [row.model_dump(mode="json") for row in given]


def main() -> None:
    """Record both services, and what they gave."""
    for name, service in SERVICES.items():
        (FOLDER / name).mkdir(exist_ok=True)
        (FOLDER / name / "campaign.yaml").unlink(missing_ok=True)
        with service.world.outside() as there:
            given, _ = play(name, recorded_at=there.url, clock=there.clock)
        (FOLDER / name / "campaign.json").write_text(json.dumps(given, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
