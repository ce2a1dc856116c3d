"""Writing a page of drafts: one for each lead, with what the job's settings say."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from cmo.domain.draft import Step
from cmo.domain.event import DraftRendered
from cmo.drafting.inputs import DraftingInputs
from cmo.drafting.templates import TemplateBroken
from cmo.tools.render_copy import TOOL, RenderIn, RenderOut, RenderPlanned
from tests.drafting.people import inputs_factory, lead_factory
from tests.fakes.ports import context_factory, ports_factory, run_tool

LEADS = tuple(lead_factory(login, number=number) for number, login in enumerate(("ana", "bob", "cy"), start=7))


def laid(planned: RenderPlanned | None = None, inputs: DraftingInputs | None = None) -> RenderIn:
    context = context_factory(drafting=inputs or inputs_factory())
    return TOOL.layout(planned or RenderPlanned(), LEADS, context)


def render(call: RenderIn) -> RenderOut:
    return run_tool(TOOL, call, ports_factory())


def test_each_lead_gets_a_draft_in_order() -> None:
    assert [draft.login for draft in render(laid()).drafts] == ["ana", "bob", "cy"]


def test_the_page_takes_sender_pitch_templates_and_words_of_the_settings() -> None:
    inputs = inputs_factory(templates={"first_touch.a.j2": "Subject: x\n\nBye."}, prohibited=("crypto",))
    call = laid(RenderPlanned(variant="a"), inputs)
    assert {name: getattr(call, name) for name in DraftingInputs.model_fields} == dict(inputs)
    assert {(draft.step, draft.template) for draft in render(call).drafts} == {(Step.FIRST_TOUCH, "first_touch.a.j2")}


def test_drafts_of_a_page_that_say_the_same_are_flagged_from_the_second_on() -> None:
    call = laid(RenderPlanned(variant="a"))
    assert [[f.flag for f in draft.findings] for draft in render(call).drafts] == [[], ["same"], ["same"]]


def test_each_draft_becomes_an_event_with_its_leads_number() -> None:
    call = laid()
    happened = TOOL.events(call, render(call))
    assert [(e.number, e.rendered.login) for e in happened if isinstance(e, DraftRendered)] == [
        (7, "ana"),
        (8, "bob"),
        (9, "cy"),
    ]


def test_a_broken_template_renders_nothing() -> None:
    with pytest.raises(TemplateBroken, match=r"first_touch\.b\.j2, line 1"):
        render(laid(inputs=inputs_factory(templates={"first_touch.b.j2": "Hello"})))


def test_a_page_has_at_most_a_hundred_leads() -> None:
    with pytest.raises(ValidationError, match="at most 100"):
        RenderIn(leads=LEADS[:1] * 101)


def test_a_call_by_hand_gives_the_same_as_one_from_the_plan() -> None:
    call = laid()
    assert render(RenderIn.model_validate_json(call.model_dump_json())) == render(call)
