"""Scoring a page: who is accepted, who is held, who is somebody else's second login."""

from __future__ import annotations

from typing import Any

from cmo.domain.event import LeadScored, PeopleMerged
from cmo.domain.job import Icp, Role, Weights
from cmo.domain.lead import EmailClass, LeadFacts, Twin
from cmo.tools.score_icp import TOOL, ScoreIn, ScoreOut, ScorePlanned
from tests.fakes.jobs import plan_factory
from tests.fakes.outside import profile_factory, ref_factory
from tests.fakes.ports import context_factory, ports_factory, run_tool
from tests.scoring.people import email_factory, facts_factory


def lead(login: str = "jane", *, contributions: int = 20, email: str | None = None, **changes: Any) -> LeadFacts:
    """A maintainer with a published address."""
    values: dict[str, Any] = {
        "profile": profile_factory(login),
        "refs": (ref_factory(login, contributions=contributions),),
        "email": email_factory(email=email or f"{login}@acme.dev"),
    }
    return facts_factory(**{**values, **changes})


def score(*people: LeadFacts, **changes: Any) -> ScoreOut:
    return run_tool(TOOL, ScoreIn(people=people, **changes), ports_factory())


def test_a_lead_that_fits_is_accepted_with_its_address() -> None:
    (scored,) = score(lead()).scores
    assert scored.accepted
    assert not scored.held
    assert scored.email is not None
    assert scored.decision.startswith("Accepted: ")


def test_a_lead_known_by_a_commit_address_is_accepted_and_held() -> None:
    (scored,) = score(facts_factory(role=Role.MAINTAINER, email=email_factory(email_class=EmailClass.COMMIT))).scores
    assert scored.accepted
    assert scored.held


def test_the_rejected_have_a_score_and_a_reason_and_no_address() -> None:
    (scored,) = score(lead(), icp=Icp(roles=(Role.CONTRIBUTOR,))).scores
    assert not scored.accepted
    assert scored.email is None
    assert scored.score.value > 0
    assert scored.decision == "Rejected: is no contributor of any repository found."


def test_weights_change_the_score() -> None:
    (scored,) = score(lead(), weights=Weights(version=2, points={"role": 0})).scores
    assert next(part for part in scored.score.parts if part.feature == "role").points == 0


def test_two_logins_of_one_human_on_a_page_are_one_lead() -> None:
    out = score(lead("jane", email="j@acme.dev"), lead("jdoe", contributions=5, email="J+git@acme.dev"))
    assert [person.login for person in out.scores] == ["jane"]
    assert [(merge.kept, merge.merged) for merge in out.merged] == [("jane", "jdoe")]


def test_a_second_login_of_an_accepted_lead_is_merged_into_it() -> None:
    twin = Twin(login="jdoe", contributions=1, accepted=True, email="jane@acme.dev")
    out = score(lead("jane", twins=(twin,)))
    assert out.scores == ()
    assert [(merge.kept, merge.merged) for merge in out.merged] == [("jdoe", "jane")]


def test_a_twin_with_fewer_contributions_waits_for_its_own_page() -> None:
    twin = Twin(login="jdoe", contributions=1, accepted=False, email="jane@acme.dev")
    out = score(lead("jane", twins=(twin,)))
    assert [person.login for person in out.scores] == ["jane"]
    assert out.merged == ()


def test_the_page_takes_the_plans_profile_and_weights() -> None:
    plan = plan_factory(weights=Weights(version=3, points={"role": 0}))
    call = TOOL.layout(ScorePlanned(), [lead()], context_factory(plan))
    assert (call.icp, call.weights) == (plan.icp, plan.weights)
    (person,) = run_tool(TOOL, call, ports_factory()).scores
    assert next(part.points for part in person.score.parts if part.feature == "role") == 0
    assert person.score.weights == 3


def test_scores_and_merges_become_events() -> None:
    call = ScoreIn(people=(lead("jane", email="j@acme.dev"), lead("jdoe", contributions=5, email="j@acme.dev")))
    out = run_tool(TOOL, call, ports_factory())
    merged, scored = TOOL.events(call, out)
    assert isinstance(merged, PeopleMerged)
    assert isinstance(scored, LeadScored)
    assert scored.email is not None
