"""Finding addresses: published first, commits only where GitHub links them, never junk, never somebody else's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cmo.domain.event import EmailFound, EmailMissing
from cmo.domain.lead import AuthorSighting, EmailClass, RepoRef
from cmo.tools.find_commit_emails import TOOL, FindIn, FindOut, FindPlanned, PersonToFind
from tests.fakes.outside import NOW, profile_factory, ref_factory, repo_factory
from tests.fakes.ports import ScriptedHost, activity_factory, context_factory, ports_factory, run_tool, sighting_factory
from tests.scoring.people import facts_factory

SINCE = NOW - timedelta(days=90)


def person(login: str = "jane", *, repos: int = 1, **changes: Any) -> PersonToFind:
    seen_on = tuple(RepoRef(id=f"R_{n:04}", full_name=f"org{n}/proj{n}") for n in range(1, repos + 1))
    return PersonToFind.model_validate({"login": login, "repos": seen_on, **changes})


def find(*sightings: AuthorSighting, people: tuple[PersonToFind, ...] | None = None) -> FindOut:
    """Commits of repository 1; those of others are given as activities by `find_in`."""
    return find_in({1: sightings}, people=people)


def find_in(
    commits: dict[int, tuple[AuthorSighting, ...]], *, people: tuple[PersonToFind, ...] | None = None
) -> FindOut:
    host = ScriptedHost(activities={f"R_{n:04}": activity_factory(*seen, n=n) for n, seen in commits.items()})
    call = FindIn(people=people or (person(repos=len(commits)),), since=SINCE)
    return run_tool(TOOL, call, ports_factory(host))


def addresses(out: FindOut) -> list[str]:
    return [finding.email.email for finding in out.emails]


def test_the_published_address_comes_first() -> None:
    jane = person(published_email="Jane@Acme.dev", published_url="https://github.com/jane", published_seen_at=NOW)
    out = find(sighting_factory("jane", email="j@home.dev"), people=(jane,))
    assert addresses(out) == ["jane@acme.dev", "j@home.dev"]
    published = out.emails[0].email
    assert published.email_class is EmailClass.PUBLISHED
    assert (published.source_url, published.seen_at) == ("https://github.com/jane", NOW)


def test_commit_addresses_come_by_commits_then_by_date() -> None:
    out = find(
        sighting_factory("jane", email="few@x.dev", commits=2),
        sighting_factory("jane", email="older@x.dev", commits=5, last_at=NOW - timedelta(days=9)),
        sighting_factory("jane", email="newer@x.dev", commits=5),
    )
    assert addresses(out) == ["newer@x.dev", "older@x.dev", "few@x.dev"]


def test_a_commit_address_says_where_it_was_seen() -> None:
    out = find_in(
        {
            1: (sighting_factory("jane", email="j@x.dev", commits=2, last_at=NOW - timedelta(days=4)),),
            2: (sighting_factory("jane", email="J@x.dev", commits=3, last_commit="d" * 40),),
        }
    )
    (finding,) = out.emails
    assert finding.email.email_class is EmailClass.COMMIT
    assert finding.email.source_url == f"https://github.com/org2/proj2/commit/{'d' * 40}"
    assert finding.email.seen_at == NOW
    assert finding.email.evidence == "GitHub links it to jane; 5 commits in org2/proj2 and 1 more"


def test_one_mailbox_is_found_once() -> None:
    jane = person(published_email="janedoe@gmail.com")
    out = find(
        sighting_factory("jane", email="jane.doe+git@gmail.com"),
        sighting_factory("jane", email="janedoe@googlemail.com"),
        people=(jane,),
    )
    assert addresses(out) == ["janedoe@gmail.com"]


@pytest.mark.parametrize(
    "email",
    [
        "1+jane@users.noreply.github.com",
        "noreply@github.com",
        "jane@macbook.local",
        "jane@localhost",
        "info@x.dev",
        "ci@x.dev",
        "jane@mailinator.com",
        "jane at x dot dev",
        "",
    ],
)
def test_junk_is_never_an_address(email: str) -> None:
    out = find(sighting_factory("jane", email=email), people=(person(published_email=email),))
    assert out.emails == ()
    assert out.missing[0].reason.startswith("No usable address: ")


def test_an_address_that_github_does_not_link_is_not_taken() -> None:
    out = find(sighting_factory(None, name="Jane", email="jane@x.dev"))
    assert out.missing[0].reason.endswith("no commit in the window is linked to the account.")


def test_somebody_elses_address_is_never_taken() -> None:
    sightings = (sighting_factory("jane", email="j@x.dev"), sighting_factory("eve", name="Jane", email="eve@x.dev"))
    out = find(*sightings, people=(person("jane"), person("eve"), person("amy")))
    assert [(finding.login, finding.email.email) for finding in out.emails] == [
        ("jane", "j@x.dev"),
        ("eve", "eve@x.dev"),
    ]
    assert [missing.login for missing in out.missing] == ["amy"]


def test_commits_before_the_window_do_not_count() -> None:
    out = find(sighting_factory("jane", email="j@x.dev", last_at=SINCE - timedelta(seconds=1)))
    assert out.emails == ()


def test_why_there_is_none_is_told_in_numbers() -> None:
    out = find(
        sighting_factory("jane", email="1+jane@users.noreply.github.com", commits=12),
        sighting_factory("jane", email="j@laptop.local", commits=3),
        people=(person(published_email="info@x.dev"),),
    )
    assert out.missing[0].reason == (
        "No usable address: the address on the profile is a role one;"
        " of 15 commits 12 with a noreply address, 3 with a local-only address."
    )


def test_a_person_without_repositories_costs_no_request() -> None:
    host = ScriptedHost()
    call = FindIn(people=(PersonToFind(login="jane", published_email="j@x.dev"),))
    out = run_tool(TOOL, call, ports_factory(host))
    assert addresses(out) == ["j@x.dev"]
    assert host.since == []


def test_by_hand_logins_are_looked_up_and_repositories_read() -> None:
    activity = activity_factory(sighting_factory("jane", email="j@x.dev"), sighting_factory("amy", email="amy@x.dev"))
    host = ScriptedHost(activities={"R_0001": activity}, profiles=[profile_factory("jane")])
    repo = repo_factory(1).model_dump(mode="json")
    call = FindIn.model_validate({"logins": ["jane", "amy"], "repos": [repo], "since": SINCE})
    out = run_tool(TOOL, call, ports_factory(host))
    assert addresses(out) == ["jane@jane.example", "j@x.dev", "amy@x.dev"]


def test_a_page_is_laid_out_from_what_is_known() -> None:
    facts = facts_factory(profile=profile_factory("jane"), refs=(ref_factory("jane", n=1), ref_factory("jane", n=2)))
    call = TOOL.layout(FindPlanned(days=30), [facts], context_factory())
    assert call.since == NOW - timedelta(days=30)
    (jane,) = call.people
    assert (jane.published_email, jane.published_seen_at) == ("jane@jane.example", NOW)
    assert [repo.full_name for repo in jane.repos] == ["org1/proj1", "org2/proj2"]


def test_found_and_missing_become_events() -> None:
    out = find(sighting_factory("jane", email="j@x.dev"), people=(person("jane"), person("amy")))
    assert [type(event) for event in TOOL.events(FindIn(people=()), out)] == [EmailFound, EmailMissing]
