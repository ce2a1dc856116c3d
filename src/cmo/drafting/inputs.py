"""What a campaign's mails are written with, besides the people: the same for everybody."""

from __future__ import annotations

from pydantic import Field

from cmo.domain.base import Frozen
from cmo.domain.draft import Pitch, Sender


class DraftingInputs(Frozen):
    """Everything that does not depend on the lead."""

    sender: Sender = Sender()
    pitch: Pitch = Pitch()
    templates: dict[str, str] = Field(default_factory=dict)
    """The operator's own templates: file name, such as `first_touch.a.j2` -> text."""
    prohibited: tuple[str, ...] = ()
    """The operator's own words that no mail may hold, besides the built-in ones."""
