"""Rules: named filters. One never runs by itself; a person starts it each time, on a terminal."""

from __future__ import annotations

import re

from cmo.config import Settings
from cmo.domain.filters import Term, parse_filter
from cmo.domain.text import clean_line
from cmo.errors import ConfigError
from cmo.service.store import clock_of, writer
from cmo.store import rules
from cmo.store.draft_filters import DRAFT_FIELDS, DRAFT_VALUES
from cmo.store.draft_views import Rule

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


def draft_terms(text: str | None) -> tuple[Term, ...]:
    """The terms of a filter on drafts.

    Raises:
        FilterInvalid
    """
    return parse_filter(text, fields=DRAFT_FIELDS, values=DRAFT_VALUES) if text else ()


def add_rule(settings: Settings, name: str, where: str, *, dry_run: bool = False) -> Rule:
    """Keep a filter under a name.

    Raises:
        FilterInvalid
        ConfigError: the name cannot be used, or is taken.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"`{clean_line(name, limit=60)}` cannot be a rule's name.",
            hint="Small letters, digits, - and _, at most 40: clean-60",
        )
    where = clean_line(where, limit=500)
    if not draft_terms(where):
        raise ConfigError("A rule needs a filter.", hint=f"cmo rules add {name} --where 'score>=60'")
    with writer(settings) as conn:
        now = clock_of(settings).now()
        if not rules.add_rule(conn, name, where, by=settings.actor, at=now, is_dry=dry_run):
            raise ConfigError(f"There is a rule {name} already.", hint=f"cmo rules rm {name} removes it.")
    return Rule(name=name, where=where, added_by=settings.actor, added_at=now)


def remove_rule(settings: Settings, name: str, *, dry_run: bool = False) -> bool:
    """Remove a rule; False where there is none. What was approved by it stays approved."""
    with writer(settings) as conn:
        return rules.remove_rule(conn, name, by=settings.actor, at=clock_of(settings).now(), is_dry=dry_run)
