"""Which approved drafts become writes, and which people the CRM gets: planned in sets, a few hundred a transaction."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from cmo.domain.company import company_key, organisation
from cmo.domain.draft import Step
from cmo.domain.letters import SEQUENCE_MAILERS, Route, Words
from cmo.domain.outbox import NewWrite
from cmo.domain.outward import CrmItem, Letter
from cmo.domain.suppression import email_key
from cmo.ids import short_hash
from cmo.store.allowed import CANDIDATE_ALLOWED, EMAIL_ALLOWED
from cmo.store.db import Connection, transaction
from cmo.store.outbox_plan import Planned, plan_writes, unplan

AT_ONCE = 200
MOST_OTHERS = 3
"""Further addresses of a person that the CRM is asked about; those that somebody else has too are none of theirs."""
COMPANY, LINK = "hubspot.company", "hubspot.link"

Compose = Callable[[Words, datetime], tuple[Letter, str]]
"""Words and when they were approved -> the letter, and the hash that the approval is bound to."""

_APPROVED = """SELECT d.id, d.step, d.login_key, d.email, d.email_key, d.name, d.first_name, d.company,
 d.company_key, d.subject, d.body, a.id AS approval_id, a.at FROM drafts d JOIN approvals a ON a.id = d.approval_id
 WHERE d.job_id = ?1 AND d.id > ?2 AND d.state = 'approved' AND a.revoked_at IS NULL AND NOT EXISTS
 (SELECT 1 FROM outbox o WHERE o.draft_id = d.id AND o.state IN ('claimed', 'confirmed', 'unknown'))
 AND (?3 IS NULL OR d.id IN (SELECT value FROM json_each(?3))) ORDER BY d.id LIMIT ?4"""


def plan_sends(
    conn: Connection,
    job_id: str,
    *,
    route: Route,
    compose: Compose,
    due_at: datetime,
    only: Sequence[int] | None = None,
) -> Planned:
    """Put every approved draft of the job into the outbox, composed as it will leave; nothing is called.

    Args:
        due_at: When the first may leave; until then they can be recalled.
        only: Drafts that were agreed to; None for all.
    """
    total, after = Planned(), 0
    while True:
        with transaction(conn):
            after = plan_sends_within(
                conn, job_id, route=route, compose=compose, due_at=due_at, after=after, total=total, only=only
            )
        if not after:
            return total


def plan_sends_within(
    conn: Connection,
    job_id: str,
    *,
    route: Route,
    compose: Compose,
    due_at: datetime,
    after: int,
    total: Planned,
    only: Sequence[int] | None = None,
) -> int:
    """The next few hundred, inside the caller's transaction; the last draft, or 0 where there is none."""
    drafts = None if only is None else json.dumps(list(only))
    rows = conn.execute(_APPROVED, (job_id, after, drafts, AT_ONCE)).fetchall()
    firsts = [row for row in rows if row["step"] == Step.FIRST_TOUCH]
    others = [row for row in rows if row["step"] != Step.FIRST_TOUCH and route.mailer not in SEQUENCE_MAILERS]
    for some in (firsts, others):  # a follow-up names the first mail
        before = _first_mails(conn, route, some)
        writes = [_send(row, route, compose, before, due_at) for row in some]
        _forget_other_routes(conn, writes)
        _add(total, plan_writes(conn, job_id, writes))
    return int(rows[-1]["id"]) if rows else 0


def _forget_other_routes(conn: Connection, writes: Sequence[NewWrite]) -> None:
    """Rows of these drafts that never left, planned for another mailer or sequence, are planned no longer."""
    unplan(
        conn,
        "id IN (SELECT o.id FROM json_each(?) w JOIN outbox o ON o.draft_id = json_extract(w.value, '$[0]')"
        " AND o.key <> json_extract(w.value, '$[1]'))",
        (json.dumps([[write.draft_id, write.key] for write in writes]),),
    )


def _first_mails(conn: Connection, route: Route, rows: Sequence[Any]) -> dict[str, str]:
    """Outbox key -> Message-ID, of the first mails that the follow-ups among `rows` come after."""
    keys = [route.key(row["email"], Step.FIRST_TOUCH) for row in rows if row["step"] != Step.FIRST_TOUCH]
    found = conn.execute(
        "SELECT key, json_extract(payload, '$.message_id') AS message_id FROM outbox"
        " WHERE key IN (SELECT value FROM json_each(?)) AND message_id IS NOT NULL",
        (json.dumps(keys),),
    )
    return {row["key"]: row["message_id"] for row in found}


