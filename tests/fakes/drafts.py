"""A stored job with leads and a draft for each, made through events as a run makes them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from cmo.domain import event as ev
from cmo.domain.draft import Fact, Finding, Personalisation, Rendered, Sentence, Step
from cmo.domain.lead import Email, EmailClass, MxState, MxVerdict, PersonProfile, Score, ScoreLabel, ScorePart
from cmo.store.commit import commit
from cmo.store.db import Connection, open_store
from tests.fakes.jobs import new_job, plan_factory
from tests.fakes.outside import NOW, ref_factory, repo_factory

SENDER = {
    "CMO_SENDER_NAME": "Sam Sender",
    "SMTP_FROM": "sam@sender.example",
    "CMO_SENDER_POSTAL_ADDRESS": "Street 1, 1234 Town",
    "CMO_OFFER": "We make test runs shorter.",
    "CMO_QUESTION": "May I send you two lines about it?",
}
"""An environment in which drafts can be written and approved."""
TEMPLATE_VERSION = "0123456789ab"
SHORT = Finding(check="length", flag="short", severity="warn", message="The mail has few words. Add a sentence.")
CLAIM = Finding(check="claim", flag="claim?", severity="block", message="No fact says so. Take the sentence out.")


def rendered_factory(n: int = 1, *, findings: tuple[Finding, ...] = (), **changes: Any) -> Rendered:
    """The words for `maint<n>`, who works on `org<n>/proj<n>`."""
    login, repo = f"maint{n}", f"org{n}/proj{n}"
    works_on = Fact(name="works_on", text=repo, source_url=f"https://github.com/{repo}", seen_at=NOW)
    hook = f"I am writing to you because you maintain {repo}."
    values: dict[str, Any] = {
        "login": login,
        "step": Step.FIRST_TOUCH,
        "template": "built-in",
        "template_version": TEMPLATE_VERSION,
        "subject": f"A question about {repo}",
        "body": f"Hi,\n\n{hook}\n\nMay I ask you one question?\n\nSam\n",
        "sentences": (
            Sentence(text="Hi,", is_template=True),
            Sentence(text=hook, facts=("works_on",)),
            Sentence(text="May I ask you one question?", is_template=True),
        ),
        "personalisation": Personalisation(
            login=login,
            name=f"Ana {n}",
            first_name="Ana",
            best_email=f"{login}@org{n}.example",
            email_class=EmailClass.PUBLISHED,
            company=f"Org {n}",
            facts=(works_on,),
        ),
        "findings": findings,
    }
    return Rendered.model_validate({**values, **changes})


def lead_events(n: int, score: int) -> list[ev.Event]:
    """How `maint<n>` became a lead."""
    login = f"maint{n}"
    email = Email(
        email=f"{login}@org{n}.example", email_class=EmailClass.PUBLISHED, source_url=f"https://github.com/{login}",
        seen_at=NOW, evidence="on the profile",
    )  # fmt: skip
    label = ScoreLabel.HOT if score >= 80 else ScoreLabel.WARM if score >= 60 else ScoreLabel.COLD
    parts = (ScorePart(feature="role", points=score, reason=f"maintains org{n}/proj{n}"),)
    profile = PersonProfile(
        login=login, name=f"Ana {n}", company=f"Org {n}", location="Lisbon", url=email.source_url, fetched_at=NOW
    )
    return [
        ev.RepoFound(repo=repo_factory(n), query="topic:testing"),
        ev.CandidateFound(ref=ref_factory(login, n)),
        ev.PersonEnriched(profile=profile),
        ev.EmailFound(login=login, email=email),
        ev.EmailVerified(
            verdict=MxVerdict(email=email.email, state=MxState.OK, reason="has a mail server", checked_at=NOW)
        ),
        ev.LeadScored(
            login=login, score=Score(value=score, label=label, parts=parts, rationale="fits"), accepted=True,
            decision="accepted", email=email,
        ),
    ]  # fmt: skip


def store_with_drafts(
    path: Path,
    n: int = 3,
    *,
    flagged: int = 0,
    blocked: int = 0,
    plan: dict[str, Any] | None = None,
    is_over: bool = True,
) -> tuple[Connection, str]:
    """A store with one job of `n` leads, each with a draft; draft k is for `maint<k>`.

    The scores fall from 99, by one each, and start anew below 40. Of the drafts the first `blocked` cannot be approved
    as they are, and the next `flagged` have a warning.
    """
    conn = open_store(path)
    job = new_job(conn, plan_factory(**(plan or {})))
    events: list[ev.Event] = [ev.JobStarted(by="operator:test", resumed=False)]
    for k in range(1, n + 1):
        findings = (CLAIM,) if k <= blocked else (SHORT,) if k <= blocked + flagged else ()
        events += lead_events(k, 99 - (k - 1) % 60)
        events.append(ev.DraftRendered(number=k, rendered=rendered_factory(k, findings=findings)))
    if is_over:
        events.append(ev.JobFinished(summary=f"{n} drafts wait.", good_leads=n))
    numbered = [(f"{job.id}/seed/{k}", event) for k, event in enumerate(events)]
    commit(conn, job.id, numbered, at=NOW + timedelta(seconds=1), epoch=None)
    return conn, job.id
