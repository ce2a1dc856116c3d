"""Other weights move scores there and back, lose nothing that a person was at work on, and take nobody in twice."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cmo.domain.job import Icp, Weights
from cmo.domain.lead import LeadFacts, Twin
from cmo.domain.rerank import Rescored, Scored, effect_of
from cmo.scoring.features import FEATURES
from cmo.scoring.rerank import rescore
from cmo.scoring.score import score_person
from tests.fakes.outside import profile_factory
from tests.scoring.people import ICP, email_factory, facts_factory
from tests.scoring.test_score import FACTS

POINTS = st.dictionaries(st.sampled_from([feature.name for feature in FEATURES]), st.integers(-100, 100))
USUAL = Weights()
NOTHING = Weights(version=2, points={feature.name: 0 for feature in FEATURES})
ALL = Weights(version=2, points={"role": 100, "activity": 100})


def person(facts: LeadFacts, *, weights: Weights = USUAL, lead: bool = False, drafted: bool = False) -> Scored:
    return Scored(1, facts, score_person(facts, ICP, weights).value, lead, drafted)


def one(scored: Scored, weights: Weights, *, icp: Icp = ICP, taken: set[str] | None = None) -> Rescored:
    (found,) = rescore([scored], icp, weights, taken=set() if taken is None else taken)
    return found


@given(FACTS, POINTS, POINTS)
def test_a_change_and_its_way_back_give_the_same_score(
    facts: LeadFacts, before: dict[str, float], after: dict[str, float]
) -> None:
    there = one(person(facts, weights=Weights(points=before)), Weights(version=2, points=after))
    back = one(there.was._replace(score=there.score.value), Weights(version=3, points=before))
    assert back.score.value == there.was.score
    assert back.score.parts == score_person(facts, ICP, Weights(points=before)).parts
    assert sum(part.points for part in there.score.parts) == there.score.value
    assert back.score.weights == 3


def test_a_lead_under_the_line_stays_one_only_where_there_is_a_draft_or_the_operator_said_something() -> None:
    drafted = one(person(facts_factory(), lead=True, drafted=True), NOTHING)
    bare = one(person(facts_factory(), lead=True), NOTHING)
    assert (drafted.accepted, drafted.fate, drafted.email) == (True, "stays a lead", drafted.was.facts.email)
    assert (bare.accepted, bare.fate, bare.email) == (False, "no lead any more", None)
    assert "0 points by weights 2" in bare.decision
    assert one(bare.was._replace(is_known=True), NOTHING).decision.endswith("a status or an outcome was set.")


def test_who_passes_now_becomes_a_lead_but_not_beside_another_of_the_same_address() -> None:
    facts = facts_factory(email=email_factory())
    twin = Twin(login="ana", contributions=1, accepted=True, email="jane@acme.dev")
    taken: set[str] = set()
    assert one(person(facts), ALL, taken=taken).fate == "becomes a lead"
    assert not one(person(facts.model_copy(update={"profile": profile_factory("june")})), ALL, taken=taken).accepted
    assert not one(person(facts.model_copy(update={"twins": (twin,)})), ALL).accepted


def test_points_buy_nobody_past_another_gate() -> None:
    found = one(person(facts_factory(email=None))._replace(score=59), ALL)
    assert not found.accepted
    assert "no usable address" in found.decision
    assert found.fate == "stays rejected"
    assert effect_of([found]).held_back == 1


def test_an_effect_counts_both_lines_in_both_directions_and_shows_who_changes_sides_first() -> None:
    facts = [facts_factory(profile=profile_factory(f"p{n}"), email=email_factory()) for n in range(15)]
    now = score_person(facts[0], ICP).value
    were = [now - 1, 90, 55, *[now] * 11, now - 5]
    people = [Scored(n, item, were[n], n != 2, n == 1) for n, item in enumerate(facts)]
    found = effect_of(one(each, Weights(version=2)) for each in people)
    assert (found.people, found.moved, found.drafts, found.leads_new) == (15, 4, 1, 1)
    assert (found.up_60, found.down_60, found.up_80, found.down_80) == (1, 0, 0, 1)
    assert [move.login for move in found.first] == ["p2", "p1", "p14", "p0"]
    many = effect_of(one(each._replace(score=40), Weights(version=2)) for each in people)
    assert len(many.first) == 10
