from __future__ import annotations

import pytest

from cmo.sandbox import World
from cmo.sandbox.github_graphql import GraphQLEndpoint, Outcome
from cmo.sandbox.moments import parse_iso
from cmo.sandbox.node_ids import node_id
from cmo.sandbox.people import HUMANS
from cmo.sandbox.repos import Repo
from cmo.sandbox.search import SearchIndex
from tests.sandbox.conftest import Bench, StartSandbox

SINCE = "2026-08-19T08:00:00Z"
HISTORIES = """query($ids: [ID!]!, $since: GitTimestamp!) { nodes(ids: $ids) { ... on Repository { nameWithOwner
    defaultBranchRef { target { ... on Commit { history(first: 100, since: $since) { totalCount
    pageInfo { hasNextPage endCursor } nodes { oid committedDate author { name email date user { id login } } }
    } } } } } } }"""
PAGES = """query($id: ID!, $since: GitTimestamp!, $after: String) { node(id: $id) { ... on Repository {
    defaultBranchRef { target { ... on Commit { history(first: 100, since: $since, after: $after) { totalCount
    pageInfo { hasNextPage endCursor } nodes { oid committedDate } } } } } } } }"""


def _busy(world: World, count: int, *, commits: int = 100) -> list[Repo]:
    """Repositories with at least that many commits in the window."""
    since = parse_iso(SINCE)
    usual = (repo for repo in world.repos if not (repo.deleted or repo.blocked or repo.empty or repo.heavy))
    found = (repo for repo in usual if sum(1 for _ in world.history(repo).commits(since=since)) >= commits)
    return [repo for repo, _ in zip(found, range(count), strict=False)]


def _run(world: World, query: str, **variables: object) -> Outcome:
    endpoint = GraphQLEndpoint(world, SearchIndex(world))
    asked = {"query": query, "variables": variables}
    return endpoint.run(asked, scopes=("read:user",), limit=5000, used=0, reset_at=0)


def test_histories_show_the_commits_of_the_window(bench: Bench) -> None:
    repo = _busy(bench.world, 1)[0]
    history = bench.data(HISTORIES, ids=[node_id(repo)], since=SINCE)["nodes"][0]["defaultBranchRef"]["target"][
        "history"
    ]
    commits = list(bench.world.history(repo).commits(since=parse_iso(SINCE)))
    assert history["totalCount"] == len(commits)
    assert [node["oid"] for node in history["nodes"]] == [commit.oid for commit in commits[:100]]
    assert history["nodes"][0]["author"]["email"] == commits[0].by.email


def test_history_pages_join_without_gap_or_overlap(bench: Bench) -> None:
    repo = next(repo for repo in bench.world.repos if repo.heavy and not (repo.deleted or repo.blocked or repo.empty))
    oids: list[str] = []
    total, after, has_next = 0, None, True
    while has_next:
        node = bench.data(PAGES, id=node_id(repo), since=SINCE, after=after)["node"]
        page = node["defaultBranchRef"]["target"]["history"]
        oids += [entry["oid"] for entry in page["nodes"]]
        total = page["totalCount"]
        after, has_next = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    assert len(set(oids)) == len(oids) == total


def test_history_by_author_takes_ids_and_emails(bench: Bench) -> None:
    repo = _busy(bench.world, 1)[0]
    commit = next(one for one in bench.world.history(repo).commits() if one.by.account is not None)
    query = """query($id: ID!, $author: CommitAuthor!) { node(id: $id) { ... on Repository { defaultBranchRef { target {
        ... on Commit { history(first: 1, author: $author) { totalCount } } } } } } }"""
    by_email = bench.data(query, id=node_id(repo), author={"emails": [commit.by.email]})
    assert by_email["node"]["defaultBranchRef"]["target"]["history"]["totalCount"] >= 1


