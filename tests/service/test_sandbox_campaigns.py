from __future__ import annotations

import json
from pathlib import Path

from cmo.service.sandbox_campaigns import resume_campaigns
from cmo.service.wiring import BOOKS_FILE
from tests.fakes.campaign import sandbox_settings


def test_only_the_campaigns_that_were_stopped_send_again(tmp_path: Path) -> None:
    settings = sandbox_settings(tmp_path)
    books = settings.paths.sandbox_dir / BOOKS_FILE
    statuses = {"instantly": {"a": "paused", "b": "paused", "c": "completed"}, "smartlead": {"4101": "PAUSED"}}
    doors = {name: {"vendor": {"statuses": found}} for name, found in statuses.items()}
    books.write_text(json.dumps({"doors": {**doors, "attio": {"vendor": {}}}, "mail": 3}), encoding="utf-8")

    assert resume_campaigns(settings, {"a", "c", "4101"}) == 2
    after = json.loads(books.read_text(encoding="utf-8"))
    assert after["doors"]["instantly"]["vendor"]["statuses"] == {"a": "active", "b": "paused", "c": "completed"}
    assert after["doors"]["smartlead"]["vendor"]["statuses"] == {"4101": "ACTIVE"}
    assert after["mail"] == 3


def test_without_books_nothing_is_resumed(tmp_path: Path) -> None:
    assert resume_campaigns(sandbox_settings(tmp_path), {"a"}) == 0
