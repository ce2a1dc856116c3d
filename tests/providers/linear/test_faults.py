"""However a write to Linear goes wrong, its receipt never contradicts Linear's books, and looking settles it."""

from __future__ import annotations

import asyncio

import pytest

from cmo.domain.outward import Fate, TicketItem
from cmo.errors import RateLimited
from cmo.sandbox.faults import FaultKind, FaultRule
from cmo.sandbox.vendors.linear import LinearVendor
from tests.providers.doubts import TOLD_AS_UNKNOWN, patience_s
from tests.providers.linear.rig import comment, issue, linear_at_sandbox, link

PARENT = issue("job")
ITEMS = {
    "linear.issue": issue("child", parent_id=PARENT.id),
    "linear.comment": comment(PARENT),
    "linear.link": link(PARENT),
}


def _is_booked(vendor: LinearVendor, operation: str, item: TicketItem) -> bool:
    if operation == "linear.link":
        return (item.parent_id, item.url) in {(row.issue_id, row.url) for row in vendor.links}
    rows = vendor.issues if operation == "linear.issue" else vendor.comments
    return item.id in {row.id for row in rows}


@pytest.mark.parametrize("operation", ITEMS)
@pytest.mark.parametrize("kind", [*TOLD_AS_UNKNOWN, FaultKind.RATE_LIMIT, FaultKind.OK_WITH_ERROR])
def test_the_receipt_tells_the_truth_and_looking_settles_it(kind: FaultKind, operation: str) -> None:
    item = ITEMS[operation]
    with linear_at_sandbox(FaultRule(kind=kind, route="out:linear", nth=(2,), most=1)) as rig:

        async def act() -> tuple[Fate | None, str, Fate]:
            async with rig.client(timeout_s=patience_s(kind)) as client:
                await client.write("linear.issue", [PARENT])
                try:
                    (receipt,) = await client.write(operation, [item])
                    fate, code = receipt.fate, receipt.code
                except RateLimited as exc:
                    fate, code = None, exc.code
                (found,) = await client.look_up(operation, [item])
            return fate, code, found.fate

        fate, code, found = asyncio.run(act())
    booked = _is_booked(rig.vendor, operation, item)
    if kind in TOLD_AS_UNKNOWN:
        assert (fate, code) == (Fate.UNKNOWN, TOLD_AS_UNKNOWN[kind])
    elif kind is FaultKind.RATE_LIMIT:
        assert (fate, code, booked) == (None, "rate_limited", False)
    else:
        assert fate is (Fate.LATER if operation == "linear.issue" else Fate.CONFIRMED)
        assert booked is (fate is Fate.CONFIRMED)
    assert found is (Fate.CONFIRMED if booked else Fate.ABSENT)


@pytest.mark.parametrize("kind", [FaultKind.RESET_AFTER, FaultKind.ERROR_AFTER])
def test_repeating_what_was_written_unseen_makes_no_second_one(kind: FaultKind) -> None:
    with linear_at_sandbox(FaultRule(kind=kind, route="out:linear", nth=(1,), most=1)) as rig:

        async def act() -> Fate:
            async with rig.client() as client:
                await client.write("linear.issue", [PARENT])
                return (await client.write("linear.issue", [PARENT]))[0].fate

        assert asyncio.run(act()) is Fate.CONFIRMED
    assert len(rig.vendor.issues) == 1
