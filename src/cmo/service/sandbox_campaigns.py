"""The sandbox's campaigns, which nobody can open in a browser: what a person would do there after a stop."""

from __future__ import annotations

import json
from collections.abc import Collection

from cmo.config import Settings
from cmo.paths import write_private
from cmo.service.wiring import BOOKS_FILE

_SENDS = {"paused": "active", "PAUSED": "ACTIVE"}
"""Each service's word for a paused campaign -> for one that sends."""


def resume_campaigns(settings: Settings, campaigns: Collection[str]) -> int:
    """Let these send again, of whichever service; how many were paused. No job of the sandbox may be running."""
    path = settings.paths.sandbox_dir / BOOKS_FILE
    if not campaigns or not path.exists():
        return 0
    books = json.loads(path.read_text(encoding="utf-8"))
    resumed = 0
    for door in books["doors"].values():
        statuses = door.get("vendor", {}).get("statuses", {})
        for campaign, status in statuses.items():
            if campaign in campaigns and status in _SENDS:
                statuses[campaign] = _SENDS[status]
                resumed += 1
    if resumed:
        write_private(path, json.dumps(books))
    return resumed
