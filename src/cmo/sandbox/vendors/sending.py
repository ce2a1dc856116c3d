"""What every sending service does with people and campaigns: expand the words of a step, and hand mail out once."""

from __future__ import annotations

import html
import re
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

HAND_OUT_AFTER = timedelta(minutes=5)
"""From a person's being added to the earliest mail."""
MOST_EXPANSIONS = 3
_VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_SPINTAX = re.compile(r"\{([^{}|]*)\|[^{}]*\}")
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_TAG = re.compile(r"<[^>]+>")


@dataclass
class Person:
    """Somebody in one campaign."""

    id: str
    campaign_id: str
    email: str
    first_name: str
    last_name: str
    company_name: str
    custom: dict[str, Any]
    """Variables of the caller's own."""
    added_at: str
    """ISO, UTC."""
    is_done: bool = False
    """Mail went out, or never will."""
    is_gone: bool = False
    """Taken out of the campaign again."""


@dataclass(frozen=True)
class SentMail:
    """One mail as its recipient sees it."""

    campaign_id: str
    from_email: str
    to_email: str
    subject: str
    body: str
    """Text."""
    sent_at: str
    """ISO, UTC."""


@dataclass
class Campaign:
    """Only its first step is ever sent."""

    id: str
    name: str
    status: str
    """The service's own word or figure, as text."""
    subject: str
    body: str
    """HTML."""
    inboxes: tuple[str, ...]
    settings: dict[str, Any] = field(default_factory=dict)
    zone: str = "Africa/Abidjan"
    """That of UTC."""
    opens: time = time(8)
    closes: time = time(18)
    days: tuple[int, ...] = (0, 1, 2, 3, 4)
    """Monday is 0."""

    def is_open(self, now: datetime) -> bool:
        """Whether its schedule lets mail out at `now`."""
        local = now.astimezone(ZoneInfo(self.zone))
        return local.weekday() in self.days and self.opens <= local.time() < self.closes


class SendingFloor:
    """The campaigns of one account, the people in them, and what went out."""

    def __init__(self, campaigns: Iterable[Campaign], *, active: str) -> None:
        """Nobody is in any campaign yet.

        Args:
            active: The status in which a campaign sends.
        """
        self.campaigns = {campaign.id: campaign for campaign in campaigns}
        self.people: list[Person] = []
        self.sent: list[SentMail] = []
        self._active = active

    def advance(self, now: datetime) -> None:
        """Hand out what is due, in the order people were added: one mail each, never a second."""
        for person in self.people:
            campaign = self.campaigns[person.campaign_id]
            is_due = datetime.fromisoformat(person.added_at) + HAND_OUT_AFTER <= now
            if (
                person.is_done
                or person.is_gone
                or not is_due
                or campaign.status != self._active
                or not campaign.is_open(now)
            ):
                continue
            person.is_done = True
            variables = self.variables(person)
            self.sent.append(
                SentMail(
                    campaign_id=campaign.id,
                    from_email=campaign.inboxes[len(self.sent) % len(campaign.inboxes)],
                    to_email=person.email,
                    subject=expand(campaign.subject, variables),
                    body=as_text(expand(campaign.body, variables)),
                    sent_at=now.isoformat(),
                )
            )

    def add(
        self, person_id: str, campaign_id: str, lead: Mapping[str, Any], *, custom: Mapping[str, Any], now: datetime
    ) -> Person:
        """Put the person of a request's `lead` into a campaign."""
        person = Person(
            id=person_id,
            campaign_id=campaign_id,
            email=str(lead["email"]),
            first_name=str(lead.get("first_name") or ""),
            last_name=str(lead.get("last_name") or ""),
            company_name=str(lead.get("company_name") or ""),
            custom=dict(custom),
            added_at=now.isoformat(),
        )
        self.people.append(person)
        return person

    def variables(self, person: Person) -> dict[str, Any]:
        """What a step may name: both spellings in use, and the caller's own."""
        return {
            "email": person.email,
            "firstName": person.first_name,
            "first_name": person.first_name,
            "lastName": person.last_name,
            "last_name": person.last_name,
            "companyName": person.company_name,
            "company_name": person.company_name,
            **person.custom,
        }

    def find(self, email: str, *, campaign_id: str | None = None) -> list[Person]:
        """Everybody with that address, in one campaign or in all."""
        wanted = email.strip().casefold()
        return [
            person
            for person in self.people
            if person.email.casefold() == wanted and campaign_id in (None, person.campaign_id) and not person.is_gone
        ]

    def take_out(self, person_id: str, *, campaign_id: str | None = None) -> Person | None:
        """Mail nobody who has this id, in one campaign or in all, any more; None where nobody has it."""
        for person in self.people:
            if person.id == person_id and campaign_id in (None, person.campaign_id) and not person.is_gone:
                person.is_gone = True
                return person
        return None

    def to_json(self) -> dict[str, Any]:
        return {
            "statuses": {campaign.id: campaign.status for campaign in self.campaigns.values()},
            "people": [asdict(person) for person in self.people],
            "sent": [asdict(mail) for mail in self.sent],
        }

    def load_json(self, saved: Mapping[str, Any]) -> None:
        """Take over what `to_json` gave."""
        for campaign_id, status in saved["statuses"].items():
            self.campaigns[campaign_id].status = status
        self.people = [Person(**row) for row in saved["people"]]
        self.sent = [SentMail(**row) for row in saved["sent"]]