def _send(row: Any, route: Route, compose: Compose, firsts: Mapping[str, str], due_at: datetime) -> NewWrite:
    words = Words(
        step=row["step"],
        to_email=row["email"],
        to_name=row["name"],
        first_name=row["first_name"],
        company=row["company"],
        subject=row["subject"],
        body=row["body"],
    )
    letter, bound = compose(words, datetime.fromisoformat(row["at"]))
    if row["step"] != Step.FIRST_TOUCH:
        answers = firsts.get(route.key(row["email"], Step.FIRST_TOUCH), "")
        letter = letter.model_copy(update={"in_reply_to": answers})
    return NewWrite(
        key=letter.key,
        operation=route.operation,
        payload=letter.model_dump_json(exclude_defaults=True),
        content_hash=bound,
        draft_id=row["id"],
        approval_id=row["approval_id"],
        email_key=row["email_key"],
        login_key=row["login_key"],
        company_key=row["company_key"],
        due_at=due_at,
    )


_PEOPLE = f"""SELECT l.number, e.email, e.email_key, e.source_url, c.login, c.profile, c.reason,
 (SELECT json_group_array(x.email) FROM (SELECT o.email FROM emails o WHERE o.job_id = e.job_id
 AND o.login_key = e.login_key AND o.email_key <> e.email_key AND NOT EXISTS (SELECT 1 FROM emails y
 WHERE y.job_id = o.job_id AND y.email_key = o.email_key AND y.login_key <> o.login_key)
 ORDER BY o.rank, o.n LIMIT {MOST_OTHERS}) x) AS others FROM leads l
 JOIN candidates c ON c.job_id = l.job_id AND c.login_key = l.login_key
 JOIN emails e ON e.job_id = l.job_id AND e.login_key = l.login_key AND e.email = l.email
 WHERE l.job_id = ? AND l.number > ? AND (l.held = 0 OR EXISTS (SELECT 1 FROM drafts d JOIN outbox o
 ON o.draft_id = d.id AND o.state = 'confirmed' WHERE d.job_id = l.job_id AND d.login_key = l.login_key))
 AND {CANDIDATE_ALLOWED} AND {EMAIL_ALLOWED}
 ORDER BY l.number LIMIT ?"""

_WRITTEN_TO = """SELECT o.id AS number, o.email_key, p.login_key, o.settled_s, d.subject, p.key AS person_key, p.payload
 FROM outbox o JOIN drafts d ON d.id = o.draft_id
 JOIN outbox p ON p.job_id = o.job_id AND p.operation = ? AND p.email_key = o.email_key
 WHERE o.job_id = ? AND o.id > ? AND o.state = 'confirmed' AND o.draft_id IS NOT NULL ORDER BY o.id LIMIT ?"""


def plan_crm(conn: Connection, job_id: str, *, crm: str, list_id: str | None, entries: bool, now: datetime) -> Planned:
    """Put the job's people into the outbox for the CRM; see `crm_pages`."""
    total = Planned()
    _forget_other_lists(conn, job_id, f"{crm}.entry", list_id)
    for writes in crm_pages(conn, job_id, crm=crm, list_id=list_id, entries=entries, now=now):
        with transaction(conn):
            _add(total, plan_writes(conn, job_id, writes))
    return total


def _forget_other_lists(conn: Connection, job_id: str, operation: str, list_id: str | None) -> None:
    """Places on another list that were never taken are planned no longer."""
    with transaction(conn):
        unplan(
            conn,
            "job_id = ? AND operation = ? AND json_extract(payload, '$.list_id') IS NOT ?",
            (job_id, operation, list_id),
        )


def crm_pages(
    conn: Connection, job_id: str, *, crm: str, list_id: str | None, entries: bool, now: datetime
) -> Iterator[list[NewWrite]]:
    """What the CRM is to be told, a few hundred at a time: the record, the place on the list or the company, and a note
    on each confirmed mail. Plan a page before asking for the next one: notes go to people who are planned.

    Args:
        crm: attio or hubspot.
        entries: Whether the CRM has lists of its own.
    """
    person = f"{crm}.{'person' if crm == 'attio' else 'contact'}"
    for rows in _pages(conn, _PEOPLE, (job_id,)):
        yield [write for row in rows for write in _crm_writes(row, job_id, crm, person, list_id, entries, now)]
    for rows in _pages(conn, _WRITTEN_TO, (person, job_id)):
        yield [_note(row, job_id, crm, now) for row in rows]


