"""Commands that stop somebody take them out of the sandbox's sequence, or say what to do by hand."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from cmo.domain.event import PersonOptedOut
from cmo.sandbox.vendors.instantly.rows import ACTIVE_ID
from cmo.store.commit import commit
from cmo.store.db import open_store
from tests.cli.harness import Cmo
from tests.fakes.campaign import campaign, sandbox_settings
from tests.fakes.clock import NOON
from tests.fakes.ledger import ledger_row

BEN = "maint2@org2.example"


@pytest.fixture
def cmo(tmp_path: Path) -> Cmo:
    """Three people were handed to a sequence."""
    folder, home = tmp_path / "project", tmp_path / "own-home"
    folder.mkdir()
    home.mkdir()
    campaign(home, 3, settings=sandbox_settings(home), plan={"mailer": "instantly", "sequence_id": ACTIVE_ID})
    found = Cmo(home, folder, env={"CMO_SANDBOX": "1"})
    assert found("send", "--hold", "0", "--yes").code in (0, 3)
    return found


def withdrawals(cmo: Cmo) -> list[str]:
    return [row["state"] for row in cmo("outbox", "list", "--where", "op:withdraw", "--json").document["data"]]


def test_suppressing_takes_people_out_at_once_and_all_agree(cmo: Cmo) -> None:
    result = cmo("leads", "suppress", BEN, "--reason", "asked", "--json")
    assert (result.code, result.document["data"]["withdrawn"], result.document["data"]["still_in"]) == (0, 1, [])
    assert withdrawals(cmo) == ["confirmed"]
    assert cmo("reconcile").code == 0


def test_a_job_that_finds_that_somebody_objects_takes_them_out_at_its_end(cmo: Cmo) -> None:
    with closing(open_store(sandbox_settings(cmo.home).paths.db)) as conn:
        (job,) = conn.execute("SELECT id FROM jobs").fetchall()
        objected = PersonOptedOut(login="maint2", words="no cold email", source_url="https://github.com/maint2")
        commit(conn, job["id"], [("bio", objected)], at=NOON, epoch=None)
    assert cmo.spawn("run", "find 1 py maintainer", "--yes").code in (0, 3)
    assert withdrawals(cmo) == ["confirmed"]


def test_an_import_takes_out_everybody_in_it(cmo: Cmo) -> None:
    (cmo.folder / "stop.csv").write_text(f"email\n{BEN}\nmaint3@org3.example\n")
    assert cmo("leads", "suppress", "--import", "stop.csv", "--dry-run", "--json").document["data"]["withdrawn"] == 0
    assert cmo("leads", "suppress", "--import", "stop.csv", "--json").document["data"]["withdrawn"] == 2


def test_what_cannot_be_done_is_told_with_the_step_by_hand(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    made = campaign(tmp_path / "own-home", 2)
    with closing(made.open()) as conn:
        ledger_row(conn, made.job_id, BEN)
    cmo = Cmo(tmp_path / "own-home", folder)
    result = cmo("leads", "suppress", BEN, "--reason", "asked")
    told = " ".join(result.err.split())
    assert f"instantly may still mail {BEN}" in told
    assert f"Open instantly, and delete {BEN} from campaign camp-1." in told
    assert result.code == 0
    assert withdrawals(cmo) == ["planned"]


@pytest.mark.parametrize(
    "argv", [("leads", "suppress", "@maint2"), ("leads", "suppress", "org2.example"), ("forget", BEN)]
)
def test_a_rehearsal_says_who_would_be_taken_out_and_takes_nobody_out(cmo: Cmo, argv: tuple[str, ...]) -> None:
    assert "Would take out of the sequence they were handed to: 1." in cmo(*argv, "--dry-run").err
    assert withdrawals(cmo) == []
    assert cmo("leads", "suppress", "--list", "--json").document["data"] == []


def test_erasing_takes_people_out_first(cmo: Cmo) -> None:
    result = cmo("forget", BEN, "--yes", "--json")
    data = result.document["data"]
    assert (result.code, data["withdrawn"], data["still_in"]) == (0, 1, [])
    assert withdrawals(cmo) == ["confirmed"]
