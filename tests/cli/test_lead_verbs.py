"""`cmo leads outcome`, `status`, `note`: said by login, address or page; undone; told in every form."""

from __future__ import annotations

import pytest

from tests.cli.harness import Cmo
from tests.cli.seed import seed


@pytest.fixture
def job(cmo: Cmo) -> str:
    return seed(cmo.home)


def test_an_outcome_is_said_shown_filtered_by_and_taken_back(cmo: Cmo, job: str) -> None:
    said = cmo("leads", "outcome", "@Ana", "Booked_Demo")
    assert said.code == 0
    assert "ana is MEETING_BOOKED, outcome booked_demo." in said.err
    assert "Nothing leaves to them, nor to anybody else there, from now on." in " ".join(said.err.split())
    assert "cmo leads outcome ana --clear" in said.err
    assert cmo("leads", "outcome", "ana", "booked_demo", "--json").document["data"]["changed"] is False
    assert "Status    MEETING_BOOKED, outcome booked_demo" in cmo("leads", "show", "ana", out_tty=True).out
    (row,) = cmo("leads", "list", "--where", "outcome:booked_demo", "--json").document["data"]
    assert (row["login"], row["status"], row["outcome"]) == ("ana", "MEETING_BOOKED", "booked_demo")
    assert "outcome booked_demo, booked, by" in cmo("leads", "why", "ana", out_tty=True).out

    assert "Would write it down" in cmo("leads", "outcome", "ana", "--clear", "-n").err
    assert cmo("leads", "outcome", "ana", "--clear", "--json").document["data"] == {
        "job_id": job, "login": "ana", "status": "NEW", "outcome": None, "changed": True, "dry_run": False,
    }  # fmt: skip
    assert cmo("leads", "list", "--where", "-outcome:none").code == 4


def test_a_note_is_read_from_standard_input_and_gives_no_orders_to_a_terminal(cmo: Cmo, job: str) -> None:
    assert cmo("leads", "note", "ana", "-", stdin="called\n\x1b]52;c;aGk=\x07 twice [/]").code == 0
    shown = cmo("leads", "why", "ana", "--plain", out_tty=True).out
    assert ": called ]52;c;aGk= twice [/]" in shown
    assert "\x1b" not in shown
    assert "called ]52;c;aGk= twice [/]" in cmo("leads", "show", "ana", "--plain", out_tty=True).out
    assert cmo("leads", "show", "ana", "--json").document["data"]["notes"][0]["text"] == "called\n]52;c;aGk= twice [/]"


def test_a_status_is_set(cmo: Cmo, job: str) -> None:
    assert "ana is QUALIFIED." in cmo("leads", "status", "ana", "qualified").err
    assert cmo("leads", "list", "--where", "status:qualified").code == 0


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (["outcome", "ana"], 2),
        (["outcome", "ana", "closed_won", "--clear"], 2),
        (["outcome", "ana", "married"], 2),
        (["status", "ana", "HAPPY"], 2),
        (["outcome", "nobody", "closed_won"], 4),
        (["note", "dee", "a bot"], 4),
        (["note", "ana", "  "], 65),
    ],
)
def test_what_cannot_be_said_is_refused(cmo: Cmo, job: str, argv: list[str], code: int) -> None:
    assert cmo("leads", *argv).code == code
