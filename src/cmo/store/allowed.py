"""Conditions that every query on people shares: who and what is suppressed, and which verdicts count."""

from __future__ import annotations

from datetime import timedelta

VERDICT_AGES_AFTER = timedelta(days=7)
MOST_TRIES = 2
"""How often an address is looked up while the network gives no answer, before `unknown` is the verdict."""

_NOT_ERASED = (
    "(NOT EXISTS (SELECT 1 FROM suppressions WHERE kind = 'hash') OR NOT EXISTS (SELECT 1 FROM suppressions s"
    " WHERE s.kind = 'hash' AND s.value = erased_hash('{}', {})))"
)
"""Asks for a hash only where somebody was erased at all."""
LEFT = "('claimed', 'confirmed', 'unknown')"
"""States of an outbox row that has left, or may have."""
CANDIDATE_ALLOWED = (
    "NOT EXISTS (SELECT 1 FROM suppressions s WHERE s.kind = 'login' AND s.value = c.login_key) AND "
    + _NOT_ERASED.format("login", "c.login_key")
)
EMAIL_ALLOWED = (
    "NOT EXISTS (SELECT 1 FROM suppressions s WHERE s.kind = 'email' AND s.value = e.email_key) AND NOT EXISTS"
    " (SELECT 1 FROM json_each(e.domains) d JOIN suppressions s ON s.kind = 'domain' AND s.value = d.value) AND "
    + _NOT_ERASED.format("email", "e.email_key")
)
"""By equality over an address's domain and those above it: the number of suppressed domains does not matter."""
VERDICT_SETTLED = f"(v.email IS NOT NULL AND (v.state <> 'unknown' OR v.tries >= {MOST_TRIES}))"
"""There is a verdict to score by."""
