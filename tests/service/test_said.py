"""What the operator says of a person: their status, what it stops, what is on the record, and that it can be undone."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmo.domain import event as ev
from cmo.domain.outcome import LeadStatus, Outcome
from cmo.errors import ToolInputInvalid
from cmo.service import remove_job
from cmo.service import said as verbs
from cmo.service.audit import AuditFilter
from cmo.service.leads import lead_terms
from cmo.store.commit import commit
from cmo.store.db import transaction
from cmo.store.lead_views import lead_totals
from cmo.store.people_views import count_leads, page_leads
from cmo.store.switches import hold
from cmo.store.why_views import lead_why
from tests.fakes.campaign import Campaign, campaign
from tests.fakes.clock import NOON
from tests.fakes.drafts import store_with_drafts
from tests.service.test_sending import fates, send_all, sending_of

COLLEAGUES = "UPDATE candidates SET profile = json_set(profile, '$.company', 'Org 2 Inc.') WHERE login_key = 'maint1'"
"""The first person works where the second does, by another address."""


@pytest.fixture
def made(tmp_path: Path) -> Campaign:
    made = campaign(tmp_path, 4)
    with made.open() as conn:
        conn.execute(COLLEAGUES)
    conn.close()
    return made


def sent_after(made: Campaign) -> dict[int, tuple[str, str]]:
    with sending_of(made) as sending:
        send_all(sending)
        return fates(sending.delivery.conn)


def holds(made: Campaign) -> set[tuple[str, str, str]]:
    conn = made.open()
    try:
        return {tuple(row) for row in conn.execute("SELECT kind, value, source FROM holds")}
    finally:
        conn.close()


def test_an_outcome_keeps_mail_from_the_person_and_a_meeting_from_everybody_there(made: Campaign) -> None:
    verbs.set_outcome(made.settings, made.job_id, "Maint1", Outcome.BOOKED_DEMO)
    verbs.set_outcome(made.settings, made.job_id, "maint3", Outcome.DISQUALIFIED)
    verbs.set_outcome(made.settings, made.job_id, "maint4", Outcome.NO_RESPONSE)
    assert sent_after(made) == {
        1: ("planned", "conversation"), 2: ("planned", "conversation"), 3: ("planned", "conversation"),
        4: ("confirmed", ""),
    }  # fmt: skip

    verbs.set_outcome(made.settings, made.job_id, "maint1", None)
    assert {id_ for id_, (state, _) in sent_after(made).items() if state == "confirmed"} == {1, 2, 4}


def test_taking_one_outcome_back_lifts_nothing_that_another_or_a_reply_holds(made: Campaign) -> None:
    conn = made.open()
    with transaction(conn):
        hold(conn, "person", "maint1@org1.example", reason="replied", source="reply:1", at=NOON)
    conn.close()
    for login in ("maint1", "maint2"):
        verbs.set_outcome(made.settings, made.job_id, login, Outcome.BOOKED_DEMO)
    both = holds(made)
    verbs.set_outcome(made.settings, made.job_id, "maint2", None)

    assert both - holds(made) == {
        ("person", "maint2@org2.example", "outcome"), ("login", "maint2", "outcome"),
        ("account", "org2.example", "outcome"),
    }  # fmt: skip
    assert ("person", "maint1@org1.example", "reply:1") in holds(made)


def test_an_outcome_goes_with_the_login_to_another_address_and_outlives_its_job(made: Campaign) -> None:
    conn, other = store_with_drafts(made.settings.paths.db, 3)
    moved = "UPDATE emails SET email = ?1, email_key = ?1 WHERE job_id = ?2 AND login_key = ?3"
    conn.execute(moved, ("ana@home.example", other, "maint1"))
    conn.execute(moved, ("ana@new.example", other, "maint3"))
    conn.execute(COLLEAGUES)
    conn.close()
    verbs.set_outcome(made.settings, other, "maint1", Outcome.BOOKED_DEMO)
    verbs.set_outcome(made.settings, other, "maint3", Outcome.CLOSED_LOST)
    remove_job(made.settings, other)
    verbs.set_outcome(made.settings, made.job_id, "maint2", Outcome.NO_RESPONSE)

    assert sent_after(made) == {
        1: ("planned", "conversation"), 2: ("planned", "conversation"), 3: ("planned", "conversation"),
        4: ("confirmed", ""),
    }  # fmt: skip
    for outcome in (Outcome.CLOSED_LOST, None):
        verbs.set_outcome(made.settings, made.job_id, "maint3", outcome)
    assert ("login", "maint3", "outcome") not in holds(made)


def test_a_status_is_what_was_said_last_else_whether_a_mail_left(made: Campaign) -> None:
    conn = made.open()

    def statuses() -> list[str]:
        return [lead.status for lead in page_leads(conn, made.job_id)]

    verbs.set_status(made.settings, made.job_id, "maint1", LeadStatus.NEEDS_INFO)
    assert statuses() == ["NEEDS_INFO", "NEW", "NEW", "NEW"]
    sent_after(made)
    assert statuses() == ["NEEDS_INFO", "CONTACTED", "CONTACTED", "CONTACTED"]
    for n, outcome in enumerate((Outcome.CLOSED_WON, Outcome.BOOKED_DEMO, Outcome.CLOSED_LOST), start=2):
        verbs.set_outcome(made.settings, made.job_id, f"maint{n}", outcome)
    assert statuses() == ["NEEDS_INFO", "CLOSED_WON", "MEETING_BOOKED", "CLOSED_LOST"]
    for where, count in (("status:needs_info", 1), ("-outcome:none", 3), ("outcome:closed_won", 1), ("status:new", 0)):
        assert count_leads(conn, made.job_id, terms=lead_terms(where)) == count, where
    totals = lead_totals(conn, made.job_id)
    assert (totals.contacted, totals.booked, totals.won) == (4, 1, 1)
    verbs.set_outcome(made.settings, made.job_id, "maint4", None)
    assert statuses()[-1] == "CONTACTED"
    conn.close()


def test_who_was_handed_to_a_sequence_and_not_taken_out_of_it_may_still_be_mailed(made: Campaign) -> None:
    sent_after(made)
    conn = made.open()
    said = []
    for operation in ("maildir.send", "instantly.enrol", "instantly.withdraw"):
        conn.execute("UPDATE outbox SET operation = ? WHERE id = 1", (operation,))
        said.append(verbs.set_outcome(made.settings, made.job_id, "maint1", Outcome.CLOSED_LOST).is_handed_over)
    conn.close()
    assert said == [False, True, False]


def test_what_was_said_is_in_the_time_line_and_the_record_names_nobody(made: Campaign) -> None:
    note = "Wants to talk in May.\nHer dog: Rex \x1b]52;c;aGk=\x07"
    verbs.add_note(made.settings, made.job_id, "maint1", note)
    for _ in range(2):
        verbs.set_outcome(made.settings, made.job_id, "maint1", Outcome.BOOKED_DEMO)
    verbs.set_status(made.settings, made.job_id, "maint1", LeadStatus.QUALIFIED)
    assert verbs.set_outcome(made.settings, made.job_id, "maint1", Outcome.BOOKED_DEMO).is_new
    verbs.set_outcome(made.settings, made.job_id, "maint1", None, dry_run=True)

    conn = made.open()
    why = lead_why(conn, made.job_id, "maint1")
    conn.close()
    assert why is not None
    assert why.outcome == "booked_demo"
    assert [what for _, what in why.timeline][-4:] == [
        "note by ana: Wants to talk in May.\nHer dog: Rex ]52;c;aGk=",
        "outcome booked_demo, booked, by ana",
        "status QUALIFIED by ana",
        "outcome booked_demo, booked, by ana",
    ]
    rows = AuditFilter(action="leads.").rows(made.settings)
    assert [(row.action, row.before, row.after, row.is_dry) for row in reversed(rows)] == [
        ("leads.note", "", "noted", False),
        ("leads.outcome", "none", "booked_demo", False),
        ("leads.status", "MEETING_BOOKED", "QUALIFIED", False),
        ("leads.outcome", "booked_demo", "booked_demo", False),
        ("leads.outcome", "booked_demo", "none", True),
    ]
    told = "".join(row.model_dump_json() for row in rows)
    assert "maint1" not in told
    assert "Rex" not in told


def test_it_is_said_of_the_person_that_a_login_was_merged_into_and_of_nobody_who_was_dropped(made: Campaign) -> None:
    conn = made.open()
    merged = ev.PeopleMerged(kept="maint1", merged="maint3", evidence="the same page")
    dropped = ev.CandidateDropped(login="robot", from_repo="org1/proj1", reason="bot")
    commit(conn, made.job_id, [("merge", merged), ("drop", dropped)], at=NOON, epoch=None)
    conn.close()

    assert verbs.set_outcome(made.settings, made.job_id, "maint3", Outcome.CLOSED_LOST).after.login == "maint1"
    for name in ("robot", "nobody"):
        with pytest.raises(ToolInputInvalid, match="follows nobody"):
            verbs.add_note(made.settings, made.job_id, name, "x")
    with pytest.raises(ToolInputInvalid, match="nothing to note"):
        verbs.add_note(made.settings, made.job_id, "maint1", " \u200b\n")


def test_the_totals_are_counted_from_indexes(made: Campaign) -> None:
    conn = made.open()
    asked: list[str] = []
    conn.set_trace_callback(asked.append)
    lead_totals(conn, made.job_id)
    conn.set_trace_callback(None)
    plan = " ".join(row["detail"] for row in conn.execute(f"EXPLAIN QUERY PLAN {asked[0]}"))
    conn.close()
    assert len(asked) == 1
    assert "candidates_by_outcome" in plan
    assert "leads_by_label" in plan
    assert "SCAN leads" not in plan
    assert "SCAN candidates" not in plan
