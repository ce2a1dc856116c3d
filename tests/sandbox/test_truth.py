from __future__ import annotations

from datetime import timedelta

import pytest

from cmo.sandbox import World
from cmo.sandbox.domains import Deliverability
from cmo.sandbox.people import HUMANS
from cmo.sandbox.repos import Repo
from tests.sandbox.conftest import ANCHOR

SINCE = ANCHOR - timedelta(days=90)
MAIN_TOPICS = {"testing", "ci", "pytest", "devtools", "llm"}


def _matching(world: World, low: int, high: int) -> list[Repo]:
    """Repositories that the default query finds between two numbers of stars."""
    return [
        repo
        for repo in world.repos
        if repo.language == "Python"
        and MAIN_TOPICS & set(repo.topics)
        and low <= repo.stars <= high
        and not repo.fork
        and not repo.archived
        and repo.pushed_at >= SINCE.timestamp()
    ]


def test_authors_are_humans_sorted_by_commits(world: World) -> None:
    repo = _matching(world, 100, 2000)[0]
    authors = world.truth.humans(repo.full_name, since=SINCE)
    assert [author.commits for author in authors] == sorted((author.commits for author in authors), reverse=True)
    assert not any(world.truth.is_bot(author.login) for author in authors)


def test_a_spoofed_commit_counts_for_who_really_wrote_it(world: World) -> None:
    for repo in world.repos:
        impostor = world.crew(repo).impostor
        if impostor is not None and repo.pushed_at >= SINCE.timestamp() and not repo.empty:
            victim = impostor[1].login
            spoofed = [one for one in world.history(repo).commits() if one.by.account is impostor[1]]
            if spoofed:
                assert not world.truth.owns(impostor[0].person.login, spoofed[0].by.email)
                assert victim not in {author.login for author in world.truth.humans(repo.full_name, since=SINCE)}
                return
    pytest.fail("no spoofed commit in the world")


def test_two_logins_of_one_human_are_one_person_and_share_an_address(world: World) -> None:
    second = next(one for one in map(world.population.person, range(HUMANS)) if one.human != one.index)
    person = world.truth.person(second.login)
    assert person is not None
    assert len(person.logins) == 2
    assert second.profile_email in {address.email for address in person.addresses}
    assert world.truth.human_of(person.logins[0]) == world.truth.human_of(second.login)
    assert all(world.truth.owns(login, second.profile_email.upper()) for login in person.logins)


def test_a_machine_is_no_human_and_has_no_usable_address(world: World) -> None:
    person = world.truth.person("acme-ci-bot")
    assert person is not None
    assert person.machine
    assert not any(address.usable for address in person.addresses)
    assert world.truth.human_of("acme-ci-bot") is None


@pytest.mark.parametrize(
    ("email", "state"),
    [
        ("a@gmail.com", Deliverability.OK),
        ("a@laptop.local", Deliverability.INVALID),
        ("a@nobody-registered-this.dev", Deliverability.INVALID),
    ],
)
def test_deliverability_of_common_domains(world: World, email: str, state: Deliverability) -> None:
    assert world.truth.deliverability(email) is state


def test_role_disposable_and_noreply_addresses_are_not_usable(world: World) -> None:
    for email in ("info@gmail.com", "a@mailinator.com", "1+a@users.noreply.github.com"):
        assert not world.truth.is_usable(email)


def test_under_default_caps_a_thousand_people_can_be_reached_but_not_two(world: World) -> None:
    names = [repo.full_name for repo in _matching(world, 100, 2000)[:600]]
    assert len(names) == 600
    reachable = world.truth.reachable(names, since=SINCE)
    assert 800 < len(reachable) < 2000
    assert all(world.truth.is_usable(email) for person in reachable for email in person.emails)


def test_widening_finds_more_repositories(world: World) -> None:
    assert len(_matching(world, 20, 2000)) > len(_matching(world, 100, 2000)) + 200


def test_an_unknown_repository_is_an_error(world: World) -> None:
    with pytest.raises(KeyError):
        world.truth.humans("nobody/nothing", since=SINCE)
