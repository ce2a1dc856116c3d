from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from cmo.domain.policy import Limits
from cmo.service.reconcile import Reconciling
from cmo.service.sending import opened
from cmo.store.audit import iter_audit
from cmo.store.gate import used_today
from cmo.store.progress import counters
from tests.fakes.campaign import Campaign, campaign
from tests.service.test_sending import send_all, sending_of

DEAD = "elsewhere"


@contextmanager
def reconciling_of(made: Campaign) -> Iterator[Reconciling]:
    with opened(made.settings, made.job_id, found=made.found) as delivery:
        yield Reconciling(delivery)


def sent(home: Path, n: int = 3) -> Campaign:
    made = campaign(home, n)
    with sending_of(made) as sending:
        send_all(sending)
    return made


def findings(made: Campaign) -> dict[int, str]:
    with reconciling_of(made) as reconciling:
        return {one.row.id: one.finding for one in reconciling.look()}


def change(made: Campaign, sql: str) -> None:
    with made.open() as conn:
        conn.execute(sql)
    conn.close()


def states(made: Campaign) -> dict[int, str]:
    with made.open() as conn:
        found = {row["id"]: row["state"] for row in conn.execute("SELECT id, state FROM outbox ORDER BY id")}
    conn.close()
    return found


def repaired(made: Campaign) -> list[int]:
    with reconciling_of(made) as reconciling:
        return [one.row.id for one in reconciling.repair(reconciling.look())]


def test_after_a_whole_send_all_agree(tmp_path: Path) -> None:
    assert findings(sent(tmp_path)) == {1: "agree", 2: "agree", 3: "agree"}


def test_a_mail_that_is_gone_is_shown_and_never_sent_again_by_itself(tmp_path: Path) -> None:
    made = sent(tmp_path)
    made.mails[0].unlink()
    assert sorted(findings(made).values()) == ["agree", "agree", "missing"]
    assert repaired(made) == []
    assert set(states(made).values()) == {"confirmed"}


def test_what_is_there_and_unknown_here_becomes_confirmed_and_counts_as_sent(tmp_path: Path) -> None:
    made = sent(tmp_path)
    change(made, "UPDATE outbox SET state = 'unknown', due_s = 0, is_held = 1 WHERE id = 1")
    change(made, "UPDATE outbox SET state = 'planned', claimed_s = NULL, holder = NULL WHERE id = 2")
    assert findings(made) == {1: "found", 2: "found", 3: "agree"}
    assert repaired(made) == [1, 2]
    assert set(states(made).values()) == {"confirmed"}
    with made.open() as conn:
        assert counters(conn, made.job_id)["emails_sent"] == 3 + 2  # the doubtful ones had been counted once before
        assert [row.object for row in iter_audit(conn, action="outbox.repair")] == ["outbox:2", "outbox:1"]
    conn.close()


def test_a_mail_that_was_found_counts_for_quotas_and_for_who_was_written_to(tmp_path: Path) -> None:
    made = sent(tmp_path, 1)
    change(made, "UPDATE outbox SET state = 'planned', claimed_s = NULL, inbox = NULL")
    assert repaired(made) == [1]
    with made.open() as conn:
        row = conn.execute("SELECT claimed_s, inbox FROM outbox").fetchone()
        assert used_today(conn, Limits(), made.clock.now()).inboxes == {"sam@field.example": 1}
    conn.close()
    assert tuple(row) == (made.clock.now().timestamp(), "sam@field.example")


def test_what_was_given_up_and_is_there_after_all_becomes_confirmed(tmp_path: Path) -> None:
    made = sent(tmp_path, 2)
    change(made, "UPDATE outbox SET state = 'failed', code = 'taken_back'")
    made.mails[1].unlink()
    assert sorted(findings(made).values()) == ["agree", "found"]
    assert len(repaired(made)) == 1
    assert sorted(states(made).values()) == ["confirmed", "failed"]


def test_what_surely_never_arrived_is_planned_again_and_leaves_by_the_ordinary_road(tmp_path: Path) -> None:
    made = sent(tmp_path, 1)
    made.mails[0].unlink()
    change(made, "UPDATE outbox SET state = 'unknown', due_s = 0 WHERE id = 1")
    assert findings(made) == {1: "absent"}
    assert repaired(made) == [1]
    assert (states(made), made.mails) == ({1: "planned"}, [])
    made.clock.advance(60)
    with sending_of(made) as sending:
        send_all(sending)
    assert len(made.mails) == 1


def test_a_late_effect_is_waited_for_before_a_mail_counts_as_absent(tmp_path: Path) -> None:
    made = sent(tmp_path, 1)
    made.mails[0].unlink()
    due_s = (made.clock.now() + timedelta(seconds=30)).timestamp()
    change(made, f"UPDATE outbox SET state = 'unknown', due_s = {due_s} WHERE id = 1")
    assert findings(made) == {1: "early"}
    assert repaired(made) == []
    made.clock.advance(31)
    assert findings(made) == {1: "absent"}


def test_what_a_dead_process_left_behind_is_marked_first(tmp_path: Path) -> None:
    made = sent(tmp_path, 1)
    long_ago = (made.clock.now() - timedelta(hours=2)).timestamp()
    change(made, f"UPDATE outbox SET state = 'claimed', holder = 'elsewhere:1', claimed_s = {long_ago} WHERE id = 1")
    assert findings(made) == {1: "found"}
    assert states(made) == {1: "unknown"}


def test_a_row_under_way_is_left_alone(tmp_path: Path) -> None:
    made = sent(tmp_path, 1)
    change(made, "UPDATE outbox SET state = 'claimed', holder = 'elsewhere:1'")
    assert findings(made) == {}


def test_a_row_that_moved_on_between_look_and_repair_is_left_alone(tmp_path: Path) -> None:
    made = sent(tmp_path, 1)
    change(made, "UPDATE outbox SET state = 'unknown', due_s = 0")
    with reconciling_of(made) as reconciling:
        compared = reconciling.look()
        change(made, "UPDATE outbox SET state = 'planned', attempts = 2")
        assert reconciling.repair(compared) == []
    assert states(made) == {1: "planned"}


def test_a_provider_that_cannot_be_asked_leaves_its_rows_unasked(tmp_path: Path) -> None:
    made = sent(tmp_path, 2)
    change(made, "UPDATE outbox SET operation = 'smtp.send' WHERE id = 2")
    with reconciling_of(made) as reconciling:
        told = {one.row.id: (one.finding, one.message) for one in reconciling.look()}
    assert told == {1: ("agree", ""), 2: ("unasked", "No mail server is set.")}


def test_what_left_by_smtp_agrees_on_its_receipt_and_the_doubtful_waits_for_a_person(tmp_path: Path) -> None:
    made = sent(tmp_path, 2)
    change(made, "UPDATE outbox SET operation = 'smtp.send'")
    change(made, "UPDATE outbox SET state = 'unknown', is_held = 1 WHERE id = 2")
    smtp = Campaign(made.settings, made.job_id, made.clock, places={"SMTP_HOST": "127.0.0.1", "SMTP_PORT": "1"})
    assert findings(smtp) == {2: "doubtful", 1: "blind"}
    assert repaired(smtp) == []
