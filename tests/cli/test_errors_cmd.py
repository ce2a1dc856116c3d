from __future__ import annotations

import re

import pytest

from cmo.cli.commands import COMMANDS
from cmo.cli.registry import NOUNS
from cmo.domain import event as ev
from cmo.domain.known_errors import KNOWN
from cmo.domain.triage import UNKNOWN_CAN_DO
from cmo.store.commit import commit
from cmo.store.db import open_store
from cmo.store.switches import SENDING, switch_on
from tests.cli.harness import NOW, Cmo
from tests.cli.seed import ADDRESS, seed_failures
from tests.fakes.jobs import new_job


@pytest.fixture
def job(cmo: Cmo) -> str:
    return seed_failures(cmo.home)


def keys(cmo: Cmo) -> dict[str, str]:
    """Stage -> key of its group."""
    return {row["stage"]: row["group"] for row in cmo("errors", "list", "--json").document["data"]}


def test_the_list_shows_each_group_with_its_counts_and_state(cmo: Cmo, job: str) -> None:
    rows = {row["stage"]: row for row in cmo("errors", "list", "--json").document["data"]}
    assert (rows["enrich"]["count"], rows["enrich"]["leads"], rows["send"]["count"]) == (12, 12, 2)
    assert {row["state"] for row in rows.values()} == {"needs you"}
    shown = cmo("errors", "list", out_tty=True)
    assert "◆ needs you" in shown.out
    head = cmo("errors", "list").out.splitlines()[0].split("\t")
    assert head[:6] == ["group", "count", "leads", "stage", "last_at", "state"]


def test_a_filter_that_matches_nothing_exits_4_and_no_errors_at_all_exit_0(cmo: Cmo, job: str) -> None:
    key = keys(cmo)["send"]
    assert len(cmo("errors", "list", "--group", key[:6], "--json").document["data"]) == 1
    assert cmo("errors", "list", "--stage", "mx").code == 4
    conn = open_store(cmo.home / "campaign.db")
    new_job(conn)
    conn.close()
    empty = cmo("errors", "list")
    assert (empty.code, "No errors in" in empty.err) == (0, True)


@pytest.mark.parametrize("stage", ["send", "enrich"])
def test_show_has_three_parts_an_example_and_the_members(cmo: Cmo, job: str, stage: str) -> None:
    key = keys(cmo)[stage]
    result = cmo("errors", "show", key[:6], out_tty=True)
    assert result.code == 0, result.err
    for part in ("What it means", "What cmo did", "What you can do", "Example", "Members", "1 attempt"):
        assert part in result.out
    data = cmo("errors", "show", key, "--limit", "20", "--json").document["data"]
    assert len(data["members"]) == data["count"]
    assert all(data[part] for part in ("means", "did", "can_do"))


def test_many_members_are_cut_and_it_is_said_how_to_see_all(cmo: Cmo, job: str) -> None:
    assert "10 of 12 members shown. All: --limit 12" in cmo("errors", "show", keys(cmo)["enrich"]).err


def test_commands_that_are_named_carry_the_job_that_was_given(cmo: Cmo, job: str) -> None:
    key = keys(cmo)["enrich"]
    conn = open_store(cmo.home / "campaign.db")
    new_job(conn)
    conn.close()
    lost = cmo("errors", "show", key)
    assert (lost.code, f"--job {job}" in lost.err) == (4, True)
    assert f"cmo errors retry {key} --job {job}" in cmo("errors", "show", key, "--job", job).out


def test_the_commands_of_a_list_carry_its_job(cmo: Cmo, job: str) -> None:
    assert f"--job {job}" in cmo("errors", "list", job).err
    assert "--job" not in cmo("errors", "list").err


def test_nothing_of_a_job_that_is_over_is_offered_to_be_retried_but_its_mail(cmo: Cmo, job: str) -> None:
    conn = open_store(cmo.home / "campaign.db")
    commit(conn, job, [("end", ev.JobFinished(summary="done", good_leads=0))], at=NOW, epoch=None)
    conn.close()
    found = keys(cmo)

    shown = {stage: cmo("errors", "show", key) for stage, key in found.items()}
    told = {stage: f"{result.out}{result.err}" for stage, result in shown.items()}
    assert ["errors retry" in told[stage] for stage in ("enrich", "send")] == [False, True]
    assert "look again in a new one: cmo run" in told["enrich"]
    for argv in (("errors", "retry", found["enrich"]), ("resume", job, "--retry-errors")):
        refused = cmo(*argv)
        assert (refused.code in (3, 4), "by a new job: cmo run" in " ".join(refused.err.split())) == (True, True)
    revived = cmo("errors", "revive", found["enrich"], "--job", job).err
    assert f"Took back 0 of group {found['enrich']}." in revived
    assert "errors retry" not in revived


@pytest.mark.parametrize(
    ("ref", "code"), [("zz", 2), ("", 2), ("ffffffff", 4), ("' OR 1=1", 2), ("%", 2), ("\x1b[2J", 2)]
)
def test_a_key_that_names_no_group_is_refused(cmo: Cmo, job: str, ref: str, code: int) -> None:
    result = cmo("errors", "show", ref)
    assert result.code == code
    assert "\x1b" not in result.err


def test_the_start_of_several_keys_is_answered_with_them(cmo: Cmo, job: str) -> None:
    conn = open_store(cmo.home / "campaign.db")
    conn.execute("UPDATE failures SET group_key = 'abc' || substr(group_key, 4)")
    conn.close()
    result = cmo("errors", "skip", "abc")
    assert (result.code, "2 groups" in result.err) == (2, True)


