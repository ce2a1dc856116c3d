"""The two shapes of a job's state, and their versions.

`GraphState` is what LangGraph checkpoints: a bookmark of counts and cursors, constant in size. `RunState` is the
whole, assembled from the store when somebody asks.

Versions: 1, the first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypedDict

from cmo.errors import SchemaTooNew

SCHEMA_VERSION = 1
MOST_MESSAGES = 20


class GraphState(TypedDict):
    """JSON primitives only; the same size at any number of leads."""

    job_id: str
    schema_version: int
    current_stage: str
    cursor: dict[str, Any]
    """The step and page reached, for people who look at checkpoints; the journal decides."""
    counters: dict[str, int]
    applied_seq: int
    """The newest event folded in."""
    messages: list[dict[str, Any]]
    """The last turns, at most 20: what a model is reminded of."""
    ended: str | None
    """finished, failed, cancelled, or None."""


class RunState(TypedDict, total=False):
    """The state of a job as the product defines it."""

    schema_version: int
    job_id: str
    goal: str
    created_at: str
    created_by: str
    icp: dict[str, Any]
    repos: list[dict[str, Any]]
    candidates: list[dict[str, Any]]
    leads: list[dict[str, Any]]
    to_send: list[dict[str, Any]]
    reports: dict[str, Any]
    errors: list[dict[str, Any]]
    counters: dict[str, int]
    checkpoints: list[dict[str, Any]]
    config: dict[str, Any]
    ended: str | None
    current_stage: str
    history: list[dict[str, Any]]


def new_state(job_id: str) -> GraphState:
    """The state before the first event."""
    return GraphState(
        job_id=job_id,
        schema_version=SCHEMA_VERSION,
        current_stage="initialization",
        cursor={},
        counters={},
        applied_seq=0,
        messages=[],
        ended=None,
    )


MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""From a version to the next; each makes a new value."""


def migrate_state(saved: dict[str, Any]) -> dict[str, Any]:
    """A saved state in today's form.

    Raises:
        SchemaTooNew: a newer cmo saved it.
    """
    version = saved.get("schema_version", 1)
    if version > SCHEMA_VERSION:
        raise SchemaTooNew(
            f"The saved state has version {version}; this cmo knows {SCHEMA_VERSION}.", hint="Install the newer cmo."
        )
    while version < SCHEMA_VERSION:
        saved = MIGRATIONS[version](saved)
        version = saved["schema_version"]
    return saved
