"""The recorded scene of Attio.

To record anew, after a change of what we send: `python -m tests.providers.attio.cassettes`.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from cmo.clock import ScaledClock
from cmo.config.secrets import Secret
from cmo.domain.outward import Receipt
from cmo.providers.attio import Attio
from cmo.providers.ports import Meter
from cmo.sandbox.vendors.attio import API_KEY
from tests.fakes.clock import NOON
from tests.providers.attio.rig import ENTRY, NOTE, PERSON, note, on_list, person, rig
from tests.providers.attio.tapes import player

CASSETTE = Path(__file__).parents[3] / "cassettes" / "attio" / "person.yaml"
HOST = "https://api.attio.com"


async def scene(client: Attio) -> list[Receipt]:
    """A person is created, renamed, put on the list and noted; then all of it is looked up."""
    (made,) = await client.write(PERSON, [person(name="A. Lovelace")])
    record_id = str(made.provider_id)
    hanging = ((ENTRY, on_list(record_id)), (NOTE, note(record_id)))
    receipts = [made, *await client.write(PERSON, [person()])]
    for operation, item in hanging:
        receipts += await client.write(operation, [item])
    for operation, item in ((PERSON, person()), *hanging):
        receipts += await client.look_up(operation, [item])
    return receipts


def play(*, base_url: str = HOST, record_from: str | None = None) -> tuple[list[Receipt], bool]:
    """What the scene gives, and whether the cassette was used to its end."""

    async def act() -> list[Receipt]:
        clock = ScaledClock(NOON, speed=1000.0)
        async with Attio(Secret(API_KEY), base_url=base_url, timeout_s=5.0, clock=clock, meter=Meter()) as client:
            return await scene(client)

    with player(CASSETTE, host=HOST, record_from=record_from) as cassette:
        return asyncio.run(act()), cassette.all_played


def main() -> None:
    CASSETTE.unlink(missing_ok=True)
    with rig() as outside:
        play(base_url=outside.open.url, record_from=outside.open.url)


if __name__ == "__main__":
    main()
