"""What the hand does to drafts, and what it tells then."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cmo import service
from cmo.config import Settings
from cmo.service import drafts as verbs
from cmo.service.draft_words import Change
from cmo.store.draft_again import find_taken_back
from cmo.store.draft_refusals import Refused
from cmo.store.draft_views import find_batch
from cmo.store.drafts import Decision
from cmo.tui.messages import Told
from cmo.tui.paint import line


def undone(settings: Settings, job_id: str) -> Told:
    """Take back what was decided last, the whole batch."""
    with service.reader(settings) as conn:
        batch = find_batch(conn, job_id, None)
    if batch is None:
        return Told("drafts.undo", "There is no decision to take back.")
    done = verbs.undo(settings, batch)
    said = f"Took back batch {done.batch}: {done.action} of {_many(done.done)}. ctrl+r does it again."
    return Told("drafts.undo", said, draft_id=done.done[0])


def done_again(settings: Settings, job_id: str) -> Told:
    """Decide again what undo took back last."""
    with service.reader(settings) as conn:
        batch = find_taken_back(conn, job_id, None)
    if batch is None:
        return Told("drafts.again", "Nothing is taken back that could be done again.")
    done = verbs.again(settings, batch)
    stays = f" {_stays(done.refused)}" if done.refused else ""
    said = f"Did batch {batch.batch} again: {done.action} of {_many(done.done)}. u takes it back.{stays}"
    return Told("drafts.again", said, is_refused=bool(stays), draft_id=done.done[0])


def _many(drafts: Sequence[int]) -> str:
    return f"{len(drafts)} drafts" if len(drafts) != 1 else f"draft {drafts[0]}"


def _stays(refused: Sequence[Refused]) -> str:
    more = f" And {len(refused) - 1} more." if len(refused) > 1 else ""
    return f"Draft {refused[0].draft_id} stays as it is: {line(refused[0].message)}.{more}"


def reworded(action: str, draft_id: int, change: Change) -> Told:
    """What new words came to; they are shown again and wait for a decision."""
    if change is None:
        return Told(action, f"Draft {draft_id} keeps its words.", draft_id=draft_id)
    edited, words = change
    if edited.refused is not None:
        return Told(action, f"Draft {draft_id} stays as it is: {line(edited.refused.message)}.", is_refused=True)
    against = ", ".join(line(finding.flag) for finding in words.findings)
    said = f"the checks found: {against}" if against else "the checks found nothing"
    return Told(action, f"Draft {draft_id} has version {edited.version}; {said}.", draft_id=draft_id)


def decided(action: str, verb: Callable[[], Decision]) -> Told:
    """What a decision came to; only what did not go as the screen shows it is told in words."""
    decision = verb()
    if decision.refused:
        return Told(f"drafts.{action}", _stays(decision.refused), is_refused=True)
    if decision.suppressed:
        return Told(f"drafts.{action}", "They will never be contacted; undo does not change that.")
    return Told(f"drafts.{action}", "")
