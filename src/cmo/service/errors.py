"""What can be done about failures: try again, skip, give up, take back, file a ticket; and when sending goes on."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cmo.config import Settings
from cmo.config.secrets import mask_addresses
from cmo.domain.audit import AuditEntry
from cmo.domain.event import FailuresRetried
from cmo.domain.filters import Term, parse_filter
from cmo.domain.outbox import OutboxState
from cmo.domain.text import clean_line
from cmo.errors import PolicyRefused
from cmo.service.next_steps import next_step
from cmo.service.store import clock_of, writer
from cmo.store.audit import record_audit
from cmo.store.commit import record
from cmo.store.db import Connection, transaction
from cmo.store.groups import (
    GROUP_FIELDS,
    GROUP_VALUES,
    FiledTicket,
    Mark,
    StoredGroup,
    count_unmarked,
    find_ticket,
    mark_failures,
    sending_pause,
)
from cmo.store.jobs import get_job
from cmo.store.retry import replan_writes, retriable
from cmo.store.switches import Switch, switch_on

if TYPE_CHECKING:
    from cmo.service.syncing import SyncRow
    from cmo.service.wiring import Outside

LONGEST_REASON = 200


def group_terms(text: str | None) -> tuple[Term, ...]:
    """The terms of a filter on groups.

    Raises:
        FilterInvalid
    """
    return parse_filter(text, fields=GROUP_FIELDS, values=GROUP_VALUES) if text else ()


@dataclass(frozen=True)
class Retried:
    """What trying again came to."""

    items: int
    """Pending again: the job takes them up when it runs."""
    writes: int
    """Planned again, under the same keys: they leave with the next delivery that the gate lets through."""
    left: Mapping[str, int]
    """Why something was left as it is -> how many."""


def retry(
    settings: Settings, job_id: str, keys: Sequence[str], *, items: Sequence[str] = (), dry_run: bool = False
) -> Retried:
    """Try the open members of these groups again. What may have arrived is never repeated.

    Args:
        keys: Whole keys of groups.
        items: Only these members.
    """
    with writer(settings) as conn, transaction(conn):
        now = clock_of(settings).now()
        found = retriable(conn, job_id, keys, items)
        is_over = get_job(conn, job_id).status.is_over
        pending = 0 if is_over else found.items
        if not dry_run:
            replan_writes(conn, found.writes, now=now)
            if pending:
                event = FailuresRetried(by=settings.actor, groups=tuple(keys), items=tuple(items) or None)
                record(conn, job_id, f"{job_id}/operator/{uuid.uuid4()}", event, now)
        detail = {"items": pending, "writes": len(found.writes)}
        record_audit(conn, [_entry(settings, "retry", job_id, key, detail, dry_run) for key in keys], at=now)
    left = {
        "the job is over": found.items - pending,
        "may have arrived: looked up, never repeated": found.doubtful,
        "held for you: cmo outbox release": found.held,
        "cannot be tried again by itself": found.final,
    }
    return Retried(items=pending, writes=len(found.writes), left={why: n for why, n in left.items() if n})


def skip(
    settings: Settings, job_id: str, keys: Sequence[str], *, items: Sequence[str] = (), dry_run: bool = False
) -> Counter[str]:
    """Go on without these groups, or these members of theirs; group -> how many were newly set aside."""
    return _mark(settings, job_id, "skip", "skipped", keys=keys, items=items, dry_run=dry_run)


def dead_letter(
    settings: Settings,
    job_id: str,
    *,
    keys: Sequence[str] = (),
    items: Sequence[str] = (),
    reason: str = "",
    dry_run: bool = False,
) -> Counter[str]:
    """Give groups up, or single items of these or of any group, with a reason that stays; nothing is deleted."""
    return _mark(settings, job_id, "deadletter", "dead", keys=keys, items=items, reason=reason, dry_run=dry_run)


def revive(
    settings: Settings,
    job_id: str,
    keys: Sequence[str],
    *,
    items: Sequence[str] = (),
    reason: str = "",
    dry_run: bool = False,
) -> Counter[str]:
    """Take the marks of these groups, or of these members of theirs, back, with a reason for the record; their writes
    may leave again."""
    return _mark(settings, job_id, "revive", None, keys=keys, items=items, reason=reason, dry_run=dry_run)


def _mark(
    settings: Settings,
    job_id: str,
    verb: str,
    mark: Mark | None,
    *,
    keys: Sequence[str] = (),
    items: Sequence[str] = (),
    reason: str = "",
    dry_run: bool,
) -> Counter[str]:
    words = mask_addresses(clean_line(reason, limit=LONGEST_REASON))
    with writer(settings) as conn, transaction(conn):
        now = clock_of(settings).now()
        counts = count_unmarked(conn, job_id, mark, keys=keys, items=items)
        if not dry_run:
            mark_failures(conn, job_id, mark, keys=keys, items=items, reason=(words or None) if mark else None, at=now)
        entries = [
            _entry(settings, verb, job_id, key, {"count": n, **({"reason": words} if words else {})}, dry_run)
            for key, n in counts.items()
        ]
        record_audit(conn, entries, at=now)
    return counts


def file_ticket(settings: Settings, group: StoredGroup, *, found: Outside | None = None) -> tuple[FiledTicket, bool]:
    """The ticket of a group below its job's, and whether it is new; one that exists is only shown.

    Args:
        settings: Those of the job.
        found: In place of the outside that the settings name.
    Raises:
        PolicyRefused: the group is set aside, or the gate says no; says which rule.
        ConfigError: no team or key is set.
        ProviderError
    """
    from cmo.service.sending import opened
    from cmo.service.tickets import ticket_writes

    if not group.open:
        raise PolicyRefused(
            f"Group {group.key} is {group.state}; nobody is to act on it.", hint=f"cmo errors revive {group.key}"
        )
    with opened(settings, group.job_id, found=found) as delivery:
        conn, now = delivery.conn, delivery.found.clock.now()
        known = find_ticket(conn, group.job_id, group.key)
        if known is not None and known.state is OutboxState.CONFIRMED:
            return known, False
        writes = ticket_writes(delivery, only=group.key)
        if not writes:
            raise PolicyRefused(
                f"Group {group.key} was set aside or tried again meanwhile; nobody is to act on it.",
                hint=f"cmo errors list {group.job_id}",
            )
        done = asyncio.run(delivery.tickets(writes))
        filed = find_ticket(conn, group.job_id, group.key)
        assert filed is not None
        _record(settings, conn, "ticket", group, {"state": filed.state, "id": filed.id or ""}, at=now)
    refused = done.outcomes["linear.issue"].refused
    if filed.state is OutboxState.PLANNED and refused:
        raise PolicyRefused(filed.message or f"The gate says no: {', '.join(refused)}.", hint=_way(refused, group))
    return filed, True


def _way(refused: Iterable[str], group: StoredGroup) -> str:
    """What to type about the rule that stopped the group's ticket."""
    return next(
        filter(None, (next_step(rule, "", ref=group.job_id) for rule in refused)), f"cmo why-not {group.job_id}"
    )


