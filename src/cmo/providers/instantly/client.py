"""Instantly API v2: approved letters become people of a campaign that holds nothing but our variables.

Adding a person to an active campaign is the send. Source: contracts/instantly.md.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from functools import partial
from types import TracebackType
from urllib.parse import quote

import httpx

from cmo.clock import Clock
from cmo.config.secrets import Secret
from cmo.domain.outward import Fate, Letter, Operation, PauseReport, Probe, Receipt, Repeat
from cmo.domain.outward import Sequence as MailSequence
from cmo.domain.text import clean_line
from cmo.errors import ContractBroken, ProviderError, ProviderRejected
from cmo.providers.calling import Caller
from cmo.providers.instantly.accounting import are_all_blocked, explain, judge
from cmo.providers.instantly.campaign import addresses_of, parse_inbox, problems_of, state_of
from cmo.providers.instantly.parse import BLOCKED, Added, Enrolled, parse_added, parse_blocked, parse_page
from cmo.providers.ports import Meter
from cmo.providers.receipts import UNCLEAR, confirmed, doubtful, unknown
from cmo.providers.sequencer.campaigns import Campaigns, Manner, Scope, add_fit
from cmo.providers.sequencer.letters import address, variables
from cmo.providers.sequencer.wire import PATIENCE_S, Wire
from cmo.providers.sequencer.withdrawals import Withdrawals, withdraw_operation

NAME = "instantly"
LIMITS = ((100, 1.0), (6_000, 60.0))
"""Requests, seconds; of the whole workspace. Source: contracts/instantly.md, Limits."""
PAGE = 100
MOST_PAGES = 20
MOST_LOOKED_FOR = 20
"""People of one call who are looked for on the block list."""
MANNER = Manner(
    provider=NAME,
    title="Instantly",
    root="/api/v2/campaigns",
    id_form=re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE),
    id_words="a UUID",
    id_place="The id is the last part of the campaign's address in Instantly.",
    pause_path="/pause",
    pause_body=None,
    state_of=state_of,
    probe_path="/api/v2/workspaces/current",
    scopes=(
        Scope("campaigns:read", "/api/v2/campaigns?limit=1"),
        Scope("accounts:read", "/api/v2/accounts?limit=1"),
        Scope("leads:read", "/api/v2/leads/list", method="POST", body={"limit": 1}),
    ),
    all_scopes="campaigns:read, campaigns:update, accounts:read, leads:read, leads:create, leads:update, leads:delete, "
    "block_list_entries:read",
)

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


WITHDRAW = withdraw_operation(NAME, timeout_s=30.0, source="contracts/instantly.md, GET/PATCH/DELETE /leads/{id}")


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
        hours: tuple[int, int] = (8, 18),
        rng: random.Random | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Open no connection yet.

        Args:
            zone: The operator's IANA zone, for the schedules of campaigns; None for no opinion.
            hours: From and until when those may send.
            rng: For the pauses between tries.
        """
        self._clock = clock
        self._zone, self._hours = zone, hours
        self._operations = {row.name: row.model_copy(update={"timeout_s": timeout_s}) for row in OPERATIONS}
        caller = Caller(
            NAME,
            *LIMITS,
            patience_s=PATIENCE_S,
            base_url=base_url,
            timeout_s=timeout_s,
            clock=clock,
            meter=meter,
            rng=rng,
            transport=transport,
        )
        self._wire = Wire(
            caller,
            told_wait_s=lambda answer, now: None,  # 429 comes without any figure
            credentials={"Authorization": Secret(f"Bearer {key.reveal()}")},
        )
        self._campaigns = Campaigns(self._wire, MANNER, clock)
        self._withdrawals = Withdrawals(
            WITHDRAW.model_copy(update={"timeout_s": timeout_s}),
            self._wire,
            self._campaigns,
            find=self._ids,
            path=lambda campaign_id, lead_id: f"/api/v2/leads/{quote(lead_id, safe='')}",
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

    @property
    def withdrawals(self) -> Withdrawals:
        return self._withdrawals

    async def write(self, operation: str, items: Sequence[Letter]) -> tuple[Receipt, ...]:
        """Add the people of `items`, all of one campaign; see `Writer.write`.

        People of any campaign of the workspace are left out by the service (`skip_if_in_campaign`); nothing that lifts
        a protection is ever set.
        """
        campaign_id = self._campaigns.of(self._operations.get(operation), items)
        await self._campaigns.look_again(campaign_id)
        return await add_fit(items, partial(self._enrol, campaign_id), title=MANNER.title)

    async def look_up(self, operation: str, items: Sequence[Letter]) -> tuple[Receipt, ...]:
        """Whether the people of `items` are in the campaign, with our text; see `Writer.look_up`."""
        campaign_id = self._campaigns.of(self._operations.get(operation), items)
        try:
            there = await self._find(_emails(items), campaign_id=campaign_id)
        except UNCLEAR as exc:
            return tuple(doubtful(letter, Fate.UNKNOWN, exc) for letter in items)
        return tuple(judge(letter, there) for letter in items)

    async def sequence(self, sequence_id: str | None) -> MailSequence:
        """The campaign and its inboxes; see `Mailer.sequence`."""
        campaign_id = self._campaigns.checked(sequence_id)
        campaign = await self._campaigns.read(campaign_id)
        now = self._clock.now()
        return MailSequence(
            id=campaign_id,
            name=clean_line(str(campaign.get("name") or "")),
            state=state_of(campaign),
            inboxes=tuple(
                [parse_inbox(inbox, await self._account(inbox), now=now) for inbox in addresses_of(campaign)]
            ),
            problems=problems_of(campaign, zone=self._zone, hours=self._hours, on=now.date()),
        )

    async def pause(self, sequence_id: str) -> PauseReport:
        return await self._campaigns.pause(sequence_id)

    async def probe(self) -> Probe:
        return await self._campaigns.probe()

    async def _enrol(self, campaign_id: str, letters: Sequence[Letter]) -> dict[str, Receipt]:
        """A receipt for each letter by key; raises as `Wire.write`."""
        operation = "add people to a campaign"
        answer = await self._wire.write(
            "POST",
            "/api/v2/leads/add",
            operation=operation,
            body={
                "campaign_id": campaign_id,
                "leads": [_lead(letter) for letter in letters],
                "skip_if_in_campaign": True,
            },
        )
        added = parse_added(answer, [address(letter) for letter in letters])
        if added is None:
            raise self._wire.broken(operation, "it does not say who was added")
        receipts = {
            letters[place].key: confirmed(letters[place], lead_id, "created", status=200)
            for place, lead_id in added.created.items()
        }
        rest = [letter for letter in letters if letter.key not in receipts]
        return receipts | (await self._account_for(campaign_id, rest, added) if rest else {})

    async def _account_for(self, campaign_id: str, rest: Sequence[Letter], added: Added) -> dict[str, Receipt]:
        """Why each of `rest` was not added: read back once, then by the counters."""
        try:
            there = await self._find(_emails(rest), campaign_id=campaign_id)
            found = {letter.key: judge(letter, there) for letter in rest}
            gone = [letter for letter in rest if found[letter.key].fate is Fate.ABSENT]
            elsewhere = await self._find(_emails(gone), campaign_id=None) if gone else []
            blocked = await self._blocked(gone, added)
        except ProviderError:
            reason = f"they could not be read back ({added.told})"
            return {letter.key: unknown(letter, "read_back_failed", reason) for letter in rest}
        return found | explain(gone, added, present=len(rest) - len(gone), elsewhere=elsewhere, blocked=blocked)

    async def _ids(self, campaign_id: str, email: str) -> list[str]:
        """Of whoever has the address in the campaign."""
        there = await self._find([email.strip()], campaign_id=campaign_id)
        if not all(row.id for row in there):
            raise self._wire.broken("look people up", "somebody has no id")
        return [row.id for row in there]

    async def _find(self, emails: Sequence[str], *, campaign_id: str | None) -> list[Enrolled]:
        """Where the people with these addresses are: in one campaign, or, for None, in the whole workspace."""
        body: dict[str, object] = {"contacts": list(emails), "limit": PAGE}
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
                mine = (campaign_id, "")  # a row without a campaign is of the one that was asked for
                return [row for row in found if campaign_id is None or row.campaign_id in mine]
            body["starting_after"] = cursor
        raise self._wire.broken("look people up", "its pages do not end")

    async def _blocked(self, gone: Sequence[Letter], added: Added) -> set[str]:
        """Whose address is on the block list: by the counters where they leave no doubt, else by looking, for a few."""
        if are_all_blocked(gone, added):
            return {address(letter) for letter in gone}
        if not added.is_whole or not added.counters[BLOCKED] or len(gone) > MOST_LOOKED_FOR:
            return set()
        try:
            return {address(letter) for letter in gone if await self._is_blocked(address(letter))}
        except ProviderRejected:  # the key may not look
            return set()

    async def _is_blocked(self, email: str) -> bool:
        """Whether the block list holds the address or its domain."""
        for name in (email, email.rpartition("@")[2]):
            params = {"search": name, "limit": str(PAGE)}
            operation = "look at the block list"
            body = await self._wire.ask("GET", "/api/v2/block-lists-entries", operation=operation, params=params)
            if name in parse_blocked(body):
                return True
        return False

    async def _account(self, inbox: str) -> object:
        """What Instantly knows of an inbox; nothing where the key may not read it or it is gone."""
        try:
            return await self._wire.ask("GET", f"/api/v2/accounts/{quote(inbox, safe='@')}", operation="read an inbox")
        except (ProviderRejected, ContractBroken):
            return None


def _emails(letters: Sequence[Letter]) -> list[str]:
    return list(dict.fromkeys(letter.to_email.strip() for letter in letters))


def _lead(letter: Letter) -> dict[str, object]:
    names = {"first_name": letter.first_name, "last_name": letter.last_name, "company_name": letter.company}
    return {
        "email": letter.to_email.strip(),
        **{name: value for name, value in names.items() if value},
        "custom_variables": variables(letter),
    }
