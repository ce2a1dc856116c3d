"""What the agent may do next, in code: caps, order, preconditions. A planner's word never moves them."""

from __future__ import annotations

from collections.abc import Sequence

from cmo.domain.event import CandidateDropped, CandidateFound, Event
from cmo.domain.job import Plan, Stage
from cmo.graph.planner import Situation, ToolCall


def call_cap(plan: Plan, tool: str) -> int:
    """How often a planner may call `tool` in this job."""
    return plan.caps.max_tool_calls_per_kind.get(tool, plan.caps.max_tool_calls)


def what_is_missing(call: ToolCall, situation: Situation) -> str | None:
    """Why `call` may not run now, in words a planner can act on; None when it may."""
    if situation.tool_calls_left.get(call.tool, 0) <= 0:
        return f"{call.tool} was called as often as max_tool_calls allows; go on with another tool, or call done."
    counts = situation.progress
    match call.tool:
        case "search_github_repos":
            return _search(situation)
        case "extract_people":
            if counts.repos_unread and not situation.room_people:
                return "max_people is reached: go on with the people found."
            return None if counts.repos_unread else "No unread repositories: call search_github_repos first."
        case "enrich_github_user":
            return None if counts.candidates_new else "No new candidates: call extract_people first."
        case "find_commit_emails":
            return None if counts.people_without_email else "No enriched people wait: call enrich_github_user first."
        case "mx_check":
            return None if counts.emails_unverified else "No unverified addresses: call find_commit_emails first."
        case "score_icp":
            if counts.emails_unverified and can_call(situation, "mx_check"):
                return f"{counts.emails_unverified} addresses are unverified: call mx_check first."
            return None if scorable(situation) else "Nobody waits for a score: call find_commit_emails first."
        case "render_copy":
            if not situation.can_draft:
                return "Nobody has said what to write: leads stay without drafts. Go on with export_csv."
            return None if counts.leads_undrafted else "Every lead has a draft: call export_csv."
        case "send_instantly" | "send_smartlead" | "send_smtp" | "sync_attio" | "sync_hubspot" | "sync_linear":
            return _write(call.tool, situation)
        case "export_csv":
            return _unfinished(situation)
        case "done":
            return _done(situation)
        case _:
            return None


def _search(situation: Situation) -> str | None:
    if situation.room_repos <= 0:
        return "max_repos is reached: go on with the repositories found."
    if situation.room_people <= 0:
        return "max_people is reached: go on with the people found."
    if not (situation.search_open or situation.can_widen):
        return "The search is exhausted and cannot be widened further."
    if situation.progress.good_leads >= situation.plan.target:
        return "The target is reached: call export_csv, then done."
    return None


def _write(tool: str, situation: Situation) -> str | None:
    if tool not in situation.writes:
        return f"{tool} is not for this job now: its mode is {situation.plan.mode}. Go on with export_csv."
    if tool.startswith("send_") and not situation.progress.drafts_unplanned:
        return "No approved draft waits to be handed over: go on with export_csv."
    return None


def can_call(situation: Situation, tool: str) -> bool:
    """Whether the cap on calls of `tool` leaves one."""
    return situation.tool_calls_left.get(tool, 0) > 0


def stops_before(situation: Situation, stage: Stage) -> bool:
    """Whether the plan ends before `stage`."""
    order = list(Stage)
    return situation.plan.until is not None and order.index(situation.plan.until) < order.index(stage)


def in_work(situation: Situation) -> int:
    """How many people are on their way from found to scored."""
    counts = situation.progress
    return counts.candidates_new + counts.people_without_email + counts.people_unscored


def scorable(situation: Situation) -> int:
    """How many people score_icp would take now."""
    return situation.progress.people_unscored - situation.people_unsettled


def waiting(situation: Situation) -> tuple[tuple[str, Stage, int], ...]:
    """Tool, its stage, and how many items wait for it, in the order of the work."""
    counts = situation.progress
    return (
        ("extract_people", Stage.EXTRACT, counts.repos_unread if situation.room_people else 0),
        ("enrich_github_user", Stage.ENRICH, counts.candidates_new),
        ("find_commit_emails", Stage.EMAILS, counts.people_without_email),
        ("mx_check", Stage.MX, counts.emails_unverified),
        ("score_icp", Stage.SCORE, scorable(situation)),
        ("render_copy", Stage.DRAFT, counts.leads_undrafted if situation.can_draft else 0),
    )


def next_in_work(situation: Situation) -> tuple[str, int] | None:
    """The next tool that items wait for, and how many; what a cap or the plan's end forbids is not."""
    for tool, stage, count in waiting(situation):
        if count and can_call(situation, tool) and not stops_before(situation, stage):
            return tool, count
    return None


def _unfinished(situation: Situation) -> str | None:
    """What must still be done before files are written."""
    found = next_in_work(situation)
    return None if found is None else f"{found[1]} items wait for {found[0]}: call it first."


def _done(situation: Situation) -> str | None:
    if unfinished := _unfinished(situation):
        return unfinished
    if not situation.files and can_call(situation, "export_csv"):
        return "The results are not exported: call export_csv first."
    return _still_to_find(situation)


def still_to_do(situation: Situation) -> str | None:
    """What keeps a job from being done besides its files: work that waits, or good leads that the search may find."""
    return _unfinished(situation) or _still_to_find(situation)


def _still_to_find(situation: Situation) -> str | None:
    short = situation.plan.target - situation.progress.good_leads
    stops = stops_before(situation, Stage.SCORE) and situation.progress.repos > 0
    searches = can_call(situation, "search_github_repos") and not stops and _search(situation) is None
    if short > 0 and searches:
        return f"{short} good leads are missing and the search can go on: call search_github_repos."
    return None


def shortfall(situation: Situation) -> str | None:
    """Why a job that is done has fewer good leads than its target, or None when it has not."""
    counts, plan = situation.progress, situation.plan
    short = plan.target - counts.good_leads
    if short <= 0:
        return None
    head = f"{short} fewer than asked for"
    if plan.until is not None:
        return f"{head}: the job was to stop after {plan.until}."
    if situation.room_people <= 0:
        return f"{head}: max_people={plan.caps.max_people} is reached. Raise it with --max-people."
    if situation.room_repos <= 0:
        return f"{head}: max_repos={plan.caps.max_repos} is reached. Raise it with --max-repos."
    capped = [tool for tool in situation.tool_calls_left if not can_call(situation, tool)]
    if capped:
        return f"{head}: the cap on calls of {', '.join(capped)} is reached. Raise max_tool_calls."
    if not (situation.search_open or situation.can_widen):
        return (
            f"{head}: no further repository matches, even after widening ({plan.icp.stars_range} stars, "
            f"{len(plan.icp.topics)} topics, {plan.icp.activity_days} days)."
        )
    return f"{head}."


def hold_to_people_cap(events: Sequence[Event], *, known: frozenset[str], room: int) -> list[Event]:
    """`events` with every person beyond `room` new ones turned into a drop that says so.

    Args:
        known: Login keys the job has already; they do not count.
    """
    admitted: set[str] = set()
    kept: list[Event] = []
    for event in events:
        if isinstance(event, CandidateFound):
            key = event.ref.login.lower()
            if key not in known and key not in admitted:
                if len(admitted) >= room:
                    drop = CandidateDropped(login=event.ref.login, from_repo=event.ref.from_repo, reason="cap")
                    kept.append(drop.model_copy(update={"detail": "max_people is reached"}))
                    continue
                admitted.add(key)
        kept.append(event)
    return kept
