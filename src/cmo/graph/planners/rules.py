"""The planner that needs no model: a fixed order, and a guess at how many repositories a round needs."""

from __future__ import annotations

import math
from collections.abc import Mapping

from cmo.domain.job import ATTIO_CSV, PROSPECTS_CSV, Stage
from cmo.graph.planner import Decision, Situation, ToolCall
from cmo.graph.rails import can_call, in_work, next_in_work, stops_before

STEPS_OF_A_ROUND = 6
"""search, extract, enrich, emails, mx, score."""
STEPS_OF_THE_END = 3
"""Two exports and done; drafts are one more."""
FIRST_YIELD = 1.5
"""Good leads per repository before any was measured; github-cost.md gives 8 recent people a repository (median),
67 % of them with a usable address, of whom the best five are kept."""
FIRST_SHARE = 0.6
"""Part of the estimated need that the first round searches, so that the second can go by a measured yield."""
MARGIN = 1.1
LEAST_ROUND = 30
"""Repositories; smaller rounds waste steps."""
_WAITS: Mapping[str, str] = {
    "extract_people": "repositories not read",
    "enrich_github_user": "people without a profile",
    "find_commit_emails": "people without an address",
    "mx_check": "addresses not verified",
    "score_icp": "people without a score",
    "render_copy": "leads without a draft",
}


class RulesPlanner:
    """Deterministic: the same situation gives the same call."""

    async def decide(self, situation: Situation) -> Decision:
        return Decision(call=next_call(situation), planner="rules")


def next_call(situation: Situation) -> ToolCall:
    """search → extract → enrich → emails → mx → score, again until the target or a cap, then draft → send → sync →
    export → done."""
    return (
        _search(situation)
        or _process(situation)
        or _write(situation)
        or _export(situation)
        or ToolCall(tool="done", args={"summary": summary(situation)}, why="nothing is left to do")
    )


def repos_needed(situation: Situation) -> int:
    """How many more repositories should be searched now; 0 when none."""
    counts, plan = situation.progress, situation.plan
    missing = plan.target - counts.good_leads
    if missing <= 0 or in_work(situation) or situation.room_repos <= 0 or situation.room_people <= 0:
        return 0
    if not (situation.search_open or situation.can_widen) or not can_call(situation, "search_github_repos"):
        return 0
    if counts.repos_unread and not situation.search_open:
        return 0  # widening waits until what was found has shown what it yields
    read = counts.repos_read
    per_repo = counts.good_leads / read if read else FIRST_YIELD
    need = math.ceil(missing / max(per_repo, 0.05) * MARGIN)
    rounds_left = (situation.steps_left - STEPS_OF_THE_END - situation.can_draft) // STEPS_OF_A_ROUND
    if not read and rounds_left > 1:
        need = math.ceil(need * FIRST_SHARE)
    if counts.repos_unread and need - counts.repos_unread < LEAST_ROUND:
        return 0
    return min(max(need, LEAST_ROUND) - counts.repos_unread, situation.room_repos)


def summary(situation: Situation) -> str:
    """One sentence on how far the job got."""
    counts = situation.progress
    return f"{counts.good_leads} of {situation.plan.target} good leads from {counts.repos_read} repositories."


def _search(situation: Situation) -> ToolCall | None:
    if stops_before(situation, Stage.DISCOVER):
        return None
    need = repos_needed(situation)
    if need == 0:
        return None
    missing = situation.plan.target - situation.progress.good_leads
    return ToolCall(tool="search_github_repos", args={"max_repos": need}, why=f"{missing} good leads are missing")


def _process(situation: Situation) -> ToolCall | None:
    found = next_in_work(situation)
    if found is None:
        return None
    tool, count = found
    return ToolCall(tool=tool, args={"selector": "pending"}, why=f"{count} {_WAITS[tool]}")


def _write(situation: Situation) -> ToolCall | None:
    """Each writer of the job once; what is approved or found later leaves by `cmo send` and `cmo sync`."""
    for tool in situation.writes:
        if tool in situation.tools_called or not can_call(situation, tool) or stops_before(situation, Stage.SEND):
            continue
        if not tool.startswith("send_"):
            return ToolCall(tool=tool, args={"selector": "pending"}, why="people and notes are not written")
        if situation.progress.drafts_unplanned:
            return ToolCall(tool=tool, args={}, why=f"{situation.progress.drafts_unplanned} approved drafts wait")
    return None


def _export(situation: Situation) -> ToolCall | None:
    for file, what in ((PROSPECTS_CSV, "prospects"), (ATTIO_CSV, "attio")):
        if file not in situation.files and can_call(situation, "export_csv"):
            return ToolCall(tool="export_csv", args={"what": what}, why=f"{file} is not written")
    return None
