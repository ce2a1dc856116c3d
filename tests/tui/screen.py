"""The full screen without a terminal: a store, an app over it, keys, and what is seen as lines of text."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from rich.style import Style
from textual.pilot import Pilot
from textual.screen import ModalScreen

from cmo.cli.registry import with_flags
from cmo.clock import Clock
from cmo.config import Settings, Sources, load
from cmo.service.hosting import Launch
from cmo.store.db import Connection, open_store
from cmo.tui.actions import SCREENS
from cmo.tui.app import Workplace
from cmo.tui.desk import Desk
from cmo.tui.themes import DARK
from tests.fakes.drafts import SENDER, store_with_drafts
from tests.tui.idle import until_idle

GOLDEN = Path(__file__).parent.parent / "golden" / "tui"
SIZES = {"80x24": (80, 24), "120x40": (120, 40), "200x60": (200, 60)}
ROOM = 10**12
"""Bytes free on every disk."""
PATIENCE = 200
"""Looks, a hundredth of a second apart, before a test gives up waiting."""


@dataclass
class Seen:
    """A running app and who types."""

    app: Workplace
    pilot: Pilot[None]

    async def press(self, *keys: str) -> None:
        """Type, and wait until everything that was asked for is done and shown."""
        await self.pilot.press(*keys)
        await self.settled()

    async def settled(self) -> None:
        """Until the hand has nothing left to do and what it told was taken in."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self.app.hand_is_idle)
        await self.pilot.pause()
        self.app.desk.forget_what_was_seen()
        self.app.tick()
        await self.pilot.pause()

    async def go(self, name: str) -> None:
        """To a screen, from wherever this is; what lies over it is closed as a person closes it."""
        await self.pilot.press("escape")
        while self.is_asked:
            await self.pilot.press("escape")
        await self.press(SCREENS[name][0])

    @property
    def is_asked(self) -> bool:
        """Whether a dialog lies over the screen."""
        return isinstance(self.app.screen, ModalScreen)

    async def until(self, is_so: Callable[[], bool], *, looks: int = PATIENCE) -> None:
        """Wait for something that happens on another thread."""
        for _ in range(looks):
            if is_so():
                return
            await self.pilot.pause(0.01)
        raise AssertionError("it never came to be so; seen:\n" + self.text)

    @property
    def lines(self) -> list[str]:
        """The rows of the terminal, without trailing spaces."""
        strips = self.app.screen._compositor.render_strips()
        return ["".join(segment.text for segment in strip).rstrip() for strip in strips]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def cells(self) -> list[list[tuple[str, Style]]]:
        """The rows of the terminal as (character, how it is written)."""
        strips = self.app.screen._compositor.render_strips()
        return [
            [(char, segment.style or Style()) for segment in strip if not segment.control for char in segment.text]
            for strip in strips
        ]

    @property
    def told(self) -> str:
        """What the notices say, all that are still there."""
        return "\n".join(notice.message for notice in self.app._notifications)

    @property
    def raw(self) -> str:
        """Everything that would reach the terminal, controls of the widgets' own text included."""
        strips = self.app.screen._compositor.render_strips()
        return "".join(segment.text for strip in strips for segment in strip if not segment.control)


def settings_in(home: Path, **env: str) -> Settings:
    return load(Sources(env={"CMO_HOME": str(home), "CMO_OPERATOR": "ana", **SENDER, **env}, folder=home))


def desk_over(
    home: Path,
    *,
    settings: Settings | None = None,
    job: str | None = None,
    clock: Clock | None = None,
    free: Callable[[Path], int] = lambda folder: ROOM,
    **env: str,
) -> Desk:
    """The desk in `home`, under the settings that `env` makes, or those that are given."""
    found = settings or settings_in(home, **env)
    reread = None if settings else lambda: settings_in(home, **env)
    return Desk(found, settings_of=lambda plan: found, job=job, clock=clock, reread=reread, free=free)


def launch_in(home: Path, **env: str) -> Launch:
    """How workers are started for the store of `home`."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    flags = ("--sandbox",) if settings_in(home, **env).sandbox else ()
    return Launch(flags, home, {**inherited, "CMO_HOME": str(home), "CMO_OPERATOR": "ana", **SENDER, **env})


def seeded(home: Path, n: int = 12, *, flagged: int = 3, blocked: int = 1) -> tuple[Connection, str]:
    """A job with `n` drafts in the store of `home`."""
    home.mkdir(parents=True, exist_ok=True)
    return store_with_drafts(settings_in(home).paths.db, n, flagged=flagged, blocked=blocked)


def store_of(home: Path, **env: str) -> Connection:
    return open_store(settings_in(home, **env).paths.db)


@asynccontextmanager
async def opened(
    home: Path,
    screen: str,
    *,
    size: tuple[int, int] = (80, 24),
    settings: Settings | None = None,
    job: str | None = None,
    clock: Clock | None = None,
    theme: str = DARK,
    free: Callable[[Path], int] = lambda folder: ROOM,
    read_only: bool = False,
    **env: str,
) -> AsyncIterator[Seen]:
    """The app over the store of `home`, at `screen`, after its first read."""
    desk = desk_over(home, settings=settings, job=job, clock=clock, free=free, **env)
    launch = launch_in(home, **env)
    qualify = partial(with_flags, flags=" ".join(launch.flags))
    app = Workplace(desk, launch, screen=screen, theme=theme, read_only=read_only, qualify=qualify)
    with pytest.MonkeyPatch.context() as patch:
        for module in ("app", "pilot"):
            patch.setattr(f"textual.{module}.wait_for_idle", partial(until_idle, app))
        async with app.run_test(size=size) as pilot:
            seen = Seen(app, pilot)
            await seen.settled()
            yield seen


def play(
    home: Path,
    screen: str,
    scene: Callable[[Seen], Awaitable[None]],
    *,
    size: tuple[int, int] = (80, 24),
    settings: Settings | None = None,
    job: str | None = None,
    clock: Clock | None = None,
    theme: str = DARK,
    free: Callable[[Path], int] = lambda folder: ROOM,
    read_only: bool = False,
    **env: str,
) -> None:
    """Open `screen` over the store of `home` and play a scene on it."""

    async def main() -> None:
        shown = opened(
            home, screen, size=size, settings=settings, job=job, clock=clock, theme=theme, free=free,
            read_only=read_only, **env,
        )  # fmt: skip
        async with shown as seen:
            await scene(seen)

    asyncio.run(main())


def check_golden(name: str, text: str) -> None:
    """What is seen is what was agreed to; `GOLDEN=1` agrees to what is seen now."""
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
    assert text + "\n" == path.read_text(encoding="utf-8"), f"{name}: another picture than agreed; GOLDEN=1 agrees"
