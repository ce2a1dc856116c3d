"""Plans and stored jobs for tests."""

from __future__ import annotations

from typing import Any

from cmo.domain.job import Environment, Icp, Job, Plan
from cmo.ids import job_id
from cmo.store.db import Connection
from cmo.store.jobs import create_job
from tests.fakes.outside import NOW


def plan_factory(**changes: Any) -> Plan:
    """A plan that the fake outside can meet with one topic."""
    values: dict[str, Any] = {"goal": "find 10 py maintainers", "target": 10, "icp": Icp(topics=("testing",))}
    return Plan.model_validate({**values, **changes})


def new_job(conn: Connection, plan: Plan | None = None) -> Job:
    """A stored job at `NOW`."""
    return create_job(
        conn,
        plan or plan_factory(),
        name=lambda taken: job_id(NOW, taken=taken),
        environment=Environment.LIVE,
        by="operator:test",
        now=NOW,
        anchor_at=NOW,
    )
