"""The recorded scene of HubSpot.

To record anew, after a change of what we send: `python -m tests.providers.hubspot.cassettes`.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from cmo.clock import ScaledClock
from cmo.config.secrets import Secret
from cmo.domain.outward import Receipt
from cmo.providers.hubspot import HubSpot
from cmo.providers.ports import Meter
from cmo.sandbox.vendors.hubspot import ACCESS_TOKEN
from tests.fakes.clock import NOON
from tests.providers.attio.tapes import player
from tests.providers.hubspot.rig import COMPANY, CONTACT, DEAL, NOTE, company, contact, hung, rig

CASSETTE = Path(__file__).parents[3] / "cassettes" / "hubspot" / "contacts.yaml"
HOST = "https://api.hubapi.com"


async def scene(client: HubSpot) -> list[Receipt]:
    """Two contacts, one of them refused; the other gets a company, a note and a deal; then all of it is looked up."""
    receipts = list(await client.write(CONTACT, [contact(), contact("no@address")]))
    contact_id = str(receipts[0].provider_id)
    told = hung(contact_id, happened_at=NOON)
    hanging = ((COMPANY, company(contact_id)), (NOTE, told), (DEAL, told))
    for operation, item in hanging:
        receipts += await client.write(operation, [item])
    for operation, item in ((CONTACT, contact()), *hanging):
        receipts += await client.look_up(operation, [item])
    return receipts


def play(*, base_url: str = HOST, record_from: str | None = None) -> tuple[list[Receipt], bool]:
    """What the scene gives, and whether the cassette was used to its end."""

    async def act() -> list[Receipt]:
        clock = ScaledClock(NOON, speed=1000.0)
        async with HubSpot(
            Secret(ACCESS_TOKEN), base_url=base_url, timeout_s=5.0, clock=clock, meter=Meter()
        ) as client:
            return await scene(client)

    with player(CASSETTE, host=HOST, record_from=record_from) as cassette:
        return asyncio.run(act()), cassette.all_played


def main() -> None:
    CASSETTE.unlink(missing_ok=True)
    with rig() as outside:
        play(base_url=outside.open.url, record_from=outside.open.url)


if __name__ == "__main__":
    main()
