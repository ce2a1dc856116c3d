"""What is wrong with this machine or with a key, as far as one look at the store and the disk tells; no network."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path

from cmo.domain.base import Frozen
from cmo.domain.filters import Term
from cmo.domain.triage import explain
from cmo.store.db import Connection
from cmo.store.gate import clock_behind
from cmo.store.groups import error_groups

LEAST_FREE = 500_000_000
"""Bytes on the disk of the store; with less a job may not end."""


class Trouble(Frozen):
    """Something that is broken, and what a person does about it."""

    message: str
    fix: str


def find_troubles(conn: Connection, job_id: str | None, *, now: datetime, free: int) -> tuple[Trouble, ...]:
    """What is broken, the worst first.

    Args:
        job_id: The job whose keys are looked at.
        free: Bytes, as `free_bytes` counts them.
    """
    found = []
    if free < LEAST_FREE:
        found.append(
            Trouble(message=f"{free / 1e6:,.0f} MB of disk free: a job may need more.", fix="Free some space.")
        )
    behind = clock_behind(conn, now)
    if behind is not None:
        told = f"The clock says {now:%d %b %H:%M}, and mail was decided on at {behind:%d %b %H:%M} UTC already."
        found.append(Trouble(message=told, fix="Set it right: cmo doctor"))
    refused = Term(field="code", operator=":", value="auth_rejected")
    for group in error_groups(conn, job_id, terms=(refused,)) if job_id else ():
        known = explain(group)
        found.append(Trouble(message=known.means, fix=known.can_do[0]))
    return tuple(found)


def free_bytes(folder: Path) -> int:
    """Room on the disk that holds `folder`, or will hold it."""
    return shutil.disk_usage(existing(folder)).free


def existing(folder: Path) -> Path:
    """`folder`, or the nearest one above it that is there."""
    while not folder.exists():
        folder = folder.parent
    return folder
