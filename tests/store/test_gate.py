from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cmo.domain.event import DraftRendered, EmailVerified
from cmo.domain.job import Mode
from cmo.domain.lead import MxState, MxVerdict
from cmo.domain.letters import Route
from cmo.domain.outward import Inbox
from cmo.domain.policy import COMPLAINT_LEAST, Limits
from cmo.domain.suppression import Suppression, SuppressionKind
from cmo.providers.maildir.client import SEND
from cmo.service.routes import composer_of
from cmo.store.commit import commit
from cmo.store.db import Connection, transaction
from cmo.store.gate import SendGate, WriteGate
from cmo.store.jobs import get_job
from cmo.store.outbox import claim
from cmo.store.sends import plan_sends
from cmo.store.suppressions import record_suppressions
from cmo.store.switches import KILL, SENDING, hold, switch_on
from tests.delivery.writes import operation_factory, plan, write_factory
from tests.fakes.campaign import Campaign, approve, campaign
from tests.fakes.clock import NOON
from tests.fakes.drafts import rendered_factory

PEOPLE = 12
SAM = Inbox(address="sam@field.example", provider="maildir", is_warm=True)
LOOSE: dict[str, Any] = {
    "max_emails_per_day": 1_000,
    "per_inbox_daily": 1_000,
    "max_per_company_daily": 1_000,
    "max_per_contact": 1_000,
}
ANA = "maint1@org1.example"


class Bench:
    """A job whose mails wait in the outbox."""

    def __init__(self, made: Campaign, conn: Connection) -> None:
        self.made = made
        self.conn = conn
        composer = composer_of(conn, get_job(conn, made.job_id).plan, made.settings)
        plan_sends(
            conn,
            made.job_id,
            route=composer.route,
            compose=lambda words, at: composer.letter(words, approved_at=at),
            due_at=NOON - timedelta(days=5),
        )

    def claim(
        self, now: datetime = NOON, *, inbox: Inbox = SAM, ceiling: Mode = Mode.SEND_ALLOWED, **limits: Any
    ) -> int:
        """Claim all that may leave at `now`; how many."""
        route = Route(mailer="maildir")
        gate = SendGate(self.made.job_id, ceiling, Limits(**{**LOOSE, **limits}), (inbox,), b"secret", route)
        taken = claim(self.conn, SEND, job_id=self.made.job_id, gate=gate, now=now, holder="here:1")
        return len(taken.claimed)

    def rules(self) -> set[str]:
        """Why rows may not leave, as of the last time they were asked."""
        return {row["rule"] for row in self.conn.execute("SELECT rule FROM decisions")}

    def confirm(self) -> None:
        self.conn.execute("UPDATE outbox SET state = 'confirmed' WHERE state = 'claimed'")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = campaign(tmp_path / "campaign", PEOPLE)
    with closing(made.open()) as conn:
        yield Bench(made, conn)


@pytest.mark.parametrize(
    ("limits", "rule", "leave"),
    [
        ({"max_emails_per_day": 7}, "quota_day", 7),
        ({"per_inbox_daily": 4}, "quota_inbox", 4),
        ({"max_emails_per_day": 7, "per_inbox_daily": 4}, "quota_inbox", 4),
        ({"max_emails_per_day": 3, "per_inbox_daily": 4}, "quota_day", 3),
    ],
)
def test_of_all_quotas_the_strictest_wins_within_one_claim(
    bench: Bench, limits: dict[str, Any], rule: str, leave: int
) -> None:
    assert bench.claim(**limits) == leave
    assert bench.claim(**limits) == 0
    assert bench.rules() == {rule}


def test_a_company_and_a_person_have_quotas_of_their_own(bench: Bench) -> None:
    bench.conn.execute("UPDATE outbox SET company_key = 'acme' WHERE id <= 5")
    assert bench.claim(max_per_company_daily=2) == PEOPLE - 3
    assert bench.rules() == {"quota_company"}


