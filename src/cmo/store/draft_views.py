"""Read-only queries on drafts for the front ends: lists by the filter language, batches, rules."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from cmo.domain.base import Frozen
from cmo.domain.filters import Term
from cmo.domain.letters import Words
from cmo.store.allowed import CANDIDATE_ALLOWED, EMAIL_ALLOWED
from cmo.store.db import Connection
from cmo.store.draft_filters import REACHABLE, STATE, states_of, to_decide, where

_ORDERS: Mapping[str, str] = {
    "flagged_first": "(d.flag <> '') DESC, d.score DESC, d.id",
    "score": "d.score DESC, d.id",
    "oldest": "d.id",
}
"""`review.order` -> SQL."""
DRAFT_ROW = (
    "SELECT d.id, d.job_id, d.score, d.flag, d.is_blocked, d.login, d.name, d.company, d.email, d.subject,"
    f" {STATE} AS state, d.version, d.step, d.variant, d.put_off_until, d.updated_at,"
    f" {REACHABLE} AS is_reachable FROM drafts d"
)


class DraftRow(Frozen):
    """One line of a list of drafts."""

    id: int
    job_id: str
    score: int
    flag: str
    blocked: bool
    login: str
    name: str
    org: str
    address: str
    subject: str
    state: str
    """pending, later, approved, rejected or expired, as of the time of asking."""
    version: int
    step: str
    variant: str
    put_off_until: datetime | None
    updated_at: datetime
    reachable: bool
    """Whoever it is for may be contacted; a draft for anybody else waits for nothing."""

    @property
    def choice(self) -> Choice:
        return Choice(draft_id=self.id, version=self.version, state="pending" if self.state == "later" else self.state)


class Choice(Frozen):
    """One draft as it was when it was looked at."""

    draft_id: int
    version: int
    state: str
    """As stored: `later` is pending."""


class Rule(Frozen):
    """A named filter."""

    name: str
    where: str
    added_by: str
    added_at: datetime


class Cover(Frozen):
    """What a rule covers of the drafts that wait, and what it leaves out."""

    waiting: int
    choices: tuple[Choice, ...]
    flagged: int
    """Left out because a check has something against them."""
    unmatched: int


class BatchLine(Frozen):
    """One decision on one or many drafts."""

    id: str
    job_id: str
    n: int
    """What a person names it by."""
    action: str
    by: str
    at: datetime
    count: int


def list_drafts(
    conn: Connection,
    job_id: str,
    *,
    now: datetime,
    terms: Sequence[Term] = (),
    limit: int = 50,
    after: int | None = None,
    order: str = "flagged_first",
) -> tuple[list[DraftRow], int]:
    """Drafts that meet all `terms`, and how many there are in all.

    Args:
        after: The id of the last draft of the page before, of those that come flagged first.
        order: Flagged first, then the highest score; the highest score first; or as they were written.
    """
    clauses, values = where(terms)
    values |= {"job": job_id, "now": now.isoformat(), "limit": limit, "after": after}
    condition = f"d.job_id = :job{clauses}"
    total = conn.execute(f"SELECT COUNT(*) FROM drafts d WHERE {condition}", values).fetchone()[0]
    behind = "(d.flag = '', -d.score, d.id) > (SELECT p.flag = '', -p.score, p.id FROM drafts p WHERE p.id = :after)"
    page = condition if after is None else f"{condition} AND {behind}"
    rows = conn.execute(f"{DRAFT_ROW} WHERE {page} ORDER BY {_ORDERS[order]} LIMIT :limit", values)
    return [draft_row(row) for row in rows], total


def drafts_by_id(conn: Connection, ids: Sequence[int], *, now: datetime) -> list[DraftRow]:
    """The drafts with these ids, of any job, in order of their ids; unknown ones are left out."""
    values = {"ids": json.dumps(list(ids)), "now": now.isoformat()}
    rows = conn.execute(f"{DRAFT_ROW} WHERE d.id IN (SELECT value FROM json_each(:ids)) ORDER BY d.id", values)
    return [draft_row(row) for row in rows]


def next_waiting(
    conn: Connection,
    job_id: str,
    *,
    now: datetime,
    terms: Sequence[Term] = (),
    passed: Sequence[int] = (),
    order: str = "flagged_first",
) -> DraftRow | None:
    """The draft to look at next: can be decided on, meets all `terms`, and is none of `passed`."""
    clauses, values = where(terms)
    values |= {"job": job_id, "now": now.isoformat(), "passed": json.dumps(list(passed))}
    row = conn.execute(
        f"{DRAFT_ROW} WHERE {to_decide(terms)}{clauses} AND d.id NOT IN (SELECT value FROM json_each(:passed))"
        f" ORDER BY {_ORDERS[order]} LIMIT 1",
        values,
    ).fetchone()
    return None if row is None else draft_row(row)


def count_waiting(conn: Connection, job_id: str, *, now: datetime, terms: Sequence[Term] = ()) -> int:
    """Drafts that wait for a decision, or have not left and are in the state that is named, and meet all `terms`."""
    clauses, values = where(terms)
    values |= {"job": job_id, "now": now.isoformat()}
    sql = f"SELECT COUNT(*) FROM drafts d WHERE {to_decide(terms)}{clauses}"
    return int(conn.execute(sql, values).fetchone()[0])


def count_states(conn: Connection, job_id: str, *, now: datetime, terms: Sequence[Term] = ()) -> Counter[str]:
    """State -> how many drafts are in it, of those that meet all `terms`."""
    clauses, values = where(terms)
    values |= {"job": job_id, "now": now.isoformat()}
    sql = f"SELECT {STATE} AS state, COUNT(*) AS n FROM drafts d WHERE d.job_id = :job{clauses} GROUP BY 1"
    return Counter({row["state"]: row["n"] for row in conn.execute(sql, values)})


def cover(conn: Connection, job_id: str, terms: Sequence[Term], *, now: datetime, flagged: bool = False) -> Cover:
    """The drafts that can be decided on and meet all `terms`; `waiting` are those that wait, or are in a named state.

    Args:
        flagged: Flagged ones too; else only where `terms` ask for a flag by name.
    """
    names_flag = flagged or any(term.field == "flag" and not term.negated for term in terms)
    clauses, values = where(terms)
    values |= {"job": job_id, "now": now.isoformat()}
    clean = "" if names_flag else " AND d.flag = ''"
    open_ = to_decide(terms)
    order = _ORDERS["flagged_first"]
    rows = conn.execute(f"{DRAFT_ROW} WHERE {open_}{clauses}{clean} ORDER BY {order}", values)
    choices = tuple(draft_row(row).choice for row in rows)
    named, given = where(states_of(terms))
    waiting, with_flag = conn.execute(
        f"SELECT COUNT(*), COALESCE(SUM(d.flag <> ''), 0) FROM drafts d WHERE {open_}{named}", values | given
    ).fetchone()
    left_out = 0 if names_flag else with_flag
    return Cover(
        waiting=waiting,
        choices=choices,
        flagged=left_out,
        unmatched=waiting - len(choices) - left_out,
    )


def words_of(conn: Connection, draft_ids: Sequence[int]) -> dict[tuple[int, int], Words]:
    """(id, version) -> what each draft holds of a letter."""
    rows = conn.execute(
        "SELECT id, version, step, email, name, first_name, company, subject, body FROM drafts"
        " WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(draft_ids)),),
    )
    return {
        (row["id"], row["version"]): Words(
            step=row["step"],
            to_email=row["email"],
            to_name=row["name"],
            first_name=row["first_name"],
            company=row["company"],
            subject=row["subject"],
            body=row["body"],
        )
        for row in rows
    }


def find_batch(conn: Connection, job_id: str | None, ref: str | None) -> BatchLine | None:
    """The batch with that number or id, else the job's last decision that was not taken back."""
    sql = (
        "SELECT b.*, (SELECT COUNT(*) FROM batch_items i WHERE i.batch_id = b.id) AS items FROM batches b WHERE"
        " b.undone_at IS NULL AND b.action <> 'expire' AND "
    )
    if ref is None:
        row = conn.execute(f"{sql} b.job_id = ? ORDER BY b.n DESC LIMIT 1", (job_id,)).fetchone()
    else:
        number = int(ref.lstrip("#")) if ref.lstrip("#").isdecimal() and len(ref) <= 12 else -1
        row = conn.execute(f"{sql} (b.n = ? OR b.id = ?)", (number, ref)).fetchone()
    if row is None:
        return None
    return BatchLine(
        id=row["id"],
        job_id=row["job_id"],
        n=row["n"],
        action=row["action"],
        by=row["by_whom"],
        at=datetime.fromisoformat(row["at"]),
        count=row["items"],
    )


