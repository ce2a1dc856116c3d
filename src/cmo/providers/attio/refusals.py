"""What a refusal of Attio means for one item. Source: contracts/attio.md, "Endpoints" and "Errors"."""

from __future__ import annotations

from collections.abc import Mapping

from cmo.domain.outward import CrmItem, Effect, Fate, Receipt
from cmo.providers.attio.wire import Reply
from cmo.providers.receipts import refused

_REFUSALS: Mapping[str, tuple[Fate, Effect]] = {
    "multiple_match_results": (Fate.HELD, "ambiguous"),
    "merge_in_progress": (Fate.LATER, ""),
}


def refusal(item: CrmItem, reply: Reply) -> Receipt:
    """Final, unless Attio says that it will pass or that a person must choose."""
    fate, effect = _REFUSALS.get(reply.code, (Fate.REFUSED, ""))
    code = "too_large" if reply.status == 413 else reply.code or "rejected"
    return Receipt(key=item.key, fate=fate, effect=effect, code=code, reason=reply.message, status=reply.status)


def gone(item: CrmItem) -> Receipt:
    """Nothing can be hung on a record that is not there, for instance since it was merged into another."""
    reason = "The person's record is no longer in Attio; it may have been merged."
    return refused(item, "record_missing", reason, status=404)
