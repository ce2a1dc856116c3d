"""One line of the audit log, and the chain of hashes through all of them.

Objects are named by id (`draft:36`, `job:cmo-…`, `outbox:12`), people by keyed hash.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import Field

from cmo.domain.base import Frozen


class AuditEntry(Frozen):
    """What is about to be recorded."""

    actor: str
    """`operator:<name>`, `agent` or `system`."""
    action: str
    """The id of the action: `drafts.approve`, `kill.on`, ..."""
    object: str
    """`kind:id`; never an address or a name."""
    before: str = ""
    after: str = ""
    detail: dict[str, Any] = Field(default_factory=dict)
    """Ids, counts, rule names, reasons in the operator's words; never an address."""
    is_dry: bool = False


class AuditRow(AuditEntry):
    """What was recorded."""

    seq: int
    at: datetime
    prev_hash: str
    hash: str


class Broken(Frozen):
    """Where the chain stops to hold."""

    seq: int
    why: str
    after: str
    """When the last row was written that holds; empty where there is none."""


GENESIS = "0" * 64


class Link(NamedTuple):
    """A row as its hash is made of it."""

    seq: int
    told: tuple[str, str, str, str, str, str, str, int]
    """Time, actor, action, object, before, after, detail as sorted JSON, whether it was dry."""
    prev_hash: str
    hash: str


class Head(NamedTuple):
    """The newest row at some time."""

    seq: int
    hash: str


def link_hash(prev: str, told: tuple[object, ...]) -> str:
    """The hash of a row that follows the row with hash `prev`."""
    return hashlib.sha256(json.dumps([prev, *told], ensure_ascii=True).encode()).hexdigest()


def first_break(links: Iterable[Link], *, anchor: Head | None = None, counted: int = 0) -> Broken | None:
    """The first row that does not follow from the one before, or None where the chain is whole.

    Args:
        anchor: The newest row as it was noted elsewhere.
        counted: How many rows there have ever been, as far as is known.
    """
    prev, last, at = GENESIS, 0, ""
    for link in links:
        why = _trouble(link, last + 1, prev, anchor)
        if why:
            return Broken(seq=min(link.seq, last + 1), why=why, after=at)
        prev, last, at = link.hash, link.seq, link.told[0]
    ever = max(counted, anchor.seq if anchor else 0)
    if ever > last:
        return Broken(seq=last + 1, why=f"rows {last + 1} to {ever} are missing at the end", after=at)
    return None


def _trouble(link: Link, expected: int, prev: str, anchor: Head | None) -> str:
    if link.seq != expected:
        return f"row {expected} is missing"
    if link.prev_hash != prev:
        return f"row {link.seq} does not follow the row before it"
    if link.hash != link_hash(prev, link.told):
        return f"row {link.seq} was changed"
    if anchor is not None and link.seq == anchor.seq and link.hash != anchor.hash:
        return f"row {link.seq} is not the one that was noted beside the store: the log was written anew"
    return ""
