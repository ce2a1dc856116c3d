"""Taking a person out of a campaign, so that the service mails them no more.

Deleting is the one request that both services have for it, that stops all further mail, that changes nothing when it is
done twice, and whose effect is seen where adding is seen: in who the campaign holds.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from cmo.domain.draft import WITHDRAW
from cmo.domain.outward import Fate, Operation, Probe, Receipt, Repeat, Withdrawal
from cmo.errors import ConfigError, ProviderError, ProviderRejected
from cmo.providers.receipts import UNCLEAR, absent, confirmed, doubtful, refused, unknown
from cmo.providers.sequencer.campaigns import Campaigns
from cmo.providers.sequencer.wire import Wire

GONE = 404


def withdraw_operation(provider: str, *, timeout_s: float, source: str) -> Operation:
    """The operation of one service."""
    return Operation(
        name=f"{provider}.{WITHDRAW}",
        repeat=Repeat.REPEATABLE,  # who is not in the campaign stays out of it
        known_by="nobody with the address in the campaign",
        batch=1,
        timeout_s=timeout_s,
        source=source,
    )


class Withdrawals:
    """A `Writer` of withdrawals at one service."""

    def __init__(
        self,
        operation: Operation,
        wire: Wire,
        campaigns: Campaigns,
        *,
        find: Callable[[str, str], Awaitable[list[str]]],
        path: Callable[[str, str], str],
    ) -> None:
        """
        Args:
            find: Campaign and address -> the service's ids of whoever has it there.
            path: Campaign and id -> what is deleted.
        """
        self._operation = operation
        self._wire = wire
        self._campaigns = campaigns
        self._find = find
        self._path = path

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {self._operation.name: self._operation}

    async def write(self, operation: str, items: Sequence[Withdrawal]) -> tuple[Receipt, ...]:
        """Take the person out and look that they are gone; see `Writer.write`.

        Of an erased person only the service's id is known: what the service answers has to do.
        """
        item = self._only(operation, items)
        campaign_id = self._campaigns.checked(item.sequence_id)
        if not item.email and not item.record_id:
            return (refused(item, "unnamed", "nothing is left here by which the service knows the person"),)
        try:
            ids = await self._find(campaign_id, item.email) if item.email else [str(item.record_id)]
        except UNCLEAR as exc:
            return (doubtful(item, Fate.LATER, exc),)
        if not ids:
            return (confirmed(item, item.record_id or "", "noop"),)
        try:
            for lead_id in ids:
                await self._delete(campaign_id, lead_id)
        except UNCLEAR as exc:
            return (doubtful(item, Fate.UNKNOWN, exc),)
        try:
            if item.email and await self._find(campaign_id, item.email):
                return (unknown(item, "still_there", "the campaign holds the person after taking them out"),)
        except ProviderError:
            return (unknown(item, "read_back_failed", "whether the person is gone could not be read back"),)
        return (confirmed(item, ids[0], "updated"),)

    async def look_up(self, operation: str, items: Sequence[Withdrawal]) -> tuple[Receipt, ...]:
        """Whether the person is out of the campaign; ABSENT while they are in it, or nobody can tell: doing it again
        does no harm. See `Writer.look_up`."""
        item = self._only(operation, items)
        campaign_id = self._campaigns.checked(item.sequence_id)
        if not item.email:
            return (absent(item),)
        try:
            is_there = await self._find(campaign_id, item.email)
        except UNCLEAR as exc:
            return (doubtful(item, Fate.UNKNOWN, exc),)
        return (absent(item) if is_there else confirmed(item, item.record_id or "", "noop"),)

    async def probe(self) -> Probe:
        return await self._campaigns.probe()

    def _only(self, operation: str, items: Sequence[Withdrawal]) -> Withdrawal:
        if operation not in self.operations:
            raise ConfigError(f"There is no operation `{operation}` for taking people out.")
        (item,) = items
        return item

    async def _delete(self, campaign_id: str, lead_id: str) -> None:
        """Raises as `Wire.write`, but not where the person was gone already."""
        what = "take a person out of a campaign"
        try:
            answer = await self._wire.write("DELETE", self._path(campaign_id, lead_id), operation=what)
        except ProviderRejected as exc:
            if exc.status == GONE:
                return
            raise
        if isinstance(answer, dict) and (answer.get("error") or answer.get("ok") is False):
            raise self._wire.broken(what, "it says that it failed")
