"""GitHub's JSON becomes our nouns, or is told to be malformed; nothing else comes out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmo.providers.github.codeowners import parse_codeowners
from cmo.providers.github.parse import (
    Malformed,
    login_of_noreply,
    parse_commit,
    parse_page,
    parse_profile,
    parse_repo,
    parse_rest_commit,
    parse_rest_profile,
    parse_rest_repo,
)
from tests.fakes.clock import NOON
from tests.providers.github.world import evidence, user

NODE: dict[str, Any] = {
    "id": "R_1",
    "nameWithOwner": "acme/tool",
    "url": "https://github.com/acme/tool",
    "description": None,
    "stargazerCount": 5,
    "owner": {"__typename": "Organization", "login": "acme"},
    "primaryLanguage": None,
    "licenseInfo": {"spdxId": "NOASSERTION"},
    "repositoryTopics": {"nodes": [None, {"topic": {"name": "ci"}}]},
}
ITEM: dict[str, Any] = {
    "node_id": "R_1",
    "full_name": "acme/tool",
    "html_url": "https://github.com/acme/tool",
    "stargazers_count": 5,
    "owner": {"type": "Organization", "login": "acme"},
    "license": {"spdx_id": "NOASSERTION"},
    "topics": ["ci"],
}


def history(*commits: dict[str, Any]) -> dict[str, Any]:
    page = {"totalCount": len(commits), "pageInfo": {"hasNextPage": False}, "nodes": list(commits)}
    return {"__typename": "Repository", "defaultBranchRef": {"target": {"history": page}}, **evidence()}


def commit(**author: Any) -> dict[str, Any]:
    return {"oid": "a" * 40, "committedDate": "2026-11-01T10:00:00+02:00", "author": author}


def test_a_repository_is_the_same_from_graphql_and_rest() -> None:
    repo = parse_repo(NODE)
    assert repo == parse_rest_repo(ITEM)
    assert (repo.owner_is_org, repo.topics, repo.license, repo.language) == (True, ("ci",), None, None)


def test_text_of_a_repository_is_cleaned() -> None:
    repo = parse_repo(
        {**NODE, "description": "a\n\x1b[2Jb\u202e" + "x" * 2000, "primaryLanguage": {"name": "Py\x00thon"}}
    )
    assert repo.description.startswith("a [2Jbx")
    assert (len(repo.description), repo.language) == (1000, "Python")


@pytest.mark.parametrize(
    "changes", [{"nameWithOwner": "no/good/name"}, {"owner": None}, {"id": 7}, {"url": None}, {"repositoryTopics": 3}]
)
def test_a_repository_of_another_shape_is_malformed(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        parse_repo({**NODE, **changes})


def test_a_commit_names_its_account_and_its_time_in_utc() -> None:
    seen = parse_commit(commit(name="Ann\n", email=" ANN@x.example ", user={"id": "U_1", "login": "ann"}))
    assert (seen.name, seen.email, seen.login, seen.user_id) == ("Ann", "ann@x.example", "ann", "U_1")
    assert seen.at.isoformat() == "2026-11-01T08:00:00+00:00"


@pytest.mark.parametrize(
    ("author", "login"),
    [
        ({"email": "12345+Ann-B@users.noreply.github.com", "user": None}, "Ann-B"),
        ({"email": "ann@users.noreply.github.com"}, "ann"),
        ({"email": "49699333+dependabot[bot]@users.noreply.github.com"}, "dependabot[bot]"),
        ({"email": "noreply@github.com"}, None),
        ({"email": "1+<b>@users.noreply.github.com"}, None),
        ({"email": "a@users.noreply.github.com.evil.example"}, None),
        ({"email": None, "name": None, "user": {"login": "not a login", "id": "U_1"}}, None),
        ({}, None),
    ],
)
def test_an_unlinked_commit_gets_its_login_from_a_noreply_address(author: dict[str, Any], login: str | None) -> None:
    seen = parse_commit(commit(**author))
    assert (seen.login, seen.user_id) == (login, None)


def test_a_commit_is_the_same_from_graphql_and_rest() -> None:
    inner = {"name": "Ann", "email": "a@x.example"}
    rest = {
        "sha": "a" * 40,
        "commit": {"author": {**inner, "date": "2020-01-01T00:00:00Z"}, "committer": {"date": "2026-11-01T08:00:00Z"}},
        "author": {"login": "ann", "node_id": "U_1", "type": "User"},
    }
    assert parse_rest_commit(rest) == parse_commit(commit(**inner, user={"login": "ann", "id": "U_1"}))


@pytest.mark.parametrize("account", [None, {}, {"login": "x[bot]", "node_id": "B", "type": "Bot"}])
def test_a_rest_commit_without_a_persons_account_has_none(account: object) -> None:
    inner = {"name": "x", "email": "x@x.example", "date": "2026-11-01T08:00:00Z"}
    seen = parse_rest_commit({"sha": "a" * 40, "commit": {"author": inner, "committer": None}, "author": account})
    assert (seen.login, seen.user_id) == (None, None)


def test_evidence_counts_people_and_leaves_out_bots_and_ghosts() -> None:
    merged = {"mergedAt": "2026-11-01T00:00:00Z"}
    bot, ann, ben = {"__typename": "Bot", "login": "app"}, {"__typename": "User", "login": "ann"}, {"login": "ben"}
    pulls = [
        {**merged, "author": ann, "mergedBy": ben},
        {**merged, "author": None, "mergedBy": ben},
        {**merged, "author": bot, "mergedBy": bot},
        {"mergedAt": None, "author": ann, "mergedBy": ann},
    ]
    node = {
        **history(),
        **evidence(pullRequests={"nodes": pulls}, releases={"nodes": [{"author": None}, {"author": ann}]}),
    }
    found = parse_page(node, with_evidence=True).evidence
    assert found is not None
    assert (found.mergers, found.releasers) == ({"ben": 2, "ann": 1}, {"ann": 1})
    assert [login for login, _ in found.pull_authors] == ["ann"]


def test_the_first_codeowners_file_of_githubs_order_counts() -> None:
    node = {**history(), **evidence(githubOwners={"text": "* @a"}, rootOwners={"text": "* @b"})}
    found = parse_page(node, with_evidence=True).evidence
    assert found is not None
    assert found.codeowners == ("a",)


def test_codeowners_are_logins_after_a_path_not_teams_addresses_or_comments() -> None:
    text = "# @nobody\n* @Ann @org/team ben@x.example @ann\n@odd\n/docs/ @ben # @zoe\n/x @-bad @" + "y" * 200
    assert parse_codeowners(text) == ("Ann", "ben")


def test_a_codeowners_file_of_any_size_names_a_hundred_at_most() -> None:
    assert len(parse_codeowners("* " + " ".join(f"@dev{n}" for n in range(5000)))) == 100


def test_a_repository_without_a_branch_has_no_commits() -> None:
    assert parse_page({"defaultBranchRef": None, **evidence()}, with_evidence=True).commits == ()


@pytest.mark.parametrize("missing", ["releases", "pullRequests"])
def test_evidence_that_github_did_not_get_to_is_not_taken_for_none(missing: str) -> None:
    with pytest.raises(Malformed):
        parse_page({**history(), missing: None}, with_evidence=True)


def test_a_profile_keeps_what_it_has_and_an_empty_address_is_none() -> None:
    profile = parse_profile(
        {**user("ann"), "email": "", "bio": "a\x1bb", "company": 7, "isHireable": None}, fetched_at=NOON
    )
    assert (profile.email, profile.bio, profile.company, profile.hireable) == (None, "ab", None, None)
    assert (profile.followers, profile.following, profile.public_repos) == (12, None, None)


def test_a_rest_profile_has_the_counts() -> None:
    raw = {"login": "ann", "node_id": "U_1", "html_url": "https://github.com/ann", "followers": 1, "following": 2}
    profile = parse_rest_profile({**raw, "public_repos": 3, "twitter_username": "t"}, fetched_at=NOON)
    assert (profile.followers, profile.following, profile.public_repos, profile.twitter) == (1, 2, 3, "t")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=6), inner, max_size=2),
    max_leaves=6,
)
PARSERS: list[tuple[Callable[[Any], object], dict[str, Any]]] = [
    (parse_repo, NODE),
    (parse_rest_repo, ITEM),
    (parse_commit, commit(name="a", email="b", user={"id": "U", "login": "c"})),
    (parse_rest_commit, {"sha": "a", "commit": {"author": {}, "committer": {}}, "author": {}}),
    (lambda node: parse_page(node, with_evidence=True), history(commit())),
    (lambda node: parse_profile(node, fetched_at=NOON), user("ann")),
    (lambda node: parse_rest_profile(node, fetched_at=NOON), {"login": "a", "html_url": "b"}),
]


@given(parser=st.sampled_from(PARSERS), data=st.data())
def test_wrong_types_anywhere_are_malformed_and_never_a_crash(parser: Any, data: st.DataObject) -> None:
    parse, good = parser
    key = data.draw(st.sampled_from(sorted(good)))
    told = ""
    try:
        told = repr(parse({**good, key: data.draw(anything)}))
    except Malformed as exc:
        told = str(exc)
    assert told


@given(address=st.text(max_size=60))
def test_no_address_makes_a_login_that_is_none(address: str) -> None:
    login = login_of_noreply(address + "@users.noreply.github.com")
    assert login is None or login.replace("-", "").replace("_", "").removesuffix("[bot]").isalnum()
