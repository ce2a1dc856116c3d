"""`cmo limits show EMAIL` says what the gate then decides, whatever the ledger and the stops are."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from cmo.config import Settings
from cmo.domain.job import Mode
from cmo.domain.outward import Inbox
from cmo.domain.policy import FAULT_OF_NOBODY
from cmo.domain.suppression import Suppression, SuppressionKind
from cmo.providers.maildir.client import SEND
from cmo.service import controls
from cmo.service.controls import PersonLimits, limits_of
from cmo.service.routes import composer_of
from cmo.store.db import Connection, open_store, transaction
from cmo.store.gate import SendGate, ensure_inboxes
from cmo.store.jobs import get_job
from cmo.store.outbox import claim
from cmo.store.sends import plan_sends
from cmo.store.suppressions import record_suppressions
from cmo.store.switches import KILL, SENDING, hold, switch_on
from tests.fakes.campaign import campaign, settings_in
from tests.fakes.clock import NOON, StillClock
from tests.fakes.ledger import ledger_row

ANA, LOGIN, COMPANY = "maint1@org1.example", "maint1", "org1"
SEEDS = 60


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six approved drafts; those of the last three are follow-ups, so that past mails need not be the same mail."""
    home = tmp_path_factory.mktemp("ledger") / "home"
    made = campaign(home, 6)
    with closing(made.open()) as conn:
        conn.execute("UPDATE drafts SET step = 'follow_up_1' WHERE id > 3")
    return home


def quotas(rng: random.Random) -> dict[str, str]:
    loose = rng.random() < 0.3
    names = ("CMO_MAX_EMAILS_PER_DAY", "CMO_PER_INBOX_DAILY", "CMO_MAX_PER_COMPANY_DAILY", "CMO_MAX_PER_CONTACT")
    found = {name: "100" if loose or rng.random() < 0.5 else str(rng.randint(0, 5)) for name in names}
    return {**found, "CMO_WARM_INBOXES": "sam@field.example" if rng.random() < 0.5 else ""}


def past(rng: random.Random, conn: Connection, job: str, company: str) -> None:
    """Mails that left, may have left, or did not, to her, her login, her company and others."""
    for n in range(rng.randint(0, 8)):
        email = rng.choice([ANA, f"p{n}@org1.example", f"q{n}@other.example"])
        row = ledger_row(
            conn, job, email,
            operation=f"maildir.send{n}",
            state=rng.choice(["confirmed", "confirmed", "unknown", "failed", "claimed"]),
            draft_id=rng.choice([4, 5, 6, 4, 5, 6, 2, None]),
            inbox=rng.choice(["sam@field.example", "sam@field.example", "other@field.example"]),
            claimed_at=NOON - timedelta(hours=rng.choice([0, 1, 5, 20, 90, 167, 169, 200])),
            holder="elsewhere:1",
        )  # fmt: skip
        conn.execute(
            "UPDATE outbox SET company_key = ?, login_key = ? WHERE id = ?",
            (rng.choice([company, "other"]), rng.choice([LOGIN, None, "someone"]), row),
        )


