"""Writes to the outside: what is written, whether it may be repeated, and what came of it.

A write is an item (a letter, a CRM record, a ticket) and an operation of a provider. What a provider's client answers
for an item is a receipt. Nothing in here is decided from memory of a service's manners: every operation says how a
doubtful write of its kind is settled, and from which contract that follows.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import Field

from cmo.domain.base import Frozen


class Repeat(StrEnum):
    """How a write whose outcome is not known may be settled."""

    REPEATABLE = "repeatable"
    """The same write again has the same effect as once, so it may be repeated (after looking, where looking is
    possible)."""
    LOOKED_UP = "looked_up"
    """Not repeatable, but the provider can be asked whether it happened; absent means it may be written."""
    BLIND = "blind"
    """Neither: a person decides."""


class Operation(Frozen):
    """One kind of write at one provider."""

    name: str
    """`provider.verb`, e.g. `instantly.enrol`; unique."""
    repeat: Repeat
    known_by: str
    """By what the provider recognises the same write, in words."""
    batch: int = Field(ge=1)
    """Most items in one call."""
    timeout_s: float
    """How long one call may take; after it, plus `margin_s`, a late effect is no longer expected."""
    margin_s: float = 30.0
    source: str
    """The contract page and section this follows from."""

    @property
    def provider(self) -> str:
        return self.name.partition(".")[0]


class Fate(StrEnum):
    """What came of one item."""

    CONFIRMED = "confirmed"
    """It happened: the provider said so, or it was found there."""
    LATER = "later"
    """It surely did not happen, and the same write may work later."""
    REFUSED = "refused"
    """It surely did not happen, and would be refused again."""
    ABSENT = "absent"
    """Looked up: it surely is not there."""
    UNKNOWN = "unknown"
    """It may have happened."""
    HELD = "held"
    """The provider's answer contradicts itself, or several records match: a person decides."""


LEAD_LIMIT = "lead_limit"
"""Code of what a full plan keeps out: the service works, and a person has to make room."""
STANDSTILL = frozenset({LEAD_LIMIT, "campaign_holds"})
"""Codes of what waits until a person has changed something at the provider."""
EXPECTED = STANDSTILL | frozenset({"blocklisted", "unsubscribed", "in_other_campaign"})
"""Codes that services give where nothing is wrong: many of them are no reason to stop."""
Effect = Literal["", "created", "updated", "noop", "ambiguous"]


class Receipt(Frozen):
    """What came of one item, as told by a provider's client."""

    key: str
    """The item's."""
    fate: Fate
    effect: Effect = ""
    """For confirmed writes, where the provider lets it be known; `ambiguous` goes with HELD."""
    provider_id: str | None = None
    """What the provider calls it."""
    code: str = ""
    """Stable word for what went wrong: rate_limited, timeout, reset, server_error, rejected, blocklisted,
    duplicate, invalid_email, unsubscribed, contract_broken, ..."""
    reason: str = ""
    """A plain sentence, cleaned, without keys or addresses."""
    status: int | None = None
    """HTTP or SMTP status, where there was one."""
    retry_after_s: float | None = None
    differs: Mapping[str, str] = {}
    """Of what is there: field -> its value, where that is not ours; empty where there is none. A write fills what is
    empty, so an ABSENT that differs has a `provider_id`: the record is there, and lacks something."""


class Letter(Frozen):
    """One mail exactly as approved: everything that leaves, and nothing that is filled in later."""

    key: str
    """The outbox key."""
    step: str
    """first_touch, follow_up_1, ..."""
    to_email: str
    to_name: str = ""
    first_name: str = ""
    last_name: str = ""
    company: str = ""
    from_email: str
    from_name: str = ""
    reply_to: str = ""
    subject: str
    body: str
    """Plain text; lines end in `\\n`."""
    message_id: str
    """Without angle brackets; fixed at approval."""
    in_reply_to: str = ""
    """Message-ID of the first mail, for a follow-up; without angle brackets."""
    sequence_id: str | None = None
    """The provider's campaign; None for a mailbox of one's own."""
    unsubscribe_mailto: str = ""
    """An address, for List-Unsubscribe."""
    unsubscribe_url: str = ""
    """https with an opaque token, for List-Unsubscribe and one-click; empty for none."""
    written_at: datetime
    """Goes into Date, zone and all; the moment of approval, so that the bytes never change."""


