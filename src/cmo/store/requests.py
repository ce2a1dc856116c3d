"""Requests of jobs and what was answered, read from the event log; answers of a person, written to it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from cmo.domain.audit import AuditEntry
from cmo.domain.event import Recorded
from cmo.domain.job import Job
from cmo.domain.requests import (
    PermissionRevoked,
    Request,
    RequestAllowed,
    RequestAsked,
    RequestDenied,
    allowed,
    event_id,
    is_overtaken,
)
from cmo.store.audit import record_audit
from cmo.store.commit import record
from cmo.store.db import Connection, transaction
from cmo.store.events import recorded_from_row
from cmo.store.jobs import get_job, list_jobs

_ALL_JOBS = 1_000


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
    found = [request for job in list_jobs(conn, limit=_ALL_JOBS) for request in list_requests(conn, job.id)]
    return [request for request in found if request.permits_upto is not None]


def allow_request(conn: Connection, id_: str, *, by: str, for_job: bool, at: datetime) -> Request | None:
    """Raise the cap as was asked, if the request is still open; the request as it stands then.

    Args:
        for_job: Later requests of the job for the same cap are allowed too, as the module of requests says.
    """
    with transaction(conn):
        request = find_request(conn, id_)
        if request is None or request.state != "open":
            return request
        answer = allowed(get_job(conn, request.job_id).plan, request.asked, by=by, for_job=for_job)
        _store(conn, request, answer, at=at, audit=audit_of(request.job_id, request.asked, answer))
    return find_request(conn, id_)


def deny_request(conn: Connection, id_: str, *, by: str, reason: str, at: datetime) -> Request | None:
    """Leave the cap as it is, if the request is still open; the request as it stands then."""
    with transaction(conn):
        request = find_request(conn, id_)
        if request is None or request.state != "open":
            return request
        answer = RequestDenied(request=id_, by=by, setting=request.asked.setting, reason=reason)
        _store(conn, request, answer, at=at, audit=audit_of(request.job_id, request.asked, answer))
    return find_request(conn, id_)


def revoke_permission(conn: Connection, id_: str, *, by: str, at: datetime) -> bool:
    """Ask about the cap again from now on; False where there is no such permission."""
    with transaction(conn):
        request = find_request(conn, id_)
        if request is None or request.permits_upto is None:
            return False
        event = PermissionRevoked(permission=id_, by=by, setting=request.asked.setting)
        detail = {"job": request.job_id, "setting": request.asked.setting}
        entry = AuditEntry(
            actor=by, action="permission.revoke", object=f"permission:{id_}", before=str(request.permits_upto),
            detail=detail,
        )  # fmt: skip
        _store(conn, request, event, at=at, audit=entry)
    return True


def audit_of(job_id: str, asked: RequestAsked, answer: RequestAllowed | RequestDenied) -> AuditEntry:
    """The row that an answer leaves in the audit log."""
    after = answer.value if isinstance(answer, RequestAllowed) else asked.before
    told = answer.model_dump(include={"upto", "permission", "reason"}, exclude_none=True)
    return AuditEntry(
        actor=answer.by,
        action="request.allow" if isinstance(answer, RequestAllowed) else "request.deny",
        object=f"request:{asked.request}",
        before=str(asked.before),
        after=str(after),
        detail={"job": job_id, "setting": asked.setting, **told},
    )


def _store(
    conn: Connection,
    request: Request,
    event: RequestAllowed | RequestDenied | PermissionRevoked,
    *,
    at: datetime,
    audit: AuditEntry,
) -> None:
    record(conn, request.job_id, event_id(request.job_id, event), event, at)
    record_audit(conn, [audit], at=at)


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
