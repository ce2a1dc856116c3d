"""What the gate looks at, read in sets inside the claiming transaction; `domain/policy.py` decides.

`SendGate` is for mail, `WriteGate` for the CRM and tickets, `withdrawal_gate` for taking people out of sequences. They
are asked by `store/outbox.py::claim` and by nobody else; a dry run asks through the same claim and rolls back.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import ValidationError

from cmo.domain.company import name_key
from cmo.domain.draft import Step
from cmo.domain.job import Mode, Plan
from cmo.domain.lead import EmailClass, MxState
from cmo.domain.letters import Route, content_hash
from cmo.domain.outbox import SOFT_BOUNCE
from cmo.domain.outward import Inbox, Letter
from cmo.domain.policy import (
    CONTACT_DAYS,
    SOFT_BOUNCES,
    YES,
    Facts,
    InboxRoom,
    Limits,
    Standing,
    Used,
    Verdict,
    day_started,
    decide,
    standing_verdict,
)
from cmo.domain.suppression import Suppression
from cmo.store.allowed import LEFT
from cmo.store.db import Connection
from cmo.store.persons import Recipient
from cmo.store.suppressions import find_suppressed
from cmo.store.switches import KILL, SENDING, find_switch

HEALTH_DAYS = 30
CLOCK_TOLERANCE = timedelta(minutes=2)
ASKED = Route(mailer="asked")
"""Of a row that is put down only to be asked about, and has no letter."""


@dataclass(frozen=True)
class SendGate:
    """The one road to a send."""

    job_id: str
    ceiling: Mode
    limits: Limits
    inboxes: tuple[Inbox, ...]
    """Where this mail may leave from."""
    secret: bytes
    """The installation's, for the hashes of the erased."""
    route: Route
    """By what the job's mail leaves now."""

    def __call__(self, conn: Connection, row_ids: Sequence[int], now: datetime) -> dict[int, tuple[Verdict, str]]:
        ensure_inboxes(conn, self.inboxes)
        counted_at = max(now, newest_claim(conn) or now)
        standing = _standing(conn, self.job_id, self.ceiling, now)
        stop = standing_verdict(standing)
        if stop.rule is not None:
            return {row_id: (stop, "") for row_id in row_ids}
        found = _facts(conn, row_ids, self.secret, self.route, counted_at)
        used = used_today(conn, self.limits, counted_at, companies={facts.company_key for facts in found})
        room = rooms(conn, self.inboxes)
        verdicts = {}
        for facts in found:
            verdict, inbox = decide(facts, standing, used, self.limits, room, now, counted_at=counted_at)
            if verdict.rule is None:
                used.take(facts, inbox)
            verdicts[facts.outbox_id] = (verdict, inbox)
        return verdicts


_LACKS_CONTACT = """(o.operation = 'hubspot.link' AND NOT EXISTS (SELECT 1 FROM outbox p WHERE p.email_key = o.email_key
 AND p.job_id = o.job_id AND p.operation = 'hubspot.contact' AND p.state = 'confirmed'))"""
"""A link hangs on its contact as well as on the company that it comes after."""


@dataclass(frozen=True)
class WriteGate:
    """For the CRM and tickets: nothing leaves while sending is stopped or the job may not, nor on the suppressed."""

    job_id: str
    ceiling: Mode
    secret: bytes
    heeds_pauses: bool = True
    """A pause of sending keeps no ticket about it from being filed."""

    def __call__(self, conn: Connection, row_ids: Sequence[int], now: datetime) -> dict[int, tuple[Verdict, str]]:
        standing = _standing(conn, self.job_id, self.ceiling, now)
        stop = standing_verdict(standing if self.heeds_pauses else standing.model_copy(update={"paused": None}))
        if stop.rule is not None:
            return {row_id: (stop, "") for row_id in row_ids}
        rows = conn.execute(
            "SELECT o.id, o.email_key, o.login_key, o.company_key, json_extract(o.payload, '$.company') AS company,"
            f" o.after_id, a.state AS after_state, {_LACKS_CONTACT} AS lacks_contact FROM outbox o"
            " LEFT JOIN outbox a ON a.id = o.after_id WHERE o.id IN (SELECT value FROM json_each(?))",
            (json.dumps(row_ids),),
        ).fetchall()
        people = {
            row["id"]: Recipient(
                row["email_key"], row["login_key"] or "", row["company_key"] or "", row["company"] or ""
            )
            for row in rows
            if row["email_key"]
        }
        suppressed = find_suppressed(conn, people, secret=self.secret)
        return {row["id"]: (_write_verdict(row, suppressed.get(row["id"])), "") for row in rows}