class Withdrawal(Frozen):
    """Somebody who was handed to a provider's sequence and must not be mailed any more."""

    key: str
    email: str = ""
    """Empty once the person was erased here."""
    sequence_id: str
    record_id: str | None = None
    """The provider's id of the person, where it said it."""


class CrmItem(Frozen):
    """One person for the CRM, their company, or one of the records that hang on them; which fields count depends on the
    operation."""

    key: str
    email: str
    """Empty for a company."""
    other_emails: tuple[str, ...] = ()
    """By which the CRM may know the person already; they are looked for, never written."""
    name: str = ""
    first_name: str = ""
    last_name: str = ""
    company: str = ""
    company_domain: str = ""
    """Empty for free-mail and unknown."""
    github_url: str = ""
    list_id: str | None = None
    record_id: str | None = None
    """The provider's id of what the record hangs on: the person; for a link of HubSpot the company. For a person or
    company, the id they were known by."""
    marker: str = ""
    """Stable text that makes a note findable, e.g. `[cmo:k3f9a1c2]`; part of the title."""
    title: str = ""
    text: str = ""
    happened_at: datetime | None = None
    overwrites: bool = False
    """Whether a write may replace what the record says; else it fills only what is empty there."""

    @property
    def addresses(self) -> tuple[str, ...]:
        """All of them, in lower case, the one that is written first."""
        return tuple(dict.fromkeys(email.lower() for email in (self.email, *self.other_emails)))


class TicketItem(Frozen):
    """One issue, or the link on it, for the ticket tracker."""

    key: str
    id: str
    """A UUID v4 of our own making, derived from the key: the same whenever the same ticket is written."""
    team_id: str
    parent_id: str | None = None
    title: str
    body: str = ""
    """Markdown; text from outside in it is fenced."""
    priority: int = Field(default=0, ge=0, le=4)
    """0 none, 1 urgent ... 4 low."""
    url: str = ""


Item = Letter | Withdrawal | CrmItem | TicketItem


class Inbox(Frozen):
    """A mailbox that mail leaves from."""

    address: str
    provider: str
    is_warm: bool = False
    """Warmed up before cmo came to use it; else it starts with 5 a day, 5 more each day."""
    daily_cap: int | None = None
    """Mails a day that its service lets it send; None where it does not say."""
    trouble: str | None = None
    """Why it sends nothing now, by what its service says; empty where it works, None where that is not said."""


SequenceState = Literal["sending", "paused", "draft", "finished", "unhealthy"]
QUIET: frozenset[SequenceState] = frozenset({"paused", "draft", "finished"})
"""States in which a campaign sends nothing until somebody starts it. An unhealthy one may recover by itself."""


class Sequence(Frozen):
    """A provider's campaign as it stands, or a mailbox of one's own as one."""

    id: str
    name: str = ""
    state: SequenceState
    inboxes: tuple[Inbox, ...]
    problems: tuple[str, ...] = ()
    """Why approved text would not leave at all, or not unchanged, or not in time, one plain sentence each, with the
    fix; empty when all is well."""


class PauseReport(Frozen):
    """What pausing a provider's campaign came to, read back."""

    provider: str
    sequence_id: str
    state: SequenceState | None
    """Read back from the provider, not assumed; None where it is not known."""
    detail: str
    """A plain sentence."""

    @property
    def is_quiet(self) -> bool:
        """Whether the campaign is known to send nothing."""
        return self.state in QUIET


class Probe(Frozen):
    """A harmless look at a provider: is the key accepted, what may it do, what is left."""

    provider: str
    state: Literal["ok", "warn", "fail"]
    detail: str
    """A plain sentence."""
    fix: str = ""
