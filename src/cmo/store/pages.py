"""A selector's rows, a page at a time by key, suppression inside the query.

Every function returns (rows, last key): give the key back for the next page. Rows leave a page's condition when
the page that handled them commits, and the key moves on even where they do not, so a walk always ends.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from cmo.domain.lead import (
    Email,
    EmailClass,
    LeadFacts,
    LeadRow,
    MxState,
    MxVerdict,
    PersonProfile,
    PersonRef,
    Repo,
    Score,
    ScoreLabel,
    Twin,
)
from cmo.domain.outcome import LeadStatus, Outcome
from cmo.store.allowed import CANDIDATE_ALLOWED, EMAIL_ALLOWED, LEFT, VERDICT_AGES_AFTER, VERDICT_SETTLED
from cmo.store.db import Connection

MOST_REPOS_PER_PERSON = 20
"""Repositories of one person that scoring looks at, most contributions first."""


def unread_repos(conn: Connection, job_id: str, *, after: int, limit: int) -> tuple[list[Repo], int]:
    """Repositories whose history was not read, in the order found."""
    rows = conn.execute(
        "SELECT n, doc FROM repos WHERE job_id = ? AND state = 'unread' AND n > ? ORDER BY n LIMIT ?",
        (job_id, after, limit),
    ).fetchall()
    return [Repo.model_validate_json(row["doc"]) for row in rows], _last(rows, after)


def new_candidates(conn: Connection, job_id: str, *, after: int, limit: int) -> tuple[list[PersonRef], int]:
    """For each candidate without a profile, the sighting with most contributions; in the order found."""
    rows = conn.execute(
        "SELECT c.n, (SELECT r.ref FROM candidate_repos r WHERE r.job_id = c.job_id AND r.login_key = c.login_key"
        " ORDER BY r.contributions DESC, r.repo_id LIMIT 1) AS ref FROM candidates c"
        f" WHERE c.job_id = ? AND c.state = 'found' AND c.profile IS NULL AND c.n > ? AND {CANDIDATE_ALLOWED}"
        " ORDER BY c.n LIMIT ?",
        (job_id, after, limit),
    ).fetchall()
    return [PersonRef.model_validate_json(row["ref"]) for row in rows], _last(rows, after)


def people_without_email(
    conn: Connection, job_id: str, *, after: int, limit: int, as_of: datetime
) -> tuple[list[LeadFacts], int]:
    """Enriched people whose addresses were not looked for."""
    rows = conn.execute(
        "SELECT c.* FROM candidates c WHERE c.job_id = ? AND c.state = 'found' AND c.profile IS NOT NULL"
        f" AND c.email_state IS NULL AND c.n > ? AND {CANDIDATE_ALLOWED} ORDER BY c.n LIMIT ?",
        (job_id, after, limit),
    ).fetchall()
    return facts_of(conn, job_id, rows, as_of), _last(rows, after)


def unverified_emails(conn: Connection, job_id: str, *, after: int, limit: int, now: datetime) -> tuple[list[str], int]:
    """Addresses of the job without a verdict that counts, or with one that aged out; each once."""
    rows = conn.execute(
        "SELECT e.n, e.email FROM emails e CROSS JOIN candidates c LEFT JOIN verdicts v ON v.email = e.email"
        " WHERE c.job_id = e.job_id AND c.login_key = e.login_key AND e.job_id = ?1 AND c.state = 'found' AND e.n > ?2"
        f" AND (NOT {VERDICT_SETTLED} OR v.checked_at < ?3) AND {EMAIL_ALLOWED} AND {CANDIDATE_ALLOWED}"
        " AND NOT EXISTS (SELECT 1 FROM emails f WHERE f.job_id = e.job_id AND f.email_key = e.email_key"
        " AND f.email = e.email AND f.n < e.n AND f.n > ?2) ORDER BY e.n LIMIT ?4",
        (job_id, after, (now - VERDICT_AGES_AFTER).isoformat(), limit),
    ).fetchall()
    return [row["email"] for row in rows], _last(rows, after)


_UNSCORED = (
    f"c.job_id = ? AND c.state = 'found' AND c.email_state IS NOT NULL AND c.score IS NULL AND {CANDIDATE_ALLOWED}"
)
_UNSETTLED = (
    "EXISTS (SELECT 1 FROM emails e LEFT JOIN verdicts v ON v.email = e.email WHERE e.job_id = c.job_id"
    f" AND e.login_key = c.login_key AND NOT {VERDICT_SETTLED} AND {EMAIL_ALLOWED})"
)


def unscored_people(
    conn: Connection, job_id: str, *, after: int, limit: int, as_of: datetime
) -> tuple[list[LeadFacts], int]:
    """Enriched people whose addresses are settled (verified, or none found) and who have no score."""
    rows = conn.execute(
        f"SELECT c.* FROM candidates c WHERE {_UNSCORED} AND NOT {_UNSETTLED} AND c.n > ? ORDER BY c.n LIMIT ?",
        (job_id, after, limit),
    ).fetchall()
    return facts_of(conn, job_id, rows, as_of), _last(rows, after)


def count_unsettled(conn: Connection, job_id: str) -> int:
    """How many people without a score have an address that is not verified."""
    sql = f"SELECT COUNT(*) FROM candidates c WHERE {_UNSCORED} AND {_UNSETTLED}"
    return int(conn.execute(sql, (job_id,)).fetchone()[0])


def known_repo_ids(conn: Connection, job_id: str, ids: Sequence[str]) -> frozenset[str]:
    """Those of `ids` that the job has found already."""
    sql = f"SELECT id FROM repos WHERE job_id = ? AND id IN ({_marks(ids)})"
    return frozenset(row["id"] for row in conn.execute(sql, (job_id, *ids)))


def known_logins(conn: Connection, job_id: str, keys: Sequence[str]) -> frozenset[str]:
    """Those login keys that are candidates of the job already."""
    unique = list(dict.fromkeys(keys))
    sql = f"SELECT login_key FROM candidates WHERE job_id = ? AND login_key IN ({_marks(unique)})"
    return frozenset(row["login_key"] for row in conn.execute(sql, (job_id, *unique)))


STATUS = (
    "COALESCE(c.status, CASE WHEN EXISTS (SELECT 1 FROM drafts d JOIN outbox o ON o.draft_id = d.id"
    f" WHERE d.job_id = c.job_id AND d.login_key = c.login_key AND o.state IN {LEFT}) THEN '{LeadStatus.CONTACTED}'"
    f" ELSE '{LeadStatus.NEW}' END)"
)
"""Where a candidate stands: what the operator said last, else whether a mail left."""
LEAD_ROWS = (
    f"SELECT c.*, {STATUS} AS status_now, l.number, l.email, l.email_class, l.held, v.state AS mx_state,"
    " e.source_url, e.seen_at,"
    " (SELECT r.ref FROM candidate_repos r WHERE r.job_id = c.job_id AND r.login_key = c.login_key"
    " ORDER BY r.contributions DESC, r.repo_id LIMIT 1) AS ref FROM candidates c"
    " LEFT JOIN leads l ON l.job_id = c.job_id AND l.login_key = c.login_key"
    " LEFT JOIN emails e ON e.job_id = c.job_id AND e.login_key = c.login_key AND e.email = l.email"
    " LEFT JOIN verdicts v ON v.email = l.email"
)
"""Everything `lead_from_row` reads; add a WHERE on `c` and `l`."""

COMPANY = "COALESCE(lower(ltrim(json_extract(c.profile, '$.company'), '@ ')), '~')"
"""A candidate's company as it is compared, `~` for none: indexed in exactly these words."""