def _write_verdict(row: Any, suppressed: Suppression | None) -> Verdict:
    if row["lacks_contact"] or (row["after_id"] is not None and row["after_state"] != "confirmed"):
        return Verdict(rule="dependency", message="The record it hangs on is not confirmed yet.")
    if suppressed is not None:
        return Verdict(rule="suppressed", message=f"Suppressed: {suppressed.reason}", final=True)
    return YES


def withdrawal_gate(conn: Connection, row_ids: Sequence[int], now: datetime) -> dict[int, tuple[Verdict, str]]:
    """For taking people out of a sequence: that is a stop, so nothing keeps it from leaving, not even a kill switch."""
    return {row_id: (YES, "") for row_id in row_ids}


def ensure_inboxes(conn: Connection, inboxes: Sequence[Inbox]) -> None:
    """Put down what services say of inboxes, where it is new. Runs inside the caller's transaction."""
    known = {row["address"]: row for row in conn.execute("SELECT * FROM inboxes")}
    for box in inboxes:
        row = known.get(box.address)
        paused = _paused(None if row is None else row["paused_reason"], box)
        values = (int(box.is_warm), box.daily_cap, paused, box.address)
        if row is None:
            conn.execute(
                "INSERT INTO inboxes (is_warm, daily_cap, paused_reason, address, provider) VALUES (?, ?, ?, ?, ?)",
                (*values, box.provider),
            )
        elif values != (row["is_warm"], row["daily_cap"], row["paused_reason"], box.address):
            conn.execute("UPDATE inboxes SET is_warm = ?, daily_cap = ?, paused_reason = ? WHERE address = ?", values)


def _paused(before: str | None, box: Inbox) -> str | None:
    """Why an inbox is paused; what a service once said is gone once it says that all is well, and nothing else is."""
    by_service = f"{box.provider}: "
    if box.trouble is None or (before is not None and not before.startswith(by_service)):
        return before
    return f"{by_service}{box.trouble}" if box.trouble else None


def newest_claim(conn: Connection) -> datetime | None:
    """The newest claim on record: a clock set back frees no quota."""
    newest = conn.execute("SELECT MAX(claimed_s) AS s FROM outbox WHERE claimed_s IS NOT NULL").fetchone()["s"]
    return None if newest is None else datetime.fromtimestamp(newest, UTC)


def clock_behind(conn: Connection, now: datetime) -> datetime | None:
    """The newest moment at which the gate was asked, where `now` is well before it; else None."""
    row = conn.execute("SELECT MAX(at_s) AS s FROM decisions").fetchone()
    asked = None if row["s"] is None else datetime.fromtimestamp(row["s"], UTC)
    newest = max((moment for moment in (asked, newest_claim(conn)) if moment is not None), default=now)
    return newest if newest - now > CLOCK_TOLERANCE else None


def used_today(conn: Connection, limits: Limits, now: datetime, *, companies: Collection[str] | None = None) -> Used:
    """What today's quotas have used: counted from the ledger, over UTC's and the sender's day together.

    Args:
        companies: Those that are asked about; None for all.
    """
    since = day_started(now, limits.sender_zone).timestamp()
    left = f"FROM outbox WHERE claimed_s >= ?1 AND draft_id IS NOT NULL AND state IN {LEFT}"
    inboxes = conn.execute(f"SELECT inbox, COUNT(*) AS n {left} GROUP BY inbox", (since,)).fetchall()
    wanted = None if companies is None else json.dumps(sorted(companies))
    among = "" if wanted is None else " AND company_key IN (SELECT value FROM json_each(?2))"
    values = (since,) if wanted is None else (since, wanted)
    by_company = conn.execute(
        f"SELECT company_key, COUNT(*) AS n {left} AND company_key <> ''{among} GROUP BY company_key", values
    )
    return Used(
        day=sum(row["n"] for row in inboxes),
        inboxes={row["inbox"] or "": row["n"] for row in inboxes},
        companies={row["company_key"]: row["n"] for row in by_company},
    )


def _standing(conn: Connection, job_id: str, ceiling: Mode, now: datetime) -> Standing:
    kill = find_switch(conn, KILL, now=now)
    paused = find_switch(conn, SENDING, now=now) or find_switch(conn, f"{SENDING}:{job_id}", now=now)
    plan = conn.execute("SELECT plan FROM jobs WHERE id = ?", (job_id,)).fetchone()
    read = Plan.model_validate_json(plan["plan"]) if plan else Plan(goal="", mode=Mode.DRY_RUN)
    mode = read.mode
    lower = mode if mode is not Mode.SEND_ALLOWED else ceiling
    bases = {
        row["kind"]
        for row in conn.execute("SELECT kind FROM bases WHERE scope IN ('*', ?)", (job_id,))
    }  # fmt: skip
    bounces, complaints, sent = _health(conn, now)
    return Standing(
        killed_by=kill.by if kill else None,
        paused=paused.reason if paused else None,
        paused_until=paused.until if paused else None,
        may_send=lower is Mode.SEND_ALLOWED,
        mode=lower.value,
        starts_on=read.start_on,
        commit_basis="commit" in bases,
        unknown_country_basis="unknown-country" in bases,
        bounces=bounces,
        complaints=complaints,
        sent=sent,
        inbox_paused={
            row["address"]: row["paused_reason"]
            for row in conn.execute("SELECT address, paused_reason FROM inboxes WHERE paused_reason IS NOT NULL")
        },
    )


