"""Line 1 (job, state, mode, quota, STOP), line 2 (the screens) and the footer: the same on every screen."""

from __future__ import annotations

from rich.cells import cell_len
from rich.text import Text
from textual.events import Click

from cmo.domain.job import JobStatus, Mode
from cmo.service.standing import kill_words, pause_words
from cmo.tui.actions import SCREENS, Action, hints
from cmo.tui.feed import Frame
from cmo.tui.paint import Meaning, Palette, cut, line
from cmo.tui.widgets.lines import OneLine

MOST_HINTS = 8
MOST_HIDDEN = 20
"""Cells of what is broken that stay, however long the way out is."""
NARROW = 80
"""Below this only the current screen's name is shown."""
_STATES: dict[str, tuple[str, str]] = {
    "planned": ("idle", "PLANNED"),
    "running": ("running", "RUN"),
    "stopped": ("failed", "GONE"),
    "paused": ("needs_you", "PAUSED"),
    "finished": ("done", "DONE"),
    "failed": ("failed", "FAILED"),
    "cancelled": ("failed", "CANCELLED"),
}
"""The job's state -> state with a sign, word."""
_MODES = {Mode.DRY_RUN: "DRY RUN", Mode.DRAFT_ONLY: "DRAFT-ONLY", Mode.SEND_ALLOWED: "SEND-ALLOWED"}


class TopLine(OneLine):
    """Never hidden. With the kill switch on, the whole line is reverse video and says who and when."""

    def draw(self, frame: Frame, palette: Palette, *, sandbox: bool) -> None:
        width = self.size.width
        if frame.kill is not None:
            mark = palette.sign("locked")[0]
            said = f" {mark} {kill_words(frame.kill)}  {line(frame.kill.reason)}"
            self.say(Text(cut(said, width, more=palette.ellipsis()), style=palette["needs"], no_wrap=True))
            return
        world = "SANDBOX " if sandbox else ""
        if frame.job is None:
            left = f" cmo  {world}" + ("" if frame.troubles else "no job yet")
            state, mode = ("", palette["plain"]), ""
        else:
            glyph, word = _STATES[frame.state]
            sign, style = palette.sign(glyph)
            left = f" cmo  {world}{frame.job.id.removeprefix('cmo-')} {line(frame.job.plan.goal)}"
            state, mode = (f"{sign} {word}", style), _MODES[frame.job.plan.mode]
            if frame.pause is not None:
                mode = "SENDING PAUSED"
        quota = f"{frame.used}/{frame.limit} today" if frame.limit else ""
        right = "  ".join(part for part in (state[0], mode, quota, "! STOP") if part) + " "
        text = Text(cut(left, max(0, width - len(right) - 1), more=palette.ellipsis()) + " ", no_wrap=True)
        text.append(state[0], state[1])
        text.append(right[len(state[0]) :])
        self.say(text)

    def on_click(self, event: Click) -> None:
        if event.x >= self.size.width - 8:
            self.app.run_worker(self.app.run_action("kill_on"))


class Banner(OneLine):
    """Below line 2 while sending is paused: since when, why, when it goes on. Not there otherwise."""

    DEFAULT_CSS = "Banner { display: none; } Banner.-on { display: block; }"

    def draw(self, frame: Frame, palette: Palette) -> None:
        pause = frame.pause
        self.set_class(pause is not None, "-on")
        if pause is None:
            return
        since, why, until = pause_words(pause)
        began = f" {palette.sign('locked')[0]} {since}: "
        runs = " The run goes on." if frame.job is not None and frame.job.status is JobStatus.RUNNING else ""
        tail = f".{until}{runs} P: when to go on "
        room = max(8, self.app.size.width - len(began) - len(tail))
        if len(why) > room:
            why = cut(why, room, more=palette.ellipsis())
        self.say(Text(f"{began}{why}{tail}", style=palette["needs"], no_wrap=True, overflow="ellipsis"))


class Broken(OneLine):
    """Below that while something is broken: what, and what to do about it; the second is never cut for the first."""

    DEFAULT_CSS = "Broken { display: none; } Broken.-on { display: block; }"

    def draw(self, frame: Frame, palette: Palette) -> None:
        self.set_class(bool(frame.troubles), "-on")
        if not frame.troubles:
            return
        worst, *others = frame.troubles
        sign, style = palette.sign("failed")
        fix, more = line(worst.fix), f"  (+{len(others)})" if others else ""
        room = max(MOST_HIDDEN, self.app.size.width - len(sign) - len(fix) - len(more) - 4)
        told = line(worst.message)
        told = cut(told, room, more=palette.ellipsis()).rstrip() if cell_len(told) > room else told
        text = Text(f" {sign} ", style=style, no_wrap=True, overflow="ellipsis")
        text.append(f"{told}  ", style)
        text.append(f"{fix}{more}", palette["bold"])
        self.say(text)


class Tabs(OneLine):
    """The screens, with how much waits for a person on each."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._ends: list[tuple[int, str]] = []

    def draw(self, frame: Frame, current: str, palette: Palette) -> None:
        text = Text(" ", no_wrap=True, overflow="ellipsis")
        self._ends = []
        for name, shown in self._shown(frame, current).items():
            waits = frame.waiting(name)
            meaning: Meaning = "needs" if name == current else "bold" if waits else "plain"
            text.append(shown, palette[meaning])
            text.append(" ")
            self._ends.append((len(text), name))
        self.say(text)

    def _shown(self, frame: Frame, current: str) -> dict[str, str]:
        """Screen -> its words; without room for all, those where nothing waits keep but their key, from the right."""
        shown = {}
        for name, (key, title) in SCREENS.items():
            word = title if self.size.width >= NARROW or name == current else ""
            waits = frame.waiting(name)
            shown[name] = f"{key} {word}".rstrip() + (f"·{waits}" if waits else "")
        for name in reversed(shown):
            if sum(map(len, shown.values())) + len(shown) <= self.size.width:
                break
            if name != current and not frame.waiting(name):
                shown[name] = SCREENS[name][0]
        return shown

    def on_click(self, event: Click) -> None:
        for end, name in self._ends:
            if event.x < end:
                self.app.run_worker(self.app.run_action(f"view_{name}"))
                return


class Hints(OneLine):
    """At most eight keys, most used first; the last is always help."""

    def __init__(self, screen: str, *, id: str) -> None:
        super().__init__(id=id)
        self._screen = screen
        self._ends: list[tuple[int, Action]] = []

    def draw(self, palette: Palette) -> None:
        keys = {
            active.binding.id: self.app.get_key_display(active.binding)
            for active in reversed(self.screen.active_bindings.values())
        }
        shown = [action for action in hints(self._screen) if action.id in keys]
        shown = [*shown[: MOST_HINTS - 1], shown[-1]] if len(shown) > MOST_HINTS else shown
        pieces = [(keys[action.id], action) for action in shown]
        text = Text(" ", no_wrap=True, overflow="ellipsis")
        self._ends = []
        room = self.size.width - 1
        last = len(pieces[-1][0]) + len(pieces[-1][1].title) + 3 if pieces else 0
        for n, (key, action) in enumerate(pieces):
            is_last = n == len(pieces) - 1
            if not is_last and len(text) + len(key) + len(action.title) + 3 + last > room:
                continue
            text.append(key, palette["bold"])
            text.append(f" {action.title}  ", palette["dim"])
            self._ends.append((len(text), action))
        self.say(text)

    def on_click(self, event: Click) -> None:
        for end, action in self._ends:
            if event.x < end:
                where = self.screen if action.screens else self.app
                self.app.run_worker(where.run_action(action.method))
                return
