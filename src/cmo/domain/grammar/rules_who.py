"""Phrases that say who: exclusions, topics, keywords, places, languages and roles."""

from __future__ import annotations

from cmo.domain.grammar.items import as_exclusion, as_keyword, as_topic, is_plain, read_items
from cmo.domain.grammar.rules_where import known_place
from cmo.domain.grammar.tokens import Kind, Sentence, word_list
from cmo.domain.grammar.understood import Choice, Question, Rule, Understood
from cmo.domain.grammar.vocabulary import (
    DOUBTFUL_LANGUAGES,
    LANGUAGE_PEOPLE,
    LANGUAGE_PHRASES,
    LANGUAGES,
    NEGATIONS,
    NO_SUBJECT,
    ONE_PERSON,
    ONLY,
    REPO_NOUNS,
    ROLES,
    TOPIC_PHRASES,
    TOPICS,
)  # fmt: skip
from cmo.domain.job import Role

# --- exclusions

_EXCLUDE = (
    "no", "without", "exclude", "excluding", "except for", "except", "skip", "avoid", "not in", "not on", "but not",
    "not", "not about", "other than", "ignore", "leave out", "omit", "minus", "filter out", "stay away from",
    "rule out", "nothing with", "nothing about", "nothing in", "don't include", "do not include", "don't want",
    "do not want", "drop", "not interested in", "never", "none of",
)  # fmt: skip
_EXCLUDE_FILLERS = frozenset(
    word_list(
        "any the all of for from anything everything everyone people projects repos repositories in about on related"
        " to using with who that are is work works working a an = : topic topics either other"
    )
)
_ALWAYS_OUT = {
    **dict.fromkeys(["fork", "forks", "forked"], "Forks are"),
    **dict.fromkeys(["archived", "archive", "archives"], "Archived repositories are"),
    **dict.fromkeys(["bot", "bots"], "Bots are"),
}
"""What discovery leaves out in any case; as a word to exclude it would hit the wrong repositories."""


def read_exclusion(s: Sentence, i: int, u: Understood) -> int:
    """`no crypto`, `exclude blockchain and web3`, `not in gaming`, `without forks`, `not contributors`."""
    if s.low(i).startswith("non-") and (word := as_exclusion(s.low(i).removeprefix("non-"))):
        u.add("icp.exclude", [word])
        return i + 1
    cue = s.phrase(i, *_EXCLUDE)
    if not cue:
        return 0
    start = s.skip(cue, _EXCLUDE_FILLERS)
    if s.low(start) in NO_SUBJECT or (s.low(i) == "ignore" and not _is_known_subject(s, start)):
        return 0
    before = len(u.lists.get("icp.exclude", ()))
    end = _exclude_one(s, start, u) or start
    while end > start and (more := _next_exclusion(s, end, u)):
        end = more
    unknown = [item for item in u.lists.get("icp.exclude", [])[before:] if not _is_known(item)]
    if unknown and u.plan is None:
        u.note("icp.exclude", f"“{s.span(i, end)}” read as: leave out projects about {', '.join(unknown)}.")
    return end if end > start else 0


def _is_known(item: str) -> bool:
    return item in TOPICS or item in LANGUAGES or item in TOPIC_PHRASES.values() or item in TOPICS.values()


def _is_known_subject(s: Sentence, i: int) -> bool:
    """A known topic or language, forks and the like, or words before `projects`."""
    if s.is_quote(i) or s.low(i) in _ALWAYS_OUT or s.low(i) in LANGUAGES or s.low(i) in TOPICS:
        return True
    return bool(s.phrase(i, *TOPIC_PHRASES)) or any(s.low(n) in REPO_NOUNS for n in range(i + 1, i + 4))


def _next_exclusion(s: Sentence, i: int, u: Understood) -> int:
    """After `forks and`, where another item or list follows."""
    start = s.skip(i, [",", "and", "or", "nor", "&", "/"])
    is_joined = start > i and (s.low(start) in _ALWAYS_OUT or s.low(start - 1) != ",")
    return _exclude_one(s, start, u) if is_joined else 0


