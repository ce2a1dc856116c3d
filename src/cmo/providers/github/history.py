"""Reads the histories of many repositories: a few adaptive documents, each answer kept as it arrives."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from pydantic import ValidationError

from cmo.domain.lead import ActivityState, RepoActivity, RepoRef
from cmo.errors import ContractBroken, ProviderUnavailable
from cmo.providers.github.answers import GraphAnswer, GraphError, GraphQLMissing, TooHeavy
from cmo.providers.github.batches import BatchSizer, work_off
from cmo.providers.github.history_rest import RestHistory
from cmo.providers.github.limits import is_blocked
from cmo.providers.github.parse import Evidence, Malformed, PageRead, parse_evidence, parse_page
from cmo.providers.github.queries import PageAsk, history_document, points
from cmo.providers.github.reading import Reading
from cmo.providers.github.rest import Rest
from cmo.providers.github.wire import Wire
from cmo.providers.ports import CachedAnswer

OPERATION = "read histories"
SMALLEST_PAGE = 12
MAX_FAILURES = 4
"""Of one repository on its own account, before it is read by REST."""
WORKERS = 1
"""One after the other, as GitHub asks for: a document takes seconds of its processing, and 60 s in 60 s are allowed."""
_FORGOTTEN = "null"
"""The body of a page that an activity has taken the place of; the cache port has no deletion."""


class Histories:
    """Reads activities; the size of its batches is learnt over its whole life."""

    def __init__(self, wire: Wire, rest: Rest) -> None:
        self._wire = wire
        self._rest = RestHistory(rest)
        self._sizer = BatchSizer()

    async def fetch(self, repos: Sequence[RepoRef], *, since: datetime) -> tuple[RepoActivity, ...]:
        """Who committed to each of `repos` since the beginning (UTC) of the day of `since`, in the order given.

        Whole days, so that jobs of one day share what was read: an activity is kept under repository and date, and
        the pages of a long history one by one until it is whole.

        Raises:
            RateLimited, ProviderUnavailable: what was read until then is kept and not asked for again.
            AuthRejected, ProviderRejected.
        """
        day = since.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        done = await _Round(self._wire, self._rest, self._sizer, repos, day).run()
        return tuple(done[_name(repo)].model_copy(update={"repo": repo}) for repo in repos)


class _Round:
    """One call of `fetch`: readings become activities one by one."""

    def __init__(
        self, wire: Wire, rest: RestHistory, sizer: BatchSizer, repos: Sequence[RepoRef], since: datetime
    ) -> None:
        self._wire = wire
        self._rest = rest
        self._sizer = sizer
        self._since = since
        self._readings = {_name(repo): Reading(repo, since) for repo in repos}
        self._done: dict[str, RepoActivity] = {}
        self._queue: deque[PageAsk] = deque()

    async def run(self) -> dict[str, RepoActivity]:
        """Wave after wave: all first pages, then all later ones together, so that few documents are enough."""
        self._recall_activities()
        while asks := [ask for reading in self._open() for ask in reading.asks()]:
            self._queue.extend(self._recall_pages(asks))
            await work_off(self._step, workers=WORKERS)
            self._keep()
        return self._done

    async def _step(self) -> bool:
        """Read the next batch; False when there is none."""
        if not self._queue:
            return False
        batch = [ask for ask in self._sizer.take(self._queue) if not self._is_settled(ask)]
        if not batch:
            return True
        try:
            answer = await self._ask(batch)
        except TooHeavy:
            self._sizer.was_too_much(batch)
            await self._ask_for_less(batch)
        except ProviderUnavailable:
            if not await self._wire.is_up():
                raise
            await self._ask_for_less(batch)  # one of them may be what GitHub stumbles over
        except GraphQLMissing:
            for ask in batch:
                await self._read_by_rest(ask)
        else:
            await self._take_in(batch, answer)
        self._keep()
        return True

    async def _ask(self, batch: Sequence[PageAsk]) -> GraphAnswer:
        document, variables = history_document(batch, f"{self._since:%Y-%m-%dT%H:%M:%SZ}")
        cost = points(sum(ask.connections for ask in batch))
        return await self._wire.graphql(document, variables, operation=OPERATION, cost=cost)

    async def _ask_for_less(self, batch: list[PageAsk]) -> None:
        """A batch was too much: the same again in halves, or smaller pages of the one repository."""
        if len(batch) > 1:
            self._queue.extendleft(replace(ask, company=len(batch) // 2) for ask in reversed(batch))
            return
        await self._try_again(replace(batch[0], first=max(SMALLEST_PAGE, batch[0].first // 2), company=1))

    async def _take_in(self, batch: Sequence[PageAsk], answer: GraphAnswer) -> None:
        """Keep what `answer` holds for `batch`, then ask again for what it does not."""
        if answer.shrink:
            self._sizer.was_too_much(batch)
        else:
            self._sizer.answered(batch, answer.elapsed_s)
        missing = [ask for i, ask in enumerate(batch) if not self._has_read(ask, answer, f"p{i}")]
        self._keep()
        for ask in missing:
            await self._try_again(replace(ask, company=max(1, len(batch) // 2)))

    def _has_read(self, ask: PageAsk, answer: GraphAnswer, name: str) -> bool:
        """Take the page under `name` in, or learn why there is none; False where asking again may help."""
        reading = self._reading(ask)
        node, errors = answer.data.get(name), answer.errors_at(name)
        page = _page_of(node, ask, errors)
        if page is not None:
            reading.pages[ask.after] = page
            return True
        reading.state = reading.state or _state_of(node, errors, starved=answer.shrink)
        return reading.state is not None

    async def _try_again(self, ask: PageAsk) -> None:
        """Queue `ask` once more or, after `MAX_FAILURES`, go the other way."""
        if ask.is_guess:  # it is asked for again when its cursor is known
            return
        reading = self._reading(ask)
        reading.failures += 1
        if reading.failures < MAX_FAILURES:
            self._queue.append(ask)
        else:
            await self._read_by_rest(ask)

    async def _read_by_rest(self, ask: PageAsk) -> None:
        """The way out for a repository that GraphQL cannot serve, and for servers without GraphQL."""
        if self._is_settled(ask):
            return
        reading = self._reading(ask)
        try:
            evidence = reading.evidence or await self._evidence_alone(ask)
            outcome = await self._rest.read(reading.repo, since=reading.since, evidence=evidence)
        except (ProviderUnavailable, ContractBroken):
            if not await self._wire.is_up():
                raise
            # Neither way works for this one although GitHub is up: it must not hold up all the others for ever.
            outcome, reading.is_stopgap = ActivityState.BLOCKED, True
        if isinstance(outcome, ActivityState):
            reading.state = outcome
        else:
            reading.pages = {None: outcome}
        self._keep()

    async def _evidence_alone(self, ask: PageAsk) -> Evidence | None:
        """What GraphQL still tells of a repository whose history is too much for it."""
        try:
            answer = await self._ask([PageAsk(ask.repo, with_history=False)])
            return parse_evidence(answer.data.get("p0") or {})
        except (GraphQLMissing, ProviderUnavailable, Malformed):
            return None

    def _reading(self, ask: PageAsk) -> Reading:
        return self._readings[_name(ask.repo)]

    def _is_settled(self, ask: PageAsk) -> bool:
        """Another page of the same repository has decided its outcome meanwhile."""
        return _name(ask.repo) in self._done or self._reading(ask).state is not None

    def _open(self) -> list[Reading]:
        return [reading for name, reading in self._readings.items() if name not in self._done]

    def _recall_activities(self) -> None:
        keys = {_activity_key(reading): name for name, reading in self._readings.items()}
        for key, answer in self._wire.cache.get(list(keys)).items():
            try:
                self._done[keys[key]] = RepoActivity.model_validate_json(answer.body)
            except ValidationError:
                continue  # of another version: read anew
            self._wire.meter.add("cache_hits")

    def _recall_pages(self, asks: Sequence[PageAsk]) -> list[PageAsk]:
        """Take pages that an earlier, interrupted reading kept; returns the asks that are left."""
        keys = {_page_key(self._reading(ask), ask.after): ask for ask in asks}
        for key, answer in self._wire.cache.get(list(keys)).items():
            if answer.body == _FORGOTTEN:
                continue
            ask = keys[key]
            try:
                self._reading(ask).pages[ask.after] = PageRead.model_validate_json(answer.body)
            except ValidationError:
                continue
            self._reading(ask).kept.add(ask.after)
            self._wire.meter.add("cache_hits")
            del keys[key]
        return list(keys.values())

    def _keep(self) -> None:
        """Put into the cache what is new: whole readings as activities, pages of the others."""
        now = self._wire.clock.now()
        bodies: dict[str, str] = {}
        for reading in self._open():
            if reading.asks():
                new = reading.pages.keys() - reading.kept
                bodies.update({_page_key(reading, after): reading.pages[after].model_dump_json() for after in new})
                reading.kept |= new
                continue
            activity = self._done[_name(reading.repo)] = reading.activity(fetched_at=now)
            bodies.update({_page_key(reading, after): _FORGOTTEN for after in reading.kept})
            if not reading.is_stopgap:
                bodies[_activity_key(reading)] = activity.model_dump_json()
        if bodies:
            self._wire.cache.put({key: CachedAnswer(body=body, fetched_at=now) for key, body in bodies.items()})


def _page_of(node: object, ask: PageAsk, errors: Sequence[GraphError]) -> PageRead | None:
    """The page, where all of it arrived."""
    if errors or not isinstance(node, dict) or node.get("__typename") != "Repository":
        return None
    try:
        return parse_page(node, with_evidence=ask.is_first)
    except Malformed:
        return None


def _state_of(node: object, errors: Sequence[GraphError], *, starved: bool) -> ActivityState | None:
    """Why there is nothing to read; None where asking again may help.

    Args:
        starved: GitHub broke off, so a null without an error of its own says nothing.
    """
    own = [error for error in errors if len(error.path) == 1]
    if any(is_blocked(error.message) for error in own):
        return ActivityState.BLOCKED
    if any(error.type in ("NOT_FOUND", "FORBIDDEN") for error in own):
        return ActivityState.GONE
    if errors or starved:
        return None
    is_other = isinstance(node, dict) and node.get("__typename") != "Repository"
    return ActivityState.GONE if node is None or is_other else None


def _name(repo: RepoRef) -> str:
    return repo.id or repo.full_name.lower()


def _activity_key(reading: Reading) -> str:
    return f"github:activity:1:{_name(reading.repo)}:{reading.since:%Y-%m-%d}"


def _page_key(reading: Reading, after: str | None) -> str:
    return f"github:history:1:{_name(reading.repo)}:{reading.since:%Y-%m-%d}:{after or ''}"
