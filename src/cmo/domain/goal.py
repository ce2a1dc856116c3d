"""A goal in plain English, read by grammar into a plan. Pure: no clock, no I/O, the same answer every time.

The sentence becomes tokens; rules, in a fixed order, each take the phrases they know; what no rule takes and is not a
filler word is named as unread. Words can make a job safer than its defaults, never less safe: sending is not unlocked
by a sentence, and where it doubts the plan is a dry run.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from cmo.domain.base import Frozen
from cmo.domain.follow_up import FollowUp, parse_follow_up
from cmo.domain.grammar.compile import changed, compile_plan
from cmo.domain.grammar.near_misses import near_misses, with_words
from cmo.domain.grammar.render import render_plan, short_goal
from cmo.domain.grammar.rules import RULES
from cmo.domain.grammar.tokens import KEYS_BELONG, Sentence, looks_secret
from cmo.domain.grammar.understood import Choice, Question, Understood, apply_rules, free_words
from cmo.domain.job import Plan
from cmo.domain.text import clean_line
from cmo.errors import GoalUnclear

__all__ = [
    "EXAMPLE",
    "MAX_GOAL",
    "Choice",
    "FollowUp",
    "Question",
    "Reading",
    "answer",
    "parse_follow_up",
    "parse_goal",
    "render_plan",
    "short_goal",
]

MAX_GOAL = 2000
"""Most characters in a goal."""
EXAMPLE = "find 300 python maintainers active in the last 90 days, topics ci and testing, dry run"


class Reading(Frozen):
    """A sentence as understood."""

    plan: Plan
    """With `assumptions` filled in."""
    assumptions: tuple[str, ...]
    """What was assumed where the sentence is silent or ambiguous; those of the questions included."""
    questions: tuple[Question, ...]
    """In the order of importance; nobody has to answer."""
    unread: tuple[str, ...]
    """Words that were not understood and change nothing."""
    named: tuple[str, ...] = ()
    """The plan fields the sentence itself speaks of, dotted."""


def parse_goal(sentence: str, *, today: date, defaults: Plan | None = None, settled: Collection[str] = ()) -> Reading:
    """Read `sentence` into a plan.

    Args:
        today: The day that `tomorrow` and `next week` count from, in the operator's zone.
        defaults: What holds where the sentence is silent. Its mode is the most the plan may be, and never more than
            draft-only.
        settled: Plan fields (dotted, such as `icp.languages`) that somebody else decides, a flag or a job file:
            nothing is assumed or asked about them.
    Raises:
        GoalUnclear: empty, too long, holds a key, or nothing in it says whom to find.
    """
    text = _cleaned(sentence)
    s, u = _read(_unwrapped(text), today)
    unknown = free_words(s)
    if not _says_whom(u, unknown) and not any(key == "target" or key.startswith("icp") for key in settled):
        raise GoalUnclear(
            f"“{clean_line(text, limit=80)}” does not say whom to find.",
            hint=f'Say how many people of which kind, for example: cmo run "{EXAMPLE}"',
        )
    if "nobody" in u.flags and not {"target"} & (u.values.keys() | set(settled)):
        raise GoalUnclear(
            f"“{clean_line(text, limit=80)}” asks for nobody.",
            hint=f'Say how many people, at least 1, for example: cmo run "{EXAMPLE}"',
        )
    plan, questions, assumptions = compile_plan(u, text, unknown, defaults or Plan(goal=text), frozenset(settled))
    return Reading(
        plan=plan.model_copy(update={"assumptions": assumptions}),
        assumptions=assumptions,
        questions=questions,
        unread=tuple(dict.fromkeys((*u.left_over, *unknown))),
        named=u.named(),
    )


def answer(reading: Reading, question: Question, choice: Choice, *, defaults: Plan | None = None) -> Reading:
    """`reading` after somebody answered `question`: the choice applied, the assumption and the question gone.

    Args:
        defaults: As for `parse_goal`; a choice may put a field back to them.
    """
    plan = changed(reading.plan, choice.changes, defaults or Plan(goal=reading.plan.goal))
    assumptions = tuple(a for a in reading.assumptions if a != question.assumption)
    return reading.model_copy(
        update={
            "plan": plan.model_copy(update={"assumptions": assumptions}),
            "assumptions": assumptions,
            "questions": tuple(q for q in reading.questions if q != question),
        }
    )


def _read(text: str, today: date) -> tuple[Sentence, Understood]:
    """`text` read by the rules; where words are left that are slips of known ones, read again without the slips."""
    s, u = Sentence(text), Understood(today=today)
    apply_rules(s, u, RULES)
    slips = near_misses(s)
    if slips:
        written = {s.tokens[i].text: word for i, word in slips.items()}
        s, u = Sentence(with_words(s, slips)), Understood(today=today)
        apply_rules(s, u, RULES)
        for word, known in written.items():
            u.note("unread", f"“{word}” read as {known}.")
    return s, u


def _cleaned(sentence: str) -> str:
    text = clean_line(sentence, limit=2 * MAX_GOAL)
    if len(text) > MAX_GOAL:
        raise GoalUnclear(
            f"The goal is too long: {MAX_GOAL:,} characters at most.",
            hint="Say it in one sentence, or put the settings into a job file: cmo run FILE.yaml",
            details={"limit": MAX_GOAL},
        )
    if looks_secret(text):
        raise GoalUnclear("The goal holds a key, which would be stored with the job.", hint=KEYS_BELONG)
    if not text:
        raise GoalUnclear("The goal is empty.", hint=f'Say whom to find, for example: cmo run "{EXAMPLE}"')
    return text


def _unwrapped(text: str) -> str:
    """`text` without quotation marks around the whole of it."""
    s = Sentence(text)
    return s.tokens[0].text if len(s) == 1 and s.is_quote(0) else text


def _says_whom(u: Understood, unknown: tuple[str, ...]) -> bool:
    """A lone `email address` or `person` among words that are not understood may be anybody's."""
    about_whom = ("target", "stars.low", "stars.high", "icp.location", "icp.activity_days", "icp.roles")
    return bool(
        u.flags & {"people", "any_language", "anywhere"}
        or ("one_person" in u.flags and not unknown)
        or any(key in u.values for key in about_whom)
        or any(u.lists.get(key) for key in ("icp.languages", "icp.topics", "icp.keywords"))
    )