@pytest.mark.parametrize(
    ("people", "leave"),
    [
        ([("", "ana@a.example"), ("Other Inc.", "bo@mail.a.example"), ("@acme", "cy@eu.mail.a.example")], 1),
        ([("", "ana@gmail.com"), ("", "bo@gmail.com"), ("Freelance", "cy@googlemail.com")], 3),
        ([("@acme", "ana@gmail.com"), ("Acme Inc.", "bo@gmx.de"), ("ACME", "cy@proton.me")], 1),
        ([("Acme", "ana@a.co.uk"), ("Acme", "bo@b.co.uk"), ("Acme", "cy@c.co.uk")], 3),
    ],
)
def test_people_count_for_one_company_by_their_organisation_or_else_by_its_name(
    tmp_path: Path, people: list[tuple[str, str]], leave: int
) -> None:
    made = campaign(tmp_path / "campaign", len(people), approved=())
    with closing(made.open()) as conn:
        conn.execute("DELETE FROM drafts")
        for n, (company, email) in enumerate(people, start=1):
            known = rendered_factory(n).personalisation.model_copy(update={"company": company, "best_email": email})
            words = rendered_factory(n, personalisation=known)
            commit(conn, made.job_id, [(f"again {n}", DraftRendered(number=n, rendered=words))], at=NOON, epoch=None)
            verdict = MxVerdict(email=email, state=MxState.OK, reason="", checked_at=NOON)
            commit(conn, made.job_id, [(f"mx {n}", EmailVerified(verdict=verdict))], at=NOON, epoch=None)
        ids = [row["id"] for row in conn.execute("SELECT id FROM drafts")]
        approve(conn, made.settings, made.job_id, ids)
        assert Bench(made, conn).claim(max_per_company_daily=1) == leave


def test_what_failed_frees_its_place_and_what_is_in_doubt_does_not(bench: Bench) -> None:
    bench.claim(max_emails_per_day=4)
    bench.conn.execute("UPDATE outbox SET state = 'failed' WHERE id = 1")
    bench.conn.execute("UPDATE outbox SET state = 'unknown' WHERE id = 2")
    bench.conn.execute("UPDATE outbox SET due_s = 0")
    assert bench.claim(max_emails_per_day=4) == 1


def test_a_clock_that_is_set_back_frees_no_quota(bench: Bench) -> None:
    assert bench.claim(max_emails_per_day=4) == 4
    bench.conn.execute("UPDATE outbox SET due_s = 0")
    for back in (timedelta(hours=13), timedelta(days=3), timedelta(days=400)):
        assert bench.claim(NOON - back, max_emails_per_day=4) == 0


@pytest.mark.parametrize(
    ("zone", "later", "leave"),
    [
        ("UTC", 24, 3),
        ("America/Los_Angeles", 13, 0),
        ("America/Los_Angeles", 21, 3),
        ("Australia/Brisbane", 3, 0),
        ("Australia/Brisbane", 13, 3),
    ],
)
def test_a_day_is_over_once_it_is_over_for_utc_and_for_the_sender(
    bench: Bench, zone: str, later: int, leave: int
) -> None:
    limits: dict[str, Any] = {
        "max_emails_per_day": 3,
        "sender_zone": zone,
        "window": {"first_hour": 0, "last_hour": 24},
    }
    wednesday = NOON - timedelta(days=2)
    assert bench.claim(wednesday, **limits) == 3
    bench.conn.execute("UPDATE outbox SET due_s = 0")
    assert bench.claim(wednesday + timedelta(hours=later), **limits) == leave


def test_an_inbox_that_its_service_says_is_down_sends_nothing_until_it_is_well_again(bench: Bench) -> None:
    down = SAM.model_copy(update={"trouble": "disconnected"})
    assert bench.claim(inbox=down) == 0
    assert bench.rules() == {"health"}
    stored = bench.conn.execute("SELECT paused_reason FROM inboxes").fetchone()["paused_reason"]
    assert stored == "maildir: disconnected"
    assert bench.claim(NOON + timedelta(minutes=1)) == 0, "nothing was said of it"
    assert bench.claim(NOON + timedelta(minutes=2), inbox=SAM.model_copy(update={"trouble": ""})) == PEOPLE


def test_a_service_that_says_all_is_well_lifts_no_other_pause(bench: Bench) -> None:
    bench.claim(inbox=SAM.model_copy(update={"daily_cap": 0}))
    bench.conn.execute("UPDATE inboxes SET paused_reason = 'blocked by a recipient''s server: 5.7.1'")
    for trouble in ("", "disconnected"):
        assert bench.claim(inbox=SAM.model_copy(update={"trouble": trouble})) == 0
        stored = bench.conn.execute("SELECT paused_reason FROM inboxes").fetchone()["paused_reason"]
        assert stored.startswith("blocked")


def test_no_more_leaves_from_an_inbox_than_its_service_lets_it_send(bench: Bench) -> None:
    assert bench.claim(inbox=SAM.model_copy(update={"daily_cap": 3})) == 3
    assert bench.rules() == {"quota_inbox"}


