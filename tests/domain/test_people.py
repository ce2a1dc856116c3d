"""Machines are told from people by several signals, maintainers from contributors by evidence, twins by mailbox."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmo.domain.job import Role
from cmo.domain.lead import ActivityState, RepoActivity, RepoRef
from cmo.domain.people import (
    AddressHolder,
    CommitName,
    Merge,
    is_login,
    is_machine_commit,
    machine_reason,
    merge_candidates,
    role_of,
)

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def activity_factory(**changes: Any) -> RepoActivity:
    values = {
        "repo": RepoRef(id="R_1", full_name="acme/tool"),
        "state": ActivityState.OK,
        "since": NOW,
        "fetched_at": NOW,
    }
    return RepoActivity.model_validate({**values, **changes})


def role(login: str, *, owner: str = "acme", owner_is_org: bool = True, commits: int = 3, **changes: Any) -> Any:
    return role_of(
        login, activity_factory(**changes), owner=owner, owner_is_org=owner_is_org, commits=commits, human_commits=30
    )


@pytest.mark.parametrize(
    ("login", "name", "email"),
    [
        ("dependabot[bot]", "dependabot[bot]", "49699333+dependabot[bot]@users.noreply.github.com"),
        ("github-actions", "Jane", "jane@acme.dev"),
        ("acme-ci-bot", "acme-ci-bot", "x@acme.dev"),
        ("my_robot", "", ""),
        ("AcmeBot", "AcmeBot", "x@acme.dev"),
        ("acmebot", "Acme Release Bot", "x@acme.dev"),
        ("bot-acme", "Acme Bot", "x@acme.dev"),
        ("quillharrow-ci", "quillharrow-ci", "ci@quillharrow.dev"),
        ("svc-jenkins", "svc-jenkins", "x@acme.dev"),
        ("ci-runner-acme", "ci-runner-acme", "x@acme.dev"),
    ],
)
def test_machines_are_recognised(login: str, name: str, email: str) -> None:
    assert machine_reason(login, [CommitName(name, email)])


@pytest.mark.parametrize(
    ("login", "name", "email"),
    [
        ("jabbott", "Jane Abbott", "jane@gmail.com"),
        ("talbot", "talbot", "t@talbot.dev"),
        ("TalBot", "Sam Talbot", "sam@talbot.dev"),
        ("robotham", "Owen Robotham", "owen@r.dev"),
        ("elbot", "elbot", "e@elbot.dev"),
        ("emmabot", "Emma Bot", "emma@gmail.com"),
        ("bot-eler", "Robert Boteler", "r@b.dev"),
        ("abbot-hale", "Abbot Hale", "a@h.dev"),
        ("circe-ci", "Circe Lindqvist", "c@l.dev"),
        ("travis-cole", "Travis Cole", "t@c.dev"),
        ("mjenkins", "Marc Jenkins", "m@j.dev"),
        ("cibele", "Cibele", "ci@c.dev"),
        ("renato-vale", "Renato", "1+renato-vale@users.noreply.github.com"),
    ],
)
def test_people_who_look_like_machines_survive(login: str, name: str, email: str) -> None:
    assert machine_reason(login, [CommitName(name, email)]) is None


@pytest.mark.parametrize(
    "signed",
    [
        CommitName("github-actions", "jane@acme.dev"),
        CommitName("dependabot[bot]", "x@acme.dev"),
        CommitName("Jane", "noreply@github.com"),
        CommitName("Jane", "41898282+github-actions[bot]@users.noreply.github.com"),
        CommitName("Release Bot", "ci@acme.dev"),
    ],
)
def test_a_machine_under_a_persons_account_is_seen_in_its_commits(signed: CommitName) -> None:
    assert is_machine_commit(signed)


def test_a_person_with_one_odd_sign_is_no_machine() -> None:
    assert not is_machine_commit(CommitName("Jane Doe", "ci@janedoe.dev"))
    assert not is_machine_commit(CommitName("Jane Bot", "jane@acme.dev"))


@pytest.mark.parametrize(
    ("changes", "evidence"),
    [
        ({"mergers": {"Jane": 12}}, "merged 12 pull requests"),
        ({"mergers": {"jane": 1}}, "merged 1 pull request"),
        ({"releasers": {"jane": 2}}, "published 2 releases"),
        ({"codeowners": ("@Jane",)}, "named in CODEOWNERS"),
        ({"owner": "JANE", "owner_is_org": False}, "owns the repository"),
        ({"commits": 12}, "wrote 40 % of the commits"),
    ],
)
def test_a_maintainer_is_one_by_evidence(changes: dict[str, Any], evidence: str) -> None:
    assert role("jane", **changes) == (Role.MAINTAINER, (evidence,))


def test_who_only_writes_some_commits_is_a_contributor() -> None:
    assert role("jane", commits=9, mergers={"bob": 3}, codeowners=("@acme/team", "docs@acme.dev")) == (
        Role.CONTRIBUTOR,
        (),
    )


def test_two_logins_that_show_one_mailbox_are_one_human() -> None:
    holders = [
        AddressHolder(login="jane", email="jane.doe@gmail.com", contributions=4),
        AddressHolder(login="jdoe", email="JaneDoe+git@googlemail.com", contributions=9),
        AddressHolder(login="bob", email="bob@acme.dev", contributions=1),
    ]
    assert merge_candidates(holders) == [Merge("jdoe", "jane", "both accounts show the same mailbox")]


def test_a_chain_of_mailboxes_is_one_human() -> None:
    holders = [
        AddressHolder(login="a", email="x@acme.dev", contributions=1),
        AddressHolder(login="b", email="x@acme.dev", contributions=5),
        AddressHolder(login="b", email="y@acme.dev", contributions=5),
        AddressHolder(login="c", email="y@acme.dev", contributions=3),
    ]
    assert [(merge.kept, merge.merged) for merge in merge_candidates(holders)] == [("b", "a"), ("b", "c")]


def test_an_accepted_lead_is_kept_and_ties_go_by_login() -> None:
    tied = [AddressHolder(login=login, email="x@acme.dev", contributions=3) for login in ("zoe", "amy")]
    assert merge_candidates(tied)[0].kept == "amy"
    accepted = tied[0].model_copy(update={"accepted": True})
    assert merge_candidates([accepted, tied[1]])[0].kept == "zoe"


@pytest.mark.parametrize(
    "email",
    ["info@acme.dev", "ci@acme.dev", "x@mailinator.com", "noreply@acme.dev", "not an address", "x@laptop.local"],
)
def test_addresses_of_nobody_in_particular_merge_nobody(email: str) -> None:
    holders = [AddressHolder(login=login, email=email, contributions=1) for login in ("jane", "bob")]
    assert merge_candidates(holders) == []


def test_a_mailbox_of_many_logins_is_shared_not_one_person() -> None:
    holders = [AddressHolder(login=login, email="x@acme.dev", contributions=1) for login in "abcd"]
    assert merge_candidates(holders) == []


@given(
    st.lists(
        st.builds(
            AddressHolder,
            login=st.sampled_from("abcdef"),
            email=st.sampled_from(["x@acme.dev", "y@acme.dev", "z@acme.dev"]),
            contributions=st.integers(0, 5),
        ),
        max_size=10,
    )
)
def test_nobody_is_merged_twice_or_into_somebody_merged(holders: list[AddressHolder]) -> None:
    merges = merge_candidates(holders)
    merged = [merge.merged for merge in merges]
    assert len(merged) == len(set(merged))
    assert not set(merged) & {merge.kept for merge in merges}


@pytest.mark.parametrize(("text", "expected"), [("octocat", True), ("a-b_c", True), ("x[bot]", True), ("a b", False)])
def test_a_login_is_known_by_its_form(text: str, expected: bool) -> None:
    assert is_login(text) is expected
