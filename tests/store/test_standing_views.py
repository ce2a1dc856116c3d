from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from cmo.domain.job import Mode
from cmo.domain.letters import Route
from cmo.domain.outward import Inbox
from cmo.domain.policy import Limits
from cmo.store.db import Connection, transaction
from cmo.store.person_room import PersonRoom, person_room
from cmo.store.standing_views import (
    left_the_house,
    left_this_week,
    provider_campaigns,
    pushed_on,
    quota_use,
    stops,
)
from cmo.store.switches import KILL, switch_on
from tests.fakes.drafts import store_with_drafts
from tests.fakes.ledger import ledger_row
from tests.fakes.outside import NOW

LIMITS = Limits()


def room(conn: Connection, email: str, *, ceiling: Mode = Mode.SEND_ALLOWED) -> PersonRoom:
    return person_room(
        conn,
        email,
        limits=LIMITS,
        ceiling=ceiling,
        sender=Inbox(address="sam@cmo.example", provider="maildir", is_warm=False),
        secret=b"k" * 32,
        route_of=lambda plan: Route(mailer="maildir"),
        hash_of=lambda plan, words, at: "the letter",
        now=NOW,
    )


def test_quotas_count_what_left_or_may_have(tmp_path: Path) -> None:
    conn, job = store_with_drafts(tmp_path / "campaign.db")
    for n, state in enumerate(("confirmed", "unknown", "failed", "planned"), start=1):
        ledger_row(conn, job, f"p{n}@acme.example", state=state, draft_id=n)

    found = quota_use(conn, LIMITS, NOW)
    assert (found.day_used, found.day_left, found.busiest_company) == (2, 18, 2)
    assert found.frees_at > NOW


def test_a_clock_set_back_frees_nothing(tmp_path: Path) -> None:
    conn, job = store_with_drafts(tmp_path / "campaign.db")
    ledger_row(conn, job, "p@acme.example", draft_id=1)

    assert quota_use(conn, LIMITS, NOW - timedelta(days=3)).day_used == 1


def test_the_week_is_todays_rest_and_its_business_days(tmp_path: Path) -> None:
    conn, _ = store_with_drafts(tmp_path / "campaign.db")
    monday = NOW - timedelta(days=NOW.weekday())

    assert left_this_week(quota_use(conn, LIMITS, monday), LIMITS, monday) == 5 * 20
    friday = monday + timedelta(days=4)
    assert left_this_week(quota_use(conn, LIMITS, friday), LIMITS, friday) == 20


def test_the_gate_is_asked_and_leaves_no_trace(tmp_path: Path) -> None:
    conn, _ = store_with_drafts(tmp_path / "campaign.db", plan={"mode": "send_allowed"})

    assert room(conn, "Maint1+x@org1.example").verdict.rule == "approval"
    assert room(conn, "maint1@org1.example", ceiling=Mode.DRAFT_ONLY).verdict.rule == "mode"
    assert conn.execute("SELECT COUNT(*) AS n FROM outbox").fetchone()["n"] == 0
    assert conn.execute("SELECT COUNT(*) AS n FROM inboxes").fetchone()["n"] == 0


def test_a_person_who_was_written_to_has_less_room(tmp_path: Path) -> None:
    conn, job = store_with_drafts(tmp_path / "campaign.db")
    ledger_row(conn, job, "maint1@org1.example", draft_id=1)

    found = room(conn, "maint1@org1.example")
    assert (found.recent, found.frees_at) == (1, NOW + timedelta(days=7))


def test_stops_name_the_switch_and_the_pauses(tmp_path: Path) -> None:
    conn, job = store_with_drafts(tmp_path / "campaign.db")
    for name in (KILL, "sending", f"sending:{job}"):
        switch_on(conn, name, by="operator:ana", at=NOW, reason="why", action="test")

    found = stops(conn, NOW)
    assert found.kill is not None
    assert [pause.name for pause in found.pauses] == ["sending", f"sending:{job}"]


def test_campaigns_are_those_that_people_were_handed_to(tmp_path: Path) -> None:
    conn, job = store_with_drafts(tmp_path / "campaign.db")
    ledger_row(conn, job, "a@acme.example", sequence_id="c1")
    ledger_row(conn, job, "b@acme.example", sequence_id="c1", state="unknown")
    ledger_row(conn, job, "c@acme.example", sequence_id="c2", state="planned")
    ledger_row(conn, job, "d@acme.example", sequence_id="x", operation="smtp.send")

    assert provider_campaigns(conn, ("instantly.enrol", "smartlead.enrol")) == [("instantly", "c1")]
    assert left_the_house(conn) == {"instantly.enrol": {"confirmed": 1, "unknown": 1}, "smtp.send": {"confirmed": 1}}
    with transaction(conn):
        conn.execute("UPDATE outbox SET payload = '{}'")
    assert provider_campaigns(conn, ("instantly.enrol",)) == []


def test_each_quota_tells_what_it_alone_puts_off_to_a_later_day(tmp_path: Path) -> None:
    conn, job = store_with_drafts(tmp_path / "campaign.db", 7)
    ledger_row(conn, job, "p0@acme.example", draft_id=1)
    for n in range(1, 7):
        ledger_row(conn, job, f"p{n}@acme.example", state="planned", draft_id=n + 1, claimed_at=None)
    limits = Limits(max_emails_per_day=4, max_per_company_daily=5)
    quotas = quota_use(conn, limits, NOW)
    assert pushed_on(conn, limits, quotas, NOW) == {"max_emails_per_day": 3, "max_per_company_daily": 2}
    tomorrow = quotas.frees_at.timestamp() + 9 * 3600
    conn.execute("UPDATE outbox SET due_s = ? WHERE id = 7", (tomorrow,))
    conn.execute("INSERT INTO decisions VALUES (7, 'quota_contact', 'enough', 0, ?, 1)", (tomorrow,))
    assert pushed_on(conn, limits, quotas, NOW)["max_per_contact"] == 1
    assert pushed_on(conn, Limits(), quota_use(conn, Limits(), NOW), NOW) == {
        "max_per_company_daily": 1,
        "max_per_contact": 1,
    }
