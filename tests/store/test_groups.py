from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmo.domain.event import FailuresRetried, ItemFailed
from cmo.domain.filters import parse_filter
from cmo.domain.job import Job, Stage
from cmo.domain.lead import ItemFailure
from cmo.store import groups
from cmo.store.commit import commit
from cmo.store.db import Connection, open_store, transaction
from cmo.store.groups import GroupState, Mark, StoredGroup, error_groups, forget_failures, group_members
from cmo.store.retry import count_failures, make_failures_pending, replan_writes, retriable
from tests.fakes.jobs import new_job
from tests.fakes.ledger import ledger_row
from tests.fakes.outside import NOW

SEND = "instantly.enrol"


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[Connection]:
    conn = open_store(tmp_path / "campaign.db")
    yield conn
    conn.close()


@pytest.fixture
def job(conn: Connection) -> Job:
    return new_job(conn)


def fail(
    conn: Connection,
    job: Job,
    *items: str,
    message: str = "GitHub answered with an error",
    tool: str = "enrich_github_user",
    stage: Stage = Stage.ENRICH,
    code: str = "unavailable",
    later: float = 0.0,
) -> None:
    """Have these items fail, `later` seconds after `NOW`."""
    start = conn.execute("SELECT COUNT(*) FROM events").fetchone()[0]
    events = [
        (f"e{start + n}", ItemFailed(tool=tool, stage=stage, failure=ItemFailure(item=i, code=code, message=message)))
        for n, i in enumerate(items)
    ]
    commit(conn, job.id, events, at=NOW + timedelta(seconds=later), epoch=None)


def fail_write(conn: Connection, job: Job, row_id: int, *, code: str = "timeout", message: str = "no answer") -> None:
    fail(conn, job, f"outbox:{row_id}", tool=SEND, stage=Stage.SEND, code=code, message=message)


def mark(conn: Connection, job: Job, mark: Mark | None, **picked: list[str]) -> None:
    with transaction(conn):
        groups.mark_failures(conn, job.id, mark, at=NOW, reason="seen by hand" if mark else None, **picked)


def only_group(conn: Connection, job: Job) -> StoredGroup:
    (found,) = error_groups(conn, job.id, marked=True)
    return found


def row_of(conn: Connection, row_id: int) -> dict[str, object]:
    return dict(conn.execute("SELECT * FROM outbox WHERE id = ?", (row_id,)).fetchone())


def test_messages_that_differ_only_in_ids_addresses_and_times_share_a_group(conn: Connection, job: Job) -> None:
    fail(conn, job, "ana", message="502 for ana@ana.example at 14:02:11, request 8f21")
    fail(conn, job, "bob", message="502 for bob@other.example at 09:12:44, request 77aa0")
    fail(conn, job, "cy", message="The account is gone")
    assert sorted(group.count for group in error_groups(conn, job.id)) == [1, 2]


def test_a_group_tells_since_when_how_often_and_how_many_people(conn: Connection, job: Job) -> None:
    fail(conn, job, "ana", "bob")
    fail(conn, job, "ana", later=60)
    found = only_group(conn, job)
    assert (found.count, found.leads, found.tries) == (2, 2, 2)
    assert (found.first_at, found.last_at) == (NOW, NOW + timedelta(seconds=60))
    assert found.state is GroupState.NEEDS_YOU


def test_repositories_are_no_people(conn: Connection, job: Job) -> None:
    fail(conn, job, "org/a", "org/b", tool="extract_people", stage=Stage.EXTRACT)
    assert only_group(conn, job).leads == 0


def test_two_failures_of_writes_to_one_person_concern_one_person(conn: Connection, job: Job) -> None:
    for sequence in ("s1", "s2"):
        fail_write(conn, job, ledger_row(conn, job.id, "ana@ana.example", sequence_id=sequence, state="planned"))
    assert (only_group(conn, job).count, only_group(conn, job).leads) == (2, 1)


def test_an_item_that_fails_in_another_way_moves_to_the_other_group(conn: Connection, job: Job) -> None:
    fail(conn, job, "ana", message="no answer")
    fail(conn, job, "ana", message="the account is gone")
    found = only_group(conn, job)
    assert (found.message, found.tries) == ("the account is gone", 2)


def test_a_group_whose_writes_come_up_again_is_retrying(conn: Connection, job: Job) -> None:
    row_id = ledger_row(conn, job.id, "ana@ana.example", state="planned")
    fail_write(conn, job, row_id)
    conn.execute("UPDATE outbox SET due_s = ?", ((NOW + timedelta(minutes=2)).timestamp(),))
    found = only_group(conn, job)
    assert (found.state, found.next_try_at) == (GroupState.RETRYING, NOW + timedelta(minutes=2))
    conn.execute("UPDATE outbox SET is_held = 1")
    assert only_group(conn, job).state is GroupState.NEEDS_YOU


