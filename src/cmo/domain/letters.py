"""From a draft to the letter that leaves: composed the same way when it is approved and when it is handed over.

An approval is bound to the hash of the composed letter, so a changed sender, sequence or recipient voids it as an edit
does.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from zoneinfo import ZoneInfo

from cmo.domain.address import parse_address
from cmo.domain.base import Frozen
from cmo.domain.draft import ENROL, Sender
from cmo.domain.outward import Letter
from cmo.domain.suppression import email_key
from cmo.ids import short_hash

SEQUENCE_MAILERS = frozenset({"instantly", "smartlead"})
"""Services that are handed a person once, and then follow their own sequence."""


class Route(Frozen):
    """By what a job's mail leaves."""

    mailer: str
    """instantly, smartlead, smtp, gmail or maildir."""
    sequence_id: str | None = None
    channel: str = "email"

    @property
    def operation(self) -> str:
        """The outbox's name for handing over."""
        return f"{self.mailer}.{ENROL if self.mailer in SEQUENCE_MAILERS else 'send'}"

    def key(self, email: str, step: str) -> str:
        """What the outbox knows a mail by, for ever: whoever it is for, and which mail of which sequence it is."""
        kept = ENROL if self.mailer in SEQUENCE_MAILERS else step
        return f"{email_key(email)}|{self.channel}|{self.sequence_id or self.mailer}|{kept}"


class Words(Frozen):
    """What a draft holds of a letter."""

    step: str
    to_email: str
    to_name: str = ""
    first_name: str = ""
    company: str = ""
    subject: str
    body: str


def compose(words: Words, *, sender: Sender, route: Route, token: str, approved_at: datetime) -> tuple[Letter, str]:
    """The letter and the hash that an approval of it is bound to.

    Args:
        token: Opaque; stands for the recipient in the address that takes a stop.
        approved_at: Goes into the letter's Date, in the sender's zone, not into the hash.
    """
    key, from_email = route.key(words.to_email, words.step), _ascii(sender.email)
    given, _, family = words.to_name.partition(" ")
    letter = Letter(
        key=key,
        step=words.step,
        to_email=_ascii(words.to_email),
        to_name=words.to_name,
        first_name=words.first_name or given,
        last_name=family,
        company=words.company,
        from_email=from_email,
        from_name=sender.name,
        reply_to=_ascii(sender.reply_to),
        subject=words.subject,
        body=words.body,
        message_id="",
        sequence_id=route.sequence_id,
        unsubscribe_mailto=_ascii(sender.unsubscribe_mailto) or from_email,
        unsubscribe_url=f"{sender.unsubscribe_url.rstrip('/')}/{token}" if sender.unsubscribe_url else "",
        written_at=approved_at.replace(microsecond=0).astimezone(ZoneInfo(sender.time_zone)),
    )
    bound = content_hash(letter, route.operation)
    message_id = f"{short_hash(key, bound)}.{short_hash(bound, key)}@{from_email.rpartition('@')[2]}"
    return letter.model_copy(update={"message_id": message_id}), bound


def content_hash(letter: Letter, operation: str) -> str:
    """64 hex digits that bind an approval to exactly what will leave, and by what: every field but those that follow
    from them, from the moment of the approval and from the mail before."""
    held = letter.model_dump_json(exclude={"message_id", "in_reply_to", "written_at"}, exclude_defaults=True)
    return hashlib.sha256(f"{operation} {held}".encode()).hexdigest()


def _ascii(email: str) -> str:
    """`email` with its domain in A-labels, as mail servers want it."""
    address = parse_address(email)
    return email if address is None else f"{address.local}@{address.ascii_domain}"
