"""One repository's history while it is being read, and the pure folding of it into an activity."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from cmo.domain.lead import ActivityState, AuthorSighting, RepoActivity, RepoRef
from cmo.providers.github.parse import NO_EVIDENCE, CommitSeen, Evidence, PageRead, tally
from cmo.providers.github.queries import PAGE, PageAsk

MAX_COMMITS = 10 * PAGE
"""What is read of one history; more than these in a quarter of a year adds no names worth their cost."""

# GitHub's history cursors are the newest commit and a position (https://github.com/cli/cli/issues/8695 shows some), so
# all later pages can be asked for at once. That is how they look, not a promise: a page counts only when the page
# before it really ends in its cursor.
_POSITION = re.compile(r"(?P<stem>[0-9a-f]{40} )(?P<position>\d+)")


@dataclass
class Reading:
    """What is known of one repository so far. Pages arrive in any order and count in their chain's."""

    repo: RepoRef
    since: datetime
    pages: dict[str | None, PageRead] = field(default_factory=dict)
    """By the cursor they come after."""
    state: ActivityState | None = None
    """Set where there is nothing to read."""
    failures: int = 0
    """Of the repository on its own account, not of a batch it was in."""
    kept: set[str | None] = field(default_factory=set)
    """Pages that are in the cache, by the cursor they come after."""
    is_stopgap: bool = False
    """The outcome must not reach the cache: another job tries again."""

    def chain(self) -> Iterator[PageRead]:
        """The pages from the first on, as far as they join."""
        cursor: str | None = None
        seen: set[str | None] = set()
        while cursor not in seen and cursor in self.pages:
            seen.add(cursor)
            yield self.pages[cursor]
            cursor = self.pages[cursor].next_cursor
            if cursor is None:
                return

    def asks(self) -> list[PageAsk]:
        """The pages to ask for now; none when the reading is whole or at its cap."""
        if self.state is not None:
            return []
        read, last = 0, None
        for last in self.chain():
            read += len(last.commits)
        if last is None:
            return [PageAsk(self.repo)]
        cursor = last.next_cursor
        if cursor is None or cursor in self.pages or not last.commits or read >= MAX_COMMITS:
            return []
        ask = PageAsk(self.repo, first=min(PAGE, MAX_COMMITS - read), after=cursor)
        return [ask, *self._guesses(cursor, read, last.total)]

    def _guesses(self, cursor: str, read: int, total: int) -> list[PageAsk]:
        """The pages after the one at `cursor`, once, where the form of the cursor tells what theirs will be."""
        if len(self.pages) > 1:
            return []
        return [
            PageAsk(self.repo, first=min(PAGE, MAX_COMMITS - start), after=after, is_guess=True)
            for start in range(read + PAGE, min(total, MAX_COMMITS), PAGE)
            if (after := cursor_after(cursor, read, start)) is not None
        ]

    @property
    def evidence(self) -> Evidence | None:
        first = self.pages.get(None)
        return first.evidence if first else None

    def activity(self, *, fetched_at: datetime) -> RepoActivity:
        """The whole reading, folded."""
        if self.state is not None:
            return RepoActivity(repo=self.repo, state=self.state, since=self.since, fetched_at=fetched_at)
        pages = list(self.chain())
        commits = unique(commit for page in pages for commit in page.commits)[:MAX_COMMITS]
        recent = [commit for commit in commits if commit.at >= self.since]
        evidence = self.evidence or NO_EVIDENCE
        return RepoActivity(
            repo=self.repo,
            state=ActivityState.OK if recent else ActivityState.EMPTY,
            since=self.since,
            fetched_at=fetched_at,
            commits_seen=len(recent),
            truncated=bool(pages) and pages[-1].next_cursor is not None,
            sightings=fold(recent),
            mergers=evidence.mergers,
            releasers=evidence.releasers,
            codeowners=evidence.codeowners,
            pull_authors=tally(login for login, at in evidence.pull_authors if at >= self.since),
        )


def unique(commits: Iterable[CommitSeen]) -> list[CommitSeen]:
    """`commits` without repetitions; pages of REST shift when somebody pushes between them."""
    return list({commit.oid: commit for commit in commits}.values())


def fold(commits: Iterable[CommitSeen]) -> tuple[AuthorSighting, ...]:
    """One sighting for each account and address, whatever the order of `commits`; most commits first."""
    groups: dict[tuple[str, str], list[CommitSeen]] = {}
    for commit in commits:
        groups.setdefault(((commit.login or "").lower(), commit.email), []).append(commit)
    sightings = [_sighting(group) for group in groups.values()]
    return tuple(sorted(sightings, key=lambda s: (-s.commits, (s.login or "").lower(), s.email)))


def _sighting(group: list[CommitSeen]) -> AuthorSighting:
    newest = max(group, key=lambda commit: (commit.at, commit.oid))
    known = [commit for commit in group if commit.user_id is not None]
    account = max(known, key=lambda commit: (commit.at, commit.oid)) if known else newest
    return AuthorSighting(
        login=account.login,
        user_id=account.user_id,
        name=newest.name,
        email=newest.email,
        commits=len(group),
        last_commit=newest.oid,
        last_at=newest.at,
    )


def cursor_after(cursor: str, read: int, start: int) -> str | None:
    """What the cursor before commit number `start` will be, if `cursor` is the one before number `read`.

    None where the form of `cursor`, plain or in base64, does not tell.
    """
    plain = _POSITION.fullmatch(cursor)
    match = plain or _POSITION.fullmatch(_decoded(cursor))
    if match is None or read - int(match["position"]) not in (0, 1):
        return None
    guess = f"{match['stem']}{int(match['position']) + start - read}"
    return guess if plain else base64.b64encode(guess.encode()).decode()


def _decoded(cursor: str) -> str:
    try:
        return base64.b64decode(cursor, validate=True).decode("ascii")
    except ValueError:
        return ""