def test_only_the_stage_and_the_start_of_the_key_that_were_asked_for(conn: Connection, job: Job) -> None:
    fail(conn, job, "ana")
    fail(conn, job, "ana@ana.example", tool="mx_check", stage=Stage.MX, message="SERVFAIL")
    (found,) = error_groups(conn, job.id, stage="mx")
    assert found.tool == "mx_check"
    assert error_groups(conn, job.id, prefix=found.key[:6]) == [found]
    assert groups.jobs_with_group(conn, found.key[:6]) == [job.id]


def test_a_marked_group_is_left_out_and_shown_where_asked_for(conn: Connection, job: Job) -> None:
    fail(conn, job, "ana", "bob")
    mark(conn, job, "skipped", items=["ana"])
    assert (only_group(conn, job).open, error_groups(conn, job.id)[0].count) == (1, 1)
    mark(conn, job, "dead", keys=[only_group(conn, job).key])
    assert (only_group(conn, job).state, error_groups(conn, job.id)) == (GroupState.DEAD, [])
    member = group_members(conn, job.id, only_group(conn, job).key)[0]
    assert (member.mark, member.mark_reason) == ("dead", "seen by hand")


@pytest.mark.parametrize("state", ["planned", "unknown"])
def test_a_write_that_is_set_aside_is_held_until_it_is_revived(conn: Connection, job: Job, state: str) -> None:
    row_id = ledger_row(conn, job.id, "ana@ana.example", state=state)
    fail_write(conn, job, row_id)
    mark(conn, job, "dead", items=[f"outbox:{row_id}"])
    assert row_of(conn, row_id)["is_held"] == 1
    mark(conn, job, None, items=[f"outbox:{row_id}"])
    assert (row_of(conn, row_id)["is_held"], row_of(conn, row_id)["state"]) == (0, state)
    assert conn.execute("SELECT COUNT(*) FROM decisions").fetchone()[0] == 0


def test_reviving_frees_nothing_that_was_held_before(conn: Connection, job: Job) -> None:
    row_id = ledger_row(conn, job.id, "ana@ana.example", state="planned")
    fail_write(conn, job, row_id)
    conn.execute("UPDATE outbox SET is_held = 1")
    mark(conn, job, "skipped", items=[f"outbox:{row_id}"])
    mark(conn, job, None, items=[f"outbox:{row_id}"])
    assert row_of(conn, row_id)["is_held"] == 1


def test_a_mark_survives_whatever_fails_next(conn: Connection) -> None:
    messages = st.sampled_from(["no answer", "mailbox full", "421 4.7.0 later", "a@b.example is not known"])

    @given(messages=st.lists(messages, max_size=6), kind=st.sampled_from(["skipped", "dead"]))
    def survives(messages: list[str], kind: Mark) -> None:
        job = new_job(conn)
        row_id = ledger_row(conn, job.id, "ana@ana.example", state="planned", sequence_id=job.id)
        fail_write(conn, job, row_id)
        mark(conn, job, kind, items=[f"outbox:{row_id}"])
        for message in messages:
            conn.execute("UPDATE outbox SET is_held = 0")  # as where a call was under way when it was marked
            fail_write(conn, job, row_id, message=message)
        (member,) = group_members(conn, job.id, only_group(conn, job).key)
        assert (member.mark, member.mark_reason, member.tries) == (kind, "seen by hand", 1 + len(messages))
        assert row_of(conn, row_id)["is_held"] == 1

    survives()


def test_a_confirmed_write_takes_its_failure_and_mark_with_it(conn: Connection, job: Job) -> None:
    row_id = ledger_row(conn, job.id, "ana@ana.example", state="unknown")
    fail_write(conn, job, row_id)
    mark(conn, job, "dead", items=[f"outbox:{row_id}"])
    with transaction(conn):
        forget_failures(conn, job.id, SEND, [row_id])
    assert error_groups(conn, job.id, marked=True) == []


def test_resuming_with_retry_errors_leaves_marked_items_alone(conn: Connection, job: Job) -> None:
    fail(conn, job, "ana", "bob", "cy")
    mark(conn, job, "dead", items=["ana"])
    mark(conn, job, "skipped", items=["bob"])
    assert count_failures(conn, job.id) == 1
    commit(conn, job.id, [("retried", FailuresRetried(by="operator:test"))], at=NOW, epoch=None)
    assert {member.item for member in group_members(conn, job.id, only_group(conn, job).key)} == {"ana", "bob"}


