"""The frame around commands: usage errors, exit codes, streams."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cmo import __version__
from cmo.cli import registry
from cmo.cli.commands import COMMANDS
from tests.cli.harness import Cmo


def spawn(*argv: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "cmo", *argv], input=stdin, capture_output=True, timeout=60, check=False
    )


def test_the_version_is_printed_wherever_it_is_asked_for(cmo: Cmo) -> None:
    assert spawn("--version").stdout.decode() == f"cmo {__version__}\n"
    assert cmo("--plain", "--version").out == f"cmo {__version__}\n"


@pytest.mark.parametrize(
    ("argv", "said", "hint"),
    [
        (["stats"], "There is no command 'stats'", "Did you mean: cmo status"),
        (["jobs", "lst"], "There is no command 'lst' in cmo jobs", "Did you mean: cmo jobs list"),
        (["jobs"], "cmo jobs needs a command", "list, show, set, rm"),
        (["find 2k py maintainers"], "is not a command", 'cmo run "find 2k py maintainers"'),
        (["stat"], "There is no command 'stat'", "Did you mean: cmo status"),
        (["zzz"], "There is no command 'zzz'", "cmo --help"),
        (["jobs", "list", "--limt", "3"], "There is no option --limt", "Did you mean --limit?"),
        (["jobs", "list", "--limit", "many"], "--limit", "cmo jobs list --help"),
        (["jobs", "list", "--limit", "0"], "--limit", "cmo jobs list --help"),
        (["jobs", "list", "--limit"], "--limit", "cmo jobs list --help"),
        (["jobs", "list", "--state", "asleep"], "asleep", "cmo jobs list --help"),
        (["jobs", "list", "extra"], "extra", "cmo jobs list --help"),
        (["config", "get"], "KEY", "cmo config get --help"),
        (["config", "get", "max_step"], "There is no setting", "caps.max_steps"),
        (["status", "--profile"], "--profile needs a value", "--profile work"),
        (["help", "exit-code"], "no command or topic", "cmo help exit-codes"),
        (["completion", "tcsh"], "tcsh", "cmo completion --help"),
        (["", ""], "There is no command ''", "cmo --help"),
        (["\x1b[31m"], "There is no command", "cmo --help"),
    ],
)
def test_wrong_usage_exits_2_with_one_sentence_and_a_way_out(cmo: Cmo, argv: list[str], said: str, hint: str) -> None:
    result = cmo(*argv)

    assert result.code == 2
    assert said in result.err.splitlines()[0]
    assert hint in result.err
    assert result.out == ""
    assert "\x1b" not in result.err
    assert "Traceback" not in result.err


def test_names_of_commands_are_not_abbreviated(cmo: Cmo) -> None:
    for entry in COMMANDS:
        for cut in range(1, len(entry.words[0])):
            word = entry.words[0][:cut]
            if word not in registry.top_names():
                assert cmo(word).code == 2, word


def test_a_usage_error_is_one_json_object_with_json(cmo: Cmo) -> None:
    result = cmo("--json", "stats")

    assert result.error == {
        "code": "usage",
        "message": "There is no command 'stats' in cmo.",
        "hint": "Did you mean: cmo status",
        "exit": 2,
    }
    assert result.out == ""


def test_an_expected_failure_exits_by_its_kind(cmo: Cmo) -> None:
    result = cmo("status", "--json")

    assert result.code == result.error["exit"] == 4
    assert result.error["code"] == "job_not_found"


@pytest.mark.parametrize("name", ["CMO_HOME", "STATE_DB_URL"])
def test_a_place_that_cannot_be_used_is_an_error_with_a_way_out(cmo: Cmo, name: str) -> None:
    (cmo.folder / "taken").write_text("no folder")
    place = cmo.folder / "taken" / "below"
    value = f"sqlite:///{place}" if name == "STATE_DB_URL" else str(place)

    result = cmo("config", "set", "caps.max_repos", "3", env={name: value})

    assert result.code in (0, 73, 78)
    assert "Traceback" not in result.err


def test_a_fault_is_told_in_one_sentence_and_reported_without_keys_and_addresses(cmo: Cmo) -> None:
    def broken() -> None:
        raise RuntimeError("for ana@example.org with ghp_0123456789abcdef0123")

    cmo.keyring_source = broken
    result = cmo("auth", "list")

    assert result.code == 1
    first, second = result.err.splitlines()
    assert first == "cmo: Something went wrong inside cmo (RuntimeError)."
    report = Path(second.rpartition("Report: ")[2])
    text = report.read_text()
    assert report.stat().st_mode & 0o777 == 0o600
    assert report.is_relative_to(cmo.home)
    assert "RuntimeError" in text
    assert "ghp_0123" not in text
    assert "ana@" not in text


def test_a_fault_shows_its_trace_only_when_asked(cmo: Cmo) -> None:
    def broken() -> None:
        raise RuntimeError("oops")

    cmo.keyring_source = broken

    assert "Traceback" not in cmo("auth", "list").err
    assert "Traceback" in cmo("auth", "list", "--verbose").err
    error = cmo("auth", "list", "--json").error
    assert (error["code"], error["exit"]) == ("fault", 1)


def test_ctrl_c_leaves_with_130(cmo: Cmo) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    cmo.keyring_source = interrupted

    assert cmo("auth", "list").code == 130


def test_a_reader_that_closes_the_pipe_is_met_silently() -> None:
    reader, pipe = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "cmo", "config", "show"]
    done = subprocess.run(command, stdout=pipe, stderr=subprocess.PIPE, timeout=60, check=False)
    os.close(pipe)

    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_under_stdout_exits_73() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "cmo", "config", "show"],
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )

    assert done.returncode == 73
    assert b"disk is full" in done.stderr


def test_a_terminal_that_cannot_show_signs_is_no_error() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cmo", "help", "safety"],
        capture_output=True,
        timeout=60,
        check=False,
        env={"PYTHONIOENCODING": "ascii", "PATH": ""},
    )

    assert done.returncode == 0
    assert done.stderr == b""


def test_next_commands_carry_the_flags_in_force(cmo: Cmo) -> None:
    assert "cmo --sandbox demo" in cmo("--sandbox").out
    assert "cmo --sandbox --profile work config set" in cmo("config", "show", "--sandbox", "--profile", "work").err
    assert "cmo demo" in cmo().out


def test_quiet_leaves_only_the_answer(cmo: Cmo) -> None:
    result = cmo("config", "show", "-q")

    assert result.err == ""
    assert result.out


def test_bare_cmo_without_jobs_says_what_to_type(cmo: Cmo) -> None:
    result = cmo()

    assert result.code == 0
    assert len(result.out.splitlines()) == 5
    for command in ("cmo demo", "cmo init", "cmo help", "cmo run"):
        assert command in result.out
    assert json.loads(cmo("--json").out)["data"]["job_id"] is None


def test_colour_is_judged_for_each_stream_alone(cmo: Cmo) -> None:
    result = cmo("config", "show", out_tty=True)

    assert "\x1b[" in result.out
    assert "\x1b[" not in result.err
    assert "\x1b[" not in cmo("config", "show", out_tty=True, env={"NO_COLOR": "1"}).out
