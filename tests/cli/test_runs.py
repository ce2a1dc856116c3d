"""Starting, stopping and steering jobs, against the built-in world."""

from __future__ import annotations

import json
import signal
import subprocess

import pytest

from cmo.cli.diagnostics import Diagnostics
from cmo.cli.driving import PAUSING, Stop
from cmo.domain.event import JobFinished
from tests.cli.harness import Cmo, FakePipe, Result
from tests.cli.seed import seed
from tests.cli.test_diagnostics import PIPE
from tests.service.test_mail_setup import COMPLETE

GOAL = "find 5 py maintainers"


def run(cmo: Cmo, *more: str) -> Result:
    return cmo.spawn("run", GOAL, "--sandbox", *more)


def ask(cmo: Cmo, answers: str) -> Result:
    return cmo("run", GOAL, "--sandbox", tty=True, stdin=answers)


def test_a_run_without_a_terminal_needs_yes_and_saves_nothing(cmo: Cmo) -> None:
    result = run(cmo)

    assert result.code == 5
    assert "--yes" in result.err
    assert not (cmo.home / "sandbox" / "campaign.db").exists()


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["run", "", "--yes"], 2, "goal is empty"),
        (["run", "   ", "--yes"], 2, "goal is empty"),
        (["run", "\x1b[2J\u202e", "--yes"], 2, "whom to find"),
        (["run"], 2, "GOAL"),
        (["run", "hello there", "--yes"], 2, "whom to find"),
        (["run", "x" * 5000, "--yes"], 2, "too long"),
        (["run", "missing.yaml", "--yes"], 78, "missing.yaml"),
        (["run", GOAL, "--stars", "2000..100", "--yes"], 2, "--stars"),
        (["run", GOAL, "--stars", "many", "--yes"], 2, "--stars"),
        (["run", GOAL, "--until", "mars", "--yes"], 2, "--until"),
        (["run", GOAL, "--target", "0", "--yes"], 2, "--target"),
        (["run", GOAL, "--target", "1.5", "--yes"], 2, "--target"),
        (["run", GOAL, "--budget", "-1", "--yes"], 2, "--budget"),
        (["run", GOAL, "--budget", "lots", "--yes"], 2, "--budget"),
        (["run", GOAL, "--mode", "yolo", "--yes"], 2, "--mode"),
        (["run", GOAL, GOAL, "--yes"], 2, "extra"),
        (["plan", ""], 2, "goal is empty"),
        (["resume"], 4, "no job"),
        (["pause", "140211"], 4, "no job"),
        (["cancel", "last", "--yes"], 4, "no job"),
        (["say", "last", "skip crypto"], 4, "no job"),
        (["jobs", "set", "last", "max_repos=3"], 4, "no job"),
        (["jobs", "rm", "last", "--yes"], 4, "no job"),
        (["tool", "no_such_tool", "{}"], 2, "no_such_tool"),
        (["tool", "mx_check", "{"], 65, "JSON"),
        (["tool", "mx_check", "[]"], 65, "JSON object"),
        (["tool", "mx_check", '{"emails": 3}'], 65, "emails"),
        (["tool", "mx_check", "@missing.json"], 65, "missing.json"),
    ],
)
def test_bad_input_is_one_sentence_with_the_right_code(cmo: Cmo, argv: list[str], code: int, said: str) -> None:
    result = cmo(*argv, "--sandbox")

    assert result.code == code, result.err
    assert said.lower() in result.err.lower()
    assert "Traceback" not in result.err
    assert "went wrong inside" not in result.err
    assert result.out == ""


def test_a_live_run_without_a_key_says_how_to_get_one(cmo: Cmo) -> None:
    result = cmo("run", GOAL, "--yes")

    assert result.code == 78
    assert "GITHUB_TOKEN" in result.err
    assert "cmo auth set github" in result.err


