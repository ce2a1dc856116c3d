"""What a mailbox of one's own is to the rest of cmo, whichever way its mail is carried."""

from __future__ import annotations

from cmo.domain.address import identity_key
from cmo.domain.outward import Fate, Inbox, Letter, PauseReport, Receipt, Sequence
from cmo.providers.mail.mime import MailUnsafe, build_mail


def prepare(letter: Letter, *, inbox: str) -> bytes | Receipt:
    """The mail to hand over, or the refusal where the letter must not leave as it stands."""
    if identity_key(letter.from_email) != identity_key(inbox):
        reason = "the letter is from another sender than this mailbox"
        return Receipt(key=letter.key, fate=Fate.REFUSED, code="wrong_sender", reason=reason)
    try:
        return build_mail(letter)
    except MailUnsafe as exc:
        return Receipt(key=letter.key, fate=Fate.REFUSED, code="unsafe_mail", reason=exc.reason)


def as_sequence(inbox: Inbox) -> Sequence:
    """The mailbox in the form of a provider's campaign."""
    return Sequence(id=inbox.provider, name=inbox.address, state="sending", inboxes=(inbox,))


def pause_report(provider: str, sequence_id: str) -> PauseReport:
    """What pausing comes to where nothing is ever queued."""
    detail = "Nothing leaves this mailbox by itself: it sends only what cmo hands over."
    return PauseReport(provider=provider, sequence_id=sequence_id, state="paused", detail=detail)
