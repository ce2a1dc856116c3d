"""The kill switch on a locked store or a full disk: each part is tried, and the receipt says which held."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cmo import service
from cmo.config import Settings
from cmo.sandbox.vendors.instantly import ACTIVE_ID, InstantlyTwin
from cmo.service import kill as verbs
from cmo.service.audit import AuditFilter
from cmo.service.sending import Sending, opened
from cmo.store.db import open_as_it_is, open_store
from cmo.store.switches import KILL, Switch, flag_path, raise_flag
from tests.fakes.campaign import campaign
from tests.fakes.clock import NOON, StillClock
from tests.fakes.doors import open_door
from tests.service.test_kill import handed_over, with_instantly
from tests.service.test_sending import send_all, sending_of


@pytest.fixture
def twin() -> InstantlyTwin:
    return InstantlyTwin()


@pytest.fixture
def settings(tmp_path: Path, twin: InstantlyTwin) -> Iterator[Settings]:
    with open_door(twin, clock=StillClock()) as door:
        found = with_instantly(tmp_path, door.url)
        handed_over(found)
        yield found


@contextmanager
def full_disk() -> Iterator[None]:
    """No file may grow."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def locked(settings: Settings) -> Iterator[None]:
    """Somebody keeps the store to themselves."""
    conn = open_store(settings.paths.db)
    conn.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        conn.rollback()
        conn.close()


def test_a_locked_store_is_stopped_by_the_file_beside_it(settings: Settings, twin: InstantlyTwin) -> None:
    said: list[str] = []
    with locked(settings):
        receipt = verbs.kill(settings, "complaints", tell=said.append, clock=StillClock())
        assert verbs.kill_status(settings) is not None

    assert said[0] == verbs.STOPPED
    assert (receipt.flagged_after_s, receipt.stored_after_s) == (0.0, None)
    assert receipt.is_stopped
    assert "held by another process" in receipt.trouble[0]
    assert receipt.campaigns[0].state == "paused"
    assert receipt.campaigns[0].after_s < verbs.STORE_MOST_S


def test_on_a_full_disk_the_campaigns_are_paused_all_the_same(settings: Settings) -> None:
    said: list[str] = []
    with full_disk():
        receipt = verbs.kill(settings, "complaints", tell=said.append, clock=StillClock())

    assert not receipt.is_stopped
    assert len(receipt.trouble) == 2
    assert verbs.STOPPED not in said
    assert receipt.is_read
    assert [(one.sequence_id, one.state) for one in receipt.campaigns] == [(ACTIVE_ID, "paused")]
    assert receipt.left == {"instantly.enrol": {"confirmed": 1}}


def test_a_store_that_cannot_be_read_leaves_the_file_and_says_what_is_not_known(tmp_path: Path) -> None:
    settings = with_instantly(tmp_path, "http://127.0.0.1:1")
    settings.paths.db.write_bytes(b"no database" * 1000)

    receipt = verbs.kill(settings, "complaints", clock=StillClock())

    assert receipt.is_stopped
    assert (receipt.is_read, receipt.is_confirmed) == (False, False)
    assert flag_path(settings.paths.db).is_file()


def test_a_worker_obeys_the_file_and_nothing_leaves(tmp_path: Path) -> None:
    made = campaign(tmp_path)
    raise_flag(made.settings.paths.db, Switch(name=KILL, by="operator:zoe", at=NOON, reason="disk full"))

    with sending_of(made) as sending:
        preview = send_all(sending)

    assert made.mails == []
    assert [verdict.rule for verdict in preview.locked] == ["kill_switch"]
    assert "operator:zoe" in preview.locked[0].message


def test_a_file_that_nobody_can_read_stops_as_well(tmp_path: Path) -> None:
    made = campaign(tmp_path)
    flag_path(made.settings.paths.db).write_bytes(b"\xff{")

    with opened(made.settings, made.job_id, found=made.found) as delivery:
        send_all(Sending(delivery))
    assert made.mails == []


def test_releasing_takes_the_file_away_and_puts_both_on_the_record(tmp_path: Path) -> None:
    made = campaign(tmp_path)
    raise_flag(made.settings.paths.db, Switch(name=KILL, by="operator:zoe", at=NOON, reason="disk full"))

    assert verbs.release(made.settings, "disk mended")

    assert not flag_path(made.settings.paths.db).exists()
    assert verbs.kill_status(made.settings) is None
    told = [(row.action, row.actor) for row in AuditFilter(action="kill.").rows(made.settings)]
    assert told == [("kill.release", "operator:ana"), ("kill.on", "operator:zoe")]


def test_a_drill_writes_no_file(settings: Settings) -> None:
    receipt = verbs.kill(settings, drill=True)

    assert (receipt.flagged_after_s, receipt.stored_after_s, receipt.trouble) == (None, None, ())
    assert not flag_path(settings.paths.db).exists()


def test_what_is_only_in_the_log_is_read_while_its_index_can_be_written(settings: Settings) -> None:
    with service.writer(settings) as writing:
        writing.execute("UPDATE outbox SET state = 'unknown'")
        conn = open_as_it_is(settings.paths.db)
        assert conn is not None
        assert conn.execute("SELECT state FROM outbox").fetchone()["state"] == "unknown"
        conn.close()


def test_a_missing_store_is_not_made_by_reading_it(tmp_path: Path) -> None:
    assert open_as_it_is(tmp_path / "none.db") is None
    assert os.listdir(tmp_path) == ["home"]
