"""What to type where something keeps a mail from leaving: one command for every rule of the gate."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from cmo.config import Settings

_OF_RULES: Mapping[str, str] = {
    "kill_switch": 'cmo kill --release --reason "…"',
    "paused": "cmo resume --sending",
    "mode": "cmo jobs set {ref} mode=send_allowed",
    "approval": "cmo drafts review --job {ref} --where state:approved",
    "suppressed": "cmo leads suppress --list",
    "address_policy": 'cmo policy allow commit --basis "…"',
    "country": 'cmo policy allow unknown-country --basis "…"',
    "contacted": "cmo outbox list --job {ref}",
    "dependency": "cmo outbox list --job {ref}",
    "conversation": "cmo leads list --job {ref} --where -outcome:none",
    "quota_inbox": "cmo limits show",
    "quota_day": "cmo limits show",
    "quota_company": "cmo limits show",
    "quota_contact": "cmo limits show",
    "window": "cmo send {ref}",
    "verification": "cmo send {ref}",
    "health": "cmo limits show",
}
_OF_OTHERS: Mapping[str, str] = {
    "clock": "cmo doctor",
    "outbox": "cmo send {ref}",
    "hold": "cmo send {ref}",
    "held": "cmo outbox list --where state:held --job {ref}",
    "unknown": "cmo reconcile {ref}",
    "later": "cmo errors list",
    "breaker": "cmo errors list",
}
"""What stands in the way besides the gate."""
_STATE = re.compile(r"The draft is (\w+)|The approval (expired)")
_COUNTRY = re.compile(r"sending\.countries ([A-Z]{2})=ok")


def raise_ceiling(settings: Settings, mode: str = "send_allowed") -> str:
    """What to do about a ceiling of modes that is too low; what hides the user's own settings file comes first."""
    command = f"cmo config set mode.sending {mode}"
    origin, *below = settings.origins.get("mode.sending", ()) or (None,)
    if origin is None or origin.layer not in ("environment", ".env", "project file"):
        return command
    way = f"unset {origin.source}" if origin.layer == "environment" else f"change mode.sending in {origin.source}"
    return way if any(one.value == mode for one in below[:1]) else f"{way}, then: {command}"


def next_step(rule: str, message: str, *, ref: str, countries: Sequence[str] = ()) -> str:
    """The command, ready to be typed but for what only a person can say (`"…"`); empty where there is none.

    Args:
        rule: Of the gate, or what else stands in the way.
        message: What was said of it.
        ref: How the job is named.
        countries: Country rules in force; setting another keeps them.
    """
    found = _COUNTRY.search(message) if rule == "country" else None
    if found is not None:
        rules = [*(text for text in countries if text[:2].upper() != found[1]), f"{found[1]}=ok"]
        return f"cmo config set sending.countries {','.join(rules)}"
    state = _STATE.search(message) if rule == "approval" else None
    if state is not None:
        return f"cmo drafts review --job {ref} --where state:{state[1] or state[2]}"
    return {**_OF_RULES, **_OF_OTHERS}.get(rule, "").replace("{ref}", ref)
