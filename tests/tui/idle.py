"""When an app has nothing left to do, as its event loop knows it."""

from __future__ import annotations

import asyncio

from textual.app import App

LONGEST_S = 1.0
"""An app that paints without end is taken as idle then."""
SOON_S = 0.02
"""A timer that ends this soon belongs to what was asked for, such as one that gathers changes of size."""


async def until_idle(app: App[None], min_sleep: float = 0.0, max_sleep: float = LONGEST_S) -> None:
    """In place of Textual's `wait_for_idle`, which two times a key sleeps 20 ms, until the process used no time in one.

    Every message is handled and what it changed is painted; what other threads do is not waited for.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + max_sleep
    while loop.time() < deadline:
        await asyncio.sleep(0)
        if loop._ready:  # type: ignore[attr-defined]
            continue
        if _is_to_paint(app):
            app.screen._on_timer_update()
            continue
        ends = [handle.when() for handle in loop._scheduled if not handle.cancelled()]  # type: ignore[attr-defined]
        left = min(ends, default=deadline) - loop.time()
        if left > SOON_S:
            return
        await asyncio.sleep(left)


def _is_to_paint(app: App[None]) -> bool:
    """Whether the screen's timer, which ticks sixty times a second, would do anything."""
    if not app.screen_stack or app._batch_count or not app.screen.is_current:
        return False
    screen = app.screen
    due = (
        screen._layout_required,
        screen._scroll_required,
        screen._repaint_required,
        screen._recompose_required,
        screen._dirty_widgets,
        screen._callbacks,
    )
    return any(due)
