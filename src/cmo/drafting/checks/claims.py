"""A sentence that claims something about the person rests on a fact that is on record and not out of date."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cmo.domain.draft import Finding, Sentence
from cmo.drafting.checks.context import CheckContext, Words, without
from cmo.drafting.checks.findings import block, warn
from cmo.drafting.facts import FACTS

_PROVES_NOTHING = ("name", "language", "topics")
"""Facts whose words stand in many a sentence that they do not support."""
_URL = re.compile(r"https?://\S+")
_REPO = re.compile(r"(?<![\w/])[A-Za-z0-9][\w.-]*/[\w.-]*\w")
_NUMBER = re.compile(
    r"(?<![\w.])\d(?:[\d,.]*\d)?|\b(?:two|three|four|five|six|seven|eight|nine|ten|twelve|dozens?|hundreds?|thousands?)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w+(?:['’]\w+)?")
_POSSESSIVE = ("your", "yours", "yourself")
_HARMLESS_BELONGINGS = (
    "address", "answer", "consent", "feedback", "inbox", "opinion", "permission", "reply", "thoughts", "time",
    "view",
)  # fmt: skip
"""`your answer` says nothing about anybody."""
_ASKING = (
    "about", "are", "can", "could", "did", "do", "for", "from", "have", "if", "may", "might", "should", "thank",
    "to", "unless", "will", "with", "would",
)  # fmt: skip
"""Before `you`: a question, a condition, or somebody who only receives something."""
_NO_CLAIM = (
    "about", "again", "and", "at", "but", "by", "can", "could", "do", "don't", "for", "from", "in", "like", "may",
    "might", "need", "on", "or", "prefer", "think", "to", "want", "will", "wish", "with", "would",
)  # fmt: skip
"""After `you`: what somebody may do or want."""


def claim(words: Words, context: CheckContext) -> Iterator[Finding]:
    """Every claim has its fact; what everybody gets is no claim about anybody."""
    on_record = {fact.name for fact in context.person.facts}
    subject = Sentence(text=words.subject, facts=tuple(on_record))
    for sentence in (subject, *words.sentences):
        if missing := [name for name in sentence.facts if name not in on_record]:
            yield _not_found(sentence, f"its fact `{missing[0]}` is not on record")
        elif not sentence.is_template:
            yield from _unsupported(sentence, context)


def stale(words: Words, context: CheckContext) -> Iterator[Finding]:
    """No cited fact is older than its kind holds."""
    cited = {name for sentence in words.sentences for name in sentence.facts}
    for fact in context.person.facts:
        kind = FACTS.get(fact.name)
        days = (context.as_of - fact.seen_at).days
        if fact.name in cited and kind and kind.holds_days is not None and days > kind.holds_days:
            message = (
                f"`{fact.name}` was read {days} days ago and holds for {kind.holds_days}."
                " Have it read again by a new job, or take the sentence out."
            )
            yield block("stale", "stale", message)


def _unsupported(sentence: Sentence, context: CheckContext) -> Iterator[Finding]:
    """What a sentence claims beyond the facts that stand in it."""
    text = without(_URL.sub(" ", sentence.text), context.particulars)
    cited = [fact for fact in context.person.facts if fact.name in sentence.facts and fact.name not in _PROVES_NOTHING]
    beyond = without(text, [fact.text for fact in cited])
    about_them = _is_about_them(text)
    if repo := _REPO.search(beyond):
        yield _not_found(sentence, f"nothing on record says `{repo[0]}`")
    elif number := _NUMBER.search(beyond):
        found = _not_found(sentence, f"nothing on record says `{number[0]}`")
        yield found if about_them else warn(found.check, found.flag, found.message)
    elif about_them and beyond == text:
        yield _not_found(sentence, "no fact on record stands in it")


def _is_about_them(text: str) -> bool:
    """Whether `text` says what the person is, has or did, as far as words show it."""
    words = ["", *(word.lower().replace("’", "'") for word in _WORD.findall(text)), ""]
    for before, word, after in zip(words, words[1:], words[2:], strict=False):
        if word in _POSSESSIVE and after not in _HARMLESS_BELONGINGS:
            return True
        if word in ("you're", "you've"):
            return True
        if word == "you" and after and before not in _ASKING and after not in _NO_CLAIM:
            return True
    return False


def _not_found(sentence: Sentence, why: str) -> Finding:
    return block("claim", "claim?", f"“{_cut(sentence.text)}” claims something: {why}. Use a fact, or take it out.")


def _cut(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"
