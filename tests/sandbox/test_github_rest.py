from __future__ import annotations

import base64
import re
from itertools import pairwise

import httpx
import pytest

from cmo.sandbox import World
from cmo.sandbox.repos import Repo
from tests.sandbox.conftest import Bench, StartSandbox


def _repo(world: World, **wanted: bool) -> Repo:
    """The first repository of which exactly these troubles are true or false, and that can be read."""
    usual = {"deleted": False, "blocked": False, "empty": False, "heavy": False, **wanted}
    return next(repo for repo in world.repos if all(getattr(repo, name) == value for name, value in usual.items()))


def _links(answer: httpx.Response) -> dict[str, str]:
    return {name: url for url, name in re.findall(r'<([^>]+)>; rel="(\w+)"', answer.headers.get("link", ""))}


def test_pages_follow_links_with_numeric_paths_and_keep_the_query(bench: Bench) -> None:
    repo = next(
        repo
        for repo in bench.world.repos
        if 150 < bench.world.crew(repo).commits_90d < 300
        and not (repo.deleted or repo.blocked or repo.empty)
        and repo.pushed_at > 1794000000
    )
    url, pages = f"/repos/{repo.full_name}/commits?since=2026-08-19T08:00:00Z&per_page=20", []
    while url:
        answer = bench.get(url)
        pages.append([commit["commit"]["author"]["date"] for commit in answer.json()])
        url = _links(answer).get("next", "")
        assert not url or f"/repositories/{repo.repo_id}/commits?" in url
    assert all(first[-1] >= second[0] for first, second in pairwise(pages))
    assert min(date for page in pages for date in page) >= "2026-08-19T08:00:00Z"


def test_one_page_has_no_link_header(bench: Bench) -> None:
    assert "link" not in bench.get("/users/jabbott/orgs").headers


@pytest.mark.parametrize(
    ("trouble", "path", "status"),
    [
        ("deleted", "", 404),
        ("blocked", "", 451),
        ("empty", "/commits", 409),
        ("empty", "/contributors", 204),
        ("heavy", "/contributors", 403),
        ("empty", "/readme", 404),
    ],
)
def test_a_repository_in_trouble_answers_as_github_does(bench: Bench, trouble: str, path: str, status: int) -> None:
    answer = bench.get(f"/repos/{_repo(bench.world, **{trouble: True}).full_name}{path}")
    assert answer.status_code == status
    assert bool(answer.content) == (status != 204)


def test_a_renamed_repository_redirects_to_its_number_and_keeps_the_query(bench: Bench) -> None:
    repo = next(repo for repo in bench.world.repos if repo.former_name)
    answer = bench.get(f"/repos/{repo.owner.login}/{repo.former_name}/commits?per_page=2")
    assert answer.status_code == 301
    assert answer.headers["location"] == f"{bench.sandbox.github_url}/repositories/{repo.repo_id}/commits?per_page=2"
    assert bench.get(answer.headers["location"]).status_code == 200


def test_search_lists_some_renamed_repositories_under_their_old_name(bench: Bench) -> None:
    repo = next(repo for repo in bench.world.repos if repo.former_name and repo.index % 2 and not repo.fork)
    items = bench.get("/search/repositories", q=f"repo:{repo.full_name}").json()["items"]
    assert items[0]["full_name"] == f"{repo.owner.login}/{repo.former_name}"


def test_contributors_are_accounts_unless_the_anonymous_are_asked_for(bench: Bench) -> None:
    repo = next(
        repo
        for repo in bench.world.repos
        if not (repo.heavy or repo.deleted or repo.blocked)
        and any(commit.by.account is None for commit in bench.world.history(repo).commits())
    )
    known = bench.get(f"/repos/{repo.full_name}/contributors", per_page=100).json()
    everybody = bench.get(f"/repos/{repo.full_name}/contributors", per_page=100, anon=1).json()
    assert all("login" in entry for entry in known)
    assert any(entry["type"] == "Anonymous" and "login" not in entry for entry in everybody)
    counts = [entry["contributions"] for entry in everybody]
    assert counts == sorted(counts, reverse=True)


