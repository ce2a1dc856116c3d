"""How a mail reads: whole, short, polite, and not like a mass mail."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from cmo.domain.draft import Finding, Step
from cmo.drafting.checks.context import CheckContext, Words
from cmo.drafting.checks.findings import block, warn

_WORDS: Mapping[Step, tuple[int, int]] = {
    Step.FIRST_TOUCH: (40, 130),
    Step.FOLLOW_UP_1: (25, 110),
    Step.FOLLOW_UP_2: (25, 110),
    Step.BREAKUP: (15, 80),
}
"""Fewest and most words above the signature."""
_LONGEST_SUBJECT = 78
"""RFC 5322 2.1.1: longer lines should not be; most inboxes show fewer."""
_REPLY = re.compile(r"\s*(re|fw|fwd|aw|wg|sv|antw)\s*(\[\d+\])?\s*[:\uff1a]", re.IGNORECASE)
_GAP = re.compile(r"<[a-z_0-9]+: not (?:on record|set)>")
_PLACEHOLDER = re.compile(r"\[[A-Za-z][\w ]{1,30}\]|<[A-Za-z][\w ]{1,30}>|_{3,}|\bX{3,}\b|\bTODO\b|\blorem ipsum\b")
_GREETING = re.compile(
    r"(?:hi|hello|hey|dear|good (?:morning|afternoon|evening))\b[ ,]*(?P<name>[^,!.:]*?)\s*[,!.:]?", re.I
)
_PUSHY = (
    "act now", "as soon as possible", "asap", "amazing", "awesome", "big fan", "blown away", "bumping this",
    "checking in", "circle back", "circling back", "don't miss", "exciting opportunity", "game changer", "game-changer",
    "hop on a call",
    "huge fan", "i was impressed", "i'm impressed", "incredible", "jump on a call", "just following up", "last chance",
    "limited time", "love what you", "only today", "pick your brain", "quick call", "quick chat", "quick question",
    "revolutionary", "rockstar", "skyrocket", "synergy", "top of your inbox", "touch base", "touching base", "urgent",
    "you must", "you need to",
)  # fmt: skip
_PROHIBITED = (
    "100% free", "buy now", "cash bonus", "click here", "double your", "earn money", "free money", "guaranteed",
    "make money", "no catch", "no obligation", "no strings attached", "order now", "risk free", "risk-free",
    "satisfaction guaranteed", "this is not spam", "winner", "you have been selected",
)  # fmt: skip


def pitch(words: Words, context: CheckContext) -> Iterator[Finding]:
    """The operator has said what the mail is about."""
    for field in ("offer", "question"):
        if not getattr(context.pitch, field).strip():
            fix = f'Set it for all drafts: cmo config set copy.{field} "…"'
            yield block("pitch", f"no-{field}", f"No {field} is set, so the mail says nothing of its own. {fix}")


def unfilled(words: Words, context: CheckContext) -> Iterator[Finding]:
    """No field of the template was left open."""
    text = f"{words.subject}\n{words.body}"
    found = _GAP.search(text) or _PLACEHOLDER.search(words.own)
    if found:
        yield block("unfilled", "unfilled", f"`{found[0]}` was left open. Fill it in, or take the sentence out.")


def subject(words: Words, context: CheckContext) -> Iterator[Finding]:
    """A true subject of one line: no reply that never was, no shouting."""
    text = words.subject
    letters = [char for char in words.own.partition("\n")[0] if char.isalpha()]
    if not text.strip():
        yield block("subject", "no-subject", "The subject is empty. Say in a few words what the mail is about.")
    if "\n" in text or "\r" in text or "=?" in text:
        yield block("subject", "bad-subject", "The subject could be read as another header. Keep it to plain words.")
    if _REPLY.match(text):
        yield block("subject", "fake-reply", "The subject claims to answer a mail (Re:, Fwd:). Take that out.")
    if len(letters) > 3 and all(char.isupper() for char in letters if char.upper() != char.lower()):
        yield warn("subject", "caps", "The subject is all capitals. Write it as a sentence.")
    if len(text) > _LONGEST_SUBJECT:
        yield warn("subject", "long-subject", f"The subject has {len(text)} characters; {_LONGEST_SUBJECT} are enough.")


def length(words: Words, context: CheckContext) -> Iterator[Finding]:
    """Long enough to say something, short enough to be read."""
    count, (fewest, most) = len(words.letter.split()), _WORDS[context.step]
    if not words.body.strip():
        yield block("length", "empty", "The body is empty. Write it, or reject the draft.")
    elif count < fewest:
        yield warn("length", "short", f"{count} words above the signature; {fewest} to {most} read best. Add a fact.")
    elif count > most:
        yield warn("length", "long", f"{count} words above the signature; {fewest} to {most} read best. Shorten it.")


def greeting(words: Words, context: CheckContext) -> Iterator[Finding]:
    """The name greeted is the person's."""
    first = next((line.strip() for line in words.body.splitlines() if line.strip()), "")
    found = _GREETING.fullmatch(first)
    wanted = context.person.first_name
    if found is None:
        yield warn(
            "greeting", "greeting", f"The first line is no greeting. Begin with `Hi {wanted or ''}".rstrip() + ",`."
        )
    elif found["name"] and found["name"] not in (wanted, "there"):
        right = f"Greet {wanted}." if wanted else "No first name of theirs is sure: write `Hi,`."
        yield block("greeting", "greeting", f"The mail greets `{found['name'][:40]}`. {right}")


def tone(words: Words, context: CheckContext) -> Iterator[Finding]:
    """No pressure, no flattery, no shouting."""
    if found := _first_of(_PUSHY, words.own):
        yield warn("tone", "tone", f"“{found}” sounds like a mass mail. Say it plainly, or leave it out.")
    if "!" in words.own:
        yield warn("tone", "tone", "Exclamation marks make a stranger's mail loud. Use a full stop.")


def prohibited(words: Words, context: CheckContext) -> Iterator[Finding]:
    """None of the words that no mail of ours may hold."""
    everything = f"{words.subject}\n{words.body}"
    if found := _first_of(_PROHIBITED, words.own) or _first_of(context.prohibited, everything):
        yield block("prohibited", "prohibited", f"“{found}” may not be in a mail. Take it out.")


def _first_of(phrases: Iterable[str], text: str) -> str | None:
    plain = " ".join(text.replace("’", "'").lower().split())
    return next((p for p in phrases if p and re.search(rf"(?<!\w){re.escape(p.lower())}(?!\w)", plain)), None)
