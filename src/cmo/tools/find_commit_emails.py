"""Find the address a person can be reached at: the one they publish, else those in their own recent commits.

A commit can be signed with anybody's address. It counts only where GitHub links it to the login, since an account's
addresses are verified; what carries the person's name alone is never taken.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from pydantic import ConfigDict, Field

from cmo.domain.address import AddressKind, classify, identity_key, parse_address
from cmo.domain.base import Frozen, Login
from cmo.domain.event import EmailFound, EmailMissing, Event
from cmo.domain.job import Stage
from cmo.domain.lead import AuthorSighting, Email, EmailClass, LeadFacts, PersonProfile, RepoRef
from cmo.providers.ports import Finding, PersonKey
from cmo.tools.base import PAGE_SIZE, PageContext, Ports, Source, Tool

NAME = "find_commit_emails"

_WHAT_IT_IS = {
    AddressKind.ROLE: "role",
    AddressKind.DISPOSABLE: "throw-away",
    AddressKind.NOREPLY: "noreply",
    AddressKind.MACHINE: "machine",
    AddressKind.LOCAL: "local-only",
    AddressKind.MALFORMED: "malformed",
}


class FindPlanned(Frozen):
    """Find addresses of people who have a profile: published ones first, then those of their own recent commits.

    Noreply, role, throw-away and machine addresses are never taken. Call it when there are enriched people whose
    addresses were not looked for.
    """

    selector: Literal["pending"] = Field(default="pending", description="Enriched people without an address.")
    days: int | None = Field(
        default=None, ge=1, le=3650, description="How far back commits are looked at; null is the plan's window."
    )


class PersonToFind(Frozen):
    login: Login
    published_email: str | None = None
    published_url: str = ""
    published_seen_at: datetime | None = None
    repos: tuple[RepoRef, ...] = ()


class SeenRepo(RepoRef):
    """A repository as `search_github_repos` answers it; what is not needed is ignored."""

    model_config = ConfigDict(extra="ignore")


class FindIn(Frozen):
    """Name people by `people`, with what is known of them, or by hand by `logins` and `repos`."""

    people: tuple[PersonToFind, ...] = Field(default=(), max_length=PAGE_SIZE)
    logins: tuple[Login, ...] = Field(default=(), max_length=PAGE_SIZE, description="Their profiles are looked up.")
    repos: tuple[SeenRepo, ...] = Field(
        default=(), max_length=PAGE_SIZE, description="Where commits of `logins` are looked for."
    )
    days: int = Field(default=90, ge=1, le=3650, description="The window, counted back from now.")
    since: datetime | None = Field(default=None, description="The window's start; wins over `days`.")


class NoAddress(Frozen):
    login: Login
    reason: str
    """A plain sentence."""


class FindOut(Frozen):
    emails: tuple[Finding, ...]
    """Every usable address, a person's best first."""
    missing: tuple[NoAddress, ...]


class _Seen(NamedTuple):
    """Commits of one login in one repository under one address."""

    repo: str
    sighting: AuthorSighting


def layout(planned: FindPlanned, rows: Sequence[LeadFacts], context: PageContext) -> FindIn:
    days = planned.days or context.plan.icp.activity_days
    return FindIn(
        people=tuple(
            _to_find(facts.profile, [RepoRef(id=ref.repo_id, full_name=ref.from_repo) for ref in facts.refs])
            for facts in rows
        ),
        days=days,
        since=context.as_of - timedelta(days=days),
    )


async def run(call: FindIn, ports: Ports) -> FindOut:
    now = ports.clock.now()
    since = call.since or now - timedelta(days=call.days)
    people = (*call.people, *await _named(call, ports))
    repos = {repo.id: repo for person in people for repo in person.repos}
    seen: dict[str, list[_Seen]] = defaultdict(list)
    if repos:
        for activity in await ports.history.fetch_activity(tuple(repos.values()), since=since):
            for sighting in activity.sightings:
                if sighting.login is not None and sighting.last_at >= since:
                    seen[sighting.login.lower()].append(_Seen(activity.repo.full_name, sighting))
    emails: list[Finding] = []
    missing: list[NoAddress] = []
    for person in people:
        commits = seen[person.login.lower()]
        found = _addresses_of(person, commits, now=now)
        emails += [Finding(login=person.login, email=email) for email in found]
        if not found:
            missing.append(NoAddress(login=person.login, reason=_why_none(person, commits)))
    return FindOut(emails=tuple(emails), missing=tuple(missing))


