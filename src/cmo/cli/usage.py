"""Turns what the parser says of a wrong command line into one sentence and a way out."""

from __future__ import annotations

import re
from collections.abc import Sequence

from typer.exceptions import TyperException

from cmo.cli.registry import find, suggest


def explain(error: TyperException, words: Sequence[str]) -> tuple[str, str]:
    """The sentence and the hint for a usage error in `cmo WORDS`."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else f"cmo {named(words)}".strip()
    hint = f"{path} --help"
    option = getattr(error, "option_name", None)
    if type(error).__name__ == "NoSuchOption" and option:
        known = (
            [name for param in context.command.params for name in param.opts if name.startswith("-")]
            if context is not None
            else []
        )
        near = suggest(option, tuple(known))
        return f"There is no option {option} in {path}.", f"Did you mean {near}?   {hint}" if near else hint
    if path.startswith("cmo auth"):  # what was typed too much may be a key: it is not repeated
        return "That is not how this command is typed.", f"{hint}   Never type a key on the command line."
    return _sentence(error.format_message()), hint


def named(words: Sequence[str]) -> str:
    """The command that `words` begin with; flags between its words are skipped."""
    names = [word for word in words if not word.startswith("-")]
    pair = " ".join(names[:2])
    return pair if find(pair) else " ".join(names[:1])


def _sentence(message: str) -> str:
    text = re.sub(r"\s+", " ", message.replace("Value error, ", "")).strip()
    return text if text.endswith((".", "?", "!")) else f"{text}."
