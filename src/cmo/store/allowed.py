"""Conditions that every query on people shares: who and what is suppressed, and which verdicts are still fresh."""

from __future__ import annotations

from datetime import timedelta

VERDICT_AGES_AFTER = timedelta(days=7)

CANDIDATE_ALLOWED = "NOT EXISTS (SELECT 1 FROM suppressions s WHERE s.kind = 'login' AND s.value = c.login_key)"
EMAIL_ALLOWED = (
    "NOT EXISTS (SELECT 1 FROM suppressions s WHERE (s.kind = 'email' AND s.value = e.email_key)"
    " OR (s.kind = 'domain' AND (s.value = e.domain OR e.domain LIKE '%.' || s.value)))"
)
