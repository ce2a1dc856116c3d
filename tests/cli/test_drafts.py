"""`cmo drafts`: who may approve, what is told, and that every form is whole."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from cmo.domain.event import DraftRendered
from cmo.store.audit import iter_audit
from cmo.store.commit import commit
from cmo.store.db import open_reader, open_store
from tests.cli.harness import NOW, Cmo, Result
from tests.fakes.drafts import SENDER, rendered_factory, store_with_drafts
from tests.fakes.jobs import new_job


@pytest.fixture
def job(cmo: Cmo) -> str:
    """Forty drafts: 1 and 2 blocked, 3 to 5 flagged."""
    return filled(cmo, 40)


def filled(cmo: Cmo, n: int) -> str:
    cmo.env |= SENDER
    cmo.home.mkdir(exist_ok=True)
    conn, job_id = store_with_drafts(cmo.home / "campaign.db", n, blocked=2, flagged=3)
    conn.close()
    return job_id


def at_terminal(cmo: Cmo, *argv: str, answers: str = "") -> Result:
    return cmo(*argv, tty=True, out_tty=True, stdin=answers)


def states(cmo: Cmo, *ids: int, job: str = "last") -> list[str]:
    rows = cmo("drafts", "list", "--json", "--limit", "1000", "--job", job).document["data"]
    return [row["state"] for row in rows if row["id"] in ids]


def test_a_list_is_a_table_lines_or_a_document(cmo: Cmo, job: str) -> None:
    table = cmo("drafts", "list", "--limit", "3", out_tty=True)
    lines = cmo("drafts", "list", "--limit", "3").out.splitlines()
    document = cmo("drafts", "list", "--limit", "3", "--json").document

    assert [cell for cell in table.out.splitlines()[1].split() if cell.startswith("\x1b[31mclaim?")]
    assert lines[0].split("\t")[:4] == ["id", "score", "flag", "login"]
    assert [line.split("\t")[0] for line in lines[1:]] == ["1", "2", "3"]
    assert (document["schema"], document["total"], document["next"]) == ("cmo.drafts.list/1", 40, "3")


def test_a_list_goes_on_where_it_ended_and_says_when_nothing_matches(cmo: Cmo, job: str) -> None:
    lines = cmo("drafts", "list", "--limit", "2", "--after", "3", "--fields", "id").out.splitlines()

    assert lines == ["id", "4", "5"]
    assert cmo("drafts", "list", "--where", "score<5").code == 4
    assert cmo("drafts", "list", "--where", "stage:draft").code == 2


def test_show_has_the_mail_what_blocks_it_and_with_full_the_evidence(cmo: Cmo, job: str) -> None:
    short, full = cmo("drafts", "show", "1", out_tty=True), cmo("drafts", "show", "#1", "--full", out_tty=True)

    assert "May I ask you one question?" in short.out
    assert "No fact says so. Take the sentence out." in short.out
    assert "https://github.com/org1/proj1" in full.out
    assert "WHY +99 maintains org1/proj1 = 99" in full.out
    assert cmo("drafts", "show", "99").code == 4
    assert cmo("drafts", "show", "x").code == 2


def test_a_document_of_a_draft_holds_everything(cmo: Cmo, job: str) -> None:
    data = cmo("drafts", "show", "3", "--json").document["data"]

    assert data["claims"][1]["evidence"][0]["source_url"] == "https://github.com/org3/proj3"
    assert [finding["flag"] for finding in data["findings"]] == ["short"]
    assert [version["version"] for version in data["versions"]] == [1]


def test_the_difference_to_the_template_folds_what_everybody_gets(cmo: Cmo, job: str) -> None:
    out = cmo("drafts", "diff", "3").out

    assert "May I ask you" not in out
    assert "1 line as in the template" in out
    assert "maintain org3/proj3" in out


def test_text_from_outside_gives_no_orders_to_a_terminal(cmo: Cmo, job: str) -> None:
    evil = "\x1b]0;owned\x07\u202e[/]"
    conn = open_store(cmo.home / "campaign.db")
    conn.execute("UPDATE drafts SET name = ?1, company = ?1, subject = ?1, body = ?1, flag = ?1 WHERE id = 3", (evil,))
    conn.execute("UPDATE draft_versions SET sentences = ?", (json.dumps([{"text": evil, "facts": [evil]}]),))
    conn.execute("UPDATE findings SET message = ?1, flag = ?1", (evil,))
    conn.close()

    for argv in (["list"], ["show", "3", "--full"], ["diff", "3"], ["approve", "3", "1"]):
        result = at_terminal(cmo, "drafts", *argv)
        assert not any(sign in result.out + result.err for sign in ("\x1b]", "\x07", "\u202e")), argv
    review = at_terminal(cmo, "drafts", "review", answers="full\nq\n")
    assert not any(sign in review.out + review.err for sign in ("\x1b]", "\x07", "\u202e"))


@pytest.mark.parametrize("more", [[], ["--yes"], ["--no-input"], ["--json", "--yes"]], ids=" ".join)
def test_approving_needs_a_person_who_reads_and_answers(cmo: Cmo, job: str, more: list[str]) -> None:
    assert cmo("drafts", "approve", "6", *more).code == 5
    assert cmo("drafts", "approve", "6", *more, tty=True).code == 5
    assert cmo("drafts", "approve", "6", *more, out_tty=True).code == 5
    assert cmo("drafts", "approve", "--where", "score>1", *more).code == 5
    assert states(cmo, 6) == ["pending"]


def test_approved_drafts_are_told_with_the_batch_and_that_nothing_is_sent(cmo: Cmo, job: str) -> None:
    result = at_terminal(cmo, "drafts", "approve", "6", "7", answers="y\n")

    assert result.code == 0
    assert "Approved 2 drafts: batch 1. DRAFT-ONLY: nothing is sent." in result.err
    assert "cmo drafts undo 1" in result.err
    assert states(cmo, 6, 7, 8) == ["approved", "approved", "pending"]
    assert "nothing changed: 6" in at_terminal(cmo, "drafts", "approve", "6", answers="y\n").err


def test_what_cannot_be_approved_is_named_with_the_reason(cmo: Cmo, job: str) -> None:
    assert at_terminal(cmo, "drafts", "approve", "1", "6", answers="y\n").code == 3
    refused = at_terminal(cmo, "drafts", "approve", "1", answers="y\n")

    assert refused.code == 77
    assert "claim?: No fact says so" in refused.err
    assert at_terminal(cmo, "drafts", "approve", "99", answers="y\n").code == 4


def test_without_a_postal_address_approving_names_the_command_that_sets_it(cmo: Cmo, job: str) -> None:
    cmo.env["CMO_SENDER_POSTAL_ADDRESS"] = ""

    result = at_terminal(cmo, "drafts", "approve", "6", answers="y\n")

    assert result.code == 78
    assert "cmo config set sender.postal_address" in result.err


@pytest.mark.parametrize("verb", [["reject"], ["later"], ["redo"], ["needs-info"], ["disqualify", "--reason", "bot"]])
def test_turning_down_works_on_a_pipe_if_it_is_meant(cmo: Cmo, job: str, verb: list[str]) -> None:
    assert cmo("drafts", *verb, "6").code == 5
    assert cmo("drafts", *verb, "6", "--yes").code == 0


def test_a_filter_needs_a_terminal_even_for_turning_down(cmo: Cmo, job: str) -> None:
    assert cmo("drafts", "reject", "--where", "score>1", "--yes").code == 5
    assert at_terminal(cmo, "drafts", "later", "--where", "score>=97", answers="y\n").code == 0
    assert states(cmo, 1, 2, 3, 4) == ["later", "later", "later", "pending"]


def test_more_than_25_need_their_number_typed(cmo: Cmo, job: str) -> None:
    assert "Nothing was changed" in at_terminal(cmo, "drafts", "reject", "--where", "score>1", answers="y\n").err
    assert states(cmo, 6) == ["pending"]
    at_terminal(cmo, "drafts", "reject", "--where", "score>1", "--reason", "tone", answers="40\n")
    assert set(states(cmo, *range(1, 41))) == {"rejected"}


def test_a_reason_is_asked_by_digit_on_a_terminal(cmo: Cmo, job: str) -> None:
    at_terminal(cmo, "drafts", "reject", "6", answers="6\n")

    assert cmo("drafts", "show", "6", "--json").document["data"]["reason"] == "never contact"
    cmo("drafts", "undo")
    assert "must not be contacted" in at_terminal(cmo, "drafts", "approve", "6", answers="y\n").err


def test_undo_takes_back_the_last_or_the_named_batch(cmo: Cmo, job: str) -> None:
    at_terminal(cmo, "drafts", "approve", "6", answers="y\n")
    cmo("drafts", "reject", "7", "--yes")
    cmo("drafts", "later", "8", "--yes")

    assert cmo("drafts", "undo").code == 0
    assert states(cmo, 6, 7, 8) == ["approved", "rejected", "pending"]
    assert cmo("drafts", "undo", "1").code == 0
    assert states(cmo, 6, 7, 8) == ["pending", "rejected", "pending"]
    assert cmo("drafts", "undo", "1").code == 4


def test_putting_an_approval_in_force_again_needs_a_terminal(cmo: Cmo, job: str) -> None:
    at_terminal(cmo, "drafts", "approve", "6", answers="y\n")
    cmo("drafts", "reject", "6", "--yes")

    assert cmo("drafts", "undo").code == 5
    assert states(cmo, 6) == ["rejected"]
    assert at_terminal(cmo, "drafts", "undo").code == 0
    assert states(cmo, 6) == ["approved"]


def test_what_was_taken_back_is_done_again_and_an_approval_only_by_a_person_at_a_terminal(cmo: Cmo, job: str) -> None:
    assert cmo("drafts", "again").code == 4
    cmo("drafts", "reject", "7", "--yes")
    at_terminal(cmo, "drafts", "approve", "6", answers="y\n")
    cmo("drafts", "undo")
    assert cmo("drafts", "again").code == 5
    assert cmo("drafts", "again", "--yes").code == 2
    assert at_terminal(cmo, "drafts", "again", answers="n\n").code == 0
    assert states(cmo, 6) == ["pending"]
    assert cmo("drafts", "again", "--dry-run").code == 0
    assert "Approved 1 draft: batch 3." in at_terminal(cmo, "drafts", "again", answers="y\n").err

    cmo("drafts", "undo", "1")
    assert cmo("drafts", "again").code == 0
    assert states(cmo, 6, 7) == ["approved", "rejected"]
    assert at_terminal(cmo, "drafts", "again", "2", answers="y\n").code == 77


def test_nothing_handed_over_is_taken_back(cmo: Cmo, job: str) -> None:
    at_terminal(cmo, "drafts", "approve", "6", answers="y\n")
    conn = open_store(cmo.home / "campaign.db")
    conn.execute(
        "INSERT INTO outbox (key, job_id, operation, state, payload, content_hash, draft_id, email_key, due_s)"
        " SELECT 'k', job_id, 'maildir.send', 'claimed', '{}', 'f', id, email_key, 0 FROM drafts WHERE id = 6"
    )
    conn.close()

    result = cmo("drafts", "undo")

    assert (result.code, "handed over already" in result.err) == (77, True)
    assert states(cmo, 6) == ["approved"]


def test_fewer_samples_than_have_to_be_seen_are_not_taken_in_silence(cmo: Cmo, job: str) -> None:
    told = at_terminal(cmo, "drafts", "approve", "--where", "score>=80", "--sample", "3", answers="q\n").err
    assert "At least 8 are shown (review.sample_min), not 3." in told
    assert "At least" not in at_terminal(cmo, "drafts", "approve", "--where", "score>=80", answers="q\n").err


@pytest.mark.parametrize(
    "argv",
    [
        ["reject", "6"],
        ["later", "6"],
        ["disqualify", "6", "--reason", "x"],
        ["redo", "6"],
        ["needs-info", "6"],
        ["approve", "6"],
        ["approve", "--where", "score>1"],
    ],
    ids=" ".join,
)
def test_a_rehearsal_changes_nothing_but_the_audit_log(cmo: Cmo, job: str, argv: list[str]) -> None:
    cmo("drafts", *argv, "--dry-run")

    assert states(cmo, 6) == ["pending"]
    conn = open_reader(cmo.home / "campaign.db")
    assert conn is not None
    assert {row.is_dry for row in iter_audit(conn)} == {True}
    conn.close()
    assert cmo("drafts", "show", "6", "--json").document["data"]["version"] == 1


def test_samples_come_before_a_filter_approves_and_the_count_is_typed(cmo: Cmo, job: str) -> None:
    result = at_terminal(cmo, "drafts", "approve", "--where", "score>=60", answers="\n" * 8 + "35\n")

    assert result.code == 0, result.err
    assert "35 of 40 drafts" in result.err
    assert "Left out: 5 flagged" in result.err
    assert "They go to: approved (DRAFT-ONLY: nothing is sent)" in result.err
    assert "8 of 35 seen at random, 0 problems: up to 26 % of the rest may still have one (95 %)." in " ".join(
        result.err.split()
    )
    assert "Approved 35 drafts: batch 1." in result.err
    assert result.out.count("Subject: ") == 8


@pytest.mark.parametrize("answer", ["", "y\n", "34\n", "\n"])
def test_without_the_typed_count_nothing_is_approved(cmo: Cmo, job: str, answer: str) -> None:
    at_terminal(cmo, "drafts", "approve", "--where", "score>=60", answers="\n" * 8 + answer)

    assert "approved" not in states(cmo, *range(1, 41))


def test_a_flagged_sample_takes_its_draft_out_and_samples_are_recorded(cmo: Cmo, job: str) -> None:
    result = at_terminal(cmo, "drafts", "approve", "--where", "score>=60", answers="\nf\n" + "\n" * 6 + "34\n")

    assert "Approved 34 drafts" in result.err
    conn = open_reader(cmo.home / "campaign.db")
    assert conn is not None
    samples = json.loads(conn.execute("SELECT samples FROM batches").fetchone()[0])
    sampled = next(iter_audit(conn, action="drafts.sample"))
    conn.close()
    assert len(samples) == 8
    assert sampled.detail["seen"] == samples
    assert states(cmo, samples[0], samples[1]).count("pending") == 1


def test_more_samples_make_the_bound_better(cmo: Cmo, job: str) -> None:
    answers = "\n" * 8 + "m\n" + "\n" * 8 + "35\n"
    err = " ".join(at_terminal(cmo, "drafts", "approve", "--where", "score>=60", answers=answers).err.split())

    assert "16 of 35 seen" in err
    assert "Approved 35 drafts" in err


def test_an_edit_opens_the_editor_and_the_draft_waits_again(cmo: Cmo, job: str, tmp_path: Path) -> None:
    seen = tmp_path / "seen.txt"
    at_terminal(cmo, "drafts", "approve", "6", answers="y\n")
    cmo.env["EDITOR"] = editor(tmp_path, seen, "text.replace('May I ask', 'Might I ask')")

    result = at_terminal(cmo, "drafts", "edit", "6")

    assert result.code == 0, result.err
    shown = seen.read_text()
    assert shown.startswith("Subject: A question about org6/proj6\n\nHi,\n")
    assert "#   works_on: org6/proj6  2026-11-20  https://github.com/org6/proj6" in shown.partition(">8")[2]
    assert states(cmo, 6) == ["pending"]
    assert "+Might I ask you one question?" in cmo("drafts", "diff", "6", "--previous").out


@pytest.mark.parametrize("change", ["text", "''", "'\\n\\n' + text[text.index('# ---'):]"])
def test_unchanged_or_empty_nothing_happens(cmo: Cmo, job: str, tmp_path: Path, change: str) -> None:
    cmo.env["EDITOR"] = editor(tmp_path, tmp_path / "seen.txt", change)

    result = at_terminal(cmo, "drafts", "edit", "6")

    assert (result.code, "Nothing was changed" in result.err) == (0, True)
    assert cmo("drafts", "show", "6", "--json").document["data"]["version"] == 1


def test_a_subject_that_is_gone_is_bad_input(cmo: Cmo, job: str, tmp_path: Path) -> None:
    cmo.env["EDITOR"] = editor(tmp_path, tmp_path / "seen.txt", "text.replace('Subject:', 'Object:')")

    assert at_terminal(cmo, "drafts", "edit", "6").code == 65
    assert cmo("drafts", "edit", "6").code == 5


def editor(folder: Path, seen: Path, change: str) -> str:
    """An editor that keeps what it was given, and leaves `change` of it."""
    script = folder / "editor.py"
    script.write_text(
        "import pathlib, sys\npath = pathlib.Path(sys.argv[1])\ntext = path.read_text()\n"
        f"pathlib.Path({str(seen)!r}).write_text(text)\npath.write_text({change})\n"
    )
    return f"{sys.executable} {script}"


def test_numbers_of_another_job_are_named_and_left_alone(cmo: Cmo, job: str) -> None:
    conn = open_store(cmo.home / "campaign.db")
    other = new_job(conn)
    event = DraftRendered(number=1, rendered=rendered_factory(41))
    commit(conn, other.id, [("other/1", event)], at=NOW, epoch=None)
    conn.close()

    result = cmo("drafts", "reject", "6", "41", "99", "--yes")

    assert f"No draft of {job} has the number 41, 99." in result.err
    assert states(cmo, 41, job=other.id) == ["pending"]
    assert states(cmo, 6, job=job) == ["rejected"]


def test_a_job_without_drafts_says_so(cmo: Cmo) -> None:
    filled(cmo, 0)

    assert cmo("drafts", "list").code == 4
    assert at_terminal(cmo, "drafts", "review").code == 0


def test_drafts_are_exported_without_the_suppressed(cmo: Cmo, job: str) -> None:
    cmo("leads", "suppress", "maint7", "--kind", "login", "--reason", "asked", "--yes")

    assert cmo("export", job, "--what", "drafts", "--format", "json").code == 0

    rows = json.loads((cmo.folder / "drafts.json").read_text())
    assert len(rows) == 39
    assert {"subject", "body", "state"} <= rows[0].keys()
    assert "maint7" not in {row["login"] for row in rows}


def test_a_script_that_only_looks_like_a_terminal_approves_nothing(cmo: Cmo, job: str) -> None:
    result = at_terminal(cmo, "drafts", "approve", "6", "7", "--yes")
    assert "Approve 2 drafts?" in result.err
    assert "maint6@org6.example" in result.err
    assert "approved" not in at_terminal(cmo, "drafts", "list", "--where", "state:approved").out.split()
