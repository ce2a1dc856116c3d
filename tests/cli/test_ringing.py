"""The bell and the desktop's notice: only at a terminal, only what was asked for, never a failure."""

from __future__ import annotations

import json
import stat
import time
from pathlib import Path

import pytest

from cmo.cli.flags import GlobalFlags
from cmo.cli.ringing import Bell
from cmo.cli.session import Session, World
from cmo.service.milestones import Milestone
from tests.cli.harness import NOW, Cmo, FakePipe, FakeTty
from tests.service.test_heralds import hook

DONE = Milestone(7, "goal_reached", "the goal is reached: 26 good leads", NOW)


def rung(home: Path, notify: str, *, tty: bool = True, **env: str) -> str:
    """What the terminal got."""
    err = FakeTty() if tty else FakePipe()
    given = {"CMO_HOME": str(home), "CMO_NOTIFY": notify, "PATH": str(home), **env}
    here = Session(GlobalFlags(), World(env=given, folder=home, stdin=FakePipe(), stdout=FakePipe(), stderr=err))
    Bell(here, here.settings, "cmo-1").ring(DONE)
    return err.getvalue()


@pytest.mark.parametrize(
    ("notify", "got"),
    [
        ("bell", "\a"),
        ("desktop", "\x1b]9;cmo-1 the goal is reached: 26 good leads\x1b\\"),
        ("none", ""),
        ("https://hooks.example/x", ""),
    ],
)
def test_the_terminal_gets_what_was_asked_for(tmp_path: Path, notify: str, got: str) -> None:
    assert rung(tmp_path, notify) == got


def test_a_worker_in_the_background_rings_nobody(tmp_path: Path) -> None:
    assert rung(tmp_path, "bell,desktop", tty=False) == ""


def test_a_desktop_gets_its_own_notice_and_its_failure_is_nobodys(tmp_path: Path) -> None:
    seen, tool = tmp_path / "seen", tmp_path / "notify-send"
    tool.write_text(f'#!/bin/sh\necho "$3" > {seen}.new\n/bin/mv {seen}.new {seen}\nexit 1\n')
    tool.chmod(stat.S_IRWXU)

    assert rung(tmp_path, "desktop", DISPLAY=":0") == ""
    for _ in range(200):
        if seen.exists():
            break
        time.sleep(0.01)
    assert seen.read_text() == "cmo-1 the goal is reached: 26 good leads\n"


def test_a_run_tells_a_web_hook_of_its_stages_and_its_end_and_goes_on_without_one(cmo: Cmo) -> None:
    with hook() as server:
        cmo.env["CMO_NOTIFY"] = f"bell,{server.url}"
        result = cmo.spawn("run", "find 5 python maintainers", "--sandbox", "--yes")
    assert result.code in (0, 3), result.err
    kinds = [body["milestone"] for body in server.got]
    assert kinds.count("goal_reached") + kinds.count("finished") == 1
    assert "stage_done" in kinds
    assert "waiting_for_approval" in kinds
    assert all(body["text"].startswith("SANDBOX: cmo-") for body in server.got)
    assert "@" not in json.dumps(server.got)
    assert "\a" not in result.err

    later = cmo.spawn("run", "find 5 python maintainers", "--sandbox", "--yes")
    assert later.code in (0, 3), later.err
    assert "The web hook at 127.0.0.1 was not told that" in " ".join(later.err.split())
