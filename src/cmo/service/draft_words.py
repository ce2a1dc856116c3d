"""Changing the words of drafts: by hand, anew from the template, or into a question. Each change is checked again."""

from __future__ import annotations

from typing import Literal

from cmo.config import Settings
from cmo.domain.draft import LeadToDraft, Rendered, Step
from cmo.domain.text import clean_line, clean_text
from cmo.errors import PolicyRefused
from cmo.service.drafts import new_batch_id, refreshed
from cmo.service.store import clock_of, reader, writer
from cmo.store import drafts
from cmo.store.draft_details import DraftDetail, get_draft
from cmo.store.draft_views import DraftRow
from cmo.store.drafting_pages import leads_to_draft
from cmo.store.drafts import Edited, NewWords

Change = tuple[Edited, NewWords] | None
"""What came of new words, and the words; None where they are those it had."""
LONGEST_SUBJECT, LONGEST_BODY = 300, 20_000
QUESTION = "Are you the right person to ask about it, or would you tell me who is?"
"""What is asked where nothing else was given."""
_ASKING = """Subject: A question{% if has('works_on') %} about {{ fact('works_on') }}{% endif %}

Hi{% if has('name') %} {{ fact('name') }}{% endif %},

my name is {{ sender.name }}{% if sender.company %}, and I work at {{ sender.company }}{% endif %}. Before I say more,
one question.

{{ pitch.question }}

I have your address from {{ fact('email_source') }}. If you would rather not hear from me, reply 'stop' and I will not \
write again.

{{ sender.name }}
{% if sender.company %}
{{ sender.company }}
{% endif %}
{{ sender.postal_address }}
"""


def edit_draft(settings: Settings, row: DraftRow, subject: str, body: str) -> tuple[Edited, NewWords]:
    """Give a draft a person's words; the new version waits for approval."""
    with reader(settings) as conn:
        detail = get_draft(conn, row.id, now=clock_of(settings).now())
    words = _checked(settings, detail, clean_line(subject, limit=LONGEST_SUBJECT), _body(body))
    return _changed(settings, row, words, why="edit"), words


def redo_draft(settings: Settings, row: DraftRow, *, dry_run: bool = False) -> Change:
    """Write a draft anew from the template in force and what is on record now; None where the words stay the same.

    Raises:
        PolicyRefused: the person is not a lead any more, or must not be contacted.
        TemplateBroken: a template of the operator cannot be used.
    """
    from cmo.drafting.render import render_page
    from cmo.service.templates import drafting_inputs

    detail, lead = _lead(settings, row)
    policy: Literal["a", "b"] = "b" if row.variant == "b" else "a"
    rendered = render_page([lead], Step(row.step), policy, drafting_inputs(settings))[0]
    if (rendered.subject, rendered.body) == (row.subject, detail.body):
        return None
    words = _words_of(rendered)
    return _changed(settings, row, words, why="redo", dry_run=dry_run), words


def ask_person(settings: Settings, row: DraftRow, question: str, *, dry_run: bool = False) -> tuple[Edited, NewWords]:
    """Turn a draft into one question to the person, for whom facts are missing.

    Raises:
        PolicyRefused: the person is not a lead any more, or must not be contacted.
    """
    from cmo.drafting.render import render_lead
    from cmo.drafting.templates import Template, template_name
    from cmo.service.templates import drafting_inputs

    _, lead = _lead(settings, row)
    inputs = drafting_inputs(settings)
    asked = clean_line(question, limit=200) or QUESTION
    pitch = inputs.pitch.model_copy(update={"question": asked})
    template = Template(template_name(Step(row.step), "a"), _ASKING)
    words = _words_of(render_lead(lead, Step(row.step), template, inputs.model_copy(update={"pitch": pitch})))
    reason = f"needs info: {asked}"
    return _changed(settings, row, words, why="needs_info", reason=reason, dry_run=dry_run), words


def _lead(settings: Settings, row: DraftRow) -> tuple[DraftDetail, LeadToDraft]:
    with reader(settings) as conn:
        now = clock_of(settings).now()
        detail = get_draft(conn, row.id, now=now)
        after = detail.lead_number - 1
        leads, _ = leads_to_draft(conn, row.job_id, after=after, limit=1, as_of=now, again=True)
    if not leads or leads[0].login.lower() != row.login.lower():
        raise PolicyRefused(
            f"Draft {row.id} is for somebody who is no lead any more, or must not be contacted.",
            hint=f"cmo leads why {row.login}",
        )
    return detail, leads[0]


def _checked(settings: Settings, detail: DraftDetail, subject: str, body: str) -> NewWords:
    from cmo.drafting.render import revised
    from cmo.service.templates import drafting_inputs

    before = Rendered(
        login=detail.row.login,
        step=Step(detail.row.step),
        variant=detail.row.variant,
        template=detail.template,
        template_version=detail.template_version,
        subject=detail.row.subject,
        body=detail.body,
        sentences=tuple(claim.sentence for claim in detail.claims),
        personalisation=detail.personalisation,
    )
    after = revised(
        before,
        subject,
        body,
        drafting_inputs(settings),
        as_of=clock_of(settings).now(),
        others_at_company=detail.earlier_at_org,
    )
    return _words_of(after).model_copy(update={"rendered": None})


def _changed(
    settings: Settings,
    row: DraftRow,
    words: NewWords,
    *,
    why: Literal["edit", "redo", "needs_info"],
    reason: str = "",
    dry_run: bool = False,
) -> Edited:
    with writer(settings) as conn:
        return drafts.edit(
            conn,
            row.job_id,
            row.choice,
            words,
            by=settings.actor,
            at=refreshed(settings, conn, row.job_id),
            why=why,
            batch_id=new_batch_id(),
            reason=reason,
            is_dry=dry_run,
        )


def _words_of(rendered: Rendered) -> NewWords:
    return NewWords(
        subject=rendered.subject,
        body=rendered.body,
        sentences=rendered.sentences,
        facts_until=rendered.facts_until,
        findings=rendered.findings,
        rendered=rendered,
    )


def _body(text: str) -> str:
    return clean_text(text, limit=LONGEST_BODY).rstrip() + "\n"
