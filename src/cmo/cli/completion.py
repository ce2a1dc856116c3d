"""Answers the shell's completion requests; names of commands come from the registry alone."""

from __future__ import annotations

from cmo.cli.session import Session


def answer(session: Session) -> int:
    """Write the words that may follow; the shell's script put the line into the environment."""
    from typer._click.shell_completion import get_completion_class
    from typer._completion_classes import completion_init

    from cmo.cli.lazy import NounGroup

    instruction, _, shell = session.env["_CMO_COMPLETE"].partition("_")
    completion_init()
    kind = get_completion_class(shell)
    if instruction != "complete" or kind is None:
        return session.say.usage("That is no completion request that cmo knows.", "cmo help completion")
    session.out.text(kind(NounGroup(), {}, "cmo", "_CMO_COMPLETE").complete())
    return 0
