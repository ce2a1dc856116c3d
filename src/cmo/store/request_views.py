"""Requests of jobs and what became of them, read from the event log."""

from __future__ import annotations

from collections.abc import Iterable

from cmo.domain.event import Recorded
from cmo.domain.job import Job
from cmo.domain.requests import (
    PermissionRevoked,
    Request,
    RequestAllowed,
    RequestAsked,
    RequestDenied,
    is_overtaken,
)
from cmo.store.db import Connection
from cmo.store.events import recorded_from_row
from cmo.store.jobs import get_job


def list_requests(conn: Connection, job_id: str) -> list[Request]:
    """All requests of the job, oldest first."""
    rows = conn.execute(  # all their ids start alike: a range of the index on ids, whatever the log holds
        "SELECT seq, id, job_id, at, kind, body FROM events WHERE id > ?1 || '/request/' AND id < ?1 || '/request0'",
        (job_id,),
    )
    found = sorted((recorded_from_row(row) for row in rows.fetchall()), key=lambda item: item.seq)
    return _folded(found, get_job(conn, job_id)) if found else []


def open_requests(conn: Connection, job_id: str) -> list[Request]:
    """Those that wait for a person, oldest first."""
    return [request for request in list_requests(conn, job_id) if request.state == "open"]


def find_request(conn: Connection, id_: str) -> Request | None:
    """The request of that id, of whatever job."""
    row = conn.execute("SELECT j.id FROM jobs j JOIN events e ON e.id = j.id || '/request/' || ?", (id_,)).fetchone()
    if row is None:
        return None
    return next((request for request in list_requests(conn, row["id"]) if request.id == id_), None)


def permissions(conn: Connection) -> list[Request]:
    """Requests whose permission still answers later ones of their job, newest job first."""
    rows = conn.execute(
        "SELECT id FROM jobs j WHERE EXISTS (SELECT 1 FROM events e WHERE e.id > j.id || '/request/'"
        " AND e.id < j.id || '/request0') ORDER BY created_at DESC, id DESC"
    )
    found = [request for row in rows.fetchall() for request in list_requests(conn, row["id"])]
    return [request for request in found if request.permits_upto is not None]


def _folded(events: Iterable[Recorded], job: Job) -> list[Request]:
    found: dict[str, Request] = {}
    for item in events:
        match item.event:
            case RequestAsked() as asked:
                found[asked.request] = Request(
                    id=asked.request, job_id=job.id, seq=item.seq, at=item.at, asked=asked,
                    is_overtaken=is_overtaken(job, asked),
                )  # fmt: skip
            case RequestAllowed() | RequestDenied() as answer:
                before = found[answer.request]
                found[answer.request] = before.model_copy(update={"answer": answer, "answered_at": item.at})
            case PermissionRevoked() as revoked:
                before = found[revoked.permission]
                found[revoked.permission] = before.model_copy(update={"is_revoked": True})
            case _:  # no other event has such an id
                pass
    return list(found.values())
