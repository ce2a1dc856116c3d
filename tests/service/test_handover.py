from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from cmo.domain.job import Mode
from cmo.errors import PolicyRefused
from cmo.service.handover import hand_over, look
from tests.fakes.campaign import Campaign, approve, campaign
from tests.fakes.clock import NOON


def states(made: Campaign) -> list[tuple[int, str]]:
    with made.open() as conn:
        found = [(row["draft_id"], row["state"]) for row in conn.execute("SELECT * FROM outbox ORDER BY draft_id")]
    conn.close()
    return found


def test_exactly_what_was_looked_at_leaves_once_the_hold_is_over(tmp_path: Path) -> None:
    made = campaign(tmp_path, 3, approved=(1, 2))
    preview, said = look(made.settings, made.job_id, found=made.found)
    assert said.lines[0] == "2 leave by maildir, from sam@field.example."
    with made.open() as conn:
        approve(conn, made.settings, made.job_id, [3])
    conn.close()
    told: list[datetime] = []
    came, stopped = hand_over(made.settings, preview, handed=told.append, is_left=lambda: False, found=made.found)
    assert (came.confirmed, stopped) == (2, "")
    assert states(made) == [(1, "confirmed"), (2, "confirmed")]
    assert len(made.mails) == 2
    assert (told[0] - NOON).total_seconds() == made.settings.hold_minutes * 60
    assert made.clock.now() >= told[0]


def test_who_leaves_during_the_hold_sends_nothing_and_what_was_handed_over_waits(tmp_path: Path) -> None:
    made = campaign(tmp_path, 2)
    preview, _ = look(made.settings, made.job_id, found=made.found)
    came, stopped = hand_over(
        made.settings, preview, handed=lambda at: None, is_left=lambda: made.clock.now() > NOON, found=made.found
    )
    assert (came.confirmed, made.mails) == (0, [])
    assert stopped.startswith("Left before the end.")
    assert states(made) == [(1, "planned"), (2, "planned")]


def test_a_lock_that_came_after_the_look_refuses_the_hand_over(tmp_path: Path) -> None:
    made = campaign(tmp_path, 1)
    preview, _ = look(made.settings, made.job_id, found=made.found)
    with made.open() as conn:
        conn.execute("UPDATE jobs SET plan = json_set(plan, '$.mode', ?)", (Mode.DRAFT_ONLY,))
    conn.close()
    with pytest.raises(PolicyRefused, match="DRAFT-ONLY"):
        hand_over(made.settings, preview, handed=lambda at: None, is_left=lambda: False, found=made.found)
    assert states(made) == []
