"""Phrases that only make sense to a job that already runs: `raise …`, `stop searching`, `drop topic …`."""

from __future__ import annotations

from fractions import Fraction

from cmo.domain.grammar.items import as_exclusion, as_topic, read_items
from cmo.domain.grammar.numbers import read_number
from cmo.domain.grammar.rules_size import CAP_PHRASES
from cmo.domain.grammar.tokens import Sentence, word_list
from cmo.domain.grammar.understood import Choice, Question, Rule, Understood
from cmo.domain.grammar.vocabulary import LANGUAGES
from cmo.domain.job import Plan

IDLE_WORDS = frozenset(
    word_list("enough fine instead only just now again as well too also add include plus it that's thats")
)
"""Words that say nothing by themselves in a remark."""

_RAISE = frozenset(word_list("raise increase bump extend widen up lift grow"))
_LOWER = frozenset(word_list("lower decrease reduce cut shrink drop narrow down"))
_SET = frozenset(word_list("set change make put move adjust"))
_KNOBS: dict[str, str] = {
    **{phrase: f"caps.{field}" for phrase, field in CAP_PHRASES.items()},
    **dict.fromkeys(["repos", "repositories", "number of repos"], "caps.max_repos"),
    **dict.fromkeys(["people", "candidates", "number of people"], "caps.max_people"),
    **dict.fromkeys(["steps", "number of steps"], "caps.max_steps"),
    **dict.fromkeys(["budget", "budget_usd"], "caps.budget_usd"),
    **dict.fromkeys(
        ["star floor", "stars floor", "floor", "minimum stars", "min stars", "minimum star count", "star minimum"],
        "stars.low",
    ),
    **dict.fromkeys(
        ["star ceiling", "stars ceiling", "ceiling", "maximum stars", "max stars", "star cap"], "stars.high"
    ),
    **dict.fromkeys(["target", "goal", "number of leads", "leads", "good leads"], "target"),
    **dict.fromkeys(
        ["activity window", "window", "activity", "activity_days", "activity days", "days of activity"],
        "icp.activity_days",
    ),
}
_UNIT_DAYS = {"day": 1, "days": 1, "week": 7, "weeks": 7, "month": 30, "months": 30, "year": 365, "years": 365}


def read_knob(s: Sentence, i: int, u: Understood) -> int:
    """`raise max repos to 900`, `lower the star floor to 50`, `extend the window by 30 days`."""
    verb = s.low(i)
    if verb not in _RAISE | _LOWER | _SET:
        return 0
    start = s.skip(i + 1, ["the", "my", "our"])
    end = s.phrase(start, *_KNOBS)
    if not end:
        return 0
    key = _KNOBS[" ".join(s.low(n) for n in range(start, end))]
    link = s.skip(end, ["to", "=", "at", ":", "by", "$"])
    number = read_number(s, link)
    if number is None:
        return 0
    value, stop = number[0].value, number[1]
    if key == "icp.activity_days":
        value, stop = value * _UNIT_DAYS.get(s.low(stop), 1), s.skip(stop, _UNIT_DAYS)
    stop = s.skip(stop, ["$", "usd", "dollars", "stars", "repos", "people", "leads", "steps"])
    before = _present(u.plan, key)
    if any(s.low(n) == "by" for n in range(end, link)):
        value = before + value if verb in _RAISE else before - value
    if (verb in _RAISE and value < before) or (verb in _LOWER and value > before):
        _ask_direction(s.span(i, stop), key, int(value), int(before), u)
        return stop
    _put(u, key, value, words=s.span(i, stop))
    return stop


def _put(u: Understood, key: str, value: Fraction, *, words: str) -> None:
    if key == "caps.budget_usd":
        u.put(key, float(round(max(value, Fraction(0)), 2)))
    else:
        u.put(key, u.whole(key, value, words=words))


def _present(plan: Plan | None, key: str) -> Fraction:
    if plan is None:
        return Fraction(0)
    if key.startswith("stars."):
        return Fraction(plan.icp.stars_range.low if key == "stars.low" else plan.icp.stars_range.high)
    if key == "target":
        return Fraction(plan.target)
    group, name = key.split(".")
    return Fraction(getattr(getattr(plan, group), name) or 0)


