"""The yardsticks for discovery: the loops over GitHub's REST API that one would write first, and best.

Both work on the first repositories of one search and take the top five people of each, as our own job does, and use
the profile's address or else one of the person's commits that is not a noreply one. A person counts as a good lead by
our own rule (`cmo.scoring`: score and decision), with the mail check answered by the sandbox's truth, free of charge.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import httpx

from benchmarks.clock import SharedClock
from benchmarks.measure import NothingMeasured, progress
from benchmarks.sandboxed import ANCHOR, MIDNIGHT, serving, units, world
from benchmarks.worker import SandboxOutside
from cmo.domain.job import Icp
from cmo.domain.lead import (
    ActivityState,
    Email,
    EmailClass,
    LeadFacts,
    MxState,
    MxVerdict,
    PersonProfile,
    PersonRef,
    Repo,
    RepoActivity,
    RepoRef,
)
from cmo.domain.people import role_of
from cmo.sandbox import Totals
from cmo.scoring.score import decide, score_person

SAMPLE_REPOS = 100
"""All of the first page of the search."""
PEOPLE_EACH = 5
WINDOW = timedelta(days=90)
GENEROUS_LIMIT = 5_000
TRIES = 3
RETRY_S = 1.0
NOREPLY = "noreply"


@dataclass(frozen=True, kw_only=True)
class NaiveFind:
    """A person with the address that the loop would use."""

    login: str
    email: str
    good: bool
    """Whether our own rule would accept this person."""


@dataclass(frozen=True, kw_only=True)
class NaiveRun:
    """What a loop found on the sample, and what the sandbox's books say it took."""

    repos: tuple[str, ...]
    finds: tuple[NaiveFind, ...]
    totals: Totals

    @property
    def good_leads(self) -> int:
        return sum(find.good for find in self.finds)

    @property
    def requests_per_lead(self) -> float:
        """Requests that count against the limit, for each good lead."""
        return units(self.totals) / self.good_leads


@dataclass
class _Person:
    """One login as a loop came to know it."""

    profile: dict[str, Any] = field(default_factory=dict)
    refs: list[PersonRef] = field(default_factory=list)
    repos: list[Repo] = field(default_factory=list)
    commit_emails: Counter[str] = field(default_factory=Counter)


class Rest:
    """A REST client as in a script: asks, tries three times a second apart, gives up."""

    def __init__(self, outside: SandboxOutside, clock: SharedClock) -> None:
        self._clock = clock
        self._http = httpx.Client(
            base_url=outside.rest_url,
            headers={"Authorization": f"Bearer {outside.token}", "User-Agent": "naive"},
            follow_redirects=True,
            trust_env=False,
        )

    def get(self, url: str, **params: Any) -> tuple[Any, str | None]:
        """The body, and the address of the next page; None and None where it cannot be had."""
        for _ in range(TRIES):
            try:
                answer = self._http.get(url, params=params or None)
                if answer.status_code == 200:
                    return answer.json(), answer.links.get("next", {}).get("url")
                if answer.status_code in (204, 404, 409, 451):
                    return None, None
            except (httpx.HTTPError, ValueError):
                pass
            self._clock.advance_to(self._clock.monotonic() + RETRY_S)
        return None, None

    def close(self) -> None:
        self._http.close()


Loop = Callable[[Rest, list[Repo]], dict[str, _Person]]


def obvious(rest: Rest, repos: list[Repo]) -> dict[str, _Person]:
    """Contributors of a repository, then for each of the first five their profile and their commits."""
    people: dict[str, _Person] = defaultdict(_Person)
    for repo in repos:
        listed, _ = rest.get(f"/repos/{repo.full_name}/contributors", per_page=100)
        logins = [entry["login"] for entry in listed or () if entry["type"] == "User"][:PEOPLE_EACH]
        for login in logins:
            profile, _ = rest.get(f"/users/{login}")
            asked = {"author": login, "since": _since().isoformat(), "per_page": 100}
            commits, _ = rest.get(f"/repos/{repo.full_name}/commits", **asked)
            if profile and commits:
                people[login].profile = profile
                _note(people[login], login, repo, commits, len(commits))
    return people


