"""Taking back and holding while another process claims: each row has one winner, and the loser is told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from cmo.domain.job import Mode
from cmo.domain.letters import Route
from cmo.domain.policy import Limits
from cmo.providers.maildir.client import SEND
from cmo.store import outbox_hand
from cmo.store.audit import iter_audit
from cmo.store.db import Connection
from cmo.store.gate import SendGate
from cmo.store.outbox import claim
from cmo.store.outbox_hand import ByHand
from tests.fakes.campaign import Campaign, campaign
from tests.fakes.clock import NOON
from tests.store.test_gate import LOOSE, SAM, Bench

PEOPLE = 24
Verb = Callable[..., ByHand]


def claim_all(made: Campaign, ready: threading.Barrier, claimed: list[int]) -> None:
    """Take one row after the other, as a worker does."""
    gate = SendGate(made.job_id, Mode.SEND_ALLOWED, Limits(**LOOSE), (SAM,), b"secret", Route(mailer="maildir"))
    with closing(made.open()) as conn:
        ready.wait()
        while True:
            taken = claim(conn, SEND, job_id=made.job_id, gate=gate, now=NOON, holder="here:1", size=1, scan=1)
            claimed += [row.id for row in taken.claimed]
            if not taken.claimed:
                return


@pytest.mark.parametrize(("verb", "action"), [(outbox_hand.recall, "outbox.recall"), (outbox_hand.hold, "outbox.hold")])
def test_a_row_is_claimed_or_taken_out_of_the_way_and_never_both(tmp_path: Path, verb: Verb, action: str) -> None:
    made = campaign(tmp_path / "campaign", PEOPLE)
    with closing(made.open()) as conn:
        Bench(made, conn)
        ids = [row["id"] for row in conn.execute("SELECT id FROM outbox ORDER BY id DESC")]
        ready, claimed = threading.Barrier(2), list[int]()
        worker = threading.Thread(target=claim_all, args=(made, ready, claimed))
        worker.start()
        ready.wait()
        told = [verb(conn, [id_], by="operator:ana", at=NOON) for id_ in ids]
        worker.join()

        won = [id_ for one in told for id_ in one.done]
        lost = {stays.id: stays.why for one in told for stays in one.stays}
        assert sorted([*won, *claimed]) == sorted(ids)
        assert lost == dict.fromkeys(claimed, "it is leaving right now")
        rows = list(iter_audit(conn, action=action))
        assert sorted(row.object for row in rows) == sorted(f"outbox:{id_}" for id_ in won)
        assert {row.actor for row in rows} <= {"operator:ana"}


def test_two_people_who_release_one_row_are_told_who_was_first(tmp_path: Path) -> None:
    made = campaign(tmp_path / "campaign", 1)
    with closing(made.open()) as conn, closing(made.open()) as other:
        Bench(made, conn)
        outbox_hand.hold(conn, None, by="operator:ana", at=NOON)

        def release(conn: Connection, by: str, at: datetime = NOON) -> Any:
            return outbox_hand.release(conn, [1], by=by, at=at)

        assert release(conn, "operator:ana").done == (1,)
        (stays,) = release(other, "operator:zoe").stays
        assert stays.why == "it waits and is not held"
