"""Phrases that say how many: the target, caps and money, and numbers that are neither."""

from __future__ import annotations

from fractions import Fraction

from cmo.domain.grammar.numbers import Amount, Bound, read_amount, read_number
from cmo.domain.grammar.rules_repos import UNIT_DAYS
from cmo.domain.grammar.tokens import Kind, Sentence, word_list
from cmo.domain.grammar.understood import BOUNDS, Choice, Question, Rule, Understood
from cmo.domain.grammar.vocabulary import FIND_VERBS, GENERIC_PEOPLE, LANGUAGES, ONLY, REPO_NOUNS, ROLES

# --- what looks like a number of people and is none

_VERSIONED = {
    "python": 3,
    "py": 3,
    "php": 9,
    "java": 30,
    "c++": 30,
    "ruby": 3,
    "rb": 3,
    "go": 2,
    "golang": 2,
    "node": 30,
}
_RATE_UNITS = frozenset(word_list("day week month hour quarter inbox mailbox company sender"))


def read_version(s: Sentence, i: int, u: Understood) -> int:
    """`python 3.11`: a version, which a plan cannot hold."""
    highest = _VERSIONED.get(s.raw(i - 1))
    if highest is None or s.kind(i) is not Kind.NUMBER or not s.low(i).replace(".", "").isdigit():
        return 0
    if "." not in s.low(i) and int(s.low(i)) > highest:
        return 0
    u.leave(s, i, i + 1)
    u.note("icp.languages", f"“{s.span(i - 1, i + 1)}”: a version cannot be searched for.")
    return i + 1


def read_rate(s: Sentence, i: int, u: Understood) -> int:
    """`20 a day`, `50 mails per inbox`: quotas, which belong to the workspace and not to a goal."""
    found = read_amount(s, i)
    if found is None:
        return 0
    amount, end = found
    for noun_end in range(end, end + 3):
        each = s.low(noun_end) in ("per", "a", "an", "each", "every", "/") and s.low(noun_end + 1) in _RATE_UNITS
        if each or s.low(noun_end) in ("daily", "weekly"):
            stop = noun_end + (2 if each else 1)
            u.leave(s, i, stop)
            u.note("quota", f"“{s.span(i, stop)}” is a quota: set it with `cmo limits set max_emails_per_day "
                            f"{int(amount.value)}`.")  # fmt: skip
            return stop
        if s.kind(noun_end) is not Kind.WORD:
            break
    return 0


# --- caps

CAP_PHRASES: dict[str, str] = {
    "max repos": "max_repos", "max repositories": "max_repos", "max projects": "max_repos", "repo cap": "max_repos",
    "repo limit": "max_repos", "repos cap": "max_repos", "maximum repos": "max_repos", "max people": "max_people",
    "max candidates": "max_people", "people cap": "max_people", "people limit": "max_people", "max steps": "max_steps",
    "step limit": "max_steps", "step cap": "max_steps", "max tool calls": "max_tool_calls",
    "authors per repo": "top_authors_per_repo", "authors a repo": "top_authors_per_repo",
    "top authors per repo": "top_authors_per_repo", "checkpoint every": "checkpoint_every",
    **{spelling: key.removeprefix("caps.") for key in BOUNDS if key.startswith("caps.")
       for spelling in (key.removeprefix("caps."), key.removeprefix("caps.").replace("_", "-"))},
}  # fmt: skip
"""Names of caps as people write them -> the field of `Caps`."""
_CAP_NOUNS = {
    **dict.fromkeys(REPO_NOUNS, "max_repos"), **dict.fromkeys(GENERIC_PEOPLE, "max_people"),
    "steps": "max_steps", "step": "max_steps", "turns": "max_steps",
}  # fmt: skip
_AUTHORS = frozenset(
    word_list(
        "author authors contributor contributors people committer committers maintainer maintainers devs developers"
        " persons engineers"
    )
)
_LIMITED = frozenset(["the", "search", "it", "this", "yourself", "job", "to", "at", "under", "below", "run"])
_TO = frozenset(["=", ":", "to", "is", "at", "of", "<=", "under", "below", "the"])


