"""`cmo help` and `cmo completion`."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import typer

from cmo.cli import registry
from cmo.cli.commands import COMMANDS
from cmo.cli.errors import UsageProblem
from cmo.cli.session import Session, session
from cmo.cli.terminal import hung
from cmo.cli.usage import named


class Shell(StrEnum):
    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(shell: Annotated[Shell, typer.Argument(help="The shell you use.")]) -> int:
    """Print the script.

    bash: add  eval "$(cmo completion bash)"  to ~/.bashrc.

    zsh: write it to a file _cmo in a folder of $fpath.

    fish: write it to ~/.config/fish/completions/cmo.fish.
    """
    from typer._completion_shared import get_completion_script

    session().out.text(get_completion_script(prog_name="cmo", complete_var="_CMO_COMPLETE", shell=shell.value))
    return 0


def help_(
    words: Annotated[list[str] | None, typer.Argument(metavar="[COMMAND|TOPIC]", help="What to explain.")] = None,
) -> int:
    """Explain."""
    asked = " ".join(words or [])
    if asked in registry.TOPICS:
        from cmo.cli.topics import text

        out = session().out
        told = text(asked)
        out.text("\n".join(hung(told, out.terminal.width)) if out.terminal.is_tty else told, paged=True)
        return 0
    session().out.text(command_help(asked), paged=True)
    return 0


def show_help(session: Session, words: Sequence[str]) -> int:
    """Answer `cmo WORDS --help`, wherever the flag stands."""
    session.out.text(command_help(named(words)), paged=True)
    return 0


def command_help(path: str) -> str:
    """The help of a command, a noun, or with an empty `path` of cmo.

    Raises:
        UsageProblem: there is neither a command nor a topic of that name.
    """
    from cmo.cli.lazy import NounGroup, load, unparsed

    root = NounGroup()
    context = unparsed(root, "cmo")
    if not path:
        return root.get_help(context)
    entry = registry.find(path)
    noun, _, name = path.rpartition(" ")
    if entry is None and path not in registry.NOUNS:
        near = registry.suggest(path, (*registry.top_names(), *registry.TOPICS, *(entry.path for entry in COMMANDS)))
        hint = f"Did you mean: cmo help {near}" if near else f"Topics: {', '.join(registry.TOPICS)}"
        raise UsageProblem(f"There is no command or topic {path!r}.", hint=hint)
    if noun:
        context = unparsed(NounGroup(noun), noun, context)
    command = load(entry) if entry is not None else NounGroup(path)
    return command.get_help(unparsed(command, name, context))
