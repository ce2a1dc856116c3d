"""One step: a tool over its selector, page by page.

For each page: claim it in the journal, lay out the call, run the tool, turn the answer into events, commit events,
rows and the page's end together. A limit is waited for here, where the wait is visible and can be interrupted.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ValidationError

from cmo.domain.event import (
    CandidateDropped,
    CandidateFound,
    EmailVerified,
    Event,
    JobWaitEnded,
    JobWaiting,
    LeadScored,
    PageFinished,
    RepoFound,
    StepFinished,
    StepRefused,
)
from cmo.domain.job import Job
from cmo.drafting.inputs import DraftingInputs
from cmo.errors import ProviderUnavailable, RateLimited, StoreDamaged, ToolInputInvalid
from cmo.graph.rails import hold_to_people_cap
from cmo.ids import page_event_id
from cmo.store import journal, pages
from cmo.store.commit import commit
from cmo.store.db import Connection
from cmo.store.drafting_pages import leads_to_draft
from cmo.store.events import last_seq
from cmo.store.journal import Lease, Step
from cmo.store.progress import counters
from cmo.store.searches import current_search
from cmo.tools.base import PageContext, Ports, Source, Tool

Asked = Literal["pause", "cancel"]
T = TypeVar("T")

UNAVAILABLE_WAITS_S = (5.0, 30.0, 120.0, 300.0)
"""Waits between tries of a page whose provider is down; then the job pauses."""
LEAST_WAIT_S = 1.0
LISTEN_EVERY_S = 2.0
"""How often a long wait looks for a pause or cancel."""
FINISH_WITHIN_S = 8.0
"""How long a page may go on after a pause was asked for; then it is dropped, and what it fetched is in the cache."""
_PENDING = frozenset(Source) - {Source.NONE, Source.CURSOR, Source.LEADS_ACCEPTED}
"""Sources that are done when they have no rows; an export without rows still writes its header."""


class Interrupted(Exception):
    """Not an error: the operator asked for a pause or cancel; the step stays unfinished."""

    def __init__(self, asked: Asked, by: str) -> None:
        super().__init__(asked)
        self.asked = asked
        self.by = by


@dataclass(frozen=True)
class Executor:
    """Runs the steps of one job under its lease."""

    conn: Connection
    lease: Lease
    ports: Ports
    listen: Callable[[], tuple[Asked | None, str]]
    """What the operator asks for right now, and who."""
    after_page: Callable[[], None]
    """Called after each committed page: CSV checkpoints."""
    at_end: Callable[[Step], Sequence[Event]]
    """What else happens with a step's end, in its transaction."""

    async def run_step(self, job: Job, step: Step, tool: Tool[Any, Any, Any]) -> None:
        """Run `step` to its end, from the page where it stands.

        Raises:
            Interrupted: asked to stop; every finished page is committed.
            ProviderError: the provider refused for good, or stayed down; the step stays unfinished.
            JobLeased: the lease was lost.
        """
        try:
            planned = tool.planned.model_validate(step.args)
        except ValidationError as exc:
            self._refuse(step, _first_problem(exc))
            return
        while True:
            self._raise_if_asked()
            place = journal.place_in_step(self.conn, job.id, step.n)
            if place.page > 1 and (place.cursor is None or self._is_full(job, tool, planned, place)):
                break
            journal.claim_page(self.conn, self.lease, step.n, place.page, at=self.ports.clock.now())
            try:
                await self._page(job, step, tool, planned, place)
            except ToolInputInvalid as exc:
                self._refuse(step, exc.message)
                return
            self.after_page()
        self._finish(job, step, tool)

    async def _page(self, job: Job, step: Step, tool: Tool[Any, Any, Any], planned: Any, place: journal.Place) -> None:
        after = int((place.cursor or {}).get("after", 0))
        rows, last = self._rows(tool, job, after)
        if not rows and tool.source in _PENDING:
            self._commit_page(job, step, tool, place.page, [], processed=0, usage={}, cursor=None)
            return
        context = self._context(job, tool, planned, place)
        before = self.ports.meter.snapshot()
        try:
            call = tool.layout(planned, rows, context)
        except ValidationError as exc:
            raise ToolInputInvalid(_first_problem(exc)) from exc
        may_cut = tool.effect in ("pure", "read")
        out: BaseModel = await self._with_patience(lambda: tool.run(call, self.ports), may_cut=may_cut)
        events = self._held_to_caps(job, tool.events(call, out))
        cursor = self._next_cursor(tool, out, len(rows), last)
        usage = self.ports.meter.since(before)
        self._commit_page(
            job, step, tool, place.page, events, processed=len(rows) or len(events), usage=usage, cursor=cursor
        )

    def _context(self, job: Job, tool: Tool[Any, Any, Any], planned: Any, place: journal.Place) -> PageContext:
        caps = job.plan.caps
        plan, cursor, room = job.plan, place.cursor, caps.max_people - self._count("candidates", job.id)
        if tool.source is Source.CURSOR:
            room = self._search_room(job, planned, place)
            search = current_search(self.conn, job.id)
            if search is not None:
                plan, cursor = plan.model_copy(update={"icp": search.icp}), search.cursor
        return PageContext(
            job_id=job.id,
            plan=plan,
            as_of=job.anchor_at,
            page=place.page,
            processed=place.processed,
            cursor=cursor,
            room=max(0, room),
            drafting=self.ports.drafting or DraftingInputs(),
        )

    def _search_room(self, job: Job, planned: Any, place: journal.Place) -> int:
        """How many more repositories this step may find."""
        left = job.plan.caps.max_repos - self._count("repos", job.id)
        asked: int = getattr(planned, "max_repos", None) or left
        return min(left, asked - place.tally.get("repo_found", 0))

    def _is_full(self, job: Job, tool: Tool[Any, Any, Any], planned: Any, place: journal.Place) -> bool:
        return tool.source is Source.CURSOR and self._search_room(job, planned, place) <= 0

    def _count(self, table: Literal["candidates", "repos"], job_id: str) -> int:
        return int(self.conn.execute(f"SELECT COUNT(*) FROM {table} WHERE job_id = ?", (job_id,)).fetchone()[0])

    def _rows(self, tool: Tool[Any, Any, Any], job: Job, after: int) -> tuple[Sequence[Any], int]:
        conn, size, as_of = self.conn, tool.page_size, job.anchor_at
        match tool.source:
            case Source.NONE | Source.CURSOR:
                return (), after
            case Source.REPOS_UNREAD:
                return pages.unread_repos(conn, job.id, after=after, limit=size)
            case Source.CANDIDATES_NEW:
                return pages.new_candidates(conn, job.id, after=after, limit=size)
            case Source.PEOPLE_WITHOUT_EMAIL:
                return pages.people_without_email(conn, job.id, after=after, limit=size, as_of=as_of)
            case Source.EMAILS_UNVERIFIED:
                now = self.ports.clock.now()
                return pages.unverified_emails(conn, job.id, after=after, limit=size, now=now)
            case Source.LEADS_UNSCORED:
                return pages.unscored_people(conn, job.id, after=after, limit=size, as_of=as_of)
            case Source.LEADS_UNDRAFTED:
                return leads_to_draft(conn, job.id, after=after, limit=size, as_of=as_of)
            case Source.LEADS_ACCEPTED:
                return pages.accepted_leads(conn, job.id, after=after, limit=size)

    def _next_cursor(self, tool: Tool[Any, Any, Any], out: Any, rows: int, last: int) -> dict[str, Any] | None:
        match tool.source:
            case Source.NONE:
                return None
            case Source.CURSOR:
                return tool.cursor(out)
            case _:
                return {**(tool.cursor(out) or {}), "after": last} if rows == tool.page_size else None

    def _held_to_caps(self, job: Job, events: Sequence[Event]) -> list[Event]:
        """`events` without repositories the job has, and without people beyond max_people."""
        repo_ids = [event.repo.id for event in events if isinstance(event, RepoFound)]
        known_repos = pages.known_repo_ids(self.conn, job.id, repo_ids)
        logins = [event.ref.login.lower() for event in events if isinstance(event, CandidateFound)]
        known_people = pages.known_logins(self.conn, job.id, logins)
        room = max(0, job.plan.caps.max_people - self._count("candidates", job.id))
        fresh = [e for e in events if not (isinstance(e, RepoFound) and e.repo.id in known_repos)]
        return hold_to_people_cap(fresh, known=known_people, room=room)

    async def _with_patience(self, run: Callable[[], Awaitable[T]], *, may_cut: bool) -> T:
        """`run`, again after each limit or outage has passed."""
        outages = 0
        while True:
            self._raise_if_asked()
            try:
                return await self._until_asked(run(), may_cut=may_cut)
            except RateLimited as exc:
                await self._wait(exc.provider, exc.resource, exc.retry_after_s, exc.message)
            except ProviderUnavailable as exc:
                if outages == len(UNAVAILABLE_WAITS_S) or self._was_never_there(exc):
                    raise
                await self._wait(exc.provider, "unreachable", UNAVAILABLE_WAITS_S[outages], exc.message)
                outages += 1

    def _was_never_there(self, exc: ProviderUnavailable) -> bool:
        """Nobody answers at that address, and nobody ever did in this job: a wrong address rather than an outage."""
        return exc.details.get("connected") is False and not counters(self.conn, self.lease.job_id).get("api_calls")

    async def _wait(self, provider: str, resource: str, seconds: float, reason: str) -> None:
        clock, seconds = self.ports.clock, max(seconds, LEAST_WAIT_S)
        end = clock.monotonic() + seconds
        until = clock.now() + timedelta(seconds=seconds)
        self._commit_now(JobWaiting(provider=provider, resource=resource, until=until, reason=reason))
        while (left := end - clock.monotonic()) > 0:
            self._raise_if_asked()
            await clock.sleep(min(left, LISTEN_EVERY_S))
        self._commit_now(JobWaitEnded(provider=provider))

    async def _until_asked(self, work: Awaitable[T], *, may_cut: bool) -> T:
        """The result of `work`; when asked to stop meanwhile, it gets a few seconds to end by itself.

        Args:
            may_cut: Whether it may be dropped then. What writes to the outside ends by itself after its present call.
        """
        task = asyncio.ensure_future(work)
        try:
            while True:
                done, _ = await asyncio.wait({task}, timeout=0.2)
                if done:
                    return task.result()
                asked, by = self.listen()
                if asked is not None:
                    done, _ = await asyncio.wait({task}, timeout=FINISH_WITHIN_S if may_cut else None)
                    if done:
                        return task.result()
                    raise Interrupted(asked, by)
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait({task})

    def _raise_if_asked(self) -> None:
        asked, by = self.listen()
        if asked is not None:
            raise Interrupted(asked, by)

    def _commit_now(self, event: Event) -> None:
        at = self.ports.clock.now()
        id_ = f"{self.lease.job_id}/{event.kind}/{self.lease.epoch}/{last_seq(self.conn)}"
        commit(self.conn, self.lease.job_id, [(id_, event)], at=at, epoch=self.lease.epoch)

    def _commit_page(
        self,
        job: Job,
        step: Step,
        tool: Tool[Any, Any, Any],
        page: int,
        events: Sequence[Event],
        *,
        processed: int,
        usage: dict[str, int],
        cursor: dict[str, Any] | None,
    ) -> None:
        failed = sum(1 for event in events if event.kind == "item_failed")
        finished = PageFinished(
            step=step.n,
            page=page,
            tool=tool.name,
            stage=tool.stage,
            processed=processed,
            failed=failed,
            usage={**usage, **tally(events)},
            cursor=cursor,
        )
        numbered = [
            (page_event_id(job.id, step.n, page, i), event) for i, event in enumerate((*events, finished), start=1)
        ]
        stored = commit(self.conn, job.id, numbered, at=self.ports.clock.now(), epoch=self.lease.epoch)
        if finished not in [recorded.event for recorded in stored]:
            raise StoreDamaged(
                f"Page {page} of step {step.n} was committed before, but the journal does not know it.",
                hint=f"Keep a copy of the store; `cmo jobs show {job.id} --state` shows what it holds.",
            )

    def _finish(self, job: Job, step: Step, tool: Tool[Any, Any, Any]) -> None:
        self.after_page()
        place = journal.place_in_step(self.conn, job.id, step.n)
        result = {
            "stage": tool.stage.value,
            "pages": place.page - 1,
            "processed": place.processed,
            "failed": place.failed,
            **place.tally,
        }
        finished = StepFinished(step=step.n, tool=tool.name, stage=tool.stage, result=result)
        numbered = [(f"{job.id}/{step.n}/end/{i}", e) for i, e in enumerate((finished, *self.at_end(step)))]
        commit(self.conn, job.id, numbered, at=self.ports.clock.now(), epoch=self.lease.epoch)

    def _refuse(self, step: Step, missing: str) -> None:
        event = StepRefused(step=step.n, tool=step.tool, missing=missing)
        id_ = f"{self.lease.job_id}/{step.n}/refused"
        commit(self.conn, self.lease.job_id, [(id_, event)], at=self.ports.clock.now(), epoch=self.lease.epoch)


def tally(events: Sequence[Event]) -> dict[str, int]:
    """How many events of each kind, with the outcome where that is what one asks for."""
    counts: Counter[str] = Counter()
    for event in events:
        counts[event.kind] += 1
        if isinstance(event, CandidateDropped):
            counts[f"dropped_{event.reason}"] += 1
        elif isinstance(event, EmailVerified):
            counts[f"mx_{event.verdict.state}"] += 1
        elif isinstance(event, LeadScored):
            counts["leads_accepted" if event.accepted else "leads_rejected"] += 1
    return dict(counts)


def _first_problem(exc: ValidationError) -> str:
    problem = exc.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in problem["loc"]) or "arguments"
    return f"{where}: {problem['msg']}"
