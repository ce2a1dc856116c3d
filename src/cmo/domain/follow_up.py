"""A remark to a running job, read by the grammar of goals: `skip crypto repos`, `raise max repos to 900`.

A remark changes whom the job looks for, how many, and its caps. It can make the mode stricter, never looser; ids,
channels and days are not changed by words.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from cmo.domain.base import Frozen
from cmo.domain.grammar.follow_up_rules import FOLLOW_UP_RULES, IDLE_WORDS
from cmo.domain.grammar.rules import RULES
from cmo.domain.grammar.rules_repos import MAX_STARS
from cmo.domain.grammar.tokens import KEYS_BELONG, Sentence, looks_secret
from cmo.domain.grammar.understood import Understood, apply_rules, free_words
from cmo.domain.job import Caps, Icp, Mode, Plan, StarsRange
from cmo.domain.text import clean_line

MAX_REMARK = 1000
"""Most characters that are read of a remark."""
_RULES = (*FOLLOW_UP_RULES, *RULES)
_MODES = (Mode.DRY_RUN, Mode.DRAFT_ONLY, Mode.SEND_ALLOWED)
_FIXED = ("sequence_id", "list_id", "channel", "mailer", "crm", "start_on", "until")
_HINT = "Try “skip crypto repos”, “raise max repos to 900”, “only Germany”, “make it 300” or “stop searching”."


class FollowUp(Frozen):
    """What a remark means for a job."""

    plan: Plan | None
    """The plan from the next step on; None where nothing changes."""
    effect: str
    """What changed, or why nothing did; for the record and the operator."""
    understood: bool
    question: str = ""
    """What to ask the operator, where the remark was unclear."""


def parse_follow_up(text: str, plan: Plan, *, today: date | None = None, repos_found: int = 0) -> FollowUp:
    """Read a remark to a job that runs by `plan`.

    Args:
        today: Needed to read days (`commits since 2026-08-01`); without it they stay unread.
        repos_found: How many repositories the job has; `stop searching` caps them there.
    """
    if looks_secret(text):
        return FollowUp(plan=None, effect="Nothing changes: the remark holds a key. " + KEYS_BELONG, understood=False)
    s = Sentence(clean_line(text, limit=MAX_REMARK))
    u = Understood(today=today or date(1970, 1, 1), plan=plan)
    apply_rules(s, u, _RULES)
    unread = free_words(s, IDLE_WORDS)
    new = _new_plan(plan, u, repos_found)
    changes = list(_differences(plan, new))
    refused = list(_refused(plan, u))
    effects = [*([f"{'; '.join(changes)}."] if changes else []), *refused, *(text for _, text in u.notes)]
    if unread:
        effects.append(f"Not understood: {', '.join(f'“{word}”' for word in unread[:12])}.")
    understood = bool(changes or refused or ((u.values or u.lists or u.flags) and not unread))
    if understood and not changes and not refused:
        effects.insert(0, "Nothing changes: the job already does that.")
    if not understood and not effects:
        effects.append("Nothing changes: the remark holds no wish that a job can follow.")
    question = u.questions[0].text if u.questions else "" if understood else f"What should change? {_HINT}"
    return FollowUp(plan=new if changes else None, effect=" ".join(effects), understood=understood, question=question)


def _new_plan(plan: Plan, u: Understood, repos_found: int) -> Plan:
    caps = {key.removeprefix("caps."): value for key, value in u.values.items() if key.startswith("caps.")}
    if "stop_searching" in u.flags:
        caps["max_repos"] = min(max(repos_found, 1), plan.caps.max_repos)
    return plan.model_copy(
        update={
            "target": u.values.get("target", plan.target),
            "icp": _new_icp(plan.icp, u),
            "caps": Caps(**{**dict(plan.caps), **caps}),
            "mode": _new_mode(plan.mode, u),
        }
    )


def _new_icp(icp: Icp, u: Understood) -> Icp:
    values: dict[str, Any] = {
        "keywords": _joined(icp.keywords, u, "icp.keywords", adds=True),
        "languages": () if "any_language" in u.flags else _joined(icp.languages, u, "icp.languages"),
        "topics": _joined(icp.topics, u, "icp.topics"),
        "exclude": _joined(icp.exclude, u, "icp.exclude", adds=True),
        "stars_range": _new_stars(icp.stars_range, u),
    }
    for name in ("activity_days", "location", "roles"):
        if f"icp.{name}" in u.values:
            values[name] = u.values[f"icp.{name}"]
    if "anywhere" in u.flags:
        values["location"] = None
    return icp.model_copy(update=values)


def _joined(before: tuple[str, ...], u: Understood, key: str, *, adds: bool = False) -> tuple[str, ...]:
    """The list with what the remark adds or puts in its place, without what it takes away."""
    gone = u.lists.get(f"-{key}", [])
    named = u.lists.get(key)
    adds = adds or "adds" in u.flags or u.cues.get(key, "").startswith("prefer")
    items = before if named is None else (*before, *named) if adds else tuple(named)
    return tuple(item for item in dict.fromkeys(items) if item not in gone)


def _new_stars(stars: StarsRange, u: Understood) -> StarsRange:
    low, high = u.values.get("stars.low"), u.values.get("stars.high")
    low_end = stars.low if low is None else low
    high_end = stars.high if high is None else high
    if low_end > high_end:
        low_end, high_end = (low_end, MAX_STARS) if high is None else (0, high_end)
    return StarsRange(low=low_end, high=high_end)


def _new_mode(mode: Mode, u: Understood) -> Mode:
    said = u.values.get("mode", mode)
    if "negated_dry_run" in u.flags:
        return mode
    return _MODES[min(_MODES.index(said), _MODES.index(mode))]


def _refused(plan: Plan, u: Understood) -> Iterator[str]:
    """Wishes that words do not fulfil, and the command that does."""
    wishes_more = u.values.get("mode", plan.mode) is Mode.DRAFT_ONLY and plan.mode is Mode.DRY_RUN
    if "send" in u.flags or "negated_dry_run" in u.flags or wishes_more:
        yield (
            f"The mode stays {plan.mode.value}: words never loosen it. "
            "`cmo jobs set last mode=…` does, up to the ceiling of your settings."
        )
    for key in _FIXED:
        if key in u.values:
            yield f"{key} is not changed by words: `cmo jobs set last {key}=…` does it."


def _differences(before: Plan, after: Plan) -> Iterator[str]:
    for name in ("target", "mode"):
        yield from _difference(name, getattr(before, name), getattr(after, name))
    for group in ("icp", "caps"):
        old, new = dict(getattr(before, group)), dict(getattr(after, group))
        for name in old:
            yield from _difference(name, old[name], new[name])


def _difference(name: str, before: Any, after: Any) -> Iterator[str]:
    if before == after:
        return
    if isinstance(before, tuple) and before and set(before) < set(after):
        yield f"{name} + {', '.join(item for item in after if item not in before)}"
    elif isinstance(before, tuple) and set(after) < set(before) and (after or name in ("exclude", "keywords")):
        yield f"{name} - {', '.join(item for item in before if item not in after)}"
    else:
        yield f"{name} {_shown(name, before)} → {_shown(name, after)}"


_EMPTY = {"exclude": "none", "keywords": "none", "budget_usd": "no limit", "location": "anywhere"}


def _shown(name: str, value: Any) -> str:
    if value is None or value == ():
        return _EMPTY.get(name, "any")
    if isinstance(value, tuple):
        return ", ".join(str(item) for item in value)
    return f"{value:,}" if isinstance(value, int) else f"{value:g}" if isinstance(value, float) else str(value)
