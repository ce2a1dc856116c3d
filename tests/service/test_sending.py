from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path

import pytest

from cmo.domain.draft import Step
from cmo.domain.event import DraftRendered
from cmo.domain.job import Mode
from cmo.domain.outward import Letter
from cmo.domain.suppression import Suppression, SuppressionKind
from cmo.errors import ConfigError
from cmo.providers.mail.mime import build_mail
from cmo.service.sending import Sending, SendPreview, opened
from cmo.store.audit import iter_audit
from cmo.store.commit import commit
from cmo.store.db import Connection, transaction
from cmo.store.outbox_views import list_outbox
from cmo.store.send_views import hold_ends
from cmo.store.suppressions import record_suppressions
from cmo.store.switches import KILL, note_outcome, switch_off, switch_on
from tests.fakes.campaign import Campaign, approve, campaign
from tests.fakes.clock import NOON
from tests.fakes.drafts import rendered_factory
from tests.fakes.outside import FakeResolver

HOLD = timedelta(minutes=10)


@contextmanager
def sending_of(made: Campaign) -> Iterator[Sending]:
    with opened(made.settings, made.job_id, found=made.found) as delivery:
        yield Sending(delivery)


def suppress(conn: Connection, email: str) -> None:
    entry = Suppression(kind=SuppressionKind.EMAIL, value=email, reason="asked", source="operator:ana", added_at=NOON)
    record_suppressions(conn, [entry])


def send_all(sending: Sending, *, hold: timedelta = timedelta(0), most: int | None = None) -> SendPreview:
    """Look, hand over, wait, deliver; what the look said."""
    due_at = sending.now() + hold
    preview = sending.preview(due_at=due_at, most=most)
    sending.hand_over(preview, due_at=due_at, limited=most is not None)
    sending.wait(preview.leaves_at, lambda left: None)
    sending.deliver(most=most, patience_s=0.0)
    return preview


def fates(conn: Connection) -> dict[int, tuple[str, str]]:
    """Draft -> state in the outbox, and the rule of the last no."""
    rows, _ = list_outbox(conn, now=NOON, limit=1000)
    return {row.draft_id or 0: (row.state, row.rule or "") for row in rows}


def troubled(home: Path) -> Campaign:
    """Nine drafts, of which one is not approved and others meet a rule of the gate."""
    made = campaign(home, 9, approved=range(1, 9), CMO_MAX_EMAILS_PER_DAY="3")
    with made.open() as conn:
        suppress(conn, "maint1@org1.example")
        conn.execute("UPDATE drafts SET time_zone = 'Asia/Tokyo' WHERE id = 2")
        conn.execute("UPDATE drafts SET email_class = 'commit' WHERE id = 3")
        conn.execute("UPDATE drafts SET country = 'DE' WHERE id = 4")
    conn.close()
    return made


def test_the_preview_equals_what_a_send_right_after_does_row_for_row(tmp_path: Path) -> None:
    made = troubled(tmp_path)
    with sending_of(made) as sending:
        preview = send_all(sending, hold=HOLD)
        done = fates(sending.delivery.conn)
    said = {row.draft_id: row for row in preview.rows}
    assert {id_: row.rule for id_, row in said.items()} == {
        1: "suppressed", 2: "window", 3: "address_policy", 4: "country", 5: None, 6: None, 7: None, 8: "quota_day",
    }  # fmt: skip
    assert {id_ for id_, row in said.items() if row.leaves} == {
        id_ for id_, (state, _) in done.items() if state == "confirmed"
    }
    assert {id_: row.rule for id_, row in said.items() if row.rule} == {
        id_: rule for id_, (state, rule) in done.items() if state != "confirmed"
    }
    assert len(made.mails) == 3


def test_a_preview_writes_nothing(tmp_path: Path) -> None:
    made = troubled(tmp_path)
    with sending_of(made) as sending:
        before = list(sending.delivery.conn.iterdump())
        sending.preview(due_at=sending.now() + HOLD)
        assert list(sending.delivery.conn.iterdump()) == before
    assert made.mails == []


