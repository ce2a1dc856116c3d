"""What the hand does on the screen of leads, and what it tells then."""

from __future__ import annotations

from cmo.config import Settings
from cmo.domain.outcome import STATUS_AFTER, STOPS, STOPS_ALL, WORDS, Outcome
from cmo.service.said import MAY_STILL_MAIL, add_note, set_outcome
from cmo.service.suppress import Target, suppress
from cmo.service.withdrawing import withdraw
from cmo.tui.messages import Told
from cmo.tui.paint import line


def outcome_words(outcome: Outcome | None) -> str:
    """An outcome as it is chosen, with what follows from it; None takes back what was said."""
    if outcome is None:
        return "take back what was said"
    stops = "  no mail to them" if outcome in STOPS else ""
    others = ", or anybody there" if outcome in STOPS_ALL else ""
    return f"{WORDS[outcome]:<9}  {STATUS_AFTER[outcome]:<14}{stops}{others}".rstrip()


def outcome_said(settings: Settings, job_id: str, login: str, outcome: Outcome | None) -> Told:
    """Say what came of a person, or take it back."""
    said = set_outcome(settings, job_id, login, outcome)
    words = WORDS[outcome] if outcome else "taken back"
    already = "" if said.is_new else " already"
    still = f" {MAY_STILL_MAIL}; b takes them out." if outcome in STOPS and said.is_handed_over else ""
    told = f"{line(said.after.login)}: {words}{already}, {said.after.status}. m changes it.{still}"
    return Told("leads.outcome", told)


def note_added(settings: Settings, job_id: str, login: str, text: str) -> Told:
    """Write something down about a person."""
    return Told("leads.note", f"Noted about {line(add_note(settings, job_id, login, text).after.login)}.")


def suppressed(settings: Settings, target: Target, reason: str) -> Told:
    """Never contact the target again, and take them out of the sequences that they were handed to."""
    is_new = suppress(settings, target, reason=reason)
    gone = withdraw(settings)
    parts = [
        f"{target.kind} {line(target.value)} " + ("is never contacted again." if is_new else "was suppressed already.")
    ]
    if gone.done:
        parts.append(f"Taken out of the sequence they were handed to: {gone.done:,}.")
    if gone.left:
        first = gone.left[0]
        parts.append(f"{first.provider} may still mail {len(gone.left):,}; the next send tries again. {first.by_hand}")
    return Told("leads.suppress", " ".join(parts), is_refused=bool(gone.left))
