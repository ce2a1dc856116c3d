"""Whether this person may be written to at this address at all, as far as the draft alone can tell."""

from __future__ import annotations

from collections.abc import Iterator

from cmo.domain.address import AddressKind, classify
from cmo.domain.draft import Finding, Step
from cmo.domain.lead import EmailClass
from cmo.drafting.checks.context import CheckContext, Words
from cmo.drafting.checks.findings import block, warn


def recipient(words: Words, context: CheckContext) -> Iterator[Finding]:
    """The address reaches a person: no function, throw-away mailbox or machine."""
    kind = classify(context.person.best_email)
    if kind is not AddressKind.PERSONAL:
        yield block(
            "recipient", str(kind), f"The address is of kind `{kind}`, which no person reads. Reject the draft."
        )


def commit_follow_up(words: Words, context: CheckContext) -> Iterator[Finding]:
    """Who is known by a commit address only gets no follow-up (PRODUCT.md 8)."""
    if context.person.email_class is EmailClass.COMMIT and context.step is not Step.FIRST_TOUCH:
        message = "The address is known from commits only: such people get one mail and no follow-up. Reject the draft."
        yield block("commit_follow_up", "no-follow-up", message)


def same_organisation(words: Words, context: CheckContext) -> Iterator[Finding]:
    """Nobody else at the organisation comes before."""
    if context.others_at_company:
        others = "1 other lead" if context.others_at_company == 1 else f"{context.others_at_company} other leads"
        where = context.person.company or "the same organisation"
        message = f"{others} at {where} came first. Write to one of them, or put this draft off."
        yield warn("same_organisation", "dup-org", message)
