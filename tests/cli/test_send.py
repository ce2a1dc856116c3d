"""`cmo send`: what it says first, what it asks, what it ends with. In the sandbox, at noon of a Friday."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from cmo.cli.diagnostics import PARTLY
from cmo.cli.send import _next
from cmo.domain.job import Mode
from cmo.store.journal import this_process
from cmo.store.send_views import CameOf
from cmo.store.switches import KILL, switch_on
from tests.cli.harness import Cmo
from tests.fakes.campaign import ENV, Campaign, campaign, sandbox_settings
from tests.fakes.clock import NOON


@pytest.fixture
def cmo(tmp_path: Path) -> Cmo:
    folder = tmp_path / "project"
    folder.mkdir()
    return Cmo(tmp_path / "own-home", folder, env={"CMO_SANDBOX": "1"})


def made_for(cmo: Cmo, n: int = 3, mode: Mode = Mode.SEND_ALLOWED) -> Campaign:
    cmo.home.mkdir()
    return campaign(cmo.home, n, mode=mode, settings=sandbox_settings(cmo.home))


def test_a_locked_job_is_refused_with_the_way_on(cmo: Cmo) -> None:
    made_for(cmo, mode=Mode.DRAFT_ONLY)
    result = cmo("send", "last", "--yes")
    assert result.code == 77
    first, see, unlock = result.err.splitlines()[-3:]
    assert first == "cmo: sending is locked (DRAFT-ONLY). 3 approved drafts stay where they are."
    assert see.strip().endswith("send 000000 --dry-run")
    assert unlock.strip().endswith("jobs set 000000 mode=send_allowed")


def test_a_ceiling_of_the_environment_is_named(cmo: Cmo) -> None:
    made_for(cmo)
    result = cmo("send", "--yes", env={"CMO_MODE": "draft_only"})
    assert (result.code, "Unlock: unset CMO_MODE\n" in result.err) == (77, True)
    assert "jobs set" not in result.err  # the job itself may send


@pytest.mark.parametrize("verb", ["send", "sync"])
def test_a_dry_run_of_what_is_locked_names_the_unlock_and_not_itself(cmo: Cmo, verb: str) -> None:
    made_for(cmo, mode=Mode.DRAFT_ONLY)
    told = cmo(verb, "--dry-run").err
    assert "Unlock: cmo --sandbox jobs set 000000 mode=send_allowed" in told
    assert "Do it" not in told


def test_a_dry_run_in_which_nothing_would_leave_leads_to_the_reason(cmo: Cmo) -> None:
    made = made_for(cmo)
    with made.open() as conn:
        conn.execute("UPDATE drafts SET time_zone = 'Asia/Tokyo'")
    conn.close()
    assert cmo("send", "--dry-run").err.splitlines()[-1].endswith("cmo --sandbox why-not 000000")


def test_what_is_to_be_typed_has_the_sandbox_on_a_pipe_and_as_json_too(cmo: Cmo) -> None:
    made_for(cmo)
    (gate,) = (one for one in cmo("why-not", "--json").document["data"]["gates"] if one["name"] == "outbox")
    assert gate["next"] == "cmo --sandbox send 000000"
    assert "cmo --sandbox send 000000" in cmo("why-not").out
    result = cmo("send", "--yes", "--json", env={"CMO_MODE": "draft_only"})
    assert "cmo --sandbox send" in result.error["hint"]


def test_another_sequence_leads_to_the_approvals_that_do_not_hold_for_it(cmo: Cmo) -> None:
    made = made_for(cmo)
    result = cmo("jobs", "set", "last", "mailer=instantly")
    assert "mailer: none -> instantly" in result.err
    assert f"cmo --sandbox drafts review --job {made.job_id} --where state:approved" in result.err


def test_where_nothing_left_nobody_is_sent_to_the_crm() -> None:
    came = CameOf(confirmed=0, later=0, unknown=0, held=0, failed=0, effects={}, refused=(), next_at=None)
    assert "cmo sync" not in _next(came, "", "0000", is_refused=False)
    assert "cmo sync" in _next(came.model_copy(update={"confirmed": 1}), "", "0000", is_refused=False)


def test_the_kill_switch_refuses_and_names_who_switched_it_on(cmo: Cmo) -> None:
    made = made_for(cmo, 1)
    with made.open() as conn:
        switch_on(conn, KILL, by="operator:zoe", at=NOON, reason="bounces", action="kill.on")
    conn.close()
    result = cmo("send", "--yes")
    assert result.code == 77
    assert "stopped by operator:zoe" in result.err
    assert "1 approved draft stays where it is." in result.err
    assert "kill --release --reason TEXT" in result.err


def test_without_a_terminal_yes_is_needed_and_named(cmo: Cmo) -> None:
    made = made_for(cmo)
    result = cmo("send", "--hold", "0", "--json")
    assert (result.code, made.mails) == (5, [])
    assert "--yes" in result.error["hint"]


def test_with_yes_it_sends_and_counts_what_the_rows_say(cmo: Cmo) -> None:
    made = made_for(cmo)
    result = cmo("send", "--hold", "0", "--yes", "--json")
    assert result.code == 0, result.err
    assert len(made.mails) == 3
    data = result.document["data"]
    assert (data["confirmed"], data["unknown"], data["refused"]) == (3, 0, [])


def test_it_says_first_who_gets_mail_from_where_and_when(cmo: Cmo) -> None:
    made = made_for(cmo)
    result = cmo("send", "--hold", "0", tty=True, stdin="n\n")
    assert (result.code, made.mails) == (0, [])
    assert "3 leave by maildir, from sam@sandbox.example." in result.err
    assert "To 3 HOT: maint1, maint2, maint3." in result.err
    assert "The first leaves at " in result.err
    assert "Hand over 3 mails?" in result.err
    assert "Nothing was handed over." in result.err


def test_above_25_a_terminal_wants_the_count_typed(cmo: Cmo) -> None:
    made = made_for(cmo, 26)
    cmo("config", "set", "quota.max_emails_per_day", "100")
    for answer in ("yes", "", "25"):
        result = cmo("send", "--hold", "0", "--yes", tty=True, stdin=f"{answer}\n")
        assert (result.code, made.mails) == (0, [])
        assert "Type 26 to hand over 26 mails" in result.err
    assert cmo("send", "--hold", "0", tty=True, stdin="26\n").code == 0
    assert len(made.mails) == 26


def test_above_25_a_pipe_needs_the_limit_too(cmo: Cmo) -> None:
    made = made_for(cmo, 30)
    cmo("config", "set", "quota.max_emails_per_day", "100")
    refused = cmo("send", "--hold", "0", "--yes")
    assert (refused.code, made.mails) == (5, [])
    assert "--yes --limit 30" in refused.err
    assert cmo("send", "--hold", "0", "--yes", "--limit", "28").code == 0
    assert len(made.mails) == 28
    assert cmo("send", "--hold", "0", "--yes").code == 0
    assert len(made.mails) == 30


def test_a_dry_run_lists_each_row_and_changes_nothing(cmo: Cmo) -> None:
    made = made_for(cmo)
    result = cmo("send", "--dry-run", "--limit", "2", "--json")
    assert (result.code, made.mails) == (0, [])
    assert [(row["draft_id"], row["action"], row["rule"]) for row in result.document["data"]] == [
        (1, "create", None), (2, "create", None), (3, "skip", "limit"),
    ]  # fmt: skip
    assert "@org1.example" not in result.out
    assert cmo("outbox", "list").code == 4


def test_a_dry_run_of_a_locked_job_says_so_in_each_row(cmo: Cmo) -> None:
    made_for(cmo, 1, mode=Mode.DRAFT_ONLY)
    result = cmo("send", "--dry-run")
    assert result.code == 0
    head, row = (line.split("\t") for line in result.out.splitlines())
    assert dict(zip(head, row, strict=True))["locked"] == "mode"
    assert "Nothing would leave now" in result.err


def test_without_waiting_the_rows_stay_until_a_later_send(cmo: Cmo) -> None:
    made = made_for(cmo)
    result = cmo("send", "--no-wait", "--yes")
    assert (result.code, made.mails) == (0, [])
    rows = cmo("outbox", "list", "--json").document["data"]
    assert {row["state"] for row in rows} == {"planned"}
    assert cmo("outbox", "recall", "--all").code == 0
    assert cmo("outbox", "list").code == 4


def test_when_every_mail_is_refused_the_exit_code_says_so(cmo: Cmo) -> None:
    made = made_for(cmo, 2)
    with made.open() as conn:
        conn.execute("UPDATE drafts SET time_zone = 'Asia/Tokyo'")
    conn.close()
    result = cmo("send", "--hold", "0", "--yes")
    assert (result.code, made.mails) == (77, [])
    assert "2 wait, window: It is outside working hours in Asia/Tokyo. Again from " in result.err
    assert "why-not" in result.err


def test_nothing_approved_is_no_failure_and_names_what_waits(cmo: Cmo) -> None:
    cmo.home.mkdir()
    campaign(cmo.home, 2, approved=[], settings=sandbox_settings(cmo.home))
    result = cmo("send", "--yes")
    assert result.code == 0
    assert "2 drafts wait for you" in result.err


@pytest.mark.parametrize(
    "argv", [["--hold", "10m", "--at", "14:30"], ["--hold", "soon"], ["--at", "soon"], ["--at", "2020-01-01T00:00"]]
)
def test_times_that_are_none_are_wrong_usage(cmo: Cmo, argv: list[str]) -> None:
    made_for(cmo, 1)
    assert cmo("send", *argv, "--yes").code == 2


def test_a_job_that_is_not_there_is_said_so(cmo: Cmo) -> None:
    made_for(cmo, 1)
    assert cmo("send", "nobody", "--yes").code == 4


def test_ctrl_c_during_the_hold_leaves_everything_to_be_recalled_or_gone_on_with(cmo: Cmo) -> None:
    made = made_for(cmo, 2)
    with cmo.started("send", "--hold", "1h", "--yes") as process:
        assert process.stderr is not None
        told = ""
        while "The first leaves in" not in told:
            line = process.stderr.readline()
            assert line, f"it ended before the countdown: {told}"
            told += line
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, made.mails) == (75, [])
    assert "send 000000" in err
    assert "outbox recall --all" in err
    assert {row["state"] for row in cmo("outbox", "list", "--json").document["data"]} == {"planned"}


def test_a_mailbox_that_is_not_the_senders_is_refused_before_anything_is_lost(cmo: Cmo) -> None:
    cmo.home.mkdir()
    campaign(cmo.home, 1, settings=sandbox_settings(cmo.home), plan={"mailer": "gmail"})
    cmo("config", "set", "sender.email", "somebody@sandbox.example")
    result = cmo("send", "--hold", "0", "--yes")
    assert result.code == 78
    assert "mail is written from somebody@sandbox.example" in result.err
    assert cmo("outbox", "list").code == 4


def test_files_outside_the_sandbox_are_said_to_reach_nobody(cmo: Cmo) -> None:
    campaign(cmo.home, 1)
    result = cmo("send", "--dry-run", env={**ENV, "CMO_SANDBOX": ""})
    assert (result.code, "reach nobody" in result.err, "mailer=smtp" in result.err) == (0, True, True)


def test_mail_that_a_dead_process_was_sending_and_that_cannot_be_looked_up_is_held_and_said(cmo: Cmo) -> None:
    cmo.home.mkdir()
    made = campaign(cmo.home, 2, settings=sandbox_settings(cmo.home), plan={"mailer": "smtp"})
    assert cmo("send", "--hold", "0", "--no-wait", "--yes").code == 0
    with made.open() as conn:
        dead = f"{this_process().rpartition(':')[0]}:99999999"
        conn.execute("UPDATE outbox SET state = 'claimed', holder = ?, attempts = 1", (dead,))
    conn.close()
    result = cmo("send", "--yes")
    assert result.code == PARTLY
    assert "0 confirmed, 2 unknown, held for you." in result.err
    assert "outbox list --where state:unknown" in result.err
    assert "Nothing waits to be sent." in cmo("send", "--yes").err
