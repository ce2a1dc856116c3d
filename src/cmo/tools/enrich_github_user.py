"""Look people's public profiles up, and hear who asks not to be written to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import ConfigDict, Field, model_validator

from cmo.domain.base import Frozen, Login
from cmo.domain.event import Event, ItemFailed, PersonEnriched, PersonOptedOut
from cmo.domain.job import Stage
from cmo.domain.lead import ItemFailure, PersonProfile, PersonRef
from cmo.domain.opt_out import find_opt_out
from cmo.providers.ports import PersonKey
from cmo.tools.base import PAGE_SIZE, PageContext, Ports, Source, Tool

NAME = "enrich_github_user"


class EnrichPlanned(Frozen):
    """Look up the public profiles of people found: name, company, location, bio, followers.

    People whose profile asks not to be contacted are suppressed for good. Call it when there are candidates without a
    profile.
    """

    selector: Literal["pending"] = Field(default="pending", description="Candidates without a profile.")


class Candidate(PersonKey):
    """A person as `extract_people` answers it; what is not needed is ignored."""

    model_config = ConfigDict(extra="ignore")


class EnrichIn(Frozen):
    """Name people by `people` or, by hand, by `logins`; both may be given."""

    people: tuple[Candidate, ...] = Field(default=(), max_length=PAGE_SIZE)
    logins: tuple[Login, ...] = Field(default=(), max_length=PAGE_SIZE)

    @model_validator(mode="after")
    def _names_somebody(self) -> EnrichIn:
        if not self.people and not self.logins:
            raise ValueError('name at least one person, e.g. {"logins": ["octocat"]}')
        return self


class OptOut(Frozen):
    login: Login
    email: str | None
    """The address on the profile."""
    words: str
    """What the profile says."""
    source_url: str


class EnrichOut(Frozen):
    profiles: tuple[PersonProfile, ...]
    """Under the login that was asked for, also where the account was renamed since."""
    opted_out: tuple[OptOut, ...]
    failed: tuple[ItemFailure, ...]
    """Deleted, suspended, organisations; one bad account never fails the page."""


def layout(planned: EnrichPlanned, rows: Sequence[PersonRef], context: PageContext) -> EnrichIn:
    return EnrichIn(people=tuple(Candidate(login=ref.login, user_id=ref.user_id) for ref in rows))


async def run(call: EnrichIn, ports: Ports) -> EnrichOut:
    named = [*(PersonKey(login=login) for login in call.logins), *call.people]
    asked = {key.login.lower(): PersonKey(login=key.login, user_id=key.user_id) for key in named}
    found, failures = await ports.code_host.fetch_profiles(tuple(asked.values()))
    profiles = _under_asked_logins(found, asked)
    answered = set(profiles) | {failure.item.lower() for failure in failures}
    unanswered = [
        ItemFailure(item=key.login, code="missing", message="GitHub's answer leaves the account out")
        for login, key in asked.items()
        if login not in answered
    ]
    return EnrichOut(
        profiles=tuple(profiles.values()),
        opted_out=tuple(out for profile in profiles.values() if (out := find_opt_out_of(profile)) is not None),
        failed=(*failures, *unanswered),
    )


def find_opt_out_of(profile: PersonProfile) -> OptOut | None:
    """What in the profile asks not to be contacted, or None."""
    words = find_opt_out((profile.bio, profile.name, profile.company, profile.location))
    if words is None:
        return None
    return OptOut(login=profile.login, email=profile.email, words=words, source_url=profile.url)


def _under_asked_logins(found: Sequence[PersonProfile], asked: dict[str, PersonKey]) -> dict[str, PersonProfile]:
    """Profiles by the login asked for, in lower case; a renamed account is recognised by its id."""
    login_of = {key.user_id: key.login for key in asked.values() if key.user_id}
    profiles = {}
    for profile in found:
        login = login_of.get(profile.user_id or "") or profile.login
        if login.lower() in asked:
            profiles[login.lower()] = profile.model_copy(update={"login": asked[login.lower()].login})
    return profiles


def events(call: EnrichIn, out: EnrichOut) -> list[Event]:
    happened: list[Event] = [PersonEnriched(profile=profile) for profile in out.profiles]
    happened += [PersonOptedOut(**opt_out.model_dump()) for opt_out in out.opted_out]
    return happened + [ItemFailed(tool=NAME, stage=Stage.ENRICH, failure=failure) for failure in out.failed]


TOOL: Tool[EnrichPlanned, EnrichIn, EnrichOut] = Tool(
    name=NAME,
    stage=Stage.ENRICH,
    effect="read",
    planned=EnrichPlanned,
    takes=EnrichIn,
    gives=EnrichOut,
    source=Source.CANDIDATES_NEW,
    page_size=PAGE_SIZE,
    layout=layout,
    run=run,
    events=events,
)
