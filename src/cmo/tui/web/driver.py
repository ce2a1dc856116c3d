"""How a tab's process speaks with the server: Textual's driver, in order.

Textual answers requests for a file's chunks on the thread that reads keys, while the app's own thread writes the
picture; and it reads the first size that the browser tells while the one from its start is still on its way.
"""

from __future__ import annotations

import asyncio
from threading import Event, Lock
from typing import Any

from textual.app import App
from textual.drivers.web_driver import WebDriver


class Driver(WebDriver):
    """One packet after the other, and the newest size last."""

    def __init__(self, app: App[Any], **given: Any) -> None:
        super().__init__(app, **given)
        self._turn = Lock()
        self._has_size = Event()

    def start_application_mode(self) -> None:
        super().start_application_mode()
        asyncio.run_coroutine_threadsafe(self._may_read(), asyncio.get_running_loop())

    async def _may_read(self) -> None:
        """Scheduled as the first size is, and behind it."""
        self._has_size.set()

    def stop_application_mode(self) -> None:
        self._has_size.set()
        super().stop_application_mode()

    def run_input_thread(self) -> None:
        self._has_size.wait()
        super().run_input_thread()

    def write(self, data: str) -> None:
        with self._turn:
            super().write(data)

    def write_meta(self, data: dict[str, object]) -> None:
        with self._turn:
            super().write_meta(data)

    def write_binary_encoded(self, data: tuple[str | bytes, ...]) -> None:
        with self._turn:
            super().write_binary_encoded(data)