def test_a_dry_run_goes_from_goal_to_files_and_every_line_says_what_it_is(cmo: Cmo) -> None:
    result = run(cmo, "--yes", "--dry-run")

    assert result.code in (0, 3), result.err
    job = result.out.strip()
    assert (cmo.home / "sandbox" / "runs" / job / "artifacts" / "prospects.csv").exists()
    assert "Nothing was sent." in result.err
    assert "cmo --sandbox export" in result.err
    told = [line for line in result.err.splitlines() if not line.lstrip().startswith("cmo ")]
    assert all(line.startswith("SANDBOX DRY RUN: ") for line in told)
    assert not (cmo.home / "campaign.db").exists()


def test_json_is_one_event_a_line_with_the_plan_first_and_the_end_last(cmo: Cmo) -> None:
    result = run(cmo, "--yes", "--json")

    events = [json.loads(line) for line in result.out.splitlines()]
    assert [event["kind"] for event in events[:2]] == ["plan", "job_saved"]
    assert events[-1]["kind"] == "run_ended"
    assert events[-1]["exit"] == result.code
    assert [event["kind"] for event in events].count("job_started") == 1
    assert result.err == ""


def test_on_a_terminal_the_plan_is_shown_and_asked_about(cmo: Cmo) -> None:
    result = ask(cmo, "q\n")

    assert "Start? [Enter] yes  [e] edit  [d] dry run  [q] no" in result.err
    assert "Nothing was started." in result.err
    assert not (cmo.home / "sandbox" / "campaign.db").exists()


def test_a_plan_can_be_edited_before_it_starts(cmo: Cmo) -> None:
    result = ask(cmo, "e\ntarget=7 stars_range=50..500\ne\nnonsense=1\nq\n")

    assert "7 good addresses" in result.err
    assert "50..500 stars" in result.err
    assert "warning:" in result.err
    assert "nonsense" in result.err


def test_a_dry_run_can_be_chosen_at_the_question(cmo: Cmo) -> None:
    result = ask(cmo, "d\nq\n")

    assert "mode DRY-RUN" in result.err


def test_flags_win_over_the_sentence(cmo: Cmo) -> None:
    plan = cmo(
        "plan", "find 5 py maintainers with 100 to 200 stars", "--target", "9", "--language", "Rust,Go",
        "--language", "zig", "--stars", "10..20", "--active-days", "30", "--topic", "cli", "--location", "Berlin",
        "--max-steps", "11", "--max-repos", "12", "--max-people", "13", "--budget", "1.5", "--until", "score",
        "--sequence", "123", "--list", "abc", "--mode", "dry_run", "--json",
    ).document["data"]["plan"]  # fmt: skip

    assert (plan["target"], plan["mode"], plan["until"]) == (9, "dry_run", "score")
    assert plan["icp"]["languages"] == ["rust", "go", "zig"]
    assert plan["icp"]["stars_range"] == {"low": 10, "high": 20}
    assert (plan["icp"]["activity_days"], plan["icp"]["location"]) == (30, "Berlin")
    assert plan["icp"]["topics"] == ["cli"]
    assert (plan["sequence_id"], plan["list_id"]) == ("123", "abc")
    assert [plan["caps"][k] for k in ("max_steps", "max_repos", "max_people", "budget_usd")] == [11, 12, 13, 1.5]


def test_a_plan_starts_nothing(cmo: Cmo) -> None:
    assert cmo("plan", GOAL).code == 0
    assert not cmo.home.exists()


def test_a_mode_above_the_ceiling_is_lowered_and_said(cmo: Cmo) -> None:
    result = cmo("plan", GOAL, "--mode", "send_allowed", "--json")

    plan = result.document["data"]["plan"]
    assert plan["mode"] == "draft_only"
    assert any("ceiling" in text for text in plan["assumptions"])


@pytest.fixture
def waiting(cmo: Cmo) -> str:
    """A sandbox job that is saved, and that nobody runs."""
    from cmo import service
    from cmo.config import Sources, load

    settings = load(Sources(env=cmo.env, folder=cmo.folder, sandbox=True, keyring=lambda: None))
    return service.start_job(settings, service.plan_goal(settings, GOAL).plan).id


