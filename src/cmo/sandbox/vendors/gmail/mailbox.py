"""The mailbox behind the sandbox's Gmail: messages, drafts, threads, and search."""

from __future__ import annotations

import base64
import binascii
import email.policy
import re
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesParser
from email.utils import getaddresses
from typing import Any

from cmo.sandbox.dice import Dice

ADDRESS = "sam@sandbox.example"
_MESSAGE_ID = re.compile(rb"^message-id:[^\r\n]*", re.I | re.M)


class BadMail(ValueError):
    """What Gmail answers 400 to; the text is its message."""


@dataclass
class Mail:
    """A message or a draft's content."""

    id: str
    thread_id: str
    labels: tuple[str, ...]
    raw: str
    """The whole message, base64url."""
    at: float
    """Epoch seconds."""

    @property
    def content(self) -> bytes:
        return base64.urlsafe_b64decode(self.raw)

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Decoded; names in the sender's case."""
        return tuple((name, str(make_header(decode_header(str(value))))) for name, value in self._parsed().items())

    @property
    def message_id(self) -> str:
        return str(self._parsed()["Message-ID"] or "").strip().removeprefix("<").removesuffix(">")

    @property
    def recipients(self) -> tuple[str, ...]:
        parsed = self._parsed()
        fields = [str(value) for name in ("To", "Cc", "Bcc") for value in parsed.get_all(name, [])]
        return tuple(address.lower() for _, address in getaddresses(fields) if address)

    def _parsed(self) -> Message:
        return BytesParser(policy=email.policy.compat32).parsebytes(self.content, headersonly=True)


@dataclass
class Mailbox:
    """One account. Rows keep the order in which they were made."""

    seed: int
    address: str
    keeps_message_ids: bool
    """Else a Message-ID is replaced on sending, and the old one kept in a header of Google's own."""
    search_lag_s: float
    """How long a message is not found after it was made."""
    messages: dict[str, Mail] = field(default_factory=dict)
    """Sent and received ones."""
    drafts: dict[str, Mail] = field(default_factory=dict)
    """Draft id -> what would be sent."""
    made: int = 0

    def put_draft(self, content: object, now: datetime, *, draft_id: str = "") -> str:
        """Make a draft of a Message object, or replace one. Returns the draft's id.

        Raises:
            BadMail: `content` holds no message.
        """
        raw = _raw_of(content)
        wanted_thread = content.get("threadId") if isinstance(content, dict) else None
        thread = wanted_thread if wanted_thread in {mail.thread_id for mail in self.messages.values()} else ""
        message_id = self._new_id("message")
        draft_id = draft_id or f"r{self._new_id('draft')}"
        self.drafts[draft_id] = Mail(message_id, thread or message_id, ("DRAFT",), raw, now.timestamp())
        return draft_id

    def send_draft(self, draft_id: str, now: datetime) -> Mail:
        """Send a draft, which is then gone.

        Raises:
            BadMail: it has no recipient, and stays.
        """
        sent = self._deliver(self.drafts[draft_id], now)
        del self.drafts[draft_id]
        return sent

    def send(self, content: object, now: datetime) -> Mail:
        """Send a Message object. Raises as `put_draft` and `send_draft`."""
        return self._deliver(Mail("", self._new_id("message"), (), _raw_of(content), now.timestamp()), now)

    def _deliver(self, mail: Mail, now: datetime) -> Mail:
        if not mail.recipients:
            raise BadMail("Recipient address required")
        content = mail.content
        if not self.keeps_message_ids:
            made = f"Message-ID: <CA{self._new_id('kept')}@mail.gmail.com>\r\nX-Google-Original-Message-ID: "
            content = _MESSAGE_ID.sub(made.encode() + f"<{mail.message_id}>".encode(), content, count=1)
        raw = base64.urlsafe_b64encode(content).decode()
        sent = Mail(self._new_id("message"), mail.thread_id, ("SENT",), raw, now.timestamp())
        self.messages[sent.id] = sent
        if self.address in mail.recipients:
            copy = Mail(self._new_id("message"), mail.thread_id, ("INBOX", "UNREAD"), raw, now.timestamp())
            self.messages[copy.id] = copy
        return sent

    def search(self, query: str, now: datetime, *, label: str = "", with_trash: bool = False) -> list[Mail]:
        """Messages that match, newest first.

        Raises:
            BadMail: the query has a word that is not understood.
        """
        found = [mail for mail in self.messages.values() if self._matches(mail, query, now)]
        shown = [mail for mail in found if with_trash or "TRASH" not in mail.labels]
        return [mail for mail in reversed(shown) if not label or label in mail.labels]

    def search_drafts(self, query: str, now: datetime) -> list[str]:
        """Ids of the drafts that match, newest first. Raises as `search`."""
        return [key for key in reversed(self.drafts) if self._matches(self.drafts[key], query, now)]

    def _matches(self, mail: Mail, query: str, now: datetime) -> bool:
        return now.timestamp() - mail.at >= self.search_lag_s and all(
            _has(mail, *word.partition(":")[::2]) for word in shlex.split(query)
        )

    def _new_id(self, kind: str) -> str:
        self.made += 1
        return Dice(self.seed, "gmail", self.address, kind, self.made).hex(16)

    def to_json(self) -> dict[str, Any]:
        return {
            "messages": [asdict(mail) for mail in self.messages.values()],
            "drafts": {key: asdict(mail) for key, mail in self.drafts.items()},
            "made": self.made,
        }

    def load_json(self, saved: Mapping[str, Any]) -> None:
        """Take over what `to_json` gave."""
        self.messages = {row["id"]: _mail(row) for row in saved["messages"]}
        self.drafts = {key: _mail(row) for key, row in saved["drafts"].items()}
        self.made = saved["made"]


def _mail(row: Mapping[str, Any]) -> Mail:
    return Mail(**{**row, "labels": tuple(row["labels"])})


def _raw_of(content: object) -> str:
    raw = content.get("raw") if isinstance(content, dict) else None
    if not isinstance(raw, str) or not raw:
        raise BadMail("'raw' RFC822 payload message string or uploading message via /upload/* URL required")
    try:
        return base64.urlsafe_b64encode(base64.urlsafe_b64decode(raw)).decode()
    except (binascii.Error, ValueError) as error:
        raise BadMail("Invalid value for ByteString") from error


def _has(mail: Mail, name: str, value: str) -> bool:
    match name:
        case "rfc822msgid":
            return mail.message_id == value.removeprefix("<").removesuffix(">")
        case "to":
            return value.lower() in mail.recipients
        case "after":
            return mail.at >= float(value)
        case _:
            raise BadMail(f"the sandbox does not search by {name!r}")
