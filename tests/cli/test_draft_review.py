"""`cmo drafts review`: each answer counts at once, none is lost, and nothing is approved by accident."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cmo.store.db import open_store
from tests.cli.harness import Cmo, FakeTty, Result
from tests.fakes.drafts import SENDER, store_with_drafts


@pytest.fixture
def job(cmo: Cmo) -> str:
    """Fifty drafts: 1 blocked, 2 flagged."""
    cmo.env |= SENDER
    cmo.home.mkdir()
    conn, job_id = store_with_drafts(cmo.home / "campaign.db", 50, blocked=1, flagged=1)
    conn.close()
    return job_id


def review(cmo: Cmo, answers: str, *argv: str) -> Result:
    result = cmo("drafts", "review", *argv, tty=True, out_tty=True, stdin=answers)
    assert result.code == 0, result.err
    return result


def in_state(cmo: Cmo, state: str) -> list[int]:
    rows = cmo("drafts", "list", "--where", f"state:{state}", "--limit", "100", "--json").document["data"]
    return [row["id"] for row in rows]


def shown(result: Result) -> list[int]:
    """The drafts that were shown, in order."""
    return [int(line.partition("#")[2].split()[0]) for line in result.out.splitlines() if "  score " in line]


def test_forty_answers_in_a_burst_are_forty_decisions(cmo: Cmo, job: str) -> None:
    result = review(cmo, "n\nn\n" + "a\n" * 40)

    assert in_state(cmo, "approved") == list(range(3, 43))
    assert "40 approved; 10 left. DRAFT-ONLY: nothing is sent." in result.err


@pytest.mark.parametrize(("tty", "out_tty"), [(False, False), (True, False), (False, True)])
def test_reviewing_needs_a_terminal_both_ways(cmo: Cmo, job: str, *, tty: bool, out_tty: bool) -> None:
    assert cmo("drafts", "review", stdin="a\n", tty=tty, out_tty=out_tty).code == 5
    assert in_state(cmo, "approved") == []


def test_what_differs_from_the_template_is_shown_with_evidence_and_findings(cmo: Cmo, job: str) -> None:
    out = review(cmo, "q\n").out

    assert "▌ \x1b[1mI am writing to you because you maintain org1/proj1." in out
    assert "└ org1/proj1  2026-11-20  https://github.com/org1/proj1" in out
    assert "No fact says so. Take the sentence out." in out
    assert "May I ask you" not in out
    assert "May I ask you" in review(cmo, "f\nq\n").out


def test_enter_decides_nothing(cmo: Cmo, job: str) -> None:
    result = review(cmo, "\n" * 60)

    assert shown(result) == list(range(1, 51))
    assert len(in_state(cmo, "pending")) == 50


def test_each_answer_does_what_it_says(cmo: Cmo, job: str) -> None:
    review(cmo, "x\n3\nreject\ntoo long\ns\nlater\nD\nno python any more\napprove\nq\n")

    assert (in_state(cmo, "rejected"), in_state(cmo, "later"), in_state(cmo, "approved")) == ([1, 2, 5], [3, 4], [6])
    reasons = [cmo("drafts", "show", str(n), "--json").document["data"]["reason"] for n in (1, 2, 5)]
    assert reasons == ["tone", "too long", "no python any more"]


@pytest.mark.parametrize("unclear", ["r", "re", "yes", "99", "ap prove", "A P"])
def test_an_answer_that_is_not_clear_is_asked_again(cmo: Cmo, job: str, unclear: str) -> None:
    result = review(cmo, f"{unclear}\nq\n")

    assert "Please answer with a number, one of these words" in " ".join(result.err.split())
    assert len(in_state(cmo, "pending")) == 50


def test_undo_takes_back_one_decision_after_the_other_and_shows_the_draft_again(cmo: Cmo, job: str) -> None:
    result = review(cmo, "n\nn\na\na\nu\nu\nu\nq\n")

    assert shown(result) == [1, 2, 3, 4, 5, 4, 3]
    assert "Nothing was decided in this sitting" in result.err
    assert in_state(cmo, "approved") == []


def test_undo_touches_no_decision_of_an_earlier_sitting(cmo: Cmo, job: str) -> None:
    review(cmo, "n\nn\na\nq\n")
    review(cmo, "u\nq\n")

    assert in_state(cmo, "approved") == [3]


def test_what_is_blocked_is_told_and_the_next_one_shown(cmo: Cmo, job: str) -> None:
    result = review(cmo, "a\nq\n")

    assert "Draft 1 stays as it is: claim?" in result.err
    assert shown(result) == [1, 2]


def test_leaving_and_the_end_of_the_input_lose_nothing(cmo: Cmo, job: str) -> None:
    review(cmo, "n\nn\na\na\nx\n")

    assert in_state(cmo, "approved") == [3, 4]
    assert in_state(cmo, "rejected") == []


def test_an_edited_draft_is_checked_and_shown_again_before_it_is_approved(cmo: Cmo, job: str, tmp_path: Path) -> None:
    script = tmp_path / "editor.py"
    script.write_text(
        "import pathlib, sys\npath = pathlib.Path(sys.argv[1])\n"
        "path.write_text(path.read_text().replace('May I ask', 'Might I ask'))\n"
    )
    cmo.env["EDITOR"] = f"{sys.executable} {script}"

    result = review(cmo, "n\nn\ne\nq\n")

    assert shown(result) == [1, 2, 3, 3]
    assert "blocks: no-optout" in result.err
    assert cmo("drafts", "show", "3", "--json").document["data"]["version"] == 2


def test_a_question_to_the_person_is_shown_and_can_be_approved(cmo: Cmo, job: str) -> None:
    result = review(cmo, "n\nn\ni\nDo you look after the tests?\na\nq\n")

    assert shown(result) == [1, 2, 3, 3, 4]
    assert in_state(cmo, "approved") == [3]
    assert "Do you look after the tests?" in cmo("drafts", "show", "3").out


def test_a_draft_that_somebody_else_decided_meanwhile_is_told(cmo: Cmo, job: str, tmp_path: Path) -> None:
    """While the editor is open, somebody else rejects the draft."""
    script = tmp_path / "editor.py"
    script.write_text(
        "import pathlib, sys\nfrom cmo.store import draft_views, drafts\nfrom cmo.store.db import open_store\n"
        "from datetime import UTC, datetime\n"
        f"conn = open_store(pathlib.Path({str(cmo.home / 'campaign.db')!r}))\nnow = datetime.now(UTC)\n"
        "seen = [row.choice for row in draft_views.drafts_by_id(conn, [3], now=now)]\n"
        f"drafts.decide(conn, {job!r}, 'reject', seen, batch_id='b', by='operator:bo', at=now)\n"
        "path = pathlib.Path(sys.argv[1])\npath.write_text(path.read_text().replace('Hi', 'Hello'))\n"
    )
    cmo.env["EDITOR"] = f"{sys.executable} {script}"

    result = review(cmo, "n\nn\ne\nq\n")

    assert "already rejected, by bo" in result.err
    assert shown(result) == [1, 2, 3, 4]
    assert cmo("drafts", "show", "3", "--json").document["data"]["version"] == 1


def test_accessible_mode_numbers_the_answers_and_draws_nothing(cmo: Cmo, job: str) -> None:
    result = review(cmo, "1\n1\n2\n0\n", "--accessible")

    assert "  2. approve" in result.err
    assert in_state(cmo, "approved") == [3]
    assert result.out.isascii()
    assert "evidence: org1/proj1" in result.out


def test_a_filter_narrows_the_sitting(cmo: Cmo, job: str) -> None:
    assert shown(review(cmo, "\n" * 9, "--where", "flag:short")) == [2]


def test_0_at_the_question_why_rejects_nothing(cmo: Cmo, job: str) -> None:
    done = review(cmo, "x\n0\n0\n")
    assert "Not rejected." in done.err
    assert "nothing decided" in done.err


def test_what_was_rejected_is_looked_through_once_and_can_be_approved_after_all(cmo: Cmo, job: str) -> None:
    review(cmo, "\n\nx\ntone\nx\ntone\nx\ntone\nq\n")
    result = review(cmo, "a\nx\ntone\n\n", "--where", "state:rejected")

    assert (shown(result), in_state(cmo, "rejected"), in_state(cmo, "approved")) == ([3, 4, 5], [4, 5], [3])
    assert "You have seen every draft" in result.err
    assert f"--job {job} --where state:rejected" in result.err


def test_a_draft_that_got_other_words_since_it_was_shown_is_shown_again_before_it_is_approved(
    cmo: Cmo, job: str
) -> None:
    class SomebodyElseEdits(FakeTty):
        def readline(self, *size: int) -> str:  # type: ignore[override]  # as in typeshed: StringIO reads text
            typed = super().readline(*size)
            if typed == "f\n":
                change(cmo.home, "UPDATE drafts SET version = 2, body = 'Other words. Reply stop.' WHERE id = 3")
            return typed

    cmo.typing = SomebodyElseEdits
    result = review(cmo, "n\nn\nw\nf\nq\n")

    assert shown(result) == [1, 2, 3, 3]


def change(home: Path, sql: str) -> None:
    conn = open_store(home / "campaign.db")
    conn.execute(sql)
    conn.close()


def test_progress_says_how_many_are_decided_and_how(cmo: Cmo, job: str) -> None:
    out = review(cmo, "n\nn\na\nx 3\ns\nq\n").out

    assert "0 of 50, 50 left" in out
    assert "3 of 50, 1 approved, 1 rejected, 1 put off, 47 left" in out
    assert cmo("drafts", "show", "4", "--json").document["data"]["reason"] == "tone"


def test_a_filter_is_set_narrows_and_is_left_again(cmo: Cmo, job: str) -> None:
    result = review(cmo, "/flag:short\nn\n/nobody-has-this\n/score>=x\n/\nq\n")

    assert shown(result)[:3] == [1, 2, 1]
    assert "That was all that matches flag:short. On with the others." in result.err
    assert "No draft that waits matches nobody-has-this" in result.err
    assert "Nothing" not in result.out


def test_one_can_jump_to_a_number_and_back(cmo: Cmo, job: str) -> None:
    result = review(cmo, "n\n#40\na\nb\n#999\ngo 7\na\nq\n")

    assert shown(result) == [1, 2, 40, 2, 40, 7, 2]
    assert "has the number 999" in result.err
    assert in_state(cmo, "approved") == [7, 40]


def test_why_shows_the_score_the_evidence_and_where_the_address_is_from(cmo: Cmo, job: str) -> None:
    out = review(cmo, "n\nn\nw\nd\nq\n").out

    assert shown(review(cmo, "w\nf\nd\nq\n")) == [1]
    assert "Address maint3@org3.example" in out
    assert "seen 2026" in out
    assert "This is its first version" in out


def test_a_draft_is_written_anew_and_compared_with_what_it_was(cmo: Cmo, job: str) -> None:
    result = review(cmo, "n\nn\ni\nDo you look after the tests?\nd\nR\nd\nq\n")

    assert shown(result) == [1, 2, 3, 3, 3]
    assert result.out.count("+Do you look after the tests?") + result.out.count("+one question.") >= 1
    assert cmo("drafts", "show", "3", "--json").document["data"]["version"] == 3


def test_a_rule_is_offered_applied_after_samples_and_taken_back(cmo: Cmo, job: str) -> None:
    cmo("rules", "add", "clean", "--where", "score>=0")

    left = review(cmo, "A\n9\nA\n1\n" + "ok\n" * 8 + "nothing\nq\n")
    assert "Rule clean covers 48 of them: answer rule." in left.err
    assert in_state(cmo, "approved") == []

    result = review(cmo, "rule\n1\n" + "ok\n" * 8 + "48\nu\nA\n1\n" + "ok\n" * 8 + "48\nq\n")
    assert "Approved 48 drafts" in result.err
    assert "Took back batch 1 (approve)." in result.err
    assert len(in_state(cmo, "approved")) == 48
    assert "48 approved; 2 left" in result.err


def test_sending_is_paused_and_stopped_from_here_and_the_draft_is_not_read_out_again(cmo: Cmo, job: str) -> None:
    result = review(cmo, "P\n!\nq\n")

    assert shown(result) == [1]
    told = " ".join(review(cmo, "q\n").err.split())
    assert "ALL SENDING STOPPED by" in told
    assert "Sending paused" in told
