"""The full screen, wired: the desk it reads from, the hand that acts, the screens and their keys."""

from __future__ import annotations

import os
import signal
from asyncio import AbstractEventLoop, get_running_loop
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from threading import Event, Lock
from typing import Any, ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding
from textual.events import Key, Resize
from textual.geometry import Size
from textual.screen import Screen
from textual.widgets import Input, TextArea

from cmo.domain.job import JobStatus
from cmo.errors import CmoError, OutputUnwritable, StoreError, WorkerEnded
from cmo.paths import write_private
from cmo.service.hosting import Crew, Launch, Worker
from cmo.service.troubles import Trouble
from cmo.store.db import translated
from cmo.tui.actions import SCREENS, Action, actions_of, bindings_of, command_line, keymap, unknown_ids
from cmo.tui.desk import Desk
from cmo.tui.feed import Frame, read_frame
from cmo.tui.messages import Told
from cmo.tui.paint import Palette, line, palette_of
from cmo.tui.screens.base import Page
from cmo.tui.telling import Teller
from cmo.tui.themes import DARK, TERMINAL, THEMES
from cmo.tui.widgets.dialogs import Choose, Confirm
from cmo.tui.widgets.filter_box import FilterBox
from cmo.tui.widgets.go_on import ask_when
from cmo.tui.widgets.help import Help
from cmo.tui.widgets.too_small import TooSmall, is_too_small
from cmo.tui.work import everything_stopped, sending_goes_on, sending_paused

TOAST_S = 4.0
ALWAYS = frozenset({"kill.on", "audit.verify"})
"""Actions with a command that are done in a read-only view too: the first has to be, the second only says in the
log that it was done."""
UNTIL_DISMISSED_S = 86_400.0
LOOK_S = 5.0
"""Between two looks for what no commit tells: who runs the job, disk, clock, keys."""
MOST_SHOWN = 120
"""Characters of a text that is offered to be copied."""


def _page(name: str) -> Callable[[], Screen[None]]:
    """A screen, loaded when it is first seen: `screens/<name>.py` holds a class of that name."""

    def make() -> Screen[None]:
        from importlib import import_module

        module = import_module(f"cmo.tui.screens.{name}")
        made: Screen[None] = getattr(module, name.capitalize())()
        return made

    return make


