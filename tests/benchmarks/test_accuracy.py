from __future__ import annotations

import pytest

from benchmarks import accuracy
from benchmarks.accuracy import Sought
from benchmarks.sandboxed import world


@pytest.fixture(scope="module")
def names() -> list[str]:
    return [repo.full_name for repo in world().repos[:40]]


@pytest.fixture(scope="module")
def sought(names: list[str]) -> Sought:
    return accuracy.people_sought(names)


@pytest.fixture(scope="module")
def everything(names: list[str]) -> list[tuple[str, str]]:
    """What a perfect client would hold."""
    reachable = world().truth.reachable(names, since=accuracy.SINCE)
    return [(person.login, email) for person in reachable for email in person.emails]


def test_a_perfect_client_has_recall_and_precision_one(sought: Sought, everything: list[tuple[str, str]]) -> None:
    assert accuracy.recall(everything, sought.humans) == 1
    assert accuracy.recall(everything, sought.tied) == 1
    assert accuracy.precision(everything) == 1


def test_people_who_asked_not_to_be_contacted_are_not_sought(sought: Sought) -> None:
    people = [world().truth.person(world().population.person(human).login) for human in sought.humans]
    assert people
    assert not any(person is None or person.opted_out or person.machine for person in people)


def test_those_whom_github_ties_to_an_address_are_most_of_the_people_sought(sought: Sought) -> None:
    assert sought.tied < sought.humans
    assert len(sought.tied) > 0.9 * len(sought.humans)


def test_half_the_people_is_half_the_recall(sought: Sought) -> None:
    half = sorted(sought.humans)[: len(sought.humans) // 2]
    pairs = []
    for human in half:
        person = world().truth.person(world().population.person(human).login)
        assert person is not None
        pairs += [(person.logins[0], address.email) for address in person.addresses if address.usable]
    assert accuracy.recall(pairs, sought.humans) == pytest.approx(len(half) / len(sought.humans))


def test_somebody_elses_address_is_neither_precise_nor_found(everything: list[tuple[str, str]]) -> None:
    (first, _), (other, email) = everything[0], everything[-1]
    assert first != other
    assert accuracy.precision([(first, email)]) == 0
    assert not accuracy.found_humans([(first, email)])


def test_letter_case_does_not_make_an_address_wrong(everything: list[tuple[str, str]]) -> None:
    login, email = everything[0]
    assert accuracy.precision([(login.upper(), email.upper())]) == 1


def test_a_place_among_the_first_five_that_a_tie_decides_is_not_sought(names: list[str]) -> None:
    for name in names:
        authors = [a for a in world().truth.humans(name, since=accuracy.SINCE) if not a.deleted]
        sure = accuracy.sure_authors(name)
        assert len(sure) <= accuracy.TOP
        if len(authors) > accuracy.TOP and authors[accuracy.TOP - 1].commits == authors[accuracy.TOP].commits:
            assert authors[accuracy.TOP - 1].human not in sure
