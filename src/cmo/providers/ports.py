"""What the rest of cmo needs from the outside, by ability. Narrow on purpose; vendors stand behind these."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar

from cmo.domain.base import Frozen
from cmo.domain.lead import Email, ItemFailure, MxVerdict, PersonProfile, Repo, RepoActivity, RepoRef
from cmo.domain.outward import CrmItem, Item, Letter, Operation, PauseReport, Probe, Receipt, TicketItem, Withdrawal
from cmo.domain.outward import Sequence as MailSequence


class Meter:
    """Counts what a provider call costs; the executor reads the difference around each page.

    Names in use: api_calls, github_api_calls, github_rest_calls, github_points, github_not_modified, cache_hits,
    dns_queries, tokens_used, openai_api_calls.
    """

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def add(self, name: str, count: int = 1) -> None:
        self._counts[name] += count

    def snapshot(self) -> dict[str, int]:
        return dict(self._counts)

    def since(self, before: Mapping[str, int]) -> dict[str, int]:
        """What was counted after `before` (a snapshot), without zeros."""
        return {
            name: count - before.get(name, 0) for name, count in self._counts.items() if count != before.get(name, 0)
        }


class CachedAnswer(Frozen):
    """A stored answer of a provider."""

    body: str
    """JSON text."""
    etag: str | None = None
    last_modified: str | None = None
    fetched_at: datetime


class ResponseCache(Protocol):
    """Where providers keep answers across pages, jobs and crashes. An answer is stored before its page commits."""

    def get(self, keys: Sequence[str]) -> dict[str, CachedAnswer]:
        """The stored answers among `keys`."""

    def put(self, answers: Mapping[str, CachedAnswer]) -> None:
        """Store or replace; durable when it returns."""


class RepoPage(Frozen):
    """Up to 100 repositories of a search, and where to go on."""

    repos: tuple[Repo, ...]
    cursor: dict[str, Any] | None
    """Opaque; give it back for the next page. None when nothing is left."""
    matching: int
    """How many repositories match the whole query; GitHub's estimate."""
    query: str
    """The query text that this page came from."""


class RepoQuery(Frozen):
    """A repository search; None and empty mean any. Several languages or topics need several queries."""

    text: str = ""
    """GitHub search syntax, added as it is."""
    language: str | None = None
    topic: str | None = None
    stars_low: int | None = None
    stars_high: int | None = None
    pushed_after: datetime | None = None
    pushed_before: datetime | None = None
    exclude_topics: tuple[str, ...] = ()


class PersonKey(Frozen):
    """Names an account to look up; with `user_id` a renamed account is still found."""

    login: str
    user_id: str | None = None


class BudgetLeft(Frozen):
    """One bucket of a provider's limits, as last told."""

    provider: str
    resource: str
    limit: int
    remaining: int
    resets_at: datetime | None


class HistorySource(Protocol):
    async def fetch_activity(self, repos: Sequence[RepoRef], *, since: datetime) -> tuple[RepoActivity, ...]:
        """Who committed to each of `repos` since `since`, in the order given; gone or empty ones say so.

        Raises:
            RateLimited: what was read until then is cached and not asked for again.
        """


class CodeHost(HistorySource, Protocol):
    async def search_repos(self, query: RepoQuery, *, cursor: dict[str, Any] | None, limit: int) -> RepoPage:
        """One page of matching repositories, most stars first within a slice; slices past 1,000 results itself."""

    async def fetch_profiles(
        self, people: Sequence[PersonKey]
    ) -> tuple[tuple[PersonProfile, ...], tuple[ItemFailure, ...]]:
        """The profiles of `people`, in the order given, and those that could not be had: gone or no person."""

    def budgets(self) -> tuple[BudgetLeft, ...]:
        """What is left as of the last answers; no request."""


class Resolver(Protocol):
    async def check(self, emails: Sequence[str]) -> tuple[MxVerdict, ...]:
        """A verdict for each address, in the order given; never raises for what the network does."""


class Artifacts(Protocol):
    """The job's folder of files."""

    def write(self, path: str, text: str) -> None:
        """Write `path` (relative, no `..`) atomically, owner-only.

        Raises:
            OutputUnwritable: disk full, or the folder cannot be written.
        """

    def concatenate(self, parts: Sequence[str], path: str) -> None:
        """Join the files `parts` into `path` atomically, in order, and remove them."""


class Finding(Frozen):
    """An address found for a login."""

    login: str
    email: Email


ItemT = TypeVar("ItemT", bound=Item, contravariant=True)


class Writer(Protocol[ItemT]):
    """Whoever can write to the outside. Reached through the outbox only.

    `write` and `look_up` never raise once a byte of a request may have left: they then answer UNKNOWN. They may raise
    only where surely nothing of the call happened: RateLimited, ProviderUnavailable before a connection stood,
    AuthRejected, ProviderRejected for the whole call, ConfigError.
    """

    @property
    def operations(self) -> Mapping[str, Operation]:
        """What it can write: `Operation.name` -> the operation."""

    async def write(self, operation: str, items: Sequence[ItemT]) -> tuple[Receipt, ...]:
        """Write `items`, at most `Operation.batch`; a receipt for each, in the order given. One attempt, no retries:
        the outbox repeats what may be repeated."""

    async def look_up(self, operation: str, items: Sequence[ItemT]) -> tuple[Receipt, ...]:
        """Whether each of `items` is there: CONFIRMED, ABSENT, HELD (several) or UNKNOWN (cannot be known now)."""

    async def probe(self) -> Probe:
        """One harmless request; never raises for what the service does."""


class Mailer(Writer[Letter], Protocol):
    """Carries approved mail: a mailbox of one's own, or a service with sequences."""

    async def sequence(self, sequence_id: str | None) -> MailSequence:
        """The campaign mail is handed to, as it stands.

        Raises:
            ProviderError: unreachable, key refused, or there is no such campaign.
        """

    async def pause(self, sequence_id: str) -> PauseReport:
        """Pause the campaign and read it back; never raises for what the service does."""


class SequenceMailer(Mailer, Protocol):
    """A mailer that is handed a person once, and then follows a sequence of its own."""

    @property
    def withdrawals(self) -> Writer[Withdrawal]:
        """Takes people out of campaigns again."""


class Crm(Writer[CrmItem], Protocol):
    """Keeps people, lists and notes."""

    async def preview(self, operation: str, items: Sequence[CrmItem]) -> tuple[Receipt, ...]:
        """What writing each item would do, by reading only: `effect` says created, updated, noop or ambiguous; REFUSED
        and UNKNOWN have none."""

    async def require_list(self, list_id: str) -> None:
        """Make sure that people can be put on the list.

        Raises:
            ProviderRejected: there is no such list, or the key may not see it.
            ConfigError: this CRM has no lists.
        """


class Tickets(Writer[TicketItem], Protocol):
    """Keeps issues."""
