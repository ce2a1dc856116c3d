"""What a tool is, and the ports it is given."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, Literal, Protocol, TypeVar

from pydantic import BaseModel

from cmo.clock import Clock
from cmo.domain.event import Event
from cmo.domain.job import Plan, Stage
from cmo.drafting.inputs import DraftingInputs
from cmo.providers.ports import Artifacts, CodeHost, HistorySource, Meter, Resolver
from cmo.tools.reports import SendReport, SyncReport

PAGE_SIZE = 100
"""Most items in one page of a tool."""


class Outgoing(Protocol):
    """The outbox: what a person approved, through the gate. The only way from a tool to the outside."""

    def tools(self, plan: Plan) -> tuple[str, ...]:
        """The tools that a job of this plan may write with now, in their order."""

    async def send(
        self, job_id: str, *, tool: str, most: int | None, seq_id: str | None, per_inbox_cap: int | None
    ) -> SendReport:
        """Hand over what is approved, due and allowed.

        Args:
            tool: Has to be the one for the job's mailer; `seq_id` the job's sequence, or None.
            per_inbox_cap: A lower cap than the settings have, for this call; a higher one changes nothing.
        """

    async def sync(self, job_id: str, *, tool: str, list_id: str | None) -> SyncReport:
        """Write records, or tickets, that were not written yet."""


@dataclass(frozen=True)
class Ports:
    """The outside, as a tool sees it."""

    code_host: CodeHost
    history: HistorySource
    resolver: Resolver
    artifacts: Artifacts
    meter: Meter
    clock: Clock
    drafting: DraftingInputs | None = None
    """None where the operator has not said what to write."""
    outgoing: Outgoing | None = None


Effect = Literal["pure", "read", "write", "send"]


class Source(StrEnum):
    """Which rows a tool works on; the store pages them by key, suppression inside the query."""

    NONE = "none"
    """No rows: the call alone says what to do (one page)."""
    CURSOR = "cursor"
    """No rows: each answer says where the next page starts."""
    REPOS_UNREAD = "repos_unread"
    """`Repo` rows whose history was not read."""
    CANDIDATES_NEW = "candidates_new"
    """`PersonRef` rows (one for each login, its best) without a profile."""
    PEOPLE_WITHOUT_EMAIL = "people_without_email"
    """`LeadFacts` of enriched people whose addresses were not looked for."""
    EMAILS_UNVERIFIED = "emails_unverified"
    """Addresses (str) without a fresh verdict."""
    LEADS_UNSCORED = "leads_unscored"
    """`LeadFacts` of people whose addresses are settled and who have no score."""
    LEADS_UNDRAFTED = "leads_undrafted"
    """`LeadToDraft` of accepted leads without a draft."""
    LEADS_ACCEPTED = "leads_accepted"
    """`LeadRow` of accepted leads, in order of acceptance."""


@dataclass(frozen=True)
class PageContext:
    """What a tool may know when its next page is laid out."""

    job_id: str
    plan: Plan
    as_of: datetime
    """The job's anchor: 'the last 90 days' counts back from here."""
    page: int
    """From 1."""
    processed: int
    """Rows that the pages before have handled."""
    cursor: dict[str, Any] | None
    """What `Tool.cursor` gave for the page before; for `Source.CURSOR` it is where this page starts."""
    room: int
    """How many more repositories or people the caps allow."""
    drafting: DraftingInputs = field(default_factory=DraftingInputs)
    """What mails are written with, besides the people."""


In = TypeVar("In", bound=BaseModel)
Out = TypeVar("Out", bound=BaseModel)
Planned = TypeVar("Planned", bound=BaseModel)


@dataclass(frozen=True)
class Tool(Generic[Planned, In, Out]):
    """One tool. `run` works on the full schema; a planner only ever speaks `planned`."""

    name: str
    stage: Stage
    effect: Effect
    planned: type[Planned]
    """The narrow schema: selectors, filters and numbers; its docstring is what the planner reads."""
    takes: type[In]
    gives: type[Out]
    source: Source
    page_size: int
    layout: Callable[[Planned, Sequence[Any], PageContext], In]
    """The full call for one page of rows. Pure."""
    run: Callable[[In, Ports], Awaitable[Out]]
    events: Callable[[In, Out], list[Event]]
    """What happened, as facts. Pure."""
    cursor: Callable[[Out], dict[str, Any] | None] = lambda out: None
    """What the next page must know: for `Source.CURSOR` where it starts (None: there is none), else a carried count."""
