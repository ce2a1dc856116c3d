"""People to score."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from cmo.domain.job import Icp, Role
from cmo.domain.lead import Email, EmailClass, LeadFacts, MxState, MxVerdict
from tests.fakes.outside import NOW, profile_factory, ref_factory, repo_factory

ICP = Icp()


def email_factory(**changes: Any) -> Email:
    """A published address."""
    values: dict[str, Any] = {
        "email": "jane@acme.dev",
        "email_class": EmailClass.PUBLISHED,
        "source_url": "https://github.com/jane",
        "seen_at": NOW,
    }
    return Email.model_validate({**values, **changes})


def verdict_factory(state: MxState = MxState.OK, **changes: Any) -> MxVerdict:
    values: dict[str, Any] = {"email": "jane@acme.dev", "state": state, "reason": "mx takes mail", "checked_at": NOW}
    return MxVerdict.model_validate({**values, **changes})


def facts_factory(
    *, role: Role = Role.CONTRIBUTOR, commits: int = 5, days_ago: float = 20, **changes: Any
) -> LeadFacts:
    """A contributor of five commits to a matching repository, with an ordinary profile and a commit address."""
    evidence = ("merged 5 pull requests",) if role is Role.MAINTAINER else ()
    last_at = NOW - timedelta(days=days_ago)
    values: dict[str, Any] = {
        "profile": profile_factory("jane", company=None, followers=30, email=None),
        "refs": (ref_factory("jane", role=role, contributions=commits, evidence=evidence, last_at=last_at),),
        "repos": (repo_factory(),),
        "email": email_factory(email_class=EmailClass.COMMIT),
        "mx": verdict_factory(),
        "as_of": NOW,
    }
    return LeadFacts.model_validate({**values, **changes})