def test_a_job_that_nobody_runs_is_paused_and_cancelled_at_once(cmo: Cmo, waiting: str) -> None:
    assert cmo("pause", "--sandbox", "--json").document["data"]["status"] == "paused"
    assert cmo("cancel", waiting, "--sandbox", "--yes", "--json").document["data"]["status"] == "cancelled"
    assert cmo("resume", waiting, "--sandbox").code == 4


def test_what_cannot_be_taken_back_asks(cmo: Cmo, waiting: str) -> None:
    for argv in (["cancel", "last"], ["jobs", "rm", "last"]):
        assert cmo(*argv, "--sandbox").code == 5
        assert cmo(*argv, "--sandbox", tty=True, stdin="n\n").err.endswith("Nothing was changed.\n")
    assert cmo("status", "--sandbox", "--json").document["data"]["status"] == "planned"


@pytest.mark.parametrize(
    "argv", [["pause"], ["cancel", "last"], ["jobs", "rm", "last"], ["jobs", "set", "last", "target=7"]]
)
def test_a_dry_run_of_a_writer_changes_nothing(cmo: Cmo, waiting: str, argv: list[str]) -> None:
    before = (cmo.home / "sandbox" / "campaign.db").read_bytes()
    result = cmo(*argv, "--sandbox", "--dry-run")

    assert result.code == 0
    assert "Would" in result.err
    assert (cmo.home / "sandbox" / "campaign.db").read_bytes() == before


def test_a_job_is_removed_with_its_files(cmo: Cmo, waiting: str) -> None:
    assert cmo("jobs", "rm", waiting, "--sandbox", "--yes").code == 0
    assert cmo("status", "--sandbox").code == 4


def test_settings_of_a_job_are_changed_and_the_change_is_shown(cmo: Cmo, waiting: str) -> None:
    result = cmo("jobs", "set", "last", "max_repos=800", "stars_range=50..500", "--sandbox", "--json")

    changes = result.document["data"]["changes"]
    assert changes["max_repos"] == {"before": "600", "after": "800"}
    assert changes["stars_range"] == {"before": "100..2000", "after": "50..500"}


@pytest.mark.parametrize(
    ("change", "code"),
    [("max_repos", 2), ("=3", 2), ("max_repo=3", 78), ("max_repos=many", 78)],
)
def test_a_wrong_change_is_refused(cmo: Cmo, waiting: str, change: str, code: int) -> None:
    for more in ([], ["--dry-run"]):
        result = cmo("jobs", "set", "last", change, "--sandbox", *more)
        assert result.code == code, result.err


def test_a_mode_above_the_ceiling_is_refused(cmo: Cmo, waiting: str) -> None:
    cmo("config", "set", "mode.sending", "draft_only", "--sandbox")

    for more in ([], ["--dry-run"]):
        result = cmo("jobs", "set", "last", "mode=send_allowed", "--sandbox", *more)
        assert result.code == 77, result.err


def test_a_message_is_queued_shown_and_taken_back(cmo: Cmo, waiting: str) -> None:
    said = cmo("say", "last", "skip crypto repos", "--sandbox", "--json").document["data"]
    cmo("say", "last", "-", "--sandbox", "--later", stdin="prefer pytest plugins\n")

    shown = cmo("jobs", "show", "--sandbox", "--json").document["data"]["messages"]
    assert [(m["text"], m["later"], m["state"]) for m in shown] == [
        ("skip crypto repos", False, "queued"),
        ("prefer pytest plugins", True, "queued"),
    ]
    assert cmo("say", "last", "--drop", str(said["message"]), "--sandbox").code == 0
    assert cmo("say", "last", "--drop", str(said["message"]), "--sandbox").code == 4


@pytest.mark.parametrize("argv", [["say", "last"], ["say", "last", " "], ["say", "last", "x", "--now", "--later"]])
def test_saying_nothing_is_wrong_usage(cmo: Cmo, waiting: str, argv: list[str]) -> None:
    assert cmo(*argv, "--sandbox").code == 2


