"""Letters for tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from cmo.domain.outward import Letter
from cmo.providers.mail.mime import message_id_for


def letter_of(key: str = "jane@buyer.example|email|seq|1", **changes: Any) -> Letter:
    """A letter that is in order, with `changes`."""
    fields: dict[str, Any] = {
        "key": key,
        "step": "first_touch",
        "to_email": "jane@buyer.example",
        "to_name": "Jane Doe",
        "from_email": "ann@sender.example",
        "from_name": "Ann Owner",
        "reply_to": "ann@sender.example",
        "subject": "Flaky tests in your pipeline",
        "body": "Hi Jane,\n\nyour tests take an hour.\n\nAnn\n",
        "message_id": message_id_for(key, "sender.example"),
        "unsubscribe_mailto": "stop@sender.example",
        "unsubscribe_url": "https://go.sender.example/u/k3f9a1c2",
        "written_at": datetime(2026, 11, 20, 9, 30, 15, 123456, tzinfo=UTC),
    }
    return Letter.model_validate({**fields, **changes})
