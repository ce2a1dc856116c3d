"""What changed around a job since the last look: what stops it, what waits for a person; a sentence each."""

from __future__ import annotations

from datetime import datetime, timedelta

from cmo.service.standing import (
    Standing,
    told_doubtful,
    told_drafts,
    told_errors,
    told_kill,
    told_pause,
    told_trouble,
)

_DRAFTS_EVERY = timedelta(seconds=30)
"""Drafts come by the hundred: how many wait is told once in so long."""


class Changes:
    """Takes in how things stand, look by look; what stays as it is is told once."""

    def __init__(self, ref: str) -> None:
        """Know nothing yet.

        Args:
            ref: How the job is named in commands.
        """
        self._ref = ref
        self._before = Standing()
        self._drafts = 0
        """As many as were told last."""
        self._drafts_told_at: datetime | None = None

    def since(self, now: Standing, at: datetime) -> list[str]:
        """What is new, each in a sentence with what to type; the worst first."""
        before, self._before = self._before, now
        told = [*self._stops(before, now), *self._broken(before, now)]
        if now.errors > before.errors:
            told.append(told_errors(now.errors, self._ref))
        if now.doubtful > before.doubtful:
            told.append(told_doubtful(now.doubtful, self._ref))
        if self._is_worth_telling(now.drafts, at):
            self._drafts, self._drafts_told_at = now.drafts, at
            told.append(told_drafts(now.drafts, self._ref))
        return told

    def _stops(self, before: Standing, now: Standing) -> list[str]:
        told = []
        if now.kill != before.kill:
            told.append(_both(told_kill(now.kill)) if now.kill else "All sending is not stopped any more.")
        if now.pause != before.pause:
            told.append(_both(told_pause(now.pause, self._ref)) if now.pause else "Sending is not paused any more.")
        return told

    def _broken(self, before: Standing, now: Standing) -> list[str]:
        known = {trouble.message for trouble in before.troubles}
        told = [_both(told_trouble(trouble)) for trouble in now.troubles if trouble.message not in known]
        return [*told, "Nothing is broken any more."] if known and not now.troubles else told

    def _is_worth_telling(self, drafts: int, at: datetime) -> bool:
        if drafts <= self._drafts:
            self._drafts = drafts
            return False
        return self._drafts_told_at is None or at - self._drafts_told_at >= _DRAFTS_EVERY


def _both(told: tuple[str, str]) -> str:
    return " ".join(told)
