"""From leads and templates to drafts with their findings."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from cmo.domain.draft import LeadToDraft, Pitch, Rendered, Sender, Step
from cmo.domain.text import clean_line, clean_text
from cmo.drafting.checks import check_text, context_of, sameness
from cmo.drafting.facts import hold_until, without_marks
from cmo.drafting.inputs import DraftingInputs
from cmo.drafting.personalise import personalise
from cmo.drafting.sentences import filled, mark, marked_sentences, sentences_of
from cmo.drafting.templates import Template, TemplateSet, render_template

Policy = Literal["a", "b", "split"]
"""Which variant people get; `split`: each person one of them, by a hash of the login."""
LONGEST_BODY = 20_000
_NEEDED = ("name", "postal_address", "offer", "question")


def render_page(
    leads: Sequence[LeadToDraft], step: Step, policy: Policy, inputs: DraftingInputs
) -> tuple[Rendered, ...]:
    """A draft for each lead, in order, checked alone and against the others of the page.

    Raises:
        TemplateBroken: a template of the operator for this step cannot be used; nothing was rendered.
    """
    templates = TemplateSet(inputs.templates).variants(step)
    return with_sameness([render_lead(lead, step, _chosen(templates, policy, lead.login), inputs) for lead in leads])


def with_sameness(drafts: Sequence[Rendered]) -> tuple[Rendered, ...]:
    """`drafts`, with what there is against each beside the others."""
    return tuple(
        draft.model_copy(update={"findings": draft.findings + found})
        for draft, found in zip(drafts, sameness(drafts), strict=True)
    )


def render_lead(lead: LeadToDraft, step: Step, template: Template, inputs: DraftingInputs) -> Rendered:
    """The words for one lead, with everything a check has against them."""
    person = personalise(lead)
    numbers = {fact.name: number for number, fact in enumerate(person.facts)}
    text = render_template(
        template,
        fact=lambda name: mark(numbers[name]) if name in numbers else _gap(name, "not on record"),
        has=lambda name: name in numbers,
        values={"sender": _values_of(inputs.sender), "pitch": _values_of(inputs.pitch)},
    )
    sentences = marked_sentences(text.body, person.facts)
    draft = Rendered(
        login=lead.login,
        step=step,
        variant=template.variant,
        template=template.name if template.is_own else "built-in",
        template_version=template.version,
        subject=filled(text.subject, person.facts),
        body=filled(text.body, person.facts),
        sentences=sentences,
        facts_until=hold_until(person.facts, sentences),
        personalisation=person,
    )
    context = context_of(draft, inputs, as_of=lead.as_of, others_at_company=lead.others_at_company)
    return draft.model_copy(update={"findings": check_text(draft.subject, draft.body, context)})


def revised(
    draft: Rendered, subject: str, body: str, inputs: DraftingInputs, *, as_of: datetime, others_at_company: int = 0
) -> Rendered:
    """`draft` with the words that a person or a model put in its place, checked again."""
    subject, body = clean_line(subject, limit=500), clean_text(body, limit=LONGEST_BODY) + "\n"
    context = context_of(draft, inputs, as_of=as_of, others_at_company=others_at_company)
    facts = draft.personalisation.facts
    sentences = sentences_of(body, draft.sentences, facts)
    return draft.model_copy(
        update={
            "subject": subject,
            "body": body,
            "sentences": sentences,
            "facts_until": hold_until(facts, sentences),
            "findings": check_text(subject, body, context),
        }
    )


def _chosen(templates: Sequence[Template], policy: Policy, login: str) -> Template:
    """The template for a person, the same whenever it is asked; the first where there is none of that variant."""
    if policy == "split":
        return templates[hashlib.sha256(login.lower().encode()).digest()[0] % len(templates)]
    return next((template for template in templates if template.variant == policy), templates[0])


def _values_of(values: Sender | Pitch) -> dict[str, str]:
    """The fields as templates see them; one that a mail cannot do without shows as a gap where it is empty."""
    given = {name: without_marks(str(value)).strip() for name, value in values.model_dump().items()}
    return {name: value or (_gap(name, "not set") if name in _NEEDED else "") for name, value in given.items()}


def _gap(name: str, why: str) -> str:
    return f"<{name}: {why}>"
