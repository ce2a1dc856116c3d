"""Wires one invocation: flags, session, command, exit code. Nothing here knows a command."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from cmo.cli import flags
from cmo.cli.diagnostics import INTERRUPTED, PIPE_CLOSED, UNWRITABLE
from cmo.cli.flags import GlobalFlags
from cmo.cli.session import Session, World, entered
from cmo.errors import CmoError, ConfigError, OutputUnwritable


def main(argv: Sequence[str]) -> int:
    """Run `cmo ARGV` in this process; returns the exit code. Standard output is flushed."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that cannot show a sign must not end the command
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")  # we use none, and looking for them takes 15 ms
    world = World(env=os.environ, folder=Path.cwd(), stdin=sys.stdin, stdout=sys.stdout, stderr=sys.stderr)
    code = run(argv, world)
    if code in (PIPE_CLOSED, UNWRITABLE):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else the interpreter complains while it ends
    return code


def run(argv: Sequence[str], world: World) -> int:
    """Run `cmo ARGV` in `world`; never raises an Exception."""
    try:
        asked, rest = flags.split(argv)
    except CmoError as error:
        session = Session(GlobalFlags(json="--json" in argv), world)
        return session.say.failure(error)
    session = Session(asked, world)
    session.argv = list(argv)
    with entered(session):
        return _guarded(session, rest)


def _guarded(session: Session, words: list[str]) -> int:
    try:
        try:
            code = _invoke(session, words)
        except CmoError as error:
            code = _told(session, error)
        session.world.stdout.flush()
        return code
    except BrokenPipeError:
        return PIPE_CLOSED
    except KeyboardInterrupt:
        session.say.note("Left.")
        return INTERRUPTED
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return session.say.failure(
                OutputUnwritable("Cannot write the output: the disk is full.", hint="Free some space.")
            )
        return _fault(session, error)
    except Exception as error:  # the last resort: a report instead of a trace
        return _fault(session, error)


def _told(session: Session, error: CmoError) -> int:
    code = session.say.failure(error)
    if session.flags.verbose and not session.flags.json:
        from cmo.cli.diagnostics import masked_trace

        session.say.detail(masked_trace(error))
    return code


def _invoke(session: Session, words: list[str]) -> int:
    from typer import Exit
    from typer.exceptions import TyperException

    from cmo.cli.lazy import NounGroup

    if "_CMO_COMPLETE" in session.env:
        from cmo.cli.completion import answer

        return answer(session)
    before_dashes = words[: words.index("--")] if "--" in words else words
    if "--help" in before_dashes or "-h" in before_dashes:
        from cmo.cli.help import show_help

        return show_help(session, before_dashes)
    if words == ["--version"]:
        from cmo import __version__

        session.out.text(f"cmo {__version__}")
        return 0
    root = NounGroup()
    try:
        with root.make_context("cmo", list(words)) as context:
            code = root.invoke(context)
    except Exit as left:
        return left.exit_code
    except TyperException as error:
        from cmo.cli.usage import explain

        return session.say.usage(*explain(error, words))
    return code if isinstance(code, int) else 0


def _fault(session: Session, error: Exception) -> int:
    from cmo.config import find_paths

    try:
        reports = find_paths(session.sources).reports_dir
    except (ConfigError, OSError):
        reports = None
    return session.say.fault(error, argv=session.argv, reports=reports, now=session.now())