def test_a_retry_says_what_is_left_and_exits_3(cmo: Cmo, job: str) -> None:
    result = cmo("errors", "retry", "--all", "--json")
    assert result.code == 3
    data = result.document["data"]
    assert (data["items"], data["writes"]) == (12, 1)
    assert data["left"] == {"may have arrived: looked up, never repeated": 1}


def test_a_retry_of_nothing_or_of_everything_and_something_is_wrong_usage(cmo: Cmo, job: str) -> None:
    assert cmo("errors", "retry").code == 2
    assert cmo("errors", "retry", "abc", "--all").code == 2
    assert cmo("errors", "deadletter").code == 2


def test_what_was_skipped_is_not_retried_until_it_is_revived(cmo: Cmo, job: str) -> None:
    key = keys(cmo)["enrich"]
    assert "Skipped 12" in cmo("errors", "skip", key).err
    refused = cmo("errors", "retry", key)
    assert (refused.code, f"cmo errors revive {key}" in refused.err) == (4, True)
    assert cmo("errors", "retry", "--all", "--json").document["data"]["items"] == 0
    assert cmo("errors", "revive", key).code == 0
    assert cmo("errors", "retry", key).code == 0


def test_single_members_are_given_up_with_a_reason_that_stays(cmo: Cmo, job: str) -> None:
    key = keys(cmo)["enrich"]
    result = cmo("errors", "deadletter", "maint3", "nobody", "--reason", f"see {ADDRESS}")
    assert result.code == 3
    members = cmo("errors", "show", key, "--limit", "20", "--json").document["data"]["members"]
    (dead,) = (member for member in members if member["mark"])
    assert (dead["item"], dead["mark"]) == ("maint3", "dead")
    assert "ana.marsh" not in dead["mark_reason"]
    assert cmo("errors", "deadletter", "nobody").code == 4


def test_a_dry_run_of_every_verb_changes_nothing(cmo: Cmo, job: str) -> None:
    before = cmo("errors", "list", "--json").document["data"]
    key = keys(cmo)["send"]
    for argv in (["retry", "--all"], ["skip", key], ["deadletter", "--group", key], ["ticket", key]):
        assert cmo("errors", *argv, "--dry-run").code in (0, 3)
    assert cmo("errors", "list", "--json").document["data"] == before


def test_the_ticket_of_a_dry_run_is_whole_and_has_no_address(cmo: Cmo, job: str) -> None:
    key = keys(cmo)["send"]
    shown = cmo("errors", "ticket", key, "--dry-run", out_tty=True)
    data = cmo("errors", "ticket", key, "--dry-run", "--json").document["data"]
    assert shown.out.rstrip() == f"{data['title']}\n\n{data['body']}".rstrip()
    assert "marsh" not in shown.out
    assert "@" not in shown.out
    assert key in data["title"]


def test_a_ticket_without_a_team_says_how_to_set_one(cmo: Cmo, job: str) -> None:
    result = cmo("errors", "ticket", keys(cmo)["send"])
    assert (result.code, "cmo config set linear.team" in result.err) == (78, True)


def test_a_pause_of_sending_is_told_with_how_to_go_on(cmo: Cmo, job: str) -> None:
    conn = open_store(cmo.home / "campaign.db")
    switch_on(conn, SENDING, by="system", at=NOW, reason="41x 3f9a1c00", action="sending.pause")
    conn.close()
    err = cmo("errors", "list").err
    assert re.search(r"Sending paused \d\d:\d\d: 41x 3f9a1c00\.", err)
    assert "When to go on: cmo resume --sending, or cmo pause --sending --for 15m" in err


def test_every_known_error_has_three_parts_and_names_only_commands_that_exist() -> None:
    known = {entry.path for entry in COMMANDS} | set(NOUNS)
    for entry in KNOWN:
        assert entry.means, entry.name
        assert entry.did, entry.name
        assert entry.can_do, entry.name
    for line in [*UNKNOWN_CAN_DO, *(line for entry in KNOWN for line in entry.can_do)]:
        words = line.partition("cmo ")[2].split()
        assert words, line
        assert words[0] in known if words[0] not in NOUNS else " ".join(words[:2]) in known, line


def test_single_members_are_retried_skipped_and_taken_back(cmo: Cmo, job: str) -> None:
    key = keys(cmo)["enrich"]
    assert "Skipped 2" in cmo("errors", "skip", key, "--item", "maint3", "--item", "maint4").err
    assert "Took back 1" in cmo("errors", "revive", key, "--item", "maint3").err
    assert cmo("errors", "retry", key, "--item", "maint3", "--item", "maint4", "--json").document["data"]["items"] == 1
    for verb in ("retry", "skip", "revive"):
        assert cmo("errors", verb, key, "--item", "nobody").code == 4
    (left,) = cmo("errors", "list", "--where", "stage:enrich", "--json").document["data"]
    assert (left["count"], left["skipped"]) == (11, 1)


def test_groups_are_filtered_in_the_language_of_all_lists(cmo: Cmo, job: str) -> None:
    assert len(cmo("errors", "list", "--where", "state:needs -stage:send", "--json").document["data"]) == 1
    assert cmo("errors", "list", "--where", "state:dead").code == 4
    assert cmo("errors", "list", "--where", "score>=80").code == 2