def test_a_new_inbox_sends_five_mails_more_each_day(bench: Bench) -> None:
    new, monday = SAM.model_copy(update={"is_warm": False}), NOON - timedelta(days=4)
    left = []
    for day in range(3):
        bench.conn.execute("UPDATE outbox SET due_s = 0")
        left.append(bench.claim(monday + timedelta(days=day), inbox=new))
    assert left == [5, PEOPLE - 5, 0]
    bench.conn.execute("UPDATE outbox SET state = 'planned', claimed_s = NULL, due_s = 0")
    assert bench.claim(monday + timedelta(days=1), inbox=new) == 10


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ("UPDATE drafts SET email_class = 'commit'", "address_policy"),
        ("DELETE FROM bases", "country"),
        ("UPDATE drafts SET country = 'DE'", "country"),
        ("UPDATE drafts SET version = 2", "approval"),
        ("UPDATE drafts SET state = 'pending'", "approval"),
        ("UPDATE outbox SET payload = json_set(payload, '$.body', 'Another letter.')", "approval"),
        ("UPDATE outbox SET payload = json_set(payload, '$.to_email', 'bo@other.example')", "approval"),
        ("UPDATE outbox SET payload = '{}'", "approval"),
        ("UPDATE approvals SET revoked_at = '2026-11-20'", "approval"),
        (f"UPDATE drafts SET facts_until = '{NOON.isoformat()}'", "approval"),
        (f"UPDATE approvals SET expires_at = '{NOON.isoformat()}'", "approval"),
        ("DELETE FROM drafts", "approval"),
        ("UPDATE drafts SET time_zone = 'Asia/Tokyo'", "window"),
        ("DELETE FROM verdicts", "verification"),
        ("UPDATE verdicts SET state = 'invalid'", "verification"),
        ("UPDATE verdicts SET checked_at = '2026-11-12T00:00:00+00:00'", "verification"),
        ("UPDATE jobs SET plan = json_set(plan, '$.mode', 'draft_only')", "mode"),
    ],
)
def test_the_store_is_asked_at_the_instant_of_the_claim(bench: Bench, change: str, rule: str) -> None:
    bench.conn.execute("UPDATE drafts SET country = NULL")
    bench.conn.execute(change)
    assert bench.claim() == 0
    assert bench.rules() == {rule}


def test_the_ceiling_of_the_settings_wins_over_the_mode_of_the_job(bench: Bench) -> None:
    assert bench.claim(ceiling=Mode.DRAFT_ONLY) == 0
    assert bench.rules() == {"mode"}


@pytest.mark.parametrize(
    ("name", "rule"), [(KILL, "kill_switch"), (SENDING, "paused"), ("own pause", "paused"), ("another's pause", "")]
)
def test_a_switch_stops_whom_it_is_about(bench: Bench, name: str, rule: str) -> None:
    known = {"own pause": f"{SENDING}:{bench.made.job_id}", "another's pause": f"{SENDING}:cmo-20200101-000000"}
    switch_on(bench.conn, known.get(name, name), by="operator:ana", at=NOON, reason="stop", action="sending.pause")
    assert bench.claim() == (0 if rule else PEOPLE)
    assert bench.rules() == ({rule} if rule else set())


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (SuppressionKind.EMAIL, ANA),
        (SuppressionKind.LOGIN, "maint1"),
        (SuppressionKind.DOMAIN, "org1.example"),
        (SuppressionKind.ACCOUNT, "org 1"),
        (SuppressionKind.ACCOUNT, "org1.example"),
    ],
)
def test_the_suppressed_are_not_written_to_and_their_row_is_over(
    bench: Bench, kind: SuppressionKind, value: str
) -> None:
    entry = Suppression(kind=kind, value=value, reason="asked", source="reply", added_at=NOON)
    record_suppressions(bench.conn, [entry])
    assert bench.claim() == PEOPLE - 1
    row = bench.conn.execute("SELECT state, reason FROM outbox WHERE email_key = ?", (ANA,)).fetchone()
    assert tuple(row) == ("failed", "Suppressed: asked (reply)")


@pytest.mark.parametrize(("kind", "value"), [("person", ANA), ("account", "org 1"), ("account", "org1.example")])
def test_nothing_goes_to_people_and_companies_on_hold(bench: Bench, kind: Any, value: str) -> None:
    hold(bench.conn, kind, value, reason="They replied.", source="inbox", at=NOON)
    assert bench.claim() == PEOPLE - 1
    assert bench.rules() == {"conversation"}


def test_the_same_person_gets_a_first_mail_once_whichever_job_wrote_it(bench: Bench) -> None:
    bench.conn.execute("UPDATE outbox SET email_key = ?, job_id = 'earlier', state = 'unknown', claimed_s = ?"
                       " WHERE id = 2", (ANA, (NOON - timedelta(days=60)).timestamp()))  # fmt: skip
    assert bench.claim() == PEOPLE - 2
    assert bench.rules() == {"contacted"}