def _health(conn: Connection, now: datetime) -> tuple[int, int, int]:
    """Bounces, complaints and mails of the last `HEALTH_DAYS` days."""
    since = (now - timedelta(days=HEALTH_DAYS)).timestamp()
    told = conn.execute(
        "SELECT COUNT(DISTINCT CASE kind WHEN 'bounce' THEN outbox_id END) AS bounces,"
        " COUNT(DISTINCT CASE kind WHEN 'complaint' THEN outbox_id END) AS complaints FROM deliveries WHERE at_s >= ?",
        (since,),
    ).fetchone()
    sent = conn.execute(
        "SELECT COUNT(*) AS n FROM outbox WHERE claimed_s >= ? AND draft_id IS NOT NULL AND state = 'confirmed'",
        (since,),
    ).fetchone()
    return told["bounces"], told["complaints"], sent["n"]


def rooms(conn: Connection, inboxes: Sequence[Inbox]) -> tuple[InboxRoom, ...]:
    """How far each inbox is with its warm-up."""
    used = {row["address"]: row["first_used_s"] for row in conn.execute("SELECT address, first_used_s FROM inboxes")}
    return tuple(
        InboxRoom(
            address=box.address,
            is_warm=box.is_warm,
            first_used_on=datetime.fromtimestamp(used[box.address], UTC) if used.get(box.address) else None,
            daily_cap=box.daily_cap,
        )
        for box in inboxes
    )


_FACTS = """SELECT o.id, o.payload, o.content_hash, o.operation,
 json_extract(o.payload, '$.sequence_id') AS sequence_id, o.email_key, o.login_key, o.company_key, d.step,
 d.state AS draft_state, d.version, d.facts_until, d.email, d.email_class, d.company, d.country, d.time_zone, d.login,
 a.content_hash AS approved_hash, a.version AS approved_version, a.expires_at, a.revoked_at, v.state AS mx_state,
 v.checked_at, (SELECT no.at_s FROM decisions no WHERE no.outbox_id = o.id AND no.rule = 'approval') AS refused_s
 FROM outbox o
 LEFT JOIN drafts d ON d.id = o.draft_id LEFT JOIN approvals a ON a.id = d.approval_id
 LEFT JOIN verdicts v ON v.email = d.email WHERE o.id IN (SELECT value FROM json_each(?)) ORDER BY o.id"""


def _facts(conn: Connection, row_ids: Sequence[int], secret: bytes, route: Route, now: datetime) -> list[Facts]:
    """Everything the rules ask of these rows: a dozen queries, however many rows."""
    rows = conn.execute(_FACTS, (json.dumps(row_ids),)).fetchall()
    keys = [row["email_key"] for row in rows]
    people = {
        row["id"]: Recipient(
            row["email"] or row["email_key"] or "",
            row["login"] or row["login_key"] or "",
            row["company_key"] or "",
            row["company"] or "",
        )
        for row in rows
    }
    suppressed = find_suppressed(conn, people, secret=secret)
    past = _past(conn, rows)
    accounts = [name for row in rows for name in (row["company_key"], name_key(row["company"] or ""))]
    holds = _holds(conn, keys, [row["login_key"] for row in rows], accounts)
    bounces = _soft_bounces(conn, keys)
    return [
        _facts_of(row, suppressed.get(row["id"]), past[row["id"]], holds, bounces[row["email_key"]], route, now)
        for row in rows
    ]


