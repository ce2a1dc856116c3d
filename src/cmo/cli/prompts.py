"""Questions to a person: on a terminal only, on stderr, each with a flag that answers it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TextIO

from cmo.cli.errors import Left, NeedsPerson
from cmo.cli.terminal import safe_line


@dataclass
class Prompts:
    """Asks on `err`, reads from `input`."""

    input: TextIO
    err: TextIO
    allowed: bool
    """Both are terminals, and neither `--no-input` nor `--json` was given."""

    def line(self, question: str, *, default: str = "", flag: str) -> str:
        """One line; Enter takes `default`.

        Raises:
            NeedsPerson: there is no terminal; names `flag`.
            Left: the input ended.
        """
        self._need(question, flag)
        shown = f"{question} [{default}] " if default else f"{question} "
        return self._read(shown) or default

    def confirm(self, question: str, *, default: bool, flag: str = "--yes") -> bool:
        """Yes or no; asks again until it is one of them."""
        choices = "[Y/n]" if default else "[y/N]"
        self._need(question, flag)
        while True:
            answer = self._read(f"{question} {choices} ").lower()
            if answer in ("", "y", "yes", "n", "no"):
                return default if not answer else answer.startswith("y")
            self.tell("Please answer y or n.")

    def choose(self, question: str, options: Sequence[tuple[str, str]], *, flag: str, numbered: bool = False) -> str:
        """One of `options` (letter, meaning); Enter takes the first. With `numbered` a list that is read well aloud."""
        self._need(question, flag)
        letters = [letter for letter, _ in options]
        if numbered:
            for number, (_, meaning) in enumerate(options, start=1):
                self.tell(f"  {number}. {meaning}")
            shown = f"{question} Number, Enter for 1: "
        else:
            first, *others = options
            shown = (
                f"{question} [Enter] {first[1]}  " + "  ".join(f"[{key}] {meaning}" for key, meaning in others) + " "
            )
        while True:
            answer = self._read(shown).lower()
            if not answer:
                return letters[0]
            if answer in letters:
                return answer
            if answer.isdecimal() and 1 <= int(answer) <= len(letters):
                return letters[int(answer) - 1]
            self.tell(f"Please answer {', '.join(letters)} or Enter.")

    def secret(self, question: str, *, flag: str) -> str:
        """A line that is not shown while it is typed."""
        self._need(question, flag)
        if self.input is not sys.stdin:
            return self._read(f"{question} ")
        from getpass import getpass

        try:
            return getpass(f"{question} ", stream=self.err).strip()
        except EOFError:
            raise Left("No answer: nothing was changed.") from None

    def _need(self, question: str, flag: str) -> None:
        if not self.allowed:
            raise NeedsPerson(
                f"This needs an answer, and there is no terminal to ask on: {safe_line(question)}",
                hint=f"Answer with {flag}",
            )

    def _read(self, shown: str) -> str:
        self.err.write(safe_line(shown).rstrip() + " ")
        self.err.flush()
        answer = self.input.readline()
        if not answer:
            self.err.write("\n")
            raise Left("No answer: nothing was changed.")
        return answer.strip()

    def tell(self, text: str) -> None:
        """A line that belongs to a question, such as one of its choices."""
        self.err.write(safe_line(text) + "\n")