def test_what_leaves_is_byte_for_byte_what_was_approved_and_leaves_once(tmp_path: Path) -> None:
    made = campaign(tmp_path, 3)
    with sending_of(made) as sending:
        send_all(sending)
        again = send_all(sending)
        rows, _ = list_outbox(sending.delivery.conn, now=NOON)
    letters = [Letter.model_validate_json(row.payload) for row in rows]
    assert sorted(path.read_bytes() for path in made.mails) == sorted(build_mail(letter) for letter in letters)
    assert again.rows == ()
    assert len(made.mails) == 3


def test_nothing_leaves_before_the_hold_is_over(tmp_path: Path) -> None:
    made = campaign(tmp_path, 2)
    ticks: list[float] = []
    with sending_of(made) as sending:
        due_at = sending.now() + HOLD
        preview = sending.preview(due_at=due_at)
        sending.hand_over(preview, due_at=due_at, limited=False)
        sending.deliver(most=None, patience_s=0.0)
        assert made.mails == []
        sending.wait(preview.leaves_at, ticks.append)
        assert ticks[0] == HOLD.total_seconds()
        assert made.clock.now() == due_at
        sending.deliver(most=None, patience_s=0.0)
    assert len(made.mails) == 2


def test_a_second_hand_over_goes_on_with_the_hold_of_the_first(tmp_path: Path) -> None:
    made = campaign(tmp_path, 2)
    with sending_of(made) as sending:
        due_at = sending.now() + HOLD
        sending.hand_over(sending.preview(due_at=due_at), due_at=due_at, limited=False)
        made.clock.advance(240)
        again = sending.preview(due_at=sending.now() + HOLD)
        assert again.leaves_at == due_at
        assert len(again.leaving) == 2


def test_the_wait_ends_when_everything_was_recalled(tmp_path: Path) -> None:
    made = campaign(tmp_path, 2)
    with sending_of(made) as sending:
        due_at = sending.now() + HOLD
        preview = sending.preview(due_at=due_at)
        sending.hand_over(preview, due_at=due_at, limited=False)

        def recall(left: float) -> None:
            sending.delivery.conn.execute("DELETE FROM outbox")

        sending.wait(preview.leaves_at, recall)
        assert made.clock.now() < due_at


def test_a_limit_hands_over_only_so_many(tmp_path: Path) -> None:
    made = campaign(tmp_path, 4)
    with sending_of(made) as sending:
        preview = send_all(sending, most=2)
        assert [row.rule for row in preview.rows] == [None, None, "limit", "limit"]
        assert set(fates(sending.delivery.conn)) == {1, 2}
    assert len(made.mails) == 2


def test_what_is_approved_after_the_look_is_not_handed_over(tmp_path: Path) -> None:
    made = campaign(tmp_path, 2, approved=[1])
    with sending_of(made) as sending:
        preview = sending.preview(due_at=sending.now())
        approve(sending.delivery.conn, made.settings, made.job_id, [2])
        sending.hand_over(preview, due_at=sending.now(), limited=False)
        sending.deliver(most=None, patience_s=0.0)
        assert set(fates(sending.delivery.conn)) == {1}


def test_of_a_locked_job_the_rows_say_what_would_leave_without_the_lock(tmp_path: Path) -> None:
    made = campaign(tmp_path, 2, mode=Mode.DRAFT_ONLY)
    with sending_of(made) as sending:
        switch_on(sending.delivery.conn, KILL, by="operator:ana", at=NOON, reason="drill", action="kill.on")
        preview = sending.preview(due_at=sending.now())
        assert [verdict.rule for verdict in preview.locked] == ["kill_switch", "mode"]
        assert [verdict.rule for verdict in sending.locked()] == ["kill_switch", "mode"]
        assert len(preview.leaving) == 2
        sending.hand_over(preview, due_at=sending.now(), limited=False)
        sending.deliver(most=None, patience_s=0.0)
        assert made.mails == []
        switch_off(sending.delivery.conn, KILL, by="operator:ana", at=NOON, reason="over", action="kill.off")
        assert [verdict.rule for verdict in sending.locked()] == ["mode"]


def test_the_ceiling_of_the_settings_locks_too(tmp_path: Path) -> None:
    made = campaign(tmp_path, 1, CMO_MODE="draft_only")
    with sending_of(made) as sending:
        assert [verdict.rule for verdict in sending.locked()] == ["mode"]


