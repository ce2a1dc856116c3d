"""Handing over to a provider's campaign: when it may be, and what of its answers is kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from cmo.errors import PolicyRefused
from cmo.sandbox.faults import FaultRule
from cmo.sandbox.vendors.instantly import ACTIVE_ID, API_KEY, WRONG_ID, InstantlyTwin
from cmo.sandbox.vendors.instantly.rows import INBOXES
from cmo.service.controls import show_limits
from cmo.service.mail_setup import look_at_mail
from cmo.service.whynot import why_not
from cmo.store.suppressions import iter_entries
from cmo.store.switches import breaker_open_until
from tests.fakes.campaign import Campaign, campaign
from tests.fakes.clock import NOON
from tests.fakes.doors import open_door
from tests.service.test_sending import HOLD, fates, send_all, sending_of

FULL = "The plan at Instantly is full: remove people there, or upgrade it."


@contextmanager
def at_instantly(home: Path, n: int = 2, *rules: FaultRule) -> Iterator[tuple[Campaign, InstantlyTwin]]:
    """A job with `n` approved drafts that leave by the twin's active campaign."""
    twin = InstantlyTwin()
    made = campaign(home, n, plan={"mailer": "instantly", "sequence_id": ACTIVE_ID})
    with open_door(twin, *rules, clock=made.clock) as opened:
        made.places.update(INSTANTLY_BASE_URL=opened.url, INSTANTLY_API_KEY=API_KEY)
        yield made, twin


def ours(twin: InstantlyTwin) -> list[str]:
    return [person.email for person in twin.enrolled if person.campaign_id == ACTIVE_ID]


def test_a_full_plan_keeps_mail_here_and_is_told_everywhere(tmp_path: Path) -> None:
    with at_instantly(tmp_path, 12) as (made, twin), sending_of(made) as sending:
        twin.plan = 0
        send_all(sending)
        conn = sending.delivery.conn

        assert {state for state, _ in fates(conn).values()} == {"planned"}
        assert breaker_open_until(conn, "instantly") == (0.0, "")
        assert sending.locked() == []
        found = why_not(made.settings, made.job_id, short="0000", found=made.found)
        gate = next(gate for gate in found.gates if gate.name == "later")
        assert (gate.state, gate.count, gate.message) == ("stops", 12, FULL)
        assert gate.retry_at == NOON + timedelta(hours=1)
        assert f"12 mails wait: {FULL}" in [probe.message for probe in look_at_mail(made.settings)]
        assert sending.preview(due_at=sending.now()).leaves_at == sending.now()

        twin.plan = 100
        made.clock.advance(timedelta(hours=1).total_seconds())
        send_all(sending)
        assert len(ours(twin)) == 12


def test_inboxes_that_are_down_are_left_out_and_shown(tmp_path: Path) -> None:
    with at_instantly(tmp_path, 9) as (made, twin), sending_of(made) as sending:
        twin.inbox_state = {INBOXES[0]: {"status": -1}, INBOXES[1]: {"daily_limit": 2}, INBOXES[2]: {"daily_limit": 3}}
        preview = send_all(sending)

        assert len(ours(twin)) == len(preview.leaving) == 5
        shown = {box.address: (box.cap, box.used, box.paused) for box in show_limits(made.settings).quotas.inboxes}
        assert shown[INBOXES[0]][2] == "instantly: disconnected"
        assert [shown[box] for box in INBOXES[1:]] == [(2, 2, None), (3, 3, None)]
        told = f"nothing leaves from {INBOXES[0]}; instantly: disconnected"
        assert told in [probe.message for probe in look_at_mail(made.settings)]


def test_whom_the_service_skips_is_kept_out_here_by_the_rule_that_it_stands_for(tmp_path: Path) -> None:
    with at_instantly(tmp_path, 3) as (made, twin), sending_of(made) as sending:
        twin.block_list.add("maint1@org1.example")
        send_all(sending, most=1)
        elsewhere = {"email": "maint2@org2.example", "first_name": "Ana"}
        twin.floor.add("1f1c215e-0000-4000-8000-000000000009", WRONG_ID, elsewhere, custom={}, now=NOON)
        send_all(sending)
        conn = sending.delivery.conn

        assert fates(conn) == {1: ("failed", "suppressed"), 2: ("failed", "contacted"), 3: ("confirmed", "")}
        [entry] = iter_entries(conn)
        assert (entry.value, entry.reason, entry.source) == (
            "maint1@org1.example",
            "on the block list",
            "mail service instantly",
        )
        came = {one.rule: one.message for one in sending.came_of(since=NOON).refused}
        assert came == {
            "suppressed": "on the block list (instantly)",
            "contacted": "in another campaign already (instantly)",
        }
        assert sending.came_of(since=NOON).failed == 0


@pytest.mark.parametrize("status", ["paused", "draft"])
def test_mail_stays_here_while_the_campaign_does_not_send(tmp_path: Path, status: str) -> None:
    with at_instantly(tmp_path) as (made, twin), sending_of(made) as sending:
        due_at = sending.now() + HOLD
        sending.hand_over(sending.preview(due_at=due_at), due_at=due_at, limited=False)
        twin.floor.campaigns[ACTIVE_ID].status = status
        made.clock.advance(timedelta(hours=1).total_seconds())

        with pytest.raises(PolicyRefused, match="would only hold"):
            sending.deliver(most=None, patience_s=0.0)

        assert ours(twin) == []
        assert fates(sending.delivery.conn) == {1: ("planned", ""), 2: ("planned", "")}
        told = why_not(made.settings, made.job_id, short="0000", found=made.found).first
        assert told is not None
        assert (told.name, told.count, "Instantly" in told.message) == ("provider", 2, True)
        twin.floor.campaigns[ACTIVE_ID].status = "active"
        send_all(sending)
        assert len(ours(twin)) == 2
