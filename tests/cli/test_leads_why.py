"""`cmo leads why`: drafts, approvals, the outbox and every no of the gate."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.harness import Cmo
from tests.fakes.campaign import Campaign, campaign, sandbox_settings
from tests.service.test_sending import send_all, sending_of, suppress


@pytest.fixture
def cmo(tmp_path: Path) -> Cmo:
    folder = tmp_path / "project"
    folder.mkdir()
    return Cmo(tmp_path / "own-home", folder, env={"CMO_SANDBOX": "1"})


@pytest.fixture
def sent(cmo: Cmo) -> Campaign:
    """Of two mails one was outside working hours, one to a person who was suppressed a second before."""
    cmo.home.mkdir()
    made = campaign(cmo.home, 2, settings=sandbox_settings(cmo.home))
    with sending_of(made) as sending:
        sending.delivery.conn.execute("UPDATE drafts SET time_zone = 'Asia/Tokyo' WHERE id = 1")
        suppress(sending.delivery.conn, "maint2@org2.example")
        send_all(sending)
    return made


def test_a_no_of_the_gate_is_told_with_its_rule_and_when_it_is_asked_again(cmo: Cmo, sent: Campaign) -> None:
    shown = cmo("leads", "why", "maint1", out_tty=True, env={"COLUMNS": "160"}).out
    assert "1 first_touch, approved, version 1; approved by operator:ana" in shown
    assert "1 maildir.send, planned, tries: 0" in shown
    assert "window: It is outside working hours in Asia/Tokyo. (asked 1 time; again from " in shown
    assert f"  cmo --sandbox send {sent.job_id}\n" in shown


@pytest.mark.parametrize("name", ["org1.example", "Org 1"])
def test_a_person_of_a_suppressed_company_must_not_be_contacted(cmo: Cmo, sent: Campaign, name: str) -> None:
    assert "Must not be contacted" not in cmo("leads", "why", "maint1", out_tty=True).out
    cmo("leads", "suppress", name, "--kind", "account", "--reason", "their lawyer wrote")

    assert (
        "Must not be contacted: their lawyer wrote (operator:sebastian)"
        in cmo("leads", "why", "maint1", out_tty=True).out
    )


def test_as_json_each_decision_is_an_object(cmo: Cmo, sent: Campaign) -> None:
    data = cmo("leads", "why", "maint2", "--json").document["data"]
    assert [(draft["id"], draft["state"], draft["approved_by"]) for draft in data["drafts"]] == [
        (2, "approved", "operator:ana")
    ]
    (write,) = data["outbox"]
    assert (write["state"], [line["rule"] for line in write["decisions"]]) == ("failed", ["suppressed"])
    assert write["decisions"][0]["next"] == "cmo --sandbox leads suppress --list"


def test_lifting_one_name_of_a_person_says_what_else_still_forbids_it(cmo: Cmo, sent: Campaign) -> None:
    for name in ("maint1@org1.example", "@maint1"):
        cmo("leads", "suppress", name, "--reason", f"asked as {name}")
    lifted = " ".join(cmo("leads", "suppress", "maint1@org1.example", "--remove", "--yes").err.split())
    assert "Lifted: email maint1@org1.example." in lifted
    assert ("They must still not be contacted: login maint1" in lifted) == (
        "Must not be contacted" in cmo("leads", "why", "maint1", out_tty=True).out
    )
    cmo("leads", "suppress", "maint1@org1.example", "--reason", "asked")
    lifted = " ".join(cmo("leads", "suppress", "maint1", "--remove", "--yes").err.split())
    assert "They must still not be contacted: email maint1@org1.example (asked, operator:sebastian)." in lifted


def test_what_stops_a_mail_before_it_is_claimed_is_told_with_its_rule(cmo: Cmo, sent: Campaign) -> None:
    assert cmo("leads", "why", "maint1", "--json").document["data"]["next_mail"]["rule"] == "window"
    conn = sent.open()
    conn.execute("UPDATE approvals SET expires_at = '2026-11-01T00:00:00+00:00'")
    conn.close()
    shown = " ".join(cmo("leads", "why", "maint1", out_tty=True, env={"COLUMNS": "160"}).out.split())
    assert "Now stays, approval: The approval expired on 2026-11-01 00:00." in shown
    assert cmo("kill").code == 0
    shown = cmo("leads", "why", "maint1", out_tty=True, env={"COLUMNS": "160"}).out
    assert "stays, kill_switch: " in shown
    assert "cmo --sandbox kill --release" in shown


def test_of_somebody_who_must_not_be_contacted_the_next_mail_is_told_too(cmo: Cmo, sent: Campaign) -> None:
    assert cmo("leads", "why", "maint2", "--json").document["data"]["next_mail"]["rule"] == "suppressed"
