"""One invocation of `cmo`: its flags, streams, settings and clock. Commands get it by `session()`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from cmo.cli import registry
from cmo.cli.diagnostics import Diagnostics
from cmo.cli.flags import GlobalFlags
from cmo.cli.output import Output
from cmo.cli.prompts import Prompts
from cmo.cli.terminal import Terminal, judge
from cmo.config import Settings, Sources, find_paths, load
from cmo.config.secrets import Keyring, system_keyring
from cmo.errors import ConfigError

if TYPE_CHECKING:
    from cmo.domain.job import Plan


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _page(text: str, env: Mapping[str, str]) -> bool:
    from cmo.cli.pager import show  # loads subprocess

    return show(text, env)


@dataclass(frozen=True)
class World:
    """The outside of the process, as a command sees it; tests give their own."""

    env: Mapping[str, str]
    folder: Path
    stdin: TextIO
    stdout: TextIO
    stderr: TextIO
    now: Callable[[], datetime] = field(default=_utc_now)
    sleep: Callable[[float], None] = field(default=time.sleep)
    pager: Callable[[str, Mapping[str, str]], bool] = field(default=_page)
    leave: Callable[[int], None] = field(default=os._exit)
    """Ends the process at once, for the second Ctrl-C."""
    keyring: Callable[[], Keyring | None] = field(default=system_keyring)


class Session:
    """What a command needs besides its own arguments."""

    def __init__(self, flags: GlobalFlags, world: World) -> None:
        self.flags = flags
        self.world = world
        self.argv: list[str] = []

    @property
    def env(self) -> Mapping[str, str]:
        return self.world.env

    @property
    def folder(self) -> Path:
        """Where the command was typed: the project folder."""
        return self.world.folder

    def now(self) -> datetime:
        """Aware UTC."""
        return self.world.now()

    def _job_time(self) -> datetime:
        """What time it is for jobs: in the sandbox its own, which ages are counted from."""
        if not self.sandbox:
            return self.now()
        from cmo import service

        return service.clock_of(self.settings).now()

    @cached_property
    def sources(self) -> Sources:
        return Sources(
            env=self.env,
            folder=self.folder,
            profile=self.flags.profile,
            config_file=self.flags.config,
            sandbox=self.flags.sandbox,
            keyring=self.world.keyring,
        )

    @cached_property
    def settings(self) -> Settings:
        """The settings in force.

        Raises:
            ConfigError
        """
        return load(self.sources)

    @property
    def settings_file(self) -> Path:
        """The user's settings file, which need not be there."""
        if self.flags.config is not None:
            return self.folder / self.flags.config
        named = self.env.get("CMO_CONFIG")
        return self.folder / Path(named).expanduser() if named else find_paths(self.sources).config_file

    def reread_settings(self) -> Settings:
        """The settings in force once a file was changed.

        Raises:
            ConfigError: and those from before stay in force.
        """
        before = self.__dict__.pop("settings", None)
        try:
            return self.settings
        except ConfigError:
            if before is not None:
                self.__dict__["settings"] = before
            raise

    def settings_of(self, plan: Plan) -> Settings:
        """The settings in force for a job: its file's own come below flags and above everything else."""
        return load(replace(self.sources, job=plan.settings)) if plan.settings else self.settings

    @cached_property
    def out(self) -> Output:
        terminal = self._judged(self.world.stdout)
        return Output(
            self.world.stdout,
            terminal,
            self.flags.json,
            self._job_time,
            page=self._pager(terminal),
            qualify=self.qualify,
        )

    @cached_property
    def say(self) -> Diagnostics:
        return Diagnostics(
            self.world.stderr,
            self._judged(self.world.stderr),
            json=self.flags.json,
            quiet=self.flags.quiet,
            verbose=self.flags.verbose,
            qualify=self.qualify,
            tag=self.tag,
        )

    @cached_property
    def ask(self) -> Prompts:
        allowed = self.world.stdin.isatty() and self.world.stderr.isatty()
        return Prompts(
            self.world.stdin,
            self.world.stderr,
            allowed=allowed and not self.flags.no_input and not self.flags.json,
        )

    @property
    def err_terminal(self) -> Terminal:
        return self.say.terminal

    @property
    def accessible(self) -> bool:
        """No redraw in place, numbered questions: asked for by flag, variable or setting."""
        return self.flags.accessible or self.settings.accessible

    def _judged(self, stream: TextIO) -> Terminal:
        """What a stream can show; settings that cannot be read ask for nothing."""
        try:
            ascii_only, spoken = self.settings.ascii, self.accessible
        except ConfigError:
            ascii_only, spoken = False, self.flags.accessible
        return judge(stream, self.env, self.flags, ascii_only=ascii_only, spoken=spoken)

    @property
    def sandbox(self) -> bool:
        """Whether this is the built-in world; as far as it is known before settings are read."""
        if "settings" in self.__dict__:
            return self.settings.sandbox
        asked = self.env.get("CMO_SANDBOX", "").strip().lower() in ("1", "true", "yes", "on")
        return self.flags.sandbox or asked

    @property
    def tag(self) -> str:
        """What every line of narration says first in the sandbox."""
        return "SANDBOX" if self.sandbox else ""

    def qualify(self, text: str) -> str:
        """`text` with the sandbox and profile flags in every command it names, so that it can be typed as it is."""
        flags = ["--sandbox"] if self.sandbox else []
        flags += ["--profile", self.flags.profile] if self.flags.profile else []
        return registry.with_flags(text, " ".join(flags))

    def warn_of_settings(self) -> None:
        """Say what was set but not understood, before a command that acts on it."""
        for warning in self.settings.warnings:
            self.say.warn(warning)

    def _pager(self, terminal: Terminal) -> Callable[[str], bool]:
        if self.flags.plain or self.flags.no_input or terminal.spoken:
            return lambda text: False
        return lambda text: self.world.pager(text, self.env)


_current: ContextVar[Session] = ContextVar("session")


def session() -> Session:
    """The session of the command that runs."""
    return _current.get()


@contextmanager
def entered(session: Session) -> Iterator[Session]:
    """Makes a session the current one for a `with` block."""
    token = _current.set(session)
    try:
        yield session
    finally:
        _current.reset(token)
