"""`cmo watch` line by line: a sentence for what changes around the job, with what to type."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from cmo.domain import event as ev
from cmo.domain.job import Stage
from cmo.domain.lead import ItemFailure
from cmo.store import journal
from cmo.store.db import Connection, open_store
from cmo.store.switches import KILL, SENDING, switch_off, switch_on
from tests.cli.harness import NOW, Cmo
from tests.fakes.drafts import store_with_drafts
from tests.fakes.ledger import ledger_row
from tests.tui.runs import tell

Change = Callable[[Connection], object]


@pytest.fixture
def job(cmo: Cmo) -> str:
    """Three drafts wait; the job runs in this process."""
    conn, found = store_with_drafts(cmo.home / "campaign.db", 3)
    conn.execute("UPDATE jobs SET status = 'running'")
    tell(conn, found, 0, ev.JobStarted(by="operator:test", resumed=False), ev.StageEntered(stage=Stage.ENRICH))
    journal.acquire_lease(conn, found, owner=journal.this_process(), now_s=time.time())
    conn.close()
    return found


def told(cmo: Cmo, changes: list[Change], *argv: str) -> list[str]:
    """What is said, line by line, where one of `changes` comes at each look, 40 s after the one before."""
    left: Iterator[Change] = iter(changes)
    looks = 0

    def at_a_look(seconds: float) -> None:
        nonlocal looks
        looks += 1
        conn = open_store(cmo.home / "campaign.db")
        next(left)(conn)
        conn.close()

    cmo.sleep = at_a_look
    cmo.now = lambda: NOW + timedelta(seconds=40 * looks)
    result = cmo("watch", *argv)
    assert result.code == 0, result.err
    return (result.err + result.out).splitlines()


def finish(job: str) -> Change:
    return lambda conn: tell(conn, job, 500, ev.JobFinished(summary="Found 3 good leads.", good_leads=3))


def test_what_stops_pauses_and_waits_is_told_once_and_so_is_its_end(cmo: Cmo, job: str) -> None:
    lines = told(
        cmo,
        [
            lambda conn: switch_on(conn, KILL, by="operator:ana", at=NOW, reason="bounces", action="kill.on"),
            lambda conn: None,
            lambda conn: switch_off(conn, KILL, by="operator:ana", at=NOW, reason="", action="kill.release"),
            lambda conn: switch_on(
                conn, f"{SENDING}:{job}", by="system", at=NOW, reason="41x 3f9a", action="sending.pause"
            ),
            lambda conn: tell(conn, job, 9, ev.StageEntered(stage=Stage.EMAILS), failure("auth_rejected")),
            lambda conn: conn.execute(
                "UPDATE outbox SET is_held = 1 WHERE id = ?", (ledger_row(conn, job, "p@p.example", state="unknown"),)
            ),
            finish(job),
        ],
    )

    text = "\n".join(lines)
    assert f"{job} is running: enrich" in lines[0]
    assert lines[1] == "3 drafts wait for you: cmo drafts review --job 000000"
    assert text.count("ALL SENDING STOPPED by ana") == 1
    assert "bounces. Let it go on: cmo kill --release --reason TEXT" in text
    assert text.count("All sending is not stopped any more.") == 1
    assert "41x 3f9a. When to go on: cmo resume 000000 --sending" in text
    assert "1 group of errors needs you: cmo errors review --job 000000" in text
    assert sum(line.startswith("Broken: ") for line in lines) == 1
    assert "only you can say: cmo outbox review --job 000000 --where state:unknown" in text
    assert any(line.endswith("emails started") for line in lines)
    assert "still working: enrich" in text
    assert "warning: Sending paused" in text.partition("Finished.")[2]


def failure(code: str) -> ev.Event:
    known = ItemFailure(item="maint1", code=code, message="401")
    return ev.ItemFailed(tool="enrich_github_user", stage=Stage.ENRICH, failure=known)
