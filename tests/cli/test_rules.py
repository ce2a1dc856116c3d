"""`cmo rules`: named filters; they do nothing by themselves."""

from __future__ import annotations

import pytest

from cmo.store.db import open_store
from tests.cli.harness import Cmo
from tests.fakes.drafts import SENDER, store_with_drafts


@pytest.fixture
def job(cmo: Cmo) -> str:
    """Forty drafts, 99 to 60: 1 and 2 blocked, 3 to 5 flagged; and a rule `top`."""
    cmo.env |= SENDER
    cmo.home.mkdir()
    conn, job_id = store_with_drafts(cmo.home / "campaign.db", 40, blocked=2, flagged=3)
    conn.close()
    assert cmo("rules", "add", "top", "--where", "score>=70").code == 0
    return job_id


def test_rules_are_listed_with_what_they_cover_now(cmo: Cmo, job: str) -> None:
    [row] = cmo("rules", "list", "--json").document["data"]

    assert (row["name"], row["where"], row["covers"], row["waiting"]) == ("top", "score>=70", 25, 40)
    assert cmo("rules", "show", "top", "--json").document["data"]["added_by"] == "operator:sebastian"
    assert cmo("rules", "show", "other").code == 4


def test_without_a_store_there_is_no_rule(cmo: Cmo) -> None:
    assert cmo("rules", "list").code == 0
    assert cmo("rules", "rm", "top").code == 4


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (["bad", "--where", "stage:x"], 2),
        (["Top Ten", "--where", "score>=70"], 78),
        (["top", "--where", "score>=1"], 78),
        (["empty", "--where", ""], 78),
    ],
)
def test_a_rule_that_means_nothing_is_refused(cmo: Cmo, job: str, argv: list[str], code: int) -> None:
    assert cmo("rules", "add", *argv).code == code


def test_a_try_shows_count_left_out_and_samples_and_changes_nothing(cmo: Cmo, job: str) -> None:
    before = (cmo.home / "campaign.db").read_bytes()
    result = cmo("rules", "test", "top", "--sample", "4", out_tty=True)
    data = cmo("rules", "test", "top", "--json").document["data"]

    assert "top: score>=70   25 of 40 that wait" in result.out
    assert "Left out: 5 flagged, 10 not matched" in result.out
    assert result.out.count("Subject: ") == 4
    assert (data["covers"], len(data["samples"])) == (25, 3)
    assert (cmo.home / "campaign.db").read_bytes() == before


def test_a_rule_that_covers_nothing_says_so(cmo: Cmo, job: str) -> None:
    cmo("rules", "add", "none", "--where", "score<5")

    assert cmo("rules", "test", "none").code == 4
    assert cmo("drafts", "approve", "--rule", "none", tty=True, out_tty=True).code == 4
    assert cmo("drafts", "approve", "--rule", "unknown", tty=True, out_tty=True).code == 4


def test_a_rule_approves_only_when_a_person_starts_it_and_is_kept_as_it_was(cmo: Cmo, job: str) -> None:
    result = cmo("drafts", "approve", "--rule", "top", "--sample", "9", tty=True, out_tty=True, stdin="\n" * 9 + "y\n")

    assert "Approved 25 drafts" in result.err
    cmo("rules", "rm", "top")
    conn = open_store(cmo.home / "campaign.db")
    assert {row["rule"] for row in conn.execute("SELECT rule FROM approvals")} == {"top: score>=70"}
    conn.close()


def test_a_removed_rule_is_gone_and_a_rehearsal_removes_nothing(cmo: Cmo, job: str) -> None:
    assert cmo("rules", "rm", "top", "--dry-run").code == 0
    assert cmo("rules", "show", "top").code == 0
    assert cmo("rules", "rm", "top").code == 0
    assert cmo("rules", "show", "top").code == 4
