"""What happened, in the past tense: the only way state changes.

Run events are few and folded into the run state by `graph/reducer.py`; row events are one for each thing found or
learnt and applied to rows by `store/apply.py`. All are written by `store/commit.py`, in one transaction with their
effects. An event holds everything its rows need, so rows can be rebuilt from events.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, get_args

from pydantic import Field

from cmo.domain.base import Frozen, Login
from cmo.domain.draft import DraftState, Finding, Rendered, Sentence
from cmo.domain.job import Stage
from cmo.domain.lead import Email, ItemFailure, MxVerdict, PersonProfile, PersonRef, Repo, Score
from cmo.domain.outcome import LeadStatus, Outcome
from cmo.domain.requests import PermissionRevoked as PermissionRevoked
from cmo.domain.requests import RequestAllowed as RequestAllowed
from cmo.domain.requests import RequestAsked as RequestAsked
from cmo.domain.requests import RequestDenied as RequestDenied


class JobStarted(Frozen):
    kind: Literal["job_started"] = "job_started"
    by: str
    resumed: bool
    """True from the second start on."""


class JobPaused(Frozen):
    kind: Literal["job_paused"] = "job_paused"
    reason: str
    """asked, signal, max_steps, budget, crash, error."""
    message: str


class JobWaiting(Frozen):
    """The job waits for a provider's limit to pass."""

    kind: Literal["job_waiting"] = "job_waiting"
    provider: str
    resource: str
    """The bucket that is empty, or `unreachable`."""
    until: datetime
    reason: str = ""


class JobWaitEnded(Frozen):
    kind: Literal["job_wait_ended"] = "job_wait_ended"
    provider: str


class JobFinished(Frozen):
    kind: Literal["job_finished"] = "job_finished"
    summary: str
    good_leads: int
    shortfall: str | None = None
    """Why fewer than the target, or None."""


class JobFailed(Frozen):
    kind: Literal["job_failed"] = "job_failed"
    code: str
    message: str
    hint: str = ""


class JobCancelled(Frozen):
    kind: Literal["job_cancelled"] = "job_cancelled"
    by: str


class StageEntered(Frozen):
    kind: Literal["stage_entered"] = "stage_entered"
    stage: Stage


class StepPlanned(Frozen):
    kind: Literal["step_planned"] = "step_planned"
    step: int
    tool: str
    args: dict[str, Any]
    planner: str
    """`rules` or `openai`."""
    why: str = ""
    usage: dict[str, int] = Field(default_factory=dict)
    """What planning took: counter name -> increment, e.g. tokens_used."""


class StepFinished(Frozen):
    kind: Literal["step_finished"] = "step_finished"
    step: int
    tool: str
    stage: Stage
    result: dict[str, Any]
    """Counts and a redacted sample, at most 2 KB."""


class StepRefused(Frozen):
    """A rail said no to a planner's call; the planner is told why."""

    kind: Literal["step_refused"] = "step_refused"
    step: int
    tool: str
    missing: str
    usage: dict[str, int] = Field(default_factory=dict)
    """As for `StepPlanned`."""


class PlannerTroubled(Frozen):
    """The model could not be used for a step; the rules planner took it."""

    kind: Literal["planner_troubled"] = "planner_troubled"
    step: int
    trouble: str
    """timeout, refusal, bad_arguments, unknown_tool, loop, quota, unreachable, rejected, no_call."""
    message: str


class PageFinished(Frozen):
    """One page of a step; carries what it cost."""

    kind: Literal["page_finished"] = "page_finished"
    step: int
    page: int
    tool: str
    stage: Stage
    processed: int
    failed: int
    usage: dict[str, int] = Field(default_factory=dict)
    """Counter name -> increment, e.g. github_api_calls, github_points, tokens_used."""
    cursor: dict[str, Any] | None = None
    """Where the next page starts; None after the last."""


class SearchWidened(Frozen):
    kind: Literal["search_widened"] = "search_widened"
    knob: str
    """stars_range, topics or activity_days."""
    before: str
    after: str
    why: str
    changes: dict[str, Any]
    """Dotted plan field -> its new value."""
    search: dict[str, Any]
    """What was not searched before, as an ICP."""


class FollowUpRead(Frozen):
    kind: Literal["follow_up_read"] = "follow_up_read"
    message_id: int
    """Counts within the job, from 1."""
    step: int
    effect: str
    """What changed, or why nothing did and what is asked back."""
    changes: dict[str, Any] = Field(default_factory=dict)
    """Dotted plan field -> its new value."""
    search: dict[str, Any] | None = None
    """What was not searched before, as an ICP, if anything."""


