from __future__ import annotations

import json
from pathlib import Path

import pytest

from cmo import service
from cmo.config import Settings
from cmo.errors import ToolInputInvalid
from cmo.service import audit as verbs
from cmo.service import controls
from cmo.service.anchor import anchor_path
from cmo.store.db import open_store
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
    assert verbs.export_audit(settings, tmp_path / "a.ndjson", "ndjson", verbs.AuditFilter()).rows == 2
    rows = [json.loads(line) for line in (tmp_path / "a.ndjson").read_text().splitlines()]
    assert [row["action"] for row in rows] == ["sending.pause", "sending.resume"]

    verbs.export_audit(settings, tmp_path / "a.csv", "csv", verbs.AuditFilter())
    assert (tmp_path / "a.csv").read_text().startswith("seq,at,actor,action,object,")


def cut(settings: Settings, seq: int) -> None:
    """Take away the rows from `seq` on, and whatever SQLite remembers of them."""
    conn = open_store(settings.paths.db)
    conn.execute("DROP TRIGGER audit_is_never_cut")
    conn.execute("DELETE FROM audit WHERE seq >= ?", (seq,))
    conn.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'audit'", (seq - 1,))
    conn.close()


@pytest.mark.parametrize("seq", [1, 2])
def test_an_end_that_was_cut_off_is_found_with_its_number_and_time(settings: Settings, seq: int) -> None:
    last = verbs.AuditFilter().rows(settings)[-1]
    cut(settings, seq)

    broken = verbs.verify_audit(settings).broken
    assert broken is not None
    assert (broken.seq, broken.why) == (seq, f"rows {seq} to 2 are missing at the end")
    assert broken.after == ("" if seq == 1 else last.at.isoformat())


def test_a_cut_is_still_found_once_the_log_has_grown_again(settings: Settings) -> None:
    cut(settings, 2)
    for _ in range(3):
        controls.pause_sending(settings)

    broken = verbs.verify_audit(settings).broken
    assert broken is not None
    assert broken.seq == 2
    assert "was noted beside the store" in broken.why


def test_a_log_written_anew_from_the_first_row_is_found(settings: Settings) -> None:
    settings.paths.db.unlink()
    for _ in range(2):
        controls.pause_sending(settings)

    broken = verbs.verify_audit(settings).broken
    assert broken is not None
    assert broken.seq == 2


def test_without_the_note_the_rest_is_still_checked(settings: Settings) -> None:
    anchor_path(settings.paths.db).unlink()

    found = verbs.verify_audit(settings)
    assert (found.anchored, found.broken) == (None, None)


@pytest.fixture
def export(settings: Settings, tmp_path: Path) -> Path:
    controls.allow(settings, "commit", "they asked us – at the “meet-up”, 3 May")
    verbs.export_audit(settings, tmp_path / "log.ndjson", "ndjson", verbs.AuditFilter())
    return tmp_path / "log.ndjson"


def test_an_export_is_verified_without_the_store(settings: Settings, export: Path) -> None:
    head = verbs.AuditFilter(action="policy.").rows(settings)[0].hash
    settings.paths.db.unlink()

    found = verbs.verify_export(export)
    assert (found.rows, found.head, found.broken) == (3, head, None)


@pytest.mark.parametrize(
    ("old", "new", "seq"), [("operator:ana", "operator:eve", 1), ('"is_dry":false', '"is_dry":true', 1)]
)
def test_an_export_that_was_changed_is_found(export: Path, old: str, new: str, seq: int) -> None:
    export.write_text(export.read_text().replace(old, new, 1))

    broken = verbs.verify_export(export).broken
    assert broken is not None
    assert broken.seq == seq


def test_an_export_with_a_row_left_out_is_found(export: Path) -> None:
    lines = export.read_text().splitlines(keepends=True)
    export.write_text(lines[0] + lines[2])

    broken = verbs.verify_export(export).broken
    assert broken is not None
    assert (broken.seq, broken.why) == (2, "row 2 is missing")


def test_what_is_no_export_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("seq,at\n1,2\n")
    for name in ("x", "missing"):
        with pytest.raises(ToolInputInvalid):
            verbs.verify_export(tmp_path / name)
