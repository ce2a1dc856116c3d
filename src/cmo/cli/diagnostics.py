"""Everything cmo writes to stderr, and the codes it exits with (`cmo help exit-codes`)."""

from __future__ import annotations

import platform
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TextIO

from cmo import __version__, errors
from cmo.cli.errors import Exits, InputBad, Left, NeedsPerson, NothingMatched, UsageProblem
from cmo.cli.terminal import Terminal, guarded, laid, safe_json, safe_line
from cmo.config.secrets import mask_addresses, redact
from cmo.paths import ensure_folder, write_private

DONE, FAULT, USAGE, PARTLY, NOT_FOUND, NEEDS_PERSON = 0, 1, 2, 3, 4, 5
BAD_DATA, UNREACHABLE, UNWRITABLE, PAUSED, REFUSED, CONFIG = 65, 69, 73, 75, 77, 78
INTERRUPTED, PIPE_CLOSED = 130, 141

_NARROWEST = 20

EXIT_CODES: dict[int, str] = {
    DONE: "done",
    FAULT: "fault in cmo; a report was saved, its name is printed",
    USAGE: "wrong usage",
    PARTLY: "finished, but some items failed (counts printed)",
    NOT_FOUND: "no such job or lead, or nothing matched",
    NEEDS_PERSON: "needs a person, and there is no terminal",
    BAD_DATA: "input data is bad (place named); store damaged",
    UNREACHABLE: "a provider cannot be reached, or refused",
    UNWRITABLE: "cannot write the output; disk full",
    PAUSED: "paused, out of budget, or held by another process; `resume` continues",
    REFUSED: "refused by policy: mode, kill switch, quota, suppression; a phrase that was typed wrongly",
    CONFIG: "configuration, job file, key, list or campaign missing or wrong; store newer than cmo",
    INTERRUPTED: "left at once by a second Ctrl-C",
    PIPE_CLOSED: "reader closed the pipe (silent)",
}

_CODES: dict[type[errors.CmoError], int] = {
    UsageProblem: USAGE,
    Left: DONE,
    NeedsPerson: NEEDS_PERSON,
    NothingMatched: NOT_FOUND,
    InputBad: BAD_DATA,
    errors.ConfigError: CONFIG,
    errors.GoalUnclear: USAGE,
    errors.ProviderError: UNREACHABLE,
    errors.RateLimited: PAUSED,
    errors.AuthRejected: CONFIG,
    errors.ToolError: BAD_DATA,
    errors.ToolFailed: UNREACHABLE,
    errors.PolicyRefused: REFUSED,
    errors.BudgetReached: PAUSED,
    errors.StoreError: BAD_DATA,
    errors.SchemaTooNew: CONFIG,
    errors.StoreBusy: PAUSED,
    errors.OutputUnwritable: UNWRITABLE,
    errors.JobError: NOT_FOUND,
    errors.JobLeased: PAUSED,
    errors.WorkerEnded: FAULT,
}
"""The nearest class above an error decides."""
_WRONG_NAMES = (None, 404)
"""Of a refusal: what was named is of the wrong form, so that nobody was asked, or the provider does not have it."""
_CODES_BY_WORD = {"filter": USAGE}
"""Errors whose classes load pydantic, by their stable word."""


def exit_code(error: errors.CmoError) -> int:
    """The code that an expected failure exits with."""
    if "candidates" in error.details:  # a name that fits several things was typed
        return USAGE
    if isinstance(error, Exits):
        return error.exit_code
    if error.code in _CODES_BY_WORD:
        return _CODES_BY_WORD[error.code]
    if isinstance(error, errors.ProviderRejected) and error.status in _WRONG_NAMES:
        return CONFIG
    return next((_CODES[kind] for kind in type(error).__mro__ if kind in _CODES), FAULT)


