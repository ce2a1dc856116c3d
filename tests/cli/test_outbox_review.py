"""`cmo outbox review`: the whole job of the Outbox screen, line by line. In the sandbox, at noon of a Friday."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.harness import Cmo, Result
from tests.cli.test_outbox import audited, change, rows
from tests.fakes.campaign import Campaign, campaign, sandbox_settings
from tests.service.test_sending import HOLD, sending_of


@pytest.fixture
def cmo(tmp_path: Path) -> Cmo:
    folder = tmp_path / "project"
    folder.mkdir()
    return Cmo(tmp_path / "own-home", folder, env={"CMO_SANDBOX": "1"})


@pytest.fixture
def handed_over(cmo: Cmo) -> Campaign:
    """Four mails in their hold."""
    cmo.home.mkdir()
    made = campaign(cmo.home, 4, settings=sandbox_settings(cmo.home))
    with sending_of(made) as sending:
        due_at = sending.now() + HOLD
        sending.hand_over(sending.preview(due_at=due_at), due_at=due_at, limited=False)
    return made


def review(cmo: Cmo, answers: str, *argv: str) -> Result:
    result = cmo("outbox", "review", *argv, tty=True, out_tty=True, stdin=answers)
    assert result.code == 0, result.err
    return result


def shown(result: Result) -> list[int]:
    """The rows that were shown, in order."""
    return [int(line.split()[1]) for line in result.out.splitlines() if line.startswith("Row ")]


@pytest.mark.parametrize(("tty", "out_tty"), [(False, False), (True, False), (False, True)])
def test_going_through_the_outbox_needs_a_terminal_both_ways(
    cmo: Cmo, handed_over: Campaign, *, tty: bool, out_tty: bool
) -> None:
    assert cmo("outbox", "review", stdin="recall all\n", tty=tty, out_tty=out_tty).code == 5
    assert set(rows(cmo)) == {1, 2, 3, 4}


def test_each_answer_does_what_its_command_does_and_the_next_row_is_shown(cmo: Cmo, handed_over: Campaign) -> None:
    result = review(cmo, "n\nb\nrecall\nh\nl\nn\nb\nh\n0\n")

    assert shown(result) == [1, 2, 1, 2, 3, 4, 3, 4]
    assert "held 10:00, not before Fri 20 Nov 12:10" in " ".join(result.out.split())
    assert rows(cmo) == {2: "held", 3: "held", 4: "planned"}
    assert "1 row recalled; the drafts stay approved." in result.err
    assert "3 stays: it waits and is not held." in result.err
    assert audited(handed_over, "outbox.recall") == [("outbox:1", "recalled", False)]
    assert "Deliver: cmo --sandbox send" in result.err


def test_what_may_have_left_comes_first_and_only_a_person_says_whether_it_arrived(
    cmo: Cmo, handed_over: Campaign
) -> None:
    change(handed_over, "UPDATE outbox SET state = 'unknown', is_held = 1, attempts = 1, claimed_s = 1 WHERE id > 2")
    result = review(cmo, "l\n\nl\n2\nl\n3\nq\n", "--accessible")

    assert shown(result) == [3, 4, 1]
    assert rows(cmo) == {1: "planned", 2: "planned", 3: "confirmed", 4: "planned"}
    assert len(audited(handed_over, "outbox.settle")) == 2


def test_all_that_are_left_are_held_or_recalled_at_once(cmo: Cmo, handed_over: Campaign) -> None:
    review(cmo, "n\nhold all\n")
    assert rows(cmo) == {1: "planned", 2: "held", 3: "held", 4: "held"}

    result = review(cmo, "recall 3\nrecall all\n")
    assert "It is about row 1, or all that are left: not 3." in result.err
    assert rows(cmo) == {}
    assert "No row is left." in result.err


def test_the_mail_is_read_as_it_leaves(cmo: Cmo, handed_over: Campaign) -> None:
    result = review(cmo, "i\nq\n")

    assert "List-Unsubscribe: <mailto:sam@sandbox.example?subject=unsubscribe>" in result.out
    assert shown(result) == [1]


def test_what_locks_pauses_or_stops_sending_is_told_first(cmo: Cmo, handed_over: Campaign) -> None:
    review(cmo, "P\n!\nq\n")
    cmo("jobs", "set", "last", "mode=draft_only")
    told = " ".join(review(cmo, "q\n").err.split())

    assert "ALL SENDING STOPPED by sebastian" in told
    assert "Sending paused" in told
    assert "Locked: DRAFT-ONLY." in told


def test_a_filter_shows_other_rows_and_nothing_is_no_fault(cmo: Cmo, handed_over: Campaign) -> None:
    change(handed_over, "UPDATE outbox SET state = 'confirmed' WHERE id = 2")

    assert shown(review(cmo, "n\nn\nn\n")) == [1, 3, 4]
    assert shown(review(cmo, "n\n", "--where", "state:confirmed")) == [2]
    assert "No row waits to leave." in review(cmo, "", "--where", "state:failed").err
