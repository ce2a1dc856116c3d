"""Linear behind the `Tickets` port: every record gets an id of ours, so that a doubtful write can be looked up."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from typing import Any, Self

import httpx

from cmo.clock import Clock
from cmo.config.secrets import Secret
from cmo.domain.outward import Fate, Operation, Probe, Receipt, Repeat, TicketItem
from cmo.domain.text import clean_line
from cmo.errors import ConfigError, ProviderError
from cmo.providers.calling import Caller
from cmo.providers.linear import documents
from cmo.providers.linear.kinds import KINDS, Kind
from cmo.providers.linear.parse import Reply, Team, Trouble, nodes, parse_team, part, text
from cmo.providers.linear.wire import PATIENCE_S, WINDOWS, Wire
from cmo.providers.ports import Meter
from cmo.providers.receipts import UNCLEAR, absent, confirmed, doubtful, failed, held, refused, unknown

TIMEOUT_S = 20.0
IDS_PER_QUERY = 50
MOST_PAGES = 20

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        name="linear.issue",
        repeat=Repeat.LOOKED_UP,
        known_by="the issue's own id, a UUID v4 that we make",
        batch=1,
        timeout_s=TIMEOUT_S,
        source="linear.md, Idempotency",
    ),
    Operation(
        name="linear.comment",
        repeat=Repeat.LOOKED_UP,
        known_by="the comment's own id, a UUID v4 that we make",
        batch=1,
        timeout_s=TIMEOUT_S,
        source="linear.md, Idempotency",
    ),
    Operation(
        name="linear.link",
        repeat=Repeat.REPEATABLE,
        known_by="the issue and the URL: a second one updates the first",
        batch=1,
        timeout_s=TIMEOUT_S,
        source="linear.md, Writes: attachmentCreate",
    ),
)

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.I)
_FIXES = {
    Trouble.FORBIDDEN: "The key may not do this: give it write access to the team, or use another key.",
    Trouble.FULL: "The plan of this Linear workspace is full: archive issues or change the plan, then try again.",
}


class Linear:
    """Linear's GraphQL API.

    A comment or a link (`linear.comment`, `linear.link`) hangs on the issue `TicketItem.parent_id`; an issue with a
    `parent_id` is its child.
    """

    def __init__(
        self,
        key: Secret,
        *,
        base_url: str,
        timeout_s: float = TIMEOUT_S,
        clock: Clock,
        meter: Meter,
        team: str = "",
        rng: random.Random | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Open no connection yet.

        Args:
            key: A personal key, which travels raw, or an OAuth token (`lin_oauth…`), which travels as Bearer.
            base_url: The GraphQL endpoint itself, `https://api.linear.app/graphql`.
            team: Id or key of the team that `probe` looks for; empty for any.
            rng: For the jitter between repeated reads.
        """
        self._team = team
        self._team_ids: dict[str, str] = {}
        self._timeout_s = timeout_s
        caller = Caller(
            "linear",
            *WINDOWS,
            patience_s=PATIENCE_S,
            base_url=base_url,
            timeout_s=timeout_s,
            clock=clock,
            meter=meter,
            rng=rng,
            transport=transport,
        )
        self._wire = Wire(key, caller)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._wire.close()

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {entry.name: entry.model_copy(update={"timeout_s": self._timeout_s}) for entry in OPERATIONS}

    async def write(self, operation: str, items: Sequence[TicketItem]) -> tuple[Receipt, ...]:
        """As `Writer.write`; `provider_id` is an issue's identifier (`ENG-12`), else the record's id.

        Raises:
            ConfigError: there is no team of that key.
        """
        kind = KINDS[operation]
        return tuple([await self._write_one(operation, kind, item) for item in items])

    async def look_up(self, operation: str, items: Sequence[TicketItem]) -> tuple[Receipt, ...]:
        """As `Writer.look_up`; archived and trashed records are there too."""
        if operation == "linear.link":
            return tuple([await self._look_up_link(item) for item in items])
        document, field = _LOOK_UPS[operation]
        receipts: list[Receipt] = []
        for start in range(0, len(items), IDS_PER_QUERY):
            some = items[start : start + IDS_PER_QUERY]
            receipts += await self._look_up_ids(document, field, some)
        return tuple(receipts)

    async def find_team(self, key_or_id: str) -> Team | None:
        """The team with that key (`ENG`) or UUID.

        Raises:
            ProviderError: unreachable, limited, key refused.
        """
        return (await self._teams(key_or_id))[1]

    async def probe(self) -> Probe:
        """Whether the key is accepted and the team exists."""
        try:
            viewer, team = await self._teams(self._team)
        except ProviderError as exc:
            return Probe(provider="linear", state="fail", detail=exc.message, fix=exc.hint)
        if not viewer:
            return Probe(provider="linear", state="fail", detail="linear: the answer names no user")
        if team is None:
            return Probe(
                provider="linear",
                state="warn",
                detail=f"accepted, but there is no team {self._team}" if self._team else "accepted, but it has no team",
                fix="cmo config set linear.team TEAM-ID",
            )
        return Probe(provider="linear", state="ok", detail=f"accepted; team {team.key} ({team.name})")

    async def _teams(self, key_or_id: str) -> tuple[str, Team | None]:
        """The id of whose key it is, and the team; any team where none is asked for."""
        field = "id" if _UUID.fullmatch(key_or_id) else "key"
        variables = {"filter": {field: {"eq": key_or_id}} if key_or_id else None}
        reply = await self._wire.read(documents.TEAMS, variables, operation="look for the team")
        rows, _ = nodes(part(reply.data, "teams"))
        return text(part(reply.data, "viewer").get("id")), parse_team(rows[0]) if rows else None

    async def _in_team(self, item: TicketItem) -> TicketItem:
        """`item` with the team's id where it has the team's key, which no write takes."""
        if not item.team_id or _UUID.fullmatch(item.team_id):
            return item
        if item.team_id not in self._team_ids:
            team = await self.find_team(item.team_id)
            if team is None:
                hint = "cmo config set linear.team TEAM-ID"
                raise ConfigError(f"There is no team `{clean_line(item.team_id, limit=60)}` in Linear.", hint=hint)
            self._team_ids[item.team_id] = team.id
        return item.model_copy(update={"team_id": self._team_ids[item.team_id]})

    async def _write_one(self, operation: str, kind: Kind, item: TicketItem) -> Receipt:
        if missing := kind.missing(item):
            return refused(item, "rejected", f"Not sent: {missing}.")
        try:
            item = await self._in_team(item)
        except UNCLEAR as exc:
            return doubtful(item, Fate.LATER, exc)
        try:
            reply = await self._wire.send(kind.document, {"input": kind.input(item)}, operation=operation)
        except UNCLEAR as exc:
            return doubtful(item, Fate.UNKNOWN, exc)
        if receipt := _receipt(kind, item, reply):
            return receipt if reply.trouble is None else await self._read_back(operation, item, receipt)
        self._wire.raise_for_call(reply, operation)
        if reply.trouble is Trouble.UNCLEAR:
            return _unclear(item, reply, f"Linear: {reply.message}")
        return await self._settle_refusal(operation, kind, item, reply)

    async def _read_back(self, operation: str, item: TicketItem, told: Receipt) -> Receipt:
        """What a success next to errors is worth: only what is found afterwards counts."""
        try:
            (found,) = await self.look_up(operation, [item])
        except ProviderError as exc:
            return failed(item, Fate.UNKNOWN, exc)
        if told.fate is Fate.HELD or found.fate is Fate.CONFIRMED:
            return told
        return unknown(item, "contract_broken", "Linear told of success and of errors, and does not show it.")

    async def _settle_refusal(self, operation: str, kind: Kind, item: TicketItem, reply: Reply) -> Receipt:
        """What came of an item that Linear does not say it took: an error may also mean that the id, which is ours,
        is there from an earlier try."""
        success = part(reply.data, kind.mutation).get("success")
        try:
            (found,) = await self.look_up(operation, [item])
        except ProviderError as exc:
            return failed(item, Fate.UNKNOWN, exc)
        if found.fate is Fate.CONFIRMED:
            return found.model_copy(update={"effect": "created" if success is True else "noop"})
        is_refused = success is not True and (success is False or reply.trouble is not None)
        if found.fate is not Fate.ABSENT or not is_refused:
            return _unclear(item, reply, "Linear's answer does not say whether it was written.")
        if reply.trouble is None:
            fate, code, reason = Fate.LATER, "rejected", "Linear answered success: false and gave no reason."
        else:
            fix = _FIXES.get(reply.trouble)
            fate, code = Fate.REFUSED, reply.trouble.value
            reason = f"Linear: {reply.message}. {fix}" if fix else f"Linear: {reply.message}"
        return Receipt(key=item.key, fate=fate, code=code, reason=reason, status=reply.status)

    async def _look_up_ids(self, document: str, field: str, items: Sequence[TicketItem]) -> list[Receipt]:
        try:
            reply = await self._wire.read(document, {"ids": [item.id for item in items]}, operation="look up")
        except UNCLEAR as exc:
            return [doubtful(item, Fate.UNKNOWN, exc) for item in items]
        rows, is_whole = nodes(part(reply.data, field))
        there = {text(row.get("id")).lower(): row for row in rows}
        return [_found(item, there.get(item.id.lower()), reply, is_whole=is_whole) for item in items]

    async def _look_up_link(self, item: TicketItem) -> Receipt:
        """Whether the issue already carries the URL, over the pages of all issues that do."""
        after: object = None
        for _ in range(MOST_PAGES):
            variables = {"url": item.url, "after": after}
            try:
                reply = await self._wire.read(documents.LINKS_BY_URL, variables, operation="look up the link")
            except UNCLEAR as exc:
                return doubtful(item, Fate.UNKNOWN, exc)
            links = part(reply.data, "attachmentsForURL")
            rows, is_whole = nodes(links)
            mine = next((row for row in rows if _is_on(row, item.parent_id or "")), None)
            page = part(links, "pageInfo")
            if mine is not None or not is_whole or page.get("hasNextPage") is not True:
                return _found(item, mine, reply, is_whole=is_whole and page.get("hasNextPage") is False)
            after = page.get("endCursor")
        reason = f"Linear shows more than {MOST_PAGES} pages of issues with this link."
        return unknown(item, "contract_broken", reason)


