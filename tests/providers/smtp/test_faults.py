"""What the client says of a letter against what the server has, wherever in the dialogue something goes wrong."""

from __future__ import annotations

import asyncio
from typing import get_args

import pytest

from cmo.domain.outward import Fate, Receipt
from cmo.errors import AuthRejected, ProviderError, RateLimited
from cmo.sandbox.mailserver import MailServer
from cmo.sandbox.smtp_faults import SmtpFault, SmtpFaultPlayer, SmtpPoint, SmtpWay
from tests.fakes.loop import LoopClock, run
from tests.providers.mail.letters import letter_of
from tests.providers.smtp.servers import PASSWORD, USER, listening, send, smtp_to

TIMEOUT_S = 30.0
LATE_S = 200.0
FIRST = letter_of(key="first|email|seq|1", to_email="first@buyer.example")
SECOND = letter_of(key="second|email|seq|1", to_email="second@buyer.example")

POINTS: tuple[SmtpPoint, ...] = get_args(SmtpPoint)
WAYS: tuple[SmtpWay, ...] = get_args(SmtpWay)
FAULTS = (
    *(SmtpFault(point=point, way=way, nth=(1,), seconds=0.05) for point in POINTS for way in WAYS),
    *(SmtpFault(point=point, way="slow", nth=(1,), seconds=LATE_S) for point in POINTS),
)

Told = tuple[Receipt | ProviderError, bool]
"""What the client said of the first letter, and whether the server had it in the end."""


async def play(fault: SmtpFault) -> Told:
    """Send two letters through a server that plays `fault` once."""
    clock = LoopClock()
    server = MailServer(clock=clock, faults=SmtpFaultPlayer([fault]), user=USER, password=PASSWORD.reveal())
    async with listening(server) as port, smtp_to(port, timeout_s=TIMEOUT_S) as client:
        try:
            told: Receipt | ProviderError = await send(client, FIRST)
        except ProviderError as exc:
            told = exc
        if fault.point != "quit":
            assert (await send(client, SECOND)).fate is Fate.CONFIRMED, fault
    taken = [mail.recipients for mail in server.received]
    assert taken.count((SECOND.to_email,)) == (fault.point != "quit"), fault
    return told, (FIRST.to_email,) in taken


@pytest.fixture(scope="module")
def told() -> dict[SmtpFault, Told]:
    """All at once, so that they wait together."""

    async def play_all() -> list[Told]:
        return await asyncio.gather(*map(play, FAULTS))

    return dict(zip(FAULTS, run(play_all()), strict=True))


def name(fault: SmtpFault) -> str:
    late = "-too-late" if fault.seconds == LATE_S else ""
    return f"{fault.point}-{fault.way}{late}"


@pytest.mark.parametrize("fault", FAULTS, ids=name)
def test_the_receipt_is_true_to_what_the_server_has(fault: SmtpFault, told: dict[SmtpFault, Told]) -> None:
    said, is_taken = told[fault]
    if isinstance(said, ProviderError):
        assert not is_taken
    elif is_taken:
        assert said.fate in (Fate.CONFIRMED, Fate.UNKNOWN)
    else:
        assert said.fate in (Fate.LATER, Fate.REFUSED, Fate.UNKNOWN)
    if isinstance(said, Receipt):
        assert said.key == FIRST.key
        assert "@" not in said.reason.replace("***@", "")


@pytest.mark.parametrize("fault", FAULTS, ids=name)
def test_a_letter_is_in_doubt_only_once_its_text_is_under_way(fault: SmtpFault, told: dict[SmtpFault, Told]) -> None:
    said, _ = told[fault]
    if isinstance(said, RateLimited):
        assert (fault.way, fault.point in ("connect", "banner", "ehlo", "auth", "mail")) == ("421", True)
    elif isinstance(said, ProviderError):
        assert isinstance(said, AuthRejected)
        assert (fault.point, fault.way) == ("auth", "5xx")
    elif said.fate is Fate.UNKNOWN:
        assert fault.point in ("content", "dot", "after_dot")
    elif fault.seconds == LATE_S and fault.point != "quit":
        assert (said.fate, said.code) == (Fate.LATER, "timeout")


@pytest.mark.parametrize(
    ("point", "way", "fate", "code"),
    [
        ("connect", "drop", Fate.LATER, "reset"),
        ("connect", "timeout", Fate.LATER, "timeout"),
        ("banner", "5xx", Fate.LATER, "policy_block"),
        ("ehlo", "garbage", Fate.LATER, "contract_broken"),
        ("auth", "4xx", Fate.LATER, "try_later"),
        ("mail", "drop", Fate.LATER, "reset"),
        ("mail", "5xx", Fate.LATER, "policy_block"),
        ("rcpt", "4xx", Fate.LATER, "soft_bounce"),
        ("rcpt", "421", Fate.LATER, "try_later"),
        ("dot", "421", Fate.LATER, "try_later"),
        ("after_dot", "421", Fate.CONFIRMED, ""),
        ("rcpt", "timeout", Fate.LATER, "timeout"),
        ("data", "drop", Fate.LATER, "reset"),
        ("data", "4xx", Fate.LATER, "try_later"),
        ("data", "garbage", Fate.LATER, "contract_broken"),
        ("dot", "4xx", Fate.LATER, "try_later"),
        ("dot", "5xx", Fate.REFUSED, "rejected"),
        ("dot", "drop", Fate.UNKNOWN, "reset"),
        ("dot", "drop_after_accepting", Fate.UNKNOWN, "reset"),
        ("dot", "timeout", Fate.UNKNOWN, "timeout"),
        ("dot", "timeout_after_accepting", Fate.UNKNOWN, "timeout"),
        ("dot", "garbage", Fate.UNKNOWN, "contract_broken"),
        ("after_dot", "garbage", Fate.UNKNOWN, "contract_broken"),
        ("after_dot", "5xx", Fate.CONFIRMED, ""),
        ("after_dot", "slow", Fate.CONFIRMED, ""),
        ("quit", "drop", Fate.CONFIRMED, ""),
    ],
)
def test_each_point_has_its_verdict(
    point: SmtpPoint, way: SmtpWay, fate: Fate, code: str, told: dict[SmtpFault, Told]
) -> None:
    said, _ = told[SmtpFault(point=point, way=way, nth=(1,), seconds=0.05)]
    assert isinstance(said, Receipt)
    assert (said.fate, said.code) == (fate, code)