class Workplace(App[None], inherit_bindings=False):
    """The operator's workplace. Leaving it ends no job: what was asked for is finished first, the rest is stored."""

    TITLE = "cmo"
    CSS_PATH = "cmo.tcss"
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "f12"  # ours are in the registry: ctrl+p and `:`
    SCREENS: ClassVar[dict[str, Callable[[], Screen[Any]]]] = {name: _page(name) for name in SCREENS}
    BINDINGS = bindings_of(None)  # and none of Textual's: its ctrl+q would leave by another way
    NOTIFICATION_TIMEOUT = TOAST_S

    def __init__(
        self,
        desk: Desk,
        launch: Launch,
        *,
        screen: str = "run",
        ascii: bool = False,
        theme: str = DARK,
        read_only: bool = False,
        qualify: Callable[[str], str] = str,
    ) -> None:
        """Nothing is read before the first paint.

        Args:
            launch: How to start a worker for what runs here when this screen is left.
            screen: The first one seen.
            ascii: Words instead of signs.
            theme: Its name; `terminal` has words instead of signs too.
            read_only: Nothing may be done but look, and stop all sending.
            qualify: Puts the flags of this world into every command that a text names.
        """
        super().__init__()
        self.desk = desk
        self.frame = Frame()
        self._is_up = False
        self._troubles: tuple[Trouble, ...] | None = None
        """As the last look found them; None: nobody looked yet."""
        self.fault: Exception | None = None
        """What ended the app, where it did not end by itself."""
        self.launch = launch
        self.crew = Crew(launch, desk.settings_of, self._ended)
        self.left_to: list[tuple[str, Worker | WorkerEnded]] = []
        """Who goes on with what ran here: job and worker, or why there is none."""
        self._leaves = False
        self._handing = Lock()
        self._teller = Teller(desk)
        self.farewell = ""
        """What to type once the screen is left, because something here does not go on without it."""
        self._first = screen
        self._ascii = ascii
        self._palette: tuple[dict[str, str], Palette] | None = None
        """As drawn last, and what of."""
        self._read_only = read_only
        self.qualify = qualify
        self._started_by = os.getppid()
        self.leaving = Event()
        """Set once the screen is closed: what runs on a thread of its own ends at its next step."""
        self._hand = ThreadPoolExecutor(1, thread_name_prefix="hand")
        for known in THEMES:
            self.register_theme(known)
        self.theme = theme

    @property
    def palette(self) -> Palette:
        if self._palette is None or self._palette[0] is not self.theme_variables:
            drawn = palette_of(self.theme_variables, ascii=self._ascii or self.theme == TERMINAL)
            self._palette = self.theme_variables, drawn
        return self._palette[1]

    @property
    def page(self) -> Page | None:
        """The screen of line 2 that is seen, under dialogs too."""
        return next((screen for screen in reversed(self.screen_stack) if isinstance(screen, Page)), None)

    def on_mount(self) -> None:
        settings = self.desk.settings
        self.set_keymap(keymap(settings))
        if unknown := unknown_ids(settings.keys):
            self.refuse(f"ui.keys names nothing that can be done: {line(', '.join(unknown))}.", "cmo config check")
        self.push_screen(self._first)
        self._fit(self.size)
        with suppress(ValueError, RuntimeError, NotImplementedError):  # not the main thread, or not Unix
            loop = get_running_loop()
            loop.add_signal_handler(signal.SIGTERM, self.exit)
            signal.signal(signal.SIGHUP, lambda *_: _terminal_is_gone(loop, self.exit))  # at once, not by the loop
        self.set_interval(1 / self.desk.settings.updates_per_second, self.tick)
        self.set_interval(LOOK_S, self.look)
        self.call_after_refresh(self.tick)

    def tick(self) -> None:
        """Read what is seen anew where anybody committed anything."""
        page = self.page
        if page is None or not page.is_whole:
            return
        until = self.frame.holds_until
        if until is not None and until <= self.desk.now():
            self.desk.forget_what_was_seen()
        with self.reading(page):
            if not self.desk.is_changed():
                return
            if self._troubles is None:
                self._troubles = self.desk.troubles()
            self.frame = read_frame(self.desk, self._troubles)
            page.draw_frame(self.frame)
            if not self._is_up:
                self._come_up()
                return
            page.reload()
            self._tell()

    def _come_up(self) -> None:
        """Have the frame seen before the page is read."""
        self._is_up = True
        self.desk.forget_what_was_seen()
        self.call_after_refresh(self.tick)

    def look(self) -> None:
        """Look for what no commit tells: a process that is gone, and what is broken."""
        if self.is_web and os.getppid() != self._started_by:  # the server is gone, and with it who could see this
            self.exit()
        page, job = self.page, self.frame.job
        if page is None or not page.is_whole or self._troubles is None:
            return
        with self.reading(page):
            found = self.desk.troubles()
            if found != self._troubles or (job is not None and job.status is JobStatus.RUNNING):
                self._troubles = found
                self.frame = read_frame(self.desk, found)
                page.draw_frame(self.frame)

    @contextmanager
    def reading(self, page: Page) -> Iterator[None]:
        """Where the store cannot be read, the page says why; it is tried again at every tick."""
        path = self.desk.settings.paths.db
        try:
            with translated(path):
                yield
        except (StoreError, OutputUnwritable) as error:
            told = error.message.replace(f"`{path}`", "The store")
            self.frame = replace(self.frame, troubles=(Trouble(message=told, fix=error.hint),))
            self.desk.forget_what_was_seen()
            page.draw_frame(self.frame)

    def on_resize(self, event: Resize) -> None:
        self._fit(event.size)

    def _fit(self, size: Size) -> None:
        if is_too_small(size) and not isinstance(self.screen, TooSmall):
            self.push_screen(TooSmall())

    def act(self, action: str, verb: Callable[[], Told]) -> None:
        """Have a verb of `service` run on the one hand thread, after all that was asked for before; it tells what it
        did, or the error why not."""
        if self.may(action):
            self._hand.submit(self._do, action, verb)

    def may(self, action: str) -> bool:
        """Whether an action may be done here; says so where it may not."""
        if self._read_only and action not in ALWAYS:
            way_in = self.qualify("cmo serve --allow-actions") if self.is_web else "without --read-only"
            self.post_message(Told(action, f"read-only: start {way_in}", is_refused=True))
            return False
        return True

    def act_apart(self, action: str, verb: Callable[[], Told]) -> None:
        """As `act`, on a thread of its own: for what waits for the outside, so that nothing waits for it."""
        if self.may(action):
            self.run_worker(partial(self._do, action, verb), thread=True, group=action)

    def hand_is_idle(self) -> None:
        """Wait until all that was asked for is done; not for the thread of the screen."""
        self._hand.submit(lambda: None).result()

    def _do(self, action: str, verb: Callable[[], Told]) -> None:
        try:
            told = verb()
        except CmoError as error:
            told = Told(action, error.message, error.hint or "", is_refused=True)
        except Exception as error:  # a fault of ours: the command line saves a report and says where
            self.call_from_thread(self._handle_exception, error)
            return
        self.post_message(told)

    def _tell(self) -> None:
        """Say what jobs came to; ring where `notify` asks for it."""
        for news in self._teller.news():
            if news.is_failure:
                self.refuse(news.text)
            else:
                self.notify(news.text, markup=False)
        if self._teller.has_rung and "bell" in self.desk.settings.notify:
            self.bell()

    def _ended(self, job_id: str, error: Exception | None) -> None:
        """A job no longer runs here; called from its thread. How it stands, the store tells."""
        if isinstance(error, CmoError):
            self.post_message(Told("jobs.run", f"{job_id}: {error.message}", error.hint or "", is_refused=True))
        elif error is not None and self.is_running:
            self.call_from_thread(self._handle_exception, error)

    def on_told(self, told: Told) -> None:
        self.desk.forget_what_was_seen()
        if told.job_id is not None:
            self.desk.view_job(told.job_id)
            self.action_show("run")
        self.tick()
        if self.page is not None and self.page.is_whole:
            self.page.heard(told)
        if told.is_refused:
            self.refuse(told.text, told.hint)
        elif told.text:
            self.notify(told.text, markup=False)

    def notify(self, message: str, **how: Any) -> None:
        """As Textual's, with commands that can be typed as they are shown."""
        super().notify(self.qualify(message), **how)

    def refuse(self, text: str, hint: str = "") -> None:
        """Say why something is not done; it stays until dismissed."""
        words = f"{text}\n{hint}" if hint else text
        self.notify(words, severity="error", timeout=UNTIL_DISMISSED_S, markup=False)

    def _handle_exception(self, error: Exception) -> None:
        """Leave the screen without the traceback that Textual prints, which would show values."""
        self._return_code = 1
        if self.fault is None:
            self.fault = self._exception = error
            self._exception_event.set()
        self._close_messages_no_wait()

    def on_key(self, event: Key) -> None:
        """What was typed while a field was about to take the focus belongs into it, and is no key of the screen."""
        field = self.focused
        if event.is_printable and isinstance(field, Input | TextArea):
            event.prevent_default().stop()
            field.post_message(Key(event.key, event.character))

    async def action_quit(self) -> None:
        self.leave()

    def leave(self) -> None:
        """End the screen; what runs here is handed over first."""
        if self._leaves or not self.crew.jobs:
            self.exit()
            return
        self._leaves = True
        self.notify(
            "Finishing a step, then the run goes on in the background. q again waits without a screen.", markup=False
        )
        self.run_worker(self._hand_over, thread=True, group="leave")

    def _hand_over(self) -> None:
        self._hand_jobs_over()
        with suppress(RuntimeError):  # it was left without waiting
            self.call_from_thread(self.exit)

    def _hand_jobs_over(self) -> None:
        with self._handing:  # also when it is left twice
            self.left_to += self.crew.leave(self.desk.settings)

    def on_unmount(self) -> None:
        self.leaving.set()
        self._hand.shutdown(wait=True)
        self._hand_jobs_over()
        with suppress(ValueError):  # not the main thread
            signal.signal(signal.SIGHUP, signal.SIG_DFL)
        self.desk.close()

    def action_show(self, name: str) -> None:
        """Go to a screen."""
        if self.page is not None and name != self.page.NAME:
            self.switch_screen(name)

    def action_talk(self) -> None:
        """To the field of Chat: what is typed right behind the key is said, and is no key of that screen."""
        self.action_show("chat")
        for field in self.screen.query("#say").results(Input):  # none on the first visit: a new one takes the focus
            self.screen.set_focus(field)

    def show_filtered(self, name: str, text: str) -> None:
        """Go to a screen with its filter set."""

        async def go() -> None:
            await self.switch_screen(name)
            if self.page is not None:
                self.page.query_one(FilterBox).put(text)

        self.run_worker(go(), group="show")

    def action_kill_on(self) -> None:
        """Stop all sending: no question, on a thread of its own, so that nothing stands before it."""
        settings = self.desk.settings

        def tell(words: str) -> None:
            self.post_message(Told("kill.on", words))

        self.act_apart("kill.on", lambda: everything_stopped(settings, tell))

    def action_view_interrupt(self) -> None:
        """Where nothing was selected: say how one leaves."""
        self.notify("q leaves, and jobs go on. ! stops all sending.", markup=False)

    def action_view_suspend(self) -> None:
        """Back to the shell. What runs here would stand still: it is handed over first, if that is wanted."""
        if not self.crew.jobs:
            self.action_suspend_process()
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self.run_worker(self._hand_over_and_suspend, thread=True, group="leave")

        text = "A run works in this process, and would stand still. It goes on in the background first."
        self.push_screen(Confirm("Suspend?", text), answered)

    def _hand_over_and_suspend(self) -> None:
        self._hand_jobs_over()
        self.call_from_thread(self.action_suspend_process)

    def action_view_palette(self) -> None:
        self.action_command_palette()

    def action_view_theme(self) -> None:
        names = [theme.name for theme in THEMES]
        self.theme = names[(names.index(self.theme) + 1) % len(names)]
        self.notify(f"Theme {self.theme}. Keep it: cmo config set ui.theme {self.theme}", markup=False)
        if self.page is not None:
            self.call_after_refresh(self.page.repaint)

    def action_view_help(self) -> None:
        if self.page is not None:
            self.push_screen(Help(self.page))

    def action_view_back(self) -> None:
        if self.page is None or not (self.page.unzoom() or self.page.back()):
            self.leave()

    def action_view_escape(self) -> None:
        self.clear_notifications()
        if self.page is not None and not (self.page.unzoom() or self.page.back()):
            self.page.set_focus(next(iter(self.page.query("RowTable")), None))

    def action_view_copy(self) -> None:
        """Ask which of value, row and command; the last is what the command line calls what is seen."""
        page = self.page
        found = [] if page is None else page.copies()
        copies = [(what, self.qualify(text) if what == "command" else text) for what, text in found if text]
        if not copies:
            self.notify("There is nothing to copy here.", markup=False)
            return

        def answered(number: int | None) -> None:
            if number is not None:
                self.copy(copies[number - 1][1])

        self.push_screen(Choose("Copy", [f"{what}: {line(text)[:MOST_SHOWN]}" for what, text in copies]), answered)

    def copy(self, text: str) -> None:
        """Put `text` on the clipboard by way of the terminal (OSC 52), and into a file for terminals that refuse; a
        read-only view writes none."""
        self.copy_to_clipboard(text)
        said = f"Copied: {line(text)[:MOST_SHOWN]}"
        if self._read_only:
            self.notify(said, markup=False)
            return
        path = self.desk.settings.paths.logs_dir / "clipboard.txt"  # where forgetting somebody looks as well
        try:
            write_private(path, text + "\n")
        except OutputUnwritable as error:
            self.refuse(error.message, error.hint or "")
        else:
            self.notify(f"{said}\nAlso in {path}", markup=False)

    def action_sending_pause(self) -> None:
        """Pause sending of the job in view at once; where it is paused, ask when to go on."""
        job_id, settings = self.desk.job_id, self.desk.settings
        if job_id is None:
            self.notify("There is no job yet whose sending could be paused. ! stops all sending.", markup=False)
            return
        if self.frame.pause is None:
            self.act("sending.pause", lambda: sending_paused(settings, job_id))
            return

        def go_on(minutes: int | None) -> None:
            self.act("sending.resume", lambda: sending_goes_on(settings, job_id, minutes))

        ask_when(self.screen, go_on, self.refuse)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Every action of what is seen, with its group, key and command."""
        page = self.page
        name = page.NAME if page is not None else None
        values = page.values() if page is not None else {}
        for action in (*(actions_of(name) if name else ()), *actions_of(None)):
            if page is not None and action.screens and not page.check_action(action.method, ()):
                continue
            command = self.qualify(command_line(action, values) or "")
            keys = ", ".join(self.get_key_display(Binding(key, "")) for key in action.keys)
            about = f"{keys}  {command}" if command else keys
            yield SystemCommand(f"{action.group}: {action.about}", about, partial(self._run_from_palette, action))

    async def _run_from_palette(self, action: Action) -> None:
        where = (self.page if action.screens else self) or self
        if action.beside:  # where it does not apply it says so
            getattr(where, f"action_{action.method}")()
        else:
            await where.run_action(action.method)


def _terminal_is_gone(loop: AbstractEventLoop, leave: Callable[[], None]) -> None:
    """Leave as by a key, so that what was asked for is finished.

    Textual would wait for ever for a terminal that takes nothing, and begin anew with it at the SIGCONT that comes
    right behind.
    """
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(nowhere, descriptor)
    signal.signal(signal.SIGCONT, signal.SIG_IGN)
    loop.call_soon_threadsafe(leave)
