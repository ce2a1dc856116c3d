"""Lists of topics, exclusions and keywords: `ci, testing`, `blockchain and web3`, `machine learning projects`."""

from __future__ import annotations

import re
from typing import Protocol

from cmo.domain.grammar.tokens import Kind, Sentence
from cmo.domain.grammar.vocabulary import (
    CRMS,
    FOREIGN_WORDS,
    LANGUAGE_PEOPLE,
    LANGUAGES,
    LIST_STOPS,
    MAILERS,
    REPO_NOUNS,
    ROLES,
    TOPIC_PHRASES,
    TOPICS,
    TRAILING_NOUNS,
)  # fmt: skip

LONGEST_TOPIC = 50
"""Characters in the longest topic GitHub takes."""
_LONGEST_RUN = 3
_TOPIC_FORM = re.compile(rf"[a-z0-9][a-z0-9-]{{0,{LONGEST_TOPIC - 1}}}")
_WORD_FORM = re.compile(r"\w[\w .+#-]{0,59}")
_AND = frozenset(["and", "or", "&", "/", "+", "nor", "plus"])


class Form(Protocol):
    """Brings an item into its final spelling, or refuses it with None; `exact` items were quoted."""

    def __call__(self, words: str, /, *, exact: bool = False) -> str | None: ...


def as_topic(words: str, *, exact: bool = False) -> str | None:
    """`words` as GitHub spells topics, or None where they cannot be one.

    Args:
        exact: The words are not replaced by the topic usual for them.
    """
    low = " ".join(words.casefold().split())
    usual = None if exact else TOPICS.get(low) or TOPIC_PHRASES.get(low) or _SYMBOL_TOPICS.get(low)
    slug = usual or re.sub(r"[ ._]+", "-", low).strip("-")
    return slug if _TOPIC_FORM.fullmatch(slug) else None


_SYMBOL_TOPICS = {"c++": "cpp", "c#": "csharp", "f#": "fsharp"}


def as_exclusion(words: str, *, exact: bool = False) -> str | None:
    """`words` as a topic where they can be one, else as plain words in lower case."""
    low = " ".join(words.casefold().split())
    return as_topic(low, exact=exact) or (low if _WORD_FORM.fullmatch(low) else None)


def as_keyword(words: str, *, exact: bool = False) -> str | None:
    """`words` without the marks that mean something to a search; quoted or not."""
    plain = " ".join(re.sub(r"[\"“”\\]", " ", words).split())[:100].strip()
    return plain or None


def read_items(s: Sentence, i: int, form: Form, *, languages: bool = False) -> tuple[list[str], int]:
    """The items of the list that starts at `i`, and where the list ends (`i` where there is none).

    Args:
        languages: Names of languages may be items; else they end the list.
    """
    items: list[str] = []
    end, after_comma = i, False
    start = i
    while (found := _read_item(s, start, form, languages=languages, must_be_last=after_comma)) is not None:
        items.append(found[0])
        end = s.skip(found[1], TRAILING_NOUNS - ROLES.keys() if after_comma else TRAILING_NOUNS)
        after_comma = s.low(end) == ","
        start = s.skip(end, [","]) if after_comma else end
        joined = s.skip(start, _AND)
        if joined > start:
            after_comma = False
        elif not after_comma and s.low(start) not in TOPICS and not _phrase_end(s, start):
            break
        start = joined
    return items, end


def _read_item(s: Sentence, i: int, form: Form, *, languages: bool, must_be_last: bool) -> tuple[str, int] | None:
    if s.is_quote(i):
        text = form(s.tokens[i].text, exact=True)
        return (text, i + 1) if text else None
    end = _phrase_end(s, i) or _run_end(s, i, languages=languages)
    if end == i or (must_be_last and _counts_as_people(s, end)):
        return None
    text = form(" ".join(s.low(n) for n in range(i, end)))
    return (text, end) if text else None


def _phrase_end(s: Sentence, i: int) -> int:
    return s.phrase(i, *TOPIC_PHRASES)


def _run_end(s: Sentence, i: int, *, languages: bool) -> int:
    """Where a run of up to three words that mean nothing else ends; a known topic stands alone."""
    if s.low(i) in TOPICS or (languages and s.low(i) in LANGUAGES):
        return i + 1
    end = i
    while end < i + _LONGEST_RUN and is_plain(s, end) and s.low(end) not in TOPICS and not _phrase_end(s, end):
        end += 1
    return end


def is_plain(s: Sentence, i: int) -> bool:
    """A free word that no part of the grammar claims."""
    word = s.low(i)
    if s.kind(i) is not Kind.WORD or word in LIST_STOPS or word in TRAILING_NOUNS or word in FOREIGN_WORDS:
        return False
    return not (
        word in LANGUAGES
        or word in ROLES
        or word in REPO_NOUNS
        or word in LANGUAGE_PEOPLE
        or word in MAILERS
        or word in CRMS
    )


def _counts_as_people(s: Sentence, i: int) -> bool:
    """What follows is a noun for people or a language: the words before it begin a new phrase."""
    return s.raw(i) in ROLES or s.raw(i) in LANGUAGES
