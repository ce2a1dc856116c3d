"""What came of one item, from HubSpot's answers."""

from __future__ import annotations

from collections.abc import Sequence

import httpx

from cmo.domain.outward import CrmItem, Effect, Fate, Receipt
from cmo.errors import ContractBroken, ProviderError, ProviderUnavailable, RateLimited
from cmo.providers.hubspot.wire import Reply

UNCLEAR = (ProviderUnavailable, ContractBroken)
"""Errors after which a write may have happened."""


def confirmed(item: CrmItem, provider_id: str, effect: Effect = "") -> Receipt:
    return Receipt(key=item.key, fate=Fate.CONFIRMED, effect=effect, provider_id=provider_id)


def absent(item: CrmItem, effect: Effect = "") -> Receipt:
    return Receipt(key=item.key, fate=Fate.ABSENT, effect=effect)


def refused(item: CrmItem, reply: Reply) -> Receipt:
    """A refusal of this one write."""
    return no(item, reply.code, reply.message, status=reply.status)


def no(item: CrmItem, code: str, reason: str, *, status: int | None = None) -> Receipt:
    """Final, unless it is a limit."""
    fate = Fate.LATER if code == "rate_limited" else Fate.REFUSED
    return Receipt(key=item.key, fate=fate, code=code, reason=reason, status=status)


def failed(item: CrmItem, fate: Fate, error: ProviderError) -> Receipt:
    """An error as the fate of one item."""
    wait_s = error.retry_after_s if isinstance(error, RateLimited) else None
    return Receipt(
        key=item.key, fate=fate, code=_code(error), reason=error.message, status=error.status, retry_after_s=wait_s
    )


def one_of(item: CrmItem, found: Sequence[str], what: str) -> Receipt:
    """Looked up: none, one, or several, which a person has to sort out."""
    if not found:
        return absent(item)
    if len(found) == 1:
        return confirmed(item, found[0], "noop")
    reason = f"HubSpot holds {len(found)} {what} where there should be one."
    return Receipt(key=item.key, fate=Fate.HELD, effect="ambiguous", code="several", reason=reason)


def looked_up(receipt: Receipt) -> Receipt:
    """How an item stands, as an answer of `look_up`: nothing there tells what an earlier write did."""
    return receipt if receipt.fate is Fate.HELD else receipt.model_copy(update={"effect": ""})


def raise_if_unconnected(error: ProviderError) -> None:
    """Without a connection nothing happened, which the outbox wants to hear as an error of the call."""
    if error.details.get("connected") is False:
        raise error


def _code(error: ProviderError) -> str:
    if isinstance(error, ContractBroken):
        return "contract_broken"
    if error.code == "provider_unavailable":
        if error.status is not None:
            return "server_error"
        return "timeout" if isinstance(error.__cause__, TimeoutError | httpx.TimeoutException) else "reset"
    return error.code
