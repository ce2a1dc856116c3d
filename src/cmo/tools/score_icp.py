"""Score people against the ideal customer profile, and decide who becomes a lead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from cmo.domain.base import Frozen, Login
from cmo.domain.event import Event, LeadScored, PeopleMerged
from cmo.domain.job import Icp, Stage, Weights
from cmo.domain.lead import Email, LeadFacts, Score
from cmo.domain.people import AddressHolder, merge_candidates
from cmo.scoring.score import decide, score_person
from cmo.tools.base import PageContext, Ports, Source, Tool

NAME = "score_icp"
PEOPLE_PER_PAGE = 200


class ScorePlanned(Frozen):
    """Score people 0 to 100 against the plan's profile and accept those who fit and can be reached.

    Accepted are people with an address whose domain takes mail, 60 points or more, and the role and place the plan
    asks for. Call it when addresses are verified.
    """

    selector: Literal["pending"] = Field(default="pending", description="People without a score.")


class ScoreIn(Frozen):
    people: tuple[LeadFacts, ...] = Field(max_length=PEOPLE_PER_PAGE)
    icp: Icp = Icp()
    weights: Weights = Weights()


class ScoredPerson(Frozen):
    login: Login
    score: Score
    accepted: bool
    held: bool
    """Accepted, but the only good address is a commit address."""
    decision: str
    """A plain sentence, for the rejected too."""
    email: Email | None
    """The address that counts, for the accepted."""


class MergedPerson(Frozen):
    """Somebody who is the same human as another candidate, and is not scored."""

    kept: Login
    merged: Login
    evidence: str


class ScoreOut(Frozen):
    scores: tuple[ScoredPerson, ...]
    merged: tuple[MergedPerson, ...]


def layout(planned: ScorePlanned, rows: Sequence[LeadFacts], context: PageContext) -> ScoreIn:
    return ScoreIn(people=tuple(rows), icp=context.plan.icp, weights=context.plan.weights)


async def run(call: ScoreIn, ports: Ports) -> ScoreOut:
    merged = _merged(call.people)
    gone = {merge.merged.lower() for merge in merged}
    return ScoreOut(
        scores=tuple(_scored(facts, call) for facts in call.people if facts.profile.login.lower() not in gone),
        merged=merged,
    )


def _scored(facts: LeadFacts, call: ScoreIn) -> ScoredPerson:
    score = score_person(facts, call.icp, call.weights)
    decision = decide(facts, call.icp, score, call.weights)
    return ScoredPerson(
        login=facts.profile.login,
        score=score,
        accepted=decision.accepted,
        held=decision.held,
        decision=decision.words,
        email=facts.email if decision.accepted else None,
    )


def _merged(people: Sequence[LeadFacts]) -> tuple[MergedPerson, ...]:
    """People of this page who are the same human as somebody of the page or of the job, and are not the one kept."""
    here = {facts.profile.login.lower() for facts in people}
    holders: list[AddressHolder] = []
    for facts in people:
        if facts.email is None:
            continue
        contributions = sum(ref.contributions for ref in facts.refs)
        holders.append(AddressHolder(login=facts.profile.login, email=facts.email.email, contributions=contributions))
        holders += [AddressHolder(**twin.model_dump()) for twin in facts.twins if twin.login.lower() not in here]
    return tuple(
        MergedPerson(kept=merge.kept, merged=merge.merged, evidence=merge.evidence)
        for merge in merge_candidates(holders)
        if merge.merged.lower() in here
    )


def events(call: ScoreIn, out: ScoreOut) -> list[Event]:
    merged: list[Event] = [PeopleMerged(**merge.model_dump()) for merge in out.merged]
    return merged + [
        LeadScored(
            login=person.login,
            score=person.score,
            accepted=person.accepted,
            decision=person.decision,
            email=person.email,
        )
        for person in out.scores
    ]


TOOL: Tool[ScorePlanned, ScoreIn, ScoreOut] = Tool(
    name=NAME,
    stage=Stage.SCORE,
    effect="pure",
    planned=ScorePlanned,
    takes=ScoreIn,
    gives=ScoreOut,
    source=Source.LEADS_UNSCORED,
    page_size=PEOPLE_PER_PAGE,
    layout=layout,
    run=run,
    events=events,
)
