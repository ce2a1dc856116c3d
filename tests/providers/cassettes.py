"""Recorded exchanges of the services that are written to: how they are made, and how the clients play them back.

None of the services can be reached where the tests run, so they are recorded against the sandbox and say so; its people
are invented. To record anew, after a change of what we send: `python -m tests.providers.cassettes`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import vcr
import yaml

from cmo.domain.base import Frozen
from cmo.domain.outward import Letter
from cmo.providers.ports import Mailer
from cmo.sandbox.vendors import instantly as instantly_twin
from cmo.sandbox.vendors import smartlead as smartlead_twin
from cmo.sandbox.vendors.linear import TEAM_ID
from tests.fakes.clock import NOON, StillClock
from tests.providers.attio import rig as attio
from tests.providers.gmail import rig as gmail
from tests.providers.hubspot import rig as hubspot
from tests.providers.instantly import world as instantly
from tests.providers.linear import rig as linear
from tests.providers.mail.letters import letter_of
from tests.providers.smartlead import world as smartlead

FOLDER = Path(__file__).parents[2] / "cassettes"
NOTE = "# Recorded against cmo's sandbox, not against the service: people and addresses are invented.\n"
ADDRESSES = ("ann@meadow.example", "blocked@meadow.example", instantly_twin.ELSEWHERE)


@dataclass(frozen=True)
class Scene:
    """What is recorded of one service."""

    host: str
    """Where it really is."""
    sandbox: Callable[[], AbstractContextManager[Any]]
    """Opens the service's twin; has `url` and `clock`."""
    act: Callable[[str, StillClock], Coroutine[Any, Any, Sequence[Frozen]]]


class Noted:
    """YAML with a note on where it comes from."""

    @staticmethod
    def serialize(cassette: dict[str, Any]) -> str:
        return NOTE + str(yaml.safe_dump(cassette, allow_unicode=True, width=120))

    @staticmethod
    def deserialize(text: str) -> Any:
        return yaml.safe_load(text)


async def person(url: str, clock: StillClock) -> Sequence[Frozen]:
    """A person is created, renamed, put on the list and noted; then all of it is looked up."""
    async with attio.client_at(url, clock=clock) as client:
        (made,) = await client.write(attio.PERSON, [attio.person(name="A. Lovelace")])
        record_id = str(made.provider_id)
        hanging = ((attio.ENTRY, attio.on_list(record_id)), (attio.NOTE, attio.note(record_id)))
        given = [await client.probe(), made, *await client.write(attio.PERSON, [attio.person(overwrites=True)])]
        for operation, item in hanging:
            given += await client.write(operation, [item])
        for operation, item in ((attio.PERSON, attio.person()), *hanging):
            given += await client.look_up(operation, [item])
        return given


async def contacts(url: str, clock: StillClock) -> Sequence[Frozen]:
    """Two contacts, one of them refused; the other gets a company, a note and a deal; then all of it is looked up."""
    async with hubspot.client_at(url, clock=clock) as client:
        both = [hubspot.contact(), hubspot.contact("no@address")]
        made = await client.write(hubspot.CONTACT, both)
        contact_id = str(made[0].provider_id)
        given = [await client.probe(), *made]
        told = hubspot.hung(contact_id, happened_at=NOON)
        (company,) = await client.write(hubspot.COMPANY, [hubspot.company()])
        link = hubspot.link(str(company.provider_id))
        hanging = ((hubspot.LINK, link), (hubspot.NOTE, told), (hubspot.DEAL, told))
        given.append(company)
        for operation, item in hanging:
            given += await client.write(operation, [item])
        for operation, item in ((hubspot.CONTACT, hubspot.contact()), *hanging):
            given += await client.look_up(operation, [item])
        return given


