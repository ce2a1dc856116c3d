"""What a session that stopped means for the letter in it.

Source: RFC 5321 4.2.1 (first digit), 4.2.4.2 and 6.1 (who has the mail after the final dot); SAFETY.md 1.
"""

from __future__ import annotations

from cmo.config.secrets import mask_addresses
from cmo.domain.outbox import SOFT_BOUNCE
from cmo.domain.outward import Fate, Receipt
from cmo.errors import AuthRejected, ProviderError, ProviderRejected, ProviderUnavailable, RateLimited
from cmo.providers.http import harmless
from cmo.providers.smtp.dialogue import Step, Stopped
from cmo.providers.smtp.replies import BEFORE_ANY_MAIL, LEAVING, POLICY_BLOCK, word_for

_LOGIN_NEEDED = {530, 534, 535, 538}
"""RFC 4954, 6."""
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
    if stopped.code == LEAVING and stopped.step in {*BEFORE_ANY_MAIL, Step.MAIL}:
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
    word = word_for(stopped.step, stopped.code, stopped.text)
    fate = Fate.LATER if stopped.code < 500 or word in (SOFT_BOUNCE, POLICY_BLOCK) else Fate.REFUSED
    return Receipt(key=key, fate=fate, code=word, reason=reason, status=stopped.code)


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
