"""Every screen as it looks in every state: each theme, no colour, all sending stopped, narrow, empty, broken.

`GOLDEN=1 pytest tests/tui/test_looks.py` takes all these pictures anew. The three sizes stand with each screen's own.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from cmo.service.kill import kill
from cmo.store.db import open_store
from cmo.store.migrations import MIGRATIONS
from cmo.tui.themes import CONTRAST, DARK, LIGHT
from tests.fakes.campaign import Campaign
from tests.fakes.clock import NOON, StillClock
from tests.fakes.jobs import new_job
from tests.tui.house import full_house
from tests.tui.looks import Look, agreed, styles_of, walk
from tests.tui.screen import GOLDEN, ROOM, Seen, check_golden, play, settings_in

NARROW = (60, 16)


@pytest.fixture
def made(tmp_path: Path) -> Campaign:
    return full_house(tmp_path / "place")


def tour(made: Campaign, look: Look, *, theme: str = DARK, size: tuple[int, int] = (80, 24)) -> None:
    """Look at every screen of the full house."""
    home = made.settings.paths.data_dir
    play(home, "jobs", walk(look), settings=made.settings, clock=StillClock(NOON), theme=theme, size=size)


@pytest.mark.parametrize("theme", [DARK, LIGHT, CONTRAST])
def test_colours_say_the_same_in_every_theme(made: Campaign, theme: str) -> None:
    tour(made, agreed("full", styles=True), theme=theme)


def test_without_colour_a_screen_says_the_same_in_grey(made: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    def look(name: str, seen: Seen) -> None:
        assert (GOLDEN / f"looks/{name}-full.txt").read_text(encoding="utf-8").startswith(f"{seen.text}\n\n"), name
        check_golden(f"looks/{name}-no-colour", styles_of(seen))

    tour(made, look)


def test_a_stop_of_all_sending_looks_as_agreed(made: Campaign) -> None:
    kill(made.settings, "bounces look odd")
    tour(made, agreed("stopped", styles=True))


def test_a_narrow_terminal_looks_as_agreed(made: Campaign) -> None:
    tour(made, agreed("narrow"), size=NARROW)


def test_a_job_without_anything_looks_as_agreed(tmp_path: Path) -> None:
    (tmp_path / "place").mkdir()
    new_job(open_store(settings_in(tmp_path / "place").paths.db))
    play(tmp_path / "place", "jobs", walk(agreed("empty")), clock=StillClock(NOON))


def test_a_place_without_any_job_looks_as_agreed(tmp_path: Path) -> None:
    (tmp_path / "place").mkdir()
    play(tmp_path / "place", "jobs", walk(agreed("no-job")), clock=StillClock(NOON))


def test_a_store_of_a_newer_cmo_looks_as_agreed(made: Campaign) -> None:
    with made.open() as conn:
        conn.execute("INSERT INTO schema_steps VALUES (99, 'm099', '')")

    def look(name: str, seen: Seen) -> None:
        check_golden(f"looks/{name}-broken", seen.text.replace(f"knows {len(MIGRATIONS)}.", "knows N."))
        assert not seen.told

    tour(made, look)


def test_each_broken_state_is_one_line_that_names_the_way_out(made: Campaign) -> None:
    conn, clock, free, told = made.open(), StillClock(NOON), [ROOM], list[str]()
    conn.execute("PRAGMA foreign_keys=OFF")

    async def look(seen: Seen, what: str) -> None:
        told.append(f"{what}:")
        for width in (NARROW[0], 80, 120):
            await seen.pilot.resize_terminal(width, 24)
            seen.app.look()
            await seen.settled()
            told.append(seen.lines[2])

    async def one_by_one(seen: Seen) -> None:
        conn.execute("UPDATE failures SET code = 'auth_rejected' WHERE tool = 'enrich_github_user'")
        await look(seen, "a key that was refused")
        conn.execute("UPDATE failures SET code = 'odd'")
        conn.execute("INSERT INTO decisions VALUES (99, 'quota', '', ?, NULL, 1)", (NOON.timestamp() + 180,))
        await look(seen, "a clock that was set back")
        free[0] = 499_000_000
        await look(seen, "a disk that fills up besides")
        conn.execute("DELETE FROM decisions")
        await look(seen, "the disk alone")

    async def held(seen: Seen) -> None:
        await look(seen, "a store that another process holds")

    home = made.settings.paths.data_dir
    play(home, "limits", one_by_one, settings=made.settings, clock=clock, free=lambda folder: free[0])
    conn.close()
    holder = sqlite3.connect(made.settings.paths.db, isolation_level=None)
    holder.execute("PRAGMA locking_mode=EXCLUSIVE")
    holder.execute("UPDATE jobs SET stage = stage")
    play(home, "limits", held, settings=made.settings, clock=clock)
    holder.close()
    check_golden("looks/broken-lines", "\n".join(told))