def _ask_direction(words: str, key: str, value: int, before: int, u: Understood) -> None:
    u.note(key, f"“{words}”: it is {before:,} now, so nothing was changed.")
    u.ask(
        Question(
            key=key,
            text=f"“{words}”: it is {before:,} now. Really change it to {value:,}?",
            assumption=f"It stays {before:,}.",
            choices=(Choice(label=f"keep {before:,}"), Choice(label=f"set {value:,}", changes={key: value})),
        )
    )


def read_stop_searching(s: Sentence, i: int, u: Understood) -> int:
    """`stop searching`, `no more repos`."""
    end = s.phrase(
        i, "stop searching", "stop the search", "stop search", "no more searching", "no more repos", "no new repos",
        "enough repos", "don't search any more", "don't search anymore", "do not search any more", "stop discovery",
        "stop looking", "stop looking for repos", "that's enough repos", "stop discovering",
    )  # fmt: skip
    if end:
        u.flags.add("stop_searching")
    return end


def read_stop(s: Sentence, i: int, u: Understood) -> int:
    """`stop`, `pause`, `cancel` as the whole remark: commands, not wishes."""
    if len(s) > i + 1 and s.low(i + 1) not in (".", "!", "now", "please", "it", "the"):
        return 0
    if i or s.low(i) not in ("stop", "pause", "cancel", "halt", "quit", "abort", "resume", "continue"):
        return 0
    command = {"cancel": "cancel", "abort": "cancel", "resume": "resume", "continue": "resume"}.get(s.low(i), "pause")
    u.note("stop", f"“{s.text}” is a command of its own: `cmo {command}`. To end only the search: “stop searching”.")
    return len(s)


def read_adding(s: Sentence, i: int, u: Understood) -> int:
    """`also go`, `add topic llm`, `include fintech`, `allow crypto again`: what is named comes on top."""
    cue = s.phrase(
        i, "also", "add", "include", "including", "plus", "allow", "don't skip", "do not skip", "don't exclude"
    )
    if not cue:
        return 0
    u.flags.add("adds")
    start = s.skip(
        cue, ["the", "topic", "topics", "projects", "repos", "on", "about", "for", "search", ":", "a", "any"]
    )
    if s.low(start) in LANGUAGES and s.raw(cue) not in ("topic", "topics"):
        return cue
    items, end = read_items(s, start, as_topic, languages=True)
    if not items:
        return cue
    excluded = [item for item in items if u.plan is not None and item in u.plan.icp.exclude]
    if excluded:
        u.add("-icp.exclude", excluded)
    if wanted := [item for item in items if item not in excluded]:
        u.add("icp.topics", wanted)
    return end


def read_removing(s: Sentence, i: int, u: Understood) -> int:
    """`drop topic llm`, `remove the location`, `without llm` where llm is a topic of the plan."""
    cue = s.phrase(i, "drop", "remove", "forget", "forget about", "no", "without", "skip", "exclude", "not", "no more")
    if not cue or u.plan is None:
        return 0
    start = s.skip(
        cue, ["the", "topic", "topics", "language", "languages", "any", "more", "filter", "on", "for", "limit"]
    )
    if s.low(start) == "location":
        u.flags.add("anywhere")
        return s.skip(start + 1, ["filter", "limit"])
    items, end = read_items(s, start, as_exclusion, languages=True)
    languages = [LANGUAGES.get(item, item) for item in items]
    icp = u.plan.icp
    if items and all(item in icp.topics for item in items):
        u.add("-icp.topics", items)
    elif items and all(name in icp.languages for name in languages) and len(icp.languages) > len(set(languages)):
        u.add("-icp.languages", languages)
    elif items and s.low(i) in ("drop", "remove", "forget") and all(item in icp.exclude for item in items):
        u.add("-icp.exclude", items)
    else:
        return 0
    return end


FOLLOW_UP_RULES: tuple[Rule, ...] = (read_stop, read_stop_searching, read_knob, read_adding, read_removing)