def _exclude_one(s: Sentence, i: int, u: Understood) -> int:
    word = s.low(i)
    if known_place(s, i, after_cue=True):
        return 0
    if word in _ALWAYS_OUT:
        u.flags.add("always_out")
        u.note("icp.exclude", f"{_ALWAYS_OUT[word]} always left out.")
        return s.skip(i + 1, REPO_NOUNS)
    role = ROLES.get(word)
    if role is not None and s.low(i + 1) in ("to", "of", "on"):
        return _exclude_one(s, s.skip(i + 1, _EXCLUDE_FILLERS | {"to"}), u)
    if role is not None:
        u.put("icp.roles", (Role.MAINTAINER if role is Role.CONTRIBUTOR else Role.CONTRIBUTOR,))
        return i + 1
    items, end = read_items(s, i, as_exclusion, languages=word in LANGUAGES)
    if items:
        u.add("icp.exclude", items)
    return end if items else 0


# --- topics and keywords

_TOPIC_CUES = (
    "topics", "topic", "tagged", "tagged with", "tags", "tag", "labelled", "labeled", "working on", "work on",
    "works on", "worked on", "working with", "work with", "works with", "interested in", "into", "about", "related to",
    "focused on", "focusing on", "focus on", "in the field of", "specializing in", "specialising in", "who know",
    "knowing", "prefer", "preferably", "prefers", "preferring", "passionate about", "experts in", "experience with",
    "experienced in", "experience in",
)  # fmt: skip
_WEAK_CUES = ("in", "on", "using", "use", "uses", "building", "build", "builds", "for")
_TOPIC_FILLERS = frozenset(
    word_list(
        "= : the a an are is either of like such as open source open-source projects project repos repositories people"
        " who that which use uses using with on in work works working about related to and topic topics based built"
    )
)
ANY_TOPIC = ("any topic", "any topics", "all topics", "no topics", "topics any")


def read_topics(s: Sentence, i: int, u: Understood) -> int:
    """`topics ci, testing`, `topic:llm`, `working on testing tools`, `prefer projects that use GitHub Actions`."""
    if end := s.phrase(i, *ANY_TOPIC):
        u.lists.setdefault("icp.topics", [])
        return end
    cue = s.phrase(i, *_TOPIC_CUES)
    if not cue:
        return 0
    named = s.low(i) in ("topics", "topic", "tags", "tag", "tagged")
    start = s.skip(cue, _TOPIC_FILLERS)
    after = start if named else s.skip(start, LANGUAGES)
    items, end = read_items(s, after, as_topic, languages=named)
    if not items:
        return 0
    u.add("icp.topics", items, cue=" ".join(s.low(n) for n in range(i, cue)))
    s.take(after, end)
    if s.low(i).startswith("prefer"):
        u.note("icp.topics", f"“{s.span(i, end)}” read as topics to search for: {', '.join(items)}.")
    return end if after == start else start


def read_weak_topics(s: Sentence, i: int, u: Understood) -> int:
    """`in testing`, `using GitHub Actions`: known topics; after most cues also unknown words, which are asked about."""
    cue = s.phrase(i, *_WEAK_CUES)
    if not cue:
        return 0
    start = s.skip(cue, _TOPIC_FILLERS)
    known = s.low(start) in TOPICS or s.phrase(start, *TOPIC_PHRASES) > 0
    if not known and not (s.low(i) in ("in", "using", "use", "uses", "on") and is_plain(s, start)):
        return 0
    items, end = read_items(s, start, as_topic)
    if not items:
        return 0
    u.add("icp.topics", items, cue=s.low(i))
    if not known:
        _ask_topic_or_place(s.span(start, end), items, u, can_be_place=s.low(i) == "in")
    return end


def _ask_topic_or_place(words: str, items: list[str], u: Understood, *, can_be_place: bool) -> None:
    choices = [Choice(label=f"topic {', '.join(items)}")]
    if can_be_place:
        choices.append(Choice(label=f"place {words}", changes={"icp.location": words, "icp.topics": None}))
    u.ask(
        Question(
            key="icp.topics",
            text=f"What is “{words}”?",
            assumption=f"“{words}” read as a topic.",
            choices=(*choices, Choice(label="leave it out", changes={"icp.topics": None})),
        )
    )