class SettingsChanged(Frozen):
    kind: Literal["settings_changed"] = "settings_changed"
    by: str
    changes: dict[str, Any]
    """Dotted plan field -> its new value."""
    search: dict[str, Any] | None = None
    """What was not searched before, as an ICP, if anything."""


class MessageQueued(Frozen):
    """The operator steered (`cmo say`)."""

    kind: Literal["message_queued"] = "message_queued"
    by: str
    text: str
    later: bool
    """After this stage, instead of at the next step."""


class MessageDropped(Frozen):
    """A message was taken back before it was read."""

    kind: Literal["message_dropped"] = "message_dropped"
    by: str
    message_id: int


class FailuresRetried(Frozen):
    """What failed in the job is pending again."""

    kind: Literal["failures_retried"] = "failures_retried"
    by: str
    groups: tuple[str, ...] | None = None
    """Keys of the groups that were meant; None for all."""
    items: tuple[str, ...] | None = None
    """Only these members of them; None for all."""


class CheckpointWritten(Frozen):
    kind: Literal["checkpoint_written"] = "checkpoint_written"
    batch: int
    """From 1; 0 for the files of the end."""
    path: str
    """Relative to the job's folder."""
    rows: int
    upto: int = 0
    """Number of the last lead that a batch covers."""


DraftAction = Literal["approve", "reject", "later", "needs_info", "disqualify", "expire"]


AFTER_DECISION: Mapping[DraftAction, DraftState] = {
    "approve": DraftState.APPROVED,
    "reject": DraftState.REJECTED,
    "disqualify": DraftState.REJECTED,
    "later": DraftState.PENDING,
    "needs_info": DraftState.PENDING,
    "expire": DraftState.EXPIRED,
}
"""What a decision makes of a draft."""


class DecidedDraft(Frozen):
    """One draft of a decision."""

    draft_id: int
    version: int
    """The version that was looked at; the decision is about this text only."""
    content_hash: str | None = None
    """What an approval is bound to."""


class DraftsDecided(Frozen):
    """A person decided on drafts, one or many by a rule; `expire` is the system's."""

    kind: Literal["drafts_decided"] = "drafts_decided"
    batch_id: str
    action: DraftAction
    by: str
    items: tuple[DecidedDraft, ...]
    reason: str = ""
    rule: str | None = None
    """The named rule, with its filter as it was."""
    samples: tuple[int, ...] = ()
    """Drafts that were looked at before a rule was applied."""
    until: datetime | None = None
    """When approvals expire, or when `later` is over."""
    again: str | None = None
    """The batch that was taken back and is done anew by this."""


class DraftsUndone(Frozen):
    """The last decision, or the named one, was taken back."""

    kind: Literal["drafts_undone"] = "drafts_undone"
    batch_id: str
    by: str
    draft_ids: tuple[int, ...]
    """Those that could be taken back; what was handed over meanwhile cannot."""


class WritesSettled(Frozen):
    """A round of writes to the outside came to an end; the outbox has the rows."""

    kind: Literal["writes_settled"] = "writes_settled"
    operation: str
    fates: dict[str, int]
    """confirmed, later, refused, unknown, held -> items."""
    usage: dict[str, int] = Field(default_factory=dict)


class RepoFound(Frozen):
    kind: Literal["repo_found"] = "repo_found"
    repo: Repo
    query: str


class RepoRead(Frozen):
    """A repository's history was read (or cannot be)."""

    kind: Literal["repo_read"] = "repo_read"
    repo_id: str
    state: str
    commits_seen: int
    people: int


class CandidateFound(Frozen):
    kind: Literal["candidate_found"] = "candidate_found"
    ref: PersonRef


class CandidateDropped(Frozen):
    kind: Literal["candidate_dropped"] = "candidate_dropped"
    login: Login
    from_repo: str
    reason: str
    """bot, organisation, opt_out, gone, ..."""
    detail: str = ""


class PersonEnriched(Frozen):
    kind: Literal["person_enriched"] = "person_enriched"
    profile: PersonProfile


class PersonOptedOut(Frozen):
    """The person's own words ask not to be contacted; suppresses the login and the published address."""

    kind: Literal["person_opted_out"] = "person_opted_out"
    login: Login
    email: str | None = None
    words: str
    source_url: str


