"""An event as one line, and as one JSON object of a stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from cmo.domain import event as ev
from cmo.domain.outcome import WORDS
from cmo.domain.requests import RequestEvent, number
from cmo.domain.text import clean_line

EVENT_SCHEMA = "cmo.event/1"
Level = Literal["info", "warn", "error"]
LEVELS: Mapping[str, Level] = {
    "job_failed": "error",
    "item_failed": "error",
    "job_paused": "warn",
    "job_waiting": "warn",
    "planner_troubled": "warn",
    "request_asked": "warn",
    "step_refused": "warn",
    "person_opted_out": "warn",
}
"""Kind -> level; all others are info."""
_LONGEST = 4_000


def record(recorded: ev.Recorded) -> dict[str, Any]:
    """The event as an object of an NDJSON stream."""
    body = recorded.event.model_dump(mode="json")
    kind = body.pop("kind")
    return {
        "schema": EVENT_SCHEMA,
        "seq": recorded.seq,
        "at": recorded.at,
        "job_id": recorded.job_id,
        "kind": kind,
        **body,
    }


def stage_of(event: ev.Event) -> str | None:
    """The stage that an event belongs to, where it says so."""
    stage = getattr(event, "stage", None)
    return None if stage is None else str(stage)


def level_of(event: ev.Event) -> Level:
    return LEVELS.get(event.kind, "info")


def sentence(event: ev.Event) -> str:
    """What happened, in words."""
    text = _job(event) or _step(event) or _row(event) or _lead(event)
    return clean_line(text or event.kind.replace("_", " "), limit=_LONGEST)


def _job(event: ev.Event) -> str:
    match event:
        case ev.JobStarted():
            return f"{'resumed' if event.resumed else 'started'} by {_who(event.by)}"
        case ev.JobPaused():
            return f"paused: {event.message or event.reason}"
        case ev.JobWaiting():
            return f"waits for {event.provider} ({event.resource}) until {event.until:%H:%M:%S} UTC"
        case ev.JobWaitEnded():
            return f"goes on: {event.provider} answers again"
        case ev.JobFinished():
            return f"finished: {event.summary}" + (f" {event.shortfall}" if event.shortfall else "")
        case ev.JobFailed():
            return f"failed: {event.message}"
        case ev.JobCancelled():
            return f"cancelled by {_who(event.by)}"
        case ev.SettingsChanged():
            changes = ", ".join(f"{name}={_plain(value)}" for name, value in event.changes.items())
            return f"settings changed by {_who(event.by)}: {changes}"
        case ev.RequestAsked() | ev.RequestAllowed() | ev.RequestDenied() | ev.PermissionRevoked():
            return _request(event)
        case ev.MessageDropped():
            return f"{_who(event.by)} takes message {event.message_id} back"
        case ev.DraftsDecided():
            return f"{_who(event.by)}: {event.action} {_drafts(len(event.items))}"
        case ev.DraftsUndone():
            return f"{_who(event.by)} takes a decision on {_drafts(len(event.draft_ids))} back"
        case ev.WritesSettled():
            fates = ", ".join(f"{fate} {count:,}" for fate, count in event.fates.items())
            return f"{event.operation}: {fates}"
        case ev.FailuresRetried():
            return f"{_who(event.by)} lets what failed be tried again"
        case _:
            return ""


def _request(event: RequestEvent) -> str:
    match event:
        case ev.RequestAsked():
            return f"request {event.request}: {event.wish} ({event.effect}). {event.why}"
        case ev.RequestAllowed():
            how = f"permission {event.permission}" if event.permission else _who(event.by)
            later = f"; for this job up to {number(event.upto)}" if event.upto is not None else ""
            return f"request {event.request} allowed by {how}: {event.setting} is {number(event.value)}{later}"
        case ev.RequestDenied():
            return f"request {event.request} denied by {_who(event.by)}: {event.setting} stays. {event.reason}"
        case ev.PermissionRevoked():
            return f"{_who(event.by)} takes permission {event.permission} back: {event.setting} is asked about again"


def _step(event: ev.Event) -> str:
    match event:
        case ev.StageEntered():
            return f"{event.stage} started"
        case ev.StepPlanned():
            return f"step {event.step}: {event.tool}" + (f" ({event.why})" if event.why else "")
        case ev.StepFinished():
            counts = ", ".join(f"{k} {v:,.0f}" for k, v in event.result.items() if type(v) in (int, float))
            return f"step {event.step} done: {event.tool}" + (f" ({counts})" if counts else "")
        case ev.StepRefused():
            return f"step {event.step} refused: {event.tool}: {event.missing}"
        case ev.PlannerTroubled():
            return (
                f"step {event.step}: the model could not be used ({event.trouble}); the rules planned. {event.message}"
            )
        case ev.PageFinished():
            failed = f", {event.failed} failed" if event.failed else ""
            return f"{event.tool} page {event.page}: {event.processed} done{failed}"
        case ev.SearchWidened():
            return f"search widened: {event.knob} {event.before} -> {event.after}. {event.why}"
        case ev.MessageQueued():
            return f"{_who(event.by)} says: {event.text}"
        case ev.FollowUpRead():
            return f"message read at step {event.step}: {event.effect}"
        case ev.CheckpointWritten():
            return f"wrote {event.path} ({event.rows:,} rows)"
        case _:
            return ""


def _row(event: ev.Event) -> str:
    match event:
        case ev.RepoFound():
            return f"found {event.repo.full_name}, {event.repo.stars:,} stars"
        case ev.RepoRead():
            return f"read a repository: {event.state}, {event.commits_seen} commits, {event.people} people"
        case ev.CandidateFound():
            return f"{event.ref.login}: {event.ref.role} of {event.ref.from_repo}"
        case ev.CandidateDropped():
            return f"{event.login}: dropped, {event.reason}" + (f" ({event.detail})" if event.detail else "")
        case ev.PersonEnriched():
            return f"{event.profile.login}: profile read"
        case ev.PersonOptedOut():
            return f"{event.login}: asks not to be contacted"
        case ev.EmailFound():
            return f"{event.login}: address found ({event.email.email_class})"
        case ev.EmailMissing():
            return f"{event.login}: no address, {event.reason}"
        case ev.EmailVerified():
            return f"address checked: {event.verdict.state}, {event.verdict.reason}"
        case ev.LeadScored():
            return f"{event.login}: {event.score.value} {event.score.label}. {event.decision}"
        case ev.PeopleMerged():
            return f"{event.merged} and {event.kept} are one person ({event.evidence})"
        case ev.DraftRendered():
            return f"{event.rendered.login}: draft written: {event.rendered.subject}"
        case ev.DraftEdited():
            return f"{event.login}: draft {event.draft_id} changed by {_who(event.by)}"
        case ev.ItemFailed():
            return f"{event.tool}: {event.failure.item}: {event.failure.message}"
        case _:
            return ""


def _lead(event: ev.Event) -> str:
    match event:
        case ev.LeadOutcomeSet() | ev.LeadStatusSet() | ev.LeadNoted():
            return f"{event.login}: {said_words(event)}"
        case _:
            return ""


def said_words(event: ev.SaidOfLead) -> str:
    """What the operator said of a person, without whom."""
    who = _who(event.by)
    match event:
        case ev.LeadOutcomeSet():
            said = f"{event.outcome}, {WORDS[event.outcome]}," if event.outcome else "taken back"
            return f"outcome {said} by {who}"
        case ev.LeadStatusSet():
            return f"status {event.status} by {who}"
        case ev.LeadNoted():
            return f"note by {who}: {event.text}"


def _plain(value: Any) -> Any:
    """A setting's value; one that has parts is told as `part=value`."""
    if isinstance(value, float):
        return f"{value:g}"
    if not isinstance(value, dict):
        return value
    return f"({' '.join(f'{name}={_plain(part)}' for name, part in value.items())})"


def _drafts(count: int) -> str:
    return f"{count:,} draft{'' if count == 1 else 's'}"


def _who(by: str) -> str:
    """A person by their name; what cmo did itself, by what did it."""
    return by.removeprefix("operator:")
