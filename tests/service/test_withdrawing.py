"""Who must not be contacted any more is taken out of the sequence that they were handed to."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from cmo.config import Settings
from cmo.sandbox.faults import FaultKind, FaultRule
from cmo.service import suppress as verbs
from cmo.service.forget import forget
from cmo.service.job_hand import remove_job
from cmo.service.reconcile import Reconciling
from cmo.service.withdrawing import Withdrawn, withdraw
from cmo.store.db import Connection
from cmo.store.standing_views import left_the_house
from cmo.store.switches import KILL, switch_on
from tests.delivery.campaigns import Running, running
from tests.fakes.campaign import settings_in
from tests.fakes.clock import NOON
from tests.fakes.jobs import new_job

ANA, BEN, CAT = (f"maint{n}@org{n}.example" for n in (1, 2, 3))
each_service = pytest.mark.parametrize("name", ["instantly", "smartlead"])


@contextmanager
def handed_over(name: str, tmp_path: Path, **troubles: Any) -> Iterator[tuple[Running, Connection]]:
    """Three people in a campaign that has not mailed anybody yet.

    Args:
        troubles: As `running` takes them.
    """
    with running(name, tmp_path / "campaign", **troubles) as run, closing(run.open()) as conn:
        asyncio.run(run.delivery(conn).send(due_at=run.clock.now()))
        run.clock.advance(60)
        yield run, conn


def suppress(run: Running, text: str) -> None:
    verbs.suppress(run.settings, verbs.read_target(text), reason="asked us to stop")


def twin(run: Running) -> Any:
    return run.services.vendors[run.campaign.mailer]


def in_campaign(run: Running) -> set[str]:
    return {person.email for person in twin(run).enrolled if person.email.endswith(".example")} & {ANA, BEN, CAT}


def mailed(run: Running) -> set[str]:
    """Whom the service mails once its working hours come around."""
    for _ in range(24):
        run.clock.advance(4 * 3_600)
        twin(run).advance(run.clock.now())
    return {mail.to_email for mail in twin(run).sent}


def without_key(run: Running) -> Settings:
    places = {name: value for name, value in run.services.places.items() if not name.endswith("_API_KEY")}
    return settings_in(run.home, SMTP_FROM=run.campaign.sender, **places)


@each_service
@pytest.mark.parametrize("target", [BEN, "maint2", "org2.example"])
def test_who_is_suppressed_after_being_handed_over_is_not_mailed(name: str, target: str, tmp_path: Path) -> None:
    with handed_over(name, tmp_path) as (run, _):
        suppress(run, target)
        assert withdraw(run.settings) == Withdrawn(done=1)
        assert mailed(run) == {ANA, CAT}


@each_service
def test_it_is_done_once_and_then_nobody_is_asked_any_more(name: str, tmp_path: Path) -> None:
    with handed_over(name, tmp_path) as (run, _):
        suppress(run, BEN)
        withdraw(run.settings)
        asked = len(run.services.requests)
        assert withdraw(run.settings) == Withdrawn()
        assert len(run.services.requests) == asked


@each_service
def test_the_kill_switch_keeps_nobody_in_a_sequence(name: str, tmp_path: Path) -> None:
    with handed_over(name, tmp_path) as (run, conn):
        switch_on(conn, KILL, by="operator:ana", at=NOON, reason="stop", action="kill.on")
        suppress(run, BEN)
        withdraw(run.settings)
        assert in_campaign(run) == {ANA, CAT}


@each_service
def test_a_send_takes_out_who_was_suppressed_meanwhile(name: str, tmp_path: Path) -> None:
    with handed_over(name, tmp_path) as (run, conn):
        suppress(run, BEN)
        asyncio.run(run.delivery(conn).send(due_at=run.clock.now()))
        assert in_campaign(run) == {ANA, CAT}


def test_who_was_suppressed_while_the_hand_over_was_in_doubt_is_taken_out_once_it_is_known(tmp_path: Path) -> None:
    lost = FaultRule(kind=FaultKind.RESET_AFTER, route="out:instantly/api/v2/leads/add", nth=(1,))
    with handed_over("instantly", tmp_path, rules=[lost]) as (run, conn):
        suppress(run, BEN)
        assert withdraw(run.settings) == Withdrawn()
        run.clock.advance(60)
        asyncio.run(run.delivery(conn).send(due_at=run.clock.now()))
        assert in_campaign(run) == {ANA, CAT}


@pytest.mark.parametrize("down", [True, False])
def test_what_cannot_be_done_waits_and_says_what_to_do_by_hand(down: bool, tmp_path: Path) -> None:
    with handed_over("instantly", tmp_path) as (run, conn):
        suppress(run, BEN)
        if down:
            run.services.leave()
        (left,) = withdraw(run.settings if down else without_key(run)).left
        assert left.by_hand == f"Open instantly, and delete {BEN} from campaign {run.campaign.sequence_id}."
        assert left.why
        run.services.return_()
        conn.execute("UPDATE outbox SET due_s = 0")
        asyncio.run(run.delivery(conn).send(due_at=run.clock.now()))
        assert in_campaign(run) == {ANA, CAT}


@each_service
def test_reconciling_shows_who_is_still_in_and_agrees_once_they_are_out(name: str, tmp_path: Path) -> None:
    with handed_over(name, tmp_path) as (run, conn):
        suppress(run, BEN)
        withdraw(without_key(run))
        waiting = Reconciling(run.delivery(conn)).look()
        assert [(one.finding, one.row.who) for one in waiting if one.disagrees] == [("still_in", "maint2")]
        withdraw(run.settings)
        run.clock.advance(60)
        assert [one for one in Reconciling(run.delivery(conn)).look() if one.disagrees] == []


def test_who_was_taken_out_by_hand_is_found_to_be_out(tmp_path: Path) -> None:
    with handed_over("instantly", tmp_path) as (run, conn):
        suppress(run, BEN)
        withdraw(without_key(run))
        (person,) = twin(run).floor.find(BEN)
        twin(run).floor.take_out(person.id)
        reconciling = Reconciling(run.delivery(conn))
        assert len(reconciling.repair(reconciling.look())) == 1
        assert withdraw(run.settings) == Withdrawn()


@each_service
def test_who_is_erased_is_taken_out_first(name: str, tmp_path: Path) -> None:
    with handed_over(name, tmp_path) as (run, _):
        assert forget(run.settings, BEN).withdrawn.left == ()
        assert in_campaign(run) == {ANA, CAT}


@each_service
def test_who_could_not_be_taken_out_before_being_erased_is_taken_out_later(name: str, tmp_path: Path) -> None:
    with handed_over(name, tmp_path) as (run, conn):
        run.services.leave()
        (left,) = forget(run.settings, BEN).withdrawn.left
        assert BEN in left.by_hand
        assert BEN not in "\n".join(conn.iterdump())
        run.services.return_()
        assert "still_in" in {one.finding for one in Reconciling(run.delivery(conn)).look()}
        run.clock.advance(60)
        conn.execute("UPDATE outbox SET due_s = 0")
        asyncio.run(run.delivery(conn).send(due_at=run.clock.now()))
        assert in_campaign(run) == {ANA, CAT}


def test_people_of_a_removed_job_are_taken_out_too(tmp_path: Path) -> None:
    with handed_over("instantly", tmp_path) as (run, conn):
        new_job(conn)
        (handed,) = conn.execute("SELECT DISTINCT job_id FROM outbox").fetchall()
        remove_job(run.settings, handed["job_id"])
        suppress(run, BEN)
        assert withdraw(run.settings) == Withdrawn(done=1)
        assert in_campaign(run) == {ANA, CAT}


def test_where_no_job_is_left_a_person_is_told_to_do_it(tmp_path: Path) -> None:
    with handed_over("instantly", tmp_path) as (run, conn):
        (handed,) = conn.execute("SELECT DISTINCT job_id FROM outbox").fetchall()
        remove_job(run.settings, handed["job_id"])
        suppress(run, BEN)
        assert [BEN in one.by_hand for one in withdraw(run.settings).left] == [True]


def test_taking_out_counts_as_no_mail(tmp_path: Path) -> None:
    with handed_over("instantly", tmp_path) as (run, conn):
        suppress(run, BEN)
        withdraw(run.settings)
        assert left_the_house(conn) == {"instantly.enrol": {"confirmed": 3}}
        sent = conn.execute("SELECT value FROM counters WHERE name = 'emails_sent'").fetchone()
        assert sent["value"] == 3
