"""What a mailbox of one's own is to the rest of cmo, whichever way its mail is carried."""

from __future__ import annotations

from functools import cache

from cmo.domain.address import identity_key
from cmo.domain.outward import Fate, Inbox, Letter, PauseReport, Receipt, Sequence
from cmo.errors import ConfigError
from cmo.providers.mail.mime import MailUnsafe, build_mail, self_test


def prepare(letter: Letter, *, inbox: str) -> bytes | Receipt:
    """The mail to hand over, or the refusal where the letter must not leave as it stands.

    Raises:
        ConfigError: no mail may leave, since the guard in front of it does not work here.
    """
    require_guard()
    if identity_key(letter.from_email) != identity_key(inbox):
        reason = "the letter is from another sender than this mailbox"
        return Receipt(key=letter.key, fate=Fate.REFUSED, code="wrong_sender", reason=reason)
    try:
        return build_mail(letter)
    except MailUnsafe as exc:
        return Receipt(key=letter.key, fate=Fate.REFUSED, code="unsafe_mail", reason=exc.reason)


@cache
def require_guard() -> None:
    """Try the guard before the first mail of this process.

    Raises:
        ConfigError: it does not work.
    """
    try:
        self_test()
    except MailUnsafe as exc:
        raise ConfigError(f"No mail leaves: {exc.reason}.", hint="Use another release of Python.") from exc


def as_sequence(inbox: Inbox) -> Sequence:
    """The mailbox in the form of a provider's campaign."""
    return Sequence(id=inbox.provider, name=inbox.address, state="sending", inboxes=(inbox,))


def pause_report(provider: str, sequence_id: str) -> PauseReport:
    """What pausing comes to where nothing is ever queued."""
    detail = "Nothing leaves this mailbox by itself: it sends only what cmo hands over."
    return PauseReport(provider=provider, sequence_id=sequence_id, state="paused", detail=detail)
