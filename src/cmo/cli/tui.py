"""`cmo tui`: the full screen. The one place where the two front ends meet."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from typing import Annotated, Literal

import typer

from cmo.cli.diagnostics import DONE
from cmo.cli.options import JobArg
from cmo.cli.session import session
from cmo.errors import CmoError

ThemeName = Literal["auto", "cmo-dark", "cmo-light", "terminal", "high-contrast"]
ScreenName = Literal["jobs", "run", "review", "leads", "errors", "chat", "outbox", "limits", "audit"]


def tui(
    job: JobArg = None,
    screen: Annotated[ScreenName, typer.Option("--screen", help="The screen to begin with.")] = "run",
    theme: Annotated[ThemeName | None, typer.Option("--theme", help="Default: ui.theme of the settings.")] = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="Look; only stopping all sending works.")] = False,
    in_browser: Annotated[bool, typer.Option("--in-browser", hidden=True, help="As `cmo serve` starts it.")] = False,
) -> int:
    """Open the full screen.

    It reads the store and ends nothing: leaving it, or closing the terminal, never ends or harms a job.
    """
    here = session()
    gc.disable()  # as in `cmo.__main__`
    try:
        from cmo.cli.draft_picks import need_terminal
        from cmo.cli.driving import launch_of
        from cmo.tui.app import Workplace
        from cmo.tui.background import auto_theme
        from cmo.tui.desk import Desk
        from cmo.tui.themes import DARK
    finally:
        gc.enable()

    if not in_browser:
        need_terminal(here, "The full screen", "Line by line: cmo watch, cmo drafts review")
    settings = here.settings
    wanted = theme or settings.theme
    if wanted == "auto":
        wanted = DARK if in_browser else auto_theme()
    desk = Desk(
        settings,
        settings_of=here.settings_of,
        job=job,
        settings_file=here.settings_file,
        reread=here.reread_settings,
    )
    app = Workplace(
        desk, launch_of(here), screen=screen, ascii=settings.ascii, theme=wanted, read_only=read_only,
        qualify=here.qualify,
    )  # fmt: skip
    gc.freeze()  # what is loaded stays: to look through it again and again holds up keys for 30 ms each time
    app.run(mouse=settings.mouse)
    for job_id, worker in app.left_to:
        if isinstance(worker, CmoError):
            here.say.warn(f"{job_id} is paused: {worker.message}", hint=f"cmo resume {job_id}\n{worker.hint}")
        else:
            here.say.note(f"{job_id} goes on in the background (process {worker.pid}).")
            here.say.hint(f"cmo watch {job_id}   cmo pause {job_id}   cmo tui")
    if app.fault is not None:
        raise app.fault
    if app.farewell:
        here.say.hint(app.farewell)
    return DONE


def unknown_actions(keys: Mapping[str, str]) -> dict[str, str]:
    """Ids in `ui.keys` that no action of the full screen has -> what may have been meant."""
    if not keys:
        return {}
    from cmo.tui.actions import unknown_ids

    return unknown_ids(keys)
