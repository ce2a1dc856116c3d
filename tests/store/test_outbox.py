from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cmo.domain.outbox import MOST_ATTEMPTS, ClaimedWrite, soft_wait_s
from cmo.domain.outward import Effect, Fate, Operation, Receipt, Repeat
from cmo.domain.policy import Verdict
from cmo.store.db import Connection, open_store, transaction
from cmo.store.doubt import LOOK_AGAIN_S, MOST_LOOKS, UNASKED, doubtful, find_orphans, in_flight, next_due, resolve
from cmo.store.journal import this_process
from cmo.store.outbox import BLOCKED_WAIT_S, Round, claim, give_back, settle
from cmo.store.outbox_plan import unplan
from cmo.store.switches import BREAKS_AFTER, breaker_open_until
from tests.delivery.writes import open_gate, operation_factory, plan, write_factory
from tests.fakes.clock import NOON
from tests.fakes.jobs import new_job

ONE, TWO = "here:1", "here:2"


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[Connection]:
    conn = open_store(tmp_path / "campaign.db")
    new_job(conn)
    yield conn
    conn.close()


def job_of(conn: Connection) -> str:
    return str(conn.execute("SELECT id FROM jobs").fetchone()["id"])


def take(
    conn: Connection, operation: Operation | None = None, *, holder: str = ONE, after_s: float = 0.0, **changes: Any
) -> Round:
    now = NOON + timedelta(seconds=after_s)
    asked = {"job_id": job_of(conn), "gate": open_gate, "now": now, "holder": holder, **changes}
    return claim(conn, operation or operation_factory(), **asked)


def answer(
    conn: Connection,
    row: ClaimedWrite,
    fate: Fate,
    *,
    operation: Operation | None = None,
    holder: str = ONE,
    **told: Any,
) -> None:
    receipt = Receipt(key=row.key, fate=fate, **told)
    with transaction(conn):
        settle(conn, operation or operation_factory(), [receipt], holder=holder, now=NOON)


def look(
    conn: Connection, rows: list[ClaimedWrite], fate: Fate, *, after_s: float = 60.0, code: str = "server_error"
) -> None:
    receipts = [Receipt(key=row.key, fate=fate, reason="looked", code=code) for row in rows]
    with transaction(conn):
        attempts = {row.key: row.attempts for row in rows}
        resolve(conn, operation_factory(), receipts, attempts=attempts, now=NOON + timedelta(seconds=after_s))


def row_of(conn: Connection, key: str = "ticket:1") -> dict[str, Any]:
    return dict(conn.execute("SELECT * FROM outbox WHERE key = ?", (key,)).fetchone())


def claimed(conn: Connection, operation: Operation | None = None) -> ClaimedWrite:
    plan(conn, job_of(conn), write_factory())
    (row,) = take(conn, operation).claimed
    return row


def test_the_same_write_is_planned_once_and_another_text_replaces_it_while_nobody_has_claimed_it(
    conn: Connection,
) -> None:
    first = plan(conn, job_of(conn), write_factory(1), write_factory(2))
    again = plan(conn, job_of(conn), write_factory(1), write_factory(2, content_hash="other", payload="{}"))
    assert (first.new, again.known, again.renewed, again.refused) == (2, 1, 1, [])
    assert row_of(conn, "ticket:2")["payload"] == "{}"


@pytest.mark.parametrize("fate", [Fate.CONFIRMED, Fate.UNKNOWN, Fate.HELD])
def test_a_key_that_has_left_or_may_have_never_carries_another_text(conn: Connection, fate: Fate) -> None:
    before = claimed(conn)
    answer(conn, before, fate)
    planned = plan(conn, job_of(conn), write_factory(content_hash="other", payload="{}"))
    assert planned.refused == ["ticket:1"]
    assert row_of(conn)["payload"] == before.payload
    assert plan(conn, job_of(conn), write_factory()).known == 1


