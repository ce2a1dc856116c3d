"""A stop said under one name of a person holds for all of them, wherever something is about to leave.

Earlier jobs found `anna-old`, who was merged with `maint1` there, and `anna-work`, merged with `anna-old`.
"""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path

import pytest

from cmo.config.installation import make_secret
from cmo.domain import event as ev
from cmo.domain.lead import Email, EmailClass
from cmo.domain.suppression import MAIL_SERVER, Suppression, SuppressionKind, erased_value, suppression_value
from cmo.service import suppress as verbs
from cmo.service.whynot import why_not
from cmo.store.commit import commit
from cmo.store.db import Connection, transaction
from cmo.store.people_views import iter_leads
from cmo.store.suppressions import record_suppressions
from cmo.store.why_views import lead_why
from tests.delivery.campaigns import running
from tests.fakes.campaign import Campaign, campaign
from tests.fakes.clock import NOON
from tests.fakes.jobs import new_job
from tests.fakes.outside import NOW, ref_factory
from tests.service.test_sending import send_all, sending_of

OLD, WORK = "Anna.Old+git@gmail.com", "anna@work.example"
FOUND = {"anna-old": OLD, "anna-work": WORK}


def remember(conn: Connection) -> None:
    """Two earlier jobs, each of which found one more name of `maint1`."""
    for known, login in (("maint1", "anna-old"), ("anna-old", "anna-work")):
        job = new_job(conn)
        email = Email(
            email=FOUND[login], email_class=EmailClass.COMMIT, source_url="https://github.com/a/b", seen_at=NOW,
            evidence="in a commit",
        )  # fmt: skip
        events: list[ev.Event] = [
            ev.CandidateFound(ref=ref_factory(known, 1)),
            ev.CandidateFound(ref=ref_factory(login, 1)),
            ev.EmailFound(login=login, email=email),
            ev.PeopleMerged(kept=known, merged=login, evidence="both accounts show the same mailbox"),
        ]
        commit(conn, job.id, [(f"{job.id}/{n}", event) for n, event in enumerate(events)], at=NOW, epoch=None)


def stop(conn: Connection, kind: SuppressionKind, text: str, *, source: str = "reply") -> None:
    value = text if kind is SuppressionKind.HASH else suppression_value(kind, text)
    entry = Suppression(kind=kind, value=value, reason="asked", source=source, added_at=NOON)
    with transaction(conn):
        record_suppressions(conn, [entry])


@pytest.fixture
def made(tmp_path: Path) -> Campaign:
    made = campaign(tmp_path / "home", 2)
    with closing(made.open()) as conn:
        remember(conn)
    return made


NAMES = [
    (SuppressionKind.EMAIL, OLD),
    (SuppressionKind.EMAIL, "ANNAOLD@googlemail.com"),
    (SuppressionKind.EMAIL, WORK),
    (SuppressionKind.LOGIN, "@Anna-Old"),
    (SuppressionKind.LOGIN, "anna-work"),
    (SuppressionKind.LOGIN, "maint1"),
]


@pytest.mark.parametrize(("kind", "text"), NAMES)
def test_a_stop_under_any_name_of_a_merged_person_stops_all_of_their_mail(
    made: Campaign, kind: SuppressionKind, text: str
) -> None:
    with closing(made.open()) as conn:
        stop(conn, kind, text)
    with sending_of(made) as sending:
        preview = send_all(sending)
    assert {row.draft_id: row.rule for row in preview.rows} == {1: "suppressed", 2: None}
    assert len(made.mails) == 1


@pytest.mark.parametrize("name", [OLD, WORK, "anna-old", "anna-work"])
def test_the_erased_are_recognised_by_any_name_that_is_found_later(made: Campaign, name: str) -> None:
    kind = SuppressionKind.EMAIL if "@" in name else SuppressionKind.LOGIN
    secret = make_secret(made.settings.paths.data_dir)
    with closing(made.open()) as conn:
        stop(conn, SuppressionKind.HASH, erased_value(kind, name, secret=secret), source="forget")
    with sending_of(made) as sending:
        rows = sending.preview(due_at=sending.now()).rows
    assert [row.rule for row in rows] == ["suppressed", None]