def gives_approvals_back(conn: Connection, batch_id: str) -> bool:
    """Whether taking the batch back would put approvals in force again."""
    sql = "SELECT 1 FROM batch_items WHERE batch_id = ? AND before_approval IS NOT NULL"
    return conn.execute(sql, (batch_id,)).fetchone() is not None


def list_rules(conn: Connection) -> list[Rule]:
    """By name."""
    return [_rule(row) for row in conn.execute("SELECT * FROM rules ORDER BY name")]


def find_rule(conn: Connection, name: str) -> Rule | None:
    row = conn.execute("SELECT * FROM rules WHERE name = ?", (name,)).fetchone()
    return None if row is None else _rule(row)


def _rule(row: Any) -> Rule:
    return Rule(
        name=row["name"],
        where=row["where_text"],
        added_by=row["added_by"],
        added_at=datetime.fromisoformat(row["added_at"]),
    )


def draft_row(row: Any) -> DraftRow:
    """From a row of `DRAFT_ROW`."""
    return DraftRow(
        id=row["id"],
        job_id=row["job_id"],
        score=row["score"],
        flag=row["flag"],
        blocked=bool(row["is_blocked"]),
        login=row["login"],
        name=row["name"],
        org=row["company"],
        address=row["email"],
        subject=row["subject"],
        state=row["state"],
        version=row["version"],
        step=row["step"],
        variant=row["variant"],
        put_off_until=_moment(row["put_off_until"]),
        updated_at=datetime.fromisoformat(row["updated_at"]),
        reachable=bool(row["is_reachable"]),
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def iter_drafts(conn: Connection, job_id: str) -> Iterator[dict[str, object]]:
    """Every draft of the job as a flat record, in order of making, one at a time; those of the suppressed never."""
    rows = conn.execute(
        "SELECT d.id, d.login, d.name, d.email, d.company, d.score, d.step, d.variant, d.version, d.state, d.flag,"
        " d.subject, d.body FROM drafts d JOIN candidates c ON c.job_id = d.job_id AND c.login_key = d.login_key"
        " JOIN emails e ON e.job_id = d.job_id AND e.login_key = d.login_key AND e.email = d.email"
        f" WHERE d.job_id = ? AND {CANDIDATE_ALLOWED} AND {EMAIL_ALLOWED} ORDER BY d.id",
        (job_id,),
    )
    yield from (dict(row) for row in rows)
