"""Smartlead API v1: approved letters become people of a campaign that holds nothing but our variables.

Adding a person to an active campaign is the send. Nothing that lifts a protection (`ignore_*`) is ever set.
Source: contracts/smartlead.md, whose warning is why membership is read back after every write.
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
from cmo.domain.outward import Effect, Fate, Letter, Operation, PauseReport, Probe, Receipt, Repeat
from cmo.domain.outward import Sequence as MailSequence
from cmo.domain.text import clean_line
from cmo.errors import ProviderError
from cmo.providers.calling import Caller
from cmo.providers.ports import Meter
from cmo.providers.receipts import UNCLEAR, doubtful, held, unknown
from cmo.providers.sequencer.campaigns import Campaigns, Manner, add_fit
from cmo.providers.sequencer.letters import variables
from cmo.providers.sequencer.wire import PATIENCE_S, Wire
from cmo.providers.sequencer.withdrawals import Withdrawals, withdraw_operation
from cmo.providers.smartlead.accounting import explain, is_explained, judge, not_ok
from cmo.providers.smartlead.campaign import PAUSED, parse_inboxes, problems_of, state_of, timing_problems
from cmo.providers.smartlead.parse import Lead, Said, parse_lead, parse_said, told_wait_s

NAME = "smartlead"
LIMITS = ((10, 2.0), (60, 60.0), (1_000, 3600.0))
"""Requests, seconds; the lowest figures of any document. Source: contracts/smartlead.md, Limits."""
LATE_S = (5.0, 15.0)
"""Pauses before people whom the counters do not explain are looked for again."""
MANNER = Manner(
    provider=NAME,
    title="Smartlead",
    root="/campaigns",
    id_form=re.compile(r"[0-9]{1,18}"),
    id_words="a number",
    id_place="The id is the number in the campaign's address in Smartlead.",
    pause_path="/status",
    pause_body={"status": PAUSED},
    state_of=state_of,
    probe_path="/leads/fetch-categories",
)

OPERATIONS = (
    Operation(
        name="smartlead.enrol",
        # By effect: a person who is in the campaign is not added again, so a second call mails nobody twice.
        # There is no idempotency key, so it is looked up first all the same.
        repeat=Repeat.REPEATABLE,
        known_by="the address within the campaign",
        batch=20,  # of 100: each person costs a request to read back, of 60 a minute
        timeout_s=30.0,
        source="contracts/smartlead.md, Idempotency and POST /campaigns/{id}/leads",
    ),
)


WITHDRAW = withdraw_operation(
    NAME, timeout_s=30.0, source="contracts/smartlead.md, DELETE /campaigns/{id}/leads/{lead_id}"
)


class Smartlead:
    """One account; also an async context manager. The key travels in the query, so no URL is ever told."""

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
            base_url: With `/api/v1`.
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
        self._wire = Wire(caller, told_wait_s=told_wait_s, secret_params={"api_key": key})
        self._campaigns = Campaigns(self._wire, MANNER, clock)
        self._withdrawals = Withdrawals(
            WITHDRAW.model_copy(update={"timeout_s": timeout_s}),
            self._wire,
            self._campaigns,
            find=self._ids,
            path=lambda campaign_id, lead_id: f"/campaigns/{campaign_id}/leads/{quote(lead_id, safe='')}",
        )

    async def close(self) -> None:
        await self._wire.close()

    async def __aenter__(self) -> Smartlead:
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
        """Add the people of `items`, all of one campaign, and read each back; see `Writer.write`."""
        campaign_id = self._campaigns.of(self._operations.get(operation), items)
        await self._campaigns.look_again(campaign_id)
        return await add_fit(items, partial(self._enrol, campaign_id), title=MANNER.title)

    async def look_up(self, operation: str, items: Sequence[Letter]) -> tuple[Receipt, ...]:
        """Whether the people of `items` are in the campaign, with our text; see `Writer.look_up`."""
        campaign_id = self._campaigns.of(self._operations.get(operation), items)
        receipts = []
        for letter in items:
            try:
                receipts.append(judge(letter, await self._lead(letter.to_email), campaign_id))
            except UNCLEAR as exc:
                receipts.append(doubtful(letter, Fate.UNKNOWN, exc))
        return tuple(receipts)

    async def sequence(self, sequence_id: str | None) -> MailSequence:
        """The campaign, its steps and its inboxes; see `Mailer.sequence`."""
        campaign_id = self._campaigns.checked(sequence_id)
        campaign = await self._campaigns.read(campaign_id)
        steps = await self._wire.ask("GET", f"/campaigns/{campaign_id}/sequences", operation="read the steps")
        accounts = await self._wire.ask("GET", f"/campaigns/{campaign_id}/email-accounts", operation="read inboxes")
        inboxes = parse_inboxes(accounts)
        return MailSequence(
            id=campaign_id,
            name=clean_line(str(campaign.get("name") or "")),
            state=state_of(campaign),
            inboxes=inboxes,
            problems=(
                *problems_of(campaign, steps, inboxes),
                *timing_problems(campaign, zone=self._zone, hours=self._hours, on=self._clock.now().date()),
            ),
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
            f"/campaigns/{campaign_id}/leads",
            operation=operation,
            body={"lead_list": [_lead_input(letter) for letter in letters]},
        )
        said = parse_said(answer)
        if said is None:
            raise self._wire.broken(operation, "it does not say what happened")
        is_all_new = said.added == len(letters) or (said.already == 0 and not said.maybe_there)
        effect: Effect = "created" if is_all_new else ""
        try:
            return await self._account_for(campaign_id, letters, said, effect)
        except ProviderError:
            reason = f"they could not be read back ({said.told})"
            return {letter.key: unknown(letter, "read_back_failed", reason) for letter in letters}

    async def _account_for(
        self, campaign_id: str, letters: Sequence[Letter], said: Said, effect: Effect
    ) -> dict[str, Receipt]:
        """Everybody by what is read back; those whom neither that nor the counters explain are looked for again."""
        receipts: dict[str, Receipt] = {}
        leads: dict[str, Lead] = {}
        absent = list(letters)
        for pause_s in (0.0, *LATE_S):
            await self._clock.sleep(pause_s)
            for letter in absent:
                leads[letter.key] = await self._lead(letter.to_email)
                receipts[letter.key] = judge(letter, leads[letter.key], campaign_id, effect=effect)
            absent = [letter for letter in letters if receipts[letter.key].fate is Fate.ABSENT]
            if not absent:
                return receipts
            present = len(letters) - len(absent)
            if not said.is_ok or said.is_limit_reached:
                return receipts | not_ok(absent, said, anybody=present > 0)
            if is_explained(len(absent), present, said):
                return receipts | explain(absent, leads, said)
        reason = f"the service's figures do not add up: {said.told or 'none'}"
        return receipts | {letter.key: held(letter, "counters", reason) for letter in absent}

    async def _ids(self, campaign_id: str, email: str) -> list[str]:
        """Of whoever has the address in the campaign."""
        lead = await self._lead(email)
        if campaign_id not in lead.campaign_ids:
            return []
        if not lead.id:
            raise self._wire.broken("look a person up", "the person has no id")
        return [lead.id]

    async def _lead(self, email: str) -> Lead:
        operation = "look a person up"
        params = {"email": email.strip()}
        lead = parse_lead(await self._wire.ask("GET", "/leads/", operation=operation, params=params))
        if lead is None:
            raise self._wire.broken(operation, "it is no person")
        return lead


def _lead_input(letter: Letter) -> dict[str, object]:
    names = {"first_name": letter.first_name, "last_name": letter.last_name, "company_name": letter.company}
    return {
        "email": letter.to_email.strip(),
        **{name: value for name, value in names.items() if value},
        "custom_fields": variables(letter),
    }
