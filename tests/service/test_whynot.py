from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from pathlib import Path

from cmo.domain.job import Mode
from cmo.domain.policy import RULES
from cmo.service.whynot import WhyNot, why_not
from cmo.store.switches import KILL, SENDING, switch_on
from tests.fakes.campaign import Campaign, campaign
from tests.fakes.clock import NOON
from tests.service.test_sending import send_all, sending_of, troubled


def asked(made: Campaign) -> WhyNot:
    return why_not(made.settings, made.job_id, short="0000", found=made.found)


def stops(found: WhyNot) -> dict[str, int]:
    return {gate.name: gate.count for gate in found.gates if gate.state == "stops"}


def test_gates_come_in_the_order_of_the_rules(tmp_path: Path) -> None:
    names = [gate.name for gate in asked(campaign(tmp_path)).gates]
    assert names[-len(RULES) :] == list(RULES)


def test_nothing_approved_names_the_drafts_that_wait(tmp_path: Path) -> None:
    found = asked(campaign(tmp_path, 2, approved=[]))
    assert found.first is not None
    assert (found.first.name, found.first.next) == ("approved", "cmo drafts review --job 0000")
    assert "2 drafts wait" in found.first.message


def test_what_is_not_handed_over_is_said_so(tmp_path: Path) -> None:
    found = asked(campaign(tmp_path, 2))
    assert (found.leaving, stops(found)) == (2, {"outbox": 2})


def test_each_gate_counts_what_it_stops_and_when_it_lets_go(tmp_path: Path) -> None:
    made = troubled(tmp_path)
    with sending_of(made) as sending:
        send_all(sending)
    found = asked(made)
    assert stops(found) == {"address_policy": 1, "country": 1, "quota_day": 2}
    by_name = {gate.name: gate for gate in found.gates}
    assert (by_name["suppressed"].state, found.waiting) == ("ok", 4)
    assert "; 1 ended here for good: " in by_name["suppressed"].message
    assert by_name["quota_day"].retry_at is not None
    assert by_name["address_policy"].next.startswith("cmo policy allow commit --basis")
    assert by_name["health"].state == "ok"


def test_what_stops_everything_counts_everything(tmp_path: Path) -> None:
    made = campaign(tmp_path, 2, mode=Mode.DRAFT_ONLY)
    with made.open() as conn:
        switch_on(conn, KILL, by="operator:zoe", at=NOON, reason="bounces", action="kill.on")
        switch_on(
            conn, SENDING, by="operator:zoe", at=NOON, reason="lunch", until=NOON + timedelta(hours=1), action="p"
        )
    conn.close()
    found = asked(made)
    assert {name: n for name, n in stops(found).items() if name in RULES} == {"kill_switch": 2, "paused": 2, "mode": 2}
    by_name = {gate.name: gate for gate in found.gates}
    assert by_name["paused"].retry_at == NOON + timedelta(hours=1)
    assert by_name["mode"].next == "cmo jobs set 0000 mode=send_allowed"
    assert found.first == by_name["kill_switch"]
    assert found.leaving == 0


def test_a_pause_of_one_job_is_taken_back_for_that_job(tmp_path: Path) -> None:
    made = campaign(tmp_path, 1)
    with closing(made.open()) as conn:
        switch_on(conn, f"{SENDING}:{made.job_id}", by="operator:zoe", at=NOON, reason="lunch", action="p")

    assert asked(made).first == next(gate for gate in asked(made).gates if gate.name == "paused")
    assert next(gate for gate in asked(made).gates if gate.name == "paused").next == "cmo resume 0000 --sending"


def test_a_ceiling_is_raised_in_the_settings_first(tmp_path: Path) -> None:
    found = asked(campaign(tmp_path, 1, CMO_MODE="draft_only"))
    gate = next(gate for gate in found.gates if gate.name == "mode")
    assert gate.next == "unset CMO_MODE"


def test_a_provider_that_is_not_set_up_is_named_with_its_fix_and_rules_stay_unasked(tmp_path: Path) -> None:
    made = campaign(tmp_path, 1, CMO_MAILER="smtp")
    found = asked(made)
    assert found.first is not None
    assert (found.first.name, found.first.next) == ("provider", "cmo config set smtp.host mail.example.org")
    assert {gate.state for gate in found.gates if gate.name in ("window", "suppressed")} == {"unasked"}


def test_a_hold_that_runs_held_and_doubtful_rows_are_told(tmp_path: Path) -> None:
    made = campaign(tmp_path, 4)
    with sending_of(made) as sending:
        due_at = sending.now() + timedelta(minutes=10)
        sending.hand_over(sending.preview(due_at=due_at), due_at=due_at, limited=False)
        sending.delivery.conn.execute("UPDATE outbox SET is_held = 1 WHERE draft_id = 1")
        sending.delivery.conn.execute("UPDATE outbox SET state = 'unknown', attempts = 1 WHERE draft_id = 2")
    found = asked(made)
    assert stops(found) == {"hold": 2, "held": 1, "unknown": 1}
    assert next(gate for gate in found.gates if gate.name == "hold").retry_at == due_at
    assert found.leaving == 0


def test_asking_writes_nothing(tmp_path: Path) -> None:
    made = troubled(tmp_path)
    with made.open() as conn:
        before = list(conn.iterdump())
        asked(made)
        assert list(conn.iterdump()) == before
    conn.close()
