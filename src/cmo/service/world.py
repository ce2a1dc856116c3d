"""The sandbox's world across processes: which one it is, and what time it is in it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cmo.clock import SystemClock
from cmo.config import Settings
from cmo.errors import ConfigError
from cmo.paths import write_private

SANDBOX_SEED = 7
SANDBOX_DAY_STARTS = timedelta(hours=9)
WORLD_FILE = "world.json"


@dataclass(frozen=True)
class WorldTime:
    """The sandbox's world: which one, from which day, and what time it is in it."""

    seed: int
    anchor_at: datetime
    now: datetime


def sandbox_world(settings: Settings) -> WorldTime:
    """The world of this sandbox home; a fresh one starts today, at 09:00 UTC.

    Raises:
        ConfigError: its file was changed by hand and cannot be read.
    """
    path = settings.paths.sandbox_dir / WORLD_FILE
    if not path.exists():
        today = SystemClock().now().replace(hour=0, minute=0, second=0, microsecond=0)
        return WorldTime(seed=SANDBOX_SEED, anchor_at=today, now=today + SANDBOX_DAY_STARTS)
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        moments = (datetime.fromisoformat(saved[name]).astimezone(UTC) for name in ("anchor_at", "now"))
        return WorldTime(int(saved["seed"]), *moments)
    except (ValueError, KeyError, TypeError) as exc:
        raise ConfigError(f"The sandbox's {path} cannot be read.", hint="Start it anew: cmo demo --reset") from exc


def keep_world(settings: Settings, world: WorldTime) -> None:
    """Write down what time it is in the world, so that the next process goes on from there."""
    record = {"seed": world.seed, "anchor_at": world.anchor_at.isoformat(), "now": world.now.isoformat()}
    write_private(settings.paths.sandbox_dir / WORLD_FILE, json.dumps(record))
