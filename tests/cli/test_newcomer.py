"""What a newcomer stumbles over: narrow terminals, pipes, a full disk, the second Ctrl-C, files that are there."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cmo.cli.diagnostics import Diagnostics
from cmo.cli.driving import Stop
from cmo.cli.live import Block
from cmo.cli.output import Column, Output
from cmo.cli.registry import TOPICS
from cmo.cli.terminal import Terminal, cells, fit_painted, hung, laid, wrapped
from cmo.domain import event as ev
from cmo.domain.event import JobFinished
from cmo.service import summary as job_summary
from cmo.store.db import open_store
from tests.cli.harness import NOW, Cmo, FakePipe
from tests.cli.seed import seed
from tests.cli.test_diagnostics import PIPE
from tests.fakes.campaign import campaign, sandbox_settings
from tests.fakes.drafts import SENDER, store_with_drafts

NARROW = Terminal(is_tty=True, color=False, glyphs=True, width=60, height=24)


@pytest.fixture
def job(cmo: Cmo) -> str:
    return seed(cmo.home)


@pytest.fixture
def over(cmo: Cmo) -> str:
    return seed(cmo.home, end=JobFinished(good_leads=2, summary="2 good leads."))


def test_an_event_in_the_live_view_takes_one_row(cmo: Cmo, job: str) -> None:
    from cmo import service
    from cmo.config import Sources, load

    settings = load(Sources(env=cmo.env, folder=cmo.folder, keyring=lambda: None))
    with service.reader(settings) as conn:
        summary = job_summary(settings, conn, job)
    stream = FakePipe()
    view = Block(Diagnostics(stream, NARROW), "Ctrl-C pauses and saves")
    long = ev.FollowUpRead(message_id=1, step=3, effect="exhausted cover " * 20)
    view.show(summary, [ev.Recorded(seq=1, id="x", job_id=job, at=NOW, event=long)])

    rows = stream.getvalue().replace("\x1b[2K", "").replace("\x1b[J", "").splitlines()
    assert max(map(cells, rows)) <= 60
    assert "Ctrl-C" not in stream.getvalue()  # it is paused


def test_a_painted_line_is_cut_without_its_colours() -> None:
    assert fit_painted("\x1b[31mred\x1b[0m and more", 6) == "\x1b[31mred\x1b[0m a…"
    assert fit_painted("\x1b[31mred\x1b[0m", 3) == "\x1b[31mred\x1b[0m"


def test_text_is_broken_between_words_and_commands_stay_whole() -> None:
    assert wrapped("  one two three", 9, hanging=4) == ["  one two", "    three"]
    assert laid("cmo resume 140211   cmo logs 140211   cmo cancel 140211", 40) == [
        "cmo resume 140211", "cmo logs 140211", "cmo cancel 140211",
    ]  # fmt: skip
    command = "cmo export last --what leads,people --to out"
    assert laid(f"Run it: {command}", 30) == ["Run it:", f"  {command}"]


def test_a_table_fits_a_narrow_terminal_and_leaves_out_what_matters_least() -> None:
    stream = io.StringIO()
    out = Output(stream, NARROW, json=False, now=lambda: NOW)
    out.table(
        "cmo.x/1",
        [Column("login", least=20), Column("repo", least=30, drop=2), Column("email", least=30)],
        [{"login": "a" * 40, "repo": "r" * 40, "email": "e" * 40}],
    )

    assert "repo" not in stream.getvalue()
    assert max(map(len, stream.getvalue().splitlines())) <= 60


@pytest.mark.parametrize("width", ["60", "80"])
@pytest.mark.parametrize(
    "argv", [["leads", "list"], ["leads", "why", "ana"], ["leads", "show", "ana"], ["jobs", "list"], ["status"]]
)
def test_a_view_fits_the_terminal(cmo: Cmo, job: str, argv: list[str], width: str) -> None:
    shown = cmo(*argv, out_tty=True, tty=True, env={"COLUMNS": width, "NO_COLOR": "1"})

    assert max(map(cells, (shown.out + shown.err).splitlines())) <= int(width)


@pytest.mark.parametrize("width", ["60", "80"])
def test_the_plan_to_be_agreed_to_fits_the_screen(cmo: Cmo, width: str) -> None:
    goal = "find 50 rust maintainers"
    env = {"COLUMNS": width, "LINES": "24", "NO_COLOR": "1"}
    shown = cmo("run", goal, "--sandbox", tty=True, stdin="q\n", env=env).err.splitlines()

    assert len(shown) <= 24
    assert max(cells(row.partition(" cmo: Nothing")[0]) for row in shown) <= int(width)
    assert any("Goal" in row for row in shown)


def test_a_pipe_gets_a_value_a_line_and_no_json(cmo: Cmo, job: str) -> None:
    lines = cmo("plan", "find 50 rust maintainers").out.splitlines()
    assert "plan.icp.languages\trust" in lines
    assert max(map(len, lines)) < 1_000

    status = cmo("status").out
    assert "{" not in status
    assert "stages.1.stage\tdiscover" in status


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("argv", [["--version"], ["help"], ["zzz", "--help"]])
def test_a_full_disk_is_one_sentence(argv: list[str]) -> None:
    with open("/dev/full", "w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "cmo", *argv], stdout=full, stderr=subprocess.PIPE, timeout=60, check=False
        )

    assert ended.returncode == (2 if "zzz" in argv else 73)
    assert b"Exception ignored" not in ended.stderr


def test_the_second_signal_says_how_to_go_on() -> None:
    stream = FakePipe()
    said: list[tuple[int, str]] = []
    stop = Stop(Diagnostics(stream, PIPE), lambda code: said.append((code, stream.getvalue())))
    stop.farewell = "Left; cmo resume 140211\n"
    stop.on_signal(signal.SIGINT, None)
    stop.on_signal(signal.SIGINT, None)

    assert said[0][0] == 130
    assert said[0][1].endswith("Left; cmo resume 140211\n")


def test_a_run_without_a_key_is_refused_before_anything_is_shown_or_saved(cmo: Cmo) -> None:
    result = cmo("run", "find 5 py maintainers", "--yes")

    assert result.code == 78
    assert "No credential" in result.err
    assert "Plan" not in result.err
    assert not (cmo.home / "campaign.db").exists()


def test_init_without_a_key_does_not_send_anybody_to_a_run(cmo: Cmo) -> None:
    said = cmo("init", "--operator", "Ana", "--offline").err

    assert "cmo run" not in said
    assert "cmo demo" in said


def test_a_damaged_sandbox_can_be_reset(cmo: Cmo, monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox = cmo.home / "sandbox"
    sandbox.mkdir(parents=True)
    conn = open_store(sandbox / "campaign.db")
    conn.execute("PRAGMA user_version = 9999")
    conn.close()
    monkeypatch.setattr("cmo.cli.setup._demo", lambda here, fast: 75)

    result = cmo("demo", "--reset")
    assert "Removed" in result.err, result.err
    assert not (sandbox / "campaign.db").exists()


def test_a_dry_export_names_the_command_with_all_its_flags(cmo: Cmo, job: str) -> None:
    result = cmo("export", "last", "--where", "score>=80", "--to", "out", "--format", "json", "-n")

    assert "cmo export last --where 'score>=80' --to out --format json" in result.err


def test_an_export_of_nobody_writes_nothing_and_exits_4(cmo: Cmo, job: str) -> None:
    assert cmo("export", "--where", "score>=99").code == 4
    assert not list(cmo.folder.iterdir())


def test_an_export_replaces_only_when_told_to(cmo: Cmo, job: str) -> None:
    (cmo.folder / "prospects.csv").write_text("mine")
    refused = cmo("export")
    assert refused.code == 73
    assert "--yes" in refused.err
    assert cmo("export", tty=True, stdin="n\n").code == 0
    assert (cmo.folder / "prospects.csv").read_text() == "mine"

    replaced = cmo("export", "--yes")
    assert replaced.code == 0
    assert "Replaced prospects.csv." in replaced.err


@pytest.mark.parametrize("where", ["label:hott", "state:foo", "mx:baz", "score:high"])
def test_a_filter_value_that_does_not_exist_is_told(cmo: Cmo, job: str, where: str) -> None:
    assert cmo("leads", "list", "--where", where).code == 2


@pytest.mark.parametrize("name", ["@ana", "https://github.com/ana", "github.com/Ana/?tab=repositories"])
def test_a_person_is_found_by_what_is_copied_from_a_page(cmo: Cmo, job: str, name: str) -> None:
    assert cmo("leads", "why", name, "--json").document["data"]["login"] == "ana"


def test_a_message_is_read_at_once(cmo: Cmo, job: str) -> None:
    understood = cmo("say", "last", "skip crypto repos")
    assert "crypto" in understood.err.partition("It means:")[2]

    nonsense = cmo("say", "last", "stop", "--json")
    assert nonsense.document["data"]["understood"] is False
    assert "cmo pause" in cmo("say", "last", "stop").err


def test_a_job_that_is_over_is_neither_changed_nor_asked_about(cmo: Cmo, over: str) -> None:
    assert cmo("jobs", "set", "last", "target=7", "--dry-run").code == 4
    cancelled = cmo("cancel", "last", tty=True, stdin="y\n")
    assert cancelled.code == 4
    assert "[y/N]" not in cancelled.err


def test_the_end_says_what_is_missing_and_where_the_failures_are(cmo: Cmo, over: str) -> None:
    said = cmo("watch").err

    assert "8 short" in said
    assert "cmo errors list 000000" in said


def test_sandbox_jobs_are_pointed_to(cmo: Cmo) -> None:
    seed(cmo.home / "sandbox")

    assert "cmo --sandbox status last" in cmo("status", "last").err


@pytest.mark.parametrize("key", ["github.token", "openai.api_key", "GITHUB_TOKEN"])
def test_a_key_is_sent_to_auth_and_not_repeated(cmo: Cmo, key: str) -> None:
    result = cmo("config", "set", key, "ghp_secret")

    assert result.code == 2
    assert "cmo auth set" in result.err
    assert "ghp_" not in result.err


def test_stopped_jobs_can_be_listed(cmo: Cmo, job: str) -> None:
    assert cmo("jobs", "list", "--state", "stopped", "--json").document["data"] == []


def test_ages_in_the_sandbox_are_counted_on_its_own_clock(cmo: Cmo) -> None:
    from cmo import service
    from cmo.config import Sources, load

    settings = load(Sources(env=cmo.env, folder=cmo.folder, sandbox=True, keyring=lambda: None))
    service.start_job(settings, service.plan_goal(settings, "find 5 py maintainers").plan)

    assert "now" in cmo("jobs", "list", "--sandbox", out_tty=True).out


def test_a_word_that_is_like_nothing_gets_the_list_and_no_guess(cmo: Cmo) -> None:
    said = cmo("auth", "set", "nope").err

    assert "Did you mean" not in said
    assert "github" in said


def test_limits_of_a_person_are_asked_for_by_address_or_login(cmo: Cmo) -> None:
    cmo.env |= SENDER
    cmo.home.mkdir()
    store_with_drafts(cmo.home / "campaign.db", 2)[0].close()

    by_login, by_address = (cmo("limits", "show", who, "--json") for who in ("@Maint2", "maint2@org2.example"))
    assert by_login.document["data"] == by_address.document["data"]
    assert by_login.document["data"]["job_id"] is not None
    assert [cmo("limits", "show", who).code for who in ("nobody", "notmail@")] == [65, 65]


def test_limits_name_the_job_they_count(cmo: Cmo, job: str) -> None:
    assert job in cmo("limits", "show").out


def test_a_finished_job_has_no_idle_stage_and_its_summary_is_of_its_end(cmo: Cmo, over: str) -> None:
    conn = open_store(cmo.home / "campaign.db")
    conn.execute("DELETE FROM verdicts")  # too old, as after a week
    conn.close()
    shown = cmo("status", over, out_tty=True).out
    assert "At its end: 2 good leads." in shown
    assert not [line for line in shown.splitlines() if line.lstrip().startswith("mx") and "idle" in line]


@pytest.mark.parametrize("width", ["70", "100"])
@pytest.mark.parametrize("topic", sorted(TOPICS))
def test_the_text_of_a_topic_is_broken_between_words(cmo: Cmo, topic: str, width: str) -> None:
    shown = cmo("help", topic, out_tty=True, env={"COLUMNS": width}).out
    assert max(map(cells, shown.splitlines())) <= int(width)
    assert shown.split() == cmo("help", topic).out.split()


def test_what_goes_on_stands_below_its_column() -> None:
    text = "  --json   one document, and no\n           more\n\nProse that is\ntwo lines"
    assert hung(text, 24) == ["  --json   one document,", "           and no more", "", "Prose that is", "two lines"]


def test_a_sandbox_command_is_not_cut_by_the_end_of_the_line(cmo: Cmo) -> None:
    cmo.env["CMO_SANDBOX"] = "1"
    cmo.home.mkdir()
    made = campaign(cmo.home, 1, settings=sandbox_settings(cmo.home))
    with made.open() as conn:
        conn.execute("UPDATE drafts SET email_class = 'commit'")
    conn.close()
    shown = cmo("why-not", out_tty=True, env={"COLUMNS": "100", "NO_COLOR": "1"}).out
    assert "cmo --sandbox policy allow commit" in " ".join(shown.split())
    assert max(map(cells, shown.splitlines())) <= 100


def test_the_fix_of_a_check_has_a_line_of_its_own(cmo: Cmo) -> None:
    shown = cmo("doctor", "--offline", out_tty=True, env={"COLUMNS": "80"})
    assert "sender: cmo config set sender.name … (or: cmo init)" in shown.err
    assert "config set" not in shown.out
    assert "config set sender.name" in cmo("doctor", "--offline").out