async def tickets(url: str, clock: StillClock) -> Sequence[Frozen]:
    """A parent, a child twice, a comment and a link, and all of them looked up."""
    parent, child = linear.issue("job"), linear.issue("job/1", parent_id=linear.ticket_id("job"))
    async with linear.client_at(f"{url}/graphql", clock=clock, team=TEAM_ID) as client:
        return [
            await client.probe(),
            *await client.write("linear.issue", [parent]),
            *await client.write("linear.issue", [child]),
            *await client.write("linear.issue", [child]),
            *await client.write("linear.comment", [linear.comment(child)]),
            *await client.write("linear.link", [linear.link(child)]),
            *await client.look_up("linear.issue", [child, linear.issue("job/2")]),
            *await client.look_up("linear.link", [linear.link(child)]),
        ]


async def mailbox(url: str, clock: StillClock) -> Sequence[Frozen]:
    """A letter twice, and looked up beside one that was never sent."""
    async with gmail.client_at(url, clock=clock) as client:
        return [
            await client.probe(),
            await client.sequence(None),
            *await client.write("gmail.send", [letter_of()]),
            *await client.write("gmail.send", [letter_of()]),
            *await client.look_up("gmail.send", [letter_of(), letter_of("another")]),
        ]


async def instantly_campaign(url: str, clock: StillClock) -> Sequence[Frozen]:
    async with instantly.client(url, clock=clock) as client:
        letters = [instantly.letter(email) for email in ADDRESSES]
        return await small_campaign(client, instantly_twin.ACTIVE_ID, instantly.ENROL, letters)


async def smartlead_campaign(url: str, clock: StillClock) -> Sequence[Frozen]:
    async with smartlead.client(url, clock=clock) as client:
        letters = [smartlead.letter(email) for email in ADDRESSES]
        return await small_campaign(client, smartlead_twin.ACTIVE_ID, smartlead.ENROL, letters)


async def small_campaign(
    mailer: Mailer, campaign_id: str, operation: str, letters: Sequence[Letter]
) -> Sequence[Frozen]:
    """Look at a campaign, add people, look them up, pause it."""
    return [
        await mailer.probe(),
        await mailer.sequence(campaign_id),
        *await mailer.write(operation, letters),
        *await mailer.look_up(operation, letters),
        await mailer.pause(campaign_id),
    ]


SCENES = {
    "attio": Scene("https://api.attio.com", lambda: attio.rig(clock=StillClock()), person),
    "gmail": Scene("https://gmail.googleapis.com", gmail.gmail_at_sandbox, mailbox),
    "hubspot": Scene("https://api.hubapi.com", lambda: hubspot.rig(clock=StillClock()), contacts),
    "instantly": Scene("https://api.instantly.ai", instantly.outside, instantly_campaign),
    "linear": Scene("https://api.linear.app", linear.linear_at_sandbox, tickets),
    "smartlead": Scene("https://server.smartlead.ai", smartlead.outside, smartlead_campaign),
}


def play(name: str, *, recorded_at: str = "", clock: StillClock | None = None) -> tuple[list[Any], Any]:
    """What the scene of `name` gives, and its cassette.

    Args:
        recorded_at: Where the sandbox plays the service; empty to play the cassette.
        clock: The sandbox's.
    """
    scene = SCENES[name]

    def at_home(request: Any) -> Any:
        if recorded_at:
            request.uri = request.uri.replace(recorded_at, scene.host)
        return request

    tape = vcr.VCR(
        record_mode="all" if recorded_at else "none",
        match_on=["method", "scheme", "host", "port", "path", "query", "body"],
        filter_headers=["authorization", "user-agent", "accept-encoding", "connection", "host"],
        filter_query_parameters=["api_key"],
        before_record_request=at_home,
    )
    tape.register_serializer("noted", Noted)
    with tape.use_cassette(str(FOLDER / name / "scene.yaml"), serializer="noted") as cassette:
        given = asyncio.run(scene.act(recorded_at or scene.host, clock or StillClock()))
    return [row.model_dump(mode="json") for row in given], cassette


def main() -> None:
    """Record every service, and what it gave."""
    for name, scene in SCENES.items():
        (FOLDER / name).mkdir(exist_ok=True)
        (FOLDER / name / "scene.yaml").unlink(missing_ok=True)
        with scene.sandbox() as there:
            given, _ = play(name, recorded_at=there.url, clock=there.clock)
        (FOLDER / name / "scene.json").write_text(json.dumps(given, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