def test_a_stop_that_came_before_the_names_were_known_to_be_one_person_holds_as_well(tmp_path: Path) -> None:
    made = campaign(tmp_path / "home", 2)
    with closing(made.open()) as conn:
        stop(conn, SuppressionKind.EMAIL, WORK)
        remember(conn)
    with sending_of(made) as sending:
        rows = sending.preview(due_at=sending.now()).rows
    assert [row.rule for row in rows] == ["suppressed", None]


def test_why_not_counts_the_merged_among_the_suppressed(made: Campaign) -> None:
    with closing(made.open()) as conn:
        stop(conn, SuppressionKind.LOGIN, "anna-work")
    found = why_not(made.settings, made.job_id, short="0000", found=made.found)
    assert {gate.name: gate.count for gate in found.gates}["suppressed"] == 1


def test_a_mailbox_that_bounced_says_nothing_of_the_others(made: Campaign) -> None:
    with closing(made.open()) as conn:
        stop(conn, SuppressionKind.EMAIL, WORK, source=MAIL_SERVER)
    with sending_of(made) as sending:
        send_all(sending)
    assert len(made.mails) == 2


def test_an_objection_from_a_mailbox_that_bounced_stops_the_person(made: Campaign) -> None:
    with closing(made.open()) as conn:
        stop(conn, SuppressionKind.EMAIL, WORK, source=MAIL_SERVER)
        stop(conn, SuppressionKind.EMAIL, WORK)
    with sending_of(made) as sending:
        send_all(sending)
    assert len(made.mails) == 1


def test_lifting_a_stop_lifts_it_for_all_names_of_the_person(made: Campaign) -> None:
    target = verbs.read_target(WORK)
    verbs.suppress(made.settings, target, reason="a mistake")
    assert verbs.unsuppress(made.settings, target, reason="wrong person")
    with sending_of(made) as sending:
        send_all(sending)
    assert len(made.mails) == 2


@pytest.mark.parametrize("name", ["instantly", "smartlead"])
def test_the_crm_gets_no_note_on_a_person_who_said_stop_under_another_name(name: str, tmp_path: Path) -> None:
    with running(name, tmp_path / "campaign") as run, closing(run.open()) as conn:
        remember(conn)
        delivery = run.delivery(conn)
        asyncio.run(delivery.send(due_at=run.clock.now()))
        stop(conn, SuppressionKind.EMAIL, WORK)
        done = asyncio.run(delivery.sync())
    notes = next(outcome for operation, outcome in done.outcomes.items() if operation.endswith(".note"))
    assert notes.fates["confirmed"] == 2


def test_an_address_that_was_suppressed_before_it_was_found_keeps_its_holder_out_of_lists(tmp_path: Path) -> None:
    made = campaign(tmp_path / "home", 1)
    with closing(made.open()) as conn:
        stop(conn, SuppressionKind.EMAIL, WORK)
        found = Email(
            email=WORK, email_class=EmailClass.COMMIT, source_url="https://github.com/a/b", seen_at=NOW, evidence="x"
        )
        commit(conn, made.job_id, [("found", ev.EmailFound(login="maint1", email=found))], at=NOW, epoch=None)
        assert list(iter_leads(conn, made.job_id)) == []
        why = lead_why(conn, made.job_id, "maint1")
    assert why is not None
    assert why.suppressed == "asked (reply)"


def test_a_merge_tells_lists_of_a_stop_that_was_there_before(tmp_path: Path) -> None:
    made = campaign(tmp_path / "home", 2)
    with closing(made.open()) as conn:
        stop(conn, SuppressionKind.LOGIN, "anna-old")
        remember(conn)
        stopped = {row["value"] for row in conn.execute("SELECT value FROM suppressions WHERE kind = 'login'")}
    assert stopped == {"anna-old", "anna-work", "maint1"}
