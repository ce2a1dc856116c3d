"""Arguments of a tool call as a model wrote them, held to the tool's planner schema.

Only the part of JSON Schema that our own schemas use, and stricter: an object takes no field it does not name, 3.0 is
no whole number, and every value has a type. What is wrong is told in our words; nothing of the value is repeated.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from cmo.config.secrets import mask_addresses, redact
from cmo.domain.text import clean_line

MOST_CHARS = 4_000
"""Of a call's arguments; a planner's call needs less than 100, a summary a few hundred."""

LARGEST_WHOLE = 2**53
"""Where a schema has no narrower limit; larger ones do not survive JSON everywhere."""

Schema = Mapping[str, Any]

_NOTES = frozenset({"title", "description", "default", "examples", "$defs"})
_RULES = frozenset(
    {
        *("type", "enum", "const", "anyOf", "$ref"),
        *("properties", "required", "additionalProperties", "items", "minItems", "maxItems"),
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "pattern"),
    }
)
_DEFINITION = "#/$defs/"


class ArgumentsUnfit(ValueError):
    """The arguments are not what the schema asks for; the message says why, for a model to read."""


def read_arguments(text: str, schema: Schema) -> dict[str, Any]:
    """The arguments in `text`, with their strings cleaned and masked.

    Raises:
        ArgumentsUnfit: `text` is no JSON object, or it does not fit `schema`.
    """
    if len(text) > MOST_CHARS:
        raise ArgumentsUnfit(f"the arguments are longer than {MOST_CHARS} characters")
    try:
        found = json.loads(text or "{}", object_pairs_hook=_without_doubles, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as exc:
        raise ArgumentsUnfit("the arguments are no valid JSON object") from exc
    if not isinstance(found, dict):
        raise ArgumentsUnfit("the arguments are no JSON object")
    _check(found, schema, "", schema)
    arguments: dict[str, Any] = _cleaned(found)
    _check(arguments, schema, "", schema)
    return arguments


def require_checkable(schema: Schema) -> None:
    """Raises ValueError where `schema` says what cannot be checked here, so that nothing is let through unchecked."""
    unknown = set(schema) - _NOTES - _RULES
    if unknown:
        raise ValueError(f"a planner schema uses {', '.join(sorted(unknown))}, which is not checked")
    if not set(schema) & {"type", "enum", "const", "anyOf", "$ref"}:
        raise ValueError("a planner schema has a value of any type")
    if "type" in schema and schema["type"] not in tuple(_TYPES):
        raise ValueError(f"a planner schema has the type {schema['type']}, which is not checked")
    if schema.get("additionalProperties", False) is not False:
        raise ValueError("a planner schema has an object with fields of any name")
    if schema.get("type") == "array" and "items" not in schema:
        raise ValueError("a planner schema has a list of anything")
    parts = (*schema.get("properties", {}).values(), *schema.get("$defs", {}).values(), *schema.get("anyOf", ()))
    for part in (*parts, schema["items"]) if "items" in schema else parts:
        require_checkable(part)


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a field occurs twice")
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _cleaned(value: Any) -> Any:
    match value:
        case str():
            return mask_addresses(redact(clean_line(value, limit=MOST_CHARS)))
        case list():
            return [_cleaned(item) for item in value]
        case dict():
            return {name: _cleaned(item) for name, item in value.items()}
        case _:
            return value


def _check(value: Any, schema: Schema, where: str, root: Schema) -> None:
    if "$ref" in schema:
        _check(value, root["$defs"][schema["$ref"].removeprefix(_DEFINITION)], where, root)
    if "anyOf" in schema:
        _check_any(value, schema["anyOf"], where, root)
    allowed = [schema["const"]] if "const" in schema else schema.get("enum")
    if allowed is not None and not any(type(value) is type(one) and value == one for one in allowed):
        raise _unfit(where, f"must be one of {json.dumps(allowed)}")
    if "type" in schema and not _TYPES[schema["type"]](value):
        raise _unfit(where, f"must be of type {schema['type']}")
    if isinstance(value, dict):
        _check_object(value, schema, where, root)
    elif isinstance(value, list):
        _check_list(value, schema, where, root)
    elif isinstance(value, str):
        _check_text(value, schema, where)
    elif _is_number(value):
        _check_number(value, schema, where)


def _check_any(value: Any, forms: list[Schema], where: str, root: Schema) -> None:
    problems = []
    for form in forms:
        try:
            _check(value, form, where, root)
        except ArgumentsUnfit as exc:
            problems.append(str(exc))
        else:
            return
    raise ArgumentsUnfit(" or ".join(problems))


def _check_object(value: dict[str, Any], schema: Schema, where: str, root: Schema) -> None:
    if schema.get("type") != "object":
        return
    fields: Mapping[str, Schema] = schema.get("properties", {})
    if set(value) - set(fields):
        known = ", ".join(fields) or "none"
        raise _unfit(where, f"has fields that do not exist here; those that do: {known}")
    for name in schema.get("required", ()):
        if name not in value:
            raise _unfit(_inside(where, name), "is missing")
    for name, item in value.items():
        _check(item, fields[name], _inside(where, name), root)


def _check_list(value: list[Any], schema: Schema, where: str, root: Schema) -> None:
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", math.inf):
        raise _unfit(where, "has too few or too many items")
    if "items" in schema:
        for number, item in enumerate(value):
            _check(item, schema["items"], _inside(where, str(number)), root)


def _check_text(value: str, schema: Schema, where: str) -> None:
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", math.inf):
        raise _unfit(where, "is too short or too long")
    if "pattern" in schema and not re.search(schema["pattern"], value):
        raise _unfit(where, f"must match {schema['pattern']}")


def _check_number(value: float, schema: Schema, where: str) -> None:
    if not schema.get("minimum", -math.inf) <= value <= schema.get("maximum", math.inf):
        raise _unfit(where, f"must lie in {_range(schema.get('minimum'), schema.get('maximum'))}")
    if not schema.get("exclusiveMinimum", -math.inf) < value < schema.get("exclusiveMaximum", math.inf):
        limits = _range(schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum"))
        raise _unfit(where, f"must lie within {limits}, ends excluded")


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST_WHOLE


def _is_number(value: Any) -> bool:
    return _is_whole(value) or (isinstance(value, float) and math.isfinite(value))


_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "integer": _is_whole,
    "number": _is_number,
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
}


def _inside(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _range(low: float | None, high: float | None) -> str:
    return f"{'…' if low is None else low} to {'…' if high is None else high}"


def _unfit(where: str, problem: str) -> ArgumentsUnfit:
    return ArgumentsUnfit(f"{where or 'the call'} {problem}")