def test_twenty_histories_of_a_hundred_commits_fit_into_one_query(world: World) -> None:
    outcome = _run(world, HISTORIES, ids=[node_id(repo) for repo in _busy(world, 20)], since=SINCE)
    histories = [node["defaultBranchRef"]["target"]["history"] for node in outcome.body["data"]["nodes"]]
    assert [len(history["nodes"]) for history in histories] == [100] * 20
    assert outcome.points == 1


def test_server_time_grows_with_histories_and_commits(world: World) -> None:
    repos = _busy(world, 4)
    one = _run(world, HISTORIES, ids=[node_id(repos[0])], since=SINCE).server_s
    four = _run(world, HISTORIES, ids=[node_id(repo) for repo in repos], since=SINCE).server_s
    assert 0.25 < one < 0.45
    assert 3 * one < four < 5 * one


def test_ten_seconds_end_a_query_with_502_or_504_and_extra_points(start: StartSandbox) -> None:
    bench = start(timeout_penalty_points=7)
    ids = [node_id(repo) for repo in _busy(bench.world, 45)]
    answer = bench.ask(HISTORIES, ids=ids, since=SINCE)
    assert answer.status_code in (502, 504)
    assert answer.json()["data"] is None
    assert "timeout" in answer.json()["errors"][0]["message"]
    assert bench.sandbox.books.totals().graphql_points == 8


def test_a_machine_account_is_no_user_of_its_commits(bench: Bench) -> None:
    repo = _busy(bench.world, 1)[0]
    history = bench.data(HISTORIES, ids=[node_id(repo)], since=SINCE)["nodes"][0]["defaultBranchRef"]["target"][
        "history"
    ]
    machines = [node["author"] for node in history["nodes"] if "[bot]" in node["author"]["name"]]
    assert all(author["user"] is None and author["email"].endswith("@users.noreply.github.com") for author in machines)


def test_what_cannot_be_resolved_is_null_with_an_error_beside_the_rest(bench: Bench) -> None:
    deleted = next(one for one in map(bench.world.population.person, range(HUMANS)) if one.deleted)
    blocked = next(repo for repo in bench.world.repos if repo.blocked)
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { ... on User { login } ... on Repository { name } } }"
    answer = bench.ask(query, ids=["U_kgDOAk9uQA", node_id(deleted), node_id(blocked), "nonsense"]).json()
    assert answer["data"]["nodes"] == [{"login": "jabbott"}, None, None, None]
    assert [(error["type"], error["path"]) for error in answer["errors"]] == [
        ("NOT_FOUND", ["nodes", 1]),
        ("FORBIDDEN", ["nodes", 2]),
        ("NOT_FOUND", ["nodes", 3]),
    ]


def test_a_user_that_does_not_exist_fails_only_its_own_field(bench: Bench) -> None:
    answer = bench.ask('{ a: user(login: "jabbott") { login } b: user(login: "nope") { login } }').json()
    assert answer["data"] == {"a": {"login": "jabbott"}, "b": None}
    assert answer["errors"][0]["message"] == "Could not resolve to a User with the login of 'nope'."


def test_a_renamed_repository_is_found_under_its_old_name(bench: Bench) -> None:
    repo = next(repo for repo in bench.world.repos if repo.former_name)
    query = "query($owner: String!, $name: String!) { repository(owner: $owner, name: $name) { nameWithOwner } }"
    found = bench.data(query, owner=repo.owner.login, name=repo.former_name)
    assert found["repository"]["nameWithOwner"] == repo.full_name


def test_an_empty_repository_has_no_default_branch(bench: Bench) -> None:
    repo = next(repo for repo in bench.world.repos if repo.empty)
    node = bench.data(HISTORIES, ids=[node_id(repo)], since=SINCE)["nodes"][0]
    assert node["defaultBranchRef"] is None


