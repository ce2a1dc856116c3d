"""Whether drafts of one page are about their people, or all the same."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from cmo.domain.draft import Finding, Rendered
from cmo.drafting.checks.findings import warn

TOO_SIMILAR = 0.9
"""Share of words two drafts have in common, of those that are not the template's."""
_SAYS_NOTHING = frozenset({"name", "email_source"})
"""Facts that make no mail personal."""


def sameness(drafts: Sequence[Rendered]) -> list[tuple[Finding, ...]]:
    """For each draft, in order: whether it says nothing of its own, or what an earlier one says already."""
    words = [_own_words(draft) for draft in drafts]
    return [tuple(_findings(drafts, words, number)) for number in range(len(drafts))]


def _findings(drafts: Sequence[Rendered], words: Sequence[frozenset[str]], number: int) -> Iterator[Finding]:
    mine = words[number]
    if not mine:
        yield warn("sameness", "generic", "Nothing in it is about this person. Add a fact, or reject the draft.")
        return
    twin = next((other for other in range(number) if _alike(mine, words[other]) >= TOO_SIMILAR), None)
    if twin is not None:
        message = f"It says the same as the draft for {drafts[twin].login}. Change it, or write to one of them."
        yield warn("sameness", "same", message)


def _own_words(draft: Rendered) -> frozenset[str]:
    facts = {fact.name: fact.text for fact in draft.personalisation.facts if fact.name not in _SAYS_NOTHING}
    cited = {name for sentence in draft.sentences for name in sentence.facts}
    return frozenset(word for name in cited & facts.keys() for word in re.findall(r"[\w./-]+", facts[name].lower()))


def _alike(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other) if other else 0.0
