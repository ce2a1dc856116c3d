"""Read-only queries on drafts for the front ends: lists by the filter language, one draft with its evidence, rules."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from cmo.domain.base import Frozen
from cmo.domain.draft import Approval, Fact, Finding, Personalisation, Sentence
from cmo.domain.filters import Term
from cmo.domain.lead import Score, ScorePart
from cmo.domain.letters import Words
from cmo.store.db import Connection

DRAFT_FIELDS = {
    "score": "a number, e.g. score>=80",
    "label": "hot, warm or cold",
    "state": "pending, later, approved, rejected or expired",
    "flag": "part of a flag, such as claim; any, block or none",
    "org": "part of a company's name",
    "email": "published, commit, imported or inbound",
    "step": "first_touch, follow_up_1, follow_up_2 or breakup",
    "variant": "a or b",
    "template": "the start of a template's version, or edited",
}
DRAFT_VALUES: dict[str, tuple[str, ...]] = {
    "score": (),
    "label": ("hot", "warm", "cold"),
    "state": ("pending", "later", "approved", "rejected", "expired"),
    "email": ("published", "commit", "imported", "inbound"),
    "step": ("first_touch", "follow_up_1", "follow_up_2", "breakup"),
}
"""Fields that take these values only; none: whole numbers."""

_STATE = (
    "CASE WHEN d.state = 'pending' AND d.put_off_until > :now THEN 'later' WHEN d.state = 'approved' AND"
    " (SELECT a.expires_at FROM approvals a WHERE a.id = d.approval_id) <= :now THEN 'expired' ELSE d.state END"
)
"""As it stands at `:now`: nobody has to have written down that time passed."""
_WAITS = "d.job_id = :job AND d.state = 'pending' AND (d.put_off_until IS NULL OR d.put_off_until <= :now)"
"""Waits for a decision now."""
_ORDER = "(d.flag <> '') DESC, d.score DESC, d.id"
_ROW = (
    "SELECT d.id, d.job_id, d.score, d.flag, d.is_blocked, d.login, d.name, d.company, d.email, d.subject,"
    f" {_STATE} AS state, d.version, d.step, d.variant, d.put_off_until, d.updated_at FROM drafts d"
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


class Claim(Frozen):
    """One sentence and what it rests on."""

    sentence: Sentence
    evidence: tuple[Fact, ...]
    missing: tuple[str, ...]
    """Names of cited facts that are not on record."""


class VersionLine(Frozen):
    """One version of a draft."""

    version: int
    subject: str
    body: str
    made_by: str
    why: str
    """render, edit, redo or needs_info."""
    made_at: datetime


class DraftDetail(Frozen):
    """Everything there is to know about a draft."""

    row: DraftRow
    first_name: str
    email_class: str
    country: str | None
    time_zone: str | None
    template: str
    template_version: str
    reason: str
    """Of the last decision."""
    body: str
    claims: tuple[Claim, ...]
    findings: tuple[Finding, ...]
    approval: Approval | None
    personalisation: Personalisation
    score_parts: tuple[ScorePart, ...]
    others: tuple[DraftRow, ...]
    """Drafts of the job for other people at the same organisation."""
    outbox_state: str | None
    """How far it has been handed over, or None."""


class Rule(Frozen):
    """A named filter."""

    name: str
    where: str
    added_by: str
    added_at: datetime


class Cover(Frozen):
    """What a rule covers of the drafts that wait, and what it leaves out."""

    waiting: int
    choices: tuple[DraftRow, ...] = ()
    flagged: int
    """Left out because a check has something against them."""
    unmatched: int


class BatchLine(Frozen):
    """One decision on one or many drafts."""

    id: str
    n: int
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
) -> tuple[list[DraftRow], int]:
    """Drafts that meet all `terms`, flagged first, then the highest score; and how many there are in all.

    Args:
        after: The id of the last draft of the page before.
    """
    where, values = _where(terms)
    values |= {"job": job_id, "now": now.isoformat(), "limit": limit, "after": after}
    condition = f"d.job_id = :job{where}"
    total = conn.execute(f"SELECT COUNT(*) FROM drafts d WHERE {condition}", values).fetchone()[0]
    behind = "" if after is None else (
        " AND (d.flag = '', -d.score, d.id) > (SELECT p.flag = '', -p.score, p.id FROM drafts p WHERE p.id = :after)"
    )  # fmt: skip
    rows = conn.execute(f"{_ROW} WHERE {condition}{behind} ORDER BY {_ORDER} LIMIT :limit", values)
    return [_draft_row(row) for row in rows], total


def drafts_by_id(conn: Connection, ids: Sequence[int], *, now: datetime) -> list[DraftRow]:
    """The drafts with these ids, of any job, in order of their ids; unknown ones are left out."""
    values = {"ids": json.dumps(list(ids)), "now": now.isoformat()}
    rows = conn.execute(f"{_ROW} WHERE d.id IN (SELECT value FROM json_each(:ids)) ORDER BY d.id", values)
    return [_draft_row(row) for row in rows]


def next_waiting(
    conn: Connection, job_id: str, *, now: datetime, terms: Sequence[Term] = (), passed: Sequence[int] = ()
) -> DraftRow | None:
    """The draft to look at next: waits for a decision, meets all `terms`, and is none of `passed`."""
    where, values = _where(terms)
    values |= {"job": job_id, "now": now.isoformat(), "passed": json.dumps(list(passed))}
    row = conn.execute(
        f"{_ROW} WHERE {_WAITS}{where} AND d.id NOT IN (SELECT value FROM json_each(:passed)) ORDER BY {_ORDER} LIMIT 1",
        values,
    ).fetchone()
    return None if row is None else _draft_row(row)


def count_waiting(conn: Connection, job_id: str, *, now: datetime, terms: Sequence[Term] = ()) -> int:
    """Drafts that wait for a decision and meet all `terms`."""
    where, values = _where(terms)
    values |= {"job": job_id, "now": now.isoformat()}
    return int(conn.execute(f"SELECT COUNT(*) FROM drafts d WHERE {_WAITS}{where}", values).fetchone()[0])


def cover(conn: Connection, job_id: str, terms: Sequence[Term], *, now: datetime, flagged: bool = False) -> Cover:
    """The waiting drafts that meet all `terms`.

    Args:
        flagged: Flagged ones too; else only where `terms` ask for a flag by name.
    """
    names_flag = flagged or any(term.field == "flag" and not term.negated for term in terms)
    where, values = _where(terms)
    values |= {"job": job_id, "now": now.isoformat()}
    clean = "" if names_flag else " AND d.flag = ''"
    rows = conn.execute(f"{_ROW} WHERE {_WAITS}{where}{clean} ORDER BY {_ORDER}", values).fetchall()
    waiting, with_flag = conn.execute(
        f"SELECT COUNT(*), COALESCE(SUM(d.flag <> ''), 0) FROM drafts d WHERE {_WAITS}", values
    ).fetchone()
    left_out = 0 if names_flag else with_flag
    return Cover(
        waiting=waiting,
        choices=tuple(_draft_row(row) for row in rows),
        flagged=left_out,
        unmatched=waiting - len(rows) - left_out,
    )


def draft_detail(conn: Connection, draft_id: int, *, now: datetime) -> DraftDetail | None:
    """A draft with its evidence; None if there is none."""
    row = conn.execute(
        f"{_ROW.replace(' FROM drafts d', ', d.* FROM drafts d')} WHERE d.id = :id",
        {"id": draft_id, "now": now.isoformat()},
    ).fetchone()
    if row is None:
        return None
    person = _personalisation(conn, row["job_id"], row["login_key"])
    outbox = conn.execute(
        "SELECT state FROM outbox WHERE email_key = ? AND draft_id = ? ORDER BY id DESC", (row["email_key"], draft_id)
    ).fetchone()
    return DraftDetail(
        row=_draft_row(row),
        first_name=row["first_name"],
        email_class=row["email_class"],
        country=row["country"],
        time_zone=row["time_zone"],
        template=row["template"],
        template_version=row["template_version"],
        reason=row["reason"],
        body=row["body"],
        claims=_claims(conn, draft_id, row["version"], person),
        findings=_findings(conn, draft_id),
        approval=_approval(conn, row["approval_id"]),
        personalisation=person,
        score_parts=_score_parts(conn, row["job_id"], row["login_key"]),
        others=_others(conn, row, now),
        outbox_state=outbox["state"] if outbox else None,
    )


def draft_versions(conn: Connection, draft_id: int) -> list[VersionLine]:
    """Every version, the oldest first."""
    rows = conn.execute("SELECT * FROM draft_versions WHERE draft_id = ? ORDER BY version", (draft_id,))
    return [
        VersionLine(
            version=row["version"],
            subject=row["subject"],
            body=row["body"],
            made_by=row["made_by"],
            why=row["why"],
            made_at=datetime.fromisoformat(row["made_at"]),
        )
        for row in rows
    ]


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


def _draft_row(row: Any) -> DraftRow:
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
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _personalisation(conn: Connection, job_id: str, login_key: str) -> Personalisation:
    sql = "SELECT doc FROM personalisations WHERE job_id = ? AND login_key = ?"
    return Personalisation.model_validate_json(conn.execute(sql, (job_id, login_key)).fetchone()["doc"])


def _claims(conn: Connection, draft_id: int, version: int, person: Personalisation) -> tuple[Claim, ...]:
    facts = {fact.name: fact for fact in person.facts}
    sql = "SELECT sentences FROM draft_versions WHERE draft_id = ? AND version = ?"
    found = conn.execute(sql, (draft_id, version)).fetchone()
    sentences = [Sentence.model_validate(item) for item in json.loads(found["sentences"])] if found else []
    return tuple(
        Claim(
            sentence=sentence,
            evidence=tuple(facts[name] for name in sentence.facts if name in facts),
            missing=tuple(name for name in sentence.facts if name not in facts),
        )
        for sentence in sentences
    )


def _findings(conn: Connection, draft_id: int) -> tuple[Finding, ...]:
    rows = conn.execute(
        "SELECT check_name, flag, severity, message FROM findings WHERE draft_id = ? ORDER BY severity, n", (draft_id,)
    )
    return tuple(
        Finding(check=row["check_name"], flag=row["flag"], severity=row["severity"], message=row["message"])
        for row in rows
    )


def _approval(conn: Connection, approval_id: int | None) -> Approval | None:
    row = conn.execute("SELECT * FROM approvals WHERE id = ? AND revoked_at IS NULL", (approval_id,)).fetchone()
    if row is None:
        return None
    return Approval(
        id=row["id"],
        draft_id=row["draft_id"],
        version=row["version"],
        content_hash=row["content_hash"],
        by=row["by_whom"],
        at=datetime.fromisoformat(row["at"]),
        expires_at=datetime.fromisoformat(row["expires_at"]),
        batch_id=row["batch_id"],
        rule=row["rule"],
    )


def _score_parts(conn: Connection, job_id: str, login_key: str) -> tuple[ScorePart, ...]:
    sql = "SELECT score_doc FROM candidates WHERE job_id = ? AND login_key = ?"
    row = conn.execute(sql, (job_id, login_key)).fetchone()
    return Score.model_validate_json(row["score_doc"]).parts if row and row["score_doc"] else ()


def _others(conn: Connection, row: Any, now: datetime) -> tuple[DraftRow, ...]:
    if not row["company_key"]:
        return ()
    values = {"job": row["job_id"], "key": row["company_key"], "login": row["login_key"], "now": now.isoformat()}
    found = conn.execute(
        f"{_ROW} WHERE d.job_id = :job AND d.company_key = :key AND d.login_key <> :login ORDER BY d.id LIMIT 10",
        values,
    )
    return tuple(_draft_row(other) for other in found)


def _where(terms: Sequence[Term]) -> tuple[str, dict[str, Any]]:
    sql, values = "", dict[str, Any]()
    for n, term in enumerate(terms):
        clause, value = _clause(term, f":t{n}")
        sql += f" AND {'NOT ' if term.negated else ''}COALESCE(({clause}), 0)"
        values[f"t{n}"] = value
    return sql, values


def _clause(term: Term, name: str) -> tuple[str, Any]:
    """A condition on `d`, and the value of its parameter `name`."""
    value = term.value.lower()
    part = "%" + value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    match term.field:
        case "score":
            return f"d.score {'=' if term.operator == ':' else term.operator} {name}", int(value)
        case "label":
            label = "CASE WHEN d.score >= 80 THEN 'hot' WHEN d.score >= 60 THEN 'warm' ELSE 'cold' END"
            return f"{label} = {name}", value
        case "state":
            return f"{_STATE} = {name}", value
        case "flag" if value in ("any", "none"):
            return f"(d.flag <> '') = {name}", int(value == "any")
        case "flag" if value == "block":
            return f"d.is_blocked = {name}", 1
        case "flag":
            found = "SELECT 1 FROM findings f WHERE f.draft_id = d.id AND lower(f.flag)"
            return f"EXISTS ({found} LIKE {name} ESCAPE '\\')", part
        case "org":
            return f"lower(d.company) LIKE {name} ESCAPE '\\'", part
        case "email":
            return f"d.email_class = {name}", value
        case "step" | "variant":
            return f"d.{term.field} = {name}", value
        case "template":
            return f"(d.template = {name} OR substr(d.template_version, 1, length({name})) = {name})", value
        case _:
            words = "lower(d.login || ' ' || d.name || ' ' || d.company || ' ' || d.subject || ' ' || d.body)"
            return f"{words} LIKE {name} ESCAPE '\\'", part