def best(rest: Rest, repos: list[Repo]) -> dict[str, _Person]:
    """Commits of the window, grouped by account; then one profile for each person not seen before."""
    people: dict[str, _Person] = defaultdict(_Person)
    for repo in repos:
        by_login: dict[str, list[dict[str, Any]]] = defaultdict(list)
        page, following = rest.get(f"/repos/{repo.full_name}/commits", since=_since().isoformat(), per_page=100)
        while page:
            for commit in page:
                if (commit["author"] or {}).get("type") == "User":
                    by_login[commit["author"]["login"]].append(commit)
            page, following = rest.get(following) if following else (None, None)
        everything = sum(map(len, by_login.values()))
        for login in sorted(by_login, key=lambda name: -len(by_login[name]))[:PEOPLE_EACH]:
            _note(people[login], login, repo, by_login[login], everything)
    for login, person in people.items():
        profile, _ = rest.get(f"/users/{login}")
        person.profile = profile or {}
    return {login: person for login, person in people.items() if person.profile}


@cache
def naive_run(loop: Loop, *, core_limit: int = GENEROUS_LIMIT, faults: str | None = None) -> NaiveRun:
    """Run `loop` over the sample."""
    progress(f"the {loop.__name__} REST loop over {SAMPLE_REPOS} repositories")
    with serving(core_limit=core_limit, faults=faults) as (sandbox, outside, clock):
        rest = Rest(outside, clock)
        try:
            repos = _search(rest)
            people = loop(rest, repos)
        finally:
            rest.close()
        finds = tuple(find for login, person in people.items() if (find := _judged(login, person)) is not None)
        found = NaiveRun(repos=tuple(repo.full_name for repo in repos), finds=finds, totals=sandbox.books.totals())
    if not found.good_leads and core_limit >= GENEROUS_LIMIT and faults is None:
        raise NothingMeasured(f"the {loop.__name__} loop found nobody")
    return found


def _since() -> datetime:
    return MIDNIGHT - WINDOW


def _search(rest: Rest) -> list[Repo]:
    query = f"topic:testing language:python stars:100..2000 pushed:>={_since():%Y-%m-%d}"
    found, _ = rest.get("/search/repositories", q=query, sort="stars", per_page=SAMPLE_REPOS)
    return [_repo(item) for item in (found or {}).get("items", ())]


def _repo(item: dict[str, Any]) -> Repo:
    return Repo(
        id=item["node_id"],
        full_name=item["full_name"],
        owner=item["owner"]["login"],
        owner_is_org=item["owner"]["type"] == "Organization",
        description=item["description"] or "",
        stars=item["stargazers_count"],
        language=item["language"],
        topics=tuple(item["topics"]),
        url=item["html_url"],
    )


def _note(person: _Person, login: str, repo: Repo, commits: list[dict[str, Any]], everything: int) -> None:
    """Write down what the person did in one repository."""
    here = RepoRef(id=repo.id, full_name=repo.full_name)
    nothing = RepoActivity(repo=here, state=ActivityState.OK, since=_since(), fetched_at=ANCHOR)
    role, evidence = role_of(
        login, nothing, owner=repo.owner, owner_is_org=repo.owner_is_org, commits=len(commits), human_commits=everything
    )
    newest = max(datetime.fromisoformat(commit["commit"]["author"]["date"]) for commit in commits)
    person.refs.append(
        PersonRef(
            login=login, from_repo=repo.full_name, repo_id=repo.id, signal="commits", contributions=len(commits),
            role=role, evidence=evidence, last_at=newest,
        )
    )  # fmt: skip
    person.repos.append(repo)
    person.commit_emails.update(_real(commit["commit"]["author"]["email"] for commit in commits))


def _real(emails: Iterable[str]) -> Iterable[str]:
    return (email.lower() for email in emails if "@" in email and NOREPLY not in email)


def _judged(login: str, person: _Person) -> NaiveFind | None:
    published = person.profile.get("email")
    address = published or next((email for email, _ in person.commit_emails.most_common(1)), None)
    if address is None:
        return None
    kind = EmailClass.PUBLISHED if published else EmailClass.COMMIT
    state = MxState(world().truth.deliverability(address).value)
    names = ("name", "company", "location", "bio", "blog", "followers", "following", "public_repos", "hireable")
    facts = LeadFacts(
        profile=PersonProfile(
            login=login,
            url=person.profile["html_url"],
            fetched_at=ANCHOR,
            **{name: person.profile.get(name) for name in names},
        ),
        refs=tuple(person.refs),
        repos=tuple(person.repos),
        email=Email(email=address, email_class=kind, source_url=person.profile["html_url"], seen_at=ANCHOR),
        mx=MxVerdict(email=address, state=state, reason="by truth", checked_at=ANCHOR),
        as_of=MIDNIGHT,
    )
    accepted = decide(facts, Icp(), score_person(facts, Icp())).accepted
    return NaiveFind(login=login, email=address.lower(), good=accepted)
