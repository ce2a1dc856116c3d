"""What a session that stopped means for the letter in it.

An address is given up only where the answer says that there is no such mailbox: all else may be our own fault.

Source: RFC 5321 4.2.1 (first digit), 4.2.4.2 and 6.1 (who has the mail after the final dot); RFC 3463 and IANA's list
of enhanced codes; RFC 7504, 7505 (domains without mail); SAFETY.md 1 and 5 (5.7.x is our own fault).
"""

from __future__ import annotations

import re

from cmo.config.secrets import mask_addresses
from cmo.domain.outbox import SOFT_BOUNCE
from cmo.domain.outward import Fate, Receipt
from cmo.errors import AuthRejected, ProviderError, ProviderRejected, ProviderUnavailable, RateLimited
from cmo.providers.http import harmless
from cmo.providers.smtp.dialogue import Step, Stopped

_ENHANCED = re.compile(r"([45])\.(\d{1,3})\.(\d{1,3})\b")
_NO_SUCH_MAILBOX = {"1.1", "1.6"}
"""Subject and detail of RFC 3463; 1.0, which says less, unless the words are about the sender."""
_NO_MAIL_DOMAIN = {"1.2", "1.10"}
"""There is no such domain, or it takes no mail (RFC 7505)."""
_NO_MAIL_DOMAIN_PLAIN = {521, 556}
"""RFC 7504, 7505."""
_BAD_SYNTAX = "1.3"
_MAILBOX_FULL = "2.2"
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
_GREYLISTED = re.compile(r"\bgr[ea]y-?list", re.I)
_SENDER_WORDS = re.compile(r"\bsender\b", re.I)
_OUR_FAULT_WORDS = re.compile(
    r"\b(?:spam|block ?list(?:ed)?|black ?list(?:ed)?|blocked (?:using|by|for)|polic(?:y|ies)|reputation|spf|dkim|dmarc"
    r"|relay(?:ing)?)\b",
    re.I,
)
_LOGIN_NEEDED = {530, 534, 535, 538}
"""RFC 4954, 6."""
_BEFORE_ANY_MAIL = {Step.CONNECT, Step.GREETING, Step.EHLO, Step.STARTTLS, Step.LOGIN, Step.RSET, Step.NOOP}
_LEAVING = 421
"""The server closes the connection, whatever it was asked (RFC 5321, 3.8)."""
CLOSED_WAIT_S = 120.0

_HINTS = {
    "refused": "Check SMTP_HOST and SMTP_PORT, and that this network lets mail out.",
    "certificate": "The server's certificate is not valid for SMTP_HOST: check the name.",
    "no_tls": "The server offers no STARTTLS; use port 465, or another server. A password never goes out in the clear.",
    "no_login": "The server offers no login cmo knows; check SMTP_HOST and SMTP_PORT.",
    "login": "Check SMTP_USER and SMTP_PASSWORD; many services want an app password.",
}


def failure(stopped: Stopped, *, operation: str) -> ProviderError | None:
    """The error where the whole call failed and surely nothing was sent; None where a receipt tells it."""
    if stopped.way == "refused":
        return ProviderUnavailable(
            f"smtp: {operation}: the server cannot be reached ({stopped.text})",
            provider="smtp",
            operation=operation,
            hint=_HINTS["refused"],
            details={"connected": False},
        )
    if stopped.way in ("certificate", "no_tls", "no_login"):
        words = f"smtp: {operation}: {_told(stopped)}"
        return ProviderRejected(words, provider="smtp", operation=operation, hint=_HINTS[stopped.way])
    if stopped.code == _LEAVING and stopped.step in {*_BEFORE_ANY_MAIL, Step.MAIL}:
        return RateLimited(
            f"smtp: {operation}: {_told(stopped)}",
            provider="smtp",
            operation=operation,
            retry_after_s=CLOSED_WAIT_S,
            status=stopped.code,
        )
    is_login = stopped.step is Step.LOGIN and (stopped.code or 0) >= 500
    if is_login or (stopped.code in _LOGIN_NEEDED and stopped.step is not Step.DOT):
        return AuthRejected(
            f"smtp: {operation}: {_told(stopped)}",
            provider="smtp",
            operation=operation,
            status=stopped.code,
            hint=_HINTS["login"],
        )
    return None


