"""People to write to, and somebody who writes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from cmo.domain.draft import LeadToDraft, Pitch, RefFact, Rendered, Sender, Step
from cmo.drafting.inputs import DraftingInputs
from cmo.drafting.render import Policy, render_page

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SENDER = Sender(
    name="Sam Field", email="sam@field.example", company="Field Tools", postal_address="1 Mill Lane, 12345 Springfield"
)
PITCH = Pitch(
    offer="We make a service that finds tests which fail at random, and names the change that made them so.",
    question="Is that a problem for the project at the moment, or is it solved?",
    link="https://field.example/flaky",
)


def ref_factory(repo: str = "org/proj", **changes: Any) -> RefFact:
    """41 commits by a maintainer who releases and merges, the latest eight days ago."""
    values: dict[str, Any] = {
        "repo": repo,
        "url": f"https://github.com/{repo}",
        "role": "maintainer",
        "signal": "commits",
        "contributions": 41,
        "evidence": ("merged 12 pull requests", "published 3 releases"),
        "last_at": NOW - timedelta(days=8),
        "stars": 420,
        "language": "Python",
        "topics": ("ci", "testing"),
        "seen_at": NOW - timedelta(hours=3),
    }
    return RefFact.model_validate({**values, **changes})


def lead_factory(login: str = "ana", **changes: Any) -> LeadToDraft:
    """A maintainer who publishes an address on the profile."""
    values: dict[str, Any] = {
        "number": 1,
        "login": login,
        "name": "Ana Ruiz",
        "email": f"{login}@{login}.example",
        "email_class": "published",
        "source_url": f"https://github.com/{login}",
        "email_seen_at": NOW,
        "company": "Ruiz Works",
        "profile_url": f"https://github.com/{login}",
        "profile_seen_at": NOW,
        "refs": (ref_factory(),),
        "as_of": NOW,
    }
    return LeadToDraft.model_validate({**values, **changes})


def inputs_factory(**changes: Any) -> DraftingInputs:
    return DraftingInputs.model_validate({"sender": SENDER, "pitch": PITCH, **changes})


def draft(
    lead: LeadToDraft | None = None, step: Step = Step.FIRST_TOUCH, policy: Policy = "a", **changes: Any
) -> Rendered:
    """One rendered draft; `changes` are the inputs'."""
    (rendered,) = render_page([lead or lead_factory()], step, policy, inputs_factory(**changes))
    return rendered