def show_ticket_text(settings: Settings, group: StoredGroup) -> str:
    """Title and text of the ticket as it would be filed; audited as a dry run."""
    with writer(settings) as conn:
        _record(settings, conn, "ticket", group, {}, at=clock_of(settings).now(), is_dry=True)
    return f"{group.title}\n\n{group.report()}"


def rehearse_ticket(settings: Settings, group: StoredGroup, *, found: Outside | None = None) -> tuple[SyncRow, ...]:
    """What filing the group's ticket would do, parent first; empty where no team is set.

    Raises:
        ConfigError: no key is set.
        ProviderError
    """
    from cmo.service.sending import opened
    from cmo.service.syncing import preview_tickets
    from cmo.service.tickets import ticket_writes
    from cmo.service.writers import has_ticket_team

    with opened(settings, group.job_id, found=found) as delivery:
        if not has_ticket_team(delivery.settings, delivery.found):
            return ()
        return preview_tickets(delivery, ticket_writes(delivery, only=group.key))


def resume_after(settings: Settings, job_id: str, minutes: int | None) -> Switch | None:
    """Say when paused sending goes on: after so many minutes, by one call first; None: when somebody says so.

    The pause keeps its reason. None where nothing is paused.
    """
    with writer(settings) as conn:
        now = clock_of(settings).now()
        pause = sending_pause(conn, job_id, now=now)
        if pause is None:
            return None
        until = None if minutes is None else now + timedelta(minutes=minutes)
        switch_on(conn, pause.name, by=settings.actor, at=now, reason=pause.reason, until=until, action="sending.pause")
    return pause.model_copy(update={"by": settings.actor, "at": now, "until": until})


def _record(
    settings: Settings,
    conn: Connection,
    verb: str,
    group: StoredGroup,
    detail: Mapping[str, object],
    *,
    at: datetime,
    is_dry: bool = False,
) -> None:
    with transaction(conn):
        record_audit(conn, [_entry(settings, verb, group.job_id, group.key, detail, is_dry)], at=at)


def _entry(
    settings: Settings, verb: str, job_id: str, key: str, detail: Mapping[str, object], is_dry: bool
) -> AuditEntry:
    return AuditEntry(
        actor=settings.actor,
        action=f"errors.{verb}",
        object=f"errors:{key}",
        detail={"job": job_id, **detail},
        is_dry=is_dry,
    )