@pytest.mark.parametrize("fate", [Fate.LATER, Fate.REFUSED, Fate.ABSENT])
def test_a_key_that_surely_did_not_leave_takes_a_newer_text(conn: Connection, fate: Fate) -> None:
    answer(conn, claimed(conn), fate)
    planned = plan(conn, job_of(conn), write_factory(content_hash="other", payload="{}"))
    assert (planned.renewed, planned.refused) == (1, [])
    assert (row_of(conn)["payload"], row_of(conn)["state"], row_of(conn)["attempts"]) == ("{}", "planned", 0)


def test_what_was_refused_is_not_planned_again_with_the_same_text(conn: Connection) -> None:
    answer(conn, claimed(conn), Fate.REFUSED)
    assert plan(conn, job_of(conn), write_factory()).known == 1
    assert row_of(conn)["state"] == "failed"


def test_rows_are_claimed_once_in_order_and_at_most_a_batch(conn: Connection) -> None:
    plan(conn, job_of(conn), *map(write_factory, range(1, 6)))
    batch = operation_factory(batch=3)
    first, second, third = (take(conn, batch, holder=holder, size=9) for holder in (ONE, TWO, ONE))
    assert [row.key for row in first.claimed] == ["ticket:1", "ticket:2", "ticket:3"]
    assert [row.key for row in second.claimed] == ["ticket:4", "ticket:5"]
    assert (third.claimed, third.is_end) == ([], True)
    assert [row_of(conn, f"ticket:{n}")["holder"] for n in (1, 5)] == [ONE, TWO]


def test_what_is_due_later_waits(conn: Connection) -> None:
    plan(conn, job_of(conn), write_factory(due_at=NOON + timedelta(minutes=1)))
    assert not take(conn).claimed
    assert take(conn, after_s=60).claimed


def test_a_claim_is_never_older_than_the_newest_one_whatever_the_clock_says(conn: Connection) -> None:
    plan(conn, job_of(conn), write_factory(1), write_factory(2))
    take(conn, size=1, after_s=3_600)
    asked = []

    def gate(conn: Connection, ids: Any, now: Any) -> Any:
        asked.append(now)
        return open_gate(conn, ids, now)

    (row,) = take(conn, gate=gate).claimed
    assert asked == [NOON]
    assert row_of(conn, row.key)["claimed_s"] == NOON.timestamp() + 3_600


