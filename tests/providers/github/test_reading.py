"""Folding commits, and putting pages together."""

from __future__ import annotations

import base64
import random
from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from cmo.domain.lead import ActivityState, RepoRef
from cmo.providers.github.parse import CommitSeen, Evidence, PageRead
from cmo.providers.github.reading import MAX_COMMITS, Reading, cursor_after, fold
from tests.fakes.clock import NOON
from tests.providers.github.world import SINCE

REPO = RepoRef(id="R_1", full_name="o/r")
HEAD = "a" * 40


def commit(n: int, *, author: int = 0, hours: int | None = None, known: bool = True) -> CommitSeen:
    return CommitSeen(
        oid=f"{n:040x}",
        at=NOON - timedelta(hours=n if hours is None else hours),
        name=f"Dev {author} at {n}",
        email=f"dev{author}@x.example",
        login=f"dev{author}" if known else None,
        user_id=f"U_{author}" if known else None,
    )


def page(numbers: range, *, total: int, then: str | None) -> PageRead:
    return PageRead(commits=tuple(commit(n) for n in numbers), total=total, next_cursor=then)


commits = st.lists(
    st.builds(commit, st.integers(0, 10_000), author=st.integers(0, 4), hours=st.integers(0, 50)),
    max_size=40,
    unique_by=lambda commit: commit.oid,
)


@given(commits=commits, cuts=st.lists(st.integers(0, 40), max_size=5), order=st.randoms(use_true_random=False))
def test_any_split_into_pages_and_any_order_gives_the_same_activity(
    commits: list[CommitSeen], cuts: list[int], order: random.Random
) -> None:
    edges = sorted({0, len(commits), *(min(cut, len(commits)) for cut in cuts)})
    split = Reading(REPO, SINCE)
    for n, (start, stop) in enumerate(pairwise(edges)):
        then = f"c{n + 1}" if stop < len(commits) else None
        part = PageRead(commits=tuple(commits[start:stop]), total=len(commits), next_cursor=then)
        split.pages[f"c{n}" if n else None] = part
    shuffled = list(commits)
    order.shuffle(shuffled)
    whole = Reading(REPO, SINCE)
    whole.pages[None] = PageRead(commits=tuple(shuffled), total=len(commits), next_cursor=None)
    assert split.activity(fetched_at=NOON) == whole.activity(fetched_at=NOON)


def test_a_sighting_is_an_account_with_an_address() -> None:
    seen = fold([commit(1, author=1), commit(2, author=1), commit(3, author=2), commit(4, author=1, known=False)])
    assert [(sighting.login, sighting.commits) for sighting in seen] == [("dev1", 2), (None, 1), ("dev2", 1)]
    assert (seen[0].name, seen[0].last_commit) == ("Dev 1 at 1", f"{1:040x}")


def test_spellings_of_a_login_are_one_and_the_accounts_own_wins() -> None:
    by_address = commit(1, author=1).model_copy(update={"login": "DEV1", "user_id": None})
    (sighting,) = fold([by_address, commit(2, author=1)])
    assert (sighting.login, sighting.user_id, sighting.commits) == ("dev1", "U_1", 2)


def test_a_commit_on_two_pages_counts_once() -> None:
    reading = Reading(
        REPO, SINCE, pages={None: page(range(3), total=5, then="x"), "x": page(range(2, 5), total=5, then=None)}
    )
    assert reading.activity(fetched_at=NOON).commits_seen == 5


def test_commits_before_the_window_are_dropped_whatever_the_server_says() -> None:
    old = commit(1).model_copy(update={"at": SINCE - timedelta(seconds=1)})
    reading = Reading(REPO, SINCE, pages={None: PageRead(commits=(old,), total=1, next_cursor=None)})
    assert reading.activity(fetched_at=NOON).state is ActivityState.EMPTY


def test_pull_requests_before_the_window_prove_no_activity() -> None:
    evidence = Evidence(
        mergers={}, releasers={}, codeowners=(), pull_authors=(("new", NOON), ("old", SINCE - timedelta(days=1)))
    )
    first = PageRead(commits=(), total=0, next_cursor=None, evidence=evidence)
    assert Reading(REPO, SINCE, pages={None: first}).activity(fetched_at=NOON).pull_authors == {"new": 1}


def test_later_pages_are_asked_for_all_at_once_where_cursors_can_be_worked_out() -> None:
    reading = Reading(REPO, SINCE, pages={None: page(range(100), total=350, then=f"{HEAD} 99")})
    assert [(ask.after, ask.is_guess) for ask in reading.asks()] == [
        (f"{HEAD} 99", False),
        (f"{HEAD} 199", True),
        (f"{HEAD} 299", True),
    ]


def test_opaque_cursors_are_followed_one_by_one() -> None:
    reading = Reading(REPO, SINCE, pages={None: page(range(100), total=350, then="opaque")})
    assert [ask.after for ask in reading.asks()] == ["opaque"]


def test_a_guessed_page_counts_only_where_the_chain_reaches_it() -> None:
    reading = Reading(REPO, SINCE, pages={None: page(range(100), total=350, then=f"{HEAD} 99")})
    reading.pages[f"{HEAD} 199"] = page(range(200, 300), total=350, then=None)
    assert reading.activity(fetched_at=NOON).commits_seen == 100
    reading.pages[f"{HEAD} 99"] = page(range(100, 200), total=350, then="moved")
    assert [(ask.after, ask.is_guess) for ask in reading.asks()] == [("moved", False)]


def test_a_history_is_read_to_its_cap_and_says_that_there_is_more() -> None:
    reading = Reading(REPO, SINCE)
    cursor: str | None = None
    for start in range(0, MAX_COMMITS, 100):
        reading.pages[cursor] = page(range(start, start + 100), total=5000, then=f"c{start}")
        cursor = f"c{start}"
    assert reading.asks() == []
    activity = reading.activity(fetched_at=NOON)
    assert (activity.commits_seen, activity.truncated) == (1000, True)


def test_cursors_that_go_in_circles_end_the_reading() -> None:
    reading = Reading(
        REPO, SINCE, pages={None: page(range(3), total=9, then="x"), "x": page(range(3, 6), total=9, then="x")}
    )
    assert reading.asks() == []
    assert reading.activity(fetched_at=NOON).commits_seen == 6


def test_cursors_are_worked_out_in_the_form_they_have() -> None:
    encoded = base64.b64encode(f"{HEAD} 100".encode()).decode()
    assert cursor_after(f"{HEAD} 99", 100, 200) == f"{HEAD} 199"
    assert base64.b64decode(cursor_after(encoded, 100, 200) or "").decode() == f"{HEAD} 200"
    assert [cursor_after(cursor, 100, 200) for cursor in (f"{HEAD} 42", "opaque", "Zm9v", "")] == [None] * 4