def accepted_leads(conn: Connection, job_id: str, *, after: int, limit: int) -> tuple[list[LeadRow], int]:
    """Accepted leads that are not suppressed, in order of acceptance."""
    rows = conn.execute(
        f"{LEAD_ROWS} WHERE l.job_id = ? AND l.number > ? AND {CANDIDATE_ALLOWED} AND {EMAIL_ALLOWED}"
        " ORDER BY l.number LIMIT ?",
        (job_id, after, limit),
    ).fetchall()
    return [lead_from_row(row) for row in rows], rows[-1]["number"] if rows else after


def lead_from_row(row: sqlite3.Row) -> LeadRow:
    """A scored person from a row of `LEAD_ROWS`."""
    profile = PersonProfile.model_validate_json(row["profile"])
    score = Score.model_validate_json(row["score_doc"])
    ref = PersonRef.model_validate_json(row["ref"])
    return LeadRow(
        login=row["login"],
        name=profile.name,
        email=row["email"],
        email_class=EmailClass(row["email_class"]) if row["email_class"] else None,
        mx_state=MxState(row["mx_state"]) if row["mx_state"] else None,
        score=score.value,
        label=ScoreLabel(score.label),
        why=f"{row['reason']} {score.rationale}".strip(),
        source_url=row["source_url"],
        seen_at=datetime.fromisoformat(row["seen_at"]) if row["seen_at"] else None,
        company=profile.company,
        location=profile.location,
        from_repo=ref.from_repo,
        last_at=ref.last_at,
        url=profile.url,
        accepted=row["state"] == "accepted",
        held=bool(row["held"]),
        number=row["number"],
        status=LeadStatus(row["status_now"]),
        outcome=Outcome(row["outcome"]) if row["outcome"] else None,
    )


