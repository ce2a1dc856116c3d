"""`cmo errors review`: the whole job of the Errors screen, line by line."""

from __future__ import annotations

from typing import Any

import pytest

from cmo.store.audit import iter_audit
from cmo.store.db import open_store
from cmo.store.switches import KILL, SENDING, find_switch, switch_on
from tests.cli.harness import NOW, Cmo, Result
from tests.cli.seed import seed_failures


@pytest.fixture
def job(cmo: Cmo) -> str:
    return seed_failures(cmo.home)


def review(cmo: Cmo, answers: str, *argv: str) -> Result:
    result = cmo("errors", "review", *argv, tty=True, out_tty=True, stdin=answers)
    assert result.code == 0, result.err
    return result


def groups(cmo: Cmo) -> dict[str, dict[str, Any]]:
    """Stage -> its group."""
    return {row["stage"]: row for row in cmo("errors", "list", "--json").document["data"]}


def shown(result: Result) -> list[str]:
    """The stages of the groups that were shown, in order."""
    return [line.split(" at ")[1].split(",")[0] for line in result.out.splitlines() if line.startswith("Group ")]


def audited(cmo: Cmo, action: str = "errors.") -> list[str]:
    """What was done, the first first."""
    conn = open_store(cmo.home / "campaign.db")
    found = [row.action for row in iter_audit(conn, action=action)]
    conn.close()
    return found[::-1]


@pytest.mark.parametrize(("tty", "out_tty"), [(False, False), (True, False), (False, True)])
def test_going_through_errors_needs_a_terminal_both_ways(cmo: Cmo, job: str, *, tty: bool, out_tty: bool) -> None:
    assert cmo("errors", "review", stdin="skip\n", tty=tty, out_tty=out_tty).code == 5
    assert audited(cmo) == []


def test_each_group_is_told_in_parts_and_an_answer_does_what_its_command_does(cmo: Cmo, job: str) -> None:
    result = review(cmo, "skip\nD\nno use\n")

    for part in ("What it means", "What cmo did", "Example"):
        assert result.out.count(part) == 2, part
    assert "cmo errors skip" not in result.out
    first, second = shown(result)
    assert groups(cmo)[first]["skipped"] == groups(cmo)[first]["count"]
    assert groups(cmo)[second]["dead"] == groups(cmo)[second]["count"]
    assert audited(cmo) == ["errors.skip", "errors.deadletter"]
    assert "no group needs you" in result.err


def test_members_behind_an_answer_narrow_it_and_what_is_left_is_shown_again(cmo: Cmo, job: str) -> None:
    result = review(cmo, "i\nskip nobody\nskip maint2 maint3\nr maint4\nn\n", "--where", "stage:enrich")

    assert shown(result) == ["enrich"] * 3
    assert "maint11  1 attempt" in result.out
    assert "None of these is to be changed" in result.err
    assert (groups(cmo)["enrich"]["skipped"], groups(cmo)["enrich"]["count"]) == (2, 11)
    assert "Go on: cmo resume" in result.err


def test_undo_takes_back_exactly_what_this_sitting_set_aside(cmo: Cmo, job: str) -> None:
    cmo("errors", "deadletter", "maint1", "--reason", "gone")

    result = review(cmo, "skip maint2\nskip maint3\nu\nu\nq\n", "--where", "stage:enrich")

    assert (groups(cmo)["enrich"]["dead"], groups(cmo)["enrich"]["skipped"]) == (1, 0)
    assert "nothing changed" in result.err
    assert shown(review(cmo, "skip\nu\nq\n", "--where", "stage:send")) == ["send", "send"]
    assert groups(cmo)["send"]["skipped"] == 0
    assert review(cmo, "u\nq\n", "--where", "stage:enrich").code == 0
    assert groups(cmo)["enrich"]["dead"] == 0


def test_what_may_have_arrived_is_left_as_it_is_and_told(cmo: Cmo, job: str) -> None:
    result = review(cmo, "retry\n", "--where", "stage:send")

    assert "Pending again: 0 for the job, 1 to send." in result.err
    assert "1 left as they are: may have arrived" in " ".join(result.err.split())
    assert "Go on: cmo send" in result.err


def test_sending_is_paused_goes_on_and_is_stopped_from_here(cmo: Cmo, job: str) -> None:
    review(cmo, "P\nP\n4\n20\nq\n")
    conn = open_store(cmo.home / "campaign.db")
    pause = find_switch(conn, f"{SENDING}:{job}", now=NOW)
    conn.close()
    assert pause is not None
    assert pause.until is not None
    result = review(cmo, "P\n9\nP\nnever\nP\n6\n!\nq\n")

    assert "Sending paused" in result.err
    assert "Sending goes on." in result.err
    conn = open_store(cmo.home / "campaign.db")
    assert find_switch(conn, KILL, now=NOW) is not None
    conn.close()
    assert "ALL SENDING STOPPED by sebastian" in review(cmo, "q\n").err


def test_a_ticket_that_cannot_be_filed_is_told_and_the_group_is_asked_about_again(cmo: Cmo, job: str) -> None:
    result = review(cmo, "t\nskip\nq\n")

    assert "cmo config set linear.team" in " ".join(result.err.split())
    assert len(shown(result)) == 2
    assert audited(cmo) == ["errors.skip"]


def test_who_listens_gets_a_numbered_list_once_and_no_signs(cmo: Cmo, job: str) -> None:
    result = review(cmo, "1\n?\n0\n", "--accessible")

    assert result.err.count("  3. skip [MEMBER...] (s): go on without it; can be undone") == 2
    assert result.err.count("  0. quit") == 2
    assert (result.out + result.err).replace("\x1b", "").isascii()


def test_groups_that_were_set_aside_come_only_when_asked_for(cmo: Cmo, job: str) -> None:
    review(cmo, "skip\nskip\n")

    assert shown(review(cmo, "")) == []
    first, second, *again = shown(review(cmo, "n\nb\nn\nn\n", "--where", "state:skipped"))
    assert again == [first, second]


def test_a_pause_of_all_jobs_is_named_as_one(cmo: Cmo, job: str) -> None:
    conn = open_store(cmo.home / "campaign.db")
    switch_on(conn, SENDING, by="system", at=NOW, reason="41x 3f9a1c00", action="sending.pause")
    conn.close()

    assert "cmo resume --sending" in " ".join(review(cmo, "q\n").err.split())
