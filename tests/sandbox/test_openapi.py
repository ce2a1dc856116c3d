"""Answers of the REST endpoints against GitHub's own description of them."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from openapi_schema_validator import OAS30Validator

from tests.sandbox.conftest import Bench

DESCRIPTION = Path(__file__).parents[2].parent / "shared" / "contracts" / "data" / "github.openapi.json"
pytestmark = pytest.mark.skipif(not DESCRIPTION.is_file(), reason="the contracts are not beside the project")


@lru_cache(maxsize=1)
def _description() -> dict[str, Any]:
    described: dict[str, Any] = json.loads(DESCRIPTION.read_text(encoding="utf-8"))
    return described


def _problems(path: str, answer: Any) -> list[str]:
    document = _description()
    schema = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    validator = OAS30Validator({**schema, "components": document["components"]})
    return [
        f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}" for error in validator.iter_errors(answer)
    ]


REPO_PATHS = (
    "",
    "/contributors",
    "/commits",
    "/readme",
    "/releases",
    "/languages",
    "/topics",
    "/contents/pyproject.toml",
)


@pytest.mark.parametrize("part", REPO_PATHS)
def test_what_a_repository_answers_is_as_described(bench: Bench, part: str) -> None:
    repo = next(
        repo
        for repo in bench.world.repos
        if repo.language == "Python" and bench.world.releases(repo) and not (repo.deleted or repo.blocked or repo.heavy)
    )
    described = "/repos/{owner}/{repo}" + ("/contents/{path}" if "contents" in part else part)
    assert _problems(described, bench.get(f"/repos/{repo.full_name}{part}", per_page=5, anon=1).json()) == []


@pytest.mark.parametrize("part", ["", "/repos", "/orgs", "/social_accounts"])
def test_what_a_person_answers_is_as_described(bench: Bench, part: str) -> None:
    population = bench.world.population
    people = [person for person in map(population.person, range(400)) if not person.deleted]
    person = max(people, key=lambda one: (len(bench.world.repos_of(one)) > 0) + len(bench.world.orgs_of(one)))
    described = "/users/{username}" + part
    assert _problems(described, bench.get(f"/users/{person.login}{part}", per_page=5).json()) == []


@pytest.mark.parametrize(
    ("path", "described", "query"),
    [
        ("/search/repositories", "/search/repositories", {"q": "topic:llm", "per_page": 5}),
        ("/search/users", "/search/users", {"q": "location:berlin", "per_page": 5}),
        ("/user", "/user", {}),
        ("/orgs/quillharrow", "/orgs/{org}", {}),
        ("/rate_limit", "/rate_limit", {}),
        ("/versions", "/versions", {}),
        ("/meta", "/meta", {}),
    ],
)
def test_other_answers_are_as_described(bench: Bench, path: str, described: str, query: dict[str, Any]) -> None:
    answer = bench.get(path, **query)
    assert answer.status_code == 200
    assert _problems(described, answer.json()) == []
