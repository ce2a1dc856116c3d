"""What travels between the threads and the screens."""

from __future__ import annotations

from dataclasses import dataclass

from textual.message import Message


@dataclass
class Told(Message):
    """An action is done, or was refused."""

    action: str
    text: str
    hint: str = ""
    is_refused: bool = False
    """It stays until dismissed."""
    answer: object = None
    """What was looked up, for the screen that asked."""
    draft_id: int | None = None
    """The draft to look at next."""
    job_id: str | None = None
    """The job to look at next."""
