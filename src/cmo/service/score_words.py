"""What other weights do, in words: the same before a yes on the command line and in the full screen."""

from __future__ import annotations

from cmo.domain.rerank import Effect
from cmo.service.scores import WeightsChange


def people(count: int) -> str:
    """`1 person`, `1,200 people`."""
    return "1 person" if count == 1 else f"{count:,} people"


def effect_lines(effect: Effect, *, most: int = 10) -> list[str]:
    """What it comes to, the counts first, then at most so many of those who move."""
    if not effect.people:
        return ["Nobody has a score yet: it holds for those who get one."]
    rows = [
        f"Of {people(effect.people)}, {effect.moved:,} get another score.",
        f"80 or more: {effect.up_80:,} rise, {effect.down_80:,} fall."
        f"   60 or more: {effect.up_60:,} rise, {effect.down_60:,} fall.",
        f"Leads: {effect.leads_new:,} new, {effect.leads_lost:,} no more, {effect.leads_kept:,} under 60 that stay,"
        " with a draft, a status or an outcome.",
    ]
    if effect.held_back:
        rows.append(f"For another reason {effect.held_back:,} of those who rise to 60 stay rejected.")
    if effect.drafts:
        rows.append(f"Drafts of {people(effect.drafts)} stay as they are, with the new score.")
    width = max((len(move.login) for move in effect.first[:most]), default=0)
    for move in effect.first[:most]:
        fate = f"   {move.fate}" if move.fate else ""
        rows.append(f"  {move.login:<{width}}  {move.before:>3} → {move.after:>3}{fate}")
    return rows


def what_next(change: WeightsChange, effect: Effect, ref: str) -> str:
    """What to type once the weights are changed."""
    if effect.leads_new and change.is_over:
        return f"An ended job writes no more drafts; a new one does. See them: cmo leads list --job {ref}"
    if effect.leads_new:
        return f"Drafts for the new leads: cmo resume {ref}"
    return f"Best first: cmo leads list --job {ref}"
