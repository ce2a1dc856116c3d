"""Extracting: people and nobody else, with a role that rests on evidence."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cmo.domain.event import CandidateDropped, CandidateFound, ItemFailed, RepoRead
from cmo.domain.job import Icp, Role
from cmo.domain.lead import ActivityState, RepoActivity
from cmo.tools.extract_people import TOOL, ExtractIn, ExtractOut, ExtractPlanned, RepoToRead
from tests.fakes.jobs import plan_factory
from tests.fakes.outside import NOW, repo_factory
from tests.fakes.ports import ScriptedHost, activity_factory, context_factory, ports_factory, run_tool, sighting_factory


def extract(*activities: RepoActivity, host: ScriptedHost | None = None, **changes: Any) -> ExtractOut:
    repos = tuple(
        RepoToRead(id=activity.repo.id, full_name=activity.repo.full_name, owner_is_org=True) for activity in activities
    )
    host = host or ScriptedHost(activities={activity.repo.id: activity for activity in activities})
    call = ExtractIn.model_validate({"repos": repos, "since": NOW, **changes})
    return run_tool(TOOL, call, ports_factory(host))


def logins(out: ExtractOut) -> list[str]:
    return [person.login for person in out.people]


def test_the_top_authors_by_commits_are_taken() -> None:
    sightings = [sighting_factory(f"dev{n}", commits=n) for n in range(1, 9)]
    assert logins(extract(activity_factory(*sightings), top_authors_per_repo=3)) == ["dev8", "dev7", "dev6"]


def test_all_addresses_of_a_login_count_as_one_person() -> None:
    newer = NOW - timedelta(days=1)
    out = extract(
        activity_factory(
            sighting_factory("Jane", commits=2, email="a@x.dev", last_at=newer - timedelta(days=9)),
            sighting_factory("jane", commits=3, email="b@x.dev", last_at=newer),
            sighting_factory("bob", commits=4),
        )
    )
    (jane, _) = out.people
    assert (jane.login.lower(), jane.contributions, jane.last_at, jane.user_id) == ("jane", 5, newer, "U_jane")


@pytest.mark.parametrize(
    ("login", "name", "email"),
    [
        ("dependabot[bot]", "dependabot[bot]", "x@x.dev"),
        (None, "dependabot[bot]", "49699333+dependabot[bot]@users.noreply.github.com"),
        ("acme-ci-bot", "acme-ci-bot", "ci@x.dev"),
        ("jane", "github-actions", "jane@x.dev"),
    ],
)
def test_machines_are_dropped_with_the_reason(login: str | None, name: str, email: str) -> None:
    out = extract(activity_factory(sighting_factory(login, name=name, email=email), sighting_factory("bob")))
    assert logins(out) == ["bob"]
    assert [(drop.reason, bool(drop.detail)) for drop in out.dropped] == [("bot", True)]


def test_a_persons_own_commits_count_and_the_machines_under_their_name_do_not() -> None:
    out = extract(
        activity_factory(
            sighting_factory("jane", commits=3),
            sighting_factory("jane", commits=90, name="github-actions", email="action@github.com"),
        )
    )
    assert [(person.login, person.contributions) for person in out.people] == [("jane", 3)]


def test_the_owning_organisation_is_no_person() -> None:
    out = extract(activity_factory(sighting_factory("Org1"), sighting_factory("bob")))
    assert logins(out) == ["bob"]
    assert [drop.reason for drop in out.dropped] == ["organisation"]


def test_a_noreply_address_names_a_person_and_an_unlinked_one_does_not() -> None:
    out = extract(
        activity_factory(
            sighting_factory(None, email="583231+octocat@users.noreply.github.com", commits=4),
            sighting_factory(None, email="jane@x.dev", commits=7),
            sighting_factory(None, email="", commits=2),
        )
    )
    assert logins(out) == ["octocat"]
    assert out.repos[0].unlinked == 9


def test_roles_come_with_their_evidence() -> None:
    activity = activity_factory(
        sighting_factory("jane", commits=30), sighting_factory("bob", commits=5), mergers={"Bob": 12}
    )
    assert {person.login: (person.role, person.evidence) for person in extract(activity).people} == {
        "jane": (Role.MAINTAINER, ("wrote 86 % of the commits",)),
        "bob": (Role.MAINTAINER, ("merged 12 pull requests",)),
    }


def test_the_owner_of_a_personal_repository_is_its_maintainer() -> None:
    activity = activity_factory(sighting_factory("org1", commits=2))
    repos = (RepoToRead(id="R_0001", full_name="org1/proj1"),)
    (person,) = extract(activity, repos=repos).people
    assert (person.role, person.evidence) == (Role.MAINTAINER, ("owns the repository",))


def test_only_the_roles_asked_for_are_taken_from_further_down() -> None:
    activity = activity_factory(
        *(sighting_factory(f"dev{n}", commits=5) for n in range(3)), sighting_factory("boss"), mergers={"boss": 3}
    )
    out = extract(activity, roles=("contributor",), top_authors_per_repo=2)
    assert logins(out) == ["dev0", "dev1"]
    assert [(drop.login, drop.reason) for drop in out.dropped] == [("boss", "role")]


def test_where_commits_are_sparse_authors_of_merged_pull_requests_are_taken() -> None:
    activity = activity_factory(
        sighting_factory("jane"), pull_authors={"jane": 9, "zoe": 2, "amy": 2, "renovate[bot]": 50, "Org1": 1, "b d": 1}
    )
    out = extract(activity)
    assert [(p.login, p.signal, p.contributions) for p in out.people] == [
        ("jane", "commits", 10),
        ("amy", "pull_requests", 2),
        ("zoe", "pull_requests", 2),
    ]
    assert [drop.login for drop in out.dropped] == ["renovate[bot]"]


def test_where_there_are_enough_authors_pull_requests_are_left_alone() -> None:
    activity = activity_factory(*(sighting_factory(f"dev{n}") for n in range(3)), pull_authors={"amy": 9})
    assert "amy" not in logins(extract(activity))


@pytest.mark.parametrize("state", [ActivityState.EMPTY, ActivityState.GONE, ActivityState.BLOCKED])
def test_a_repository_that_cannot_be_read_gives_nobody_and_stops_nothing(state: ActivityState) -> None:
    out = extract(activity_factory(n=1, state=state), activity_factory(sighting_factory("bob"), n=2))
    assert logins(out) == ["bob"]
    assert [(repo.state, repo.people) for repo in out.repos] == [(state, 0), (ActivityState.OK, 1)]


def test_a_repository_that_is_not_answered_fails_alone() -> None:
    answered, other = activity_factory(sighting_factory("bob"), n=2), activity_factory(n=1)
    out = extract(other, answered, host=ScriptedHost(activities={"R_0002": answered}))
    assert logins(out) == ["bob"]
    assert [failure.item for failure in out.failed] == ["org1/proj1"]


def test_the_same_commits_always_give_the_same_people_in_the_same_order() -> None:
    sightings = [sighting_factory(name, commits=5) for name in ("zoe", "amy", "bob")]
    assert logins(extract(activity_factory(*sightings))) == ["amy", "bob", "zoe"]


def test_a_page_is_laid_out_from_the_plan() -> None:
    plan = plan_factory(icp=Icp(activity_days=30, roles=(Role.MAINTAINER,)))
    call = TOOL.layout(ExtractPlanned(), [repo_factory(1)], context_factory(plan))
    assert call.since == NOW - timedelta(days=30)
    assert call.roles == (Role.MAINTAINER,)
    assert call.top_authors_per_repo == 5
    assert call.repos[0].owner == "org1"
    assert TOOL.layout(ExtractPlanned(top_authors_per_repo=2), [], context_factory(plan)).top_authors_per_repo == 2


def test_repositories_may_be_given_as_the_search_answers_them() -> None:
    (repo,) = ExtractIn.model_validate({"repos": [repo_factory(1).model_dump(mode="json")]}).repos
    assert (repo.id, repo.owner, repo.owner_is_org) == ("R_0001", "org1", True)


def test_by_hand_the_window_counts_back_from_now() -> None:
    host = ScriptedHost()
    call = ExtractIn.model_validate({"repos": [{"id": "R_1", "full_name": "a/b"}], "days": 10})
    run_tool(TOOL, call, ports_factory(host))
    assert abs(host.since[0] - (NOW - timedelta(days=10))) < timedelta(minutes=1)


def test_people_drops_and_readings_become_events() -> None:
    activity = activity_factory(sighting_factory("bob"), sighting_factory("x[bot]"))
    call = ExtractIn(repos=())
    kinds = [type(event) for event in TOOL.events(call, extract(activity))]
    assert kinds == [CandidateFound, CandidateDropped, RepoRead]
    failed = extract(activity_factory(n=1), host=ScriptedHost())
    assert [type(event) for event in TOOL.events(call, failed)] == [ItemFailed]