def test_a_broken_provider_is_named_with_the_time_it_is_tried_again(tmp_path: Path) -> None:
    made = campaign(tmp_path, 2)
    with sending_of(made) as sending:
        with transaction(sending.delivery.conn):
            for _ in range(5):
                note_outcome(sending.delivery.conn, "maildir", worked=False, now_s=NOON.timestamp(), reason="disk full")
        preview = send_all(sending)
        assert preview.refused == {"breaker": 2}
        assert preview.rows[0].retry_at == NOON + timedelta(minutes=1)
        assert made.mails == []


def test_a_held_row_stays_and_is_said_so(tmp_path: Path) -> None:
    made = campaign(tmp_path, 2)
    with sending_of(made) as sending:
        due_at = sending.now()
        sending.hand_over(sending.preview(due_at=due_at), due_at=due_at, limited=False)
        sending.delivery.conn.execute("UPDATE outbox SET is_held = 1 WHERE draft_id = 1")
        preview = send_all(sending)
        assert [row.rule for row in preview.rows] == ["held", None]
    assert len(made.mails) == 1


def test_a_person_of_another_jobs_sequence_is_skipped_with_the_reason(tmp_path: Path) -> None:
    made = campaign(tmp_path, 1)
    with sending_of(made) as sending:
        send_all(sending)
        conn = sending.delivery.conn
        conn.execute("UPDATE outbox SET draft_id = 99, job_id = 'cmo-20260101-000000'")
        preview = send_all(sending)
        assert [row.rule for row in preview.rows] == ["contacted"]
        assert "cmo-20260101-000000 on 2026-11-20 (confirmed)" in preview.rows[0].message
    assert len(made.mails) == 1


def age_the_verdict(sending: Sending) -> None:
    sending.delivery.conn.execute(
        "UPDATE verdicts SET checked_at = '2026-10-01T00:00:00+00:00' WHERE email LIKE 'maint1@%'"
    )


def test_addresses_verified_long_ago_are_verified_again_in_the_preview_as_in_the_send(tmp_path: Path) -> None:
    made = campaign(tmp_path, 2)
    with sending_of(made) as opened_sending:
        sending = Sending(replace(opened_sending.delivery, resolver=FakeResolver()))
        age_the_verdict(sending)
        preview = send_all(sending)
        assert [row.rule for row in preview.rows] == [None, None]
        assert fates(sending.delivery.conn) == {1: ("confirmed", ""), 2: ("confirmed", "")}


def test_an_address_that_cannot_be_verified_again_stays(tmp_path: Path) -> None:
    made = campaign(tmp_path, 2)
    with sending_of(made) as sending:
        age_the_verdict(sending)
        preview = send_all(sending)  # nobody answers at the resolver's address
        assert [row.rule for row in preview.rows] == ["verification", None]
        assert fates(sending.delivery.conn)[1] == ("planned", "verification")


def test_what_came_of_it_counts_rows_by_rule_with_the_earliest_time(tmp_path: Path) -> None:
    made = troubled(tmp_path)
    with sending_of(made) as sending:
        send_all(sending)
        came = sending.came_of(since=NOON)
    assert (came.confirmed, came.later, came.unknown, came.failed) == (3, 0, 0, 0)
    assert {one.rule: one.count for one in came.refused} == {
        "suppressed": 1, "address_policy": 1, "country": 1, "quota_day": 1, "window": 1,
    }  # fmt: skip
    assert came.next_at is not None
    assert came.next_at > NOON


def test_handing_over_is_on_the_record_by_counts_alone(tmp_path: Path) -> None:
    made = campaign(tmp_path, 1)
    with sending_of(made) as sending:
        preview = send_all(sending)
        sending.note(preview, is_dry=True)
        rows = list(iter_audit(sending.delivery.conn, action="outbox.send"))
    assert [(row.actor, row.object, row.is_dry) for row in rows] == [
        ("operator:ana", f"job:{made.job_id}", True),
        ("operator:ana", f"job:{made.job_id}", False),
    ]
    assert "org1.example" not in str(rows)


def test_without_a_sender_nothing_can_be_looked_at(tmp_path: Path) -> None:
    made = campaign(tmp_path, 1)
    bare = Campaign(made.settings.__class__(**{**vars(made.settings), "sender_email": ""}), made.job_id)
    with sending_of(bare) as sending, pytest.raises(ConfigError, match="who writes"):
        sending.preview(due_at=sending.now())


