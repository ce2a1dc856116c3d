"""Merged pull requests, releases and files of a repository: the evidence of who maintains it."""

from __future__ import annotations

from typing import NamedTuple

from cmo.sandbox.accounts import Bot, Org, Person
from cmo.sandbox.crews import Crew
from cmo.sandbox.dice import Dice
from cmo.sandbox.hostile import HOSTILE, OPT_OUT_BIOS
from cmo.sandbox.people import DAY_S, HUMANS, Population
from cmo.sandbox.repos import Repo
from cmo.sandbox.vocabulary import OBJECTS, VERBS


class PullRequest(NamedTuple):
    repo: Repo
    number: int
    title: str
    author: Person | Bot | None
    """None where the account has been deleted."""
    merged_by: Person | Bot | None
    created_at: int
    merged_at: int


class Release(NamedTuple):
    repo: Repo
    release_id: int
    tag: str
    name: str
    author: Person | Bot
    published_at: int


def make_pull_requests(population: Population, repo: Repo, crew: Crew) -> tuple[PullRequest, ...]:
    """Merged pull requests, last merged first; up to 60, reaching back half a year."""
    if repo.empty:
        return ()
    dice = Dice(population.seed, "pulls", repo.index)
    count = dice.between(6, 22) if repo.sparse else min(60, int(crew.commits_90d * 0.4))
    merged_at = repo.pushed_at
    pulls: list[PullRequest] = []
    for place in range(count):
        author = _pull_author(population, crew, dice)
        pulls.append(
            PullRequest(
                repo=repo,
                number=4000 - place * 3,
                title=dice.pick(HOSTILE)
                if repo.hostile and dice.chance(0.3)
                else f"{dice.pick(VERBS)} {dice.pick(OBJECTS)}",
                author=None if isinstance(author, Person) and author.deleted else author,
                merged_by=dice.pick(crew.maintainers) if dice.chance(0.93) else population.bots[2],
                created_at=merged_at - int(dice.log_between(0.02, 20) * DAY_S),
                merged_at=merged_at,
            )
        )
        merged_at -= int(dice.random() * 2 * 180 * DAY_S / max(count, 12))
    return tuple(pulls)


def _pull_author(population: Population, crew: Crew, dice: Dice) -> Person | Bot:
    draw = dice.random()
    if draw < 0.12:
        return crew.bots[0] if isinstance(crew.bots[0], Bot) else population.bots[0]
    if draw < 0.30:
        return population.person(dice.below(HUMANS))
    return crew.draw.pick(dice).person


def make_releases(population: Population, repo: Repo, crew: Crew) -> tuple[Release, ...]:
    """Releases, newest first."""
    if repo.empty:
        return ()
    dice = Dice(population.seed, "releases", repo.index)
    count = dice.below(14) if dice.chance(0.75) else 0
    releases: list[Release] = []
    published_at = repo.pushed_at
    for place in range(count):
        published_at -= int(dice.log_between(2, 70) * DAY_S)
        if published_at < repo.created_at:
            break
        tag = f"v{1 + (count - place) // 10}.{(count - place) % 10}.{dice.below(4)}"
        releases.append(
            Release(
                repo=repo,
                release_id=repo.repo_id * 20 + place,
                tag=tag,
                name=dice.pick(HOSTILE) if repo.hostile and dice.chance(0.4) else tag,
                author=population.bots[2] if dice.chance(0.35) else dice.pick(crew.maintainers),
                published_at=published_at,
            )
        )
    return tuple(releases)


def make_files(population: Population, repo: Repo, crew: Crew) -> dict[str, str]:
    """Text files of the default branch by path."""
    if repo.empty:
        return {}
    dice = Dice(population.seed, "files", repo.index)
    files = {"README.md": _readme(repo, dice)}
    if dice.chance(0.28):
        path = dice.pick((".github/CODEOWNERS", ".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"))
        files[path] = _codeowners(repo, crew, dice)
    if repo.language == "Python":
        files["pyproject.toml"] = _pyproject(repo, crew)
    if dice.chance(0.35):
        files["CONTRIBUTING.md"] = f"# Contributing to {repo.name}\n\nPlease open an issue first.\n"
    return files


def _readme(repo: Repo, dice: Dice) -> str:
    lines = [f"# {repo.name}", "", repo.description or "", "", "## Install", "", f"    pip install {repo.name}", ""]
    if dice.chance(0.007):
        lines += ["## Contact", "", dice.pick(OPT_OUT_BIOS), ""]
    if repo.hostile:
        lines += [dice.pick(HOSTILE), ""]
    return "\n".join(lines)


def _codeowners(repo: Repo, crew: Crew, dice: Dice) -> str:
    owners = " ".join(f"@{person.login}" for person in crew.maintainers)
    lines = ["# Who reviews what", f"*  {owners}"]
    if isinstance(repo.owner, Org) and dice.chance(0.6):
        lines.append(f"/docs/  @{repo.owner.login}/docs-team")
    address = crew.maintainers[0].profile_email
    if address and dice.chance(0.3):
        lines.append(f"*.toml  {address}")
    return "\n".join(lines) + "\n"


def _pyproject(repo: Repo, crew: Crew) -> str:
    name = crew.maintainers[0].commit_name.encode("ascii", "ignore").decode().splitlines()[:1] or [""]
    return f'[project]\nname = "{repo.name}"\nauthors = [{{ name = "{name[0][:60]}" }}]\n'
