"""The exact bytes of one approved mail.

Headers are written here and not by `email.message`, which on Python 3.11 can be made to write more of them than asked
and which folds differently from one Python to the next, while approved mail keeps its bytes. `guard.py` reads the
result back.

Source: RFC 5322 (message), 2047 (encoded words), 2369 and 8058 (unsubscribing); contracts/google.md, "Unsubscribe
headers".
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import quote

from cmo.domain.address import a_label, parse_address
from cmo.domain.outward import Letter
from cmo.domain.text import clean_text
from cmo.providers.mail.guard import MailUnsafe, check_mail

__all__ = ["MailUnsafe", "build_mail", "check_mail", "message_id_for", "self_test"]

LONGEST_WORDS = 300
"""Characters of a subject or a name; far more than anybody reads."""
LONGEST_URL = 900
_PLAIN_CHARS = 64
"""ASCII words up to this long stay as they are. Longer ones need folding, which encoded words survive everywhere."""
_PLAIN_LINE = re.compile(r"(?!From )(?:.{0,77}[^ \t])?")
"""A line of a body that goes as it is: short (RFC 5322, 2.1.1), and nothing that mail software is known to change, as
spaces at the end or what stands for a new mail in a folder; a DKIM signature would break over that."""
_FROM_LINE = re.compile(rb"(?m)^From ")
_WORD_BYTES = 39
"""Of text in one encoded word, so that every line stays within 76 characters (RFC 2047, 2)."""

_FIRST_STEP = "first_touch"
_ANSWER_PREFIX = re.compile(r"\s*(re|fwd?|aw|wg|sv|vb|antw|tr|rv)\s*([\[(]\d+[\])])?\s*[:\uff1a]", re.I)
_VISIBLE = re.compile(r"[!-~]+")
_MESSAGE_ID = re.compile(r"[A-Za-z0-9._+-]{1,100}@[A-Za-z0-9.-]{1,250}")
_URL = re.compile(r"https://[A-Za-z0-9.-]+(:\d+)?/[A-Za-z0-9._~/?=&%+-]*")


def build_mail(letter: Letter) -> bytes:
    """The mail, ready to be handed over: the same bytes for the same letter, on every Python.

    Raises:
        MailUnsafe: the letter cannot become exactly one plain mail to one person.
    """
    _check_letter(letter)
    encoding, body = _encode_body(letter.body)
    headers = {
        **_letter_headers(letter),
        "MIME-Version": "1.0",
        "Content-Type": 'text/plain; charset="utf-8"',
        "Content-Transfer-Encoding": encoding,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    mail = head.encode("ascii") + b"\r\n" + body
    check_mail(mail, letter)
    return mail


def message_id_for(key: str, domain: str) -> str:
    """The Message-ID (without angle brackets) of the letter with outbox key `key`: always the same one.

    Raises:
        MailUnsafe: `domain` is no mail domain.
    """
    host = a_label(domain)
    if host is None:
        raise MailUnsafe("the domain of the Message-ID is no mail domain")
    return f"{hashlib.sha256(key.encode()).hexdigest()[:40]}@{host}"


def self_test() -> None:
    """Try the guard on the attacks it is there for; to be called before any mail is sent.

    Raises:
        MailUnsafe: on this Python it lets one through, or holds a mail that is in order.
    """
    plain = Letter(
        key="self-test",
        step=_FIRST_STEP,
        to_email="jane@buyer.example",
        from_email="ann@sender.example",
        subject="Hi Jane",
        body="Hello\n",
        message_id="self-test@sender.example",
        written_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    mail = build_mail(plain)
    attack = plain.model_copy(update={"subject": "Hi =?utf-8?q?Jane=0d=0aBcc:_a=40evil.example?="})
    forged = mail.replace(b"Hi Jane", b"Hi Jane\r\nBcc: a@evil.example")
    if not _is_held(lambda: build_mail(attack)) or not _is_held(lambda: check_mail(forged, plain)):
        raise MailUnsafe("the guard that keeps other recipients out of a mail does not work on this Python")


def _is_held(work: Callable[[], object]) -> bool:
    try:
        work()
    except MailUnsafe:
        return True
    return False


def _check_letter(letter: Letter) -> None:
    for what, words in (("subject", letter.subject), ("name", letter.to_name), ("name", letter.from_name)):
        _check_words(words, what)
    if not letter.subject or not letter.body.strip():
        raise MailUnsafe("the mail has no subject or no text")
    if letter.step == _FIRST_STEP and _ANSWER_PREFIX.match(letter.subject):
        raise MailUnsafe("the subject of a first mail pretends to be an answer or forwarded")
    if not _is_clean(letter.body.replace("\t", " ")):
        raise MailUnsafe("the body has control, invisible or unnormalised characters")
    for address in filter(None, (letter.reply_to, letter.unsubscribe_mailto)):
        _check_address(address)
    _check_address(letter.to_email)
    _check_address(letter.from_email)
    if not all(_MESSAGE_ID.fullmatch(id_) for id_ in (letter.message_id, letter.in_reply_to or letter.message_id)):
        raise MailUnsafe("the Message-ID is not one of ours")
    if letter.in_reply_to and letter.step == _FIRST_STEP:
        raise MailUnsafe("a first mail refers to another")
    url = letter.unsubscribe_url
    if url and (len(url) > LONGEST_URL or not _URL.fullmatch(url)):
        raise MailUnsafe("the address for unsubscribing is not a plain https URL")
    if letter.written_at.tzinfo is None:
        raise MailUnsafe("the letter's date has no time zone")


def _check_words(words: str, what: str) -> None:
    if len(words) > LONGEST_WORDS:
        raise MailUnsafe(f"the {what} is longer than {LONGEST_WORDS} characters")
    if "\n" in words or words != words.strip() or not _is_clean(words):
        raise MailUnsafe(f"the {what} has control, invisible or unnormalised characters")
    if "=?" in words:
        raise MailUnsafe(f"the {what} has an encoded word, which mail software would take for header text")


def _is_clean(text: str) -> bool:
    """Whether cleaning would change nothing but the spaces around it."""
    framed = f"|{text}|"
    return clean_text(framed, limit=len(framed)) == framed


def _check_address(address: str) -> None:
    if not _VISIBLE.fullmatch(address) or parse_address(address) is None:
        raise MailUnsafe("an address of the letter is malformed, or its domain is not in its DNS form")


def _letter_headers(letter: Letter) -> dict[str, str]:
    headers = {
        "Date": format_datetime(letter.written_at),
        "From": _party(letter.from_name, letter.from_email),
        "To": _party(letter.to_name, letter.to_email),
    }
    if letter.reply_to:
        headers["Reply-To"] = letter.reply_to
    headers["Subject"] = letter.subject if _is_plain(letter.subject) else _encoded(letter.subject)
    headers["Message-ID"] = f"<{letter.message_id}>"
    if letter.in_reply_to:
        headers["In-Reply-To"] = headers["References"] = f"<{letter.in_reply_to}>"
    ways = []
    if letter.unsubscribe_url:
        ways.append(f"<{letter.unsubscribe_url}>")
    if letter.unsubscribe_mailto:
        ways.append(f"<mailto:{quote(letter.unsubscribe_mailto, safe='@+')}?subject=unsubscribe>")
    if ways:
        headers["List-Unsubscribe"] = ",\r\n ".join(ways)
    if letter.unsubscribe_url:
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return headers


def _party(name: str, address: str) -> str:
    if not name:
        return address
    phrase = _quoted(name) if _is_plain(name) else _encoded(name)
    gap = " " if len(phrase) + len(address) <= _PLAIN_CHARS else "\r\n "
    return f"{phrase}{gap}<{address}>"


def _is_plain(words: str) -> bool:
    return words.isascii() and len(words) <= _PLAIN_CHARS


def _quoted(words: str) -> str:
    escaped = words.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _encoded(words: str) -> str:
    return "\r\n ".join(f"=?utf-8?b?{base64.b64encode(piece).decode()}?=" for piece in _pieces(words))


def _pieces(text: str) -> Iterator[bytes]:
    """`text` in UTF-8, cut between characters into what fits an encoded word."""
    piece = b""
    for char in text:
        encoded = char.encode()
        if len(piece) + len(encoded) > _WORD_BYTES:
            yield piece
            piece = b""
        piece += encoded
    yield piece


def _encode_body(body: str) -> tuple[str, bytes]:
    """Transfer encoding and bytes; ends in CRLF."""
    text = body if body.endswith("\n") else body + "\n"
    if text.isascii() and all(_PLAIN_LINE.fullmatch(line) for line in text.split("\n")):
        return "7bit", text.replace("\n", "\r\n").encode("ascii")
    encoded = _FROM_LINE.sub(b"=46=\nrom ", binascii.b2a_qp(text.encode(), istext=True))
    return "quoted-printable", encoded.replace(b"\n", b"\r\n")