def test_a_job_goes_on_in_the_background_and_can_be_watched(cmo: Cmo) -> None:
    result = run(cmo, "--yes", "--detach")
    job = result.out.strip()
    assert result.code == 0, result.err

    watch = ["watch", job, "--sandbox", "--interval", "200ms", "--exit-status"]
    looks = (cmo.spawn(*watch) for _ in range(100))
    watched = next(result for result in looks if result.code != 75)  # 75: not started yet
    assert watched.code in (0, 3), watched.err
    assert cmo("status", job, "--sandbox", "--json").document["data"]["status"] == "finished"


def test_a_worker_that_cannot_start_says_why(cmo: Cmo) -> None:
    result = cmo.spawn("run", GOAL, "--yes", "--detach")

    assert result.code == 78
    assert "No credential for `github`" in result.err


def until(process: subprocess.Popen[str], words: str) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if words in line:
            return
    pytest.fail(f"{words!r} was never said")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_the_first_signal_pauses_saves_and_exits_75(cmo: Cmo, number: signal.Signals) -> None:
    process = cmo.started("run", "find 2000 py maintainers", "--sandbox", "--yes")
    until(process, "discover started")
    process.send_signal(number)
    _, err = process.communicate(timeout=30)

    assert process.returncode == 75, err
    assert PAUSING in err
    assert "cmo --sandbox resume" in err
    assert cmo("status", "--sandbox", "--json").document["data"]["status"] == "paused"


def test_the_second_signal_leaves_at_once_and_the_job_can_go_on(cmo: Cmo) -> None:
    process = cmo.started("run", "find 2000 py maintainers", "--sandbox", "--yes")
    until(process, "extract started")
    process.send_signal(signal.SIGINT)
    until(process, "Pausing")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)

    assert process.returncode in (130, 75)  # 75: the step was faster than the second signal
    status = cmo("status", "--sandbox", "--json").document["data"]["status"]
    assert status == ("paused" if process.returncode == 75 else "stopped")


def test_a_second_signal_of_the_same_kind_leaves_with_130() -> None:
    left: list[int] = []
    stop = Stop(Diagnostics(FakePipe(), PIPE), left.append)

    assert stop.listen() is None
    stop.on_signal(signal.SIGTERM, None)
    stop.on_signal(signal.SIGHUP, None)
    assert (stop.listen(), left) == ("pause", [])
    stop.on_signal(signal.SIGTERM, None)
    assert left == [130]


def test_a_demo_that_is_there_is_shown_again_and_not_made_again(cmo: Cmo) -> None:
    seed(cmo.home / "sandbox", end=JobFinished(summary="2 good leads.", good_leads=2))
    result = cmo("demo")

    assert result.code == 0, result.err
    assert "2 good leads." in result.err
    assert len(cmo("jobs", "list", "--sandbox", "--json").document["data"]) == 1


def test_a_demo_can_be_made_anew_and_touches_nothing_else(cmo: Cmo, waiting: str) -> None:
    (cmo.home / "sandbox" / "mark").write_text("")
    cmo("config", "set", "caps.max_repos", "800")

    result = cmo.spawn("demo", "--fast", "--reset")

    assert result.code == 0, result.err
    assert "Everything here is invented." in result.err
    assert not (cmo.home / "sandbox" / "mark").exists()
    assert sorted(path.name for path in cmo.home.iterdir()) == ["config.toml", "sandbox"]


def test_init_without_a_terminal_needs_a_flag(cmo: Cmo) -> None:
    result = cmo("init")

    assert result.code == 5
    assert "--operator" in result.err


def test_init_writes_settings_and_ends_with_a_check(cmo: Cmo) -> None:
    result = cmo("init", "--operator", "Ana Ruiz", "--max-emails-per-day", "5", "--offline", env={"CMO_OPERATOR": ""})

    assert result.code == 0
    assert (
        cmo.home / "config.toml"
    ).read_text() == '[operator]\nname = "Ana Ruiz"\n\n[quota]\nmax_emails_per_day = 5\n'
    assert "runtime" in result.out
    assert "cmo demo" in result.err


