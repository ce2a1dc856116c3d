"""Find the people behind repositories: the top human authors of the window, with their role and the evidence for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from pydantic import ConfigDict, Field

from cmo.domain.address import noreply_login
from cmo.domain.base import Frozen, Login
from cmo.domain.event import CandidateDropped, CandidateFound, Event, ItemFailed, RepoRead
from cmo.domain.job import Role, Stage
from cmo.domain.lead import ActivityState, AuthorSighting, ItemFailure, PersonRef, Repo, RepoActivity, RepoRef
from cmo.domain.people import CommitName, is_login, is_machine_commit, machine_reason, role_of
from cmo.tools.base import PAGE_SIZE, PageContext, Ports, Source, Tool

NAME = "extract_people"
REPOS_PER_PAGE = 98
SPARSE_BELOW = 3
"""With fewer human authors, authors of merged pull requests are taken as well."""


class ExtractPlanned(Frozen):
    """Read the recent history of repositories and find the people who work on them.

    Drops bots, build servers and organisations, and tells maintainers from contributors. Call it when there are
    repositories that were not read.
    """

    selector: Literal["pending"] = Field(default="pending", description="Repositories that were not read yet.")
    top_authors_per_repo: int | None = Field(
        default=None, ge=1, le=100, description="People to take from one repository; null is the plan's number."
    )


class RepoToRead(RepoRef):
    """A repository as `search_github_repos` answers it; what is not needed is ignored."""

    model_config = ConfigDict(extra="ignore")

    owner: Login | None = Field(default=None, description="Null: the first half of full_name.")
    owner_is_org: bool = False


class ExtractIn(Frozen):
    repos: tuple[RepoToRead, ...] = Field(max_length=PAGE_SIZE)
    top_authors_per_repo: int = Field(default=5, ge=1, le=100)
    days: int = Field(default=90, ge=1, le=3650, description="The window, counted back from now.")
    since: datetime | None = Field(default=None, description="The window's start; wins over `days`.")
    roles: tuple[Role, ...] = Field(default=(), description="Only people of these roles; empty is everybody.")


class DroppedPerson(Frozen):
    login: Login
    from_repo: str
    reason: str
    """bot, organisation, role."""
    detail: str


class RepoReading(Frozen):
    """What became of one repository."""

    repo_id: str
    full_name: str
    state: ActivityState
    commits_seen: int
    people: int
    unlinked: int
    """Commits in the window that no account can be named for."""


class ExtractOut(Frozen):
    people: tuple[PersonRef, ...]
    dropped: tuple[DroppedPerson, ...]
    repos: tuple[RepoReading, ...]
    failed: tuple[ItemFailure, ...] = ()


@dataclass
class _Author:
    """One login's sightings in one repository, folded."""

    login: str
    user_id: str | None = None
    human: list[AuthorSighting] = field(default_factory=list)
    machine: list[AuthorSighting] = field(default_factory=list)
    """Commits that a build server made under the person's account."""

    @property
    def commits(self) -> int:
        return sum(sighting.commits for sighting in self.human)

    @property
    def last_at(self) -> datetime:
        return max(sighting.last_at for sighting in self.human)


def layout(planned: ExtractPlanned, rows: Sequence[Repo], context: PageContext) -> ExtractIn:
    icp = context.plan.icp
    return ExtractIn(
        repos=tuple(
            RepoToRead(id=repo.id, full_name=repo.full_name, owner=repo.owner, owner_is_org=repo.owner_is_org)
            for repo in rows
        ),
        top_authors_per_repo=planned.top_authors_per_repo or context.plan.caps.top_authors_per_repo,
        days=icp.activity_days,
        since=context.as_of - timedelta(days=icp.activity_days),
        roles=icp.roles,
    )


async def run(call: ExtractIn, ports: Ports) -> ExtractOut:
    since = call.since or ports.clock.now() - timedelta(days=call.days)
    refs = [RepoRef(id=repo.id, full_name=repo.full_name) for repo in call.repos]
    activities = {activity.repo.id: activity for activity in await ports.history.fetch_activity(refs, since=since)}
    people: list[PersonRef] = []
    dropped: list[DroppedPerson] = []
    readings: list[RepoReading] = []
    failed: list[ItemFailure] = []
    for repo in call.repos:
        activity = activities.get(repo.id)
        if activity is None:
            failed.append(ItemFailure(item=repo.full_name, code="missing", message="its history was not answered"))
            continue
        reading = _Reading(repo, activity, call)
        found = reading.people()
        people += found
        dropped += reading.dropped
        readings.append(
            RepoReading(
                repo_id=repo.id,
                full_name=repo.full_name,
                state=activity.state,
                commits_seen=activity.commits_seen,
                people=len(found),
                unlinked=reading.unlinked,
            )
        )
    return ExtractOut(people=tuple(people), dropped=tuple(dropped), repos=tuple(readings), failed=tuple(failed))


