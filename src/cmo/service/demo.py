"""The demo: one finished job in a sandbox where a few things went wrong, with drafts to review."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cmo.config import Settings
from cmo.domain.job import Job
from cmo.service.store import clock_of, reader
from cmo.service.world import keep_world, sandbox_world
from cmo.store import draft_views, people_views
from cmo.store.groups import error_groups
from cmo.store.jobs import list_jobs

GOAL = "find {target} python maintainers active in the last 90 days, topics testing, ci and devtools"
TARGET, FAST_TARGET = 190, 20
"""Good leads; as whole pages are looked at, some more are found: about 200 drafts, and about 80."""
FAULTS = "demo"


@dataclass(frozen=True)
class DemoView:
    """What there is to look at."""

    job_id: str
    drafts: int
    """Wait for a decision."""
    flagged: int
    error_groups: int
    best_login: str
    """Of the lead with the highest score; empty where there is none."""


def newest_job(settings: Settings) -> Job | None:
    """The sandbox's newest job."""
    if not settings.paths.db.exists():
        return None
    with reader(settings) as conn:
        return next(iter(list_jobs(conn, limit=1)), None)


def start_demo(settings: Settings, *, fast: bool) -> Job:
    """Store the demo's job, in a world where a few things go wrong until `calm`; a fast one meets no trouble."""
    from cmo.service.jobs import plan_goal, start_job  # slow, and not needed to show a demo again

    keep_world(settings, replace(sandbox_world(settings), faults="none" if fast else FAULTS))
    goal = GOAL.format(target=FAST_TARGET if fast else TARGET)
    return start_job(settings, plan_goal(settings, goal).plan)


def calm(settings: Settings) -> None:
    """End the demo's faults: what the operator does from now on goes well."""
    world = sandbox_world(settings)
    if world.faults == FAULTS:
        keep_world(settings, replace(world, faults="none"))


def look(settings: Settings, job_id: str) -> DemoView:
    """Count what there is to look at."""
    now = clock_of(settings).now()
    with reader(settings) as conn:
        best = people_views.page_leads(conn, job_id, limit=1)
        cover = draft_views.cover(conn, job_id, (), now=now)
        return DemoView(
            job_id=job_id,
            drafts=cover.waiting,
            flagged=cover.flagged,
            error_groups=len(error_groups(conn, job_id)),
            best_login=best[0].login if best else "",
        )
