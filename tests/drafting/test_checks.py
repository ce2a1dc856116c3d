"""Each check fires where it should and is silent where it should be."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cmo.domain.draft import Finding, LeadToDraft, Step
from cmo.drafting.checks import CHECKS, check_text, context_of, sameness
from tests.drafting.people import NOW, PITCH, SENDER, draft, inputs_factory, lead_factory, ref_factory


def findings(
    change: tuple[str, str] = ("", ""),
    *,
    subject: str | None = None,
    body: str | None = None,
    add: str = "",
    lead: LeadToDraft | None = None,
    step: Step = Step.FIRST_TOUCH,
    **changes: Any,
) -> list[Finding]:
    """What is found after a person replaced, or added, words of a rendered draft."""
    lead = lead or lead_factory()
    rendered = draft(lead, step)
    text = rendered.body if body is None else body
    text = text.replace(*change).replace("My name is", f"{add} My name is" if add else "My name is")
    context = context_of(
        rendered, inputs_factory(**changes), as_of=lead.as_of, others_at_company=lead.others_at_company
    )
    return list(check_text(rendered.subject if subject is None else subject, text, context))


def flags(*args: Any, **kwargs: Any) -> set[tuple[str, str, str]]:
    return {(f.check, f.flag, f.severity) for f in findings(*args, **kwargs)}


FIRES: list[tuple[dict[str, Any], tuple[str, str, str]]] = [
    ({"pitch": {"question": "Well?"}}, ("pitch", "no-offer", "block")),
    ({"pitch": {"offer": "We help."}}, ("pitch", "no-question", "block")),
    ({"add": "I saw [project name]."}, ("unfilled", "unfilled", "block")),
    ({"add": "I saw <hook: not on record>."}, ("unfilled", "unfilled", "block")),
    ({"subject": " "}, ("subject", "no-subject", "block")),
    ({"subject": "Re: org/proj"}, ("subject", "fake-reply", "block")),
    ({"subject": "FW : org/proj"}, ("subject", "fake-reply", "block")),
    ({"subject": "Hi =?utf-8?q?x=0d=0aBcc:_a=40e.example?="}, ("subject", "bad-subject", "block")),
    ({"subject": "a\nBcc: x"}, ("subject", "bad-subject", "block")),
    ({"subject": "FLAKY TESTS"}, ("subject", "caps", "warn")),
    ({"subject": "a question " * 8}, ("subject", "long-subject", "warn")),
    ({"body": ""}, ("length", "empty", "block")),
    ({"body": "Hi Ana,\n\nShort."}, ("length", "short", "warn")),
    ({"add": "We make tools. " * 40}, ("length", "long", "warn")),
    ({"change": ("Hi Ana,", "Hi Bob,")}, ("greeting", "greeting", "block")),
    ({"change": ("Hi Ana,\n\n", "")}, ("greeting", "greeting", "warn")),
    ({"lead": lead_factory(name="acme"), "change": ("Hi,", "Hi Acme,")}, ("greeting", "greeting", "block")),
    ({"add": "Just a quick question."}, ("tone", "tone", "warn")),
    ({"add": "It works!"}, ("tone", "tone", "warn")),
    ({"add": "It is risk-free."}, ("prohibited", "prohibited", "block")),
    ({"add": "We do Blockchain.", "prohibited": ("blockchain",)}, ("prohibited", "prohibited", "block")),
    ({"sender": SENDER.model_copy(update={"name": ""})}, ("sender", "no-sender", "block")),
    ({"sender": SENDER.model_copy(update={"email": ""})}, ("sender", "no-sender", "block")),
    ({"change": ("reply 'stop'", "say so")}, ("opt_out", "no-optout", "block")),
    ({"change": ("1 Mill Lane", "2 Mill Lane")}, ("address", "no-address", "block")),
    ({"sender": SENDER.model_copy(update={"postal_address": ""})}, ("address", "no-address", "block")),
    ({"change": ("your public GitHub profile", "somewhere")}, ("source_named", "no-source", "block")),
    ({"add": "You founded a company."}, ("claim", "claim?", "block")),
    ({"add": "Your release is broken."}, ("claim", "claim?", "block")),
    ({"add": "You published 9 releases of org/proj."}, ("claim", "claim?", "block")),
    ({"add": "You published 3 releases of org/proj and two books."}, ("claim", "claim?", "block")),
    ({"add": "I read the code of org/proj-two."}, ("claim", "claim?", "block")),
    ({"add": "I read the code of other/thing."}, ("claim", "claim?", "block")),
    ({"add": "We save 30 minutes a day."}, ("claim", "claim?", "warn")),
    ({"add": "Ana, you write Python books."}, ("claim", "claim?", "block")),
    ({"subject": "Your bug in org/else"}, ("claim", "claim?", "block")),
    ({"lead": lead_factory(refs=(ref_factory(seen_at=NOW - timedelta(days=121)),))}, ("stale", "stale", "block")),
    ({"add": "See {{unsubscribe}}."}, ("merge_tag", "merge-tag", "block")),
    ({"add": "{Hello|Hey}."}, ("merge_tag", "merge-tag", "block")),
    ({"add": "%%email%%"}, ("merge_tag", "merge-tag", "block")),
    ({"add": "[[name]]"}, ("merge_tag", "merge-tag", "block")),
    ({"add": "See https://evil.example/x."}, ("links", "link", "block")),
    ({"add": "See www.evil.example."}, ("links", "link", "block")),
    ({"add": "See evil.com/x."}, ("links", "link", "block")),
    (
        {"add": "https://github.com/org/proj https://github.com/ana https://field.example/flaky"},
        ("links", "links", "warn"),
    ),
    ({"add": "Ask bob@bob.example."}, ("personal_data", "address", "block")),
    ({"add": "Ask ana@ana.example."}, ("personal_data", "address", "block")),
    ({"add": "Ask bob [at] bob."}, ("personal_data", "address", "block")),
    ({"add": "Call +49 170 1234567."}, ("personal_data", "phone", "block")),
    ({"add": "Ask @torvalds."}, ("personal_data", "login", "block")),
    ({"add": "Use ghp_abcdefghij0123456789."}, ("personal_data", "secret", "block")),
    ({"lead": lead_factory(email="info@ana.example")}, ("recipient", "role", "block")),
    ({"lead": lead_factory(email="ana@mailinator.com")}, ("recipient", "disposable", "block")),
    (
        {"lead": lead_factory(email_class="commit", source_url="x"), "step": Step.FOLLOW_UP_1},
        ("commit_follow_up", "no-follow-up", "block"),
    ),
    ({"lead": lead_factory(others_at_company=2)}, ("same_organisation", "dup-org", "warn")),
]


@pytest.mark.parametrize(("case", "wanted"), FIRES, ids=lambda value: str(value)[:60])
def test_a_check_fires(case: dict[str, Any], wanted: tuple[str, str, str]) -> None:
    case = dict(case)
    change = case.pop("change", ("", ""))
    assert wanted in flags(change, **case)


SILENT: list[dict[str, Any]] = [
    {},
    {"subject": "Reproducible tests in org/proj"},
    {"subject": "CI"},
    {"change": ("Hi Ana,", "Hi,")},
    {"change": ("Hi Ana,", "Hello Ana,")},
    {"add": "It is awesomely plain."},
    {"add": "We are the winners' choice.", "prohibited": ("crypto",)},
    {"change": ("reply 'stop'", "write me a mail with the word STOP")},
    {"add": "Would you like to see it?"},
    {"add": "If you want, I can show it."},
    {"add": "What do you think about it?"},
    {"add": "Thank you for your time."},
    {"add": "I look forward to your answer."},
    {"add": "You merged 12 pull requests in org/proj."},
    {"add": "In org/proj I saw 41 commits to org/proj, the latest on 12 November 2026."},
    {"subject": "A question about org/proj"},
    {"add": "The page is https://github.com/org/proj."},
    {"add": "The page is field.example."},
    {"add": "Write to sam@field.example."},
    {"add": "Version 1.2 of setup.py is out.", "but": "claim?"},
    {"add": "@ana has it."},
    {"lead": lead_factory(email_class="commit", source_url="x")},
    {"lead": lead_factory(refs=(ref_factory(seen_at=NOW - timedelta(days=120)),))},
]


@pytest.mark.parametrize("case", SILENT, ids=lambda value: str(value)[:60])
def test_a_check_is_silent(case: dict[str, Any]) -> None:
    case = dict(case)
    change, but = case.pop("change", ("", "")), case.pop("but", "")
    assert [f for f in findings(change, **case) if f.flag != but] == []


def test_every_check_is_shown_firing() -> None:
    shown = {wanted[0] for _, wanted in FIRES}
    named = {check.__name__ for check in CHECKS} - {"addresses"}  # its findings are of `personal_data`
    assert named == shown


def test_every_finding_says_what_to_do() -> None:
    for case, _ in FIRES:
        case = dict(case)
        for finding in findings(case.pop("change", ("", "")), **case):
            assert finding.message.endswith((".", '"', SENDER.postal_address, ",`."))
            assert len(finding.message.split()) >= 6


def test_an_empty_pitch_names_the_command_that_sets_it() -> None:
    rendered = draft(pitch={"link": PITCH.link})
    assert 'cmo config set copy.offer "…"' in " ".join(f.message for f in rendered.findings)
    assert "<offer: not set>" in rendered.body


def test_a_later_mail_need_not_say_where_the_address_is_from() -> None:
    assert flags(step=Step.FOLLOW_UP_1, lead=lead_factory(refs=(ref_factory(),))) == set()


def test_a_link_that_begins_like_the_opt_out_page_is_another_page() -> None:
    sender = SENDER.model_copy(update={"unsubscribe_url": "https://field.example/stop"})
    assert flags(add="https://field.example/stop/abc", sender=sender) == set()
    assert ("links", "link", "block") in flags(add="https://field.example/stop.evil.example", sender=sender)


def test_two_drafts_that_say_the_same_are_told_apart_from_two_that_do_not() -> None:
    twin = draft(lead_factory("bob", name="Bob Lee"))
    other = draft(lead_factory("cy", refs=(ref_factory("acme/tool", evidence=("merged 2 pull requests",)),)))
    assert [[f.flag for f in found] for found in sameness([draft(), twin, other])] == [[], ["same"], []]


def test_a_draft_that_says_nothing_of_the_person_is_generic() -> None:
    assert [f.flag for f in sameness([draft(lead_factory(refs=()))])[0]] == ["generic"]
