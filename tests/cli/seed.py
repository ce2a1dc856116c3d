"""A store with one job in it, as a run would have left it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from cmo.domain import event as ev
from cmo.domain.job import Icp, Mode, Role, Stage, StarsRange
from cmo.domain.lead import (
    Email,
    EmailClass,
    ItemFailure,
    MxState,
    MxVerdict,
    PersonProfile,
    PersonRef,
    Repo,
    Score,
    ScoreLabel,
    ScorePart,
)
from cmo.store.commit import commit
from cmo.store.db import open_store
from tests.cli.harness import NOW
from tests.fakes.jobs import new_job, plan_factory
from tests.fakes.ledger import ledger_row

ADDRESS = "ana.marsh@marsh-works.example"
HOSTILE_NAME = "Bob\x1b]0;owned\x07 [/] \u202eevil"


def seed(home: Path, *, end: ev.Event | None = None) -> str:
    """Fill the store of `home`; the job's id. Ana is accepted, Bob held, Cy rejected, Dee dropped."""
    conn = open_store(home / "campaign.db")
    try:
        job = new_job(conn, plan_factory(goal="find 10 py maintainers"))
        events: list[ev.Event] = [
            ev.JobStarted(by="operator:test", resumed=False),
            ev.StageEntered(stage=Stage.DISCOVER),
            ev.RepoFound(repo=repo(), query="topic:testing"),
            ev.StageEntered(stage=Stage.EXTRACT),
            ev.RepoRead(repo_id="R1", state="ok", commits_seen=120, people=4),
            *person("ana", 86, EmailClass.PUBLISHED, accepted=True),
            *person("bob", 71, EmailClass.COMMIT, accepted=True, name=HOSTILE_NAME),
            *person("cy", 20, EmailClass.PUBLISHED, accepted=False),
            ev.CandidateDropped(login="dee", from_repo="org/proj", reason="bot", detail="type Bot"),
            ev.ItemFailed(
                tool="enrich_github_user",
                stage=Stage.ENRICH,
                failure=ItemFailure(item="zoe", code="unavailable", message="GitHub answered 502"),
            ),
            ev.StageEntered(stage=Stage.SCORE),
            ev.SearchWidened(
                knob="stars_range",
                before="100..2000",
                after="50..2000",
                why="too few addresses",
                changes={"icp.stars_range": {"low": 50, "high": 2000}},
                search=Icp(stars_range=StarsRange(low=50, high=99)).model_dump(mode="json"),
            ),
        ]
        last = end or ev.JobPaused(reason="asked", message="Paused by operator:test.")
        for n, event in enumerate([*events, last]):
            commit(conn, job.id, [(f"{job.id}/seed/{n}", event)], at=NOW + timedelta(seconds=n), epoch=None)
        return job.id
    finally:
        conn.close()


def repo() -> Repo:
    return Repo(
        id="R1", full_name="org/proj", owner="org", owner_is_org=True, stars=420, language="Python",
        topics=("testing",), pushed_at=NOW, url="https://github.com/org/proj",
    )  # fmt: skip


def person(
    login: str, score: int, email_class: EmailClass, *, accepted: bool, name: str | None = None
) -> list[ev.Event]:
    """What happened to one person, in order."""
    address = f"{login}@{login}.example"
    found = Email(
        email=address, email_class=email_class, source_url=f"https://github.com/{login}", seen_at=NOW,
        evidence="on the profile",
    )  # fmt: skip
    return [
        ev.CandidateFound(
            ref=PersonRef(
                login=login, from_repo="org/proj", repo_id="R1", signal="commits", contributions=41,
                role=Role.MAINTAINER, evidence=("merged 12 pull requests",), last_at=NOW,
            )
        ),
        ev.PersonEnriched(
            profile=PersonProfile(
                login=login, name=name or login.title(), company=f"{login} Ltd", location="Berlin",
                url=f"https://github.com/{login}", fetched_at=NOW,
            )
        ),
        ev.EmailFound(login=login, email=found),
        ev.EmailVerified(
            verdict=MxVerdict(email=address, state=MxState.OK, reason="has a mail server", flags=(), checked_at=NOW)
        ),
        ev.LeadScored(
            login=login,
            score=Score(
                value=score,
                label=ScoreLabel.HOT if score >= 80 else ScoreLabel.WARM if score >= 60 else ScoreLabel.COLD,
                parts=(
                    ScorePart(feature="role", points=score - 10, reason="maintains org/proj"),
                    ScorePart(feature="activity", points=10, reason="41 commits in the last 90 days"),
                ),
                rationale="maintains a project that fits",
            ),
            accepted=accepted,
            decision="accepted: score 60 or more" if accepted else "rejected: score under 60",
            email=found,
        ),
    ]  # fmt: skip


def seed_failures(home: Path) -> str:
    """A job with 12 people not looked up, and two mails that did not leave, of which one may have."""
    conn = open_store(home / "campaign.db")
    found = new_job(conn, plan_factory(mode=Mode.SEND_ALLOWED))
    rows = [ledger_row(conn, found.id, f"p{s}@p.example", state=s) for s in ("failed", "unknown")]
    failures = [
        ("enrich_github_user", Stage.ENRICH, ItemFailure(item=f"maint{n}", code="unavailable", message=f"502 for m{n}"))
        for n in range(12)
    ]
    failures += [
        ("smtp.send", Stage.SEND, ItemFailure(item=f"outbox:{row}", code="timeout", message=f"silent on {ADDRESS}"))
        for row in rows
    ]
    events = [ev.ItemFailed(tool=tool, stage=stage, failure=failure) for tool, stage, failure in failures]
    commit(conn, found.id, [(str(n), event) for n, event in enumerate(events)], at=NOW, epoch=None)
    conn.close()
    return found.id
