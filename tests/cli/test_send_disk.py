"""`cmo send` where the disk is full, in processes of their own: it says so, and goes on once there is room."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmo.domain.outbox import OutboxState
from tests.cli.harness import Cmo
from tests.cli.test_send import made_for
from tests.fakes.campaign import Campaign
from tests.fakes.disk import no_room

BEFORE_ALL, AT_THE_CLAIM, AFTER_THE_CALL = 0, 12, 16
"""Pages for which there is room in the store's log."""


@pytest.fixture
def cmo(tmp_path: Path) -> Cmo:
    folder = tmp_path / "project"
    folder.mkdir()
    return Cmo(tmp_path / "own-home", folder, env={"CMO_SANDBOX": "1", "PYTHONDONTWRITEBYTECODE": "1"})


def states(made: Campaign) -> set[str]:
    conn = made.open()
    found = {row["state"] for row in conn.execute("SELECT state FROM outbox")}
    conn.close()
    return found


@pytest.mark.parametrize(
    ("pages", "left", "recorded"),
    [
        (BEFORE_ALL, 0, set()),
        (AT_THE_CLAIM, 0, {OutboxState.PLANNED}),
        (AFTER_THE_CALL, 3, {OutboxState.CLAIMED}),
    ],
)
def test_a_full_disk_ends_it_with_73_and_the_next_one_sends_the_rest_once(
    cmo: Cmo, pages: int, left: int, recorded: set[str]
) -> None:
    made = made_for(cmo)
    with no_room(made.settings.paths.db, pages=pages):
        stopped = cmo.spawn("send", "--hold", "0", "--yes")
    assert (stopped.code, len(made.mails), states(made)) == (73, left, recorded)
    assert "the disk is full" in stopped.err
    assert "`cmo --sandbox send` for mail" in stopped.err
    again = cmo.spawn("send", "--hold", "0", "--yes", "--json")
    assert again.code == 0, again.err
    assert again.document["data"]["confirmed"] == 3
    assert (len(made.mails), states(made)) == (3, {OutboxState.CONFIRMED})