async def _named(call: FindIn, ports: Ports) -> list[PersonToFind]:
    """The people of `call.logins`, with what their profiles publish; without a profile, commits alone count."""
    if not call.logins:
        return []
    profiles, _ = await ports.code_host.fetch_profiles([PersonKey(login=login) for login in call.logins])
    known = {profile.login.lower(): profile for profile in profiles}
    repos = [RepoRef(id=repo.id, full_name=repo.full_name) for repo in call.repos]
    return [
        _to_find(known[login.lower()], repos)
        if login.lower() in known
        else PersonToFind(login=login, repos=tuple(repos))
        for login in call.logins
    ]


def _to_find(profile: PersonProfile, repos: Sequence[RepoRef]) -> PersonToFind:
    return PersonToFind(
        login=profile.login,
        published_email=profile.email,
        published_url=profile.url,
        published_seen_at=profile.fetched_at,
        repos=tuple(repos),
    )


def _addresses_of(person: PersonToFind, commits: Sequence[_Seen], *, now: datetime) -> list[Email]:
    """Published first, then by commits, then by date; one for each mailbox."""
    published = _published(person, now=now)
    by_mailbox: dict[str, list[_Seen]] = defaultdict(list)
    for seen in commits:
        if classify(seen.sighting.email) is AddressKind.PERSONAL:
            by_mailbox[identity_key(seen.sighting.email)].append(seen)
    if published is not None:
        by_mailbox.pop(identity_key(published.email), None)
    ranked = sorted(by_mailbox.values(), key=lambda group: (-_commits(group), -_newest(group).last_at.timestamp()))
    return [*([published] if published else []), *(_from_commits(person.login, group) for group in ranked)]


def _published(person: PersonToFind, *, now: datetime) -> Email | None:
    """The profile's address, dated to the day it was read, so that an interrupted job writes what another does."""
    address = parse_address(person.published_email or "")
    if address is None or classify(address.text) is not AddressKind.PERSONAL:
        return None
    return Email(
        email=address.text,
        email_class=EmailClass.PUBLISHED,
        source_url=person.published_url or f"https://github.com/{person.login}",
        seen_at=(person.published_seen_at or now).replace(hour=0, minute=0, second=0, microsecond=0),
        evidence=f"published on the profile of {person.login}",
    )


def _from_commits(login: str, group: Sequence[_Seen]) -> Email:
    newest = max(group, key=lambda seen: seen.sighting.last_at)
    count, others = _commits(group), len({seen.repo for seen in group}) - 1
    where = newest.repo + (f" and {others} more" if others else "")
    address = parse_address(newest.sighting.email)
    return Email(
        email=address.text if address else newest.sighting.email,
        email_class=EmailClass.COMMIT,
        source_url=f"https://github.com/{newest.repo}/commit/{newest.sighting.last_commit}",
        seen_at=newest.sighting.last_at,
        evidence=f"GitHub links it to {login}; {count} {'commit' if count == 1 else 'commits'} in {where}",
    )


def _commits(group: Iterable[_Seen]) -> int:
    return sum(seen.sighting.commits for seen in group)


def _newest(group: Iterable[_Seen]) -> AuthorSighting:
    return max((seen.sighting for seen in group), key=lambda sighting: sighting.last_at)


def _why_none(person: PersonToFind, commits: Sequence[_Seen]) -> str:
    """Why no address of `person` can be used."""
    profile = "the profile shows no address"
    if person.published_email:
        profile = f"the address on the profile is a {_WHAT_IT_IS[classify(person.published_email)]} one"
    if not person.repos:
        return f"No usable address: {profile}, and no repository was named to look for commits in."
    if not commits:
        return f"No usable address: {profile}, and no commit in the window is linked to the account."
    kinds: Counter[str] = Counter()
    for seen in commits:
        kinds[_WHAT_IT_IS[classify(seen.sighting.email)]] += seen.sighting.commits
    told = ", ".join(f"{count} with a {kind} address" for kind, count in kinds.most_common())
    return f"No usable address: {profile}; of {_commits(commits)} commits {told}."


def events(call: FindIn, out: FindOut) -> list[Event]:
    found: list[Event] = [EmailFound(login=finding.login, email=finding.email) for finding in out.emails]
    return found + [EmailMissing(login=missing.login, reason=missing.reason) for missing in out.missing]


TOOL: Tool[FindPlanned, FindIn, FindOut] = Tool(
    name=NAME,
    stage=Stage.EMAILS,
    effect="read",
    planned=FindPlanned,
    takes=FindIn,
    gives=FindOut,
    source=Source.PEOPLE_WITHOUT_EMAIL,
    page_size=PAGE_SIZE,
    layout=layout,
    run=run,
    events=events,
)
