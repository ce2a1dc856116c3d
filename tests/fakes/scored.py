"""A stored job whose people were scored as a run scores them, from facts that differ."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from cmo.domain import event as ev
from cmo.domain.job import Role
from cmo.domain.lead import Email, EmailClass, MxState, MxVerdict
from cmo.store import pages
from cmo.store.commit import commit
from cmo.store.db import Connection, open_store
from cmo.store.jobs import get_job
from cmo.tools import score_icp
from tests.fakes.drafts import rendered_factory
from tests.fakes.jobs import new_job
from tests.fakes.outside import NOW, profile_factory, ref_factory, repo_factory
from tests.fakes.ports import ports_factory

KINDS = (
    (Role.MAINTAINER, 60, 3000),
    (Role.MAINTAINER, 8, 10),
    (Role.CONTRIBUTOR, 5, 120),
    (Role.CONTRIBUTOR, 1, 3000),
    (Role.CONTRIBUTOR, 30, 0),
)
"""Role, contributions, followers of `maint1`, `maint2`, ...; they come again after the last."""


def store_with_scores(path: Path, n: int = 10, *, drafted: int = 0) -> tuple[Connection, str]:
    """A store with a paused job of `n` scored people, of whom the first `drafted` leads have a draft."""
    conn = open_store(path)
    job = new_job(conn)
    events: list[ev.Event] = [
        ev.JobStarted(by="operator:test", resumed=False),
        ev.RepoFound(repo=repo_factory(), query="q"),
    ]
    for k in range(1, n + 1):
        events += _person(k)
    put(conn, job.id, "found", events)
    score_all(conn, job.id)
    leads = [(row["number"], int(row["login_key"].removeprefix("maint"))) for row in leads_of(conn, job.id)[:drafted]]
    put(conn, job.id, "drafts", [ev.DraftRendered(number=number, rendered=rendered_factory(k)) for number, k in leads])
    put(conn, job.id, "end", [ev.JobPaused(reason="asked", message="Paused.")])
    return conn, job.id


def put(conn: Connection, job_id: str, name: str, events: Sequence[ev.Event]) -> None:
    """Commit what happened."""
    numbered = [(f"{job_id}/{name}/{n}", event) for n, event in enumerate(events)]
    commit(conn, job_id, numbered, at=NOW + timedelta(seconds=1), epoch=None)


def score_all(conn: Connection, job_id: str) -> None:
    """Score whoever has none, by the job's weights."""
    job, after = get_job(conn, job_id), 0
    while True:
        people, after = pages.unscored_people(conn, job.id, after=after, limit=200, as_of=job.anchor_at)
        if not people:
            return
        call = score_icp.ScoreIn(people=tuple(people), icp=job.plan.icp, weights=job.plan.weights)
        out = asyncio.run(score_icp.run(call, ports_factory()))
        put(conn, job_id, f"scored/{after}", score_icp.events(call, out))


def leads_of(conn: Connection, job_id: str) -> list[dict[str, Any]]:
    return [dict(row) for row in conn.execute("SELECT * FROM leads WHERE job_id = ? ORDER BY number", (job_id,))]


def scores_of(conn: Connection, job_id: str) -> dict[str, int]:
    """Login key -> score."""
    return dict(
        conn.execute("SELECT login_key, score FROM candidates WHERE job_id = ? ORDER BY n", (job_id,)).fetchall()
    )


def found_email(login: str, email: str) -> list[ev.Event]:
    """An address of `login` that takes mail."""
    found = Email(email=email, email_class=EmailClass.PUBLISHED, source_url=f"https://github.com/{login}", seen_at=NOW)
    verdict = MxVerdict(email=email, state=MxState.OK, reason="has a mail server", checked_at=NOW)
    return [ev.EmailFound(login=login, email=found), ev.EmailVerified(verdict=verdict)]


def _person(k: int) -> list[ev.Event]:
    login = f"maint{k}"
    role, commits, followers = KINDS[(k - 1) % len(KINDS)]
    evidence = ("merged 5 pull requests",) if role is Role.MAINTAINER else ()
    return [
        ev.CandidateFound(ref=ref_factory(login, role=role, contributions=commits, evidence=evidence)),
        ev.PersonEnriched(profile=profile_factory(login, followers=followers, company=f"Org {k}")),
        *found_email(login, f"{login}@org{k}.example"),
    ]
