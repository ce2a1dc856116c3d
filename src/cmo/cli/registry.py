"""Every command: its name, one-line help, module, group, examples and exit codes.

Root help, completion of names, `cmo help` and the list in README all come from here and import no command module.
`python -m cmo.cli.registry README.md` refreshes the list between the `<!-- commands -->` markers.
"""

from __future__ import annotations

import re
from difflib import get_close_matches

from cmo.cli.commands import BARE, COMMANDS
from cmo.cli.entry import Entry

GROUPS: dict[str, str] = {
    "start": "Start",
    "work": "Work",
    "look": "Look",
    "mail": "Drafts and sending",
    "data": "People and files",
    "setup": "Set up",
}
"""Group -> its heading, in the order of the help."""

NOUNS: dict[str, str] = {
    "jobs": "List, show, change or remove jobs.",
    "leads": "List people, show one, explain a score.",
    "requests": "What jobs ask for: list, allow, deny.",
    "score": "Show and change what features of a score give.",
    "config": "Show and change settings.",
    "auth": "Keep, list, test or remove keys.",
    "limits": "Show, change or take back quotas and permissions.",
    "drafts": "Look at drafts, approve, reject, change them.",
    "rules": "Named filters that approve drafts in bulk.",
    "templates": "The texts that drafts are made of.",
    "outbox": "What is about to leave, left, or waits for you.",
    "policy": "What the operator allowed on the record, and why.",
    "audit": "Who did what: list, verify, export.",
    "errors": "What failed, in groups; retry, skip, file a ticket.",
}
"""Commands that only hold others -> one-line help."""

TOPICS: dict[str, str] = {
    "exit-codes": "What each exit code means.",
    "environment": "Variables that are read.",
    "formatting": "Forms of output, colour, pager, fields.",
    "filters": "The language of --where.",
    "keys": "Where keys are kept and looked for.",
    "accessibility": "Screen readers, slow lines, no colour.",
    "safety": "What cmo never does.",
}
"""`cmo help TOPIC`."""

ALWAYS = (1, 2, 78)
"""Exit codes that every command may return besides its own."""


_BY_PATH = {entry.path: entry for entry in COMMANDS}
_COMMAND = re.compile(rf"\bcmo (?=(?:{'|'.join(map(re.escape, dict.fromkeys(one.words[0] for one in COMMANDS)))})\b)")


def find(path: str) -> Entry | None:
    """The command typed as `path`."""
    return _BY_PATH.get(path)


def below(noun: str) -> tuple[Entry, ...]:
    """The commands of a noun, e.g. those of `jobs`."""
    return tuple(entry for entry in COMMANDS if len(entry.words) == 2 and entry.words[0] == noun)


def top_names() -> tuple[str, ...]:
    """What may follow `cmo`, in the order of the help."""
    return tuple(dict.fromkeys(entry.words[0] for entry in COMMANDS))


def with_flags(text: str, flags: str) -> str:
    """`text` with global flags in every command it names, so that it can be typed as it is."""
    return _COMMAND.sub(f"cmo {flags} ", text) if flags else text


def about(name: str) -> str:
    """The one-line help of a top-level name."""
    return NOUNS[name] if name in NOUNS else _BY_PATH[name].about


def group_of(name: str) -> str:
    """The group of a top-level name; a noun sits where its first command does."""
    return next(entry.group for entry in COMMANDS if entry.words[0] == name)


def suggest(word: str, names: tuple[str, ...]) -> str | None:
    """The one name that `word` was probably meant to be."""
    near = get_close_matches(word.lower(), names, 1, 0.65)
    return near[0] if near else None


MARKERS = ("<!-- commands -->", "<!-- /commands -->")


def readme_block() -> str:
    """The list of commands as README carries it, markers included."""
    rows = [f"| `cmo` | {BARE.about} |"]
    for group in GROUPS:
        rows += [f"| `cmo {entry.path}` | {entry.about} |" for entry in COMMANDS if entry.group == group]
    return "\n".join([MARKERS[0], "| command | what it does |", "| --- | --- |", *rows, MARKERS[1]])


def refreshed(text: str) -> str:
    """`text` (README) with its list of commands renewed.

    Raises:
        ValueError: the markers are not there.
    """
    start, end = (text.find(marker) for marker in MARKERS)
    if start < 0 or end < start:
        raise ValueError(f"the markers {MARKERS[0]} and {MARKERS[1]} are not there")
    return text[:start] + readme_block() + text[end + len(MARKERS[1]) :]


if __name__ == "__main__":
    import sys
    from pathlib import Path

    for name in sys.argv[1:]:
        Path(name).write_text(refreshed(Path(name).read_text(encoding="utf-8")), encoding="utf-8")
