"""Exporting: the columns of the product, harmless cells, flat memory, and a file that may be written twice."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from pydantic import ValidationError

from cmo.domain.event import CheckpointWritten
from cmo.domain.lead import EmailClass, LeadRow, MxState, ScoreLabel
from cmo.tools.export_csv import (
    ROWS_PER_PAGE,
    TOOL,
    ExportIn,
    ExportPlanned,
    attio_record,
    prospect_record,
    prospects_csv,
)
from tests.fakes.jobs import plan_factory
from tests.fakes.outside import NOW
from tests.fakes.ports import MemoryArtifacts, context_factory, ports_factory, run_tool


def row_factory(n: int = 1, **changes: Any) -> LeadRow:
    values: dict[str, Any] = {
        "login": f"dev{n}",
        "name": "Jane Doe",
        "email": f"dev{n}@acme.dev",
        "email_class": EmailClass.PUBLISHED,
        "mx_state": MxState.OK,
        "score": 82,
        "label": ScoreLabel.HOT,
        "why": "Accepted: 82 points.",
        "source_url": "https://github.com/dev1",
        "seen_at": NOW,
        "company": "Acme",
        "location": None,
        "from_repo": "org1/proj1",
        "url": "https://github.com/dev1",
        "accepted": True,
        "held": False,
        "number": n,
    }
    return LeadRow.model_validate({**values, **changes})


def export(artifacts: MemoryArtifacts, call: ExportIn) -> int:
    return run_tool(TOOL, call, ports_factory(artifacts=artifacts)).count


def export_all(artifacts: MemoryArtifacts, rows: list[LeadRow], what: str) -> list[CheckpointWritten]:
    """As the executor does: full pages, then the one that is not full."""
    written: list[CheckpointWritten] = []
    cursor = None
    for page, start in enumerate(range(0, len(rows) + 1, ROWS_PER_PAGE), start=1):
        context = context_factory(plan_factory(list_id="abc"), page=page, processed=start, cursor=cursor)
        call = TOOL.layout(ExportPlanned.model_validate({"what": what}), rows[start : start + ROWS_PER_PAGE], context)
        out = run_tool(TOOL, call, ports_factory(artifacts=artifacts))
        cursor = {"after": start, **(TOOL.cursor(out) or {})}
        written += [event for event in TOOL.events(call, out) if isinstance(event, CheckpointWritten)]
    return written


def parsed(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_prospects_have_the_columns_of_the_product() -> None:
    text = prospects_csv([row_factory()])
    assert text.splitlines() == [
        "login,name,email,email_class,mx_state,score,label,why,source_url,seen_at,company,location,from_repo",
        "dev1,Jane Doe,dev1@acme.dev,published,ok,82,HOT,Accepted: 82 points.,https://github.com/dev1,"
        "2026-11-20T00:00:00Z,Acme,,org1/proj1",
    ]


def test_attio_has_the_columns_of_the_product_and_says_where_the_address_comes_from() -> None:
    artifacts = MemoryArtifacts()
    export(artifacts, ExportIn(rows=(row_factory(),), what="attio", list_id="abc", goal="find 10 py maintainers"))
    (record,) = parsed(artifacts.files["attio_people.csv"])
    assert list(record) == ["email", "name", "company", "list_id", "github_url", "note"]
    assert record["list_id"] == "abc"
    assert record["note"] == (
        "Found for “find 10 py maintainers”. Accepted: 82 points. Address: published, seen at https://github.com/dev1."
    )


def test_held_leads_are_marked_among_prospects_and_kept_out_of_the_crm() -> None:
    artifacts = MemoryArtifacts()
    rows = (row_factory(1, held=True), row_factory(2))
    assert export(artifacts, ExportIn(rows=rows)) == 2
    assert export(artifacts, ExportIn(rows=rows, what="attio")) == 1
    assert [record["why"] for record in parsed(artifacts.files["prospects.csv"])] == [
        "HOLD: Accepted: 82 points.",
        "Accepted: 82 points.",
    ]
    assert [record["email"] for record in parsed(artifacts.files["attio_people.csv"])] == ["dev2@acme.dev"]


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "\t=1+1", "@x", "\uff0b1"])
def test_a_hostile_name_is_no_formula(name: str) -> None:
    (record,) = parsed(prospects_csv([row_factory(name=name)]))
    assert record["name"].startswith("'")


def test_a_record_is_one_line_whatever_the_text() -> None:
    text = prospects_csv([row_factory(name="Jane\nDoe\r\n\x00x", company='say "hi", then\ngo')])
    assert len(text.splitlines()) == 2
    assert parsed(text)[0]["company"] == 'say "hi", then go'


def test_many_pages_become_one_file_and_no_part_is_left() -> None:
    artifacts = MemoryArtifacts()
    rows = [row_factory(n, held=n % 3 == 0) for n in range(1, 2 * ROWS_PER_PAGE + 8)]
    (written,) = export_all(artifacts, rows, "prospects")
    (also,) = export_all(artifacts, rows, "attio")
    assert artifacts.files["prospects.csv"] == prospects_csv(rows)
    assert sorted(artifacts.files) == ["attio_people.csv", "prospects.csv"]
    assert (written.path, written.rows, written.batch) == ("prospects.csv", len(rows), 0)
    assert also.rows == len(parsed(artifacts.files["attio_people.csv"])) == sum(not row.held for row in rows)


@pytest.mark.parametrize("count", [0, 1, ROWS_PER_PAGE, 2 * ROWS_PER_PAGE])
def test_a_file_is_whole_at_every_page_boundary(count: int) -> None:
    artifacts = MemoryArtifacts()
    rows = [row_factory(n) for n in range(1, count + 1)]
    (written,) = export_all(artifacts, rows, "prospects")
    assert len(parsed(artifacts.files["prospects.csv"])) == written.rows == count


def test_a_page_written_twice_changes_nothing() -> None:
    once, twice = MemoryArtifacts(), MemoryArtifacts()
    call = ExportIn(rows=(row_factory(),), part=1, last=False)
    export(once, call)
    export(twice, call)
    export(twice, call)
    assert once.files == twice.files


def test_a_last_page_that_is_written_again_after_the_join_leaves_the_file_whole() -> None:
    artifacts = MemoryArtifacts()
    export(artifacts, ExportIn(rows=(row_factory(1),), part=1, last=False))
    last = ExportIn(rows=(row_factory(2),), part=2, last=True, rows_before=1)
    export(artifacts, last)
    assert export(artifacts, last) == 2
    assert artifacts.files == {"prospects.csv": prospects_csv([row_factory(1), row_factory(2)])}


@pytest.mark.parametrize("path", ["../x.csv", "/etc/passwd", "a/b.csv", ".hidden", "", "a\nb"])
def test_a_path_that_leaves_the_folder_is_refused(path: str) -> None:
    with pytest.raises(ValidationError):
        ExportIn(rows=(), path=path)


def test_records_are_plain_json() -> None:
    record = prospect_record(row_factory(email=None, email_class=None, mx_state=None, source_url=None, seen_at=None))
    assert {type(value) for value in record.values()} <= {str, int, type(None)}
    note = attio_record(row_factory(why="x" * 5000), list_id=None)["note"]
    assert isinstance(note, str)
    assert len(note) == 600
