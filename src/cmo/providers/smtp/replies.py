"""What a mail server's refusal says, in one word: of the mailbox, of us, or of the moment.

An address is given up only where the answer says that there is no such mailbox: all else may be our own fault.

Source: RFC 5321 4.2 and 4.5.3.1.9 (replies), RFC 3463 and IANA's list of enhanced codes, RFC 7504 and 7505 (domains
without mail); the words are those of servers in wide use; SAFETY.md 5 (5.7.x is our own fault).
"""

from __future__ import annotations

import re

from cmo.config.secrets import mask_addresses
from cmo.domain.outbox import SOFT_BOUNCE
from cmo.providers.smtp.dialogue import Step

POLICY_BLOCK = "policy_block"
BEFORE_ANY_MAIL = {Step.CONNECT, Step.GREETING, Step.EHLO, Step.STARTTLS, Step.LOGIN, Step.RSET, Step.NOOP}
LEAVING = 421
"""The server closes the connection, whatever it was asked (RFC 5321, 3.8)."""
LONGEST_TEXT = 1000
"""Characters that are read."""

_ENHANCED = re.compile(r"#?([45])\.(\d{1,3})\.(\d{1,3})\b")
_NO_SUCH_MAILBOX = {"1.1", "1.6", "1.10"}
"""Subject and detail of RFC 3463; 1.0, which says less, unless the words are about the sender."""
_NO_MAIL_DOMAIN = "1.2"
_NO_MAIL_DOMAIN_PLAIN = {521, 556}
"""RFC 7504, 7505."""
_BAD_SYNTAX = "1.3"
_MAILBOX_FULL = "2.2"
_TOO_BIG = {"2.3", "3.4"}
_BAD_SENDER = {"1.7", "1.8"}
_SAYS_LITTLE = {"", "0.0", "2.0", "2.1", "3.0", "5.0"}
"""Beside these the words decide. 2.1 stands for a closed mailbox as well as for one that gets too much at once."""

_WHO = r"(?:user|mailbox|recipient|account|address|alias|local part)"
_NO_SUCH_WORDS = re.compile(
    rf"\bno (?:such {_WHO}|mailbox)\b"
    rf"|\b(?:unknown|nonexistent|non-existent)(?: or \w+)?(?: local| e-?mail)? {_WHO}\b"
    r"|\binvalid (?:recipient|mailbox|user)\b"
    rf"|(?<!\byour )\b{_WHO}\b[^.:;]{{0,60}}? (?:unknown|not found|not local|(?:does not|doesn.t) exist"
    r"|disabled|inactive)",
    re.I,
)
_FULL_WORDS = re.compile(r"\b(?:mailbox|inbox|user|account|recipient)\b.{0,40}\b(?:full|over ?quota|quota)\b", re.I)
_THROTTLED_WORDS = re.compile(r"\b(?:rate|too (?:many|much)|limit(?:ed|s)?|throttl\w+|reputation|complaints?)\b", re.I)
_OUR_LIMIT_WORDS = re.compile(
    r"\b(?:sending|submission|outgoing|daily|hourly)\b.{0,20}\b(?:limit|quota)|submissionquota|unusual sending", re.I
)
"""Some services tell their limit on senders as a refusal for good."""
_GREYLISTED = re.compile(r"\bgr[ea]y-?list", re.I)
_SENDER_WORDS = re.compile(r"\bsender\b", re.I)
_OUR_FAULT_WORDS = re.compile(
    r"\b(?:spam|block ?list(?:ed)?|black ?list(?:ed)?|blocked (?:using|by|for)|polic(?:y|ies)|reputation|spf|dkim|dmarc"
    r"|relay(?:ing)?)\b",
    re.I,
)


def word_for(step: Step, code: int, text: str) -> str:
    """Why a command was refused, as a stable word.

    Args:
        code: 400 to 599.
        text: What the server said, as it came.
    """
    found = _ENHANCED.match(text)
    detail = f"{found[2]}.{found[3]}" if found else ""
    words = mask_addresses(" ".join(text[:LONGEST_TEXT].split()))
    if code < 500:
        return SOFT_BOUNCE if _is_about_mailbox(step, code, detail, words) else "try_later"
    if step in BEFORE_ANY_MAIL or detail.startswith("7.") or detail in _BAD_SENDER:
        return POLICY_BLOCK
    if _OUR_LIMIT_WORDS.search(words):
        return POLICY_BLOCK
    if step is Step.MAIL:  # of the letter it knows the sender and the size
        return "rejected" if code == 552 or detail in _TOO_BIG else POLICY_BLOCK
    about_sender = _SENDER_WORDS.search(words) is not None
    if step in (Step.RCPT, Step.DOT):
        if detail == _NO_MAIL_DOMAIN or code in _NO_MAIL_DOMAIN_PLAIN:
            return "no_mail_domain"
        if detail in _NO_SUCH_MAILBOX or (detail == "1.0" and not about_sender):
            return "hard_bounce"
        if detail == _BAD_SYNTAX:
            return "invalid_email"
        if _is_full(step, code, detail, words):
            return SOFT_BOUNCE
        if detail in _SAYS_LITTLE and not about_sender and _NO_SUCH_WORDS.search(words):
            return "hard_bounce"
    is_ours = about_sender or _OUR_FAULT_WORDS.search(words) is not None
    return POLICY_BLOCK if is_ours and detail in {*_SAYS_LITTLE, "1.0"} else "rejected"


def _is_about_mailbox(step: Step, code: int, detail: str, words: str) -> bool:
    """Whether it is this mailbox that takes no mail for now (4xx), and not the server."""
    if code == LEAVING or step not in (Step.RCPT, Step.DATA, Step.DOT):
        return False
    if detail.startswith("2.") or _GREYLISTED.search(words):
        return True
    return step is Step.RCPT and not detail.startswith(("3.", "5.")) and not _THROTTLED_WORDS.search(words)


def _is_full(step: Step, code: int, detail: str, words: str) -> bool:
    """Whether the mailbox has no room for now. A plain 552 says so only before it can be about the mail's size."""
    if detail in _SAYS_LITTLE:
        return _FULL_WORDS.search(words) is not None or (code == 552 and step is Step.RCPT)
    return detail == _MAILBOX_FULL