def test_a_job_of_the_sandbox_is_not_sent_to_the_real_outside(tmp_path: Path) -> None:
    made = campaign(tmp_path, 1)
    with made.open() as conn:
        conn.execute("UPDATE jobs SET environment = 'sandbox'")
    conn.close()
    with pytest.raises(ConfigError, match="sandbox"), sending_of(made):
        pass


def test_the_hold_of_rows_that_wait_for_the_gate_is_none(tmp_path: Path) -> None:
    made = troubled(tmp_path)
    with sending_of(made) as sending:
        send_all(sending, hold=HOLD)
        sending.delivery.conn.execute("DELETE FROM outbox WHERE draft_id IN (3, 4)")  # wait for a person
        assert hold_ends(sending.delivery.conn, made.job_id) is None


def test_a_follow_up_waits_for_the_first_mail_in_the_preview_as_in_the_send(tmp_path: Path) -> None:
    made = campaign(tmp_path, 1)
    with sending_of(made) as sending:
        conn = sending.delivery.conn
        follow_up = rendered_factory(1, step=Step.FOLLOW_UP_1, subject="Once more")
        commit(conn, made.job_id, [("follow-up", DraftRendered(number=1, rendered=follow_up))], at=NOON, epoch=None)
        approve(conn, made.settings, made.job_id, [2])
        first, second = send_all(sending), send_all(sending)
        assert [(row.draft_id, row.rule) for row in first.rows] == [(1, None), (2, "dependency")]
        assert [(row.draft_id, row.rule) for row in second.rows] == [(2, None)]
    mails = {mail["In-Reply-To"]: mail for mail in (message_from_bytes(mail.read_bytes()) for mail in made.mails)}
    assert set(mails) == {None, mails[None]["Message-ID"]}


def test_a_follow_up_that_waits_names_the_first_mail_as_it_was_approved_last(tmp_path: Path) -> None:
    made = campaign(tmp_path, 1)
    with sending_of(made) as sending:
        conn = sending.delivery.conn
        follow_up = rendered_factory(1, step=Step.FOLLOW_UP_1, subject="Once more")
        commit(conn, made.job_id, [("follow-up", DraftRendered(number=1, rendered=follow_up))], at=NOON, epoch=None)
        approve(conn, made.settings, made.job_id, [2])
        names = set()
        for minute, subject in enumerate(("One", "Another"), 1):
            conn.execute("UPDATE drafts SET subject = ?, state = 'pending' WHERE id = 1", (subject,))
            approve(conn, made.settings, made.job_id, [1], at=NOON + timedelta(minutes=minute))
            asyncio.run(sending.delivery.plan_mail(due_at=sending.now()))
            rows = conn.execute("SELECT payload FROM outbox ORDER BY draft_id").fetchall()
            first, second = (Letter.model_validate_json(row["payload"]) for row in rows)
            assert second.in_reply_to == first.message_id
            names.add(first.message_id)
        assert len(names) == 2


def test_the_kill_switch_holds_what_is_in_its_hold(tmp_path: Path) -> None:
    made = campaign(tmp_path, 2)
    with sending_of(made) as sending:
        conn, due_at = sending.delivery.conn, sending.now() + HOLD
        preview = sending.preview(due_at=due_at)
        sending.hand_over(preview, due_at=due_at, limited=False)
        switch_on(conn, KILL, by="operator:zoe", at=NOON, reason="bounces", action="kill.on")
        sending.wait(preview.leaves_at, lambda left: None)
        sending.deliver(most=None, patience_s=0.0)
        came = sending.came_of(since=NOON)
        assert [(one.rule, one.count) for one in came.refused] == [("kill_switch", 2)]
        assert fates(conn) == {1: ("planned", "kill_switch"), 2: ("planned", "kill_switch")}
    assert made.mails == []


def test_a_draft_edited_after_its_approval_leaves_with_nothing(tmp_path: Path) -> None:
    made = campaign(tmp_path, 2)
    with sending_of(made) as sending:
        conn, due_at = sending.delivery.conn, sending.now()
        sending.hand_over(sending.preview(due_at=due_at), due_at=due_at, limited=False)
        conn.execute("UPDATE drafts SET body = body || 'PS', version = 2, state = 'pending' WHERE id = 1")
        preview = send_all(sending)
        assert [row.rule for row in preview.rows] == ["approval", None]
        assert fates(conn)[1] == ("planned", "approval")
    assert len(made.mails) == 1
