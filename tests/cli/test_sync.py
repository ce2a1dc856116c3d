"""`cmo sync` and `cmo reconcile` against the sandbox's CRM."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cmo.domain.draft import Step
from cmo.domain.event import DraftRendered
from cmo.domain.job import Mode
from cmo.sandbox.vendors.attio import LIST_ID
from cmo.sandbox.vendors.instantly.rows import ACTIVE_ID
from cmo.store.commit import commit
from tests.cli.harness import Cmo
from tests.fakes.campaign import Campaign, approve, campaign, sandbox_settings
from tests.fakes.clock import NOON
from tests.fakes.drafts import rendered_factory


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
    assert planned[("maint1", "attio.note")] == "create"
    result = cmo("sync", "--yes", "--json")
    assert (result.code, result.document["data"]["confirmed"]) == (0, 6), result.err


def test_what_a_provider_does_not_have_is_a_wrong_setting_and_not_an_outage(cmo: Cmo) -> None:
    made_for(cmo)
    assert cmo("sync", "--dry-run", "--list", "nope").code == 78
    for campaign_id in ("nope", "00000000-0000-4000-8000-000000000000"):
        cmo("jobs", "set", "last", "mailer=instantly", f"sequence_id={campaign_id}")
        assert cmo("send", "--dry-run").code == 78


def test_through_a_service_with_sequences_everything_arrives_once_and_all_agree(cmo: Cmo) -> None:
    cmo.home.mkdir()
    made = campaign(
        cmo.home, 3, settings=sandbox_settings(cmo.home),
        plan={"mailer": "instantly", "sequence_id": ACTIVE_ID, "crm": "attio", "list_id": LIST_ID},
    )  # fmt: skip
    with made.open() as conn:
        follow_up = rendered_factory(3, step=Step.FOLLOW_UP_1, subject="Once more")
        commit(conn, made.job_id, [("follow-up", DraftRendered(number=3, rendered=follow_up))], at=NOON, epoch=None)
        approve(conn, made.settings, made.job_id, [4])
    conn.close()
    rehearsed = cmo("send", "--dry-run", "--json").document["data"]
    assert {row["draft_id"]: row["rule"] for row in rehearsed} == {1: None, 2: None, 3: None, 4: "sequence"}
    assert [cmo("send", "--hold", "0", "--yes").code for _ in range(2)] == [0, 0]
    assert [cmo("sync", "--yes").code for _ in range(2)] == [0, 0]
    books = json.loads((made.settings.paths.sandbox_dir / "books.json").read_text())["doors"]
    calls = [json.loads(call["body"]) for call in books["instantly"]["calls"] if call["path"] == "/api/v2/leads/add"]
    assert sorted(lead["email"] for call in calls for lead in call["leads"]) == [
        f"maint{n}@org{n}.example" for n in (1, 2, 3)
    ]
    result = cmo("reconcile", "--json")
    assert result.code == 0
    assert {row["finding"] for row in result.document["data"]} == {"agree"}
    assert len(result.document["data"]) == 3 * 4  # mail, person, place on the list, note


def test_reconcile_names_the_fields_that_differ_and_overwrites_only_where_asked(cmo: Cmo) -> None:
    made = made_for(cmo, 1)
    assert cmo("sync", "--yes").code == 0
    file = made.settings.paths.sandbox_dir / "books.json"
    books = json.loads(file.read_text())
    (person,) = books["doors"]["attio"]["vendor"]["people"].values()
    person["name"] = {"first_name": "Annie", "last_name": "", "full_name": "Annie"}
    file.write_text(json.dumps(books))
    looked = cmo("reconcile", "--repair", "--yes", "--json")
    (row,) = looked.document["data"]
    assert (looked.code, row["finding"], row["differs"], row["repair"]) == (3, "differs", {"name": "Annie"}, "")
    assert row["message"] == "name is “Annie” there, “Ana 1” here."
    planned = cmo("reconcile", "--repair", "--overwrite", "--yes", "--json")
    assert planned.document["data"][0]["writes"] == ["name"]
    assert cmo("sync", "--yes", "--json").document["data"]["effects"] == {"updated": 1}
    assert cmo("reconcile").code == 0
