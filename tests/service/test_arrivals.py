from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from cmo.config import Settings
from cmo.service.arrivals import arrived
from tests.service.test_jobs import settings_in

MAIL = b"From: ana@ruiz.example\r\nTo: Bo <bo@b.example>\r\nSubject: Hi\r\n\r\nHello\r\n"
OTHER = MAIL.replace(b"bo@b", b"cy@c")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path, {"CMO_SANDBOX": "1"})


def keep_books(settings: Settings, books: dict[str, Any]) -> None:
    settings.paths.sandbox_dir.mkdir(parents=True)
    (settings.paths.sandbox_dir / "books.json").write_text(json.dumps({"doors": {}, **books}))


def test_the_same_mail_in_two_files_is_a_double(settings: Settings) -> None:
    for place, mail in (("new/1", MAIL), ("cur/2", MAIL), ("new/3", OTHER)):
        path = settings.paths.data_dir / "outgoing" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(mail)
    assert sorted(arrived(settings, "maildir", None).values()) == [1, 2]


def test_a_mail_that_the_server_took_twice_is_a_double(settings: Settings) -> None:
    received = [{"data": mail.decode()} for mail in (MAIL, OTHER, MAIL)]
    keep_books(settings, {"mail": {"received": received}})
    assert arrived(settings, "smtp", None) == {"bo@b.example Hi": 2, "cy@c.example Hi": 1}


def test_a_gmail_draft_has_not_arrived(settings: Settings) -> None:
    raw = base64.urlsafe_b64encode(MAIL).decode()
    messages = [{"raw": raw, "labels": ["SENT"]}, {"raw": raw, "labels": ["DRAFT"]}]
    keep_books(settings, {"doors": {"gmail": {"vendor": {"messages": messages}}}})
    assert arrived(settings, "gmail", None) == {"bo@b.example Hi": 1}


def test_only_people_of_the_jobs_own_sequence_count(settings: Settings) -> None:
    people = [{"campaign_id": id_, "email": "Bo@b.example"} for id_ in ("ours", "theirs", "ours")]
    keep_books(settings, {"doors": {"instantly": {"vendor": {"people": people}}}})
    assert arrived(settings, "instantly", "ours") == {"bo@b.example": 2}


def test_nothing_arrived_where_nothing_was_ever_written(settings: Settings) -> None:
    assert not arrived(settings, "maildir", None)
    assert not arrived(settings, "smtp", None)
