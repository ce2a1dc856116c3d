"""What became of each letter: from what the campaign holds, and from the counters of an answer.

Nobody is called refused who may be in the campaign after all: a counter that says "already there", where reading back
finds nobody, is a contradiction for a person to settle.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from cmo.domain.address import identity_key
from cmo.domain.outward import Letter, Receipt
from cmo.providers.instantly.parse import BLOCKED, REFUSALS, Added, Enrolled
from cmo.providers.receipts import absent, confirmed, held, plan_full, refused
from cmo.providers.sequencer.letters import address, has_same_text

_ALREADY_THERE = ("duplicated_leads", "skipped_count")
"""Count people who are in this campaign, or in another."""


def judge(letter: Letter, there: Sequence[Enrolled]) -> Receipt:
    """Whether `letter` is what a campaign with the people `there` holds for its address."""
    mine = [row for row in there if row.email == address(letter)]
    if not mine and any(identity_key(row.email) == identity_key(letter.to_email) for row in there):
        return held(letter, "other_spelling", "the campaign holds another spelling of this address")
    if not mine:
        return absent(letter)
    if len(mine) > 1:
        return held(letter, "several", f"the campaign holds this address {len(mine)} times")
    if not has_same_text(letter, mine[0].subject, mine[0].body):
        return held(letter, "other_text", "somebody else's text is in that campaign for this address")
    return confirmed(letter, mine[0].id, "noop")


def are_all_blocked(gone: Sequence[Letter], added: Added) -> bool:
    """Whether the counters alone say that each of `gone` is on the block list."""
    return added.counters[BLOCKED] == len(gone)


def explain(
    gone: Sequence[Letter], added: Added, *, present: int, elsewhere: Sequence[Enrolled], blocked: Collection[str]
) -> dict[str, Receipt]:
    """Why each of `gone`, who were neither added nor are in the campaign, was refused, by key.

    Args:
        present: How many were not added because they are in the campaign already.
        elsewhere: Who of `gone` is in another campaign.
        blocked: Addresses of `gone` that are surely on the block list.
    """
    if added.is_plan_full:
        return {letter.key: plan_full(letter) for letter in gone}
    others = {row.email for row in elsewhere}
    stops = {row.email: row.stop for row in elsewhere if row.stop}
    may_be_skipped = [letter for letter in gone if address(letter) in others and address(letter) not in blocked]
    skipped = may_be_skipped[: added.counters["skipped_count"]]
    already_there = sum(added.counters[name] for name in _ALREADY_THERE)
    if not added.is_whole or already_there > present + len(skipped):
        reason = f"the service's figures do not add up: {added.told}"
        return {letter.key: held(letter, "counters", reason) for letter in gone}
    codes = {code for name, code in REFUSALS.items() if added.counters[name] and name != BLOCKED}
    code = codes.pop() if len(codes) == 1 and added.counters[BLOCKED] == len(blocked) else "rejected"
    reason = f"the service did not add everybody: {added.told}"
    receipts = {letter.key: refused(letter, code, reason) for letter in gone}
    for letter in gone:
        if address(letter) in blocked:
            receipts[letter.key] = refused(letter, "blocklisted", "the address or its domain is on the block list")
    for letter in skipped:
        code = stops.get(address(letter), "in_other_campaign")
        receipts[letter.key] = refused(letter, code, "the person is in another campaign already")
    return receipts
