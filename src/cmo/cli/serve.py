"""`cmo serve`: the full screen in a browser. With `cmo.cli.tui` where the two front ends meet."""

from __future__ import annotations

import asyncio
import shlex
import sys
from contextlib import redirect_stdout
from importlib.util import find_spec
from ipaddress import IPv4Address
from typing import Annotated
from urllib.parse import urlsplit

import typer

from cmo.cli.diagnostics import DONE
from cmo.cli.draft_picks import need_terminal
from cmo.cli.errors import UsageProblem
from cmo.cli.session import Session, session
from cmo.cli.tui import ScreenName
from cmo.errors import ConfigError


def serve(
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Where it listens; 0: any free one.")] = 8000,
    allow_actions: Annotated[
        bool, typer.Option("--allow-actions", help="Let the browser decide, edit and send; else it only looks.")
    ] = False,
    public_url: Annotated[
        str | None, typer.Option("--public-url", metavar="https://HOST", help="The name a proxy with TLS gives it.")
    ] = None,
    listen: Annotated[
        str, typer.Option("--listen", metavar="ADDRESS", help="Another interface; only with --public-url.")
    ] = "127.0.0.1",
    screen: Annotated[ScreenName, typer.Option("--screen", help="The screen to begin with.")] = "run",
) -> int:
    """Show the full screen in a browser on this machine.

    It prints a link that works once and lets one browser in. Read-only unless --allow-actions, which is given at a
    terminal; stopping all sending always works. Closing a tab, or this command, ends views only. It ends by itself
    after 30 minutes without a key.
    """
    here = session()
    if allow_actions:
        need_terminal(here, "Deciding in a browser", "Without --allow-actions it only shows.")
    url = _origin(public_url)
    _check_interface(listen, url)
    if find_spec("textual_serve") is None:
        raise ConfigError("The browser needs two more libraries.", hint="pip install 'cmo[serve]'")
    from cmo.cli.driving import launch_of

    words = [sys.executable, "-m", "cmo", *launch_of(here).flags, "tui", "--in-browser", "--screen", screen]
    if allow_actions:
        what = "It can decide and send."
    else:
        words.append("--read-only")
        what = "Read-only: start with --allow-actions to decide there."
    return asyncio.run(_serve(here, shlex.join(words), port, listen, url, what))


async def _serve(here: Session, command: str, port: int, listen: str, url: str | None, what: str) -> int:
    from cmo.tui.web.server import Place, Server

    server = Server(command, Place(port, listen, url))
    here.out.value("cmo.serve/1", "link", server.guard.link)
    here.say.note(f"Open the link; it works once. {what} Ctrl-C ends the views, not the jobs.")
    with redirect_stdout(sys.stderr):  # where textual-serve puts what the views said last
        was_left_alone = await server.run()
    if was_left_alone:
        here.say.note("Nobody typed for 30 minutes: ended.")
    return DONE


def _origin(public_url: str | None) -> str | None:
    """`https://HOST`, as browsers write it.

    Raises:
        UsageProblem
    """
    if public_url is None:
        return None
    try:
        parts = urlsplit(public_url.lower())
        is_origin = parts.scheme == "https" and parts.hostname and parts.path in ("", "/") and not parts.query
        if is_origin and not parts.fragment and "@" not in parts.netloc and parts.netloc.isascii():
            return f"https://{parts.netloc.removesuffix(':443')}"
    except ValueError:
        pass
    raise UsageProblem("--public-url is no `https://HOST`.", hint="cmo serve --public-url https://cmo.example.com")


def _check_interface(listen: str, url: str | None) -> None:
    """Nobody but this machine is let near without TLS before it.

    Raises:
        UsageProblem
    """
    try:
        is_local = IPv4Address(listen).is_loopback
    except ValueError:
        raise UsageProblem(f"--listen takes an IPv4 address, such as 0.0.0.0, not `{listen}`.") from None
    if not is_local and url is None:
        raise UsageProblem(
            "Other machines may reach it only through a proxy with TLS.",
            hint=f"cmo serve --listen {listen} --public-url https://cmo.example.com",
        )
