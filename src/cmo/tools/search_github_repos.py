"""Find repositories: one query for each language and topic, taken in turns so that no topic eats the others' share."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import Field

from cmo.domain.base import Frozen
from cmo.domain.event import Event, ItemFailed, RepoFound
from cmo.domain.exclusion import is_excluded
from cmo.domain.job import Icp, Stage
from cmo.domain.lead import ItemFailure, Repo
from cmo.errors import ProviderRejected, ToolInputInvalid
from cmo.providers.ports import RepoQuery
from cmo.tools.base import PAGE_SIZE, PageContext, Ports, Source, Tool

NAME = "search_github_repos"
LEAST_PAGE = 45
"""Repositories asked for at a time, if so many are wanted: a page costs one point whatever its size."""
_TOPIC = re.compile(r"[a-z0-9][a-z0-9-]{0,49}")


class SearchPlanned(Frozen):
    """Find repositories that match the plan's languages, topics, stars and activity.

    Goes on where the last search stopped and takes the plan's topics in turns. Call it when too few repositories are
    left to read for the target.
    """

    selector: Literal["pending"] = Field(default="pending", description="The plan's searches that have more to give.")
    topic: Annotated[str, Field(pattern=rf"^{_TOPIC.pattern}$")] | None = Field(
        default=None, description="Of the plan's topics, the one to take first; null takes all in turns."
    )
    max_repos: int | None = Field(
        default=None, ge=1, le=1_000_000, description="Most repositories to find; null is what the plan's cap allows."
    )


class Turn(Frozen):
    """One query that has more to give."""

    query: int
    """Its place among the queries, from 0."""
    cursor: dict[str, Any] | None = None
    """Where the code host goes on."""


class SearchCursor(Frozen):
    """How far a walk over several queries got."""

    queue: tuple[Turn, ...]
    """The next one first; exhausted queries are gone."""
    left_in_round: int = Field(ge=1)
    """Queries still to be asked before the first one is asked again."""


class SearchIn(Frozen):
    q: str | RepoQuery | tuple[RepoQuery, ...] = Field(
        description="GitHub search syntax, one structured query, or several that are taken in turns."
    )
    exclude: tuple[str, ...] = Field(
        default=(), description="Words that rule a repository out by name, description or topic."
    )
    max_repos: int = Field(
        default=PAGE_SIZE, ge=0, le=1_000_000, description="Most repositories wanted; one answer has at most 100."
    )
    cursor: SearchCursor | None = Field(default=None, description="From the answer before; null starts anew.")


class SearchOut(Frozen):
    repos: tuple[Repo, ...]
    cursor: SearchCursor | None
    """Null when every query is exhausted."""
    matching: int
    """Repositories that match this page's query; GitHub's estimate."""
    query: str
    """The query this page came from."""
    dropped: dict[str, int]
    """archived, fork, excluded -> repositories of this page left out."""
    failed: tuple[ItemFailure, ...] = ()
    """The query, where GitHub refuses it; the others go on."""


def layout(planned: SearchPlanned, rows: Sequence[Any], context: PageContext) -> SearchIn:
    """The next page of the plan's queries.

    Raises:
        ToolInputInvalid: `planned.topic` is none of the plan's.
    """
    icp = context.plan.icp
    queries = queries_of(icp, as_of=context.as_of)
    cursor = SearchCursor.model_validate(context.cursor) if context.cursor else _start(len(queries))
    if planned.topic is not None:
        if planned.topic not in icp.topics:
            raise ToolInputInvalid(f"topic `{planned.topic}` is none of the plan's: {', '.join(icp.topics)}.")
        cursor = _topic_first(cursor, queries, planned.topic)
    return SearchIn(q=queries, exclude=icp.exclude, max_repos=context.room, cursor=cursor)


def queries_of(icp: Icp, *, as_of: datetime) -> tuple[RepoQuery, ...]:
    """One query for each language and topic of `icp`, topics innermost: GitHub joins several of either with AND."""
    before = icp.pushed_before_days
    return tuple(
        RepoQuery(
            text=_keyword_text(icp.keywords),
            language=language,
            topic=topic,
            stars_low=icp.stars_range.low,
            stars_high=icp.stars_range.high,
            pushed_after=as_of - timedelta(days=icp.activity_days),
            pushed_before=None if before is None else as_of - timedelta(days=before),
            exclude_topics=tuple(t for word in icp.exclude if _TOPIC.fullmatch(t := _as_topic(word))),
        )
        for language in icp.languages or (None,)
        for topic in icp.topics or (None,)
    )


async def run(call: SearchIn, ports: Ports) -> SearchOut:
    queries = _queries_in(call)
    cursor = call.cursor or _start(len(queries))
    queue = [turn for turn in cursor.queue if turn.query < len(queries)]
    if not queue or call.max_repos == 0:
        return SearchOut(repos=(), cursor=cursor if queue else None, matching=0, query="", dropped={})
    turn, rest = queue[0], queue[1:]
    share = math.ceil(call.max_repos / min(cursor.left_in_round, len(queue)))
    limit = min(PAGE_SIZE, call.max_repos, max(share, LEAST_PAGE))
    try:
        page = await ports.code_host.search_repos(queries[turn.query], cursor=turn.cursor, limit=limit)
    except ProviderRejected as exc:
        failure = ItemFailure(item=_told(queries[turn.query]), code="rejected", message=exc.message)
        after = _after(cursor, rest)
        return SearchOut(repos=(), cursor=after, matching=0, query=failure.item, dropped={}, failed=(failure,))
    if page.cursor is not None:
        rest.append(Turn(query=turn.query, cursor=page.cursor))
    reasons = {repo.id: reason_to_drop(repo, call.exclude) for repo in page.repos}
    return SearchOut(
        repos=tuple(repo for repo in page.repos if reasons[repo.id] is None),
        cursor=_after(cursor, rest),
        matching=page.matching,
        query=page.query,
        dropped=dict(Counter(reason for reason in reasons.values() if reason is not None)),
    )


def reason_to_drop(repo: Repo, exclude: Sequence[str]) -> str | None:
    """Why `repo` is of no use, or None."""
    if repo.archived:
        return "archived"
    if repo.fork:
        return "fork"
    return "excluded" if is_excluded(repo, exclude) else None


def events(call: SearchIn, out: SearchOut) -> list[Event]:
    found: list[Event] = [RepoFound(repo=repo, query=out.query) for repo in out.repos]
    return found + [ItemFailed(tool=NAME, stage=Stage.DISCOVER, failure=failure) for failure in out.failed]


def _queries_in(call: SearchIn) -> tuple[RepoQuery, ...]:
    if isinstance(call.q, str):
        return (RepoQuery(text=call.q),)
    return (call.q,) if isinstance(call.q, RepoQuery) else call.q


def _start(count: int) -> SearchCursor:
    return SearchCursor(queue=tuple(Turn(query=n) for n in range(count)), left_in_round=max(1, count))


def _after(cursor: SearchCursor, queue: Sequence[Turn]) -> SearchCursor | None:
    if not queue:
        return None
    return SearchCursor(queue=tuple(queue), left_in_round=cursor.left_in_round - 1 or len(queue))


def _topic_first(cursor: SearchCursor, queries: Sequence[RepoQuery], topic: str) -> SearchCursor:
    queue = sorted(cursor.queue, key=lambda turn: queries[turn.query].topic != topic)
    return SearchCursor(queue=tuple(queue), left_in_round=1)


def _keyword_text(keywords: Sequence[str]) -> str:
    words = [re.sub(r'[":]', " ", keyword).strip() for keyword in keywords]
    quoted = [f'"{word}"' if " " in word else word for word in words if word]
    return " ".join((*quoted, "in:name,description")) if quoted else ""


def _as_topic(word: str) -> str:
    return re.sub(r"[\s_]+", "-", word.strip().lower())


def _told(query: RepoQuery) -> str:
    parts = (query.text, query.language and f"language:{query.language}", query.topic and f"topic:{query.topic}")
    return " ".join(part for part in parts if part) or "the search"


TOOL = Tool(
    name=NAME,
    stage=Stage.DISCOVER,
    effect="read",
    planned=SearchPlanned,
    takes=SearchIn,
    gives=SearchOut,
    source=Source.CURSOR,
    page_size=PAGE_SIZE,
    layout=layout,
    run=run,
    events=events,
    cursor=lambda out: None if out.cursor is None else out.cursor.model_dump(mode="json"),
)
