"""Sentences, and which facts each of them cites.

While a template is rendered a fact is one private-use character: text from outside is put in its place only after the
mail was cut into sentences. It can therefore neither be template syntax nor move the end of a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from cmo.domain.draft import Fact, Sentence

_FIRST_MARK = 0xE000
_MARK = re.compile("[\ue000-\uf8ff]")
_END = re.compile(r"[.?!]+['\"”’)]*\s+(?=[^\sa-z])")


def mark(index: int) -> str:
    """The character that stands for fact number `index`."""
    return chr(_FIRST_MARK + index)


def filled(text: str, facts: Sequence[Fact]) -> str:
    """`text` with the facts in place of their marks."""
    return _MARK.sub(lambda found: facts[ord(found[0]) - _FIRST_MARK].text, text)


def marked_sentences(body: str, facts: Sequence[Fact]) -> tuple[Sentence, ...]:
    """The sentences of a body that still holds marks."""
    return tuple(_sentence(piece, facts) for line in body.splitlines() for piece in _split(line))


def sentences_of(body: str, known: Sequence[Sentence], facts: Sequence[Fact]) -> tuple[Sentence, ...]:
    """The sentences of a body that a person may have edited.

    Args:
        known: Sentences of the version before: where one stands unchanged, so do its citations. Any other sentence
            cites the facts whose text stands in it.
    """
    by_text = {sentence.text: sentence for sentence in known if sentence.text}
    longest_first = sorted(by_text, key=len, reverse=True)
    found = []
    for line in body.splitlines():
        rest = line.strip()
        while rest:
            text = next((old for old in longest_first if rest == old or rest.startswith(old + " ")), None)
            text = _split(rest)[0] if text is None else text
            found.append(by_text.get(text) or Sentence(text=text, facts=_standing_in(text, facts)))
            rest = rest[len(text) :].lstrip()
    return tuple(found)


def as_words(phrase: str) -> re.Pattern[str]:
    """Finds `phrase` as whole words, in any case; `org/proj` is not in `org/proj-two`."""
    return re.compile(rf"(?<![\w/.-]){re.escape(phrase)}(?![\w/-]|\.\w)", re.IGNORECASE)


def _standing_in(text: str, facts: Sequence[Fact]) -> tuple[str, ...]:
    return tuple(fact.name for fact in facts if as_words(fact.text).search(text))


def _sentence(piece: str, facts: Sequence[Fact]) -> Sentence:
    cited = dict.fromkeys(facts[ord(found) - _FIRST_MARK].name for found in _MARK.findall(piece))
    return Sentence(text=filled(piece, facts), facts=tuple(cited), is_template=not cited)


def _split(line: str) -> list[str]:
    pieces, start = [], 0
    for end in _END.finditer(line):
        pieces.append(line[start : end.end()].strip())
        start = end.end()
    return [piece for piece in [*pieces, line[start:].strip()] if piece]