def test_a_second_mail_waits_until_the_first_one_is_confirmed(bench: Bench) -> None:
    bench.conn.execute("UPDATE drafts SET step = 'follow_up_1', email_key = ? WHERE id = 2", (ANA,))
    bench.conn.execute("UPDATE outbox SET email_key = ? WHERE draft_id = 2", (ANA,))
    assert bench.claim() == PEOPLE - 1
    assert bench.rules() == {"dependency"}
    bench.confirm()
    assert bench.claim() == 1


def test_too_many_complaints_stop_everybody(bench: Bench) -> None:
    sent = (NOON - timedelta(days=10)).timestamp()
    bench.conn.executemany(
        "INSERT INTO outbox (key, job_id, operation, state, payload, content_hash, draft_id, due_s, claimed_s)"
        " VALUES (?, 'earlier', 'maildir.send', 'confirmed', '{}', 'h', 900, 0, ?)",
        [(f"earlier {n}", sent) for n in range(COMPLAINT_LEAST)],
    )
    bench.conn.execute(
        "INSERT INTO deliveries (outbox_id, kind, at_s, detail) SELECT id, 'complaint', ?, '' FROM outbox"
        " WHERE job_id = 'earlier' LIMIT 1",
        (sent,),
    )
    assert bench.claim() == 0
    assert bench.rules() == {"health"}


def writes(bench: Bench, *, heeds_pauses: bool = True) -> int:
    """Claim the tickets that may be written; how many."""
    gate = WriteGate(bench.made.job_id, Mode.SEND_ALLOWED, b"secret", heeds_pauses=heeds_pauses)
    taken = claim(
        bench.conn, operation_factory(batch=9), job_id=bench.made.job_id, gate=gate, now=NOON, holder="here:1"
    )
    return len(taken.claimed)


def test_what_hangs_on_another_write_waits_for_it(bench: Bench) -> None:
    first = write_factory(1)
    plan(bench.conn, bench.made.job_id, first, write_factory(2, after_key=first.key))
    assert writes(bench) == 1
    assert bench.rules() == {"dependency"}
    bench.confirm()
    assert writes(bench) == 1


def test_nothing_is_written_about_the_suppressed(bench: Bench) -> None:
    plan(bench.conn, bench.made.job_id, write_factory(1, email_key=ANA), write_factory(2, email_key="bo@org.example"))
    entry = Suppression(kind=SuppressionKind.EMAIL, value=ANA, reason="asked", source="reply", added_at=NOON)
    record_suppressions(bench.conn, [entry])
    assert writes(bench) == 1
    assert bench.rules() == {"suppressed"}


def test_a_pause_keeps_no_ticket_about_it_from_being_filed_and_the_kill_switch_does(bench: Bench) -> None:
    plan(bench.conn, bench.made.job_id, write_factory(1), write_factory(2))
    switch_on(bench.conn, SENDING, by="system", at=NOON, reason="errors", action="sending.pause")
    assert writes(bench) == 0
    with transaction(bench.conn):
        bench.conn.execute("UPDATE outbox SET state = 'confirmed' WHERE key = 'ticket:2'")
    assert writes(bench, heeds_pauses=False) == 1
    switch_on(bench.conn, KILL, by="operator:ana", at=NOON, reason="stop", action="kill.on")
    bench.conn.execute("UPDATE outbox SET state = 'planned' WHERE key = 'ticket:2'")
    assert writes(bench, heeds_pauses=False) == 0


def test_an_edit_after_the_approval_needs_another_one(bench: Bench) -> None:
    bench.conn.execute("UPDATE drafts SET version = 2, state = 'pending', subject = 'Another' WHERE id = 1")
    assert bench.claim() == PEOPLE - 1
    approve(bench.conn, bench.made.settings, bench.made.job_id, [1])
    assert bench.claim() == 0


@pytest.mark.parametrize(("hours", "rests"), [((0, 24, 72), True), ((0, 24, 73), False), ((0, 24), False)])
def test_three_soft_bounces_in_72_hours_rest_the_address_as_long_and_nobody_else(
    bench: Bench, hours: tuple[int, ...], rests: bool
) -> None:
    first = NOON - timedelta(hours=max(hours))
    for hour in hours:
        at_s = (first + timedelta(hours=hour)).timestamp()
        bench.conn.execute("INSERT INTO deliveries VALUES (1, 'soft_bounce', ?, '450 later')", (at_s,))
    bench.conn.execute("UPDATE verdicts SET checked_at = ?", ((NOON + timedelta(days=3)).isoformat(),))
    assert bench.claim() == (PEOPLE - 1 if rests else PEOPLE)
    assert bench.rules() == ({"health"} if rests else set())
    assert bench.claim(NOON + timedelta(hours=71)) == 0
    assert bench.claim(NOON + timedelta(hours=72)) == (1 if rests else 0)
