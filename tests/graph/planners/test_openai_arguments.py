"""How a model's arguments are held to a planner schema."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmo.graph.planners.arguments import MOST_CHARS, ArgumentsUnfit, read_arguments, require_checkable
from tests.graph.planners.samples import SCHEMAS

SAMPLE: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["count"],
    "properties": {
        "count": {"type": "integer", "minimum": 1, "maximum": 10},
        "share": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
        "word": {"type": "string", "minLength": 2, "maxLength": 5, "pattern": "^[a-z]+$"},
        "kinds": {"type": "array", "maxItems": 2, "items": {"$ref": "#/$defs/Kind"}},
        "deep": {"anyOf": [{"$ref": "#/$defs/Deep"}, {"type": "null"}]},
        "sure": {"type": "boolean"},
        "fixed": {"const": 1},
    },
    "$defs": {
        "Kind": {"enum": ["a", "b", 1]},
        "Deep": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"count": {"type": "integer"}},
        },
    },
}

scalars = (
    st.none() | st.booleans() | st.integers(-2, 12) | st.floats(-1, 2) | st.sampled_from(["a", "b", "abc", "aB", ""])
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["count", "x"]), inner),
    max_leaves=4,
)
objects = st.dictionaries(st.sampled_from([*SAMPLE["properties"], "x"]), values, max_size=5)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"share": 0.5},
        {"word": "abc"},
        {"kinds": ["a", 1]},
        {"kinds": []},
        {"deep": {"count": 3}},
        {"deep": None},
        {"sure": False, "fixed": 1},
    ],
)
def test_what_fits_is_read_as_it_is(fields: dict[str, Any]) -> None:
    wanted = {"count": 10, **fields}
    assert read_arguments(json.dumps(wanted), SAMPLE) == wanted


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"count": 11}, "count must lie in 1 to 10"),
        ({"count": True}, "count must be of type integer"),
        ({"count": 3.0}, "count must be of type integer"),
        ({"count": "3"}, "count must be of type integer"),
        ({"share": 1}, "share must lie within 0 to 1, ends excluded"),
        ({"word": "abcdef"}, "word is too short or too long"),
        ({"word": "../.."}, "word must match ^[a-z]+$"),
        ({"kinds": ["a", "b", 1]}, "kinds has too few or too many items"),
        ({"kinds": ["c"]}, 'kinds.0 must be one of ["a", "b", 1]'),
        ({"kinds": [True]}, 'kinds.0 must be one of ["a", "b", 1]'),
        (
            {"deep": {"path": "/"}},
            "deep has fields that do not exist here; those that do: count or deep must be of type",
        ),
        ({"deep": {"count": 2**60}}, "deep.count must be of type integer or deep must be of type null"),
        ({"email": "a@b.c"}, "the call has fields that do not exist here"),
    ],
)
def test_what_does_not_fit_is_refused_in_our_words(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(ArgumentsUnfit) as refused:
        read_arguments(json.dumps({"count": 1, **fields}), SAMPLE)
    assert str(refused.value).startswith(problem)


@pytest.mark.parametrize("text", ["{", "[]", "1", '{"count": 1} x', '{"count": 1, "count": 2}', '{"count": Infinity}'])
def test_what_is_no_json_object_is_refused(text: str) -> None:
    with pytest.raises(ArgumentsUnfit, match=r"no (valid )?JSON object"):
        read_arguments(text, SAMPLE)


def test_arguments_beyond_the_limit_are_refused_before_they_are_parsed() -> None:
    with pytest.raises(ArgumentsUnfit, match="longer than 4000 characters"):
        read_arguments("[" * (MOST_CHARS + 1), SAMPLE)


def test_a_string_must_still_fit_after_it_was_cleaned() -> None:
    with pytest.raises(ArgumentsUnfit, match="word"):
        read_arguments(json.dumps({"count": 1, "word": "a\u200b"}), {**SAMPLE, "properties": _without_pattern()})


def _without_pattern() -> dict[str, Any]:
    return {**SAMPLE["properties"], "word": {"type": "string", "minLength": 2}}


@given(objects)
def test_nothing_is_accepted_that_json_schema_refuses(found: dict[str, Any]) -> None:
    try:
        arguments = read_arguments(json.dumps(found), SAMPLE)
    except ArgumentsUnfit:
        return
    jsonschema.validate(arguments, SAMPLE)


@given(st.text(max_size=200) | st.binary(max_size=50).map(lambda raw: raw.decode("utf-8", "surrogateescape")))
def test_any_text_is_read_or_refused(text: str) -> None:
    for schema in SCHEMAS.values():
        try:
            jsonschema.validate(read_arguments(text, schema), schema)
        except ArgumentsUnfit:
            continue


@pytest.mark.parametrize("tool", SCHEMAS)
def test_the_real_planner_schemas_can_be_checked(tool: str) -> None:
    require_checkable(SCHEMAS[tool])


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        ({"type": "string", "format": "date"}, "uses format"),
        ({"description": "anything"}, "a value of any type"),
        ({"type": ["string", "null"]}, "which is not checked"),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "fields of any name"),
        ({"type": "array"}, "a list of anything"),
        ({"type": "object", "properties": {"x": {}}}, "a value of any type"),
        ({"type": "array", "items": {"anyOf": [{"type": "null"}, {}]}}, "a value of any type"),
        ({"$ref": "#/$defs/X", "$defs": {"X": {}}}, "a value of any type"),
    ],
)
def test_a_schema_that_would_let_things_through_unchecked_is_refused(schema: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        require_checkable(schema)
