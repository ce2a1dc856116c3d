"""The guard in front of every mail that leaves: its bytes are read back in three independent ways and compared with
the letter. Anything but one plain mail to one person is held.

On Python 3.11 `email.message` turns an encoded word in a subject (`=?utf-8?q?Jane=0d=0aBcc:_a=40evil.example?=`) into
header lines of its own; whatever the next such flaw is, it shows here.
"""

from __future__ import annotations

import email.policy
import re
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import EmailMessage, Message
from email.parser import BytesParser
from email.utils import getaddresses

from cmo.domain.outward import Letter

LONGEST_LINE = 998
"""Bytes in a line without its CRLF (RFC 5322, 2.1.1)."""

_HEADER_LINE = re.compile(rb"([!-9;-~]+): [!-~][ -~]*")
_FOLDED_LINE = re.compile(rb" [!-~][ -~]*")
_PARSER_TROUBLE = (MessageError, ValueError, LookupError, AttributeError, TypeError)
"""What Python's own parsers raise over broken mail."""


class MailUnsafe(ValueError):
    """A letter that must not leave as it stands; nothing was sent.

    `reason` is a plain sentence for the operator, without the letter's words or addresses.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def check_mail(mail: bytes, letter: Letter) -> None:
    """Read `mail` back and compare it with `letter`.

    Raises:
        MailUnsafe: it is anything but this letter, once, to one person.
    """
    expected = _expected_headers(letter)
    _check_lines(mail, expected)
    try:
        classic = BytesParser(policy=email.policy.compat32).parsebytes(mail)
        modern = BytesParser(EmailMessage, policy=email.policy.default).parsebytes(mail)
        _check_headers(classic, expected)
        _check_headers(modern, expected)
        _check_classic(classic, letter)
        _check_modern(modern, letter)
    except MailUnsafe:
        raise
    except _PARSER_TROUBLE as exc:
        raise MailUnsafe(f"the mail cannot be read back ({type(exc).__name__})") from exc


def _expected_headers(letter: Letter) -> list[str]:
    """Names in lower case, sorted."""
    names = ["from", "to", "subject", "date", "message-id"]
    names += ["mime-version", "content-type", "content-transfer-encoding"]
    if letter.reply_to:
        names.append("reply-to")
    if letter.in_reply_to:
        names += ["in-reply-to", "references"]
    if letter.unsubscribe_url or letter.unsubscribe_mailto:
        names.append("list-unsubscribe")
    if letter.unsubscribe_url:
        names.append("list-unsubscribe-post")
    return sorted(names)


def _check_lines(mail: bytes, expected: list[str]) -> None:
    if not mail.isascii() or b"\0" in mail:
        raise MailUnsafe("the mail has bytes that mail servers may change")
    lines = mail.split(b"\r\n")
    if any(b"\r" in line or b"\n" in line for line in lines) or lines[-1]:
        raise MailUnsafe("the mail has a line that does not end in CRLF")
    if any(len(line) > LONGEST_LINE for line in lines):
        raise MailUnsafe(f"the mail has a line of more than {LONGEST_LINE} bytes")
    names = []
    for line in lines[: lines.index(b"")]:
        if found := _HEADER_LINE.fullmatch(line):
            names.append(found[1].decode().lower())
        elif not names or not _FOLDED_LINE.fullmatch(line):
            raise MailUnsafe("the mail has a header line that is none")
    _compare_names(names, expected)


def _check_headers(message: Message, expected: list[str]) -> None:
    if message.defects or message.is_multipart():
        raise MailUnsafe("the mail is malformed")
    _compare_names([name.lower() for name in message], expected)


def _compare_names(names: list[str], expected: list[str]) -> None:
    if sorted(names) != expected:
        raise MailUnsafe("the mail has other headers than the letter needs: a name or the subject forges them")


def _check_classic(message: Message, letter: Letter) -> None:
    """As software reads it that knows nothing of encoded words within addresses."""

    def words(text: str) -> str:
        return str(make_header(decode_header(text)))

    for header, name, address in _parties(letter):
        found = [(words(raw), at) for raw, at in getaddresses([str(message[header])])]
        _compare(found, [(name, address)], header)
    _compare(words(message["Subject"]), letter.subject, "Subject")
    _compare(message["Message-ID"], f"<{letter.message_id}>", "Message-ID")
    for header in ("In-Reply-To", "References") if letter.in_reply_to else ():
        _compare(message[header], f"<{letter.in_reply_to}>", header)
    if letter.unsubscribe_url:
        _compare(message["List-Unsubscribe"].partition(",")[0], f"<{letter.unsubscribe_url}>", "List-Unsubscribe")
        _compare(message["List-Unsubscribe-Post"], "List-Unsubscribe=One-Click", "List-Unsubscribe-Post")
    payload = message.get_payload(decode=True)
    _compare_body(payload.decode() if isinstance(payload, bytes) else "", letter)


def _check_modern(message: EmailMessage, letter: Letter) -> None:
    """As Python's full parser reads it. Spaces in names do not count: on 3.11 it keeps those between encoded words."""
    if any(header.defects for header in message.values()):
        raise MailUnsafe("the mail has a malformed header")
    for header, name, address in _parties(letter):
        found = [("".join(party.display_name.split()), party.addr_spec) for party in message[header].addresses]
        _compare(found, [("".join(name.split()), address)], header)
    _compare(message["Subject"], letter.subject, "Subject")
    _compare(message["Date"].datetime, letter.written_at.replace(microsecond=0), "Date")
    _compare(message.get_content_type(), "text/plain", "Content-Type")
    _compare_body(message.get_content().replace("\r\n", "\n"), letter)


def _parties(letter: Letter) -> list[tuple[str, str, str]]:
    """Header, name, address."""
    parties = [("From", letter.from_name, letter.from_email), ("To", letter.to_name, letter.to_email)]
    return [*parties, ("Reply-To", "", letter.reply_to)] if letter.reply_to else parties


def _compare_body(text: str, letter: Letter) -> None:
    body = text.replace("\r\n", "\n")
    _compare(body, letter.body if letter.body.endswith("\n") else letter.body + "\n", "body")


def _compare(found: object, expected: object, what: str) -> None:
    if found != expected:
        raise MailUnsafe(f"the mail's {what} would not be read as it was approved")
