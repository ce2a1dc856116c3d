from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from cmo.errors import ConfigError
from cmo.sandbox import FaultKind
from cmo.service.world import (
    forward_world,
    keep_world,
    sandbox_world,
    tuesday_morning,
    world_settings,
)
from tests.service.test_jobs import settings_in

SANDBOX = {"CMO_SANDBOX": "1"}


@pytest.mark.parametrize(
    ("now", "zone", "wanted"),
    [
        ("2026-11-20T13:00", "UTC", "2026-11-17T09:00"),
        ("2026-11-17T00:30", "UTC", "2026-11-17T09:00"),
        ("2026-11-16T23:30", "UTC", "2026-11-10T09:00"),  # a Monday: the week before
        ("2026-11-16T12:00", "Pacific/Auckland", "2026-11-16T20:00"),  # Tuesday there already
        ("2026-11-17T03:00", "America/Los_Angeles", "2026-11-10T17:00"),  # still Monday there
        ("2026-07-15T12:00", "Europe/Lisbon", "2026-07-14T08:00"),  # summer time
    ],
)
def test_the_world_starts_on_a_tuesday_morning_of_the_senders_zone(now: str, zone: str, wanted: str) -> None:
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert tuesday_morning(moment, zone) == datetime.fromisoformat(wanted).replace(tzinfo=UTC)


def test_a_fresh_world_starts_in_the_zone_of_the_settings(tmp_path: Path) -> None:
    world = sandbox_world(settings_in(tmp_path, {**SANDBOX, "CMO_TIME_ZONE": "Asia/Tokyo"}))
    local = world.now.astimezone(ZoneInfo("Asia/Tokyo"))
    assert (local.weekday(), local.hour, local.minute) == (1, 9, 0)
    assert timedelta(0) <= world.now - world.anchor_at < timedelta(days=1)


def test_a_zone_that_is_none_is_named_with_its_fix(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Mars/Olympus") as caught:
        sandbox_world(settings_in(tmp_path, {**SANDBOX, "CMO_TIME_ZONE": "Mars/Olympus"}))
    assert "sender.time_zone" in caught.value.hint


def test_the_clock_moves_on_and_everything_else_stays(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, SANDBOX)
    before = replace(sandbox_world(settings), faults="heavy")
    keep_world(settings, before)
    moved = forward_world(settings, timedelta(days=2))
    assert moved == sandbox_world(settings) == replace(before, now=before.now + timedelta(days=2))


def test_a_clock_that_is_not_there_cannot_be_moved(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no sandbox yet"):
        forward_world(settings_in(tmp_path / "own", SANDBOX), timedelta(days=2))
    assert not (tmp_path / "own").exists()


def test_the_real_clock_is_never_moved(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Only the sandbox"):
        forward_world(settings_in(tmp_path), timedelta(days=2))


def test_a_world_without_faults_is_what_older_homes_have(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, SANDBOX)
    keep_world(settings, sandbox_world(settings))
    file = settings.paths.sandbox_dir / "world.json"
    file.write_text(file.read_text().replace(', "faults": "none"', ""))
    assert sandbox_world(settings).faults == "none"


def test_faults_are_played_by_the_name_of_their_profile(tmp_path: Path) -> None:
    world = sandbox_world(settings_in(tmp_path, SANDBOX))
    calm, demo, heavy = (world_settings(replace(world, faults=name)) for name in ("none", "demo", "heavy"))
    assert calm.faults is not None
    assert calm.faults.rules == ()
    assert demo.faults is not None
    assert [rule.kind for rule in demo.faults.rules] == [FaultKind.DNS_TIMEOUT]
    assert heavy.smtp_faults
    assert not demo.smtp_faults
    with pytest.raises(ConfigError, match="awful"):
        world_settings(replace(world, faults="awful"))
