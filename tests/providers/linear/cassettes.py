"""Recorded exchanges of Linear and Gmail: how they are made, and how the clients play them back.

Neither can be reached where the tests run, so they are recorded against the sandbox and say so; its people are
invented. To record anew, after a change of what we send: `python -m tests.providers.linear.cassettes`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import vcr
import yaml

from cmo.domain.base import Frozen
from cmo.sandbox.vendors.linear import TEAM_ID
from tests.fakes.clock import StillClock
from tests.providers.gmail import rig as gmail
from tests.providers.linear import rig as linear
from tests.providers.mail.letters import letter_of

FOLDER = Path(__file__).parents[3] / "cassettes"
NOTE = "# Recorded against cmo's sandbox, not against the service: people and addresses are invented.\n"
HOSTS = {"linear": "https://api.linear.app", "gmail": "https://gmail.googleapis.com"}


class Noted:
    """YAML with a note on where it comes from."""

    @staticmethod
    def serialize(cassette: dict[str, Any]) -> str:
        return NOTE + str(yaml.safe_dump(cassette, allow_unicode=True, width=120))

    @staticmethod
    def deserialize(text: str) -> Any:
        return yaml.safe_load(text)


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


SCENES: dict[str, Callable[[str, StillClock], Coroutine[Any, Any, Sequence[Frozen]]]] = {
    "linear": tickets,
    "gmail": mailbox,
}


def play(name: str, *, recorded_at: str = "", clock: StillClock | None = None) -> tuple[list[Any], Any]:
    """What the scene of `name` gives, and its cassette.

    Args:
        recorded_at: Where the sandbox plays the service; empty to play the cassette.
        clock: The sandbox's.
    """

    def at_home(request: Any) -> Any:
        if recorded_at:
            request.uri = request.uri.replace(recorded_at, HOSTS[name])
        return request

    tape = vcr.VCR(
        record_mode="all" if recorded_at else "none",
        match_on=["method", "scheme", "host", "port", "path", "query", "body"],
        filter_headers=["authorization", "user-agent", "accept-encoding", "connection", "host"],
        before_record_request=at_home,
    )
    tape.register_serializer("noted", Noted)
    with tape.use_cassette(str(FOLDER / name / "scene.yaml"), serializer="noted") as cassette:
        given = asyncio.run(SCENES[name](recorded_at or HOSTS[name], clock or StillClock()))
    return [row.model_dump(mode="json") for row in given], cassette


def main() -> None:
    """Record both services, and what they gave."""
    with linear.linear_at_sandbox() as tracker, gmail.gmail_at_sandbox() as mail:
        for name, url, clock in (("linear", tracker.url, tracker.clock), ("gmail", mail.url, mail.clock)):
            (FOLDER / name).mkdir(exist_ok=True)
            (FOLDER / name / "scene.yaml").unlink(missing_ok=True)
            given, _ = play(name, recorded_at=url, clock=clock)
            (FOLDER / name / "scene.json").write_text(json.dumps(given, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
