"""Instantly API v2: approved letters become people of a campaign that holds nothing but our variables.

Adding a person to an active campaign is the send. Source: contracts/instantly.md.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from types import TracebackType
from urllib.parse import quote

import httpx

from cmo.clock import Clock
from cmo.config.secrets import Secret
from cmo.domain.outward import Fate, Letter, Operation, PauseReport, Probe, Receipt, Repeat
from cmo.domain.outward import Sequence as MailSequence
from cmo.domain.text import clean_line
from cmo.errors import AuthRejected, ContractBroken, ProviderError, ProviderRejected, RateLimited
from cmo.providers.instantly.accounting import explain, judge
from cmo.providers.instantly.campaign import PAUSED, addresses_of, parse_inbox, problems_of, state_of
from cmo.providers.sequencer.letters import address, unfit, variables
from cmo.providers.instantly.parse import Added, Enrolled, parse_added, parse_page, whole
from cmo.providers.sequencer.wire import InDoubt, Wire, is_sure, unknown
from cmo.providers.limiter import RateLimiter
from cmo.providers.ports import Meter

NAME = "instantly"
LIMITS = ((100, 1.0), (6_000, 60.0))
"""Requests, seconds; of the whole workspace. Source: contracts/instantly.md, Limits."""
PAGE = 100
MOST_PAGES = 20
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

OPERATIONS = (
    Operation(
        name="instantly.enrol",
        # By effect: a person who is in the campaign is counted, not added again, so a second call mails nobody twice.
        # There is no idempotency key, so it is looked up first all the same.
        repeat=Repeat.REPEATABLE,
        known_by="the address within the campaign",
        batch=100,  # of 1,000: one doubtful call leaves few doubtful rows, and one page of /leads/list settles them
        timeout_s=30.0,
        source="contracts/instantly.md, Idempotency and POST /leads/add",
    ),
)


class Instantly:
    """One workspace; also an async context manager."""

    def __init__(
        self,
        key: Secret,
        *,
        base_url: str,
        timeout_s: float,
        clock: Clock,
        meter: Meter,
        zone: str | None = None,
        rng: random.Random | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Open no connection yet.

        Args:
            zone: The operator's IANA zone, for the schedules of campaigns; None for no opinion.
            rng: For the pauses between tries.
        """
        self._clock = clock
        self._zone = zone
        self._operations = {row.name: row.model_copy(update={"timeout_s": timeout_s}) for row in OPERATIONS}
        self._wire = Wire(
            NAME,
            base_url=base_url,
            timeout_s=timeout_s,
            clock=clock,
            meter=meter,
            limiter=RateLimiter(clock, *LIMITS),
            told_wait_s=lambda answer, now: None,  # 429 comes without any figure
            credentials={"Authorization": Secret(f"Bearer {key.reveal()}")},
            rng=rng,
            transport=transport,
        )

    async def close(self) -> None:
        await self._wire.close()

    async def __aenter__(self) -> Instantly:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def operations(self) -> Mapping[str, Operation]:
        return self._operations

    async def write(self, operation: str, items: Sequence[Letter]) -> tuple[Receipt, ...]:
        """Add the people of `items`, all of one campaign; see `Writer.write`.

        People of any campaign of the workspace are left out by the service (`skip_if_in_campaign`); nothing that lifts
        a protection is ever set.
        """
        campaign_id = self._campaign_of(operation, items)
        receipts = unfit(items)
        fit = [letter for letter in items if letter.key not in receipts]
        if fit:
            try:
                receipts |= await self._enrol(campaign_id, fit)
            except InDoubt as doubt:
                receipts |= unknown(fit, doubt)
        return tuple(receipts[letter.key] for letter in items)

    async def look_up(self, operation: str, items: Sequence[Letter]) -> tuple[Receipt, ...]:
        """Whether the people of `items` are in the campaign, with our text; see `Writer.look_up`."""
        campaign_id = self._campaign_of(operation, items)
        try:
            there = await self._find(items, campaign_id=campaign_id)
        except ProviderError as exc:
            if is_sure(exc):
                raise
            doubt = InDoubt("look_up_failed", "the service could not be asked", status=exc.status)
            receipts = unknown(items, doubt)
            return tuple(receipts[letter.key] for letter in items)
        return tuple(judge(letter, there) for letter in items)

    async def sequence(self, sequence_id: str | None) -> MailSequence:
        """The campaign and its inboxes; see `Mailer.sequence`."""
        campaign_id = self._checked(sequence_id)
        campaign = await self._campaign(campaign_id)
        now = self._clock.now()
        return MailSequence(
            id=campaign_id,
            name=clean_line(str(campaign.get("name") or "")),
            state=state_of(campaign),
            inboxes=tuple(
                [parse_inbox(inbox, await self._account(inbox), now=now) for inbox in addresses_of(campaign)]
            ),
            problems=problems_of(campaign, zone=self._zone, on=now.date()),
        )

    async def pause(self, sequence_id: str) -> PauseReport:
        """Pause, and read back, whatever the pausing itself answered; see `Mailer.pause`."""
        asked = ""
        try:
            campaign_id = self._checked(sequence_id)
            try:
                await self._wire.ask("POST", f"/api/v2/campaigns/{campaign_id}/pause", operation="pause a campaign")
            except ProviderError as exc:
                asked = f" Asking for it failed: {exc.message}."
            is_paused = whole((await self._campaign(campaign_id)).get("status")) == PAUSED
        except ProviderError as exc:
            return _paused(sequence_id, False, f"Whether the campaign is paused is not known: {exc.message}.{asked}")
        if is_paused:
            return _paused(sequence_id, True, "Instantly says that the campaign is paused.")
        return _paused(sequence_id, False, f"The campaign is not paused: pause it in Instantly.{asked}")

    async def probe(self) -> Probe:
        """Read the workspace's name; see `Writer.probe`."""
        try:
            body = await self._wire.ask("GET", "/api/v2/workspaces/current", operation="read the workspace", tries=1)
        except RateLimited as exc:
            return Probe(provider=NAME, state="warn", detail=f"The limit is reached for {exc.retry_after_s:.0f} s.")
        except AuthRejected as exc:
            return Probe(provider=NAME, state="fail", detail="Instantly refuses the key.", fix=exc.hint)
        except ProviderError as exc:
            return Probe(provider=NAME, state="fail", detail=exc.message, fix=exc.hint)
        name = clean_line(str(body.get("name") or "")) if isinstance(body, dict) else ""
        return Probe(provider=NAME, state="ok", detail=f"The key is accepted{f'; workspace {name}' if name else ''}.")

    async def _enrol(self, campaign_id: str, letters: Sequence[Letter]) -> dict[str, Receipt]:
        """A receipt for each letter by key.

        Raises:
            ProviderError: surely nobody was added.
            InDoubt: the answer does not say who was.
        """
        answer = await self._wire.write(
            "POST",
            "/api/v2/leads/add",
            operation="add people to a campaign",
            body={
                "campaign_id": campaign_id,
                "leads": [_lead(letter) for letter in letters],
                "skip_if_in_campaign": True,
            },
        )
        added = parse_added(answer, [address(letter) for letter in letters])
        if added is None:
            raise InDoubt("contract_broken", "the answer does not say who was added", status=200)
        receipts = {
            letters[place].key: Receipt(
                key=letters[place].key, fate=Fate.CONFIRMED, effect="created", provider_id=lead_id or None, status=200
            )
            for place, lead_id in added.created.items()
        }
        rest = [letter for letter in letters if letter.key not in receipts]
        return receipts | (await self._account_for(campaign_id, rest, added) if rest else {})

    async def _account_for(self, campaign_id: str, rest: Sequence[Letter], added: Added) -> dict[str, Receipt]:
        """Why each of `rest` was not added: read back once, then by the counters."""
        try:
            there = await self._find(rest, campaign_id=campaign_id)
            found = {letter.key: judge(letter, there) for letter in rest}
            gone = [letter for letter in rest if found[letter.key].fate is Fate.ABSENT]
            elsewhere = await self._find(gone, campaign_id=None) if gone else []
        except ProviderError:
            return unknown(rest, InDoubt("read_back_failed", f"they could not be read back ({added.told})"))
        return found | explain(gone, added, present=len(rest) - len(gone), elsewhere=elsewhere)

    async def _find(self, letters: Sequence[Letter], *, campaign_id: str | None) -> list[Enrolled]:
        """Where the people of `letters` are: in one campaign, or, for None, in the whole workspace."""
        emails = list(dict.fromkeys(letter.to_email.strip() for letter in letters))
        body: dict[str, object] = {"contacts": emails, "limit": PAGE}
        if campaign_id is not None:
            body["campaign"] = campaign_id
        found: list[Enrolled] = []
        for _ in range(MOST_PAGES):
            page = parse_page(await self._wire.ask("POST", "/api/v2/leads/list", operation="look people up", body=body))
            if page is None:
                raise self._wire.broken("look people up", "it has no items")
            people, cursor = page
            found += people
            if not people or not cursor:
                wanted = {address(letter) for letter in letters}
                mine = (campaign_id, "")  # a row without a campaign is of the one that was asked for
                return [
                    row for row in found if row.email in wanted and (campaign_id is None or row.campaign_id in mine)
                ]
            body["starting_after"] = cursor
        raise self._wire.broken("look people up", "its pages do not end")

    async def _campaign(self, campaign_id: str) -> dict[str, object]:
        body = await self._wire.ask("GET", f"/api/v2/campaigns/{campaign_id}", operation="read a campaign")
        if not isinstance(body, dict) or "status" not in body:
            raise self._wire.broken("read a campaign", "it has no status")
        return body

    async def _account(self, inbox: str) -> object:
        """What Instantly knows of an inbox; nothing where the key may not read it or it is gone."""
        try:
            return await self._wire.ask("GET", f"/api/v2/accounts/{quote(inbox, safe='@')}", operation="read an inbox")
        except (ProviderRejected, ContractBroken):
            return None

    def _campaign_of(self, operation: str, items: Sequence[Letter]) -> str:
        """The one campaign of `items`.

        Raises:
            ProviderRejected: there is none, or several; nothing was sent.
        """
        if len(items) > self._operations[operation].batch:
            raise ValueError(f"{operation} takes at most {self._operations[operation].batch} items")
        named = {letter.sequence_id for letter in items}
        return self._checked(named.pop() if len(named) == 1 else None)

    def _checked(self, sequence_id: str | None) -> str:
        if sequence_id is None or not _ID.fullmatch(sequence_id):
            raise ProviderRejected(
                "instantly: name the campaign by its id, a UUID.",
                provider=NAME,
                operation="choose a campaign",
                hint="The id is the last part of the campaign's address in Instantly.",
            )
        return sequence_id.casefold()


def _paused(sequence_id: str, is_paused: bool, detail: str) -> PauseReport:
    return PauseReport(provider=NAME, sequence_id=sequence_id, is_paused=is_paused, detail=detail)


def _lead(letter: Letter) -> dict[str, object]:
    names = {"first_name": letter.first_name, "last_name": letter.last_name, "company_name": letter.company}
    return {
        "email": letter.to_email.strip(),
        **{name: value for name, value in names.items() if value},
        "custom_variables": variables(letter),
    }