def read_named_cap(s: Sentence, i: int, u: Understood) -> int:
    """`max_repos=300`, `max people 1000`, `cap repos at 300`, `limit people to 500`, `repos<=300`."""
    start = i + 1 if s.low(i) == "--" else i
    if end := s.phrase(start, *CAP_PHRASES):
        field = CAP_PHRASES[" ".join(s.low(n) for n in range(start, end))]
    elif s.low(i) in ("cap", "limit", "keep") and s.low(s.skip(i + 1, ["the", "number", "of"])) in _CAP_NOUNS:
        end = s.skip(i + 1, ["the", "number", "of"]) + 1
        field = _CAP_NOUNS[s.low(end - 1)]
    elif s.low(i) in _CAP_NOUNS and s.low(i + 1) in ("=", "<=", "≤"):
        field, end = _CAP_NOUNS[s.low(i)], i + 1
    else:
        return 0
    number = read_number(s, s.skip(end, _TO))
    return _put_cap(s, i, number[1], u, field, number[0].value) if number else 0


def read_authors_per_repo(s: Sentence, i: int, u: Understood) -> int:
    """`5 authors per repo`, `top 3 contributors of each project`."""
    start = s.skip(i, ["top", "the", "first"])
    found = read_amount(s, start)
    if found is None:
        return 0
    noun = s.skip(found[1], ["top", "main"])
    each = s.skip(noun + 1, ["for", "from", "in", "of"])
    if s.low(noun) not in _AUTHORS or s.low(each) not in ("per", "each", "every", "a", "/"):
        return 0
    if s.low(each + 1) not in REPO_NOUNS:
        return 0
    return _put_cap(s, i, each + 2, u, "top_authors_per_repo", found[0].value)


def read_cap(s: Sentence, i: int, u: Understood) -> int:
    """`max 300 repos`, `limit the search to 300 repos`, `at most 1000 people`, `within 20 steps`, `50 tool calls`."""
    start = s.skip(i + 1, _LIMITED) if s.low(i) in ("limit", "cap", "keep") else i
    found = read_amount(s, start)
    if found is None:
        return 0
    amount, end = found
    is_most = amount.bound is Bound.AT_MOST or start > i
    if s.phrase(end, "tool calls"):
        return _put_cap(s, i, end + 2, u, "max_tool_calls", amount.value)
    noun = s.skip(end, LANGUAGES.keys() | {"of", "different", "distinct", "unique", "or", "and"})
    field = _CAP_NOUNS.get(s.low(noun))
    if field is None or amount.bound is Bound.AT_LEAST:
        return 0
    if field == "max_people" and (not is_most or _is_object(s, i)):
        return 0
    words = f"{s.span(i, end)} {s.low(noun)}"
    if field == "max_repos" and not is_most:
        u.note("caps.max_repos", f"“{words}” read as the most repositories to look at.")
    _put_cap(s, i, end, u, field, amount.value)
    s.take(noun, noun + 1)
    return end


def _put_cap(s: Sentence, i: int, end: int, u: Understood, field: str, value: Fraction) -> int:
    if value < 1:
        u.leave(s, i, end)
        u.note(f"caps.{field}", f"“{s.span(i, end)}” would leave nothing to do; {field} keeps its default.")
    else:
        u.put(f"caps.{field}", u.whole(f"caps.{field}", value, words=s.span(i, end)))
    return end


def _is_object(s: Sentence, i: int) -> bool:
    """The words before `i` ask for something: `find`, `find me`, `I want`."""
    n = i - 1
    while s.raw(n) in ("me", "us", "a", "the", "list", "of", "for", "to", *ONLY):
        n -= 1
    return s.raw(n) in FIND_VERBS


_DOLLARS = frozenset(["$", "usd", "dollars", "dollar", "bucks", "us$"])
_EUROS = frozenset(["€", "eur", "euro", "euros", "£", "gbp"])
_BUDGET_CUES = (
    "budget_usd", "budget", "budget of", "a budget of", "spend at most", "spend up to", "spend no more than", "spend",
    "spending", "cost at most", "for at most", "for under", "for", "with", "under", "at most", "max", "up to", "below",
    "no more than", "less than", "within", "--budget",
)  # fmt: skip


def read_budget(s: Sentence, i: int, u: Understood) -> int:
    """`budget $5`, `spend at most 5 dollars`, `$5 budget`."""
    cue = s.phrase(i, *_BUDGET_CUES)
    start = s.skip(cue or i, ["=", ":", "is", "of", "to", "at", "most", "a", "max", "under", "<=", "<"])
    symbol = s.low(start) if s.low(start) in _DOLLARS | _EUROS else ""
    number = read_number(s, start + 1 if symbol else start)
    if number is None:
        return 0
    value, end = number[0].value, number[1]
    if not symbol and s.low(end) in _DOLLARS | _EUROS:
        symbol, end = s.low(end), end + 1
    if not symbol and not s.low(i).startswith("budget"):
        return 0
    end = s.skip(end, ["budget", "max", "total", "in"])
    u.put("caps.budget_usd", float(round(min(value, Fraction(1_000_000)), 2)))
    if symbol in _EUROS:
        u.note("caps.budget_usd", f"The budget is kept in US dollars: {float(value):g} taken as dollars.")
    return end


