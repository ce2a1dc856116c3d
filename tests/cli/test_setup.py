from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from cmo.config import Settings, Sources, load
from cmo.domain.event import JobFinished
from cmo.service.world import keep_world, sandbox_world
from tests.cli.harness import Cmo
from tests.cli.seed import seed


def sandbox_of(cmo: Cmo) -> Settings:
    return load(Sources(env=cmo.env, folder=cmo.folder, sandbox=True, keyring=lambda: None))


def test_the_clock_is_moved_and_told_in_the_senders_zone(cmo: Cmo) -> None:
    cmo.env["CMO_TIME_ZONE"] = "Asia/Tokyo"
    settings = sandbox_of(cmo)
    before = sandbox_world(settings)
    keep_world(settings, before)

    result = cmo("demo", "--forward", "2d", out_tty=True)

    assert result.code == 0, result.err
    assert sandbox_world(settings).now == before.now + timedelta(days=2)
    assert "Thursday" in result.out
    assert "09:00 in the sandbox (Asia/Tokyo)" in result.out
    assert not settings.paths.db.exists()  # nothing else was done


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (("--forward", "2d"), 78),  # there is no sandbox yet
        (("--forward", "2x"), 2),
        (("--forward", "0d"), 2),
        (("--forward", "2d", "--reset"), 2),
    ],
)
def test_a_clock_that_cannot_be_moved_like_that_stays(cmo: Cmo, argv: tuple[str, ...], code: int) -> None:
    assert cmo("demo", *argv).code == code
    assert not (cmo.home / "sandbox").exists()


def test_the_demo_ends_its_faults_and_says_what_to_type(cmo: Cmo) -> None:
    seed(cmo.home / "sandbox", end=JobFinished(summary="2 good leads.", good_leads=2))
    settings = sandbox_of(cmo)
    keep_world(settings, replace(sandbox_world(settings), faults="demo"))

    result = cmo("demo")

    assert result.code == 0, result.err
    assert sandbox_world(settings).faults == "none"
    assert "1 error group." in result.err
    for command in ("drafts review", "errors list", "jobs set last mode=send_allowed", "send last", "demo --forward"):
        assert f"cmo --sandbox {command}" in result.err


def test_a_demo_has_200_drafts_and_three_error_groups_on_a_tuesday_morning(cmo: Cmo) -> None:
    made = cmo.spawn("demo")

    assert made.code == 0, made.err
    drafts = cmo("drafts", "list", "--sandbox", "--json", "--limit", "1000").document
    assert 190 <= drafts["total"] <= 215
    assert any(row["flag"] for row in drafts["data"])
    assert len(cmo("errors", "list", "--sandbox", "--json").document["data"]) == 3
    world = sandbox_world(sandbox_of(cmo))
    assert (world.anchor_at.weekday(), world.now.hour, world.faults) == (1, 9, "none")


def test_init_takes_every_answer_as_a_flag(cmo: Cmo) -> None:
    flags = {
        "--operator": "Ana",
        "--sender-name": "Ana Ruiz",
        "--sender-email": "ana@ruiz.example",
        "--postal-address": "1 Way, 1000 Town",
        "--time-zone": "Europe/Lisbon",
        "--offer": "We find flaky tests.",
        "--question": "Is that of use to you?",
        "--max-emails-per-day": "7",
    }
    result = cmo("init", "--offline", *(part for pair in flags.items() for part in pair))

    assert result.code == 0, result.err
    text = (cmo.home / "config.toml").read_text()
    for value in flags.values():
        assert value in text
    assert cmo("doctor", "--offline", env={"CMO_OPERATOR": ""}).code == 0


def test_init_writes_nothing_of_what_was_not_answered(cmo: Cmo) -> None:
    cmo("init", "--offline", "--offer", "We find flaky tests.")
    assert (cmo.home / "config.toml").read_text() == '[copy]\noffer = "We find flaky tests."\n'


@pytest.mark.parametrize(("flag", "value"), [("--sender-email", "ana at ruiz"), ("--time-zone", "Mars/Olympus")])
def test_init_refuses_what_would_not_work(cmo: Cmo, flag: str, value: str) -> None:
    result = cmo("init", "--offline", flag, value)
    assert result.code == 78
    assert value in result.err
    assert flag in result.err
    assert not (cmo.home / "config.toml").exists()
