from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from cmo.sandbox import World
from cmo.sandbox.accounts import Bot, Org, Person
from cmo.sandbox.hostile import HOSTILE
from cmo.sandbox.names import LOOKALIKES
from cmo.sandbox.people import HUMANS
from tests.sandbox.conftest import ANCHOR

SINCE = int((ANCHOR - timedelta(days=90)).timestamp())


def _fingerprint(world: World) -> list[object]:
    """Something of every kind of thing the world makes."""
    repos = world.repos[::400]
    return [
        [(repo.full_name, repo.stars, repo.topics, repo.pushed_at) for repo in repos],
        [list(world.history(repo).commits(since=SINCE))[:20] and world.history(repo).month(0)[0].oid for repo in repos],
        [[pull.title for pull in world.pull_requests(repo)] for repo in repos],
        [[release.tag for release in world.releases(repo)] for repo in repos],
        [world.files(repo) for repo in repos],
        [(person.login, person.addresses, world.profile(person)) for person in map(world.population.person, range(50))],
    ]


def test_the_same_seed_and_anchor_give_the_same_world_in_whatever_order_it_is_read(world: World) -> None:
    again = World(anchor_at=ANCHOR)
    list(again.history(again.repos[800]).commits())
    assert _fingerprint(again) == _fingerprint(world)


def test_another_seed_gives_another_world(world: World) -> None:
    assert _fingerprint(World(seed=8, anchor_at=ANCHOR)) != _fingerprint(world)


def test_an_anchor_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        World(anchor_at=datetime(2026, 11, 17))


def test_there_are_enough_repositories_and_people(world: World) -> None:
    assert len(world.repos) >= 2500
    assert HUMANS >= 8000
    assert len(world.population.domains) >= 300


def test_every_trouble_a_repository_can_make_exists(world: World) -> None:
    for trouble in ("archived", "fork", "empty", "deleted", "blocked", "heavy", "sparse", "spoofed", "hostile"):
        assert sum(getattr(repo, trouble) for repo in world.repos) >= 10, trouble
    assert sum(repo.former_name is not None for repo in world.repos) >= 10
    assert 0.008 < sum(repo.heavy for repo in world.repos) / len(world.repos) < 0.02


def test_stars_reach_from_none_to_tens_of_thousands(world: World) -> None:
    stars = [repo.stars for repo in world.repos]
    assert min(stars) == 0
    assert max(stars) > 50_000


def test_a_heavy_repository_has_thousands_of_commits_in_the_window(world: World) -> None:
    heavy = next(repo for repo in world.repos if repo.heavy)
    assert sum(1 for _ in world.history(heavy).commits(since=SINCE)) > 1500


def test_a_sparse_repository_has_few_commits_but_merged_pull_requests(world: World) -> None:
    sparse = next(
        repo for repo in world.repos if repo.sparse and not repo.empty and repo.pushed_at > SINCE + 60 * 86400
    )
    assert sum(1 for _ in world.history(sparse).commits(since=SINCE)) <= 6
    assert len([pull for pull in world.pull_requests(sparse) if pull.merged_at >= SINCE]) >= 3


def test_commits_are_newest_first_and_end_with_the_last_push(world: World) -> None:
    repo = next(repo for repo in world.repos if repo.pushed_at > SINCE and not repo.empty and not repo.sparse)
    times = [commit.at for commit in world.history(repo).commits()]
    assert times == sorted(times, reverse=True)
    assert times[0] == repo.pushed_at
    assert times[-1] >= repo.created_at


def test_shares_of_people_are_those_measured_on_real_repositories(world: World) -> None:
    people = [world.population.person(index) for index in range(HUMANS)]
    assert 0.32 < sum(bool(person.profile_email) for person in people) / HUMANS < 0.38
    assert 0.36 < sum(person.noreply_only for person in people) / HUMANS < 0.42
    assert sum(person.deleted for person in people) > 50
    assert sum(person.human != person.index for person in people) > 50
    assert sum(person.opted_out for person in people) > 200


def test_shares_of_commits_are_those_measured_on_real_repositories(world: World) -> None:
    repos = [repo for repo in world.repos if repo.pushed_at > SINCE and not repo.heavy][:250]
    commits = [commit for repo in repos for commit in world.history(repo).commits(since=SINCE)]
    human = [one for one in commits if isinstance(one.by.author, Person) and not one.by.author.machine]
    noreply = [one for one in human if one.by.email.endswith("@users.noreply.github.com")]
    unlinked = [one for one in human if one.by.account is None]
    assert 0.11 < 1 - len(human) / len(commits) < 0.19
    assert 0.21 < len(noreply) / len(human) < 0.31
    assert 0.80 < sum("+" in one.by.email for one in noreply) / len(noreply) < 0.95
    assert 0.04 < len(unlinked) / len(human) < 0.11


def test_humans_with_machine_like_names_are_humans(world: World) -> None:
    for _, login in LOOKALIKES:
        assert not world.truth.is_bot(login)


def test_machines_registered_as_users_are_machines(world: World) -> None:
    for login in ("acme-ci-bot", "release-bot", "dependabot[bot]", "renovate[bot]"):
        assert world.truth.is_bot(login)
    account = world.population.find_account("acme-ci-bot")
    assert account is not None
    assert account.type == "User"


def test_every_hostile_string_is_shown_by_some_person_and_some_repository(world: World) -> None:
    population = world.population
    people = [person for person in map(population.person, range(HUMANS)) if person.hostile]
    profiles = [world.profile(person) for person in people]
    shown_by_people = {text for profile in profiles for text in (profile.bio, profile.company, profile.location)}
    shown_by_people |= {person.name for person in people}
    shown_by_repos = {repo.description for repo in world.repos if repo.hostile}
    assert set(HOSTILE) <= shown_by_people
    assert set(HOSTILE) <= shown_by_repos


def test_accounts_are_found_by_login_in_any_case_and_by_number(world: World) -> None:
    kinds: dict[type, str] = {Person: "jabbott", Org: world.population.orgs[3].login, Bot: "renovate[bot]"}
    for kind, login in kinds.items():
        account = world.population.find_account(login.upper())
        assert account is not None
        assert isinstance(account, kind)
        assert world.population.find_by_id(account.account_id) is account
    assert world.population.find_by_id(5) is None
