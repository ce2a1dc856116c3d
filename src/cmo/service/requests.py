"""Answering what a job asks for; only an operator's command or key comes here."""

from __future__ import annotations

from cmo.clock import SystemClock
from cmo.config import Settings
from cmo.config.secrets import mask_addresses
from cmo.domain.job import Job
from cmo.domain.requests import Request, RequestAllowed, RequestDenied, number, reach
from cmo.domain.text import clean_line
from cmo.errors import ConfigError, RequestNotOpen
from cmo.service.store import clock_of, reader, writer
from cmo.store.db import Connection
from cmo.store.jobs import get_job
from cmo.store.journal import live_holder
from cmo.store.request_views import find_request
from cmo.store.requests import allow_request, deny_request, revoke_permission

LONGEST_REASON = 300


def get_open(settings: Settings, id_: str) -> tuple[Request, Job]:
    """The request, which waits for an answer, and its job.

    Raises:
        RequestNotOpen: there is none of that id, it was answered, or nothing waits for its answer any more.
        JobNotFound: there is no job at all.
    """
    with reader(settings) as conn:
        return _require_open(conn, id_)


def allow(settings: Settings, id_: str, *, for_job: bool = False) -> str:
    """Raise the cap as was asked; what that means, in words.

    Args:
        for_job: Later requests of the job for the same cap are allowed too, up to `domain.requests.reach`.
    Raises:
        RequestNotOpen
    """
    with writer(settings) as conn:
        request, job = _require_open(conn, id_)
        if not allow_request(conn, id_, by=settings.actor, for_job=for_job, at=clock_of(settings).now()):
            raise _not_open(find_request(conn, id_) or request, job)  # somebody else was quicker
        holder = live_holder(conn, job.id, now_s=SystemClock().now().timestamp())
    setting, value = request.asked.setting, number(request.asked.asked)
    later = f" For this job it may rise to {number(reach(request.asked))} without asking." if for_job else ""
    if holder is not None:
        return f"{setting} is {value} from the job's next step on.{later}"
    stands = "had ended and is paused now" if job.status.is_over else "is not running"
    return f"{setting} is {value}.{later} The job {stands}: cmo resume {job.id} goes on with it."


def deny(settings: Settings, id_: str, reason: str) -> str:
    """Leave the cap as it is, and say why; what that means, in words.

    Raises:
        RequestNotOpen
        ConfigError: there is no reason.
    """
    words = mask_addresses(clean_line(reason, limit=LONGEST_REASON))
    if not words:
        raise ConfigError("A no has its reason.", hint=f'cmo requests deny {id_} --reason "the rest is enough"')
    with writer(settings) as conn:
        request, job = _require_open(conn, id_)
        if not deny_request(conn, id_, by=settings.actor, reason=words, at=clock_of(settings).now()):
            raise _not_open(find_request(conn, id_) or request, job)
    asked = request.asked
    return f"{asked.setting} stays {number(asked.before)}; it is not asked for again as long as it does."


def revoke(settings: Settings, id_: str) -> bool:
    """Take the permission back that was given with a request; what was raised stays. False where there is none."""
    with writer(settings) as conn:
        return revoke_permission(conn, id_, by=settings.actor, at=clock_of(settings).now())


def whole(request: Request) -> str:
    """Everything about a request; nothing is cut."""
    asked = request.asked
    return "\n".join(
        [
            f"Request {request.id} of {request.job_id}, before step {asked.step}",
            f"  wants  {asked.wish}",
            f"  why    {asked.why}",
            f"  costs  {asked.effect}",
            f"  once          {asked.setting} becomes {number(asked.asked)}",
            f"  for this job  the same; later requests for it up to {number(reach(asked))} are allowed",
            "                without asking. Limits lists that, and takes it back.",
            f"  no            {asked.setting} stays {number(asked.before)}; the job goes on with what it has",
            "After a yes a running job goes on by itself. One that has ended is paused: resume goes on with it.",
            "",
            ruling(request),
        ]
    )


def ruling(request: Request) -> str:
    """What became of a request, on one line."""
    match request.answer:
        case RequestAllowed(permission=str(given)):
            return f"allowed by permission {given}: {number(request.answer.value)}"
        case RequestAllowed() as yes:
            how = f"for this job, up to {number(yes.upto)}" if yes.upto is not None else "once"
            return f"allowed by {_person(yes.by)} {how}" + (", taken back since" if request.is_revoked else "")
        case RequestDenied() as no:
            return f"denied by {_person(no.by)}: {no.reason}"
        case None if request.is_overtaken:
            return "overtaken: its cap is another one now, or the job is over"
        case None:
            return "waits for you"


def _require_open(conn: Connection, id_: str) -> tuple[Request, Job]:
    request = find_request(conn, id_)
    if request is None:
        raise RequestNotOpen(f"There is no request {clean_line(id_, limit=40)}.", hint="cmo requests list")
    job = get_job(conn, request.job_id)
    if request.state != "open":
        raise _not_open(request, job)
    return request, job


def _not_open(request: Request, job: Job) -> RequestNotOpen:
    results, cap = f"cmo export {job.id}", f"cmo jobs set {job.id} {request.asked.setting.partition('.')[0]}=…"
    hint = f"Its results: {results}" if job.status.is_over else f"Change the cap itself: {cap}"
    return RequestNotOpen(f"Request {request.id} is not open: {ruling(request)}.", hint=hint)


def _person(actor: str) -> str:
    return actor.removeprefix("operator:")
