"""What an account has left, and how fast it may go."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cmo.providers.github.account import EVERYTHING, MARGIN_S, Account, Bucket, Window
from cmo.providers.github.limits import Kind, Verdict

NOW = 1_790_000_000.0


def secondary(wait_s: float | None = 60.0) -> Verdict:
    return Verdict(Kind.SECONDARY_LIMIT, wait_s)


@given(
    amounts=st.lists(st.floats(0.1, 20.0), max_size=40),
    gaps=st.lists(st.floats(0.0, 30.0), min_size=40, max_size=40),
    cap=st.floats(20.0, 60.0),
)
def test_a_window_never_holds_more_than_its_cap_when_waits_are_kept(
    amounts: list[float], gaps: list[float], cap: float
) -> None:
    window, at_s, spent = Window(cap), 0.0, []
    for amount, gap in zip(amounts, gaps, strict=False):
        at_s += gap
        at_s += window.wait_for(amount, at_s) + 1e-6
        window.add(at_s, amount)
        spent.append((at_s, amount))
        assert sum(share for when, share in spent if when > at_s - 60) <= cap + 1e-6


def test_an_amount_over_the_cap_goes_alone() -> None:
    window = Window(10)
    assert window.wait_for(50, 0.0) == 0
    window.add(0.0, 1)
    assert window.wait_for(50, 0.0) == 60


def test_a_bucket_keeps_a_reserve_for_the_accounts_other_uses() -> None:
    bucket = Bucket(limit=5000, remaining=52, resets_at=NOW + 100)
    assert bucket.wait_for(2, NOW) == 0
    assert bucket.wait_for(3, NOW) == 100 + MARGIN_S
    assert bucket.wait_for(3, NOW + 100) == 0


def test_a_small_limit_is_used_to_its_end() -> None:
    bucket = Bucket(limit=30, remaining=1, resets_at=NOW + 60)
    assert bucket.wait_for(1, NOW) == 0
    assert bucket.wait_for(2, NOW) > 0


def test_requests_under_way_count_before_they_are_answered() -> None:
    account = Account(buckets={"core": Bucket(limit=30, remaining=2, resets_at=NOW + 60)})
    account.started("core", 1, 0.0)
    account.started("core", 1, 0.0)
    assert account.gate("core", 1, NOW)[0] > 0
    account.landed("core", 1, 0.0, 0.1)
    assert account.gate("core", 1, NOW)[0] <= 0


def test_answers_that_overtake_one_another_only_lower_what_is_left() -> None:
    account = Account()
    account.told("core", limit=60, remaining=40, resets_at=NOW)
    account.told("core", limit=60, remaining=41, resets_at=NOW)
    assert account.buckets["core"].remaining == 40
    account.told("core", limit=60, remaining=60, resets_at=NOW + 3600)
    assert account.buckets["core"].remaining == 60
    account.told("core", limit=60, remaining=5, resets_at=NOW)
    assert account.buckets["core"].remaining == 60


def test_broken_limit_headers_and_fields_change_nothing() -> None:
    account = Account()
    account.told_by_headers({"x-ratelimit-limit": "many"}, "core")
    account.told_by_query({"limit": 5000, "remaining": None, "resetAt": "later"})
    account.told_by_query({"limit": 5000, "remaining": 1, "resetAt": "later"})
    account.told_by_limits("core", ["no"])
    assert account.buckets == {}


def test_a_query_tells_what_is_left_of_points() -> None:
    account = Account()
    account.told_by_query({"limit": 5000, "remaining": 4321, "resetAt": "2026-11-20T13:00:00Z"})
    assert account.buckets["graphql"].remaining == 4321


def test_a_primary_limit_closes_its_resource_only() -> None:
    account = Account()
    account.refused(Verdict(Kind.PRIMARY_LIMIT, 900.0), "graphql", began_s=0.0, now=NOW, at_s=0.0)
    assert account.gate("graphql", 1, NOW) == (900 + MARGIN_S, "graphql")
    assert account.gate("core", 1, NOW)[0] <= 0


def test_secondary_limits_close_everything_for_longer_each_time() -> None:
    account, waits = Account(), []
    for n in range(8):
        account.refused(secondary(), "core", began_s=float(n), now=NOW, at_s=float(n))
        waits.append(account.gate("graphql", 1, NOW)[0] - MARGIN_S)
    assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600]


def test_refusals_of_requests_that_were_already_under_way_count_once() -> None:
    account = Account()
    for _ in range(3):
        account.refused(secondary(30.0), "core", began_s=1.0, now=NOW, at_s=2.0)
    assert account.strikes == 1
    assert account.closed_until[EVERYTHING] == NOW + 30 + MARGIN_S


def test_pacing_leaves_room_for_the_queries_under_way() -> None:
    account = Account(usual_response_s=10.0)
    for n in range(4):
        account.started("graphql", 1, float(n))
        account.landed("graphql", 1, float(n), n + 10.0)
    assert account.pace("graphql", 14.0) == 0
    account.started("graphql", 1, 14.0)
    assert account.pace("graphql", 14.0) > 30


def test_rest_requests_stay_under_the_points_of_a_minute() -> None:
    account = Account()
    for _ in range(850):
        account.started("core", 1, 0.0)
    assert account.pace("core", 1.0) == 59
    assert account.pace("graphql", 1.0) == 0
