"""One harmless call to each outside service, through `cmo.service`."""

from __future__ import annotations

from collections.abc import Sequence

from cmo.cli.checks import Check
from cmo.cli.session import Session
from cmo.config import Settings


def probe_all(settings: Settings, *, offline: bool) -> list[Check]:
    """Every outside service that a job needs."""
    return []


def probe_keys(here: Session, names: Sequence[str], *, skip_missing: bool) -> list[Check]:
    """Try the keys called `names`."""
    return []
