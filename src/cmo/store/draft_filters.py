"""The filter language of drafts as SQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cmo.domain.filters import Term
from cmo.domain.lead import GOOD_SCORE, HOT_SCORE
from cmo.store.allowed import LEFT

DRAFT_FIELDS = {
    "score": "a number, e.g. score>=80",
    "label": "hot, warm or cold",
    "state": "pending, later, approved, rejected or expired",
    "flag": "part of a flag, such as claim; any, block or none",
    "org": "part of a company's name",
    "email": "published, commit, imported or inbound",
    "step": "first_touch, follow_up_1, follow_up_2 or breakup",
    "variant": "a or b",
    "template": "the start of a template's version, or edited",
}
DRAFT_VALUES: dict[str, tuple[str, ...]] = {
    "score": (),
    "label": ("hot", "warm", "cold"),
    "state": ("pending", "later", "approved", "rejected", "expired"),
    "email": ("published", "commit", "imported", "inbound"),
    "step": ("first_touch", "follow_up_1", "follow_up_2", "breakup"),
}
"""Fields that take these values only; none: whole numbers."""

_STAYED = (
    f"NOT EXISTS (SELECT 1 FROM outbox o WHERE o.email_key = d.email_key AND o.draft_id = d.id AND o.state IN {LEFT})"
)
STATE = (
    "CASE WHEN d.state = 'pending' AND d.put_off_until > :now THEN 'later' WHEN d.state = 'approved' AND"
    f" (SELECT a.expires_at FROM approvals a WHERE a.id = d.approval_id) <= :now AND {_STAYED} THEN 'expired'"
    " ELSE d.state END"
)
"""As it stands at `:now`: nobody has to have written down that time passed. What has left expires no more."""
REACHABLE = (
    "NOT EXISTS (SELECT 1 FROM suppressions s WHERE s.kind = 'login' AND s.value = d.login_key)"
    " AND NOT EXISTS (SELECT 1 FROM suppressions s WHERE s.kind = 'email' AND s.value = d.email_key)"
    " AND NOT EXISTS (SELECT 1 FROM emails e, json_each(e.domains) m JOIN suppressions s ON s.kind = 'domain'"
    " AND s.value = m.value WHERE e.job_id = d.job_id AND e.login_key = d.login_key AND e.email = d.email)"
)
"""Whether whoever the draft is for may be contacted at all."""
WAITS = (
    f"d.job_id = :job AND d.state = 'pending' AND (d.put_off_until IS NULL OR d.put_off_until <= :now) AND {REACHABLE}"
)
"""Waits for a decision now; a draft for somebody who must not be contacted waits for nothing."""


def to_decide(terms: Sequence[Term]) -> str:
    """A condition on `drafts d`: what can be decided on. That is what waits, or all that has not left where the terms
    name a state; `:now` and `:job` are the caller's."""
    if states_of(terms):
        return f"d.job_id = :job AND {_STAYED} AND {REACHABLE}"
    return WAITS


def states_of(terms: Sequence[Term]) -> tuple[Term, ...]:
    """Those that name a state."""
    return tuple(term for term in terms if term.field == "state" and not term.negated)


def where(terms: Sequence[Term]) -> tuple[str, dict[str, Any]]:
    """Conditions on `drafts d`, each after an AND, and their parameters; `:now` and `:job` are the caller's."""
    sql, values = "", dict[str, Any]()
    for n, term in enumerate(terms):
        clause, value = _clause(term, f":t{n}")
        sql += f" AND {'NOT ' if term.negated else ''}COALESCE(({clause}), 0)"
        values[f"t{n}"] = value
    return sql, values


def _clause(term: Term, name: str) -> tuple[str, Any]:
    """A condition on `d`, and the value of its parameter `name`."""
    value = term.value.lower()
    part = "%" + value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    match term.field:
        case "score":
            return f"d.score {'=' if term.operator == ':' else term.operator} {name}", int(value)
        case "label":
            label = (
                f"CASE WHEN d.score >= {HOT_SCORE} THEN 'hot' WHEN d.score >= {GOOD_SCORE} THEN 'warm' ELSE 'cold' END"
            )
            return f"{label} = {name}", value
        case "state":
            return f"{STATE} = {name}", value
        case "flag" if value in ("any", "none"):
            return f"(d.flag <> '') = {name}", int(value == "any")
        case "flag" if value == "block":
            return f"d.is_blocked = {name}", 1
        case "flag":
            found = "SELECT 1 FROM findings f WHERE f.draft_id = d.id AND lower(f.flag)"
            return f"EXISTS ({found} LIKE {name} ESCAPE '\\')", part
        case "org":
            return f"lower(d.company) LIKE {name} ESCAPE '\\'", part
        case "email":
            return f"d.email_class = {name}", value
        case "step" | "variant":
            return f"d.{term.field} = {name}", value
        case "template":
            return f"(d.template = {name} OR substr(d.template_version, 1, length({name})) = {name})", value
        case _:
            words = "lower(d.login || ' ' || d.name || ' ' || d.company || ' ' || d.subject || ' ' || d.body)"
            return f"{words} LIKE {name} ESCAPE '\\'", part
