"""The global flags: accepted in any position, read and taken out before Typer sees the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cmo.cli.errors import UsageProblem

_SWITCHES = {
    "--json": "json",
    "--plain": "plain",
    "--quiet": "quiet",
    "-q": "quiet",
    "--verbose": "verbose",
    "-v": "verbose",
    "--no-color": "no_color",
    "--no-input": "no_input",
    "--accessible": "accessible",
    "--sandbox": "sandbox",
}
_VALUES = {"--profile": "profile", "--config": "config"}
_CLUSTER = frozenset("qvhny")
"""Letters that may be joined behind one dash, e.g. `-qy`."""

HELP: tuple[tuple[str, str], ...] = (
    ("--json", "One JSON document, or one event a line; errors as JSON too."),
    ("--plain", "No colour, no signs, no pager."),
    ("-q, --quiet", "Only answers and errors."),
    ("-v, --verbose", "More detail; the trace of a fault."),
    ("--no-color", "No colour."),
    ("--no-input", "Never ask; exit 5 and name the flag that answers."),
    ("--accessible", "No redraw in place; numbered questions."),
    ("--profile NAME", "Settings and data kept apart under NAME."),
    ("--config FILE", "Use FILE in place of the user's settings file."),
    ("--sandbox", "The built-in world: no key, no network, a home of its own."),
    ("-h, --help", "Explain a command."),
    ("--version", "Print the version."),
)


@dataclass(frozen=True)
class GlobalFlags:
    """What was asked for, whatever the command."""

    json: bool = False
    plain: bool = False
    quiet: bool = False
    verbose: bool = False
    no_color: bool = False
    no_input: bool = False
    accessible: bool = False
    sandbox: bool = False
    profile: str | None = None
    config: Path | None = None


def split(argv: Sequence[str]) -> tuple[GlobalFlags, list[str]]:
    """The global flags in `argv`, and what is left; `--` ends the search, and stays.

    Raises:
        UsageProblem: `--profile` or `--config` without a value.
    """
    flags = GlobalFlags()
    rest: list[str] = []
    words = list(argv)
    while words:
        word = words.pop(0)
        name, equals, value = word.partition("=")
        if word == "--":
            rest += [word, *words]
            break
        if word in _SWITCHES:
            flags = _on(flags, _SWITCHES[word])
        elif name in _VALUES:
            if not equals:
                value = words.pop(0) if words and not words[0].startswith("-") else ""
            flags = _with_value(flags, name, value)
        elif _is_cluster(word):
            flags, kept = _split_cluster(flags, word)
            rest += kept
        else:
            rest.append(word)
    return flags, rest


def names() -> tuple[str, ...]:
    """Every global flag, for completion."""
    return (*_SWITCHES, *_VALUES, "--help")


def _on(flags: GlobalFlags, field: str) -> GlobalFlags:
    changed: dict[str, Any] = {field: True}
    return replace(flags, **changed)


def _with_value(flags: GlobalFlags, name: str, value: str) -> GlobalFlags:
    if not value:
        raise UsageProblem(f"{name} needs a value.", hint="e.g. --profile work, --config other.toml")
    if name == "--profile":
        return replace(flags, profile=value)
    return replace(flags, config=Path(value).expanduser())


def _is_cluster(word: str) -> bool:
    return len(word) > 2 and word[0] == "-" and word[1] != "-" and set(word[1:]) <= _CLUSTER


def _split_cluster(flags: GlobalFlags, word: str) -> tuple[GlobalFlags, list[str]]:
    kept = ""
    for letter in word[1:]:
        if f"-{letter}" in _SWITCHES:
            flags = _on(flags, _SWITCHES[f"-{letter}"])
        else:
            kept += letter
    return flags, [f"-{letter}" for letter in kept]