def read_keywords(s: Sentence, i: int, u: Understood) -> int:
    """`keywords "code review", fixtures`, `mentioning snapshot`."""
    cue = s.phrase(i, "keywords", "keyword", "mentioning", "that mention", "mention", "containing")
    if not cue:
        return 0
    items, end = read_items(s, s.skip(cue, ["=", ":", "the", "words", "word", "are", "is"]), as_keyword)
    if not items:
        return 0
    u.add("icp.keywords", items)
    return end


def read_quoted(s: Sentence, i: int, u: Understood) -> int:
    """Quoted words that no other phrase claims are keywords."""
    if not s.is_quote(i):
        return 0
    language = " ".join(s.tokens[i].text.casefold().split())
    if language in LANGUAGE_PHRASES or language in LANGUAGES:
        u.add("icp.languages", [LANGUAGE_PHRASES.get(language) or LANGUAGES[language]])
    elif word := as_keyword(s.tokens[i].text):
        u.add("icp.keywords", [word])
    return i + 1


def read_known_topic(s: Sentence, i: int, u: Understood) -> int:
    """`django developers`, `fintech`: words that are topics wherever they stand."""
    end = s.phrase(i, *TOPIC_PHRASES) or (i + 1 if s.low(i) in TOPICS else 0)
    topic = as_topic(" ".join(s.low(n) for n in range(i, end))) if end else None
    if topic is None:
        return 0
    denial = _denial(s, i)
    if denial is not None:
        s.take(denial, denial + 1)
    u.add("icp.topics" if denial is None else "icp.exclude", [topic])
    return end


def _denial(s: Sentence, i: int) -> int | None:
    """Where a negation stands that no phrase has claimed and that the words at `i` may belong to."""
    for n in range(i - 1, max(-1, i - 6), -1):
        if s.low(n) in NEGATIONS:
            return n
        if s.raw(n) in (",", ".", ";", "!", ":"):
            return None
    return None


# --- languages and roles

ANY_LANGUAGE = ("any language", "all languages", "every language", "any programming language", "language agnostic")


def read_language(s: Sentence, i: int, u: Understood) -> int:
    """`py`, `c++`, `python or go`, `languages: python, go`, `any language`."""
    if end := s.phrase(i, *ANY_LANGUAGE):
        u.flags.add("any_language")
        return end
    if s.low(i) in ("language", "languages"):
        return _read_announced(s, i, u)
    if end := s.phrase(i, *LANGUAGE_PHRASES):
        u.add("icp.languages", [LANGUAGE_PHRASES[" ".join(s.low(n) for n in range(i, end))]])
        return end
    word = s.low(i)
    if word in LANGUAGE_PEOPLE:
        u.add("icp.languages", [LANGUAGE_PEOPLE[word]])
        u.flags.add("people")
        return i + 1
    base = word.removesuffix("-based").removesuffix("-heavy").removesuffix("-only").removesuffix("-focused")
    if base in LANGUAGES and (base not in DOUBTFUL_LANGUAGES or base != word or _is_surely_language(s, i)):
        u.add("icp.languages", [LANGUAGES[base]])
        return i + 1
    return 0


def _read_announced(s: Sentence, i: int, u: Understood) -> int:
    start = s.skip(i + 1, ["=", ":", "is", "are"])
    end, names = start, list[str]()
    while s.kind(start) in (Kind.WORD, Kind.QUOTE):
        text = s.tokens[start].text if s.is_quote(start) else s.low(start)
        name = LANGUAGES.get(text.casefold()) or (as_language(text) if s.is_quote(start) else None)
        if name is None:
            break
        names.append(name)
        end = start + 1
        start = s.skip(end, [",", "and", "or", "/", "&", "+"])
    if not names:
        return 0
    u.add("icp.languages", names)
    return end


