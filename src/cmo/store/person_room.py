"""What may still go to one person, and what the gate would say of the next mail to them. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from cmo.domain.base import Frozen
from cmo.domain.job import Mode, Plan
from cmo.domain.letters import SEQUENCE_MAILERS, Route, Words
from cmo.domain.outward import Inbox
from cmo.domain.policy import CONTACT_DAYS, Limits, Used, Verdict, inbox_cap
from cmo.domain.suppression import email_key
from cmo.store.allowed import LEFT
from cmo.store.db import Connection
from cmo.store.draft_views import words_of
from cmo.store.gate import ASKED, SendGate, newest_claim, rooms, used_today
from cmo.store.jobs import get_job


class PersonRoom(Frozen):
    """What may still go to one person."""

    recent: int
    """Mails in the last `CONTACT_DAYS` days, to any address of theirs."""
    frees_at: datetime | None
    """When the oldest of them no longer counts."""
    company_used: int
    """Mails to their company today."""
    inbox_left: int
    """Of the inbox with most room, of those that their mail may leave from."""
    verdict: Verdict
    """What the gate would say first."""
    job_id: str | None
    """The job it was asked for; None where no draft or mail of theirs is stored."""


def person_room(
    conn: Connection,
    email: str,
    *,
    limits: Limits,
    ceiling: Mode,
    sender: Inbox,
    secret: bytes,
    route_of: Callable[[Plan], Route],
    hash_of: Callable[[Plan, Words, datetime], str],
    now: datetime,
) -> PersonRoom:
    """What may still go to `email`, and what the gate would say first of the next mail to them.

    The gate itself is asked, about a row as handing over would put it down, which is taken back at once.

    Args:
        sender: Where it leaves from, unless a service sends it.
        route_of: By what a job's mail leaves.
        hash_of: Of the letter that a draft with these words, approved then, would be handed over as.
    """
    key, counted_at = email_key(email), max(now, newest_claim(conn) or now)
    draft = conn.execute(_NEXT, (key,)).fetchone()
    plan = get_job(conn, draft["job_id"]).plan if draft else None
    route = route_of(plan) if plan else ASKED
    inboxes = _inboxes(conn, route, sender)
    used = used_today(conn, limits, counted_at)
    times = _contact_times(conn, key, draft["login_key"] if draft else "", counted_at)
    company = draft["company_key"] if draft else ""
    gate = SendGate(
        job_id=draft["job_id"] if draft else "",
        ceiling=ceiling,
        limits=limits,
        inboxes=inboxes,
        secret=secret,
        route=ASKED,
    )
    letter_hash = ""
    if plan and draft["approved_at"]:
        words = words_of(conn, [draft["id"]])[draft["id"], draft["version"]]
        letter_hash = hash_of(plan, words, datetime.fromisoformat(draft["approved_at"]))
    return PersonRoom(
        recent=len(times),
        frees_at=datetime.fromtimestamp(times[0], UTC) + timedelta(days=CONTACT_DAYS) if times else None,
        company_used=used.companies[company] if company else 0,
        inbox_left=_inbox_left(conn, inboxes, used, limits, counted_at),
        verdict=_first_no(conn, gate, key, draft, letter_hash, now),
        job_id=gate.job_id or None,
    )


def find_address(conn: Connection, login: str) -> str | None:
    """Where the next mail to `login` would go, or the best address of theirs; None where none is stored."""
    row = conn.execute(
        "SELECT email FROM (SELECT email, 0 AS later, state <> 'approved' AS waits, -id AS n FROM drafts"
        " WHERE login_key = ?1 UNION ALL SELECT email, 1, 0, rank FROM emails WHERE login_key = ?1)"
        " ORDER BY later, waits, n LIMIT 1",
        (login.lower(),),
    ).fetchone()
    return None if row is None else str(row["email"])


_NEXT = """SELECT d.id, d.job_id, d.company_key, d.login_key, d.version, a.at AS approved_at FROM drafts d
 LEFT JOIN approvals a ON a.id = d.approval_id WHERE d.email_key = ?
 ORDER BY d.state <> 'approved', d.id DESC LIMIT 1"""
"""The draft that is nearest to leaving."""


def _inboxes(conn: Connection, route: Route, sender: Inbox) -> tuple[Inbox, ...]:
    """Where mail may leave from: the sender's own mailbox, or as far as the store knows them a service's inboxes."""
    if route is not ASKED and route.mailer not in SEQUENCE_MAILERS:
        return (sender,)
    rows = conn.execute(
        "SELECT address, provider, is_warm, daily_cap FROM inboxes WHERE ?1 OR provider = ?2 ORDER BY address",
        (route is ASKED, route.mailer),
    )
    found = tuple(Inbox(**dict(row)) for row in rows)
    return found or (sender,)


def _inbox_left(conn: Connection, inboxes: tuple[Inbox, ...], used: Used, limits: Limits, now: datetime) -> int:
    rows = conn.execute("SELECT address FROM inboxes WHERE paused_reason IS NOT NULL")
    paused = {row["address"] for row in rows}
    left = [inbox_cap(box, limits, now) - used.inboxes[box.address] for box in rooms(conn, inboxes)
            if box.address not in paused]  # fmt: skip
    return max(0, max(left, default=0))


def _contact_times(conn: Connection, key: str, login: str, now: datetime) -> list[float]:
    """When mail left to the address or the login within `CONTACT_DAYS` days, or may have; oldest first."""
    since = (now - timedelta(days=CONTACT_DAYS)).timestamp()
    rows = conn.execute(
        f"SELECT claimed_s FROM outbox WHERE (email_key = ?1 OR (login_key = ?2 AND ?2 <> '')) AND claimed_s >= ?3"
        f" AND draft_id IS NOT NULL AND state IN {LEFT} ORDER BY claimed_s",
        (key, login, since),
    )
    return [row["claimed_s"] for row in rows]


def _first_no(conn: Connection, gate: SendGate, key: str, draft: Any, letter_hash: str, now: datetime) -> Verdict:
    conn.execute("BEGIN IMMEDIATE")
    try:
        row_id = conn.execute(
            "INSERT INTO outbox (key, job_id, operation, state, payload, content_hash, draft_id, email_key,"
            " login_key, company_key, due_s) VALUES (?, ?, ?, 'planned', '{}', ?, ?, ?, ?, ?, 0) RETURNING id",
            (
                f"asked|{key}", gate.job_id, ASKED.operation, letter_hash, draft["id"] if draft else None, key,
                draft["login_key"] if draft else None, draft["company_key"] if draft else "",
            ),
        ).fetchone()["id"]  # fmt: skip
        return gate(conn, [row_id], now)[row_id][0]
    finally:
        conn.rollback()
