"""`cmo sync` and `cmo reconcile` against the sandbox's CRM."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmo.domain.job import Mode
from tests.cli.harness import Cmo
from tests.fakes.campaign import Campaign, campaign, sandbox_settings


@pytest.fixture
def cmo(tmp_path: Path) -> Cmo:
    folder = tmp_path / "project"
    folder.mkdir()
    return Cmo(tmp_path / "own-home", folder, env={"CMO_SANDBOX": "1"})


def made_for(cmo: Cmo, n: int = 3, mode: Mode = Mode.SEND_ALLOWED) -> Campaign:
    cmo.home.mkdir()
    return campaign(cmo.home, n, mode=mode, settings=sandbox_settings(cmo.home))


def effects(rows: list[dict[str, str]]) -> dict[tuple[str, str], str]:
    return {(row["login"], row["operation"]): row["rule"] or row["effect"] for row in rows}


def test_in_draft_only_the_crm_is_told_nothing(cmo: Cmo) -> None:
    made_for(cmo, mode=Mode.DRAFT_ONLY)
    result = cmo("sync", "--yes")
    assert result.code == 77
    assert "sync 000000 --dry-run" in result.err


def test_a_dry_run_says_of_each_person_what_the_crm_would_do(cmo: Cmo) -> None:
    made = made_for(cmo)
    with made.open() as conn:
        conn.execute("UPDATE leads SET held = 1, email_class = 'commit' WHERE login_key = 'maint2'")
    conn.close()
    before = effects(cmo("sync", "--dry-run", "--json").document["data"])
    assert before == {
        ("maint1", "attio.person"): "create", ("maint3", "attio.person"): "create", ("maint2", "attio.person"): "hold",
    }  # fmt: skip
    assert cmo("sync", "--yes", "--json").document["data"]["effects"] == {"created": 2}
    assert effects(cmo("sync", "--dry-run", "--json").document["data"]) == {("maint2", "attio.person"): "hold"}


def test_a_note_is_written_for_each_mail_that_left_and_all_agree(cmo: Cmo) -> None:
    made_for(cmo)
    assert cmo("send", "--hold", "0", "--yes").code == 0
    planned = effects(cmo("sync", "--dry-run", "--json").document["data"])
    assert planned[("maint1", "attio.note")] == "write"
    result = cmo("sync", "--yes", "--json")
    assert (result.code, result.document["data"]["confirmed"]) == (0, 6), result.err
