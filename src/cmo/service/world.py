"""The sandbox's world across processes: which one it is, what time it is in it, and what goes wrong there."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from cmo.clock import SystemClock
from cmo.config import Settings
from cmo.errors import ConfigError
from cmo.paths import write_private

if TYPE_CHECKING:
    from cmo.sandbox import SandboxSettings

SANDBOX_SEED = 7
WORLD_FILE = "world.json"
TUESDAY = 1
MORNING = time(9)


@dataclass(frozen=True)
class WorldTime:
    """The sandbox's world: which one, from which day, what time it is in it, and which faults it plays."""

    seed: int
    anchor_at: datetime
    now: datetime
    faults: str = "none"
    """The name of a profile that `world_settings` knows."""


def sandbox_world(settings: Settings) -> WorldTime:
    """The world of this sandbox home; a fresh one starts on a Tuesday at 09:00 in the sender's zone.

    Raises:
        ConfigError: its file was changed by hand and cannot be read, or the sender's zone is none.
    """
    path = settings.paths.sandbox_dir / WORLD_FILE
    if not path.exists():
        now = tuesday_morning(SystemClock().now(), settings.sender_time_zone)
        anchor = now.replace(hour=0, minute=0, second=0, microsecond=0)
        return WorldTime(seed=SANDBOX_SEED, anchor_at=anchor, now=now)
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        anchor_at, now = (datetime.fromisoformat(saved[name]).astimezone(UTC) for name in ("anchor_at", "now"))
        return WorldTime(int(saved["seed"]), anchor_at, now, str(saved.get("faults", "none")))
    except (ValueError, KeyError, TypeError) as exc:
        raise ConfigError(f"The sandbox's {path} cannot be read.", hint="Start it anew: cmo demo --reset") from exc


def keep_world(settings: Settings, world: WorldTime) -> None:
    """Write down what time it is in the world, so that the next process goes on from there."""
    record = {
        "seed": world.seed,
        "anchor_at": world.anchor_at.isoformat(),
        "now": world.now.isoformat(),
        "faults": world.faults,
    }
    write_private(settings.paths.sandbox_dir / WORLD_FILE, json.dumps(record))


def forward_world(settings: Settings, by: timedelta) -> WorldTime:
    """Move the sandbox's clock forward and do nothing else; the world as it is then. No job of it may be running.

    Raises:
        ConfigError: these are the settings of the real world, or there is no sandbox yet.
    """
    if not settings.sandbox:
        raise ConfigError("Only the sandbox's clock can be moved.", hint="cmo demo --forward 2d")
    if not (settings.paths.sandbox_dir / WORLD_FILE).exists():
        raise ConfigError("There is no sandbox yet, so there is no clock to move.", hint="Make one: cmo demo")
    world = sandbox_world(settings)
    moved = replace(world, now=world.now + by)
    keep_world(settings, moved)
    return moved


def tuesday_morning(now: datetime, zone: str) -> datetime:
    """09:00 in `zone` on the Tuesday of the week that `now` falls in there, or of the week before on a Monday; UTC.

    Raises:
        ConfigError: `zone` is no IANA zone.
    """
    try:
        home = ZoneInfo(zone)
    except (KeyError, ValueError, OSError) as exc:
        raise ConfigError(
            f"sender.time_zone: {zone!r} is no time zone this system knows.",
            hint="cmo config set sender.time_zone Europe/Lisbon",
        ) from exc
    today = now.astimezone(home).date()
    tuesday = today - timedelta(days=(today.weekday() - TUESDAY) % 7)
    return datetime.combine(tuesday, MORNING, tzinfo=home).astimezone(UTC)


def world_settings(world: WorldTime) -> SandboxSettings:
    """How a sandbox of this world is set up, with its faults.

    Raises:
        ConfigError: there is no such profile of faults.
    """
    from cmo.sandbox import FaultKind, FaultPlan, FaultRule, SandboxSettings
    from cmo.sandbox.faults import DNS_ROUTE, PROFILES
    from cmo.sandbox.smtp_faults import SmtpFault

    rules = {
        **PROFILES,
        "demo": (FaultRule(kind=FaultKind.DNS_TIMEOUT, route=DNS_ROUTE, share=0.4),),
    }
    if world.faults not in rules:
        raise ConfigError(f"The sandbox knows no faults called {world.faults!r}.", hint=f"Known: {', '.join(rules)}")
    heavy_mail = (
        SmtpFault(point="rcpt", way="4xx", share=0.03),
        SmtpFault(point="connect", way="drop", share=0.02),
        SmtpFault(point="after_dot", way="timeout", nth=(9,), most=1),
    )
    return SandboxSettings(
        seed=world.seed,
        anchor_at=world.anchor_at,
        faults=FaultPlan(rules[world.faults], world.seed),
        smtp_faults=heavy_mail if world.faults == "heavy" else (),
    )
