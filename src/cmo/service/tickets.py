"""Tickets of a job: one parent, one child for each group of errors."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from cmo.domain.outbox import NewWrite
from cmo.domain.outward import TicketItem
from cmo.ids import short_hash, ticket_id
from cmo.service.writers import ticket_team
from cmo.store.groups import error_groups

if TYPE_CHECKING:
    from cmo.service.delivery import Delivery


def ticket_writes(delivery: Delivery, *, only: str | None = None) -> list[NewWrite]:
    """What has to be in the ticket tracker: the job's issue, then one below it for each group of errors.

    Args:
        only: The group to file, by its key; all open ones without it.
    Raises:
        ConfigError: no team is set.
    """
    job, team = delivery.job, ticket_team(delivery.settings, delivery.found)
    groups = [
        group for group in error_groups(delivery.conn, job.id) if only is None or group.key == only
    ]  # fmt: skip
    if not groups:
        return []
    parent = TicketItem(
        key=f"ticket:{job.id}",
        id=ticket_id(f"ticket:{job.id}"),
        team_id=team,
        title=f"cmo {job.id}: {job.plan.goal}"[:200],
        body=f"Errors of job `{job.id}`, one issue below this for each group.",
        priority=3,
    )
    children = [
        TicketItem(
            key=f"ticket:{group.key}:{job.id}",
            id=ticket_id(f"ticket:{group.key}:{job.id}"),
            team_id=team,
            parent_id=parent.id,
            title=group.title,
            body=group.report(),
            priority=2,
        )
        for group in groups
    ]
    now = delivery.found.clock.now()
    return [_write(item, None if item is parent else parent.key, now) for item in (parent, *children)]


def _write(item: TicketItem, after: str | None, now: datetime) -> NewWrite:
    payload = item.model_dump_json(exclude_defaults=True)
    return NewWrite(
        key=item.key,
        operation="linear.issue",
        payload=payload,
        content_hash=short_hash(item.id, item.title),
        after_key=after,
        due_at=now,
    )
