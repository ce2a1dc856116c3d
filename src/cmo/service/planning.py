"""A plan before it runs: changed, answered, and in words."""

from __future__ import annotations

from dataclasses import replace

from cmo.config import Settings
from cmo.domain.goal import Reading, answer
from cmo.domain.job import Mode, Plan, StarsRange
from cmo.domain.letters import SEQUENCE_MAILERS
from cmo.domain.plan import Cost, SendingTime, change_plan
from cmo.service.jobs import PlanCard, plan_card

Items = list[tuple[str, str]]


def with_changes(settings: Settings, card: PlanCard, changes: dict[str, str]) -> PlanCard:
    """The card with settings of its plan changed.

    Raises:
        ConfigError: an unknown setting or a bad value.
    """
    return _with_plan(settings, card, change_plan(card.plan, changes))


def answered(settings: Settings, card: PlanCard, number: int) -> PlanCard:
    """The card after its first question was answered.

    Args:
        number: Of the choice, from 1.
    """
    question = card.questions[0]
    reading = Reading(plan=card.plan, assumptions=card.plan.assumptions, questions=card.questions, unread=card.unread)
    after = answer(reading, question, question.choices[number - 1])
    return replace(_with_plan(settings, card, after.plan), questions=after.questions)


def _with_plan(settings: Settings, card: PlanCard, plan: Plan) -> PlanCard:
    return replace(plan_card(settings, plan), questions=card.questions, unread=card.unread)


def plan_items(card: PlanCard) -> Items:
    """What an operator reads before saying yes: head and text, in order; a head may come several times."""
    plan, icp, caps = card.plan, card.plan.icp, card.plan.caps
    rows: Items = [("Goal", plan.goal)]
    languages = ", ".join(icp.languages) or "any language"
    topics = f", topics {' '.join(icp.topics)}" if icp.topics else ""
    words = f", words {' '.join(icp.keywords)}" if icp.keywords else ""
    without = f", without {' '.join(icp.exclude)}" if icp.exclude else ""
    rows.append(("Look for", f"{languages} repositories, {_stars_text(icp.stars_range)} stars{topics}{words}{without}"))
    place = f", in {icp.location}" if icp.location else ""
    roles = f", only {' and '.join(f'{role}s' for role in icp.roles)}" if icp.roles else ""
    rows.append(
        (
            "People",
            f"up to {caps.max_people:,}, {caps.top_authors_per_repo} authors a repository, "
            f"active in {icp.activity_days} days{place}{roles}",
        )
    )
    rows.append(("Target", f"{plan.target:,} good addresses, score 60 or more"))
    rows += _feasible(card)
    rows.append(("Mail by", _leaves_by(card)))
    if plan.crm:
        rows.append(("CRM", f"{plan.crm}, {f'list {plan.list_id}' if plan.list_id else 'no list'}"))
    rows.append(("Will write", _will_write(plan)))
    rows += [("Assumed", text) for text in plan.assumptions]
    if card.unread:
        rows.append(("Not read", "these words mean nothing to me: " + " ".join(card.unread)))
    return rows


_REACH = {
    "repos": "repositories",
    "people": "people",
    "matching": "of them as asked",
    "addresses": "addresses",
    "mx_ok": "that take mail",
    "good": "good leads",
    "sendable": "sendable now",
    "held": "on hold",
}
_UNITS = {
    "points": "GitHub points",
    "rest_requests": "GitHub requests",
    "lookups": "DNS look-ups",
    "tokens": "tokens",
}


def _feasible(card: PlanCard) -> list[tuple[str, str]]:
    """Reach, cost, time, verdict, and what would make it fit."""
    found = card.feasibility
    reach = [f"{_span(item.low, item.high)} {_REACH.get(item.name, item.name)}" for item in found.reach]
    costs = [_cost(cost) for cost in found.costs if cost.high]
    rows = [
        ("Expect", " → ".join(reach)),
        ("Will use", ", ".join([*costs, f"{_span(found.minutes.low, found.minutes.high)} min"])),
    ]
    if found.sending.high_days != 0:
        rows.append(("Sending", _sending(found.sending)))
    rows.append(("Verdict", found.reason))
    rows += [("To fit", f"{change.label}: {change.why}") for change in found.changes[:3]]
    return [*rows, *(("Note", note) for note in found.notes)]


def _sending(sending: SendingTime) -> str:
    if sending.high_days is None:
        return sending.reason
    days = _span(sending.low_days or 0, sending.high_days)
    return f"{days} working day{'' if days == '1' else 's'} once you approve: {sending.reason}"


def _cost(cost: Cost) -> str:
    if cost.unit == "usd":
        return f"${cost.low:,.2f}..{cost.high:,.2f}"
    return f"{_span(cost.low, cost.high)} {_UNITS.get(cost.unit, cost.unit)}"


def _span(low: float, high: float) -> str:
    """`180..400`, or one number where both ends are the same."""
    return f"{low:,.0f}" if round(low) == round(high) else f"{low:,.0f}..{high:,.0f}"


def _will_write(plan: Plan) -> str:
    if plan.mode is Mode.DRY_RUN:
        return "DRY RUN: local store and files only."
    if plan.mode is Mode.DRAFT_ONLY:
        return "local store and files only. Sending is locked; nothing leaves without your approval."
    return "local store and files. Nothing is sent without your approval of each draft."


def _stars_text(stars: StarsRange) -> str:
    return f"{stars.low:,}..{stars.high:,}"


def _leaves_by(card: PlanCard) -> str:
    """By what approved mail will leave."""
    by, sequence = card.route.mailer, card.route.sequence_id
    if by in SEQUENCE_MAILERS:
        return f"{by}, sequence {sequence}" if sequence else f"{by}; no sequence yet: cmo jobs set JOB sequence_id=ID"
    unused = f"; sequence {sequence} waits for a provider: say Instantly or Smartlead" if sequence else ""
    return f"{by}{' (files only, nobody is reached)' if by == 'maildir' else ''}{unused}"
