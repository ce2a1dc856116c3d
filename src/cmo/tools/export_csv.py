"""Write accepted leads as CSV: `prospects.csv` with everything, `attio_people.csv` for the CRM.

A page writes one part; the last page joins the parts. A page that is written again writes the same bytes, so an
export may be interrupted anywhere and no list is ever held in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from cmo.domain.base import Frozen
from cmo.domain.csvtext import csv_line
from cmo.domain.event import CheckpointWritten, Event
from cmo.domain.job import ATTIO_CSV, PROSPECTS_CSV, Stage
from cmo.domain.lead import LeadRow
from cmo.domain.text import clean_line
from cmo.tools.base import PageContext, Ports, Source, Tool

NAME = "export_csv"
ROWS_PER_PAGE = 500
LONGEST_NOTE = 600

What = Literal["prospects", "attio"]
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]

PROSPECT_COLUMNS = (
    "login", "name", "email", "email_class", "mx_state", "score", "label", "why", "source_url", "seen_at", "company",
    "location", "from_repo",
)  # fmt: skip
ATTIO_COLUMNS = ("email", "name", "company", "list_id", "github_url", "note")
_FILES: Mapping[What, str] = {"prospects": PROSPECTS_CSV, "attio": ATTIO_CSV}
_COLUMNS: Mapping[What, tuple[str, ...]] = {"prospects": PROSPECT_COLUMNS, "attio": ATTIO_COLUMNS}


class ExportPlanned(Frozen):
    """Write the accepted leads to a CSV file in the job's folder.

    `prospects` is the full list with reasons and sources; `attio` is the list for the CRM, without leads on HOLD. Call
    it once for each file when nothing is left to score.
    """

    what: What = Field(default="prospects", description="Which file to write.")


class ExportIn(Frozen):
    rows: tuple[LeadRow, ...] = Field(max_length=ROWS_PER_PAGE)
    what: What = "prospects"
    path: FileName | None = Field(default=None, description="File name; null is prospects.csv or attio_people.csv.")
    list_id: str | None = Field(default=None, description="The CRM's list, for attio.")
    goal: str = Field(default="", description="What the people were found for, for attio's note.")
    part: int = Field(default=1, ge=1, le=99_999, description="Which page of the file this is, from 1.")
    last: bool = Field(default=True, description="Whether to join the parts into the file.")
    rows_before: int = Field(default=0, ge=0, description="Rows of the parts before.")


class ExportOut(Frozen):
    path: str
    count: int
    """Rows in the file so far."""


def layout(planned: ExportPlanned, rows: Sequence[LeadRow], context: PageContext) -> ExportIn:
    """One part of the file. A page that is not full is the last."""
    before = (context.cursor or {}).get("count", context.processed)
    return ExportIn(
        rows=tuple(rows),
        what=planned.what,
        list_id=context.plan.list_id,
        goal=context.plan.goal,
        part=context.page,
        last=len(rows) < ROWS_PER_PAGE,
        rows_before=before,
    )


async def run(call: ExportIn, ports: Ports) -> ExportOut:
    path = _path(call)
    records = list(_records(call))
    text = _csv(_COLUMNS[call.what], records, header=call.part == 1)
    if call.part == 1 and call.last:
        ports.artifacts.write(path, text)
    else:
        ports.artifacts.write(_part_name(path, call.part), text)
        if call.last:
            ports.artifacts.concatenate([_part_name(path, n) for n in range(1, call.part + 1)], path)
    return ExportOut(path=path, count=call.rows_before + len(records))


def events(call: ExportIn, out: ExportOut) -> list[Event]:
    return [CheckpointWritten(batch=0, path=out.path, rows=out.count)] if call.last else []


def prospects_csv(rows: Iterable[LeadRow]) -> str:
    """`rows` as a whole prospects file."""
    return _csv(PROSPECT_COLUMNS, [prospect_record(row) for row in rows], header=True)


def prospect_record(row: LeadRow) -> dict[str, object]:
    """One row of prospects.csv, JSON-able."""
    why = row.why if not row.held or row.why.startswith("HOLD") else f"HOLD: {row.why}"
    return {
        "login": row.login,
        "name": _line(row.name),
        "email": row.email,
        "email_class": row.email_class and row.email_class.value,
        "mx_state": row.mx_state and row.mx_state.value,
        "score": row.score,
        "label": row.label.value,
        "why": _line(why),
        "source_url": row.source_url,
        "seen_at": row.seen_at and row.seen_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "company": _line(row.company),
        "location": _line(row.location),
        "from_repo": row.from_repo,
    }


def attio_record(row: LeadRow, *, list_id: str | None, goal: str = "") -> dict[str, object]:
    """One row of attio_people.csv, JSON-able; the note says where the address comes from, never that a mail left."""
    found = f"Found for “{goal}”. " if goal else ""
    source = f" Address: {row.email_class}, seen at {row.source_url}." if row.email_class and row.source_url else ""
    return {
        "email": row.email,
        "name": _line(row.name),
        "company": _line(row.company),
        "list_id": list_id,
        "github_url": row.url,
        "note": clean_line(f"{found}{row.why}{source}", limit=LONGEST_NOTE),
    }


def _records(call: ExportIn) -> Iterable[dict[str, object]]:
    if call.what == "prospects":
        return (prospect_record(row) for row in call.rows)
    return (attio_record(row, list_id=call.list_id, goal=call.goal) for row in call.rows if not row.held)


def _csv(columns: Sequence[str], records: Iterable[Mapping[str, object]], *, header: bool) -> str:
    lines = [csv_line(columns)] if header else []
    return "".join([*lines, *(csv_line(record[name] for name in columns) for record in records)])


def _line(text: str | None) -> str | None:
    """Text from outside on one line, so that a record is a line."""
    return None if text is None else clean_line(text, limit=500)


def _path(call: ExportIn) -> str:
    return call.path or _FILES[call.what]


def _part_name(path: str, part: int) -> str:
    return f"{path}.part-{part:05d}"


def _cursor(out: ExportOut) -> dict[str, Any]:
    return {"count": out.count}


TOOL: Tool[ExportPlanned, ExportIn, ExportOut] = Tool(
    name=NAME,
    stage=Stage.EXPORT,
    effect="write",
    planned=ExportPlanned,
    takes=ExportIn,
    gives=ExportOut,
    source=Source.LEADS_ACCEPTED,
    page_size=ROWS_PER_PAGE,
    layout=layout,
    run=run,
    events=events,
    cursor=_cursor,
)