def _receipt(kind: Kind, item: TicketItem, reply: Reply) -> Receipt | None:
    """The receipt where the answer itself settles it."""
    payload = part(reply.data, kind.mutation)
    entity = part(payload, kind.entity)
    record_id = text(entity.get("id"))
    if payload.get("success") is not True or not record_id:
        return None
    name = text(entity.get("identifier")) or record_id
    if kind.has_own_id and record_id.lower() != item.id.lower():
        reason = f"Linear wrote it under another id than ours, as {name}: look before it is written again."
        return held(item, "contract_broken", reason, provider_id=name, status=reply.status)
    return confirmed(item, name, "created" if kind.has_own_id else "", status=reply.status)


def _found(item: TicketItem, row: Mapping[str, Any] | None, reply: Reply, *, is_whole: bool) -> Receipt:
    """CONFIRMED with a row; ABSENT only where the list is whole and nothing went wrong beside it."""
    if row is not None:
        name = text(row.get("identifier")) or text(row.get("id"))
        return confirmed(item, name)
    if is_whole and reply.trouble is None:
        return absent(item)
    return _unclear(item, reply, "Linear's answer does not hold the whole list.")


def _is_on(link: Mapping[str, Any], issue: str) -> bool:
    on = part(link, "issue")
    return issue.lower() in {text(on.get("id")).lower(), text(on.get("identifier")).lower()} - {""}


def _unclear(item: TicketItem, reply: Reply, reason: str) -> Receipt:
    code = "server_error" if reply.trouble is Trouble.UNCLEAR and not reply.is_broken else "contract_broken"
    return unknown(item, code, reason, status=reply.status)


_LOOK_UPS = {
    "linear.issue": (documents.ISSUES_BY_IDS, "issues"),
    "linear.comment": (documents.COMMENTS_BY_IDS, "comments"),
}
