"""Sending from a screen: look, hand over exactly what was looked at, sit out the hold, deliver."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from cmo.config import Settings
from cmo.service.send_words import Announcement, announce
from cmo.service.sending import Sending, SendPreview, hold_of, opened, require_unlocked
from cmo.service.wiring import Outside
from cmo.store.send_views import CameOf


class _Left(Exception):
    """Whoever asked is gone."""


def look(settings: Settings, job_id: str, *, found: Outside | None = None) -> tuple[SendPreview, Announcement]:
    """What handing over would come to, and how it is said; nothing is written.

    Args:
        settings: Those of the job.
        found: In place of the outside that the settings name.
    Raises:
        PolicyRefused: sending is locked or stopped, or the provider's sequence is not what was approved.
        ConfigError: sender or provider are not set up.
        ProviderError
    """
    with opened(settings, job_id, found=found) as delivery:
        sending, ref = Sending(delivery), job_id.removeprefix("cmo-")
        require_unlocked(sending, ref)
        preview = sending.preview(due_at=sending.now() + hold_of(settings))
        return preview, announce(preview, now=sending.now(), ref=ref, is_sandbox=settings.sandbox)


def hand_over(
    settings: Settings,
    preview: SendPreview,
    *,
    handed: Callable[[datetime], None],
    is_left: Callable[[], bool],
    found: Outside | None = None,
) -> tuple[CameOf, str]:
    """Hand over, wait until nothing can be recalled any more, deliver: what came of it, and why it stopped early.

    Args:
        preview: What a person has said yes to.
        handed: Told when the first may leave, once everything is in the outbox.
        is_left: Asked each second and before each call; ends it there, and what was handed over waits.
    Raises:
        As `look`.
    """

    def check() -> None:
        if is_left():
            raise _Left

    with opened(settings, preview.job_id, check=check, found=found) as delivery:
        sending = Sending(delivery)
        require_unlocked(sending, preview.job_id.removeprefix("cmo-"))
        started, stopped = sending.now(), ""
        leaves_at = started + hold_of(settings)
        sending.hand_over(preview, due_at=leaves_at, limited=False)
        handed(leaves_at)
        try:
            sending.wait(leaves_at, lambda left_s: None)
            stopped = sending.deliver(most=None, shown=preview).stopped
        except _Left:
            stopped = "Left before the end. What was handed over waits in the outbox; nothing is sent twice."
        return sending.came_of(since=started), stopped
