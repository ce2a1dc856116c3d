"""Outbox: who gets mail when, taken back until the last moment, sent only by a typed count. At noon of a Friday."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from cmo.domain.job import Mode
from cmo.service.world import keep_world, sandbox_world
from cmo.store.audit import iter_audit
from cmo.store.db import Connection
from tests.fakes.campaign import Campaign, campaign, sandbox_settings
from tests.fakes.clock import NOON, StillClock
from tests.service.test_sending import HOLD, sending_of
from tests.tui.screen import SIZES, Seen, check_golden, desk_over, play

Scene = Callable[[Seen], Awaitable[None]]
HOSTILE = "[/] dependabot[bot] \x1b]52;c;aGk=\x07\u202e"


def made_in(home: Path, n: int = 3, *, mode: Mode = Mode.SEND_ALLOWED) -> Campaign:
    """Approved drafts that nobody handed over."""
    home.mkdir()
    return campaign(home, n, mode=mode, settings=sandbox_settings(home))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "place"


@pytest.fixture
def made(home: Path) -> Campaign:
    """Three mails in their hold."""
    made = made_in(home)
    with sending_of(made) as sending:
        due_at = sending.now() + HOLD
        sending.hand_over(sending.preview(due_at=due_at), due_at=due_at, limited=False)
    return made


def change(made: Campaign, sql: str) -> None:
    with made.open() as conn:
        conn.execute(sql)
    conn.close()


def states(made: Campaign) -> dict[int, str]:
    with made.open() as conn:
        rows = conn.execute("SELECT id, CASE WHEN is_held THEN 'held' ELSE state END AS s FROM outbox ORDER BY id")
        found = {row["id"]: row["s"] for row in rows}
    conn.close()
    return found


def of_every_kind(made: Campaign) -> None:
    """Rows of every state, with what others wrote in every field."""
    conn: Connection = made.open()
    copied = (
        "INSERT INTO outbox (key, job_id, operation, state, payload, content_hash, draft_id, email_key, inbox, due_s,"
        " claimed_s, settled_s, provider_id, is_held, attempts, reason) SELECT 'k' || ?1, job_id, operation, ?2,"
        " payload, 'h', draft_id, 'k' || ?1, 'sam@field.example', ?3, ?4, ?4, ?5, ?6, 1, ?7 FROM outbox WHERE id = 1"
    )
    at = NOON.timestamp()
    rows = [
        ("planned", at - 60, None, None, 0, None),
        ("planned", at + 3 * 86_400, None, None, 0, None),
        ("planned", at, None, None, 1, None),
        ("claimed", at, at, None, 0, None),
        ("confirmed", at - 3600, at - 3600, "<1@field.example>", 0, None),
        ("confirmed", at - 7200, at - 7200, HOSTILE, 0, None),
        ("failed", at, at, None, 0, f"refused: {HOSTILE}"),
        ("unknown", at, at, None, 0, "no answer in 30 s"),
        ("unknown", at, at, None, 1, f"the connection was lost: {HOSTILE}"),
    ]
    with conn:
        for n, row in enumerate(rows):
            conn.execute(copied, (n, *row))
        conn.execute("INSERT INTO deliveries VALUES (9, 'bounce', 0, '')")
        conn.execute("INSERT INTO decisions VALUES (5, 'window', 'It is night there.', 0, ?, 1)", (at + 3 * 86_400,))
        conn.execute("INSERT INTO decisions VALUES (4, 'country', 'Nobody knows the country.', 0, NULL, 1)")
        conn.execute("INSERT INTO inboxes VALUES ('sam@field.example', 'smtp', 0, ?, NULL, NULL)", (at,))
        conn.execute("UPDATE outbox SET payload = json_set(payload, '$.to_email', ?) WHERE id = 12", (HOSTILE,))
    conn.close()


def play_on(made: Campaign, scene: Scene, size: str = "80x24", clock: StillClock | None = None) -> None:
    home = made.settings.paths.data_dir
    play(home, "outbox", scene, size=SIZES[size], settings=made.settings, clock=clock or StillClock(NOON))


@pytest.mark.parametrize("size", SIZES)
def test_the_outbox_looks_as_agreed(made: Campaign, size: str) -> None:
    of_every_kind(made)

    async def scene(seen: Seen) -> None:
        check_golden(f"outbox-{size}", seen.text)

    play_on(made, scene, size)


def test_the_time_until_a_mail_leaves_counts_down(made: Campaign) -> None:
    clock = StillClock(NOON)

    async def scene(seen: Seen) -> None:
        assert "held 10:00" in seen.lines[3]
        clock.advance(113)
        seen.app.page.count_down()  # type: ignore[union-attr]
        await seen.pilot.pause()
        assert "held 08:07" in seen.lines[3]
        clock.advance(3600)
        seen.app.page.count_down()  # type: ignore[union-attr]
        await seen.pilot.pause()
        assert "▶ next" in seen.lines[3]

    play_on(made, scene, clock=clock)


def test_marked_mails_are_taken_back_and_their_drafts_stay_approved(made: Campaign) -> None:
    async def scene(seen: Seen) -> None:
        await seen.press("space", "space", "r")
        assert states(made) == {3: "planned"}
        assert "2 rows recalled" in seen.told

    play_on(made, scene)
    with made.open() as conn:
        assert conn.execute("SELECT COUNT(*) FROM drafts WHERE state = 'approved'").fetchone()[0] == 3
        assert [row.object for row in iter_audit(conn, action="outbox.recall")] == ["outbox:2", "outbox:1"]
    conn.close()


def test_who_takes_back_too_late_is_told_what_happened_instead(made: Campaign) -> None:
    async def scene(seen: Seen) -> None:
        change(made, "UPDATE outbox SET state = 'claimed', attempts = 1, claimed_s = 1 WHERE id = 1")
        await seen.press("r")
        assert "1 stays: it is leaving right now." in seen.told
        assert states(made)[1] == "claimed"

    play_on(made, scene)


def test_rows_are_held_and_let_go(made: Campaign) -> None:
    async def scene(seen: Seen) -> None:
        await seen.press("asterisk", "h")
        assert set(states(made).values()) == {"held"}
        assert "■ on hold" in seen.text
        await seen.press("l")
        assert list(states(made).values()).count("held") == 2

    play_on(made, scene)


def test_whether_a_doubtful_mail_arrived_is_asked_and_kept_with_the_name(made: Campaign) -> None:
    change(made, "UPDATE outbox SET state = 'unknown', is_held = 1, attempts = 1, claimed_s = 1 WHERE id = 1")

    async def scene(seen: Seen) -> None:
        assert "6 Outbox·1" in seen.lines[1]
        await seen.press("g", "l")
        assert "Did it arrive? maint1." in seen.text
        await seen.press("escape")
        assert states(made)[1] == "held"
        await seen.press("l", "1")
        assert states(made)[1] == "confirmed"

    play_on(made, scene)


def test_a_mail_is_shown_exactly_as_it_leaves(made: Campaign) -> None:
    async def scene(seen: Seen) -> None:
        await seen.press("enter")
        for words in (
            "These are the bytes that leave.",
            'To: "Ana 1" <maint1@org1.example>',
            "List-Unsubscribe: <mailto:",
        ):
            assert words in seen.text
        await seen.press("escape")
        assert "List-Unsubscribe" not in seen.text

    play_on(made, scene, "120x40")


def test_what_others_wrote_is_obeyed_by_nothing(made: Campaign) -> None:
    of_every_kind(made)

    async def scene(seen: Seen) -> None:
        for _ in range(12):
            assert "\x1b" not in seen.raw
            assert "\u202e" not in seen.raw
            await seen.press("j")
        assert "[/] dependabot[bot]" in seen.text

    play_on(made, scene, "120x40")


def test_a_filter_in_the_language_of_the_list_shows_what_matches(made: Campaign) -> None:
    async def scene(seen: Seen) -> None:
        await seen.press("slash", *"maint3", "enter")
        assert "maint3@org3.example" in seen.lines[3]
        assert "maint1@" not in seen.text

    play_on(made, scene, "120x40")


def test_a_locked_job_says_so_and_why_nothing_is_sent(home: Path) -> None:
    made = made_in(home, mode=Mode.DRAFT_ONLY)

    async def scene(seen: Seen) -> None:
        assert "■ Locked: DRAFT-ONLY. 3 approved drafts wait. Limits, m." in seen.lines[2]
        await seen.press("S")
        await seen.until(lambda: "sending is locked (DRAFT-ONLY)" in seen.told)
        assert states(made) == {}

    play_on(made, scene)


def test_mail_leaves_only_once_its_count_was_typed(home: Path) -> None:
    made = made_in(home)
    made.settings = replace(made.settings, hold_minutes=0)

    async def scene(seen: Seen) -> None:
        assert "3 approved: S hands them over." in seen.text
        await seen.press("S")
        await seen.until(lambda: "Hand over 3 mails" in seen.text)
        assert "3 leave by maildir, from sam@sandbox.example." in seen.text
        await seen.press("enter")
        assert "nothing was done" in seen.told
        await seen.press("3", "enter")
        await seen.until(lambda: "3 confirmed" in seen.told)
        assert seen.app.farewell == ""
        assert set(states(made).values()) == {"confirmed"}
        assert "✓ sent" in seen.text

    play_on(made, scene)
    assert len(made.mails) == 3


def test_the_screen_goes_along_with_the_sandbox_whose_clock_hurries_while_somebody_waits(made: Campaign) -> None:
    desk = desk_over(made.settings.paths.data_dir, settings=made.settings)
    assert desk.is_changed()
    later = NOON + timedelta(hours=1)
    keep_world(made.settings, replace(sandbox_world(made.settings), now=later))
    assert not desk.is_changed()
    assert desk.now() < later
    change(made, "UPDATE outbox SET state = state")
    assert desk.is_changed()
    assert later <= desk.now() < later + HOLD
    desk.close()


def test_leaving_the_screen_ends_the_wait_and_what_was_handed_over_stays(made: Campaign) -> None:
    async def scene(seen: Seen) -> None:
        await seen.press("S")
        await seen.until(lambda: "Type `3`" in seen.text)
        await seen.press("3", "enter")
        await seen.until(lambda: "Handed over" in seen.told)
        assert "cmo send" in seen.app.farewell

    play_on(made, scene)
    assert set(states(made).values()) <= {"planned", "confirmed"}


def test_an_empty_outbox_says_where_to_go(tmp_path: Path) -> None:
    made = made_in(tmp_path / "place", 1)
    change(made, "UPDATE drafts SET state = 'rejected'")

    async def scene(seen: Seen) -> None:
        assert "Nothing is handed over, and no draft is approved: 2 Review." in seen.text

    play_on(made, scene, clock=StillClock(NOON + timedelta(minutes=1)))
