"""What a refusal of HubSpot means for one item."""

from __future__ import annotations

from cmo.domain.outward import CrmItem, Fate, Receipt
from cmo.providers.hubspot.wire import Reply


def refusal(item: CrmItem, reply: Reply) -> Receipt:
    """A refusal of this one write."""
    return no(item, reply.code, reply.message, status=reply.status)


def no(item: CrmItem, code: str, reason: str, *, status: int | None = None) -> Receipt:
    """Final, unless it is a limit, or somebody else wrote the same meanwhile: the next try looks first and finds it."""
    fate = Fate.LATER if code in ("rate_limited", "conflict") else Fate.REFUSED
    return Receipt(key=item.key, fate=fate, code=code, reason=reason, status=status)