class SendingTwin:
    """What the models of such services have in common: their floor, and the pace they allow."""

    def __init__(self, floor: SendingFloor, *limits: tuple[int, float]) -> None:
        """
        Args:
            limits: Each a count of requests and seconds, a minute at most.
        """
        self.floor = floor
        self.plan = 10_000
        """People it holds; what it is handed beyond is not added."""
        self.inbox_state: dict[str, dict[str, Any]] = {}
        """Inbox -> fields of the service's own record of it, in place of those of one that works."""
        self.unreadable: set[str] = set()
        """Addresses that make it refuse a whole call; in lower case."""
        self._limits = limits
        self._requests: deque[datetime] = deque()

    @property
    def sent(self) -> tuple[SentMail, ...]:
        """Mail that went out, oldest first."""
        return tuple(self.floor.sent)

    @property
    def enrolled(self) -> tuple[Person, ...]:
        """Everybody in a campaign, in the order they were added."""
        return tuple(person for person in self.floor.people if not person.is_gone)

    def advance(self, now: datetime) -> None:
        """Hand out what is due at `now`."""
        self.floor.advance(now)

    @property
    def room(self) -> int:
        """People whom the plan still holds."""
        return max(0, self.plan - len(self.floor.people))

    def is_unreadable(self, leads: Iterable[Mapping[str, Any]]) -> bool:
        """Whether a call with `leads` is refused as a whole."""
        return any(str(lead.get("email") or "").casefold() in self.unreadable for lead in leads)

    def is_over_limit(self, now: datetime) -> bool:
        """Whether a request at `now` is one too many; counted where it is not."""
        while self._requests and self._requests[0] <= now - timedelta(minutes=1):
            self._requests.popleft()
        over = any(
            sum(at > now - timedelta(seconds=seconds) for at in self._requests) >= count
            for count, seconds in self._limits
        )
        if not over:
            self._requests.append(now)
        return over


def expand(words: str, variables: Mapping[str, Any]) -> str:
    """`words` with variables and spintax filled in, again and again as services do: what a value holds is expanded."""
    for _ in range(MOST_EXPANSIONS):
        filled = _VARIABLE.sub(lambda match: str(variables.get(match.group(1)) or ""), words)
        words = _SPINTAX.sub(lambda match: match.group(1), filled)
    return words


def as_text(body: str) -> str:
    """HTML as a recipient reads it."""
    return html.unescape(_TAG.sub("", _BREAK.sub("\n", body))).replace("\xa0", " ")
