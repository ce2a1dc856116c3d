"""Phrases that say where: `in Berlin`, `based in São Paulo, Brazil`, `German developers`, `anywhere`."""

from __future__ import annotations

import re

from cmo.domain.grammar import places
from cmo.domain.grammar.dates import MONTHS, WEEKDAYS
from cmo.domain.grammar.tokens import Kind, Sentence, word_list
from cmo.domain.grammar.understood import Choice, Question, Understood
from cmo.domain.grammar.vocabulary import (
    CRMS,
    FILLERS,
    LANGUAGES,
    LIST_STOPS,
    MAILERS,
    ONLY,
    REPO_NOUNS,
    ROLES,
    TOPICS,
)  # fmt: skip

_SURE_CUES = (
    "based in", "based out of", "living in", "located in", "located at", "who live in", "live in", "residing in",
    "location", "from the country of", "icp.location", "based near", "working from", "work from", "in the country of",
)  # fmt: skip
_CUES = ("in", "from", "near", "around", "across", "throughout", "within")
_PARTICLES = frozenset(word_list("en sur de do da dos das del la le el of am upon und y e"))
_PLACE_FORM = re.compile(r"[^\W\d_][\w .,'’-]{0,99}")


def as_place(text: str) -> str | None:
    """`text` as a place to compare with profiles, or None where it cannot be one."""
    plain = " ".join(text.split()).strip(" ,.")
    return plain if _PLACE_FORM.fullmatch(plain) else None


def read_place(s: Sentence, i: int, u: Understood) -> int:
    """A place after a word that announces one."""
    if end := s.phrase(i, *places.EVERYWHERE):
        u.flags.add("anywhere")
        return end
    if s.low(i) in _DENIALS and (end := _place_ruled_out(s, i, u)):
        return end
    only = i + 1 if s.low(i) in ONLY else i
    cue = s.phrase(only, *_SURE_CUES, *_CUES)
    sure = bool(s.phrase(only, *_SURE_CUES))
    if not cue and only == i:
        return 0
    start = s.skip(cue or only, ["=", ":", "is", "the", "either", "in"])
    found = _name(s, start, sure=sure, cue=s.low(only) if cue else "")
    if found is None or (not cue and not found[2]):
        return 0
    return _take_place(s, start, found, u, sure=sure)


def _take_place(s: Sentence, start: int, found: tuple[str, int, bool], u: Understood, *, sure: bool) -> int:
    name, end, known = found
    name, end, known = _with_country(s, name, end, known)
    others, end = _alternatives(s, end)
    denial = _denial(s, start)
    if denial is not None:
        u.leave(s, denial, end)
        u.note("icp.location", f"“{s.span(denial, end)}”: {_NOT_RULED_OUT}")
        s.take(denial, denial + 1)
        return end
    u.put("icp.location", name)
    if others:
        _ask_which_place([name, *others], u)
    elif not (known or sure):
        _ask_whether_place(name, u)
    return end


_DENIALS = ("not", "outside", "except", "exclude", "excluding", "without", "never", "no", "avoid", "skip")


_BEFORE_DENIED = frozenset(
    word_list("of the in from based located living people anyone anybody everyone everybody those who live")
)


def _place_ruled_out(s: Sentence, i: int, u: Understood) -> int:
    """`outside the US`, `excluding Germany and Austria`: named as left out, since profiles are only compared."""
    start = s.skip(i + 1, _BEFORE_DENIED)
    found = known_place(s, start, after_cue=True)
    if found is None:
        return 0
    _, end = _alternatives(s, found[1])
    u.leave(s, i, end)
    u.note("icp.location", f"“{s.span(i, end)}”: {_NOT_RULED_OUT}")
    return end


_NOT_RULED_OUT = "places cannot be ruled out, only asked for; people there are found too."


def _denial(s: Sentence, start: int) -> int | None:
    """Where the word stands that turns the place at `start` into its opposite; None where there is none."""
    return next((n for n in (start - 1, start - 2, start - 3) if s.low(n) in _DENIALS), None)


def _name(s: Sentence, i: int, *, sure: bool, cue: str) -> tuple[str, int, bool] | None:
    """The place at `i`: its name, its end, and whether it is a known one."""
    if s.is_quote(i):
        name = as_place(s.tokens[i].text) if sure or cue in ("in", "from") else None
        return (name, i + 1, True) if name else None
    if known := known_place(s, i, after_cue=bool(cue)):
        return (*known, True)
    end = _capitalised(s, i)
    if end == i and sure and s.kind(i) is Kind.WORD and not _is_other(s.low(i)):
        end = i + 1
    name = as_place(s.span(i, end)) if end > i and (sure or cue in ("in", "from", "near")) else None
    return (name, end, False) if name else None


