"""Who carries mail for every job that names nobody itself: what another one voids, and the change."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from cmo.config import SPECS, Settings
from cmo.config.tomlfile import changed_text
from cmo.domain.audit import AuditEntry
from cmo.domain.text import counted
from cmo.errors import JobNotFound
from cmo.paths import write_private
from cmo.service.store import clock_of, reader, writer
from cmo.store.audit import record_audit
from cmo.store.db import transaction
from cmo.store.send_views import count_approved_by_settings


@dataclass(frozen=True)
class MailerChange:
    """Another mailer, about to be set."""

    name: ClassVar[str] = "mailer"
    key: ClassVar[str] = "mail.provider"
    before: str
    after: str
    approvals: int
    """Drafts that were approved for the one before, and are not handed over."""

    @property
    def effect(self) -> str:
        held = f"{counted(self.approvals, 'approval')} for {self.before}: void as long as this holds. "
        return f"{held if self.approvals else ''}What was handed over leaves as it was handed over."


def mailer_change(settings: Settings, after: str) -> MailerChange:
    """What setting the mailer to `after`, one of `cmo.config.MAILERS`, would do."""
    try:
        with reader(settings) as conn:
            approvals = count_approved_by_settings(conn)
    except JobNotFound:
        approvals = 0
    return MailerChange(settings.mailer, after, approvals if after != settings.mailer else 0)


def set_mailer(settings: Settings, change: MailerChange, file: Path) -> None:
    """Keep the mailer in the settings file `file`, and on the record.

    Raises:
        ConfigError: the file cannot be changed safely.
        OutputUnwritable
    """
    literal = SPECS[change.key].kind.to_toml(change.after)
    write_private(file, changed_text(file, change.key, literal))
    record_mailer_change(settings, change.after)


def record_mailer_change(settings: Settings, after: str) -> None:
    """Put another mailer into the audit log, once it stands in the settings file; before there is a store, nothing left
    by any."""
    if after == settings.mailer or not settings.paths.db.exists():
        return
    entry = AuditEntry(
        actor=settings.actor, action="mailer.set", object="setting:mail.provider", before=settings.mailer, after=after
    )
    with writer(settings) as conn, transaction(conn):
        record_audit(conn, [entry], at=clock_of(settings).now())
