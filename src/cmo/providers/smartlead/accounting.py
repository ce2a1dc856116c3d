"""What became of each letter, by membership first and counters second: an `ok` proves nothing here.

A refused person answers 200 `ok:true` too (contracts/smartlead.md), so only who is found in the campaign is confirmed,
and only whom the counters account for is refused. The rest is for a person to settle.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from cmo.domain.outward import Effect, Letter, Receipt
from cmo.providers.receipts import absent, confirmed, held, plan_full, refused, unknown
from cmo.providers.sequencer.letters import address, has_same_text
from cmo.providers.smartlead.parse import Lead, Said

_LUMPED = ("skipped", "duplicate", "blocklisted")
"""What those are counted as in the forms that have no counter of their own for them."""


def judge(letter: Letter, lead: Lead, campaign_id: str, *, effect: Effect = "noop") -> Receipt:
    """Whether `letter` is what the campaign holds for its address.

    Args:
        effect: Of having it there with our text.
    """
    if not lead.email and not lead.campaign_ids:
        return absent(letter)
    if lead.email != address(letter):
        return held(letter, "other_person", "the service answered with somebody else")
    places = lead.campaign_ids.count(campaign_id)
    if not places:
        return absent(letter)
    if places > 1:
        return held(letter, "several", f"the campaign holds this address {places} times")
    if not has_same_text(letter, lead.subject, lead.body):
        return held(letter, "other_text", "somebody else's text is in that campaign for this address")
    return confirmed(letter, lead.id, effect)


def is_explained(missing: int, present: int, said: Said) -> bool:
    """Whether the figures account for `missing` people who are not in the campaign after all."""
    sure, maybe_there = sum(said.refusals.values()), sum(said.maybe_there.values())
    everybody = said.added is None or said.added + sure + maybe_there == missing + present
    return everybody and sure <= missing <= sure + maybe_there


def explain(missing: Sequence[Letter], leads: Mapping[str, Lead], said: Said) -> dict[str, Receipt]:
    """Why each of `missing` was refused, by key, where the figures account for all of them.

    Args:
        leads: Who the service says has the address, by the letter's key.
    """
    left = Counter(said.refusals) + Counter(said.maybe_there)
    codes: dict[str, str] = {}
    for letter in missing:
        if code := _own_code(leads[letter.key], said.named.get(address(letter), "")):
            counted = next((name for name in (code, *_LUMPED) if name in left), code)
            left -= Counter([counted])
            codes[letter.key] = code
    other = next(iter(left)) if len(left) == 1 else "rejected"
    reason = f"the service did not add everybody: {said.told}"
    return {letter.key: refused(letter, codes.get(letter.key, other), reason) for letter in missing}


def _own_code(lead: Lead, named: str) -> str:
    """Why one person was refused, by what the service says of them alone; empty where it says nothing.

    Whoever is in another campaign is never called blocked by elimination: that would keep them out for ever.
    """
    if lead.is_unsubscribed:
        return "unsubscribed"
    if lead.campaign_ids and named in ("", "skipped"):
        return "in_other_campaign"
    return named


def not_ok(missing: Sequence[Letter], said: Said, *, anybody: bool) -> dict[str, Receipt]:
    """Receipts for `missing` where the service says that it failed, or that the plan is full.

    Args:
        anybody: Whether others of the same call are in the campaign.
    """
    if said.is_limit_reached and not anybody:
        return {letter.key: plan_full(letter) for letter in missing}
    reason = "the service says that adding failed, not for whom"
    return {letter.key: unknown(letter, "not_ok", reason) for letter in missing}