def _facts_of(
    row: Any,
    suppressed: Suppression | None,
    others: list[Any],
    holds: dict[str, str],
    soft_bounces: list[datetime],
    route: Route,
    now: datetime,
) -> Facts:
    step = row["step"] or Step.FIRST_TOUCH
    alike = [other for other in others if (other["step"] or step) == step]
    same = next((other for other in alike if other["state"] == "confirmed"), alike[0] if alike else None)
    recent = (now - timedelta(days=CONTACT_DAYS)).timestamp()
    expires = datetime.fromisoformat(row["expires_at"]) if row["expires_at"] else None
    return Facts(
        outbox_id=row["id"],
        step=step,
        content_hash=_content_hash(row),
        draft_state=row["draft_state"] or "gone",
        draft_version=row["version"] or 0,
        approved_hash=row["approved_hash"],
        approved_version=row["approved_version"],
        approval_expires_at=expires,
        approval_ran_out=expires is not None and (row["refused_s"] or 0.0) >= expires.timestamp(),
        approval_revoked=row["revoked_at"] is not None,
        facts_until=datetime.fromisoformat(row["facts_until"]) if row["facts_until"] else None,
        is_current_route=row["operation"] == route.operation and row["sequence_id"] == route.sequence_id,
        suppressed=None if suppressed is None else f"{suppressed.reason} ({suppressed.source})",
        email_class=EmailClass(row["email_class"] or EmailClass.COMMIT),
        country=row["country"],
        zone=row["time_zone"],
        contacted=None if same is None else _contacted(same),
        contacted_for_good=same is not None and same["state"] == "confirmed",
        login=row["login_key"] or "",
        first_touch_confirmed=any(o["state"] == "confirmed" and o["step"] == Step.FIRST_TOUCH for o in others),
        conversation=holds.get(f"person:{row['email_key']}")
        or holds.get(f"login:{row['login_key']}")
        or holds.get(f"account:{row['company_key']}")
        or holds.get(f"account:{name_key(row['company'] or '')}"),
        email_key=row["email_key"] or "",
        company_key=row["company_key"] or "",
        contact_times=tuple(
            datetime.fromtimestamp(o["claimed_s"], UTC) for o in others if o["claimed_s"] and o["claimed_s"] >= recent
        ),
        soft_bounces=tuple(soft_bounces[-SOFT_BOUNCES:]),
        mx_state=MxState(row["mx_state"]) if row["mx_state"] else None,
        mx_checked_at=datetime.fromisoformat(row["checked_at"]) if row["checked_at"] else None,
    )


def _content_hash(row: Any) -> str:
    """Of the letter that waits in the row, whatever the row says of it."""
    if row["operation"] == ASKED.operation:
        return str(row["content_hash"])
    try:
        return content_hash(Letter.model_validate_json(row["payload"]), row["operation"])
    except ValidationError:
        return ""


def _contacted(row: Any) -> str:
    on = datetime.fromtimestamp(row["claimed_s"], UTC)
    return f"The same mail of job {row['job_id']} went to this person on {on:%Y-%m-%d} ({row['state']})."


_LEFT_TO = f"""SELECT o.id, o.email_key, o.login_key, o.job_id, o.state, o.claimed_s, d.step FROM outbox o
 LEFT JOIN drafts d ON d.id = o.draft_id WHERE o.{{}} IN (SELECT value FROM json_each(?))
 AND o.draft_id IS NOT NULL AND o.state IN {LEFT} ORDER BY o.claimed_s"""


def _past(conn: Connection, rows: Sequence[Any]) -> dict[int, list[Any]]:
    """Row id -> other mails that have left to the same person, or may have, oldest first: by address, and by login."""
    mails: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for column in ("email_key", "login_key"):
        wanted = json.dumps([row[column] for row in rows if row[column]])
        for mail in conn.execute(_LEFT_TO.format(column), (wanted,)):
            mails[column, mail[column]].append(mail)
    found = {}
    for row in rows:
        theirs = [*mails["email_key", row["email_key"]], *mails["login_key", row["login_key"]]]
        found[row["id"]] = list({mail["id"]: mail for mail in theirs if mail["id"] != row["id"]}.values())
    return found


def _holds(
    conn: Connection, people: Sequence[str | None], logins: Sequence[str | None], accounts: Sequence[str | None]
) -> dict[str, str]:
    """`person:KEY`, `login:KEY` and `account:KEY` -> why nothing goes there."""
    rows = conn.execute(
        "SELECT kind, value, reason FROM holds WHERE (kind = 'person' AND value IN (SELECT value FROM json_each(?)))"
        " OR (kind = 'login' AND value IN (SELECT value FROM json_each(?)))"
        " OR (kind = 'account' AND value IN (SELECT value FROM json_each(?)))",
        [json.dumps([key for key in keys if key]) for keys in (people, logins, accounts)],
    )
    return {f"{row['kind']}:{row['value']}": row["reason"] for row in rows}


def _soft_bounces(conn: Connection, keys: Sequence[str | None]) -> dict[str, list[datetime]]:
    """Address -> when a mail to it was put off by its server, oldest first."""
    rows = conn.execute(
        "SELECT o.email_key, d.at_s FROM outbox o JOIN deliveries d ON d.outbox_id = o.id AND d.kind = ?"
        " WHERE o.email_key IN (SELECT value FROM json_each(?)) ORDER BY d.at_s",
        (SOFT_BOUNCE, json.dumps([key for key in keys if key])),
    )
    found: dict[str, list[datetime]] = defaultdict(list)
    for row in rows:
        found[row["email_key"]].append(datetime.fromtimestamp(row["at_s"], UTC))
    return found