def test_only_the_groups_that_were_named_are_pending_again(conn: Connection, job: Job) -> None:
    fail(conn, job, "ana", message="no answer")
    fail(conn, job, "bob", message="the account is gone")
    gone = error_groups(conn, job.id)[0]
    with transaction(conn):
        make_failures_pending(conn, job.id, [gone.key])
    assert gone.key not in [group.key for group in error_groups(conn, job.id)]
    assert len(error_groups(conn, job.id)) == 1


@pytest.mark.parametrize(
    ("state", "changes", "again"),
    [
        ("planned", "is_held = 0", True),
        ("failed", "is_held = 0", True),
        ("failed", "code = 'timeout'", True),
        ("failed", "code = 'recalled'", False),
        ("failed", "provider_id = 'lead-1'", False),
        ("failed", "effect = 'ambiguous'", False),
        ("planned", "is_held = 1", False),
        ("unknown", "is_held = 0", False),
        ("unknown", "is_held = 1", False),
        ("claimed", "is_held = 0", False),
        ("confirmed", "is_held = 0", False),
    ],
)
def test_only_what_surely_had_no_effect_is_planned_again(
    conn: Connection, job: Job, state: str, changes: str, *, again: bool
) -> None:
    row_id = ledger_row(conn, job.id, "ana@ana.example", state=state)
    fail_write(conn, job, row_id)
    conn.execute(f"UPDATE outbox SET attempts = 8, {changes}")
    before = row_of(conn, row_id)
    found = retriable(conn, job.id, [only_group(conn, job).key])
    assert found.writes == ((row_id,) if again else ())
    with transaction(conn):
        replan_writes(conn, found.writes, now=NOW)
    after = row_of(conn, row_id)
    kept = ("key", "content_hash", "payload", "attempts", "provider_id")
    assert [after[name] for name in kept] == [before[name] for name in kept]
    assert after["state"] == ("planned" if again else state)
    assert only_group(conn, job).tries == 1


def test_a_report_names_nobody(conn: Connection, job: Job) -> None:
    message = "550 5.7.1 <ana@ana.example> refused by mx1.ana.example, see https://ana.example/x and `id` 8f21ab"
    fail_write(conn, job, ledger_row(conn, job.id, "ana@ana.example"), code="policy_block", message=message)
    report = only_group(conn, job).report()
    assert "ana" not in report.replace("What it means", "")
    assert "5.7.1" in report
    assert "policy" in report
    assert report.count("```") == 2


def test_groups_are_filtered_counted_and_paged_in_one_order(conn: Connection, job: Job) -> None:
    fail(conn, job, "ana", message="no answer at all", later=1)
    fail(conn, job, "bob", message="the account is gone", code="not_found", later=2)
    fail(conn, job, "cy@cy.example", tool="mx_check", stage=Stage.MX, message="SERVFAIL", code="dns", later=3)
    every = [group.key for group in error_groups(conn, job.id)]
    with transaction(conn):
        groups.mark_failures(conn, job.id, "skipped", keys=[every[0]], at=NOW)
    found = {
        "state:needs": every[1:], "state:skipped": every[:1], "-state:needs": every[:1], "stage:mx": every[:1],
        "tool:enrich code:found": every[1:2], "answer": every[2:], f"group:{every[2][:5]}": every[2:], "state:dead": [],
    }  # fmt: skip
    for text, expected in found.items():
        terms = parse_filter(text, fields=groups.GROUP_FIELDS, values=groups.GROUP_VALUES)
        assert [group.key for group in error_groups(conn, job.id, marked=True, terms=terms)] == expected, text
        assert groups.count_groups(conn, job.id, marked=True, terms=terms) == len(expected), text
    pages = [error_groups(conn, job.id, marked=True, limit=1, offset=n) for n in range(4)]
    assert [group.key for page in pages for group in page] == every
    assert groups.count_needing(conn, job.id) == 2


def test_only_the_named_members_of_a_group_are_meant(conn: Connection, job: Job) -> None:
    fail(conn, job, "ana", "bob", "cy")
    fail(conn, job, "ana", tool="find_commit_emails", stage=Stage.EMAILS)
    (key,) = {group.key for group in error_groups(conn, job.id, stage="enrich")}
    with transaction(conn):
        groups.mark_failures(conn, job.id, "skipped", keys=[key], items=["ana"], at=NOW)
    assert {group.stage: group.skipped for group in error_groups(conn, job.id, marked=True)} == {
        "enrich": 1,
        "emails": 0,
    }
    assert retriable(conn, job.id, [key], ["ana"]).items == 0
    assert retriable(conn, job.id, [key], ["bob"]).items == 1
    event = FailuresRetried(by="operator:test", groups=(key,), items=("bob",))
    commit(conn, job.id, [("retried", event)], at=NOW, epoch=None)
    assert [member.item for member in group_members(conn, job.id, key)] == ["ana", "cy"]
    assert [member.item for member in group_members(conn, job.id, key, limit=1, offset=1)] == ["cy"]
