from __future__ import annotations

import json
from pathlib import Path

import pytest

from cmo import service
from cmo.config import Settings
from cmo.service import audit as verbs
from cmo.service import controls
from tests.service.test_controls import settings_in


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    found = settings_in(tmp_path)
    controls.pause_sending(found)
    controls.resume_sending(found)
    return found


def test_filters_hold_together(settings: Settings) -> None:
    assert len(verbs.AuditFilter(actor="ana", action="sending.").rows(settings)) == 2
    assert verbs.AuditFilter(actor="bob", action="sending.").rows(settings) == []
    assert verbs.AuditFilter(draft=36).rows(settings) == []


def test_a_changed_row_is_found(settings: Settings) -> None:
    whole = verbs.verify_audit(settings)
    assert (whole.rows, whole.broken) == (2, None)

    with service.writer(settings) as conn:
        conn.execute("DROP TRIGGER audit_is_never_changed")
        conn.execute("UPDATE audit SET actor = 'operator:eve' WHERE seq = 1")
    broken = verbs.verify_audit(settings).broken
    assert broken is not None
    assert broken.seq == 1


def test_an_export_has_the_oldest_row_first(settings: Settings, tmp_path: Path) -> None:
    assert verbs.export_audit(settings, tmp_path / "a.ndjson", "ndjson", verbs.AuditFilter()) == 2
    rows = [json.loads(line) for line in (tmp_path / "a.ndjson").read_text().splitlines()]
    assert [row["action"] for row in rows] == ["sending.pause", "sending.resume"]

    verbs.export_audit(settings, tmp_path / "a.csv", "csv", verbs.AuditFilter())
    assert (tmp_path / "a.csv").read_text().startswith("seq,at,actor,action,object,")