def _pages(conn: Connection, sql: str, values: tuple[Any, ...]) -> Iterator[list[Any]]:
    after = 0
    while rows := conn.execute(sql, (*values, after, AT_ONCE)).fetchall():
        after = rows[-1]["number"]
        yield rows


def _crm_writes(
    row: Any, job_id: str, crm: str, person: str, list_id: str | None, entries: bool, now: datetime
) -> Iterator[NewWrite]:
    profile = json.loads(row["profile"])
    name = profile.get("name") or ""
    given, _, family = name.partition(" ")
    key = f"{job_id}:{row['email_key']}|{person}"
    item = CrmItem(
        key=key,
        email=row["email"],
        other_emails=tuple(json.loads(row["others"])),
        name=name,
        first_name=given,
        last_name=family,
        company=profile.get("company") or "",
        company_domain=organisation(row["email"]),
        github_url=profile.get("url") or "",
        list_id=list_id if entries else None,
    )
    yield _crm_write(item, person, row["email_key"], row["login"].lower(), now)
    if entries and list_id:
        entry = item.model_copy(update={"key": f"{job_id}:{row['email_key']}|{crm}.entry|{list_id}"})
        yield _crm_write(entry, f"{crm}.entry", row["email_key"], row["login"].lower(), now, after=key)
    if crm == "hubspot" and item.company_domain:
        company = _company(item.company_domain, now)
        yield company
        link = item.model_copy(update={"key": f"{job_id}:{row['email_key']}|{LINK}", "list_id": None})
        yield _crm_write(link, LINK, row["email_key"], row["login"].lower(), now, after=company.key)


def _company(domain: str, now: datetime) -> NewWrite:
    """One row for each domain, whoever works there and whichever job found them: HubSpot would take a second company.

    It is called by its domain, since what people write of their employer differs. Suppressed domains hold for it as
    they would for an address there.
    """
    item = CrmItem(key=f"{domain}|{COMPANY}", email="", company_domain=domain, title=domain)
    return NewWrite(
        key=item.key,
        operation=COMPANY,
        payload=item.model_dump_json(exclude_defaults=True),
        content_hash=short_hash(domain),
        email_key=f"@{domain}",
        company_key=domain,
        due_at=now,
    )


def _note(row: Any, job_id: str, crm: str, now: datetime) -> NewWrite:
    person = CrmItem.model_validate_json(row["payload"])
    key = f"{job_id}:{row['email_key']}|{crm}.note|{row['number']}"
    marker = f"[cmo:{short_hash(key)}]"
    note = person.model_copy(
        update={
            "key": key,
            "marker": marker,
            "title": f"Cold email scheduled {marker}",
            "text": f"Subject: {row['subject']}\nJob: {job_id}",
            "happened_at": datetime.fromtimestamp(row["settled_s"], now.tzinfo),
        }
    )
    return _crm_write(note, f"{crm}.note", row["email_key"], row["login_key"], now, after=row["person_key"])


def _crm_write(
    item: CrmItem, operation: str, email: str, login: str, now: datetime, *, after: str | None = None
) -> NewWrite:
    payload = item.model_dump_json(exclude_defaults=True)
    return NewWrite(
        key=item.key,
        operation=operation,
        payload=payload,
        content_hash=short_hash(payload),
        after_key=after,
        email_key=email_key(email),
        login_key=login,
        company_key=company_key(item.company, email),
        due_at=now,
    )


def _add(total: Planned, more: Planned) -> None:
    total.new += more.new
    total.renewed += more.renewed
    total.known += more.known
    total.refused += more.refused


def stale_addresses(conn: Connection, job_id: str, *, before: datetime, limit: int) -> list[str]:
    """Addresses of planned mails whose verdict is older than `before`, or is missing; oldest rows first."""
    rows = conn.execute(
        "SELECT DISTINCT d.email FROM outbox o JOIN drafts d ON d.id = o.draft_id LEFT JOIN verdicts v"
        " ON v.email = d.email WHERE o.job_id = ? AND o.state = 'planned' AND (v.email IS NULL OR v.checked_at < ?)"
        " ORDER BY o.id LIMIT ?",
        (job_id, before.isoformat(), limit),
    )
    return [row["email"] for row in rows]


def is_handed_over(conn: Connection, job_id: str) -> bool:
    """Whether the job has a mail in the outbox that has not left yet."""
    row = conn.execute(
        "SELECT 1 FROM outbox WHERE job_id = ? AND draft_id IS NOT NULL AND state = 'planned' LIMIT 1", (job_id,)
    ).fetchone()
    return row is not None