def test_commits_are_filtered_by_login_and_by_address(bench: Bench) -> None:
    repo = _repo(bench.world, sparse=False)
    commit = next(one for one in bench.world.history(repo).commits() if one.by.account is not None)
    assert commit.by.account is not None
    for author in (commit.by.account.login, commit.by.email):
        answer = bench.get(f"/repos/{repo.full_name}/commits", author=author, per_page=100).json()
        assert commit.oid in {entry["sha"] for entry in answer}


def test_an_unlinked_commit_has_no_account(bench: Bench) -> None:
    repo = next(
        repo
        for repo in bench.world.repos
        if not (repo.deleted or repo.blocked or repo.empty) and bench.world.history(repo).month(0)[0].by.account is None
    )
    assert not bench.get(f"/repos/{repo.full_name}/commits", per_page=1).json()[0]["author"]


def test_files_come_in_base64(bench: Bench) -> None:
    repo = next(
        repo
        for repo in bench.world.repos
        if "CODEOWNERS" in bench.world.files(repo) and not (repo.deleted or repo.blocked)
    )
    readme = bench.get(f"/repos/{repo.full_name}/readme").json()
    owners = bench.get(f"/repos/{repo.full_name}/contents/CODEOWNERS").json()
    assert base64.b64decode(readme["content"]).decode() == bench.world.files(repo)["README.md"]
    assert "@" in base64.b64decode(owners["content"]).decode()


def test_a_deleted_account_is_404_and_a_hidden_address_is_null(bench: Bench) -> None:
    people = [bench.world.population.person(index) for index in range(3000)]
    deleted = next(person for person in people if person.deleted)
    hidden = next(person for person in people if not person.profile_email and not person.deleted)
    assert bench.get(f"/users/{deleted.login}").status_code == 404
    assert bench.get(f"/users/{hidden.login}").json()["email"] is None


def test_apps_and_organisations_say_what_they_are(bench: Bench) -> None:
    org = bench.world.population.orgs[0]
    assert bench.get("/users/dependabot[bot]").json()["type"] == "Bot"
    assert bench.get(f"/users/{org.login}").json()["type"] == "Organization"
    assert bench.get(f"/orgs/{org.login}").json()["login"] == org.login
    assert bench.get("/orgs/jabbott").status_code == 404


def test_a_wrong_token_is_401(bench: Bench) -> None:
    answer = bench.get("/user", headers={"Authorization": "Bearer wrong"})
    assert answer.status_code == 401
    assert answer.json()["message"] == "Bad credentials"


def test_the_token_scheme_word_may_be_token(bench: Bench) -> None:
    assert bench.get("/user", headers={"Authorization": "token sandbox-token"}).status_code == 200


def test_scopes_are_shown(start: StartSandbox) -> None:
    assert start(scopes=("repo", "read:user")).get("/user").headers["x-oauth-scopes"] == "repo, read:user"


def test_no_user_agent_is_403_with_a_json_body_that_says_octet_stream(bench: Bench) -> None:
    answer = bench.get("/user", headers={"User-Agent": ""})
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/octet-stream"
    assert "User Agent" in answer.json()["message"]


@pytest.mark.parametrize(
    ("version", "status"), [("2022-11-28", 200), ("2026-03-10", 200), ("2021-01-01", 410), ("x", 400)]
)
def test_api_versions(bench: Bench, version: str, status: int) -> None:
    assert bench.get("/user", headers={"X-GitHub-Api-Version": version}).status_code == status


def test_the_new_version_drops_the_old_rate(bench: Bench) -> None:
    assert "rate" in bench.get("/rate_limit").json()
    assert "rate" not in bench.get("/rate_limit", headers={"X-GitHub-Api-Version": "2026-03-10"}).json()


def test_unknown_paths_and_methods_are_404(bench: Bench) -> None:
    assert bench.get("/nothing/here").status_code == 404
    assert bench.client.delete("/users/jabbott").status_code == 404


def test_a_head_request_has_no_body(bench: Bench) -> None:
    answer = bench.client.head("/users/jabbott")
    assert answer.status_code == 200
    assert answer.content == b""


def test_hostile_text_arrives_unchanged(bench: Bench) -> None:
    repo = next(repo for repo in bench.world.repos if repo.hostile and not (repo.deleted or repo.blocked))
    assert bench.get(f"/repos/{repo.full_name}").json()["description"] == repo.description
