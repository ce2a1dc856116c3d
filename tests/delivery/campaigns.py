"""Small campaigns, one for each way out: three people, each to be mailed, told to a CRM, with a ticket for an error."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache, cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import httpx

from cmo.clock import ScaledClock
from cmo.config import Settings
from cmo.domain.event import ItemFailed
from cmo.domain.job import Mode, Stage
from cmo.domain.lead import ItemFailure
from cmo.domain.letters import SEQUENCE_MAILERS
from cmo.domain.suppression import Suppression, SuppressionKind
from cmo.errors import CmoError
from cmo.providers.ports import Meter
from cmo.providers.registry import factory
from cmo.sandbox.vendors import gmail, instantly, smartlead
from cmo.sandbox.vendors.attio import LIST_ID
from cmo.service import writers
from cmo.service.delivery import Delivery, SendDone, SyncDone
from cmo.service.tickets import ticket_writes
from cmo.service.wiring import Outside
from cmo.store.bases import EVERYWHERE, Basis, record_basis
from cmo.store.commit import commit
from cmo.store.db import Connection, open_store, transaction
from cmo.store.jobs import get_job
from cmo.store.suppressions import record_suppressions
from tests.delivery.services import MAKERS, Services
from tests.fakes.campaign import approve, settings_in
from tests.fakes.clock import NOON, StillClock
from tests.fakes.drafts import store_with_drafts
from tests.fakes.outside import FakeResolver

PEOPLE = 3
LOOSE = {"CMO_MAX_EMAILS_PER_DAY": "100000", "CMO_PER_INBOX_DAILY": "10000"}
"""Quotas that hold nobody back."""
SHORT_S = 0.25
"""How long a client waits for an answer, in real seconds, where answers stay out."""


@dataclass(frozen=True)
class Campaign:
    """What leaves, and by what."""

    mailer: str
    crm: str = ""
    """Empty for none."""
    sequence_id: str | None = None
    sender: str = "sam@field.example"
    has_tickets: bool = False

    @property
    def services(self) -> tuple[str, ...]:
        """Of `services.MAKERS`."""
        names = (self.mailer, self.crm, "linear" if self.has_tickets else "")
        return tuple(name for name in names if name not in ("", "smtp", "maildir"))

    @property
    def plan(self) -> dict[str, Any]:
        crm = {"crm": self.crm, "list_id": LIST_ID if self.crm == "attio" else None} if self.crm else {}
        return {"mode": Mode.SEND_ALLOWED, "mailer": self.mailer, "sequence_id": self.sequence_id, **crm}


CAMPAIGNS = {
    "instantly": Campaign("instantly", "attio", instantly.ACTIVE_ID, has_tickets=True),
    "smartlead": Campaign("smartlead", "hubspot", smartlead.ACTIVE_ID),
    "gmail": Campaign("gmail", sender=gmail.ADDRESS),
    "smtp": Campaign("smtp"),
    "maildir": Campaign("maildir", "attio"),
}


@dataclass
class Running:
    """One campaign in a home of its own, with the services it writes to."""

    campaign: Campaign
    home: Path
    services: Services
    clock: StillClock | ScaledClock = field(default_factory=StillClock)
    troubles: list[str] = field(default_factory=list)
    """What steps raised, in words."""

    @cached_property
    def settings(self) -> Settings:
        return settings_in(self.home, SMTP_FROM=self.campaign.sender, **LOOSE, **self.services.places)

    def open(self) -> Connection:
        return open_store(self.settings.paths.db)

    def delivery(self, conn: Connection) -> Delivery:
        """The outbox, as a process that has just started sees it."""
        job_id = conn.execute("SELECT id FROM jobs").fetchone()["id"]
        found = Outside(
            clock=self.clock,
            github_api_url="",
            github_graphql_url="",
            github_tokens=(),
            dns_server="127.0.0.1:9",
            places=self.services.places,
        )
        return Delivery(self.settings, found, conn, get_job(conn, job_id), Meter(), FakeResolver())

    def deliver(self, conn: Connection, *, objecting: bool = True) -> int:
        """Everything once: mail, CRM, tickets. What fails is noted, and the next is tried; how much was planned.

        Args:
            objecting: Somebody who was handed to a sequence says stop afterwards.
        """
        return asyncio.run(self._deliver(self.delivery(conn), objecting=objecting))

    async def _deliver(self, delivery: Delivery, *, objecting: bool) -> int:
        planned = 0
        steps: list[Callable[[], Awaitable[SendDone | SyncDone]]] = [lambda: delivery.send(due_at=self.clock.now())]
        if self.campaign.crm:
            steps.append(lambda: delivery.sync())
        if self.campaign.has_tickets:
            steps.append(lambda: delivery.tickets(ticket_writes(delivery, only=_group(delivery.conn))))
        for step in steps:
            try:
                planned += (await step()).planned.new
            except CmoError as exc:
                planned += 1
                self.troubles.append(exc.message)
        if self.campaign.mailer in SEQUENCE_MAILERS and objecting:
            try:
                _object(delivery.conn, self.campaign, self.clock.now())
                planned += len((await delivery.withdraw()).left)
            except CmoError as exc:
                planned += 1
                self.troubles.append(exc.message)
        return planned


def _object(conn: Connection, campaign: Campaign, now: datetime) -> None:
    """The last person says stop once they were handed over."""
    row = conn.execute(
        "SELECT email_key FROM outbox WHERE state = 'confirmed' AND operation = ? ORDER BY id LIMIT 1 OFFSET ?",
        (f"{campaign.mailer}.enrol", PEOPLE - 1),
    ).fetchone()
    if row is not None:
        entry = Suppression(
            kind=SuppressionKind.EMAIL, value=row["email_key"], reason="asked", source="reply", added_at=now
        )
        with transaction(conn):
            record_suppressions(conn, [entry])


def _group(conn: Connection) -> str:
    """The error that the ticket is about; others come while a campaign is walked."""
    key: str = conn.execute("SELECT group_key FROM failures WHERE tool = 'mx_check'").fetchone()["group_key"]
    return key


@contextmanager
def running(
    name: str, home: Path, *, people: int = PEOPLE, is_short: bool = False, **troubles: Any
) -> Iterator[Running]:
    """Campaign `name` before its first step.

    Args:
        is_short: Clients wait `SHORT_S` for an answer.
        troubles: As `Services` takes them.
    """
    campaign, clock = CAMPAIGNS[name], StillClock()
    shutil.copytree(prepared(name, people), home)
    with Services(campaign.services, clock=clock, **troubles) as services, impatient(SHORT_S if is_short else 5.0):
        yield Running(campaign, home, services, clock)


@contextmanager
def impatient(seconds: float) -> Iterator[None]:
    """Clients wait so long for an answer, and load no certificates; the service opens them without a choice of that."""

    def hurried(name: str) -> Any:
        made = factory(name)
        if name in ("maildir", "mime"):
            return made
        changes: dict[str, Any] = {"timeout_s": seconds}
        if name in MAKERS:
            changes["transport"] = httpx.AsyncHTTPTransport(verify=False)
        return lambda *args, **named: made(*args, **{**named, **changes})

    with mock.patch.object(writers, "factory", hurried):
        yield


_homes: list[TemporaryDirectory[str]] = []


@cache
def prepared(name: str, people: int) -> Path:
    """A home with as many approved drafts of campaign `name`, to be copied."""
    _homes.append(TemporaryDirectory(prefix="campaign-"))
    home, campaign = Path(_homes[-1].name) / "home", CAMPAIGNS[name]
    settings = settings_in(home, SMTP_FROM=campaign.sender)
    conn, job_id = store_with_drafts(settings.paths.db, people, plan=campaign.plan)
    basis = Basis(kind="unknown-country", scope=EVERYWHERE, basis="they are customers", by="operator:ana", at=NOON)
    record_basis(conn, basis)
    approve(conn, settings, job_id, range(1, people + 1))
    failure = ItemFailure(item="maint9@org9.example", code="dns_timeout", message="no answer")
    event = ItemFailed(tool="mx_check", stage=Stage.MX, failure=failure)
    commit(conn, job_id, [(f"{job_id}/seed/failure", event)], at=NOON - timedelta(hours=1), epoch=None)
    conn.close()
    return home
