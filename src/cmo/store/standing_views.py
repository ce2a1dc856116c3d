"""What stops sending, and what the quotas have left. Changes nothing."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from cmo.domain.base import Frozen
from cmo.domain.draft import WITHDRAW
from cmo.domain.outward import STANDSTILL
from cmo.domain.policy import InboxRoom, Limits, inbox_cap, next_midnight
from cmo.domain.window import day_starts
from cmo.store.allowed import LEFT
from cmo.store.bases import Basis, list_bases
from cmo.store.db import Connection
from cmo.store.gate import newest_claim, used_today
from cmo.store.switches import KILL, SENDING, Switch, find_switch

LAST_IDS = 5
_LEFT = f"state IN {LEFT} AND operation NOT LIKE '%.{WITHDRAW}'"
"""Taking somebody out of a sequence is a stop, and nothing that left."""


class InboxUse(Frozen):
    """One mailbox and its day."""

    address: str
    provider: str
    is_warm: bool
    cap: int
    """Of today; a new inbox gains each day."""
    used: int
    paused: str | None


class QuotaUse(Frozen):
    """The quotas that count in days."""

    day_limit: int
    day_used: int
    frees_at: datetime
    """When the day is new in UTC and where the sender is."""
    busiest_company: int
    """Most mails that went to one company today."""
    inboxes: tuple[InboxUse, ...]

    @property
    def day_left(self) -> int:
        return max(0, self.day_limit - self.day_used)


class Stops(Frozen):
    """Everything that keeps mail from leaving, whatever its text."""

    kill: Switch | None
    pauses: tuple[Switch, ...]
    """`sending` stops every job, `sending:JOB` one."""
    bases: tuple[Basis, ...]
    holds: int
    """People and companies on hold."""
    suppressions: int


def stopped(conn: Connection, *, now: datetime) -> Switch | None:
    """The kill switch where it is on."""
    return find_switch(conn, KILL, now=now)


def quota_use(conn: Connection, limits: Limits, now: datetime) -> QuotaUse:
    """The quotas at `now`."""
    moment = max(now, newest_claim(conn) or now)
    used = used_today(conn, limits, moment)
    boxes = conn.execute("SELECT * FROM inboxes ORDER BY address").fetchall()
    return QuotaUse(
        day_limit=limits.max_emails_per_day,
        day_used=used.day,
        frees_at=next_midnight(moment, limits.sender_zone),
        busiest_company=max((n for name, n in used.companies.items() if name), default=0),
        inboxes=tuple(
            InboxUse(
                address=box["address"],
                provider=box["provider"],
                is_warm=bool(box["is_warm"]),
                cap=inbox_cap(_room(box), limits, moment),
                used=used.inboxes[box["address"]],
                paused=box["paused_reason"],
            )
            for box in boxes
        ),
    )


def pushed_on(conn: Connection, limits: Limits, quotas: QuotaUse, now: datetime) -> dict[str, int]:
    """Quota -> mails that it alone puts off to a later day: of what may leave today, and what the gate put off already.

    Args:
        quotas: As of `now`.
    """
    rows = conn.execute(
        "SELECT company_key, COUNT(*) AS n FROM outbox WHERE state = 'planned' AND is_held = 0 AND draft_id IS NOT NULL"
        " AND due_s < ? GROUP BY company_key",
        (quotas.frees_at.timestamp(),),
    )
    waiting = {row["company_key"]: row["n"] for row in rows}
    used = used_today(conn, limits, max(now, newest_claim(conn) or now), companies=[name for name in waiting if name])
    total = sum(waiting.values())
    room = sum(max(0, box.cap - box.used) for box in quotas.inboxes if box.paused is None)
    put_off = _put_off(conn, quotas.frees_at)
    pushed = {
        "max_emails_per_day": max(0, total - quotas.day_left) + put_off["quota_day"],
        "per_inbox_daily": (max(0, total - room) if quotas.inboxes else 0) + put_off["quota_inbox"],
        "max_per_company_daily": put_off["quota_company"]
        + sum(
            min(n, max(0, n + used.companies[name] - limits.max_per_company_daily))
            for name, n in waiting.items()
            if name
        ),
        "max_per_contact": put_off["quota_contact"],
    }
    return {quota: n for quota, n in pushed.items() if n}


def _put_off(conn: Connection, until: datetime) -> Counter[str]:
    """Rule -> mails that the gate looks at again on a later day because of it."""
    rows = conn.execute(
        "SELECT w.rule, COUNT(*) AS n FROM outbox o JOIN decisions w ON w.outbox_id = o.id AND w.retry_s = o.due_s"
        " WHERE o.state = 'planned' AND o.is_held = 0 AND o.draft_id IS NOT NULL AND o.due_s >= ? GROUP BY w.rule",
        (until.timestamp(),),
    )
    return Counter({row["rule"]: row["n"] for row in rows})


def left_this_week(quotas: QuotaUse, limits: Limits, now: datetime) -> int:
    """Mails that may leave until the sender's Sunday is over: today's rest, and a full day for each business day."""
    today = day_starts(now, limits.sender_zone) + timedelta(hours=12)
    later = [today + timedelta(days=n) for n in range(1, 7 - _weekday(today, limits.sender_zone))]
    days = sum(_weekday(day, limits.sender_zone) in limits.window.weekdays for day in later)
    return quotas.day_left + days * limits.max_emails_per_day


def standstills(conn: Connection) -> dict[str, int]:
    """What has to be changed at a provider, in words -> how many wait for it."""
    rows = conn.execute(
        "SELECT reason, COUNT(*) AS n FROM outbox WHERE state = 'planned'"
        " AND code IN (SELECT value FROM json_each(?)) GROUP BY reason",
        (json.dumps(sorted(STANDSTILL)),),
    )
    return {row["reason"]: row["n"] for row in rows}


def paused_inboxes(conn: Connection) -> dict[str, str]:
    """Inbox -> why nothing leaves from it."""
    rows = conn.execute("SELECT address, paused_reason FROM inboxes WHERE paused_reason IS NOT NULL ORDER BY address")
    return {row["address"]: row["paused_reason"] for row in rows}


def stops(conn: Connection, now: datetime) -> Stops:
    """What is switched on, allowed and held at `now`."""
    names = [
        row["name"]
        for row in conn.execute(
            "SELECT name FROM switches WHERE name = ?1 OR substr(name, 1, length(?1) + 1) = ?1 || ':' ORDER BY name",
            (SENDING,),
        )
    ]
    found = (find_switch(conn, name, now=now) for name in names)
    return Stops(
        kill=find_switch(conn, KILL, now=now),
        pauses=tuple(switch for switch in found if switch is not None),
        bases=tuple(list_bases(conn)),
        holds=conn.execute("SELECT COUNT(*) AS n FROM holds WHERE kind <> 'login'").fetchone()["n"],
        suppressions=conn.execute("SELECT COUNT(*) AS n FROM suppressions").fetchone()["n"],
    )


def left_the_house(conn: Connection) -> dict[str, dict[str, int]]:
    """Operation -> state -> rows that have left, or may have."""
    found: dict[str, dict[str, int]] = {}
    for row in conn.execute(
        f"SELECT operation, state, COUNT(*) AS n FROM outbox WHERE {_LEFT} GROUP BY 1, 2 ORDER BY 1, 2"
    ):
        found.setdefault(row["operation"], {})[row["state"]] = row["n"]
    return found


def last_left(conn: Connection) -> list[int]:
    """The newest rows that have left, or may have, newest first."""
    rows = conn.execute(f"SELECT id FROM outbox WHERE {_LEFT} ORDER BY claimed_s DESC, id DESC LIMIT ?", (LAST_IDS,))
    return [row["id"] for row in rows]


def provider_campaigns(conn: Connection, operations: tuple[str, ...]) -> list[tuple[str, str]]:
    """(provider, campaign) wherever people were handed to a provider's sequence, or may have been."""
    rows = conn.execute(
        "SELECT DISTINCT operation, json_extract(payload, '$.sequence_id') AS campaign FROM outbox"
        f" WHERE state IN {LEFT} AND operation IN (SELECT value FROM json_each(?)) AND campaign IS NOT NULL"
        " ORDER BY 1, 2",
        (json.dumps(operations),),
    )
    return [(row["operation"].partition(".")[0], row["campaign"]) for row in rows]


def _room(box: Any) -> InboxRoom:
    first = None if box["first_used_s"] is None else datetime.fromtimestamp(box["first_used_s"], UTC)
    return InboxRoom(
        address=box["address"], is_warm=bool(box["is_warm"]), first_used_on=first, daily_cap=box["daily_cap"]
    )


def _weekday(moment: datetime, zone: str) -> int:
    return moment.astimezone(ZoneInfo(zone)).weekday()