class EmailFound(Frozen):
    kind: Literal["email_found"] = "email_found"
    login: Login
    email: Email


class EmailMissing(Frozen):
    kind: Literal["email_missing"] = "email_missing"
    login: Login
    reason: str


class EmailVerified(Frozen):
    kind: Literal["email_verified"] = "email_verified"
    verdict: MxVerdict


class LeadScored(Frozen):
    kind: Literal["lead_scored"] = "lead_scored"
    login: Login
    score: Score
    accepted: bool
    decision: str
    """A plain sentence: why accepted, held or rejected."""
    email: Email | None = None
    """The address that counts; a lead with a commit address only is HOLD until a basis is recorded."""


class PeopleMerged(Frozen):
    """Two logins are one human; reversible."""

    kind: Literal["people_merged"] = "people_merged"
    kept: Login
    merged: Login
    evidence: str


class LeadOutcomeSet(Frozen):
    """The operator said what came of a person; the status follows."""

    kind: Literal["lead_outcome_set"] = "lead_outcome_set"
    login: Login
    by: str
    outcome: Outcome | None = None
    """None: what was said before is taken back, and the status with it."""


class LeadStatusSet(Frozen):
    """The operator said where a person stands."""

    kind: Literal["lead_status_set"] = "lead_status_set"
    login: Login
    by: str
    status: LeadStatus


class LeadNoted(Frozen):
    """The operator wrote something down about a person."""

    kind: Literal["lead_noted"] = "lead_noted"
    login: Login
    by: str
    text: str


class DraftRendered(Frozen):
    """Words were found for a lead; replaces a draft of the same step that nobody decided on."""

    kind: Literal["draft_rendered"] = "draft_rendered"
    number: int
    """The lead's."""
    rendered: Rendered


class DraftEdited(Frozen):
    """A person, or a model at a person's wish, changed the words: a new version, pending again."""

    kind: Literal["draft_edited"] = "draft_edited"
    login: Login
    draft_id: int
    version: int
    """The new one."""
    by: str
    why: str
    """edit, redo or needs_info."""
    subject: str
    body: str
    sentences: tuple[Sentence, ...] = ()
    facts_until: datetime | None = None
    findings: tuple[Finding, ...] = ()


class ItemFailed(Frozen):
    kind: Literal["item_failed"] = "item_failed"
    tool: str
    stage: Stage
    failure: ItemFailure


SaidOfLead = LeadOutcomeSet | LeadStatusSet | LeadNoted
"""What the operator says of a person."""
RunEvent = (
    JobStarted | JobPaused | JobWaiting | JobWaitEnded | JobFinished | JobFailed | JobCancelled | StageEntered
    | StepPlanned | StepFinished | StepRefused | PlannerTroubled | PageFinished | SearchWidened | FollowUpRead
    | SettingsChanged | MessageQueued | MessageDropped | FailuresRetried | CheckpointWritten | DraftsDecided
    | DraftsUndone | WritesSettled | RequestAsked | RequestAllowed | RequestDenied | PermissionRevoked
)  # fmt: skip
RowEvent = (
    RepoFound | RepoRead | CandidateFound | CandidateDropped | PersonEnriched | PersonOptedOut | EmailFound
    | EmailMissing | EmailVerified | LeadScored | PeopleMerged | LeadOutcomeSet | LeadStatusSet | LeadNoted
    | DraftRendered | DraftEdited | ItemFailed
)  # fmt: skip
Event = RunEvent | RowEvent

KINDS: dict[str, type[Event]] = {cls.model_fields["kind"].default: cls for cls in get_args(Event)}
"""`kind` -> class."""


def subject_of(event: Event) -> str | None:
    """The login key of the person that `event` is about, or None."""
    match event:
        case CandidateFound():
            return event.ref.login.lower()
        case PersonEnriched():
            return event.profile.login.lower()
        case DraftRendered():
            return event.rendered.login.lower()
        case CandidateDropped() | PersonOptedOut() | EmailFound() | EmailMissing() | LeadScored() | DraftEdited():
            return event.login.lower()
        case LeadOutcomeSet() | LeadStatusSet() | LeadNoted():
            return event.login.lower()
        case PeopleMerged():
            return event.merged.lower()
        case _:
            return None


class Recorded(Frozen):
    """An event as the store holds it."""

    seq: int
    """Grows by commit order within a store."""
    id: str
    """Deterministic; unique."""
    job_id: str
    at: datetime
    event: Annotated[Event, Field(discriminator="kind")]