def known_place(s: Sentence, i: int, *, after_cue: bool) -> tuple[str, int] | None:
    """The longest known place name at `i`, as written where it has capitals, and where it ends."""
    for end in range(i + places.LONGEST_NAME, i, -1):
        words = [s.low(n) for n in range(i, end)]
        name = " ".join(words)
        if not all(words) or not places.is_place(name):
            continue
        written = s.span(i, end)
        if name in ("us", "la") and not (after_cue and (written.isupper() or s.raw(i - 1) == "the")):
            return None
        is_plain = written.islower() or (written.isupper() and len(written) > 4)
        return (places.spelled(name) if is_plain or name in places.SHORT else written), end
    return None


def _capitalised(s: Sentence, i: int) -> int:
    """The end of a run of up to four capitalised words that mean nothing else."""
    end = i
    while end < i + 4 and s.kind(end) is Kind.WORD and s.tokens[end].text[0].isupper() and not _is_other(s.low(end)):
        end += 1
        if s.low(end) in _PARTICLES and s.kind(end + 1) is Kind.WORD and s.tokens[end + 1].text[0].isupper():
            end += 1
    return end


def _is_other(word: str) -> bool:
    vocabularies = (LANGUAGES, TOPICS, ROLES, MAILERS, CRMS, FILLERS, LIST_STOPS, REPO_NOUNS, MONTHS, WEEKDAYS)
    return any(word in vocabulary for vocabulary in vocabularies)


def _with_country(s: Sentence, name: str, end: int, known: bool) -> tuple[str, int, bool]:
    """`São Paulo, Brazil`: a country or region after the comma belongs to the name."""
    if s.low(end) != ",":
        return name, end, known
    found = known_place(s, end + 1, after_cue=True)
    if found is None or not (places.is_country(found[0].casefold()) or not known):
        return name, end, known
    if known and places.is_country(name.casefold()):
        return name, end, known
    return f"{name}, {found[0]}", found[1], True


def _alternatives(s: Sentence, end: int) -> tuple[list[str], int]:
    others = []
    while s.low(end) in ("or", "and", ",", "/", "&"):
        start = s.skip(end, ["or", "and", ",", "/", "&", "in", "the"])
        found = known_place(s, start, after_cue=True)
        if found is None:
            break
        others.append(found[0])
        end = found[1]
    return others, end


def _ask_which_place(names: list[str], u: Understood) -> None:
    u.ask(
        Question(
            key="icp.location",
            text="One job can look in one place. Which one?",
            assumption=f"Location: {names[0]} taken, {', '.join(names[1:])} left out.",
            choices=tuple(Choice(label=n, changes={} if n == names[0] else {"icp.location": n}) for n in names),
        )
    )


def _ask_whether_place(name: str, u: Understood) -> None:
    u.ask(
        Question(
            key="icp.location",
            text=f"Is “{name}” a place?",
            assumption=f"“{name}” read as a place.",
            choices=(
                Choice(label=f"place {name}"),
                Choice(label="leave it out", changes={"icp.location": None}),
            ),
        )
    )


def read_bare_place(s: Sentence, i: int, u: Understood) -> int:
    """`Berlin python devs`, `berlin-based`, `German developers`."""
    word = s.low(i)
    based = word.removesuffix("-based")
    if based != word and places.is_place(based):
        u.put("icp.location", places.spelled(based))
        return i + 1
    if word in places.DEMONYMS and any(s.raw(n) in ROLES or s.raw(n) in LANGUAGES for n in range(i + 1, i + 5)):
        u.put("icp.location", places.DEMONYMS[word])
        u.note("icp.location", f"“{s.tokens[i].text}” read as located in {places.DEMONYMS[word]}.")
        return i + 1
    found = known_place(s, i, after_cue=False)
    if found is None or not (s.tokens[i].text[0].isupper() or word in places.COUNTRIES):
        return 0
    end = _take_place(s, i, (*found, True), u, sure=True)
    if u.values.get("icp.location", "").startswith(found[0]):
        u.note("icp.location", f"“{s.span(i, end)}” read as the place to look in.")
    return end
