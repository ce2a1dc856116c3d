"""Everything a draft is looked at for before a person sees it, and again after a person changed it."""

from __future__ import annotations

from cmo.domain.draft import Finding
from cmo.drafting.checks import claims, contact, legal, outside, wording
from cmo.drafting.checks.batch import sameness
from cmo.drafting.checks.context import Check, CheckContext, context_of, read_text

__all__ = ["CHECKS", "CheckContext", "check_text", "context_of", "sameness"]

CHECKS: tuple[Check, ...] = (
    wording.pitch,
    wording.unfilled,
    wording.subject,
    wording.length,
    wording.greeting,
    wording.tone,
    wording.prohibited,
    legal.sender,
    legal.opt_out,
    legal.address,
    legal.source_named,
    claims.claim,
    claims.stale,
    outside.merge_tag,
    outside.links,
    outside.addresses,
    outside.personal_data,
    contact.recipient,
    contact.commit_follow_up,
    contact.same_organisation,
)
"""In the order in which findings are told."""


def check_text(subject: str, body: str, context: CheckContext) -> tuple[Finding, ...]:
    """What there is against a subject and body, rendered or written by a person; pure."""
    words = read_text(subject, body, context)
    return tuple(finding for check in CHECKS for finding in check(words, context))
