"""A job whose drafts are approved and may be sent, in a world of its own: a Maildir, and a clock that stands still."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cmo.config import Settings, Sources, load
from cmo.domain.job import Mode
from cmo.service.routes import composer_of
from cmo.service.wiring import Outside
from cmo.service.world import SANDBOX_SEED, WorldTime, keep_world
from cmo.store import drafts
from cmo.store.bases import EVERYWHERE, Basis, record_basis
from cmo.store.db import Connection, open_store
from cmo.store.draft_views import Choice, words_of
from cmo.store.jobs import get_job
from tests.fakes.clock import NOON, StillClock
from tests.fakes.drafts import store_with_drafts

ENV = {
    "CMO_OPERATOR": "ana",
    "CMO_MODE": "send_allowed",
    "SMTP_FROM": "sam@field.example",
    "CMO_SENDER_NAME": "Sam Field",
    "CMO_SENDER_POSTAL_ADDRESS": "1 Mill Lane, 12345 Springfield",
    "CMO_SENDER_TIME_ZONE": "UTC",
}
FILE = '[mode]\nsending = "send_allowed"\n'


@dataclass
class Campaign:
    """One job with approved drafts."""

    settings: Settings
    job_id: str
    clock: StillClock = field(default_factory=StillClock)
    places: dict[str, str] = field(default_factory=dict)
    """Variables of the outside, such as SMTP_HOST."""

    @property
    def found(self) -> Outside:
        return Outside(
            clock=self.clock,
            github_api_url="",
            github_graphql_url="",
            github_tokens=(),
            dns_server="127.0.0.1:9",
            places=self.places,
        )

    @property
    def mails(self) -> list[Path]:
        """What left."""
        return sorted((self.settings.paths.data_dir / "outgoing" / "new").glob("*.eml"))

    def open(self) -> Connection:
        return open_store(self.settings.paths.db)


def settings_in(home: Path, **env: str) -> Settings:
    """Settings that allow sending from a mailbox in `home`."""
    home.mkdir(exist_ok=True, parents=True)
    (home / "config.toml").write_text(FILE, encoding="utf-8")
    return load(Sources(env={"CMO_HOME": str(home), **ENV, **env}, folder=home))


def sandbox_settings(home: Path) -> Settings:
    """The settings of the built-in world below `home`, whose clock stands at noon of a Friday."""
    settings = load(Sources(env={"CMO_HOME": str(home), "CMO_OPERATOR": "ana", "CMO_SANDBOX": "1"}, folder=home))
    world = WorldTime(seed=SANDBOX_SEED, anchor_at=NOON.replace(hour=0), now=NOON)
    keep_world(settings, world)
    return settings


def campaign(
    home: Path,
    n: int = 3,
    *,
    approved: Sequence[int] | None = None,
    mode: Mode = Mode.SEND_ALLOWED,
    settings: Settings | None = None,
    plan: Mapping[str, Any] | None = None,
    is_over: bool = True,
    **env: str,
) -> Campaign:
    """A job of `n` drafts.

    Args:
        approved: Which are approved; None for all.
        settings: In place of those that `env` makes.
    """
    settings = settings or settings_in(home, **env)
    conn, job_id = store_with_drafts(settings.paths.db, n, plan={"mode": mode, **(plan or {})}, is_over=is_over)
    if settings.sandbox:
        conn.execute("UPDATE jobs SET environment = 'sandbox'")
    basis = Basis(
        kind="unknown-country", scope=EVERYWHERE, basis="they are customers of ours", by="operator:ana", at=NOON
    )
    record_basis(conn, basis)
    ids = range(1, n + 1) if approved is None else approved
    if ids:
        approve(conn, settings, job_id, ids)
    conn.close()
    return Campaign(settings, job_id)


def approve(conn: Connection, settings: Settings, job_id: str, ids: Sequence[int], *, at: datetime = NOON) -> None:
    """Approve these drafts as they stand."""
    composer = composer_of(conn, get_job(conn, job_id).plan, settings)
    words = words_of(conn, list(ids))
    drafts.decide(
        conn,
        job_id,
        "approve",
        [Choice(draft_id=id_, version=version, state="pending") for id_, version in words],
        batch_id=f"batch-{min(ids)}-{at.isoformat()}",
        by="operator:ana",
        at=at,
        hashes={id_: composer.letter(found, approved_at=at)[1] for (id_, _), found in words.items()},
        until=at + timedelta(days=7),
    )
