"""A job in the middle of its work, made through events as a run makes them."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

from cmo.domain import event as ev
from cmo.domain.job import Stage
from cmo.domain.lead import ItemFailure
from cmo.store import journal
from cmo.store.commit import commit
from cmo.store.db import Connection
from tests.fakes.clock import StillClock
from tests.fakes.jobs import new_job, plan_factory
from tests.fakes.outside import NOW, profile_factory, ref_factory, repo_factory
from tests.tui.screen import store_of

WORKED_S = 100
"""How long the job has worked at `clock_of_the_run()`."""
HOSTILE = "\x1b]52;c;aGk=\x07[/] dependabot[bot] \x1b[2J"


def clock_of_the_run() -> StillClock:
    return StillClock(NOW + timedelta(seconds=WORKED_S))


def at_work(
    home: Path, *, max_steps: int = 40, goal: str = "find 50 py maintainers", is_held: bool = True
) -> tuple[Connection, str]:
    """A store with a job that reads profiles: 25 of 40, one failed, ten in each of the last quarters of a minute.

    Args:
        is_held: A live process, this one, works on it.
    """
    home.mkdir(parents=True, exist_ok=True)
    conn = store_of(home)
    caps = {"max_steps": max_steps, "max_repos": 10}
    job = new_job(conn, plan_factory(goal=goal, target=50, caps=caps))
    tell(
        conn, job.id, 0, ev.JobStarted(by="operator:test", resumed=False), *_step(1, "search_github_repos", "discover")
    )
    tell(conn, job.id, 1, *(ev.RepoFound(repo=repo_factory(n), query="topic:testing") for n in range(1, 11)))
    tell(conn, job.id, 2, *_done(1, "search_github_repos", Stage.DISCOVER, 10), *_step(2, "extract_people", "extract"))
    for n in range(1, 41):
        tell(conn, job.id, 20, ev.CandidateFound(ref=ref_factory(f"maint{n}", 1 + n % 10)))
    tell(
        conn,
        job.id,
        21,
        *(ev.RepoRead(repo_id=f"R_{n:04}", state="ok", commits_seen=9, people=4) for n in range(1, 11)),
    )
    tell(conn, job.id, 40, *_done(2, "extract_people", Stage.EXTRACT, 10), *_step(3, "enrich_github_user", "enrich"))
    for page, at in enumerate((50, 65, 80, 95), start=1):
        logins = [f"maint{n}" for n in range(6 * page - 5, 6 * page + 1)]
        tell(conn, job.id, at, *(ev.PersonEnriched(profile=profile_factory(login)) for login in logins))
        tell(conn, job.id, at, _page(3, page, "enrich_github_user", Stage.ENRICH, 6, failed=int(page == 2)))
    trouble = ItemFailure(item=HOSTILE, code="unavailable", message=f"GitHub answered 502 {HOSTILE}")
    tell(conn, job.id, 96, ev.ItemFailed(tool="enrich_github_user", stage=Stage.ENRICH, failure=trouble))
    if is_held:
        lease = journal.acquire_lease(conn, job.id, owner=journal.this_process(), now_s=time.time())
        journal.claim_page(conn, lease, 3, 5, at=NOW + timedelta(seconds=97))
    return conn, job.id


def tell(conn: Connection, job_id: str, at_s: float, *events: ev.Event) -> None:
    """Events at so many seconds of the run."""
    before = conn.execute("SELECT COUNT(*) FROM events").fetchone()[0]
    numbered = [(f"{job_id}/seed/{before + n}", event) for n, event in enumerate(events)]
    commit(conn, job_id, numbered, at=NOW + timedelta(seconds=at_s), epoch=None)


def _step(step: int, tool: str, stage: str) -> list[ev.Event]:
    return [ev.StageEntered(stage=Stage(stage)), ev.StepPlanned(step=step, tool=tool, args={}, planner="rules")]


def _page(step: int, page: int, tool: str, stage: Stage, processed: int, *, failed: int = 0) -> ev.Event:
    usage = {"github_points": 3}
    if stage is Stage.ENRICH:
        usage["person_enriched"] = processed
    return ev.PageFinished(
        step=step, page=page, tool=tool, stage=stage, processed=processed, failed=failed, usage=usage
    )


def _done(step: int, tool: str, stage: Stage, processed: int) -> list[ev.Event]:
    return [_page(step, 1, tool, stage, processed), ev.StepFinished(step=step, tool=tool, stage=stage, result={})]