def test_init_asks_and_keeps_what_is_there(cmo: Cmo) -> None:
    cmo("config", "set", "caps.max_repos", "800")
    answers = [
        "Ana",
        "Ana Ruiz",
        "ana at ruiz",
        "ana@ruiz.example",
        "",
        "Mars/Olympus",
        "Europe/Lisbon",
        "",
        "",
        "many",
        "7",
    ]
    result = cmo("init", "--offline", tty=True, stdin="\n".join([*answers, "", "", ""]))

    text = (cmo.home / "config.toml").read_text()
    assert 'name = "Ana"' in text
    assert 'email = "ana@ruiz.example"' in text
    assert 'time_zone = "Europe/Lisbon"' in text
    assert "postal_address" not in text
    assert "max_emails_per_day = 7" in text
    assert "max_repos = 800" in text
    assert "whole number" in result.err


def test_doctor_offline_calls_nobody(cmo: Cmo) -> None:
    result = cmo("doctor", "--offline", "--json", env=COMPLETE)

    assert result.code == 0
    checks = {row["check"]: row["state"] for row in result.document["data"]}
    assert checks["runtime"] == checks["store"] == "ok"
    assert checks["github"] == "skip"
    assert not cmo.home.exists()


@pytest.mark.parametrize(
    ("text", "code"), [("[caps]\nmax_step = 3\n", 3), ("[caps]\nmax_steps = 'x'\n", 78), ("[caps]\nmax_steps = 3\n", 0)]
)
def test_doctor_exits_by_the_worst_it_found(cmo: Cmo, text: str, code: int) -> None:
    (cmo.folder / "cmo.toml").write_text(text)

    assert cmo("doctor", "--offline", env=COMPLETE).code == code


def test_doctor_finds_that_the_installation_key_is_missing(cmo: Cmo) -> None:
    assert cmo("forget", "ana@ana.example", "--yes").code == 0
    (cmo.home / "installation.key").unlink()

    result = cmo("doctor", "--offline", "--json")
    (found,) = [check for check in result.document["data"] if check["check"] == "key"]
    assert (result.code, found["state"]) == (78, "fail")
    assert found["fix"].startswith("Restore it from a backup")


def test_doctor_finds_a_damaged_store(cmo: Cmo) -> None:
    cmo.home.mkdir()
    (cmo.home / "campaign.db").write_bytes(b"this is no database at all" * 100)

    result = cmo("doctor", "--offline", "--json")

    assert result.code == 78
    assert any(row["check"] == "store" and row["state"] == "fail" for row in result.document["data"])


def test_a_tool_answers_in_json_on_every_form(cmo: Cmo) -> None:
    call = ["tool", "mx_check", '{"emails": ["nobody@nowhere.invalid"]}', "--sandbox"]

    answers = [
        json.loads(cmo(*call).out),
        cmo(*call, "--json").document["data"],
        json.loads(cmo(*call, out_tty=True).out),
        json.loads(cmo("tool", "mx_check", "-", "--sandbox", stdin=call[2]).out),
    ]

    assert {answer["verdicts"][0]["state"] for answer in answers} == {"invalid"}


def test_tools_are_listed_with_their_schemas(cmo: Cmo) -> None:
    full = cmo("tools", "--json").document["data"]
    narrow = cmo("tools", "--planner", "--json").document["data"]

    assert [tool["name"] for tool in full] == [tool["name"] for tool in narrow]
    assert "search_github_repos" in cmo("tools").out
    assert json.dumps(full) != json.dumps(narrow)


def test_a_tool_that_writes_to_the_outside_asks_a_person(cmo: Cmo) -> None:
    call = ["tool", "send_instantly", '{"job_id": "cmo-20261120-140211"}', "--sandbox"]
    assert cmo(*call).code == 5
    assert cmo(*call, "--no-input", tty=True, out_tty=True).code == 5
    left = cmo(*call, tty=True, out_tty=True, stdin="n\n")
    assert "Nothing was changed" in left.err
