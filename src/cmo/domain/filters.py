"""The filter language of lists: `score>=80 label:hot -email:none "free text"`; terms are joined by and."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Literal

from cmo.domain.base import Frozen
from cmo.domain.text import clean_line
from cmo.errors import CmoError

Operator = Literal[":", ">=", "<=", ">", "<", "="]
_OPERATORS: tuple[Operator, ...] = (">=", "<=", ">", "<", "=", ":")


class FilterInvalid(CmoError):
    code = "filter"


class Term(Frozen):
    """One condition. Without `field` the value is free text."""

    field: str | None
    operator: Operator
    value: str
    negated: bool = False


def parse_filter(
    text: str, *, fields: Mapping[str, str], values: Mapping[str, tuple[str, ...]] | None = None
) -> tuple[Term, ...]:
    """The terms of `text`, in order.

    Args:
        fields: Field name -> what its values look like, for the error message.
        values: Field name -> its values, where only these mean something; none of them: whole numbers.
    Raises:
        FilterInvalid: an unknown field or value, a number that is none, an open quote.
    """
    try:
        words = shlex.split(clean_line(text, limit=500))
    except ValueError as exc:
        raise FilterInvalid(f"The filter `{text}` has an open quote.", hint="`cmo help filters` explains.") from exc
    terms = tuple(_term(word, fields) for word in words)
    for term in terms:
        _check_value(term, fields, values or {})
    return terms


def _check_value(term: Term, fields: Mapping[str, str], values: Mapping[str, tuple[str, ...]]) -> None:
    if term.field is None or term.field not in values:
        return
    known = values[term.field]
    if not (term.value.lower() in known if known else _is_number(term.value)):
        near = get_close_matches(term.value.lower(), known, 1)
        hint = f"Did you mean {term.field}:{near[0]}? " if near else ""
        raise FilterInvalid(
            f"{term.field} is never `{term.value}`.", hint=f"{hint}{term.field} takes {fields[term.field]}."
        )


def _term(word: str, fields: Mapping[str, str]) -> Term:
    negated = word.startswith("-") and len(word) > 1
    body = word[1:] if negated else word
    found = min(((body.find(op), -len(op), op) for op in _OPERATORS if op in body), default=None)
    if found is None or found[0] == 0:
        return Term(field=None, operator=":", value=body, negated=negated)
    at, _, operator = found
    name, value = body[:at].lower(), body[at + len(operator) :]
    if name not in fields:
        known = ", ".join(sorted(fields))
        raise FilterInvalid(f"There is no field `{name}` to filter by.", hint=f"Use one of: {known}.")
    if not value:
        raise FilterInvalid(f"`{word}` says nothing after `{name}`.", hint=f"{name} takes {fields[name]}.")
    if operator in (">=", "<=", ">", "<") and not _is_number(value):
        raise FilterInvalid(f"`{value}` in `{word}` is not a whole number.", hint=f"{name} takes {fields[name]}.")
    return Term(field=name, operator=operator, value=value, negated=negated)


def _is_number(value: str) -> bool:
    return value.isdecimal() and len(value) <= 9