@dataclass
class Diagnostics:
    """Narration of one command: notes, hints, warnings, errors."""

    stream: TextIO
    terminal: Terminal
    json: bool = False
    quiet: bool = False
    verbose: bool = False
    qualify: Callable[[str], str] = field(default=lambda text: text)
    """Adds the global flags in force to the commands a text names."""
    tag: str = ""
    """Said first in every line that tells something, such as SANDBOX or DRY RUN."""

    def note(self, text: str) -> None:
        """Something worth knowing while it happens; left out by `--quiet` and `--json`."""
        if not self.quiet and not self.json:
            self._laid(self.qualify(safe_line(text)))

    def hint(self, text: str) -> None:
        """What to type next."""
        if not self.quiet and not self.json:
            for row in self._rows(self.qualify(safe_line(text))):
                self._line(self.terminal.paint(row, "dim"))

    def detail(self, text: str) -> None:
        """Only with `--verbose`."""
        if self.verbose and not self.json:
            self._line(self.terminal.paint(redact(safe_line(text)), "dim"))

    def block(self, lines: Sequence[str]) -> None:
        """Lines that belong together, such as the summary at the end of a run."""
        if not self.quiet and not self.json:
            for line in lines:
                self._laid(self.qualify(line))

    def warn(self, text: str, hint: str = "") -> None:
        """Something is off, but the command goes on."""
        if self.json:
            self._line(safe_json({"warning": {"message": self.qualify(redact(text)), "hint": self.qualify(hint)}}))
            return
        for row in self._rows(f"warning: {self.qualify(redact(safe_line(text)))}", less=self._tag_cells):
            self._line(self._tagged(row.replace("warning:", self.terminal.paint("warning:", "warn"), 1)))
        if hint and not self.quiet:
            self._indented(self.qualify(safe_line(hint)))

    def failure(self, error: errors.CmoError) -> int:
        """Tell an expected failure; returns its exit code."""
        code = exit_code(error)
        self._tell(error.code, error.message, error.hint, code)
        return code

    def usage(self, message: str, hint: str) -> int:
        """Tell wrong usage; returns its exit code."""
        self._tell(UsageProblem.code, message, hint, USAGE)
        return USAGE

    def fault(self, error: BaseException, *, argv: Sequence[str], reports: Path | None, now: datetime) -> int:
        """Tell an unexpected failure: one sentence, a fix, the name of a report; returns its exit code."""
        kind = type(error).__name__
        saved = save_report(error, argv=argv, folder=reports, now=now)
        message = f"Something went wrong inside cmo ({kind})."
        hint = "Try again; if it stays, `cmo doctor` shows what is wrong around it. "
        hint += f"Report: {saved}" if saved else "No report could be saved; --verbose shows the trace."
        self._tell("fault", message, hint, FAULT)
        if self.verbose and not self.json:
            self.write(masked_trace(error))
        return FAULT

    def _tell(self, code: str, message: str, hint: str, exit_: int) -> None:
        message, hint = self.qualify(redact(message)), self.qualify(redact(hint))
        if self.json:
            self._line(safe_json({"error": {"code": code, "message": message, "hint": hint, "exit": exit_}}))
            return
        first, *more = self._rows(f"cmo: {safe_line(message)}")
        self._line(first.replace("cmo:", self.terminal.paint("cmo:", "error"), 1))
        for row in more:
            self._line(row)
        for line in hint.splitlines():
            self._indented(safe_line(line))

    def _rows(self, text: str, *, less: int = 0) -> list[str]:
        """`text` in lines that fit the terminal; on a pipe it stays one line."""
        return laid(text, max(_NARROWEST, self.terminal.width - less)) if self.terminal.is_tty else [text]

    def _indented(self, text: str) -> None:
        for row in self._rows("  " + text):
            self._line(row)

    def _laid(self, text: str) -> None:
        for row in self._rows(text, less=self._tag_cells):
            self._line(self._tagged(row))

    @property
    def _tag_cells(self) -> int:
        return len(self.tag) + 2 if self.tag else 0

    def _tagged(self, line: str) -> str:
        """`line` with the tag, unless it is there to be typed."""
        return f"{self.tag}: {line}" if self.tag and not line.lstrip().startswith("cmo ") else line

    def write(self, text: str) -> None:
        """Write prepared text, such as a block redrawn in place. A stream that nobody reads any more is no error."""
        with suppress(OSError, ValueError):
            self.stream.write(text)
            self.stream.flush()

    def _line(self, line: str) -> None:
        self.write(guarded(line) + "\n")


def masked_trace(error: BaseException) -> str:
    """The trace of an error without keys and addresses."""
    return mask_addresses(redact("".join(traceback.format_exception(error))))


def save_report(error: BaseException, *, argv: Sequence[str], folder: Path | None, now: datetime) -> Path | None:
    """Write a report of a fault (owner-only, masked) into `folder`; None where that is impossible."""
    if folder is None:
        return None
    words = mask_addresses(redact(" ".join(argv)))
    text = "\n".join(
        [
            f"cmo {__version__}, Python {platform.python_version()}, {sys.platform}",
            f"at {now.isoformat(timespec='seconds')}",
            f"command: cmo {words}",
            "",
            masked_trace(error),
        ]
    )
    path = folder / f"fault-{now:%Y%m%d-%H%M%S}-{now.microsecond:06d}.txt"
    try:
        ensure_folder(folder)
        write_private(path, text)
    except errors.OutputUnwritable:
        return None
    return path
