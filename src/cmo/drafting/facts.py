"""Which facts a sentence may cite, how long each holds, and what text may stand in one.

Providers expand `{{x}}`, `{a|b}`, `%%x%%` and the like once more when they send, so text with such signs never becomes
a fact: the sentence that needs it falls away.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from cmo.domain.draft import Fact, Sentence
from cmo.domain.text import clean_line

LONGEST = 200


@dataclass(frozen=True)
class FactKind:
    """One thing a template may cite."""

    about: str
    """How it reads in a sentence."""
    holds_days: int | None
    """Days after which it has to be read again; None: it does not age."""


FACTS: Mapping[str, FactKind] = {
    "name": FactKind("the first name, where it is safe to greet with: Ana", 180),
    "works_on": FactKind("the repository with most of the person's work: org/proj", 120),
    "maintainer_of": FactKind("the repository they maintain: org/proj", 120),
    "activity": FactKind("after 'Your name is on': 41 commits to org/proj, the latest on 12 November 2026", 30),
    "releases": FactKind("after 'you': published 3 releases of org/proj", 120),
    "merges": FactKind("after 'you': merged 12 pull requests in org/proj", 120),
    "topics": FactKind("topics of works_on: ci, testing and pytest", 120),
    "language": FactKind("the main language of works_on: Python", 120),
    "why_now": FactKind("as activity, where the latest of it is under 30 days old", 30),
    "hook": FactKind("after 'you': the one thing most worth mentioning", 120),
    "hook_2": FactKind("after 'you also': another one, for a follow-up", 120),
    "hook_3": FactKind("after 'you also': a third one", 120),
    "email_source": FactKind("after 'I have your address from': your public GitHub profile", None),
}
"""Fact -> what is known of it; `has('x')` says whether a person has it."""

_EXPANDED = re.compile(r"[{}\[\]<>|%$\\^~=`\"]")
"""Signs of merge tags, markup and encoded words; none is needed in a sentence about somebody's work."""


def make_fact(name: str, text: str, *, source_url: str, seen_at: datetime) -> Fact | None:
    """A fact, or None where `text` is empty or holds signs that a provider might expand."""
    cleaned = without_marks(clean_line(text, limit=LONGEST))
    if not cleaned or _EXPANDED.search(cleaned):
        return None
    return Fact(name=name, text=cleaned, source_url=clean_line(source_url, limit=500), seen_at=seen_at)


def hold_until(facts: Iterable[Fact], sentences: Iterable[Sentence]) -> datetime | None:
    """When the first of the facts that `sentences` cite is too old to be cited; None where none of them ages."""
    cited = {name for sentence in sentences for name in sentence.facts}
    ends = [
        fact.seen_at + timedelta(days=kind.holds_days + 1)
        for fact in facts
        if fact.name in cited and (kind := FACTS.get(fact.name)) is not None and kind.holds_days is not None
    ]
    return min(ends, default=None)


def neutral(text: str, *, limit: int = LONGEST) -> str:
    """`text` on one line with the signs of merge tags taken out, for fields that are not sentences."""
    return clean_line(_EXPANDED.sub(" ", without_marks(text)), limit=limit)


def without_marks(text: str) -> str:
    """`text` without private-use characters: while a mail is rendered they stand for facts."""
    return text if text.isascii() else "".join(c for c in text if unicodedata.category(c) != "Co")