def receipt(key: str, stopped: Stopped) -> Receipt:
    """What came of the letter with outbox key `key`."""
    reason = _told(stopped)
    if stopped.code is None:
        fate = Fate.UNKNOWN if stopped.step is Step.DOT else Fate.LATER
        code = "contract_broken" if stopped.way == "garbage" else stopped.way
        return Receipt(key=key, fate=fate, code=code, reason=reason)
    word = _word(stopped, stopped.code)
    fate = Fate.LATER if stopped.code < 500 or word in (SOFT_BOUNCE, "policy_block") else Fate.REFUSED
    return Receipt(key=key, fate=fate, code=word, reason=reason, status=stopped.code)


def _word(stopped: Stopped, code: int) -> str:
    """Why, as a stable word."""
    found = _ENHANCED.match(stopped.text)
    detail = f"{found[2]}.{found[3]}" if found else ""
    words = mask_addresses(stopped.text)
    if code < 500:
        return SOFT_BOUNCE if _is_about_mailbox(stopped.step, code, detail, words) else "try_later"
    if stopped.step in _BEFORE_ANY_MAIL or detail.startswith("7.") or detail in _BAD_SENDER:
        return "policy_block"
    about_sender = _SENDER_WORDS.search(words) is not None
    if stopped.step in (Step.RCPT, Step.DOT):
        if detail in _NO_MAIL_DOMAIN or code in _NO_MAIL_DOMAIN_PLAIN:
            return "no_mail_domain"
        if detail in _NO_SUCH_MAILBOX or (detail == "1.0" and not about_sender):
            return "hard_bounce"
        if detail == _BAD_SYNTAX:
            return "invalid_email"
        if _is_full(stopped.step, code, detail, words):
            return SOFT_BOUNCE
        if detail in _SAYS_LITTLE and not about_sender and _NO_SUCH_WORDS.search(words):
            return "hard_bounce"
    is_ours = about_sender or _OUR_FAULT_WORDS.search(words) is not None
    return "policy_block" if is_ours and detail in {*_SAYS_LITTLE, "1.0"} else "rejected"


def _is_about_mailbox(step: Step, code: int, detail: str, words: str) -> bool:
    """Whether it is this mailbox that takes no mail for now (4xx), and not the server."""
    if code == _LEAVING or step not in (Step.RCPT, Step.DATA, Step.DOT):
        return False
    if detail.startswith("2.") or _GREYLISTED.search(words):
        return True
    return step is Step.RCPT and not detail.startswith(("3.", "5."))


def _is_full(step: Step, code: int, detail: str, words: str) -> bool:
    """Whether the mailbox has no room for now. A plain 552 says so only before it can be about the mail's size."""
    if detail in _SAYS_LITTLE:
        return _FULL_WORDS.search(words) is not None or (code == 552 and step is Step.RCPT)
    return detail == _MAILBOX_FULL


def _told(stopped: Stopped) -> str:
    """A plain sentence."""
    match stopped.way:
        case "reply":
            words = harmless(mask_addresses(stopped.text))
            return f"the server answered {stopped.code} to {stopped.step.upper()}: {words}".rstrip(": ")
        case "refused":
            return "the server cannot be reached"
        case "certificate":
            return f"the server's certificate was not accepted ({harmless(stopped.text)})"
        case "no_tls":
            return "the server offers no encryption"
        case "no_login":
            return "the server offers no login"
        case "timeout" | "reset" | "garbage":
            what = {
                "timeout": "no answer came",
                "reset": "the connection was lost",
                "garbage": "the answer made no sense",
            }
            if stopped.step is Step.DOT:
                return f"{what[stopped.way]} after the whole mail was sent: the server may have taken it"
            return f"{what[stopped.way]} at {stopped.step.upper()}, before the mail was complete: nothing was taken"
