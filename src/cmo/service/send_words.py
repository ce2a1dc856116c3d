"""What a send is about to do, and what came of it, in the words of both front ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from cmo.domain.base import Frozen
from cmo.domain.letters import SEQUENCE_MAILERS
from cmo.domain.policy import FAULT_OF_NOBODY
from cmo.domain.text import clean_line, span
from cmo.service.sending import SendPreview, SendRow
from cmo.store.send_views import CameOf

_NAMES = 5
MOST_REASONS = 3
"""Told of one rule."""


class Announcement(Frozen):
    """Who gets mail, from where, when; and what stays."""

    lines: tuple[str, ...]
    warnings: tuple[tuple[str, str], ...]
    """Each with what to do, where there is something."""


def announce(preview: SendPreview, *, now: datetime, ref: str, is_sandbox: bool) -> Announcement:
    """What handing `preview` over means.

    Args:
        ref: How the job is named in commands.
    """
    leaving, sequence = preview.leaving, preview.sequence
    is_own = preview.mailer not in SEQUENCE_MAILERS
    by = preview.mailer if is_own else f"{preview.mailer}, sequence {clean_line(sequence.name or sequence.id)}"
    boxes = ", ".join(sorted({row.inbox for row in leaving} or {box.address for box in sequence.inboxes}))
    lines = [f"{len(leaving):,} {'leaves' if len(leaving) == 1 else 'leave'} by {by}, from {boxes}."]
    if leaving:
        labels = Counter(row.label or "unscored" for row in leaving)
        by_label = ", ".join(f"{count:,} {label}" for label, count in labels.most_common())
        wait_s = (preview.leaves_at - now).total_seconds()
        lines += [
            f"To {by_label}: {_names(leaving)}.",
            f"The first leaves at {clock(preview.leaves_at)}{f', in {span(wait_s)}' if wait_s >= 1 else ''}.",
        ]
    lines += _staying(preview.rows)
    stays = len(preview.rows) - len(leaving)
    if leaving and stays:
        lines.append(f"What stays waits in the outbox; a later cmo send asks the gate again ({stays:,}).")
    if preview.doubtful:
        lines.append(f"{preview.doubtful:,} may have left before; they are looked up first.")
    warnings = list[tuple[str, str]]()
    if preview.mailer == "maildir" and not is_sandbox:
        warnings.append(
            (
                "These mails become files and reach nobody, but their people count as written to from then on.",
                f"Send them for real: cmo jobs set {ref} mailer=smtp, and approve the drafts for it",
            )
        )
    if sequence.state != "sending":
        warnings.append((f"The sequence at {preview.mailer} is {sequence.state}: it holds what it is handed.", ""))
    return Announcement(lines=tuple(lines), warnings=tuple(warnings))


def count_outcomes(came: CameOf) -> str:
    """What came of a delivery."""
    parts = [("tried again later", came.later), ("unknown, looked up by itself", came.unknown)]
    parts += [("unknown, held for you", came.held), ("refused by the provider", came.failed)]
    return f"{came.confirmed:,} confirmed" + "".join(f", {n:,} {word}" for word, n in parts if n) + "."


def tell_stay(count: int, rule: str, message: str, retry_at: datetime | None) -> str:
    """How many a rule keeps from leaving, why, and until when."""
    again = f" Again from {clock(retry_at)}." if retry_at else ""
    kind = "wait" if rule in FAULT_OF_NOBODY else "stay"
    return f"{count:,} {kind}{'s' if count == 1 else ''}, {rule}: {clean_line(message)}{again}"


def clock(moment: datetime | None) -> str:
    """A moment in local time, e.g. `Fri 20 Nov 14:02`; empty without one."""
    return "" if moment is None else f"{moment.astimezone():%a %d %b %H:%M}"


def _staying(rows: Sequence[SendRow]) -> list[str]:
    """What does not leave, by rule and reason, with the earliest time it may; rare reasons of a rule are one line."""
    found: dict[tuple[str, str], list[SendRow]] = {}
    for row in rows:
        if row.rule is not None:
            found.setdefault((row.rule, row.message), []).append(row)
    said: Counter[str] = Counter()
    rest: dict[tuple[str, str], list[SendRow]] = {}
    for (rule, message), same in sorted(found.items(), key=lambda item: -len(item[1])):
        said[rule] += 1
        words = message if said[rule] <= MOST_REASONS else "for other reasons of that kind."
        rest.setdefault((rule, words), []).extend(same)
    lines = []
    for (rule, message), same in rest.items():
        times = [row.retry_at for row in same if row.retry_at]
        lines.append(tell_stay(len(same), rule, message, min(times) if times else None))
    return lines


def _names(rows: Sequence[SendRow]) -> str:
    shown = ", ".join(clean_line(row.login) for row in rows[:_NAMES])
    return shown + (f" and {len(rows) - _NAMES:,} more" if len(rows) > _NAMES else "")