def test_reading_an_email_without_the_scope_fails_the_whole_document(start: StartSandbox) -> None:
    bench = start(scopes=("repo",))
    answer = bench.ask('{ viewer { login } user(login: "jabbott") { email } }').json()
    assert "data" not in answer
    assert answer["errors"][0]["type"] == "INSUFFICIENT_SCOPES"
    commits = bench.ask(
        '{ repository(owner: "x", name: "y") { defaultBranchRef { target { ... on Commit { author { email } } } } } }'
    )
    assert commits.json()["errors"][0]["type"] == "NOT_FOUND"


def test_more_than_nine_hundred_look_ups_give_part_of_the_data(bench: Bench) -> None:
    fields = " ".join(f'u{number}: user(login: "jabbott") {{ login }}' for number in range(950))
    answer = bench.ask(f"{{ {fields} }}").json()
    assert sum(value is not None for value in answer["data"].values()) == 900
    assert {error["type"] for error in answer["errors"]} == {"RESOURCE_LIMITS_EXCEEDED"}


def test_a_dry_run_prices_without_answering_or_charging(start: StartSandbox) -> None:
    bench = start()
    query = "{ rateLimit(dryRun: true) { cost remaining } viewer { repositories(first: 100) { nodes { id } } } }"
    assert bench.data(query) == {"rateLimit": {"cost": 1, "remaining": 5000}}
    assert bench.sandbox.books.totals().graphql_points == 0


def test_the_rate_limit_of_a_query_agrees_with_the_headers(start: StartSandbox) -> None:
    answer = start().ask(
        "{ rateLimit { cost remaining used limit nodeCount } viewer { followers(first: 10) { totalCount } } }"
    )
    figures = answer.json()["data"]["rateLimit"]
    assert figures == {"cost": 1, "remaining": 4999, "used": 1, "limit": 5000, "nodeCount": 10}
    assert answer.headers["x-ratelimit-remaining"] == "4999"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"variables": {}}'])
def test_a_body_that_is_no_query_is_400(bench: Bench, body: bytes) -> None:
    assert bench.client.post("/graphql", content=body).status_code == 400


def test_a_field_that_does_not_exist_is_an_error_without_data(bench: Bench) -> None:
    answer = bench.ask("{ viewer { shoeSize } }").json()
    assert "data" not in answer
    assert answer["errors"][0]["extensions"]["code"] == "undefinedField"


def test_maintainers_show_in_merges_releases_and_codeowners(bench: Bench) -> None:
    world = bench.world
    repo = next(repo for repo in _busy(world, 60) if world.releases(repo) and ".github/CODEOWNERS" in world.files(repo))
    query = """query($id: ID!) { node(id: $id) { ... on Repository {
        pullRequests(first: 50, states: MERGED, orderBy: {field: UPDATED_AT, direction: DESC}) {
            nodes { mergedBy { login } } }
        releases(first: 10) { nodes { author { login } } }
        object(expression: "HEAD:.github/CODEOWNERS") { ... on Blob { text } } } } }"""
    node = bench.data(query, id=node_id(repo))["node"]
    maintainers = set(world.truth.maintainers(repo.full_name))
    mergers = {pull["mergedBy"]["login"] for pull in node["pullRequests"]["nodes"]}
    assert mergers - {"github-actions"} <= maintainers
    assert any(f"@{login}" in node["object"]["text"] for login in maintainers)


def test_a_profile_shows_what_the_truth_knows(bench: Bench) -> None:
    person = next(
        one for one in map(bench.world.population.person, range(HUMANS)) if one.profile_email and not one.deleted
    )
    query = """query($login: String!) { user(login: $login) {
        email bio company location followers { totalCount } socialAccounts(first: 5) { nodes { provider url } }
        contributionsCollection { totalCommitContributions } } }"""
    user = bench.data(query, login=person.login)["user"]
    profile = bench.world.profile(person)
    assert user["email"] == person.profile_email
    assert (user["bio"], user["company"], user["location"]) == (profile.bio, profile.company, profile.location)
    assert user["followers"]["totalCount"] == profile.followers