def test_a_no_is_stored_with_its_reason_and_its_time(conn: Connection) -> None:
    plan(conn, job_of(conn), write_factory(1), write_factory(2), write_factory(3))
    retry_at = NOON + timedelta(hours=2)
    said = iter(
        (
            Verdict(rule="window", message="It is night.", retry_at=retry_at),
            Verdict(rule="suppressed", message="Suppressed: asked", final=True),
            Verdict(rule="approval", message="Nobody approved it."),
        )
    )
    done = take(conn, gate=lambda conn, ids, now: {id_: (next(said), "") for id_ in ids}, scan=10)
    assert dict(done.refused) == {"window": 1, "suppressed": 1, "approval": 1}
    rows = [row_of(conn, f"ticket:{n}") for n in (1, 2, 3)]
    assert [row["state"] for row in rows] == ["planned", "failed", "planned"]
    assert [row["due_s"] for row in rows] == [retry_at.timestamp(), NOON.timestamp(), NOON.timestamp()]
    assert rows[1]["reason"] == "Suppressed: asked"
    stored = conn.execute("SELECT rule, message, times FROM decisions ORDER BY outbox_id").fetchall()
    assert [tuple(row) for row in stored] == [
        ("window", "It is night.", 1), ("suppressed", "Suppressed: asked", 1), ("approval", "Nobody approved it.", 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fate", "state", "is_held"),
    [
        (Fate.CONFIRMED, "confirmed", 0),
        (Fate.LATER, "planned", 0),
        (Fate.ABSENT, "planned", 0),
        (Fate.REFUSED, "failed", 0),
        (Fate.UNKNOWN, "unknown", 0),
        (Fate.HELD, "unknown", 1),
    ],
)
def test_a_receipt_settles_a_row_once(conn: Connection, fate: Fate, state: str, is_held: int) -> None:
    row = claimed(conn)
    effect: Effect = "created" if fate is Fate.CONFIRMED else ""
    answer(conn, row, fate, effect=effect, provider_id="T-1", code="why", reason="because")
    found = row_of(conn)
    assert (found["state"], found["is_held"], found["provider_id"], found["reason"]) == (
        state,
        is_held,
        "T-1",
        "because",
    )
    assert (found["holder"] is None) == (state != "unknown")
    assert (found["claimed_s"] is None) == (state == "planned")
    if state not in ("planned", "unknown"):
        answer(conn, row, Fate.LATER)
        assert row_of(conn)["state"] == state


def test_somebody_elses_row_is_not_settled(conn: Connection) -> None:
    row = claimed(conn)
    answer(conn, row, Fate.CONFIRMED, holder=TWO)
    assert row_of(conn)["state"] == "claimed"


def test_a_doubtful_row_waits_for_the_time_out_and_the_margin_before_it_is_looked_up(conn: Connection) -> None:
    answer(conn, claimed(conn), Fate.UNKNOWN)
    early, late = (
        doubtful(conn, operation_factory(), job_id=job_of(conn), now=NOON + timedelta(seconds=s)) for s in (49.9, 50)
    )
    assert not early
    assert [row.key for row in late] == ["ticket:1"]


def test_what_nobody_can_be_asked_about_waits_for_a_person(conn: Connection) -> None:
    blind = operation_factory(Repeat.BLIND)
    answer(conn, claimed(conn, blind), Fate.UNKNOWN, operation=blind)
    assert row_of(conn)["is_held"] == 1
    assert not doubtful(conn, blind, job_id=job_of(conn), now=NOON + timedelta(days=9))
    assert next_due(conn, blind, job_id=job_of(conn)) is None


def test_a_write_that_surely_did_nothing_is_tried_eight_times_with_growing_waits(conn: Connection) -> None:
    plan(conn, job_of(conn), write_factory())
    for attempt in range(1, MOST_ATTEMPTS + 1):
        conn.execute("UPDATE outbox SET due_s = 0")
        (row,) = take(conn).claimed
        assert row.attempts == attempt
        answer(conn, row, Fate.LATER, reason="busy")
        assert 0 <= row_of(conn)["due_s"] - NOON.timestamp() <= 30 * 2 ** (attempt - 1)
    found = row_of(conn)
    assert (found["state"], found["reason"]) == ("failed", "busy")


def test_a_wait_that_the_service_asked_for_is_kept(conn: Connection) -> None:
    answer(conn, claimed(conn), Fate.LATER, retry_after_s=5_000.0)
    assert row_of(conn)["due_s"] == NOON.timestamp() + 5_000


def test_a_call_that_never_left_is_no_attempt(conn: Connection) -> None:
    row = claimed(conn)
    with transaction(conn):
        give_back(conn, [row], holder=TWO, due_at=NOON)
    assert row_of(conn)["state"] == "claimed"
    with transaction(conn):
        give_back(conn, [row], holder=ONE, due_at=NOON + timedelta(seconds=30))
    found = row_of(conn)
    assert (found["state"], found["attempts"], found["holder"]) == ("planned", 0, None)
    assert next_due(conn, operation_factory(), job_id=job_of(conn)) == NOON + timedelta(seconds=30)


def test_claims_of_a_dead_process_are_doubtful_and_those_of_a_live_one_are_not(conn: Connection) -> None:
    plan(conn, job_of(conn), write_factory(1), write_factory(2))
    host = this_process().rpartition(":")[0]
    take(conn, holder=this_process(), size=1)
    take(conn, holder=f"{host}:99999999", size=1)
    operation = operation_factory()
    assert in_flight(conn, now=NOON) == 1
    assert find_orphans(conn, {operation.name: operation}, now=NOON) == 1
    assert [row_of(conn, f"ticket:{n}")["state"] for n in (1, 2)] == ["claimed", "unknown"]
    assert row_of(conn, "ticket:2")["due_s"] == NOON.timestamp() + 50
    assert find_orphans(conn, {operation.name: operation}, now=NOON + timedelta(days=2)) == 0


@pytest.mark.parametrize(("fate", "state"), [(Fate.CONFIRMED, "confirmed"), (Fate.ABSENT, "planned")])
def test_looking_up_settles_what_was_doubtful(conn: Connection, fate: Fate, state: str) -> None:
    row = claimed(conn)
    answer(conn, row, Fate.UNKNOWN)
    look(conn, [row], fate)
    assert row_of(conn)["state"] == state


def test_of_two_processes_that_look_one_settles(conn: Connection) -> None:
    row = claimed(conn)
    answer(conn, row, Fate.UNKNOWN)
    look(conn, [row], Fate.CONFIRMED)
    look(conn, [row], Fate.ABSENT)
    assert row_of(conn)["state"] == "confirmed"


def test_what_was_seen_before_another_call_says_nothing_of_that_call(conn: Connection) -> None:
    row = claimed(conn)
    answer(conn, row, Fate.UNKNOWN)
    look(conn, [row], Fate.ABSENT)
    conn.execute("UPDATE outbox SET due_s = 0")
    (again,) = take(conn, holder=TWO).claimed
    answer(conn, again, Fate.UNKNOWN, holder=TWO)
    look(conn, [row], Fate.ABSENT)
    assert row_of(conn)["state"] == "unknown"
    look(conn, [again], Fate.ABSENT)
    assert row_of(conn)["state"] == "planned"


def test_after_five_looks_without_an_answer_a_person_decides(conn: Connection) -> None:
    row = claimed(conn)
    answer(conn, row, Fate.UNKNOWN)
    for n in range(1, MOST_LOOKS + 1):
        look(conn, [row], Fate.UNKNOWN, after_s=60.0 * n)
        found = row_of(conn)
        assert found["due_s"] == NOON.timestamp() + 60 * n + LOOK_AGAIN_S
        assert found["is_held"] == (n == MOST_LOOKS)
    found = row_of(conn)
    assert (found["state"], found["reason"]) == ("unknown", "looked")


def test_a_look_that_never_reached_the_provider_does_not_count(conn: Connection) -> None:
    row = claimed(conn)
    answer(conn, row, Fate.UNKNOWN)
    for n in range(1, 2 * MOST_LOOKS):
        look(conn, [row], Fate.UNKNOWN, after_s=60.0 * n, code=UNASKED)
    assert row_of(conn)["is_held"] == 0


def test_looks_are_counted_anew_for_each_doubt(conn: Connection) -> None:
    row = claimed(conn)
    for n in range(2):
        answer(conn, row, Fate.UNKNOWN)
        for _ in range(MOST_LOOKS - 1):
            look(conn, [row], Fate.UNKNOWN)
        assert row_of(conn)["is_held"] == 0, f"doubt number {n + 1}"
        look(conn, [row], Fate.ABSENT)
        conn.execute("UPDATE outbox SET due_s = 0")
        (row,) = take(conn).claimed


def test_what_is_taken_back_goes_where_it_was_never_tried_and_keeps_its_key_where_it_was(conn: Connection) -> None:
    plan(conn, job_of(conn), write_factory(1), write_factory(2))
    (tried,) = take(conn, size=1).claimed
    answer(conn, tried, Fate.LATER)
    with transaction(conn):
        unplan(conn, "job_id = ?", (job_of(conn),))
    assert [(row["key"], row["state"], row["code"]) for row in conn.execute("SELECT * FROM outbox")] == [
        ("ticket:1", "failed", "taken_back")
    ]
    assert plan(conn, job_of(conn), write_factory(1, content_hash="other", payload="{}")).renewed == 1


def mailed(conn: Connection) -> ClaimedWrite:
    """A mail to Ana that is under way, from an inbox."""
    conn.execute("INSERT INTO inboxes (address, provider, is_warm) VALUES ('sam@field.example', 'smtp', 1)")
    row = claimed(conn)
    conn.execute("UPDATE outbox SET email_key = 'ana@org.example', inbox = 'sam@field.example'")
    return row


@pytest.mark.parametrize("code", ["hard_bounce", "no_mail_domain"])
def test_a_hard_bounce_suppresses_the_address(conn: Connection, code: str) -> None:
    answer(conn, mailed(conn), Fate.REFUSED, code=code, reason="no such mailbox")
    (entry,) = conn.execute("SELECT kind, value, reason FROM suppressions").fetchall()
    (bounce,) = conn.execute("SELECT kind, detail FROM deliveries").fetchall()
    assert tuple(entry) == ("email", "ana@org.example", "hard bounce")
    assert tuple(bounce) == ("bounce", "no such mailbox")
    assert row_of(conn)["state"] == "failed"


@pytest.mark.parametrize("code", ["rejected", "invalid_email"])
def test_any_other_refusal_suppresses_nobody_and_pauses_nothing(conn: Connection, code: str) -> None:
    answer(conn, mailed(conn), Fate.REFUSED, code=code, reason="5.3.4 too big")
    assert row_of(conn)["state"] == "failed"
    assert not conn.execute("SELECT * FROM suppressions").fetchall()
    assert not conn.execute("SELECT * FROM deliveries").fetchall()
    assert conn.execute("SELECT paused_reason FROM inboxes").fetchone()["paused_reason"] is None


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("bounced", "mail to the address bounced"),
        ("unsubscribed", "unsubscribed"),
        ("blocklisted", "on the block list"),
    ],
)
def test_whom_a_service_must_not_write_to_is_suppressed_here_too(conn: Connection, code: str, reason: str) -> None:
    answer(conn, mailed(conn), Fate.REFUSED, code=code, reason="skipped")
    (entry,) = conn.execute("SELECT kind, value, reason, source FROM suppressions").fetchall()
    source = "tracker" if code == "unsubscribed" else "mail service tracker"
    assert tuple(entry) == ("email", "ana@org.example", reason, source)
    found = row_of(conn)
    assert (found["state"], found["code"], found["reason"]) == ("failed", "suppressed", f"{reason} (tracker)")
    (decision,) = conn.execute("SELECT rule FROM decisions").fetchall()
    assert decision["rule"] == "suppressed"


