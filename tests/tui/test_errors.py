"""Errors: groups with what they mean, one key a verb, members alone, and nothing in them that a terminal obeys."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from cmo.domain.job import Mode
from cmo.store.audit import iter_audit
from cmo.store.db import Connection, open_store
from cmo.store.groups import StoredGroup, error_groups
from cmo.store.switches import SENDING, switch_on
from tests.fakes.clock import NOON, StillClock
from tests.fakes.failures import store_with_failures
from tests.fakes.jobs import new_job
from tests.tui.screen import SIZES, Seen, check_golden, play, settings_in

Scene = Callable[[Seen], Awaitable[None]]
ENRICH, MX, SEND, DRAFT = range(3, -1, -1)
"""Rows of the table: the latest group first."""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "place").mkdir()
    return tmp_path / "place"


@pytest.fixture
def conn(home: Path) -> Connection:
    return store_with_failures(settings_in(home).paths.db)[0]


def play_on(home: Path, scene: Scene, size: str = "80x24") -> None:
    play(home, "errors", scene, size=SIZES[size], clock=StillClock(NOON))


def group_at(conn: Connection, stage: str) -> StoredGroup:
    job_id = conn.execute("SELECT id FROM jobs").fetchone()[0]
    (found,) = error_groups(conn, job_id, marked=True, stage=stage)
    return found


def audited(conn: Connection) -> list[str]:
    return [row.action for row in iter_audit(conn, action="errors.")]


@pytest.mark.parametrize("size", SIZES)
def test_errors_look_as_agreed(home: Path, conn: Connection, size: str) -> None:
    async def scene(seen: Seen) -> None:
        await seen.press(*"jjj")
        check_golden(f"errors-{size}", seen.text)

    play_on(home, scene, size)


def test_a_group_says_what_it_means_what_was_done_and_which_key_does_what(home: Path, conn: Connection) -> None:
    async def scene(seen: Seen) -> None:
        await seen.press(*"jjj")
        assert "GitHub slows this token down. 41 wait; nothing is lost." in seen.text
        assert "r retry now" in seen.text
        assert "add a token: cmo auth set github --add" in seen.text
        assert "Enter: all 41" in seen.text

    play_on(home, scene)


def test_retrying_is_one_key_and_repeats_nothing_that_may_have_arrived(home: Path, conn: Connection) -> None:
    async def scene(seen: Seen) -> None:
        await seen.press(*"jjj", "r")
        assert "Pending again: 41 for the job" in seen.told
        await seen.press("g", "j", "r")
        assert "may have arrived" in seen.told
        states = {row["state"] for row in conn.execute("SELECT state FROM outbox")}
        assert states == {"planned", "unknown"}
        assert audited(conn) == ["errors.retry", "errors.retry"]

    play_on(home, scene)


def test_marked_groups_are_skipped_together_and_undo_takes_the_shown_one_back(home: Path, conn: Connection) -> None:
    async def scene(seen: Seen) -> None:
        await seen.press("j", "space", "space", "s")
        assert (group_at(conn, "send").skipped, group_at(conn, "mx").skipped) == (2, 1)
        await seen.press("k", "u")
        assert group_at(conn, "mx").skipped == 0
        assert group_at(conn, "send").skipped == 2

    play_on(home, scene)


def test_giving_up_asks_nothing_and_can_be_taken_back(home: Path, conn: Connection) -> None:
    async def scene(seen: Seen) -> None:
        await seen.press(*"jjj", "D")
        assert group_at(conn, "enrich").dead == 41
        assert "✗ dead" in seen.text
        assert "u take 41 back" in seen.text
        await seen.press("u")
        assert group_at(conn, "enrich").open == 41

    play_on(home, scene)


def test_members_are_listed_and_only_the_marked_ones_are_meant(home: Path, conn: Connection) -> None:
    async def scene(seen: Seen) -> None:
        await seen.press(*"jjj", "enter")
        assert "maint41" in seen.lines[3]
        await seen.press("space", "space", "s")
        assert group_at(conn, "enrich").skipped == 2
        await seen.press("j", "r")
        assert group_at(conn, "enrich").count == 40
        await seen.press("escape")
        assert "what happened" in seen.lines[2]
        assert "40" in seen.lines[6]

    play_on(home, scene)


def test_the_members_of_a_group_that_is_gone_give_way_to_the_groups(home: Path, conn: Connection) -> None:
    async def scene(seen: Seen) -> None:
        await seen.press(*"jjj", "i", "asterisk", "r")
        assert "GitHub 403" not in seen.text
        assert "SERVFAIL" in seen.text

    play_on(home, scene)


def test_a_filter_shows_the_groups_that_match(home: Path, conn: Connection) -> None:
    async def scene(seen: Seen) -> None:
        await seen.press("slash", *"stage:mx", "enter")
        assert "SERVFAIL" in seen.lines[3]
        assert seen.lines[4].strip() == ""
        await seen.press("slash", *" state:dead", "enter")
        assert "No group matches the filter." in seen.text

    play_on(home, scene)


def test_what_others_wrote_is_shown_as_it_is_and_obeyed_by_nothing(home: Path, conn: Connection) -> None:
    async def scene(seen: Seen) -> None:
        await seen.press("i")
        assert "[/] dependabot[bot]" in seen.text
        assert "[link=https://evil.example]here" in seen.text
        assert "\x1b" not in seen.raw
        assert "\u202e" not in seen.raw
        await seen.press("s")
        assert group_at(conn, "draft").skipped == 1

    play_on(home, scene)


def test_a_ticket_is_shown_where_there_is_one(home: Path, conn: Connection) -> None:
    group = group_at(conn, "draft")
    with conn:
        conn.execute(
            "INSERT INTO outbox (key, job_id, operation, state, payload, content_hash, due_s, provider_id)"
            " VALUES (?, ?, 'linear.issue', 'confirmed', '{}', 'h', 0, 'ENG-12')",
            (f"ticket:{group.key}:{group.job_id}", group.job_id),
        )

    async def scene(seen: Seen) -> None:
        assert "filed as ENG-12" in seen.text
        await seen.press("t")
        assert f"Group {group.key} is filed as ENG-12." in seen.told
        assert audited(conn) == []

    play_on(home, scene)


def test_in_a_dry_run_the_ticket_is_only_shown(home: Path) -> None:
    conn, _ = store_with_failures(settings_in(home).paths.db, mode=Mode.DRY_RUN)

    async def scene(seen: Seen) -> None:
        await seen.press("j", "t")
        assert "DRY RUN: the ticket would say" in seen.text
        assert f"instantly.enrol: timeout ({group_at(conn, 'send').key})" in seen.text
        assert "marsh" not in "".join(row for row in seen.lines if row.count("│") == 2)
        await seen.press("escape")
        assert audited(conn) == ["errors.ticket"]

    play_on(home, scene)


def test_no_errors_is_said_with_what_was_done_without_one(home: Path) -> None:
    new_job(open_store(settings_in(home).paths.db))

    async def scene(seen: Seen) -> None:
        assert "No errors. 0 calls since" in seen.text

    play_on(home, scene)


def test_a_pause_of_sending_stands_on_the_screen_with_its_reason(home: Path, conn: Connection) -> None:
    switch_on(conn, SENDING, by="system", at=NOON, reason="41x 3f9a1c00", action="sending.pause")

    async def scene(seen: Seen) -> None:
        assert "■ Sending paused 12:00: 41x 3f9a1c00. The run goes on. P: when to go on" in seen.lines[2]

    play_on(home, scene)


def test_a_ticket_that_may_not_be_filed_says_why_until_escape(home: Path, conn: Connection) -> None:
    async def scene(seen: Seen) -> None:
        await seen.press("t")
        assert "team" in seen.told
        await seen.press("escape")
        assert not seen.told

    play_on(home, scene)