def stop(rng: random.Random, conn: Connection, job: str) -> None:
    """Something else that stands in the way, or nothing."""

    def suppressed() -> None:
        entry = Suppression(kind=SuppressionKind.EMAIL, value=ANA, reason="asked", source="reply:1", added_at=NOON)
        with transaction(conn):
            record_suppressions(conn, [entry])

    def ill() -> None:
        for n in range(50):
            row = ledger_row(conn, job, f"x{n}@y.example", draft_id=2, claimed_at=NOON - timedelta(days=9))
            if n < 2:
                conn.execute("INSERT INTO deliveries VALUES (?, 'bounce', ?, '')", (row, NOON.timestamp() - 999))

    stops: list[Callable[[], Any]] = [
        lambda: switch_on(conn, KILL, by="operator:zoe", at=NOON, reason="x", action="kill.on"),
        lambda: switch_on(conn, SENDING, by="operator:zoe", at=NOON, reason="x", action="p",
                          until=NOON + timedelta(hours=rng.choice([1, 30]))),
        lambda: conn.execute("UPDATE jobs SET plan = json_set(plan, '$.mode', 'draft_only')"),
        lambda: conn.execute("UPDATE approvals SET expires_at = ?", ((NOON - timedelta(days=1)).isoformat(),)),
        lambda: conn.execute("UPDATE drafts SET version = version + 1"),
        suppressed,
        lambda: conn.execute("UPDATE drafts SET email_class = 'commit'"),
        lambda: conn.execute("DELETE FROM bases"),
        lambda: conn.execute("UPDATE drafts SET step = 'follow_up_1' WHERE id = 1"),
        lambda: hold(conn, "person", ANA, reason="replied", source="imap", at=NOON),
        lambda: conn.execute("UPDATE inboxes SET paused_reason = 'blocked'"),
        lambda: conn.execute("UPDATE drafts SET time_zone = 'Pacific/Auckland'"),
        lambda: conn.execute("UPDATE verdicts SET state = 'risky'"),
        lambda: conn.execute("DELETE FROM verdicts"),
        ill,
    ]  # fmt: skip
    if rng.random() < 0.6:
        rng.choice(stops)()


def gate_says(conn: Connection, settings: Settings, job: str, now: datetime) -> str | None:
    """What a claim of everything that waits for her comes to."""
    composer = composer_of(conn, get_job(conn, job).plan, settings)
    plan_sends(conn, job, route=composer.route, compose=lambda words, at: composer.letter(words, approved_at=at),
               due_at=now - timedelta(days=500), only=[1])  # fmt: skip
    conn.execute("UPDATE outbox SET due_s = 0 WHERE draft_id = 1 AND state = 'planned'")
    sam = Inbox(address=settings.sender_email, provider="maildir", is_warm=bool(settings.warm_inboxes))
    gate = SendGate(job, Mode.SEND_ALLOWED, limits_of(settings), (sam,), composer.secret, composer.route)
    taken = claim(conn, SEND, job_id=job, gate=gate, now=now, holder="here:1")
    assert len(taken.claimed) + taken.refused.total() == 1
    return next(iter(taken.refused), None)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_what_is_shown_is_what_the_gate_then_decides(seed: int, prepared: Path, tmp_path: Path) -> None:
    rng, home = random.Random(seed), tmp_path / "it"
    shutil.copytree(prepared, home)
    settings = settings_in(home, **quotas(rng), **({"CMO_SENDER_NAME": "Sue Field"} if rng.random() < 0.05 else {}))
    now = NOON + rng.choice([timedelta(0)] * 4 + [timedelta(hours=-30), timedelta(days=-40), timedelta(hours=10)])
    with closing(open_store(settings.paths.db)) as conn:
        job = conn.execute("SELECT id FROM jobs").fetchone()["id"]
        company = conn.execute("SELECT company_key FROM drafts WHERE id = 1").fetchone()["company_key"]
        with transaction(conn):
            ensure_inboxes(conn, [Inbox(address="sam@field.example", provider="maildir", is_warm=False)])
        if rng.random() < 0.5:
            gate_says(conn, settings, job, now - timedelta(days=600))  # outside hours or approval: it stays planned
            conn.execute("DELETE FROM decisions")
            conn.execute("UPDATE outbox SET state = 'planned', claimed_s = NULL, inbox = NULL, holder = NULL,"
                         " code = NULL WHERE draft_id = 1")  # fmt: skip
        past(rng, conn, job, company)
        stop(rng, conn, job)
        shown = show(settings, now)
        rule = gate_says(conn, settings, job, now)
    assert shown.room.verdict.rule == rule
    if rule is None:
        assert shown.remaining_today > 0
    elif rule not in FAULT_OF_NOBODY and shown.room.verdict.retry_at is None:
        assert shown.remaining_today == 0
    assert (rule != "quota_contact") or shown.remaining_for_contact == 0
    assert (rule not in ("quota_day", "quota_inbox", "quota_company")) or shown.remaining_today == 0


def show(settings: Settings, now: datetime) -> PersonLimits:
    clock = StillClock(now)
    with mock.patch.object(controls, "clock_of", return_value=clock):
        return controls.show_person_limits(settings, "Maint1+x@org1.example")