def as_language(text: str) -> str | None:
    """GitHub's name, in lower case, of a language under any of its spellings; None where it cannot be one."""
    low = " ".join(text.casefold().split())
    known = LANGUAGES.get(low) or LANGUAGE_PHRASES.get(low)
    if known:
        return known
    allowed = all(c.isascii() and (c.isalnum() or c in " +#.'*/()-") for c in low)
    return low if allowed and low[:1].isalnum() and len(low) <= 40 else None


_JOINTS = frozenset([",", "and", "or", "/", "&", "+"])
_LANGUAGE_NOUNS = REPO_NOUNS | frozenset(["language", "code", "codebase", "libraries", "packages", "modules", "crates"])


def _is_surely_language(s: Sentence, i: int) -> bool:
    """The neighbours of a doubtful name (`go`, `c`, `r`) say that it is a language."""
    before, after = s.raw(i - 1), s.raw(i + 1)
    if after in ROLES or after in _LANGUAGE_NOUNS or before in ("in", "written", "using", "only", "code"):
        return True
    if (before in _JOINTS and s.raw(i - 2) in LANGUAGES) or (after in _JOINTS and s.raw(i + 2) in LANGUAGES):
        return True
    if (before in ONLY or before in ("also", "add", "include", "plus")) and after in (
        "",
        ",",
        ".",
        ";",
        "too",
        "again",
    ):
        return True
    return len(s.low(i)) > 1 and i > 0 and s.tokens[i].text[0].isupper() and before not in (".", "!", ";")


def read_only_role(s: Sentence, i: int, u: Understood) -> int:
    """`only maintainers`, `maintainers only`, `only python maintainers`."""
    if s.low(i) in ONLY:
        n = i + 1
        while (
            s.raw(n) in LANGUAGES
            or s.raw(n) in ("core", "active", "the", "and", "or", ",", "main", "project")
            or (s.raw(n) in TOPICS)
        ):
            n += 1
        role = ROLES.get(s.raw(n))
        if role is not None and s.low(i - 1) in NEGATIONS:
            s.take(i - 1, i)
            return i + 1
        if role is None or (s.raw(n + 1) in ("and", "or") and ROLES.get(s.raw(n + 2)) not in (None, role)):
            return 0
        u.put("icp.roles", (role,))
        return i + 1
    role = ROLES.get(s.low(i))
    both = s.raw(i - 1) in ("and", "or", "&", ",") and ROLES.get(s.raw(i - 2)) not in (None, role)
    if role is None or both or s.low(i + 1) not in ONLY or s.raw(i + 2) in ROLES:
        return 0
    u.put("icp.roles", (role,))
    u.flags.add("people")
    return i + 2


def read_any_role(s: Sentence, i: int, u: Understood) -> int:
    """`any role`."""
    end = s.phrase(i, "any role", "any roles", "all roles")
    if end:
        u.put("icp.roles", ())
    return end


def read_people(s: Sentence, i: int, u: Understood) -> int:
    """A noun for people; a role without `only` is a preference."""
    word = s.low(i)
    if word not in ROLES:
        return 0
    u.flags.add("one_person" if word in ONE_PERSON else "people")
    role = ROLES[word]
    if role is not None:
        u.flags.add(f"prefers_{role.value}")
    return i + 1


_AFTER_ONLY = REPO_NOUNS | {"in", "from", "with", "the", "active", "use", "look", "search", "those", "take", "want"}


def read_idle_only(s: Sentence, i: int, u: Understood) -> int:
    """The `only` of `only python`, `python only` and `only 300` says nothing more."""
    if s.low(i) not in ONLY:
        return 0
    for n in (i - 1, i + 1):
        word = s.raw(n)
        if any(word in vocabulary for vocabulary in (LANGUAGES, TOPICS, ROLES, _AFTER_ONLY)):
            return i + 1
        if word and s.tokens[n].kind is Kind.NUMBER:
            return i + 1
    return 0


WHO_RULES: tuple[Rule, ...] = (read_exclusion, read_keywords, read_topics)
NAME_RULES: tuple[Rule, ...] = (
    read_any_role, read_only_role, read_language, read_weak_topics, read_known_topic, read_people, read_idle_only,
    read_quoted,
)  # fmt: skip
