"""However the sending of a letter goes wrong, its receipt never contradicts the mailbox, and no letter leaves twice."""

from __future__ import annotations

import asyncio

import pytest

from cmo.domain.outward import Fate
from cmo.errors import RateLimited
from cmo.providers.gmail import Gmail
from cmo.sandbox.faults import FaultKind, FaultRule
from cmo.sandbox.vendors.gmail import GmailVendor
from tests.providers.doubts import patience_s
from tests.providers.gmail.rig import INBOX, gmail_at_sandbox
from tests.providers.mail.letters import letter_of

STEPS = ("profile", "sent?", "draft?", "alike?", "create", "send", "read back")
KINDS = (
    FaultKind.RESET_BEFORE,
    FaultKind.RESET_AFTER,
    FaultKind.TIMEOUT_AFTER,
    FaultKind.ERROR_AFTER,
    FaultKind.SERVER_ERROR,
    FaultKind.BAD_GATEWAY,
    FaultKind.TRUNCATED_BODY,
    FaultKind.MALFORMED_JSON,
    FaultKind.RATE_LIMIT,
    FaultKind.OK_WITH_ERROR,
)
EXPECTED = {"create": Fate.LATER, "send": Fate.UNKNOWN}
"""Step -> the fate where its answer is lost; the other steps are reads, which are tried again or do without."""


async def _attempt(client: Gmail) -> Fate | None:
    """None where it raised."""
    try:
        return (await client.write("gmail.send", [letter_of()]))[0].fate
    except RateLimited:
        return None


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_receipt_tells_the_truth_and_looking_settles_it(kind: FaultKind, step: str) -> None:
    rule = FaultRule(kind=kind, route="out:gmail", nth=(STEPS.index(step) + 1,), most=1)
    with gmail_at_sandbox(rule) as rig:

        async def act() -> None:
            async with rig.client(timeout_s=patience_s(kind)) as client:
                fate = await _attempt(client)
                is_sent = len(rig.vendor.sent) == 1
                if kind is FaultKind.OK_WITH_ERROR or step == "read back":
                    assert fate is Fate.CONFIRMED
                elif kind is FaultKind.RATE_LIMIT:
                    assert fate is None
                else:
                    assert fate is EXPECTED.get(step, Fate.CONFIRMED)
                assert is_sent or fate is not Fate.CONFIRMED
                assert not is_sent or fate in (Fate.CONFIRMED, Fate.UNKNOWN)
                (found,) = await client.look_up("gmail.send", [letter_of()])
                assert found.fate is (Fate.CONFIRMED if is_sent else Fate.ABSENT)
                if not is_sent:
                    assert await _attempt(client) is Fate.CONFIRMED

        asyncio.run(act())
    assert len(rig.vendor.sent) == 1


@pytest.mark.parametrize("kind", [FaultKind.RESET_AFTER, FaultKind.TIMEOUT_AFTER, FaultKind.ERROR_AFTER])
def test_a_sent_letter_whose_message_id_was_replaced_unseen_is_not_sent_again(kind: FaultKind) -> None:
    rule = FaultRule(kind=kind, route="out:gmail", nth=(STEPS.index("send") + 1,), most=1)
    with gmail_at_sandbox(rule, vendor=GmailVendor(address=INBOX, keeps_message_ids=False)) as rig:

        async def act() -> tuple[Fate | None, Fate | None]:
            async with rig.client(timeout_s=patience_s(kind)) as client:
                return await _attempt(client), await _attempt(client)

        assert asyncio.run(act()) == (Fate.UNKNOWN, Fate.CONFIRMED)
    assert len(rig.vendor.sent) == 1
