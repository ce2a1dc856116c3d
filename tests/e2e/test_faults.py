"""Whatever goes wrong on the way, the job ends with the leads it would have found anyway."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cmo.domain.event import ItemFailed
from cmo.domain.job import Caps, Icp, JobStatus, Stage
from cmo.sandbox import Books, FaultKind, FaultPlan, FaultRule, Sandbox
from tests.e2e.conftest import Undisturbed
from tests.e2e.driver import Api, Site, outside_of, sandbox, small_plan

OF_GRAPHQL = (FaultKind.GRAPHQL_TIMEOUT, FaultKind.NULL_DATA, FaultKind.RESOURCE_LIMITS)
OF_DNS = tuple(kind for kind in FaultKind if kind.startswith("dns"))
OF_WRITES = (FaultKind.TIMEOUT_AFTER, FaultKind.ERROR_AFTER, FaultKind.RATE_LIMIT, FaultKind.OK_WITH_ERROR)
OTHERS = (*OF_GRAPHQL, *OF_DNS, *OF_WRITES, FaultKind.INCOMPLETE_RESULTS)
OF_HTTP = tuple(kind for kind in FaultKind if kind not in OTHERS)
BY_REST = (
    FaultKind.RESET_AFTER,
    FaultKind.TRUNCATED_BODY,
    FaultKind.MALFORMED_JSON,
    FaultKind.SERVER_ERROR,
    FaultKind.BAD_GATEWAY,
    FaultKind.UNAVAILABLE,
    FaultKind.SECONDARY_LIMIT_SILENT,
    FaultKind.INCOMPLETE_RESULTS,
)
"""Those that take another way there than in GraphQL."""
OFTEN = {
    "graphql": FaultRule(kind=FaultKind.SLOW, nth=(1, 2, 4, 7, 8, 9, 12), seconds=8.0),
    "rest": FaultRule(kind=FaultKind.SLOW, share=0.15, nth=(1, 2, 3), seconds=8.0, most=25),
}
"""How each kind strikes: the first requests, some of them twice in a row, and later ones."""


def ends_as_ever(site: Site, running: Sandbox, undisturbed: Undisturbed, api: Api) -> None:
    job = site.run()
    whole = undisturbed(api)
    assert job.status is JobStatus.FINISHED
    assert site.leads() == whole.site.leads()
    assert site.rows()["repos"] == whole.site.rows()["repos"]
    assert running.books.totals().made_while_limited == 0
    assert site.events(ItemFailed) == whole.site.events(ItemFailed)


def faults_played(books: Books) -> int:
    return sum(bool(entry.fault) for entry in books.entries)


@pytest.mark.parametrize("kind", [*OF_HTTP, *OF_GRAPHQL])
def test_each_trouble_of_graphql_alone_changes_nothing(
    tmp_path: Path, undisturbed: Undisturbed, kind: FaultKind
) -> None:
    with sandbox(replace(OFTEN["graphql"], kind=kind)) as running:
        ends_as_ever(Site(tmp_path, outside_of(running)), running, undisturbed, "graphql")
    assert faults_played(running.books) >= 3


@pytest.mark.parametrize("kind", BY_REST)
def test_each_trouble_of_rest_alone_changes_nothing(tmp_path: Path, undisturbed: Undisturbed, kind: FaultKind) -> None:
    with sandbox(replace(OFTEN["rest"], kind=kind)) as running:
        ends_as_ever(Site(tmp_path, outside_of(running, api="rest")), running, undisturbed, "rest")
    assert faults_played(running.books) >= 3


@pytest.mark.parametrize("kind", OF_DNS)
def test_each_trouble_of_dns_alone_changes_nothing(tmp_path: Path, undisturbed: Undisturbed, kind: FaultKind) -> None:
    with sandbox(FaultRule(kind=kind, route="dns", share=0.05, nth=(1, 9, 20))) as running:
        ends_as_ever(Site(tmp_path, outside_of(running)), running, undisturbed, "graphql")


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("api", ["graphql", "rest"])
def test_heavy_troubles_of_every_kind_change_nothing(
    tmp_path: Path, undisturbed: Undisturbed, api: Api, seed: int
) -> None:
    with sandbox(*FaultPlan.named("heavy").rules, seed=seed) as running:
        ends_as_ever(Site(tmp_path, outside_of(running, api=api)), running, undisturbed, api)


@pytest.mark.parametrize("kind", [FaultKind.GRAPHQL_TIMEOUT, FaultKind.RESOURCE_LIMITS])
def test_a_search_that_is_cut_short_finds_the_same_repositories(tmp_path: Path, kind: FaultKind) -> None:
    plan = small_plan(
        target=500, until=Stage.DISCOVER, icp=Icp(topics=("ci", "pytest", "llm")), caps=Caps(max_repos=90)
    )
    found = []
    for name, rules in (("whole", ()), ("cut", (FaultRule(kind=kind, nth=(1, 3)),))):
        with sandbox(*rules) as running:
            site = Site(tmp_path / name, outside_of(running), plan=plan)
            assert site.run().status is JobStatus.FINISHED
            found.append({name for (name,) in site.ask("SELECT full_name FROM repos")})
    assert len(found[0]) == 90
    assert found[1] == found[0]


EMPTY_HANDED = (FaultKind.NULL_DATA, FaultKind.RESOURCE_LIMITS)
"""Played together, they make the sandbox answer `"data": {}` with errors that name no field."""


@pytest.mark.parametrize("at", [1, 3, 4, 5])
def test_an_answer_without_what_was_asked_for_is_asked_for_again(
    tmp_path: Path, undisturbed: Undisturbed, at: int
) -> None:
    with sandbox(*(FaultRule(kind=kind, route="/graphql", nth=(at,)) for kind in EMPTY_HANDED)) as running:
        ends_as_ever(Site(tmp_path, outside_of(running)), running, undisturbed, "graphql")
