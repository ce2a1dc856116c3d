"""A plan as a sentence that reads back as the same plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cmo.domain.grammar.vocabulary import LANGUAGES, TOPICS
from cmo.domain.job import Caps, Icp, Mode, Plan
from cmo.domain.text import clean_line


def render_plan(plan: Plan) -> str:
    """`plan` as one sentence of the grammar.

    Left out: what the grammar has no words for (`max_tool_calls_per_kind`, `pushed_before_days`); send-allowed is
    written as draft-only, since no sentence may unlock sending.
    """
    return "; ".join([f"find {plan.target} people", *_who(plan.icp), *_how(plan), *_caps(plan.caps)])


def short_goal(plan: Plan) -> str:
    """Whom `plan` looks for, in a few words: the goal of a plan that came without one."""
    icp = plan.icp
    people = f"{icp.roles[0]}s" if len(icp.roles) == 1 else "people"
    parts = [" ".join(["find", str(plan.target), *([" or ".join(icp.languages)] if icp.languages else []), people])]
    parts += [f"topics {_listed(icp.topics)}"] if icp.topics else []
    parts += [f"in {icp.location}"] if icp.location else []
    parts += [f"no {' or '.join(icp.exclude)}"] if icp.exclude else []
    parts += ["dry run"] if plan.mode is Mode.DRY_RUN else []
    return clean_line(", ".join(parts), limit=300)


def _who(icp: Icp) -> Iterator[str]:
    known = [name if LANGUAGES.get(name) == name else f'"{name}"' for name in icp.languages]
    yield f"languages: {', '.join(known)}" if known else "any language"
    yield f"topics {_listed(icp.topics)}" if icp.topics else "any topic"
    yield f"stars {icp.stars_range}"
    yield f"active {icp.activity_days} days"
    yield f'location "{icp.location}"' if icp.location else "anywhere"
    yield f"{icp.roles[0]}s only" if len(icp.roles) == 1 else "any role"
    if icp.keywords:
        yield "keywords " + ", ".join(f'"{word}"' for word in icp.keywords)
    if icp.exclude:
        yield "exclude " + ", ".join(f'"{word}"' for word in icp.exclude)


def _listed(topics: Iterable[str]) -> str:
    return ", ".join(topic if TOPICS.get(topic) == topic else f'"{topic}"' for topic in topics)


def _how(plan: Plan) -> Iterator[str]:
    yield "dry run" if plan.mode is Mode.DRY_RUN else "draft only"
    yield f"channel {plan.channel}"
    if plan.mailer:
        yield f"via {plan.mailer}"
    if plan.sequence_id:
        yield f'sequence id "{plan.sequence_id}"'
    if plan.crm:
        yield f"to {plan.crm}"
    if plan.list_id:
        yield f'list id "{plan.list_id}"'
    if plan.start_on:
        yield f"starting {plan.start_on}"
    if plan.until:
        yield f"until {plan.until}"


def _caps(caps: Caps) -> Iterator[str]:
    for name, value in caps:
        if isinstance(value, int):
            yield f"{name}={value}"
    if caps.budget_usd is not None:
        yield f"budget ${caps.budget_usd:.2f}"
