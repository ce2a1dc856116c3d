"""Drafts: proposed words for one lead and one step, the facts they rest on, what the checks found, and approvals."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import Field

from cmo.domain.base import Frozen, Login
from cmo.domain.lead import EmailClass


class Step(StrEnum):
    """Which mail of a sequence; also the names of the templates."""

    FIRST_TOUCH = "first_touch"
    FOLLOW_UP_1 = "follow_up_1"
    FOLLOW_UP_2 = "follow_up_2"
    BREAKUP = "breakup"


ENROL = "enrol"
"""The step in an outbox key where handing a person to a provider's sequence is the one write."""
WITHDRAW = "withdraw"
"""The same for taking the person out again."""


class DraftState(StrEnum):
    """pending -> approved | rejected | expired; an edit makes a new version, which is pending."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"


class Sender(Frozen):
    """The identity mail is written from; everything a mail must say of it."""

    name: str = ""
    email: str = ""
    company: str = ""
    postal_address: str = ""
    """On one line; required before anything may leave (CAN-SPAM)."""
    reply_to: str = ""
    unsubscribe_mailto: str = ""
    """Where a stop by mail goes; empty is `email`."""
    unsubscribe_url: str = ""
    """https base to which an opaque token is added; empty for none."""
    time_zone: str = "UTC"
    """IANA name; the zone of people whose own is not known."""


class Pitch(Frozen):
    """What the campaign says, in the operator's words; the same for everybody."""

    offer: str = ""
    """One sentence on what is offered."""
    question: str = ""
    """The one question the mail ends with."""
    link: str = ""
    """The only link besides evidence that a mail may hold; empty for none."""


class Fact(Frozen):
    """Something that is on record about a person, with its source."""

    name: str
    """What templates and sentences call it, e.g. `maintainer_of`, `activity`, `email_source`."""
    text: str
    """As it may stand in a sentence: cleaned, one line, at most 200 characters, no provider merge tags."""
    source_url: str
    seen_at: datetime


class Personalisation(Frozen):
    """What is stored per lead for writing to them: signals, snippets, and every fact with source and time."""

    login: Login
    name: str = ""
    first_name: str = ""
    """Empty where the name gives none that is safe to greet with."""
    best_email: str
    email_class: EmailClass
    company: str = ""
    country: str | None = None
    """ISO 3166 alpha-2, or None where it is not certain enough."""
    time_zone: str | None = None
    """IANA name, or None."""
    maintainer_of: tuple[str, ...] = ()
    recent_pr_titles: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    primary_language: str = ""
    activity_90d_commits: int = 0
    followers: int | None = None
    why_now: str = ""
    """A snippet: what happened lately, from facts; empty where nothing is on record."""
    hook: str = ""
    """A snippet: the one thing most worth mentioning."""
    facts: tuple[Fact, ...] = ()


class Sentence(Frozen):
    """One sentence of a body, and the facts it cites."""

    text: str
    facts: tuple[str, ...] = ()
    """Names of the facts it rests on; empty for a sentence that claims nothing about the person."""
    is_template: bool = False
    """Every recipient gets these words."""


Severity = Literal["block", "warn"]


class Finding(Frozen):
    """What one check has against a draft."""

    check: str
    """Which check: length, subject, tone, prohibited, opt_out, address, links, sameness, personal_data, claim,
    unfilled, greeting, merge_tag, same_organisation, source_named, ..."""
    flag: str
    """One short word for lists: `claim?`, `short`, `no-optout`, `dup-org`, ..."""
    severity: Severity
    """`block`: cannot be approved as it is; `warn`: a person should look."""
    message: str
    """A plain sentence with the fix."""


class Rendered(Frozen):
    """The words for one lead, before anybody decided on them."""

    login: Login
    step: Step
    variant: str = "a"
    """The A/B variant."""
    template: str
    """Name of the template file, or `built-in`."""
    template_version: str
    """12 hex digits of the template's text."""
    subject: str
    body: str
    """Plain text; lines end in `\\n`."""
    sentences: tuple[Sentence, ...] = ()
    facts_until: datetime | None = None
    """From when a cited fact is too old; None where none ages."""
    personalisation: Personalisation
    findings: tuple[Finding, ...] = ()


class Approval(Frozen):
    """One person's yes to exactly one text for one recipient."""

    id: int
    draft_id: int
    version: int
    content_hash: str
    by: str
    """`operator:<name>`."""
    at: datetime
    expires_at: datetime
    batch_id: str
    rule: str | None = None
    """The named rule it was given by, or None."""


APPROVAL_DAYS = 7
"""How long an approval holds."""


class LeadToDraft(Frozen):
    """A lead for whom words are wanted: what is on record, as of one instant."""

    number: int
    login: Login
    name: str = ""
    email: str
    email_class: EmailClass
    source_url: str
    email_seen_at: datetime
    company: str = ""
    location: str = ""
    profile_url: str
    profile_seen_at: datetime
    followers: int | None = None
    refs: tuple[RefFact, ...] = ()
    """Where the person was seen working, most contributions first."""
    others_at_company: int = 0
    """Accepted leads of the job at the same company before this one."""
    as_of: datetime


class RefFact(Frozen):
    """What is on record of a person's work on one repository."""

    repo: str
    url: str
    role: str
    signal: str
    contributions: int = Field(ge=0)
    evidence: tuple[str, ...] = ()
    last_at: datetime | None = None
    stars: int = 0
    language: str = ""
    topics: tuple[str, ...] = ()
    seen_at: datetime


LeadToDraft.model_rebuild()
