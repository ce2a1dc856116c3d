"""What a template may hold, what is said of one that cannot be used, and which is taken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmo.domain.draft import Step
from cmo.drafting.templates import Template, TemplateBroken, TemplateSet, built_in, check_template, render_template
from tests.drafting.people import draft

HEAD = "Subject: A question\n\n"


def broken(text: str, name: str = "first_touch.a.j2") -> TemplateBroken:
    with pytest.raises(TemplateBroken) as caught:
        check_template(Template(name, text, is_own=True))
    return caught.value


@pytest.mark.parametrize("name", sorted(built_in()))
def test_every_built_in_template_is_whole(name: str) -> None:
    check_template(Template(name, built_in()[name]))


def test_each_step_has_a_built_in_template_and_the_first_has_two() -> None:
    assert {step: [t.variant for t in TemplateSet({}).variants(step)] for step in Step} == {
        Step.FIRST_TOUCH: ["a", "b"],
        Step.FOLLOW_UP_1: ["a"],
        Step.FOLLOW_UP_2: ["a"],
        Step.BREAKUP: ["a"],
    }


@pytest.mark.parametrize(
    ("body", "line", "words"),
    [
        ("{% for x in y %}{% endfor %}", 3, "`for` is not allowed"),
        ("one\n{% include 'x' %}", 4, "`include` is not allowed"),
        ("{% import 'x' as y %}", 3, "`import` is not allowed"),
        ("{% macro m() %}{% endmacro %}", 3, "`macro` is not allowed"),
        ("{% set x = 'y' %}", 3, "`assign` is not allowed"),
        ("{{ 9 ** 9 }}", 3, "`pow` is not allowed"),
        ("{{ 'x' * 999 }}", 3, "`mul` is not allowed"),
        ("{{ '%9999d' % 1 }}", 3, "`mod` is not allowed"),
        ("{{ ''.__class__ }}", 3, "`getattr` is not allowed"),
        ("{{ sender.__class__ }}", 3, "no name `sender.__class__`"),
        ("{{ fact.__globals__ }}", 3, "`getattr` is not allowed"),
        ("{{ sender['name'] }}", 3, "`getitem` is not allowed"),
        ("{{ fact('hook')[0] }}", 3, "`getitem` is not allowed"),
        ("{{ cycler }}", 3, "no name `cycler`"),
        ("{{ fact(x) }}", 3, "`call` is not allowed"),
        ("{{ fact('hook', **{}) }}", 3, "`call` is not allowed"),
        ("{{ sender }}", 3, "`sender` cannot stand alone"),
        ("{{ fact }}", 3, "`fact` cannot stand alone"),
        ("{{ pitch.offer|tojson }}", 3, "no filter `tojson`"),
        ("{{ pitch.offer|upper(1) }}", 3, "`filter` is not allowed"),
        ("{{ fact('hook') if has('hook') }}", 3, "has no `else`"),
        ("{% if has('hook') %}" * 200 + "{% endif %}" * 200, 1, "nested too deeply"),
        ("{{ fact('hok') }}", 3, "no fact `hok`"),
        ("\n\n{{ has('stars') }}", 5, "no fact `stars`"),
        ("{% if has('hook') %}", 3, "Unexpected end of template"),
        ("{{ unclosed", 3, "unexpected end of template"),
        ("\ue000", 1, "private-use"),
        ("x" * 20_001, 1, "more than 20,000 bytes"),
        ("{{ " + "(" * 5_000, 1, "nested too deeply"),
        ("{{ " + "9" * 6_000 + " }}", 1, "huge number"),
    ],
)
def test_a_mistake_is_named_with_its_file_and_line_before_anything_is_rendered(
    body: str, line: int, words: str
) -> None:
    error = broken(HEAD + body)
    assert error.message.startswith(f"first_touch.a.j2, line {line}: ")
    assert words in error.message
    assert error.details == {"file": "first_touch.a.j2", "line": line}
    assert error.hint


def test_a_misspelt_fact_is_answered_with_the_nearest() -> None:
    assert broken(HEAD + "{{ fact('hok') }}").hint == "Did you mean `hook`?"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hi,\n\nbody", "the first line is no subject"),
        ("\nSubject: x\n\nbody", "the first line is no subject"),
        ("Subject: x\nbody", "no empty line follows the subject"),
        ("Subject: x", "no empty line follows the subject"),
    ],
)
def test_a_template_begins_with_subject_and_empty_line(text: str, words: str) -> None:
    assert words in broken(text).message


def test_a_file_that_no_step_would_take_is_named() -> None:
    assert "no step has a template of that name" in broken(HEAD, name="welcome.j2").message


def test_the_operators_template_is_taken_and_a_built_in_one_never_mixed_with_it() -> None:
    own = {"first_touch.a.j2": HEAD + "Hello."}
    (only,) = TemplateSet(own).variants(Step.FIRST_TOUCH)
    assert only.is_own
    assert [t.is_own for t in TemplateSet(own).variants(Step.BREAKUP)] == [False]


def test_nothing_falls_back_to_a_built_in_template_because_the_operators_is_broken() -> None:
    with pytest.raises(TemplateBroken):
        draft(templates={"first_touch.a.j2": HEAD + "{{ oops"})


def test_one_broken_variant_stops_the_step_before_anybody_gets_the_other() -> None:
    own = {"first_touch.a.j2": HEAD + "Hello.", "first_touch.b.j2": HEAD + "{{ oops"}
    with pytest.raises(TemplateBroken, match=r"first_touch\.b\.j2"):
        draft(policy="a", templates=own)


def test_a_broken_template_of_another_step_stops_nobody() -> None:
    assert draft(templates={"breakup.a.j2": "oops"}).template == "built-in"


def test_the_list_of_templates_shows_files_without_a_place() -> None:
    listed = TemplateSet({"welcome.j2": "x", "breakup.a.j2": "y"}).in_force()
    assert [(t.name, t.is_own) for t in listed][-2:] == [("breakup.a.j2", True), ("welcome.j2", True)]


def test_the_version_changes_with_the_text() -> None:
    one, two = Template("x", "one").version, Template("x", "two").version
    assert one != two
    assert len(one) == 12


def test_a_tag_alone_on_its_line_leaves_no_trace_and_one_at_the_end_of_a_line_keeps_it() -> None:
    text = HEAD + "{% if has('hook') %}\nA\n{% endif %}\nB{% if has('hook') %} C{% endif %}\nD\n\n\n\nE  \n"
    made = render_template(
        Template("first_touch.a.j2", text), fact=str, has=lambda name: True, values={"sender": {}, "pitch": {}}
    )
    assert made.body == "A\nB C\nD\n\nE\n"


ATOMS = ("fact('hook')", "has('hook')", "sender.name", "pitch.offer", "'x'", "sender", "1", "y", "range(9)")
EXPRESSIONS = st.recursive(
    st.sampled_from(ATOMS),
    lambda inner: st.builds(
        str.format,
        st.sampled_from(("{0} ~ {1}", "{0} and {1}", "not {0}", "({0})|upper", "({0}) if {1} else {0}", "({0})[0]")),
        inner,
        inner,
    ),
    max_leaves=4,
)
BODIES = st.recursive(
    st.sampled_from(("Hi ", "\n")) | EXPRESSIONS.map(lambda inner: f"{{{{ {inner} }}}}"),
    lambda inner: (
        st.tuples(inner, inner).map("".join)
        | st.builds("{{% if {} %}}{}{{% else %}}{}{{% endif %}}".format, EXPRESSIONS, inner, inner)
    ),
    max_leaves=6,
)


@given(BODIES, st.booleans())
def test_a_template_that_is_accepted_always_renders(body: str, on_record: bool) -> None:
    template = Template("first_touch.a.j2", HEAD + body, is_own=True)
    try:
        check_template(template)
    except TemplateBroken:
        return
    values = {"sender": {"name": "Sam"}, "pitch": {"offer": "We help."}}
    render_template(template, fact=str, has=lambda name: on_record, values=values)
