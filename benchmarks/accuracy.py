"""Recall of people and precision of addresses, judged by the sandbox's truth.

**Recall.** The people sought are the humans who, by `world.truth`, (1) are surely among the five most active authors
of the window of a repository the job read: fewer than five other humans with a living account have as many commits
there or more, so that a tie for the fifth place counts neither way; (2) are in `truth.reachable` for these
repositories, which means a usable address (deliverable, neither noreply, role, disposable nor junk) on one of their
profiles or in their own commits of the window, and no profile that asks not to be contacted. A human is found when
the store holds, under one of the human's logins, an address with the verdict `ok` that is one of the human's own
usable addresses. Recall is found over sought. Caps do not bind in the run.

**Tied.** Some of the people sought cannot be had by a client that takes no address on its looks: no commit of the
window is linked to their account, or a usable address shows only in commits that are not. The tied ones are those
sought of whom some commit of the window is linked to their own account, and who have a usable address on a profile or
in such a commit. A second figure is recall over the tied alone; their share is the most that the first can reach.

**Precision.** Over all pairs of login and address in the store whose verdict is `ok`: the share for which truth says
that mail is deliverable and the address is one of that login's human.

Letter case of addresses is ignored. Scores play no part in either.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from benchmarks import naive_github, sandboxed
from benchmarks.measure import NothingMeasured, reading
from benchmarks.sandboxed import MIDNIGHT, world
from benchmarks.table import Row
from cmo.sandbox.accounts import Person
from cmo.sandbox.repos import Repo

TARGET = 1_000
TOP = 5
GOAL = 0.97
SINCE = MIDNIGHT - timedelta(days=90)
DELIVERABLE = "ok"

Pair = tuple[str, str]
"""Login and address."""


@dataclass(frozen=True, kw_only=True)
class Sought:
    """The people a run should find."""

    humans: frozenset[int]
    tied: frozenset[int]
    """Those with an account and an address that GitHub itself ties together."""


def run() -> list[Row]:
    """Recall and precision of a run to 1,000 leads; yardstick: the obvious REST loop on its sample."""
    ours = sandboxed.reach(TARGET)
    with reading(ours.database) as conn:
        rows = conn.execute(
            "SELECT e.login_key, e.email FROM emails e JOIN verdicts v ON v.email = e.email WHERE v.state = 'ok'"
        )
        pairs = [(row["login_key"], row["email"]) for row in rows]
    sought = people_sought(ours.repos_read)
    naive = naive_github.naive_run(naive_github.obvious)
    naive_pairs = [(find.login, find.email) for find in naive.finds]
    found = found_humans(pairs) & sought.humans
    ceiling = len(sought.tied) / len(sought.humans)
    spelled = f"{len(found):,} of {len(sought.humans):,} people of {len(ours.repos_read):,} repositories"
    naive_sought = people_sought(naive.repos)
    naive_is = f"the obvious REST loop on {len(naive.repos)} repositories, no mail check"
    return [
        Row(
            what="recall of reachable people",
            measured=recall(pairs, sought.humans),
            at_least=GOAL,
            yardstick=recall(naive_pairs, naive_sought.humans),
            yardstick_is=naive_is,
            note=f"{spelled}; {ceiling:.3f} is the most a client can reach that takes only what GitHub ties together",
        ),
        Row(
            what="recall of those whom GitHub ties to an address",
            measured=recall(pairs, sought.tied),
            at_least=GOAL,
            yardstick=recall(naive_pairs, naive_sought.tied),
            yardstick_is=naive_is,
            note=f"{len(found & sought.tied):,} of {len(sought.tied):,} people",
        ),
        Row(
            what="precision of addresses marked ok",
            measured=precision(pairs),
            at_least=0.99,
            yardstick=precision(naive_pairs),
            yardstick_is=naive_is,
            note=f"{len(pairs):,} addresses",
        ),
        Row(
            what="precision of the accepted leads' addresses",
            measured=precision(ours.leads),
            at_least=0.99,
            note=f"{len(ours.leads):,} leads",
        ),
    ]


def people_sought(full_names: Iterable[str]) -> Sought:
    """As the module says, for these repositories; gone and blocked ones hold nobody."""
    known = [
        repo
        for name in full_names
        if (repo := world().find_repo(name) or world().find_renamed_repo(name)) is not None
        and not (repo.deleted or repo.blocked)
    ]
    names = list(dict.fromkeys(repo.full_name for repo in known))
    sure: set[int] = set()
    signed: dict[int, set[str]] = {}
    for repo in dict.fromkeys(known):
        sure |= sure_authors(repo.full_name)
        for human, email in _linked(repo):
            signed.setdefault(human, set()).add(email)
    reachable = world().truth.reachable(names, since=SINCE, authors_per_repo=TOP)
    humans = frozenset(entry.human for entry in reachable if entry.human in sure)
    tied = (human for human, emails in signed.items() if human in humans and _has_tied_address(human, emails))
    return Sought(humans=humans, tied=frozenset(tied))


def _linked(repo: Repo) -> Iterator[tuple[int, str]]:
    """Human and address of each commit of the window that is linked to its author's account."""
    commits = world().history(repo).commits(since=int(SINCE.timestamp()), until=int(world().anchor_at.timestamp()))
    for commit in commits:
        if isinstance(commit.by.author, Person) and commit.by.account is commit.by.author:
            yield commit.by.author.human, commit.by.email.lower()


def _has_tied_address(human: int, signed: set[str]) -> bool:
    person = world().truth.person(world().population.person(human).login)
    addresses = person.addresses if person is not None else ()
    return any(a.usable and (a.published or a.email.lower() in signed) for a in addresses)


def sure_authors(full_name: str) -> set[int]:
    """Humans whose place among the first five no tie can take."""
    authors = [author for author in world().truth.humans(full_name, since=SINCE) if not author.deleted]
    return {
        author.human
        for author in authors
        if sum(other.commits >= author.commits for other in authors if other is not author) < TOP
    }


def found_humans(pairs: Iterable[Pair]) -> frozenset[int]:
    """Humans for whom one of `pairs` holds a usable address of their own."""
    found = set()
    for login, email in pairs:
        person = world().truth.person(login)
        if person is not None and email.lower() in {a.email.lower() for a in person.addresses if a.usable}:
            found.add(person.human)
    return frozenset(found)


def recall(pairs: Iterable[Pair], sought: frozenset[int]) -> float:
    """Share of the humans sought who were found."""
    if not sought:
        raise NothingMeasured("nobody is sought")
    return len(found_humans(pairs) & sought) / len(sought)


def precision(pairs: Iterable[Pair]) -> float:
    """Share of `pairs` that are deliverable and that login's own."""
    judged = Counter(_is_right(login, email) for login, email in pairs)
    if not judged:
        raise NothingMeasured("there is no address to judge")
    return judged[True] / judged.total()


def _is_right(login: str, email: str) -> bool:
    person = world().truth.person(login)
    if person is None or world().truth.deliverability(email).value != DELIVERABLE:
        return False
    return email.lower() in {address.email.lower() for address in person.addresses}
