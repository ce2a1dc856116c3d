"""People of a job as a filter names them."""

from __future__ import annotations

from cmo.domain.filters import Term, parse_filter
from cmo.store.people_views import LEAD_FIELDS, LEAD_VALUES


def lead_terms(text: str | None) -> tuple[Term, ...]:
    """The terms of a filter on leads.

    Raises:
        FilterInvalid
    """
    return parse_filter(text, fields=LEAD_FIELDS, values=LEAD_VALUES) if text else ()