def facts_of(conn: Connection, job_id: str, people: Sequence[sqlite3.Row], as_of: datetime) -> list[LeadFacts]:
    """What scoring may look at for each of `people`, rows of `candidates`, in their order."""
    keys = [row["login_key"] for row in people]
    seen_on = _sightings(conn, job_id, keys)
    emails = _best_emails(conn, job_id, keys)
    twins = _twins(conn, job_id, keys)
    facts = []
    for row in people:
        key = row["login_key"]
        email, verdict = emails.get(key, (None, None))
        facts.append(
            LeadFacts(
                profile=PersonProfile.model_validate_json(row["profile"]),
                refs=tuple(ref for ref, _ in seen_on[key]),
                repos=tuple(repo for _, repo in seen_on[key] if repo is not None),
                email=email,
                mx=verdict,
                twins=tuple(t for t in twins[key] if email is not None and t.email == email.email),
                as_of=as_of,
            )
        )
    return facts


def _sightings(conn: Connection, job_id: str, keys: Sequence[str]) -> dict[str, list[tuple[PersonRef, Repo | None]]]:
    found: dict[str, list[tuple[PersonRef, Repo | None]]] = defaultdict(list)
    for row in conn.execute(
        "SELECT r.login_key, r.ref, p.doc FROM candidate_repos r LEFT JOIN repos p ON p.job_id = r.job_id"
        f" AND p.id = r.repo_id WHERE r.job_id = ? AND r.login_key IN ({_marks(keys)})"
        " ORDER BY r.login_key, r.contributions DESC, r.repo_id",
        (job_id, *keys),
    ):
        if len(found[row["login_key"]]) < MOST_REPOS_PER_PERSON:
            repo = Repo.model_validate_json(row["doc"]) if row["doc"] else None
            found[row["login_key"]].append((PersonRef.model_validate_json(row["ref"]), repo))
    return found


def _best_emails(conn: Connection, job_id: str, keys: Sequence[str]) -> dict[str, tuple[Email, MxVerdict | None]]:
    """Login key -> the address of the lead, else the best one; those without any are left out."""
    best: dict[str, tuple[Email, MxVerdict | None]] = {}
    for row in conn.execute(
        "SELECT e.*, v.state, v.reason, v.flags, v.checked_at FROM emails e LEFT JOIN verdicts v ON v.email = e.email"
        " LEFT JOIN leads l ON l.job_id = e.job_id AND l.login_key = e.login_key AND l.email = e.email"
        f" WHERE e.job_id = ? AND e.login_key IN ({_marks(keys)}) AND {EMAIL_ALLOWED}"
        " ORDER BY l.email IS NULL, CASE v.state WHEN 'ok' THEN 0 WHEN 'risky' THEN 1 WHEN 'unknown' THEN 2 ELSE 3 END,"
        " CASE e.email_class WHEN 'commit' THEN 1 ELSE 0 END, e.rank",
        (job_id, *keys),
    ):
        if row["login_key"] not in best:
            best[row["login_key"]] = (_email(row), _verdict(row))
    return best


def _email(row: sqlite3.Row) -> Email:
    return Email(
        email=row["email"],
        email_class=EmailClass(row["email_class"]),
        source_url=row["source_url"],
        seen_at=datetime.fromisoformat(row["seen_at"]),
        evidence=row["evidence"],
    )


def _verdict(row: sqlite3.Row) -> MxVerdict | None:
    if row["state"] is None:
        return None
    return MxVerdict(
        email=row["email"],
        state=MxState(row["state"]),
        reason=row["reason"],
        flags=tuple(json.loads(row["flags"])),
        checked_at=datetime.fromisoformat(row["checked_at"]),
    )


def _twins(conn: Connection, job_id: str, keys: Sequence[str]) -> dict[str, list[Twin]]:
    """Login key -> who holds the same address. CROSS JOIN keeps the order: else all addresses of the job are read."""
    found: dict[str, list[Twin]] = defaultdict(list)
    for row in conn.execute(
        "SELECT mine.login_key, mine.email, c.login, c.contributions, c.state FROM emails mine"
        " CROSS JOIN emails theirs ON theirs.job_id = mine.job_id AND theirs.email_key = mine.email_key"
        " AND theirs.login_key <> mine.login_key"
        " CROSS JOIN candidates c ON c.job_id = theirs.job_id AND c.login_key = theirs.login_key"
        f" WHERE mine.job_id = ? AND mine.login_key IN ({_marks(keys)}) AND c.state IN ('found', 'accepted')"
        " ORDER BY mine.login_key, c.n",
        (job_id, *keys),
    ):
        found[row["login_key"]].append(
            Twin(
                login=row["login"],
                contributions=row["contributions"],
                accepted=row["state"] == "accepted",
                email=row["email"],
            )
        )
    return found


def _marks(keys: Sequence[str]) -> str:
    return ", ".join("?" * len(keys)) if keys else "NULL"


def _last(rows: Sequence[sqlite3.Row], after: int) -> int:
    return int(rows[-1]["n"]) if rows else after
