"""What the law and SAFETY.md 5 want in every mail: who writes, from where, why to this address, how to stop it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cmo.domain.draft import Finding, Step
from cmo.drafting.checks.context import CheckContext, Words
from cmo.drafting.checks.findings import block
from cmo.drafting.sentences import as_words

_OPT_OUT = re.compile(
    r"\b(?:reply|answer|write|send|reply with)\b[^.\n]{0,30}\bstop\b|\bunsubscribe\b|\bopt[- ]out\b",
    re.IGNORECASE,
)


def sender(words: Words, context: CheckContext) -> Iterator[Finding]:
    """The sender has a name and an address."""
    for field in ("name", "email"):
        if not getattr(context.sender, field).strip():
            message = f'The sender has no {field}. Set it: cmo config set sender.{field} "…"'
            yield block("sender", "no-sender", message)


def opt_out(words: Words, context: CheckContext) -> Iterator[Finding]:
    """The mail says how to stop it."""
    if not _OPT_OUT.search(words.body):
        yield block(
            "opt_out",
            "no-optout",
            "Nothing says how to stop these mails. Add: Reply 'stop' and I will not write again.",
        )


def address(words: Words, context: CheckContext) -> Iterator[Finding]:
    """The sender's postal address stands in the mail."""
    postal = " ".join(context.sender.postal_address.split())
    if not postal:
        message = 'The sender has no postal address. Set it: cmo config set sender.postal_address "…"'
        yield block("address", "no-address", message)
    elif postal not in " ".join(words.body.split()):
        yield block("address", "no-address", f"The sender's postal address is missing. Add the line: {postal}")


def source_named(words: Words, context: CheckContext) -> Iterator[Finding]:
    """The first mail says where the address came from (GDPR 14)."""
    source = context.fact("email_source")
    if context.step is not Step.FIRST_TOUCH or source is None or as_words(source.text).search(words.body):
        return
    yield block(
        "source_named",
        "no-source",
        f"The mail does not say where the address came from. Add: I have your address from {source.text}.",
    )
