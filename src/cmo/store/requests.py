"""What a person answers to a request: an event, its effect and its row in the audit log, in one transaction."""

from __future__ import annotations

from datetime import datetime

from cmo.domain.audit import AuditEntry
from cmo.domain.requests import (
    PermissionRevoked,
    Request,
    RequestAllowed,
    RequestAsked,
    RequestDenied,
    allowed,
    event_id,
)
from cmo.store.audit import record_audit
from cmo.store.commit import record
from cmo.store.db import Connection, transaction
from cmo.store.jobs import get_job
from cmo.store.request_views import find_request


def allow_request(conn: Connection, id_: str, *, by: str, for_job: bool, at: datetime) -> bool:
    """Raise the cap as was asked; False where the request is not open any more.

    Args:
        for_job: Later requests of the job for the same cap are allowed too, as the module of requests says.
    """
    with transaction(conn):
        request = find_request(conn, id_)
        if request is None or request.state != "open":
            return False
        answer = allowed(get_job(conn, request.job_id).plan, request.asked, by=by, for_job=for_job)
        _store(conn, request, answer, at=at, audit=audit_of(request.job_id, request.asked, answer))
    return True


def deny_request(conn: Connection, id_: str, *, by: str, reason: str, at: datetime) -> bool:
    """Leave the cap as it is; False where the request is not open any more."""
    with transaction(conn):
        request = find_request(conn, id_)
        if request is None or request.state != "open":
            return False
        answer = RequestDenied(request=id_, by=by, setting=request.asked.setting, reason=reason)
        _store(conn, request, answer, at=at, audit=audit_of(request.job_id, request.asked, answer))
    return True


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
