"""What is known of one command."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """One command."""

    path: str
    """What is typed after `cmo`, e.g. `jobs list`; empty for the bare command."""
    about: str
    """One line, the same in help and README."""
    module: str
    """The module below `cmo.cli` whose function runs it."""
    function: str
    group: str
    examples: tuple[str, str]
    """What a person types, without `cmo`."""
    codes: tuple[int, ...] = ()
    """Exit codes besides 0 and `ALWAYS`."""

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(self.path.split())
