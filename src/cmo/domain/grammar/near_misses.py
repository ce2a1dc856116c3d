"""Slips of the pen: `maintaners`, `pyhton`, `testng`. Only words that no rule has read are looked at."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache

from cmo.domain.grammar.tokens import Kind, Sentence
from cmo.domain.grammar.vocabulary import FILLERS, FIND_VERBS, FOREIGN_WORDS, LANGUAGES, REPO_NOUNS, ROLES, TOPICS

_SHORTEST = 5
"""Letters; shorter words are near to too many others."""
_ALIKE = 0.83
"""What difflib calls `pyhton` and `python`."""


def near_misses(s: Sentence) -> dict[int, str]:
    """Index of a free word -> the known word that it is a slip of."""
    found = {}
    for i in s.free_indexes():
        token = s.tokens[i]
        word = token.low
        is_word = token.kind is Kind.WORD and word.isascii() and word.isalpha() and len(word) >= _SHORTEST
        if not is_word or word in FILLERS or word in FOREIGN_WORDS:
            continue
        names = [name for name in _known(word[0]) if abs(len(name) - len(word)) <= 1]
        near = get_close_matches(word, names, 1, _ALIKE)
        is_name = token.text[0].isupper() and i > 0 and not s.text.isupper()
        if near and near[0] != word and (not is_name or near[0] in LANGUAGES):
            found[i] = near[0]
    return found


@cache
def _known(letter: str) -> tuple[str, ...]:
    words = {*LANGUAGES, *TOPICS, *ROLES, *REPO_NOUNS, *FIND_VERBS}
    return tuple(sorted(word for word in words if word[0] == letter and word.isalpha() and len(word) >= _SHORTEST))


def with_words(s: Sentence, words: dict[int, str]) -> str:
    """The sentence with other words at these indexes."""
    text = s.text
    for i in sorted(words, reverse=True):
        text = text[: s.tokens[i].start] + words[i] + text[s.tokens[i].end :]
    return text