# --- the target

_TARGET_CUES = (
    "target of", "target", "goal of", "goal", "make it", "make that", "stop at", "stop after", "aim for", "change to",
    "set target to", "change target to", "set the target to", "change the target to",
)  # fmt: skip
_PEOPLE_NEAR = 7
"""How many words may stand between a number and the noun it counts."""


def read_target(s: Sentence, i: int, u: Understood) -> int:
    """`2k py maintainers`, `target: 500`, `find 300`, `make it 300`."""
    cue = s.phrase(i, *_TARGET_CUES)
    start = s.skip(cue, ["=", ":", "is", "to", "of", "at", "for"]) if cue else i
    found = read_amount(s, start)
    if found is None or (not cue and not _counts_people(s, i, found[1]) and not _is_object(s, i)):
        return 0
    put_target(s, i, found, u)
    return found[1]


def _counts_people(s: Sentence, i: int, end: int) -> bool:
    """A noun for people follows, with only other words between."""
    if s.raw(end) in UNIT_DAYS or s.raw(end) in ("hours", "hour", "minutes", "mins", "%"):
        return False
    for n in range(end, end + _PEOPLE_NEAR):
        word = s.raw(n)
        if word in ROLES:
            return True
        if n >= len(s) or s.tokens[n].kind not in (Kind.WORD, Kind.QUOTE, Kind.SYMBOL) or word in (".", ";", ":", "!"):
            return False
        if word in REPO_NOUNS or word in ("in", "from", "with", "at", "per", "for", "to"):
            return False
    return False


def put_target(s: Sentence, i: int, found: tuple[Amount, int], u: Understood) -> None:
    """Record how many leads are wanted; of a range the upper end, and that is asked."""
    amount, end = found
    words = s.span(i, end)
    is_negative = s.raw(i - 1) == "-" and s.is_glued(i - 1) and not (i > 1 and s.is_glued(i - 2))
    if amount.high < 1 or is_negative:
        u.leave(s, i, end)
        u.flags.add("nobody")
        u.note("target", f"“{words}” asks for nobody and is left out.")
        return
    value = u.whole("target", amount.value, words=words)
    u.flags.add("people")
    u.explain("target", amount, words=words, taken=value)
    if amount.bound is Bound.RANGE and amount.low >= 1 and "target" not in u.values:
        low = u.whole("target", amount.low, words=words)
        u.ask(
            Question(
                key="target",
                text=f"“{words}”: stop at how many good leads?",
                assumption=f"“{words}” read as {value:,}.",
                choices=(Choice(label=f"{value:,}"), Choice(label=f"{low:,}", changes={"target": low})),
            )
        )
    if "target" in u.values and u.values["target"] != value:
        _ask_which_target(value, u)
    u.values.setdefault("target", value)


def _ask_which_target(value: int, u: Understood) -> None:
    first = u.values["target"]
    total = min(first + value, BOUNDS["target"][1])
    options = [first, value, total]
    u.ask(
        Question(
            key="target",
            text="The sentence gives two numbers of people. How many good leads in all?",
            assumption=f"{first:,} good leads in all; {value:,} left out.",
            choices=tuple(Choice(label=f"{n:,}", changes={} if n == first else {"target": n}) for n in options),
        )
    )


def read_lone_number(s: Sentence, i: int, u: Understood) -> int:
    """A number that nothing else claims, where no target was given: `python maintainers, 300`."""
    found = read_amount(s, i)
    if found is None or "target" in u.values or (s.kind(i) is Kind.WORD and not found[0].high >= 10):
        return 0
    if s.low(found[1]) in ("%", "°") or s.raw(i - 1) in ("#", "%", "v", "version", "issue"):
        return 0
    put_target(s, i, found, u)
    u.note("target", f"“{s.span(i, found[1])}” read as the number of good leads wanted.")
    return found[1]


SIZE_RULES: tuple[Rule, ...] = (
    read_rate, read_budget, read_named_cap, read_authors_per_repo, read_cap,
)  # fmt: skip
