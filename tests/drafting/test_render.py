"""A lead and a template become a draft that says what is on record, and nothing else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmo.domain.draft import Step
from cmo.drafting.facts import FACTS
from cmo.drafting.render import render_page, revised
from cmo.drafting.sentences import sentences_of
from cmo.sandbox.hostile import HOSTILE
from tests.drafting.people import NOW, draft, inputs_factory, lead_factory, ref_factory

HEAD = "Subject: A question\n\n"
TWO = (ref_factory(), ref_factory("org/two", evidence=()))
HOSTILE_TEXT = (
    st.text(max_size=60) | st.sampled_from(HOSTILE) | st.from_regex(r"[{}%\[\]|. a-zA-Z]{1,20}", fullmatch=True)
)


@pytest.mark.parametrize("step", list(Step))
@pytest.mark.parametrize("policy", ["a", "b"])
def test_a_built_in_draft_for_an_ordinary_lead_passes_every_check(step: Step, policy: Any) -> None:
    assert draft(lead_factory(refs=TWO), step, policy).findings == ()


@pytest.mark.parametrize("policy", ["a", "b"])
def test_the_first_mail_is_short_and_asks_one_question(policy: Any) -> None:
    body = draft(policy=policy).body
    assert 60 <= len(body.split()) <= 110
    assert body.count("?") == 1
    assert "I have your address from your public GitHub profile." in body


def test_variants_differ_in_the_opening_alone() -> None:
    a, b = draft(policy="a").body.split("\n\n"), draft(policy="b").body.split("\n\n")
    assert a[1] == "I am writing to you because you published 3 releases of org/proj."
    assert b[1].startswith("Your name is on 41 commits to org/proj, the latest on 12 November 2026")
    assert a[:1] + a[2:] == b[:1] + b[2:]


def test_each_follow_up_brings_a_fact_that_no_mail_before_had() -> None:
    cited = []
    for step in (Step.FIRST_TOUCH, Step.FOLLOW_UP_1, Step.FOLLOW_UP_2):
        rendered = draft(lead_factory(refs=TWO), step)
        texts = {fact.name: fact.text for fact in rendered.personalisation.facts}
        cited.append({texts[name] for s in rendered.sentences for name in s.facts if name.startswith("hook")})
    assert cited == [
        {"published 3 releases of org/proj"},
        {"merged 12 pull requests in org/proj"},
        {"made 41 commits to org/two"},
    ]


def test_a_follow_up_without_a_new_fact_says_so() -> None:
    body = draft(lead_factory(refs=(ref_factory(evidence=()),)), Step.FOLLOW_UP_1).body
    assert "I have nothing new to add" in body


def test_the_last_mail_is_two_sentences() -> None:
    letter = draft(step=Step.BREAKUP).sentences[1:-3]
    assert len(letter) == 2


def test_a_sentence_knows_the_facts_it_cites_and_the_rest_is_the_templates() -> None:
    by_text = {s.text: s for s in draft().sentences}
    assert by_text["I am writing to you because you published 3 releases of org/proj."].facts == ("hook",)
    assert by_text["Hi Ana,"].facts == ("name",)
    ours = by_text["My name is Sam Field, and I work at Field Tools."]
    assert ours.is_template
    assert ours.facts == ()


def test_a_fact_that_is_not_on_record_lets_its_block_fall_away() -> None:
    body = draft(lead_factory(name="", refs=())).body
    assert body.startswith("Hi,\n\nMy name is")


def test_a_fact_that_is_cited_without_asking_leaves_a_gap_that_blocks() -> None:
    rendered = draft(lead_factory(refs=()), templates={"first_touch.a.j2": HEAD + "You {{ fact('hook') }}."})
    assert "<hook: not on record>" in rendered.body
    assert "unfilled" in {f.check for f in rendered.findings if f.severity == "block"}


def test_a_stop_inside_a_fact_does_not_end_the_sentence() -> None:
    rendered = draft(lead_factory(email_class="imported", source_url="Listed by Foo Inc. Another list? Yes"))
    (told,) = [s for s in rendered.sentences if "email_source" in s.facts]
    assert told.text.endswith("Foo Inc. Another list? Yes.")
    assert sentences_of(rendered.body, rendered.sentences, rendered.personalisation.facts) == rendered.sentences


def test_rendered_text_is_never_rendered_again() -> None:
    pitch = {"offer": "We {{ fact('hook') }} {% if %}.", "question": "Ok?"}
    rendered = draft(pitch=pitch)
    assert "{{ fact('hook') }}" in rendered.body
    assert "merge_tag" in {f.check for f in rendered.findings if f.severity == "block"}


def test_split_gives_each_person_always_the_same_variant_and_both_are_used() -> None:
    leads = [lead_factory(f"dev{n}") for n in range(40)]
    once = [d.variant for d in render_page(leads, Step.FIRST_TOUCH, "split", inputs_factory())]
    one_by_one = [render_page([lead], Step.FIRST_TOUCH, "split", inputs_factory())[0].variant for lead in leads]
    assert once == one_by_one
    assert 10 <= once.count("a") <= 30


def test_a_draft_names_the_template_it_is_from() -> None:
    own = draft(templates={"first_touch.a.j2": HEAD + "Hello."})
    assert (own.template, own.variant, len(own.template_version)) == ("first_touch.a.j2", "a", 12)
    assert draft().template == "built-in"


@given(HOSTILE_TEXT, HOSTILE_TEXT, HOSTILE_TEXT, st.sampled_from(list(Step)), st.sampled_from(["a", "b", "split"]))
def test_hostile_text_is_never_syntax_never_breaks_and_never_becomes_a_claim_without_a_fact(
    name: str, text: str, source: str, step: Step, policy: Any
) -> None:
    ref = ref_factory(text, language=text, topics=(text, name), evidence=(text,))
    lead = lead_factory(
        name=name, company=text, refs=(ref, ref_factory(evidence=(name,))), email_class="imported", source_url=source
    )
    rendered = draft(lead, step, policy)
    assert draft(lead, step, policy) == rendered
    assert not any(sign in rendered.subject + rendered.body for sign in "{}[]<>|%\ue000")
    flags = {f.flag for f in rendered.findings}
    assert not flags & {"claim?", "merge-tag", "unfilled", "bad-subject", "greeting"}
    facts = {fact.name: fact.text for fact in rendered.personalisation.facts}
    for sentence in rendered.sentences:
        assert sentence.is_template or all(facts[fact] in sentence.text for fact in sentence.facts)
    assert sentences_of(rendered.body, rendered.sentences, rendered.personalisation.facts) == rendered.sentences


def test_an_edit_keeps_the_citations_of_what_stands_and_finds_those_of_what_is_new() -> None:
    before = draft()
    body = before.body.replace("My name is", "Nice work: you merged 12 pull requests in org/proj. My name is")
    after = revised(before, "A question", body, inputs_factory(), as_of=NOW)
    new = next(s for s in after.sentences if s.text.startswith("Nice work"))
    assert "merges" in new.facts
    assert not new.is_template
    assert after.findings == ()


def test_a_draft_holds_as_long_as_the_first_of_the_facts_it_cites() -> None:
    before = draft()
    cited = {name for sentence in before.sentences for name in sentence.facts}
    seen = {fact.name: fact.seen_at for fact in before.personalisation.facts if fact.name in cited}
    ends = [seen[name] + timedelta(days=days + 1) for name in seen if (days := FACTS[name].holds_days) is not None]
    assert before.facts_until == min(ends)
    plain = revised(before, "A question", "Hello,\n\nmay I?\n", inputs_factory(), as_of=NOW)
    assert plain.facts_until is None


def test_a_claim_of_a_person_stays_a_claim_through_a_second_edit() -> None:
    before = draft()
    body = before.body.replace("My name is", "You founded three companies. My name is")
    once = revised(before, before.subject, body, inputs_factory(), as_of=NOW)
    twice = revised(
        once, before.subject, body.replace("not write again", "never write again"), inputs_factory(), as_of=NOW
    )
    assert [{f.flag for f in d.findings} for d in (once, twice)] == [{"claim?"}, {"claim?"}]
