"""What is seen in a terminal that is too small for the screens; nothing can be done there but stop and leave."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Resize
from textual.geometry import Size
from textual.screen import ModalScreen
from textual.widgets import Static

LEAST = Size(60, 16)


def is_too_small(size: Size) -> bool:
    return size.width < LEAST.width or size.height < LEAST.height


class TooSmall(ModalScreen[None]):
    """It lies over everything, and leaves by itself once there is room again."""

    CSS = "TooSmall { background: $background; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("exclamation_mark,f9", "app.kill_on", show=False),
        Binding("q", "app.quit", show=False),
        Binding("ctrl+z", "app.suspend_process", show=False),
    ]

    def compose(self) -> ComposeResult:
        yield Static(Text(""), markup=False)

    def on_screen_resume(self) -> None:
        self._fit(self.app.size)

    def on_resize(self, event: Resize) -> None:
        self._fit(event.size)

    def _fit(self, size: Size) -> None:
        if is_too_small(size):
            needs, found = f"{LEAST.width}x{LEAST.height}", f"{size.width}x{size.height}"
            self.query_one(Static).update(Text(f"needs {needs}, is {found}; `cmo watch` works in any size"))
        elif self.is_current:
            self.dismiss()
