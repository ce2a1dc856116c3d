"""What came of one item, from Attio's answers. Source: contracts/attio.md, "Endpoints" and "Errors"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import httpx

from cmo.domain.outward import CrmItem, Effect, Fate, Receipt
from cmo.errors import ContractBroken, ProviderError, ProviderUnavailable
from cmo.providers.attio.wire import Reply

UNCLEAR = (ProviderUnavailable, ContractBroken)
"""Errors after which a write may have happened."""

_REFUSALS: Mapping[str, tuple[Fate, Effect]] = {
    "multiple_match_results": (Fate.HELD, "ambiguous"),
    "merge_in_progress": (Fate.LATER, ""),
}


def confirmed(item: CrmItem, provider_id: str, effect: Effect = "") -> Receipt:
    return Receipt(key=item.key, fate=Fate.CONFIRMED, effect=effect, provider_id=provider_id)


def absent(item: CrmItem, effect: Effect = "") -> Receipt:
    return Receipt(key=item.key, fate=Fate.ABSENT, effect=effect)


def refused(item: CrmItem, reply: Reply) -> Receipt:
    """A refusal of this one write; final unless Attio says that it will pass or that a person must choose."""
    fate, effect = _REFUSALS.get(reply.code, (Fate.REFUSED, ""))
    code = "too_large" if reply.status == 413 else reply.code or "rejected"
    return Receipt(key=item.key, fate=fate, effect=effect, code=code, reason=reply.message, status=reply.status)


def gone(item: CrmItem) -> Receipt:
    """Nothing can be hung on a record that is not there, for instance since it was merged into another."""
    reason = "The person's record is no longer in Attio; it may have been merged."
    return Receipt(key=item.key, fate=Fate.REFUSED, code="record_missing", reason=reason, status=404)


def failed(item: CrmItem, fate: Fate, error: ProviderError) -> Receipt:
    """An answer that never came or cannot be read, as `fate`.

    Raises:
        ProviderUnavailable: `error` itself, where there was no connection, so that nothing happened.
    """
    if error.details.get("connected") is False:
        raise error
    return Receipt(key=item.key, fate=fate, code=_code(error), reason=error.message, status=error.status)


def one_of(item: CrmItem, found: Sequence[str], what: str) -> Receipt:
    """Looked up: none, one, or several, which a person has to sort out."""
    if not found:
        return absent(item)
    if len(found) == 1:
        return confirmed(item, found[0], "noop")
    reason = f"Attio holds {len(found)} {what} where there should be one."
    return Receipt(key=item.key, fate=Fate.HELD, effect="ambiguous", code="several", reason=reason)


def looked_up(receipt: Receipt) -> Receipt:
    """What `find` says, as an answer of `look_up`: nothing there tells what an earlier write did."""
    if receipt.fate is Fate.HELD:
        return receipt
    fate = Fate.UNKNOWN if receipt.fate is Fate.REFUSED else receipt.fate
    return receipt.model_copy(update={"fate": fate, "effect": ""})


def _code(error: ProviderError) -> str:
    if isinstance(error, ContractBroken):
        return "contract_broken"
    if error.status is not None:
        return "server_error"
    return "timeout" if isinstance(error.__cause__, TimeoutError | httpx.TimeoutException) else "reset"
