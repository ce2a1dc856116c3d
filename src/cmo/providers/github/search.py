"""Repository search past GitHub's 1,000 results, resumable after every page."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from pydantic import ValidationError

from cmo.domain.base import Frozen
from cmo.domain.lead import Repo
from cmo.providers.github.answers import GraphAnswer, GraphQLMissing, TooHeavy, broken
from cmo.providers.github.parse import (
    Malformed,
    as_int,
    as_list,
    as_map,
    as_text,
    parse_repo,
    parse_rest_repo,
)
from cmo.providers.github.queries import PAGE, SEARCH, count_document, points, search_cost
from cmo.providers.github.rest import Rest, RestAnswer
from cmo.providers.github.searchtext import SearchText, search_text
from cmo.providers.github.slices import Slice, merged
from cmo.providers.github.wire import Wire
from cmo.providers.ports import CachedAnswer, RepoPage, RepoQuery

OPERATION = "search repositories"
WINDOW = 1000
"""The most results of one query that GitHub shows, whatever it counts."""
PARTS = 24
"""Parts whose results are counted together: one point, about a quarter of a second each."""
PARTS_BY_REST = 4
"""Each costs a request of thirty a minute there."""
SMALLEST_PAGE = 20
"""Below this a search that times out is not made smaller."""
TRIES_IF_INCOMPLETE = 3
"""A REST search that ran out of time says so; what it found then is taken."""
FRESH_FOR = timedelta(hours=1)
"""A page younger than this is not asked for again, so a killed job goes on at no cost."""


class SearchPage(Frozen):
    """What GitHub answered for one page of one slice."""

    count: int
    """Matches of the slice, shown or not."""
    results: int
    """Entries on the page, those that could not be read too."""
    repos: tuple[Repo, ...]
    next_page: str | None


class Cursor(Frozen):
    """Where a search stands; what `RepoPage.cursor` holds."""

    version: int = 1
    slices: tuple[Slice, ...]
    """Still to be read, most stars first; the first is the one in progress."""
    after: str | None = None
    given: int = 0
    """Results of the first slice that were given."""
    take: int | None = None
    """The first slice ends after so many results; what is below them is in the slices that follow."""
    matching: int = 0
    """Matches of the whole query."""

    def advanced(self, page: SearchPage) -> Cursor:
        """The place after `page` of the first slice."""
        given, matching = self.given + page.results, self.matching or page.count
        is_cut_off = page.count > WINDOW and self.take is None
        if page.next_page is None and is_cut_off:
            given = max(given, WINDOW)  # GitHub shows no more of this slice, but there is more
        elif page.next_page is None or page.results == 0 or (self.take is not None and given >= self.take):
            return Cursor(slices=self.slices[1:], matching=matching)
        return self.model_copy(update={"after": page.next_page, "given": given, "matching": matching})

    def next_slice(self, *instead: Slice) -> Cursor:
        """The place where the first slice is done with, or replaced by others."""
        return Cursor(slices=(*instead, *self.slices[1:]), matching=self.matching)


class Searcher:
    """Pages through searches."""

    def __init__(self, wire: Wire, rest: Rest) -> None:
        self._wire = wire
        self._rest = rest

    async def page(self, query: RepoQuery, *, cursor: dict[str, Any] | None, limit: int) -> RepoPage:
        """The next page of `query`, most stars first.

        Up to 1,000 results are paged straight through. Only when more are wanted is the query sliced: by stars, and
        where one number of stars has more than 1,000 repositories, by date of creation.

        Args:
            cursor: Of the page before; one that cannot be read starts from the beginning, where repeats do no harm.
            limit: How many more repositories are wanted, this page included.
        Raises:
            ProviderRejected: too long, or a topic or language that cannot be one.
            RateLimited, ProviderUnavailable, AuthRejected.
        """
        text = search_text(query)
        at = _read_cursor(cursor) or Cursor(slices=(text.whole,))
        repos: tuple[Repo, ...] = ()
        part = text.whole
        while at.slices and limit > 0 and not repos:
            if at.given >= WINDOW and at.take is None:
                at, _ = await self._slice(text, at, earlier=at.given)
                continue
            part, earlier = at.slices[0], at.given
            page = await self._fetch(text, part, min(PAGE, limit, (at.take or WINDOW) - earlier), at.after)
            at, repos = at.advanced(page), page.repos
            if page.count > WINDOW < earlier + limit and at.take is None and at.slices[:1] == (part,):
                at, holds = await self._slice(text, at, earlier=earlier)
                repos = repos if holds else ()
        rest = at.model_dump(mode="json") if at.slices else None
        return RepoPage(repos=repos, cursor=rest, matching=at.matching, query=text.of(part))

    async def _slice(self, text: SearchText, at: Cursor, *, earlier: int) -> tuple[Cursor, bool]:
        """Divide the first slice, which has more results than GitHub shows.

        Most stars come first in the whole and in its parts, so what was given of the whole is the beginning of the
        first part, which is read on as it is, up to its count. Only when less than a page is in the first part, or
        everything has one number of stars, does the page begin anew, in the parts.

        Args:
            earlier: Results of the slice that were given before the page at hand.
        Returns:
            The new place, and whether the page at hand keeps its place in it.
        """
        whole = at.slices[0]
        if whole.has_one_star_count:
            parts = await self._counted(text, whole.by_creation(self._parts, now=self._now_s()))
            if len(parts) < 2 or not text.can_slice_dates:
                return at.model_copy(update={"take": WINDOW}), True
            return at.next_slice(*(part for part, count in merged(parts, cap=WINDOW) if count)), False
        parts = await self._counted(text, whole.by_stars(self._parts))
        while parts[0][1] > WINDOW and not parts[0][0].has_one_star_count:
            parts[:1] = await self._counted(text, parts[0][0].by_stars(self._parts))
        (top, top_count), *below = merged(parts, cap=WINDOW)
        left = tuple(part for part, count in below if count)
        if at.given <= top_count <= WINDOW:
            return at.model_copy(update={"take": top_count, "slices": (whole, *left, *at.slices[1:])}), True
        return at.next_slice(*(left if top_count <= earlier else (top, *left))), False

    async def _counted(self, text: SearchText, parts: Sequence[Slice]) -> list[tuple[Slice, int]]:
        """Each part with the number of its matches."""
        try:
            document, variables = count_document([text.of(part) for part in parts])
            answer = await self._wire.graphql(document, variables, operation=OPERATION, cost=points(len(parts)))
            _raise_if_starved(answer, *(f"c{i}" for i in range(len(parts))))
            counts = [_matches(answer.data.get(f"c{i}")) for i in range(len(parts))]
        except TooHeavy:
            if len(parts) == 1:
                raise
            half = len(parts) // 2
            return [*await self._counted(text, parts[:half]), *await self._counted(text, parts[half:])]
        except GraphQLMissing:
            counts = [(await self._fetch_by_rest(text, part, 1, None)).count for part in parts]
        return list(zip(parts, counts, strict=True))

    async def _fetch(self, text: SearchText, part: Slice, first: int, after: str | None) -> SearchPage:
        """One page; from the cache while it is fresh."""
        words = f"{text.of(part)}\x1f{first}\x1f{after or ''}"
        key = f"github:search:1:{hashlib.sha256(words.encode()).hexdigest()[:40]}"
        kept = self._wire.cache.get([key]).get(key)
        now = self._wire.clock.now()
        if kept is not None and now - kept.fetched_at < FRESH_FOR:
            self._wire.meter.add("cache_hits")
            return SearchPage.model_validate_json(kept.body)
        page = await self._ask(text, part, first, after)
        self._wire.cache.put({key: CachedAnswer(body=page.model_dump_json(), fetched_at=now)})
        return page

    async def _ask(self, text: SearchText, part: Slice, first: int, after: str | None) -> SearchPage:
        try:
            return await self._fetch_by_graphql(text, part, first, after)
        except GraphQLMissing:
            return await self._fetch_by_rest(text, part, first, after)
        except TooHeavy:
            if first < SMALLEST_PAGE:
                raise
            return await self._ask_in_halves(text, part, first, after)

    async def _ask_in_halves(self, text: SearchText, part: Slice, first: int, after: str | None) -> SearchPage:
        """The page whole all the same: a shorter one would leave its share to other queries, and find other things."""
        page = await self._ask(text, part, first // 2, after)
        if page.next_page is None:
            return page
        rest = await self._ask(text, part, first - first // 2, page.next_page)
        return rest.model_copy(update={"results": page.results + rest.results, "repos": (*page.repos, *rest.repos)})

    async def _fetch_by_graphql(self, text: SearchText, part: Slice, first: int, after: str | None) -> SearchPage:
        variables = {"q": text.of(part), "first": first, "after": after}
        answer = await self._wire.graphql(SEARCH, variables, operation=OPERATION, cost=search_cost(first))
        _raise_if_starved(answer, "search")
        try:
            found = as_map(answer.data.get("search"), "search")
            info = as_map(found.get("pageInfo"), "pageInfo")
            nodes = found.get("nodes")
            repos = [_readable(parse_repo, node) for node in as_list(nodes, "nodes")]
            return SearchPage(
                count=as_int(found.get("repositoryCount"), "repositoryCount"),
                results=len(nodes or ()),
                repos=tuple(repo for repo in repos if repo is not None),
                next_page=as_text(info.get("endCursor"), "endCursor") if info.get("hasNextPage") is True else None,
            )
        except Malformed as exc:
            raise broken(OPERATION, str(exc)) from exc

    async def _fetch_by_rest(self, text: SearchText, part: Slice, first: int, after: str | None) -> SearchPage:
        """The same by REST, whose pages are links of fixed size: `#n` after a link means that n entries were given."""
        query = {"q": text.of(part, sort=False), "sort": "stars", "order": "desc", "per_page": str(first)}
        follows = after is not None and after.startswith("http")
        link, _, given = (after or "").partition("#") if follows else ("", "", "")
        answer = await self._read_whole(link or "/search/repositories", None if link else query)
        start = int(given or 0)
        try:
            found = as_map(answer.value, "search")
            items = as_list(found.get("items"), "items")
            repos = [_readable(parse_rest_repo, item) for item in items[start : start + first]]
            return SearchPage(
                count=as_int(found.get("total_count"), "total_count"),
                results=len(repos),
                repos=tuple(repo for repo in repos if repo is not None),
                next_page=f"{link}#{start + first}" if link and start + first < len(items) else answer.next_url,
            )
        except Malformed as exc:
            raise broken(OPERATION, str(exc)) from exc

    async def _read_whole(self, path: str, params: dict[str, str] | None) -> RestAnswer:
        """A page of REST, asked for again while GitHub says that it ran out of time over it."""
        answer = await self._rest.get(path, params, operation=OPERATION, resource="search")
        for _ in range(TRIES_IF_INCOMPLETE - 1):
            if not isinstance(answer.value, dict) or answer.value.get("incomplete_results") is not True:
                break
            answer = await self._rest.get(path, params, operation=OPERATION, resource="search")
        return answer

    @property
    def _parts(self) -> int:
        return PARTS if self._wire.has_graphql else PARTS_BY_REST

    def _now_s(self) -> int:
        return int(self._wire.clock.now().timestamp())


def _raise_if_starved(answer: GraphAnswer, *fields: str) -> None:
    """Part of what was asked for is missing because GitHub broke off."""
    if answer.shrink and any(answer.data.get(field) is None for field in fields):
        raise TooHeavy(f"github: {OPERATION}: GitHub broke off", provider="github", operation=OPERATION)


def _matches(found: object) -> int:
    try:
        return as_int(as_map(found, "search").get("repositoryCount"), "repositoryCount")
    except Malformed as exc:
        raise broken(OPERATION, str(exc)) from exc


def _readable(parse: Callable[[object], Repo], item: object) -> Repo | None:
    """The repository, or None where this one entry cannot be read: it must not cost the rest of the page."""
    try:
        return parse(item)
    except Malformed:
        return None


def _read_cursor(cursor: dict[str, Any] | None) -> Cursor | None:
    try:
        return Cursor.model_validate(cursor) if cursor is not None else None
    except ValidationError:
        return None
