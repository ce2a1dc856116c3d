"""Receipts, and what an error says about the items of a call. Every client tells its outcomes with these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import httpx

from cmo.domain.outward import LEAD_LIMIT, Effect, Fate, Item, Receipt
from cmo.errors import ContractBroken, ProviderError, ProviderUnavailable, RateLimited

UNCLEAR = (ProviderUnavailable, ContractBroken)
"""Errors after which a write may have happened; all others of `ProviderError` say that it did not."""

PLAN_WAIT_S = 3600.0
"""Before the same write is worth trying again once the plan is full; a figure of our own."""


def confirmed(
    item: Item,
    provider_id: str,
    effect: Effect = "",
    *,
    status: int | None = None,
    differs: Mapping[str, str] | None = None,
) -> Receipt:
    return Receipt(
        key=item.key,
        fate=Fate.CONFIRMED,
        effect=effect,
        provider_id=provider_id or None,
        status=status,
        differs=differs or {},
    )


def absent(
    item: Item, effect: Effect = "", *, provider_id: str | None = None, differs: Mapping[str, str] | None = None
) -> Receipt:
    return Receipt(
        key=item.key, fate=Fate.ABSENT, effect=effect, provider_id=provider_id or None, differs=differs or {}
    )


def refused(item: Item, code: str, reason: str, *, status: int | None = None) -> Receipt:
    return Receipt(key=item.key, fate=Fate.REFUSED, code=code, reason=reason, status=status)


def held(item: Item, code: str, reason: str, *, provider_id: str | None = None, status: int | None = None) -> Receipt:
    return Receipt(
        key=item.key,
        fate=Fate.HELD,
        effect="ambiguous",
        provider_id=provider_id,
        code=code,
        reason=reason,
        status=status,
    )


def unknown(item: Item, code: str, reason: str, *, status: int | None = None) -> Receipt:
    return Receipt(key=item.key, fate=Fate.UNKNOWN, code=code, reason=reason, status=status)


def plan_full(item: Item) -> Receipt:
    reason = "the plan holds no more people: make room or upgrade it"
    return Receipt(key=item.key, fate=Fate.LATER, code=LEAD_LIMIT, reason=reason, retry_after_s=PLAN_WAIT_S)


def failed(item: Item, fate: Fate, error: ProviderError) -> Receipt:
    """`error` as the `fate` of one item."""
    wait_s = error.retry_after_s if isinstance(error, RateLimited) else None
    return Receipt(
        key=item.key, fate=fate, code=code_of(error), reason=error.message, status=error.status, retry_after_s=wait_s
    )


def doubtful(item: Item, fate: Fate, error: ProviderError) -> Receipt:
    """As `failed`.

    Raises:
        ProviderUnavailable: `error` itself, where there was no connection, so that nothing happened.
    """
    if is_unconnected(error):
        raise error
    return failed(item, fate, error)


def is_unconnected(error: ProviderError) -> bool:
    return error.details.get("connected") is False


def code_of(error: ProviderError) -> str:
    """The stable word of a receipt for `error`."""
    if not isinstance(error, ProviderUnavailable):
        return error.code
    if error.status is not None:
        return "server_error"
    return "timeout" if isinstance(error.__cause__, TimeoutError | httpx.TimeoutException) else "reset"


def one_of(item: Item, found: Sequence[str], what: str) -> Receipt:
    """Looked up: none, one, or several, which a person has to sort out.

    Args:
        what: What was found, e.g. "notes with this marker in Attio".
    """
    if not found:
        return absent(item)
    if len(found) == 1:
        return confirmed(item, found[0], "noop")
    return held(item, "several", f"There are {len(found)} {what} where there should be one.")


def foreseen(receipt: Receipt) -> Receipt:
    """How an item stands, as what writing it would do."""
    effects: dict[Fate, Effect] = {Fate.ABSENT: "created", Fate.CONFIRMED: "noop"}
    return receipt.model_copy(update={"effect": receipt.effect or effects.get(receipt.fate, "")})


def looked_up(receipt: Receipt) -> Receipt:
    """How an item stands, as an answer of `look_up`: nothing there tells what an earlier write did, nor refuses one."""
    if receipt.fate is Fate.HELD:
        return receipt
    fate = Fate.UNKNOWN if receipt.fate is Fate.REFUSED else receipt.fate
    return receipt.model_copy(update={"fate": fate, "effect": ""})
