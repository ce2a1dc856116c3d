"""Approved text as variables, and what must never be handed over."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmo.providers.sequencer.letters import has_same_text, step_problems, unfit, variables
from cmo.sandbox.vendors.sending import as_text, expand
from tests.providers.instantly.world import letter

ORDINARY = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\xa0"), max_size=60
)
BODIES = st.lists(ORDINARY, max_size=6).map("\n".join)


@given(ORDINARY, BODIES)
def test_whatever_is_handed_over_arrives_as_it_was_approved(subject: str, body: str) -> None:
    approved = letter(subject=subject, body=body)
    if unfit([approved]):
        return
    held = {name: value for name, value in variables(approved).items() if value}
    assert expand("{{cmo_subject}}", held) == subject
    assert as_text(expand("{{cmo_body}}", held)) == body


@given(BODIES, st.sampled_from(["{{email}}", "{a|b}", "{{RANDOM|a|b}}", "{ x | y }", "{{ firstName }}"]), BODIES)
def test_whatever_a_service_would_expand_is_refused(before: str, tag: str, after: str) -> None:
    [refusal] = unfit([letter(body=before + tag + after)]).values()
    assert refusal.code == "merge_tag"


@pytest.mark.parametrize(
    "changed",
    [
        {"subject": "Hi {{firstName}}"},
        {"subject": "only a }}"},
        {"subject": "&#123;&#123;email&#125;&#125;"},
        {"body": "{Hi|Hello\nthere} Ann"},
        {"body": "{Hi|{Hello|Dear}}"},
        {"body": "%%name%% asks"},
        {"body": "Hi %first_name%"},
        {"body": "{% if x %}"},
        {"first_name": "{{email}}"},
        {"last_name": "{a|b}"},
        {"to_name": "{{x}}"},
        {"company": "{{x}} Ltd"},
        {"to_email": "{{x}}@meadow.example"},
    ],
)
def test_a_merge_tag_anywhere_is_refused(changed: dict[str, str]) -> None:
    [refusal] = unfit([letter(**changed)]).values()
    assert refusal.code == "merge_tag"
    assert "expanded again" in refusal.reason


@pytest.mark.parametrize(
    "body",
    [
        "if (a) { b(); } else { c | d }".replace("|", "or"),
        "a | b and {braces}",
        "100% of 5% is 5%",
        "https://meadow.example/M%C3%BCnchen%20",
        "f(x){ return 1 }",
    ],
)
def test_ordinary_text_is_not_taken_for_a_merge_tag(body: str) -> None:
    assert unfit([letter(body=body)]) == {}


def test_an_address_twice_in_a_call_is_refused_once() -> None:
    refusals = unfit([letter(key="one"), letter("ANN@meadow.example", key="two")])
    assert list(refusals) == ["two"]
    assert refusals["two"].code == "duplicate"


def test_text_held_elsewhere_is_compared_as_a_whole() -> None:
    ours = variables(letter())
    assert has_same_text(letter(), ours["cmo_subject"], f" {ours['cmo_body']}\n")
    for subject, body in (
        (None, None),
        (ours["cmo_subject"], None),
        (5, ours["cmo_body"]),
        (ours["cmo_subject"], ours["cmo_body"] + "x"),
        ("Other", ours["cmo_body"]),
    ):
        assert not has_same_text(letter(), subject, body)


@pytest.mark.parametrize(
    ("subject", "body", "problems"),
    [
        ("{{cmo_subject}}", "{{cmo_body}}", 0),
        (" {{cmo_subject}} ", "<div>{{cmo_body}}</div><br/>\n&nbsp;", 0),
        ("{{cmo_subject}}!", "{{cmo_body}}", 1),
        ("{{cmo_subject}}", "{{cmo_body}}<br/>{{accountSignature}}", 1),
        ("{{cmo_subject}}", '{{cmo_body}}<img src="https://x.example/p.gif">', 1),
        ("", "", 2),
    ],
)
def test_a_step_may_hold_nothing_but_our_variables(subject: str, body: str, problems: int) -> None:
    assert len(step_problems(1, subject, body)) == problems
