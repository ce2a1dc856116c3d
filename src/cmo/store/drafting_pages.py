"""Leads for whom words are wanted, page by page, with what is on record about them."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import datetime

from cmo.domain.company import company_key
from cmo.domain.draft import LeadToDraft, RefFact
from cmo.domain.lead import PersonProfile, PersonRef, Repo
from cmo.store.allowed import CANDIDATE_ALLOWED, EMAIL_ALLOWED
from cmo.store.db import Connection

MOST_REFS = 5
"""Repositories of a person that words may mention."""


def leads_to_draft(
    conn: Connection, job_id: str, *, after: int, limit: int, as_of: datetime, again: bool = False
) -> tuple[list[LeadToDraft], int]:
    """The next accepted leads without a draft of the first mail, in order of acceptance; suppressed ones never.

    Args:
        after: The lead's number to start behind.
        again: Those whose draft waits untouched, too.
    Returns:
        The leads, and the number of the last.
    """
    undrafted = "" if again else (
        " AND NOT EXISTS (SELECT 1 FROM drafts d WHERE d.job_id = l.job_id AND d.login_key = l.login_key"
        " AND d.step = 'first_touch')"
    )  # fmt: skip
    rows = conn.execute(
        "SELECT l.number, l.login_key, l.email, l.email_class, c.login, c.profile, e.source_url, e.seen_at FROM leads l"
        " JOIN candidates c ON c.job_id = l.job_id AND c.login_key = l.login_key"
        " JOIN emails e ON e.job_id = l.job_id AND e.login_key = l.login_key AND e.email = l.email"
        f" WHERE l.job_id = ? AND l.number > ? AND {CANDIDATE_ALLOWED} AND {EMAIL_ALLOWED}{undrafted}"
        " ORDER BY l.number LIMIT ?",
        (job_id, after, limit),
    ).fetchall()
    if not rows:
        return [], after
    profiles = {row["login_key"]: PersonProfile.model_validate_json(row["profile"]) for row in rows}
    refs = _refs(conn, job_id, {key: profile.fetched_at for key, profile in profiles.items()})
    seen = _seen_at_companies(conn, job_id, upto=rows[0]["number"])
    leads = []
    for row in rows:
        profile = profiles[row["login_key"]]
        company = company_key(profile.company or "", row["email"])
        leads.append(
            LeadToDraft(
                number=row["number"],
                login=row["login"],
                name=profile.name or "",
                email=row["email"],
                email_class=row["email_class"],
                source_url=row["source_url"],
                email_seen_at=datetime.fromisoformat(row["seen_at"]),
                company=profile.company or "",
                location=profile.location or "",
                profile_url=profile.url,
                profile_seen_at=profile.fetched_at,
                followers=profile.followers,
                refs=tuple(refs[row["login_key"]][:MOST_REFS]),
                others_at_company=seen[company] if company else 0,
                as_of=as_of,
            )
        )
        seen[company] += 1
    return leads, rows[-1]["number"]


def _refs(conn: Connection, job_id: str, read_at: dict[str, datetime]) -> dict[str, list[RefFact]]:
    found: dict[str, list[RefFact]] = defaultdict(list)
    rows = conn.execute(
        "SELECT r.login_key, r.ref, p.doc FROM candidate_repos r"
        " JOIN repos p ON p.job_id = r.job_id AND p.id = r.repo_id"
        " WHERE r.job_id = ? AND r.login_key IN (SELECT value FROM json_each(?))"
        " ORDER BY r.login_key, r.contributions DESC, r.repo_id",
        (job_id, json.dumps(list(read_at))),
    )
    for row in rows:
        ref, repo = PersonRef.model_validate_json(row["ref"]), Repo.model_validate_json(row["doc"])
        found[row["login_key"]].append(
            RefFact(
                repo=repo.full_name,
                url=repo.url,
                role=ref.role,
                signal=ref.signal,
                contributions=ref.contributions,
                evidence=ref.evidence,
                last_at=ref.last_at,
                stars=repo.stars,
                language=repo.language or "",
                topics=repo.topics,
                seen_at=read_at[row["login_key"]],
            )
        )
    return found


def _seen_at_companies(conn: Connection, job_id: str, *, upto: int) -> defaultdict[str, int]:
    """How many leads with a number below `upto` each company has among the drafted."""
    rows = conn.execute(
        "SELECT company_key, COUNT(*) AS people FROM drafts WHERE job_id = ? AND lead_number < ? AND company_key <> ''"
        " GROUP BY company_key",
        (job_id, upto),
    )
    return defaultdict(int, {row["company_key"]: row["people"] for row in rows})