@pytest.mark.parametrize(("code", "kinds"), [("unsubscribed", ["email", "login"]), ("blocklisted", ["email"])])
def test_only_a_wish_of_their_own_stands_for_the_whole_person(conn: Connection, code: str, kinds: list[str]) -> None:
    row = mailed(conn)
    conn.execute("UPDATE outbox SET login_key = 'ana'")
    answer(conn, row, Fate.REFUSED, code=code, reason="skipped")
    assert [entry["kind"] for entry in conn.execute("SELECT kind FROM suppressions ORDER BY kind")] == kinds


def test_who_is_in_another_campaign_of_the_service_counts_as_contacted(conn: Connection) -> None:
    answer(conn, mailed(conn), Fate.REFUSED, code="in_other_campaign", reason="skipped")
    assert not conn.execute("SELECT * FROM suppressions").fetchall()
    assert (row_of(conn)["state"], row_of(conn)["code"]) == ("failed", "contacted")


def test_a_block_for_policy_pauses_the_inbox_and_keeps_the_mail(conn: Connection) -> None:
    answer(conn, mailed(conn), Fate.LATER, code="policy_block", reason="5.7.1 refused")
    paused = conn.execute("SELECT paused_reason FROM inboxes").fetchone()["paused_reason"]
    found = row_of(conn)
    assert "5.7.1 refused" in paused
    assert (found["state"], found["due_s"]) == ("planned", NOON.timestamp() + BLOCKED_WAIT_S)
    assert not conn.execute("SELECT * FROM suppressions").fetchall()


def test_a_soft_bounce_waits_is_put_down_and_troubles_nobody_else(conn: Connection) -> None:
    row = mailed(conn)
    for _ in range(2 * BREAKS_AFTER):
        conn.execute("UPDATE outbox SET state = 'claimed', holder = ?", (ONE,))
        answer(conn, row, Fate.LATER, code="soft_bounce", reason="450 greylisted")
    (noted,) = conn.execute("SELECT kind, at_s, detail FROM deliveries").fetchall()
    assert tuple(noted) == ("soft_bounce", NOON.timestamp(), "450 greylisted")
    assert (row_of(conn)["state"], row_of(conn)["due_s"]) == ("planned", NOON.timestamp() + soft_wait_s(1))
    assert breaker_open_until(conn, "tracker") == (0.0, "")
    assert not conn.execute("SELECT * FROM suppressions").fetchall()
