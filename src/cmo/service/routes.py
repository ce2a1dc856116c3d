"""From a job and its settings to the letters its drafts become: the same at approval and at hand-over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cmo.config import Settings
from cmo.config.installation import opaque_token
from cmo.domain.draft import Sender
from cmo.domain.job import Plan
from cmo.domain.letters import Route, Words, compose
from cmo.domain.outward import Letter
from cmo.domain.suppression import email_key
from cmo.errors import ConfigError
from cmo.service.store import installation_key
from cmo.store.db import Connection


def route_of(plan: Plan, settings: Settings) -> Route:
    """By what the job's mail leaves."""
    return Route(mailer=plan.mailer or settings.mailer, sequence_id=plan.sequence_id)


@dataclass(frozen=True)
class Composer:
    """Makes letters of a job's drafts."""

    sender: Sender
    route: Route
    secret: bytes
    """The installation's."""

    def letter(self, words: Words, *, approved_at: datetime) -> tuple[Letter, str]:
        """The letter, and the hash that an approval of it is bound to."""
        token = opaque_token(self.secret, "unsubscribe", email_key(words.to_email))
        return compose(words, sender=self.sender, route=self.route, token=token, approved_at=approved_at)


def composer_of(conn: Connection, plan: Plan, settings: Settings) -> Composer:
    """The composer of a job.

    Raises:
        ConfigError: who writes, or from where, is not set; or the installation's key is missing.
    """
    sender = settings.sender()
    if not sender.email:
        raise ConfigError(
            "Nothing can be approved: it is not set who writes.", hint="cmo config set sender.email YOU@YOUR-DOMAIN"
        )
    if not sender.postal_address:
        raise ConfigError(
            "Nothing can be approved: your postal address is not set, and the law wants it in each mail.",
            hint="cmo config set sender.postal_address 'Street 1, 1234 City, Country'",
        )
    return Composer(sender=sender, route=route_of(plan, settings), secret=installation_key(settings, conn))
