"""What a session that stopped means for the letter in it.

Source: RFC 5321 4.2.1 (first digit), 4.2.4.2 and 6.1 (who has the mail after the final dot); RFC 3463 (enhanced
codes); SAFETY.md 1 and 5 (5.7.x is our own fault).
"""

from __future__ import annotations

import re

from cmo.config.secrets import mask_addresses
from cmo.domain.outward import Fate, Receipt
from cmo.errors import AuthRejected, ProviderError, ProviderRejected, ProviderUnavailable
from cmo.providers.http import harmless
from cmo.providers.smtp.dialogue import Step, Stopped

_ENHANCED = re.compile(r"([45])\.(\d{1,3})\.(\d{1,3})\b")
_NO_SUCH_MAILBOX = {"1.1", "1.2", "1.3", "1.6", "1.10", "2.1"}
"""Subject and detail of RFC 3463, and 1.10 of RFC 7505: there is no such mailbox, or it takes no mail."""
_NO_SUCH_MAILBOX_PLAIN = {550, 551, 553}
"""Replies to RCPT that say so without an enhanced code."""
_LOGIN_NEEDED = {530, 534, 535, 538}
"""RFC 4954, 6."""
_BEFORE_ANY_MAIL = {Step.CONNECT, Step.GREETING, Step.EHLO, Step.STARTTLS, Step.LOGIN, Step.RSET, Step.NOOP}

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
    is_final = stopped.code >= 500 and stopped.step not in _BEFORE_ANY_MAIL
    fate = Fate.REFUSED if is_final else Fate.LATER
    return Receipt(key=key, fate=fate, code=_word(stopped, stopped.code), reason=reason, status=stopped.code)


def _word(stopped: Stopped, code: int) -> str:
    """Why, as a stable word."""
    found = _ENHANCED.match(stopped.text)
    detail = f"{found[2]}.{found[3]}" if found else ""
    if code < 500:
        return "soft_bounce" if stopped.step is Step.RCPT and code != 421 else "try_later"
    if detail.startswith("7.") or stopped.step in _BEFORE_ANY_MAIL:
        return "policy_block"
    if detail in _NO_SUCH_MAILBOX:
        return "hard_bounce"
    if not found and stopped.step is Step.RCPT and code in _NO_SUCH_MAILBOX_PLAIN:
        return "hard_bounce"
    return "rejected"


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