class _Reading:
    """One repository's activity being read."""

    def __init__(self, repo: RepoToRead, activity: RepoActivity, call: ExtractIn) -> None:
        self.repo = repo
        self.activity = activity
        self.call = call
        self.owner = repo.owner or repo.full_name.partition("/")[0]
        self.unlinked = 0
        self.dropped: list[DroppedPerson] = []

    def people(self) -> list[PersonRef]:
        """The top humans by commits, filled up with authors of merged pull requests where there are few."""
        if self.activity.state is not ActivityState.OK:
            return []
        authors = sorted(self._humans(), key=lambda a: (-a.commits, -a.last_at.timestamp(), a.login.lower()))
        human_commits = sum(author.commits for author in authors)
        ranked = [self._by_commits(author, human_commits) for author in authors]
        if len(authors) < SPARSE_BELOW:
            taken = {author.login.lower() for author in authors}
            ranked += [ref for ref in self._by_pull_requests() if ref.login.lower() not in taken]
        return self._top(ranked)

    def _top(self, ranked: Sequence[PersonRef]) -> list[PersonRef]:
        most, roles = self.call.top_authors_per_repo, self.call.roles
        for ref in ranked[:most]:
            if roles and ref.role not in roles:
                self._drop(ref.login, "role", f"a {ref.role}; {' or '.join(roles)} is asked for")
        return [ref for ref in ranked if not roles or ref.role in roles][:most]

    def _humans(self) -> list[_Author]:
        humans = []
        for author in self._authors().values():
            if self._is_the_organisation(author.login):
                self._drop(author.login, "organisation", "owns the repository")
                continue
            reason = machine_reason(author.login, _signatures(author.human or author.machine))
            if not author.human:
                reason = reason or "all its commits are signed by a machine"
            if reason is None:
                humans.append(author)
            else:
                self._drop(author.login, "bot", reason)
        return humans

    def _authors(self) -> dict[str, _Author]:
        authors: dict[str, _Author] = {}
        for sighting in self.activity.sightings:
            login = sighting.login or noreply_login(sighting.email)
            if login is None or not is_login(login):
                self.unlinked += sighting.commits
                continue
            author = authors.setdefault(login.lower(), _Author(login))
            if sighting.login is not None:
                author.login, author.user_id = sighting.login, sighting.user_id or author.user_id
            is_machine = is_machine_commit(CommitName(sighting.name, sighting.email))
            (author.machine if is_machine else author.human).append(sighting)
        return authors

    def _by_commits(self, author: _Author, human_commits: int) -> PersonRef:
        return self._ref(author.login, commits=author.commits, human_commits=human_commits).model_copy(
            update={"user_id": author.user_id, "last_at": author.last_at}
        )

    def _by_pull_requests(self) -> list[PersonRef]:
        counts = sorted(self.activity.pull_authors.items(), key=lambda item: (-item[1], item[0].lower()))
        found = []
        for login, merged in counts:
            if not is_login(login) or merged < 1 or self._is_the_organisation(login):
                continue
            reason = machine_reason(login)
            if reason is None:
                ref = self._ref(login, commits=0, human_commits=0)
                found.append(ref.model_copy(update={"signal": "pull_requests", "contributions": merged}))
            elif login.lower() not in {drop.login.lower() for drop in self.dropped}:
                self._drop(login, "bot", reason)
        return found

    def _ref(self, login: str, *, commits: int, human_commits: int) -> PersonRef:
        role, evidence = role_of(
            login,
            self.activity,
            owner=self.owner,
            owner_is_org=self.repo.owner_is_org,
            commits=commits,
            human_commits=human_commits,
        )
        return PersonRef(
            login=login,
            from_repo=self.repo.full_name,
            repo_id=self.repo.id,
            signal="commits",
            contributions=commits,
            role=role,
            evidence=evidence,
        )

    def _is_the_organisation(self, login: str) -> bool:
        return self.repo.owner_is_org and login.lower() == self.owner.lower()

    def _drop(self, login: str, reason: str, detail: str) -> None:
        self.dropped.append(DroppedPerson(login=login, from_repo=self.repo.full_name, reason=reason, detail=detail))


def _signatures(sightings: Sequence[AuthorSighting]) -> list[CommitName]:
    return [CommitName(sighting.name, sighting.email) for sighting in sightings]


def events(call: ExtractIn, out: ExtractOut) -> list[Event]:
    happened: list[Event] = [CandidateFound(ref=ref) for ref in out.people]
    happened += [CandidateDropped(**drop.model_dump()) for drop in out.dropped]
    happened += [
        RepoRead(repo_id=repo.repo_id, state=repo.state, commits_seen=repo.commits_seen, people=repo.people)
        for repo in out.repos
    ]
    return happened + [ItemFailed(tool=NAME, stage=Stage.EXTRACT, failure=failure) for failure in out.failed]


TOOL: Tool[ExtractPlanned, ExtractIn, ExtractOut] = Tool(
    name=NAME,
    stage=Stage.EXTRACT,
    effect="read",
    planned=ExtractPlanned,
    takes=ExtractIn,
    gives=ExtractOut,
    source=Source.REPOS_UNREAD,
    page_size=REPOS_PER_PAGE,
    layout=layout,
    run=run,
    events=events,
)
