"""Decisions on drafts: one transaction each, bound to what was looked at, and taken back as long as nothing left."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cmo.domain.audit import first_break
from cmo.domain.draft import APPROVAL_DAYS
from cmo.domain.event import DraftAction
from cmo.domain.suppression import Suppression, SuppressionKind
from cmo.store import draft_views, drafts
from cmo.store.audit import iter_audit, links
from cmo.store.db import Connection, open_store, transaction
from cmo.store.draft_details import draft_versions, get_draft
from cmo.store.draft_views import Choice
from cmo.store.drafts import Decision, NewWords
from cmo.store.suppressions import record_suppressions
from tests.fakes.drafts import CLAIM, SHORT, rendered_factory, store_with_drafts
from tests.fakes.outside import NOW

LATER = NOW + timedelta(hours=1)
EXPIRES = LATER + timedelta(days=APPROVAL_DAYS)
SECRET = b"s" * 32


@pytest.fixture
def stored(tmp_path: Path) -> Iterator[tuple[Connection, str]]:
    conn, job_id = store_with_drafts(tmp_path / "campaign.db", 4)
    yield conn, job_id
    conn.close()


def look(conn: Connection, *ids: int, now: datetime = LATER) -> list[Choice]:
    """The drafts as they are now."""
    return [row.choice for row in draft_views.drafts_by_id(conn, ids, now=now)]


def decide(
    stored: tuple[Connection, str], action: DraftAction, choices: list[Choice], batch: str = "b1", **more: Any
) -> Decision:
    conn, job_id = stored
    hashes = {choice.draft_id: "f" * 64 for choice in choices} if action == "approve" else None
    values = {"by": "operator:ana", "at": LATER, "until": EXPIRES if action == "approve" else None, "secret": SECRET}
    return drafts.decide(conn, job_id, action, choices, batch_id=batch, hashes=hashes, **{**values, **more})


def state(conn: Connection, draft_id: int, now: datetime = LATER) -> str:
    return draft_views.drafts_by_id(conn, [draft_id], now=now)[0].state


def hand_over(conn: Connection, draft_id: int, outbox_state: str, attempts: int = 1) -> None:
    """A row as the outbox keeps it."""
    with transaction(conn):
        conn.execute(
            "INSERT INTO outbox (key, job_id, operation, state, payload, content_hash, draft_id, email_key, attempts,"
            " due_s) SELECT 'k' || id, job_id, 'maildir.send', ?, '{}', 'f', id, email_key, ?, 0 FROM drafts"
            " WHERE id = ?",
            (outbox_state, attempts, draft_id),
        )


def outbox_rows(conn: Connection) -> int:
    return int(conn.execute("SELECT COUNT(*) FROM outbox").fetchone()[0])


def test_an_approval_is_bound_to_version_and_hash_and_runs_out(stored: tuple[Connection, str]) -> None:
    conn, _ = stored

    decision = decide(stored, "approve", look(conn, 1, 2), rule="clean: score>=60", samples=[2])

    assert decision.done == (1, 2)
    detail = get_draft(conn, 1, now=LATER)
    assert detail.approval is not None
    assert (detail.approval.version, detail.approval.content_hash, detail.approval.expires_at) == (1, "f" * 64, EXPIRES)
    assert (detail.approval.by, detail.approval.rule) == ("operator:ana", "clean: score>=60")


def test_each_draft_of_a_decision_is_in_the_audit_log_without_its_address(stored: tuple[Connection, str]) -> None:
    conn, _ = stored
    decide(stored, "approve", look(conn, 1, 2))
    decide(stored, "reject", look(conn, 3), batch="b2", reason="writes as maint3@org3.example")

    told = [(row.action, row.object, row.before, row.after) for row in iter_audit(conn, action="drafts.")]

    assert told == [
        ("drafts.reject", "draft:3", "pending", "rejected"),
        ("drafts.approve", "draft:2", "pending", "approved"),
        ("drafts.approve", "draft:1", "pending", "approved"),
    ]
    assert "maint" not in "".join(str(row.detail) for row in iter_audit(conn))
    assert first_break(links(conn)) is None


def test_who_comes_second_is_told_who_decided_what(stored: tuple[Connection, str]) -> None:
    conn, _ = stored
    seen_by_both = look(conn, 1)
    decide(stored, "reject", seen_by_both, by="operator:bo")

    decision = decide(stored, "approve", seen_by_both, batch="b2")

    assert decision.done == ()
    assert "already rejected, by bo" in decision.refused[0].message
    assert state(conn, 1) == "rejected"


def test_the_words_that_were_looked_at_are_the_ones_decided_on(stored: tuple[Connection, str]) -> None:
    conn, job_id = stored
    seen = look(conn, 1)
    drafts.edit(conn, job_id, seen[0], NewWords(subject="Other", body="Words\n"), by="operator:bo", at=LATER)

    decision = decide(stored, "approve", seen)

    assert decision.done == ()
    assert "bo changed it" in decision.refused[0].message


def test_the_same_decision_again_changes_nothing_and_is_told_as_such(stored: tuple[Connection, str]) -> None:
    conn, _ = stored
    decide(stored, "approve", look(conn, 1))
    before = conn.execute("SELECT COUNT(*) FROM events").fetchone()[0]

    again = decide(stored, "approve", look(conn, 1), batch="b2")

    assert (again.done, again.repeated, again.batch) == ((), (1,), None)
    assert conn.execute("SELECT COUNT(*) FROM events").fetchone()[0] == before


def test_what_a_check_blocks_cannot_be_approved(tmp_path: Path) -> None:
    stored = store_with_drafts(tmp_path / "campaign.db", 2, blocked=1)

    decision = decide(stored, "approve", look(stored[0], 1, 2))

    assert decision.done == (2,)
    assert (decision.refused[0].why, CLAIM.flag in decision.refused[0].message) == ("blocked", True)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (SuppressionKind.LOGIN, "maint1"),
        (SuppressionKind.EMAIL, "maint1@org1.example"),
        (SuppressionKind.DOMAIN, "org1.example"),
    ],
)
def test_who_must_not_be_contacted_cannot_be_approved_and_waits_for_nothing(
    stored: tuple[Connection, str], kind: SuppressionKind, value: str
) -> None:
    conn, job_id = stored
    entry = Suppression(kind=kind, value=value, reason="asked", source="a mail", added_at=NOW)
    with transaction(conn):
        record_suppressions(conn, [entry])

    assert decide(stored, "approve", look(conn, 1)).refused[0].why == "suppressed"
    assert draft_views.count_waiting(conn, job_id, now=LATER) == 3


def test_a_draft_whose_facts_are_too_old_cannot_be_approved(stored: tuple[Connection, str]) -> None:
    conn, _ = stored
    conn.execute("UPDATE drafts SET facts_until = ? WHERE id = 1", (LATER.isoformat(),))
    conn.execute("UPDATE drafts SET facts_until = ? WHERE id = 2", ((LATER + timedelta(days=1)).isoformat(),))

    decision = decide(stored, "approve", look(conn, 1, 2))

    assert decision.done == (2,)
    assert [(refused.why, refused.message[:6]) for refused in decision.refused] == [("blocked", "stale:")]


@pytest.mark.parametrize("left", ["claimed", "confirmed", "unknown"])
@pytest.mark.parametrize("action", ["approve", "reject", "disqualify"])
def test_what_was_handed_over_is_decided_on_no_more(
    stored: tuple[Connection, str], left: str, action: DraftAction
) -> None:
    conn, _ = stored
    if action != "approve":
        decide(stored, "approve", look(conn, 1))
    hand_over(conn, 1, left)

    assert decide(stored, action, look(conn, 1), batch="b2").refused[0].why == "handed_over"


def test_undo_gives_every_draft_back_as_it_was(stored: tuple[Connection, str]) -> None:
    conn, job_id = stored
    decide(stored, "later", look(conn, 2), until=LATER + timedelta(days=2))
    decide(stored, "approve", look(conn, 1, 2), batch="b2")

    undone = drafts.undo(conn, job_id, "b2", by="operator:ana", at=LATER)

    assert undone.done == (1, 2)
    assert [state(conn, 1), state(conn, 2)] == ["pending", "later"]
    assert conn.execute("SELECT COUNT(*) FROM approvals WHERE revoked_at IS NULL").fetchone()[0] == 0


def test_undo_takes_planned_mail_out_of_the_outbox_and_leaves_claimed_mail_alone(
    stored: tuple[Connection, str],
) -> None:
    conn, job_id = stored
    decide(stored, "approve", look(conn, 1, 2, 3))
    hand_over(conn, 1, "planned", attempts=0)
    hand_over(conn, 2, "claimed")
    hand_over(conn, 3, "planned", attempts=2)

    undone = drafts.undo(conn, job_id, "b1", by="operator:ana", at=LATER)

    assert undone.done == (1, 3)
    assert [(refusal.draft_id, refusal.why) for refusal in undone.stayed] == [(2, "handed_over")]
    assert [state(conn, n) for n in (1, 2, 3)] == ["pending", "approved", "pending"]
    left = conn.execute("SELECT draft_id, state FROM outbox ORDER BY id").fetchall()
    assert [tuple(row) for row in left] == [(2, "claimed"), (3, "failed")]


def test_a_decision_that_was_followed_by_another_one_is_not_taken_back(stored: tuple[Connection, str]) -> None:
    conn, job_id = stored
    decide(stored, "approve", look(conn, 1))
    decide(stored, "reject", look(conn, 1), batch="b2", by="operator:bo")

    undone = drafts.undo(conn, job_id, "b1", by="operator:ana", at=LATER)

    assert undone.done == ()
    assert "already rejected, by bo" in undone.stayed[0].message
    assert state(conn, 1) == "rejected"


def test_undoing_a_rejection_puts_the_approval_in_force_again(stored: tuple[Connection, str]) -> None:
    conn, job_id = stored
    decide(stored, "approve", look(conn, 1))
    decide(stored, "reject", look(conn, 1), batch="b2")
    assert draft_views.gives_approvals_back(conn, "b2")

    drafts.undo(conn, job_id, "b2", by="operator:ana", at=LATER)

    detail = get_draft(conn, 1, now=LATER)
    assert detail.approval is not None
    assert not draft_views.gives_approvals_back(conn, "b1")


@pytest.mark.parametrize("action", ["reject", "disqualify"])
def test_mail_that_only_waits_is_planned_no_longer_once_its_draft_is_turned_down(
    stored: tuple[Connection, str], action: DraftAction
) -> None:
    conn, _ = stored
    decide(stored, "approve", look(conn, 1))
    hand_over(conn, 1, "planned", attempts=0)

    decide(stored, action, look(conn, 1), batch="b2")

    assert outbox_rows(conn) == 0


def test_never_contact_suppresses_login_and_address_and_undo_does_not_change_that(
    stored: tuple[Connection, str],
) -> None:
    conn, job_id = stored

    decision = decide(stored, "reject", look(conn, 1), reason="never contact", never="never contact")
    drafts.undo(conn, job_id, "b1", by="operator:ana", at=LATER)

    assert decision.suppressed == 2
    kept = {(row["kind"], row["value"]) for row in conn.execute("SELECT kind, value FROM suppressions")}
    assert kept == {("login", "maint1"), ("email", "maint1@org1.example")}
    assert [row.object for row in iter_audit(conn, action="leads.suppress")] == ["draft:1"]


def test_never_contact_holds_even_where_the_draft_was_decided_on_before(stored: tuple[Connection, str]) -> None:
    conn, _ = stored
    seen = look(conn, 1)
    decide(stored, "reject", seen)

    assert decide(stored, "disqualify", seen, batch="b2", never="left").suppressed == 2


def test_an_edit_makes_a_new_version_and_voids_the_approval(stored: tuple[Connection, str]) -> None:
    conn, job_id = stored
    decide(stored, "approve", look(conn, 1))
    hand_over(conn, 1, "planned", attempts=0)

    words = NewWords(subject="Other", body="Words\n", findings=(SHORT,))
    edited = drafts.edit(conn, job_id, look(conn, 1)[0], words, by="operator:ana", at=LATER)

    detail = get_draft(conn, 1, now=LATER)
    assert (edited.version, detail.row.state, detail.row.flag, detail.approval) == (2, "pending", "short", None)
    assert [version.why for version in draft_versions(conn, 1)] == ["render", "edit"]
    assert outbox_rows(conn) == 0


def test_what_was_handed_over_is_not_edited(stored: tuple[Connection, str]) -> None:
    conn, job_id = stored
    hand_over(conn, 1, "unknown")

    edited = drafts.edit(conn, job_id, look(conn, 1)[0], NewWords(subject="x", body="y\n"), by="operator:ana", at=LATER)

    assert edited.refused is not None
    assert edited.refused.why == "handed_over"


def test_words_from_a_template_bring_the_facts_they_rest_on(stored: tuple[Connection, str]) -> None:
    conn, job_id = stored
    person = rendered_factory(1).personalisation.model_copy(update={"facts": (), "hook": "new"})
    rendered = rendered_factory(1, subject="Anew", personalisation=person)
    words = NewWords(subject="Anew", body=rendered.body, sentences=rendered.sentences, rendered=rendered)

    drafts.edit(conn, job_id, look(conn, 1)[0], words, by="operator:ana", at=LATER, why="redo")

    detail = get_draft(conn, 1, now=LATER)
    assert (detail.row.version, detail.row.subject, detail.personalisation.hook) == (2, "Anew", "new")
    assert detail.claims[1].missing == ("works_on",)


def test_an_approval_that_ran_out_is_expired_by_the_system_and_can_be_given_again(
    stored: tuple[Connection, str],
) -> None:
    conn, job_id = stored
    decide(stored, "approve", look(conn, 1, 2))
    hand_over(conn, 2, "confirmed")
    after = EXPIRES + timedelta(seconds=1)
    assert state(conn, 1, after) == "expired"

    assert drafts.expire_due(conn, job_id, batch_id="e1", now=after) == 1
    assert drafts.expire_due(conn, job_id, batch_id="e2", now=after) == 0

    assert [row["state"] for row in conn.execute("SELECT state FROM drafts ORDER BY id")][:2] == ["expired", "approved"]
    assert next(iter_audit(conn, action="drafts.expire")).actor == "system"
    assert decide(stored, "approve", look(conn, 1, now=after), batch="b3", at=after).done == (1,)


def test_a_rehearsal_leaves_an_audit_row_and_nothing_else(stored: tuple[Connection, str]) -> None:
    conn, _ = stored

    decision = decide(stored, "reject", look(conn, 1), never="never", is_dry=True)

    assert (decision.done, decision.batch) == ((1,), None)
    assert state(conn, 1) == "pending"
    assert [row.is_dry for row in iter_audit(conn)] == [True]
    assert conn.execute("SELECT COUNT(*) FROM suppressions").fetchone()[0] == 0


def test_a_draft_named_twice_is_decided_on_once(stored: tuple[Connection, str]) -> None:
    assert decide(stored, "approve", look(stored[0], 1) * 2).done == (1,)


def test_decisions_survive_a_new_connection(tmp_path: Path) -> None:
    stored = store_with_drafts(tmp_path / "campaign.db", 1)
    decide(stored, "approve", look(stored[0], 1))
    stored[0].close()

    conn = open_store(tmp_path / "campaign.db")
    assert state(conn, 1) == "approved"
    conn.close()


def test_of_eight_who_decide_at_once_one_does(tmp_path: Path) -> None:
    conn, job_id = store_with_drafts(tmp_path / "campaign.db", 1)
    seen = look(conn, 1)

    def race(n: int) -> Decision:
        own = open_store(tmp_path / "campaign.db")
        try:
            return decide((own, job_id), "approve" if n % 2 else "reject", seen, f"b{n}", by=f"operator:{n}")
        finally:
            own.close()

    with ThreadPoolExecutor(8) as pool:
        decisions = list(pool.map(race, range(8)))

    assert [len(decision.done) for decision in decisions].count(1) == 1
    assert conn.execute("SELECT COUNT(*) FROM batches").fetchone()[0] == 1
    conn.close()
