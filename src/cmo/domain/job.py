"""A job: one execution of one goal, with its caps, mode and life cycle."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, StringConstraints, field_validator

from cmo.domain.base import Frozen

PROSPECTS_CSV = "prospects.csv"
ATTIO_CSV = "attio_people.csv"

JobId = Annotated[str, StringConstraints(pattern=r"^cmo-\d{8}-\d{6}(-\d{1,4})?$")]


class JobStatus(StrEnum):
    """planned -> running <-> paused -> finished | failed | cancelled."""

    PLANNED = "planned"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        return self in (JobStatus.FINISHED, JobStatus.FAILED, JobStatus.CANCELLED)


class Stage(StrEnum):
    """Where a job is; a closed list, in order."""

    INITIALIZATION = "initialization"
    DISCOVER = "discover"
    EXTRACT = "extract"
    ENRICH = "enrich"
    EMAILS = "emails"
    MX = "mx"
    SCORE = "score"
    DRAFT = "draft"
    APPROVE = "approve"
    SEND = "send"
    SYNC = "sync"
    EXPORT = "export"
    DONE = "done"


class Mode(StrEnum):
    """What a job may do to the outside; each includes the ones before."""

    DRY_RUN = "dry_run"
    DRAFT_ONLY = "draft_only"
    SEND_ALLOWED = "send_allowed"

    @property
    def destination(self) -> str:
        """What becomes of approved drafts."""
        if self is Mode.SEND_ALLOWED:
            return "SEND-ALLOWED: they leave by cmo send"
        return f"{self.value.replace('_', '-').upper()}: nothing is sent"


class Environment(StrEnum):
    LIVE = "live"
    SANDBOX = "sandbox"


class Role(StrEnum):
    MAINTAINER = "maintainer"
    CONTRIBUTOR = "contributor"


class StarsRange(Frozen):
    """Stars of a repository, both ends included; written `100..2000`."""

    low: int = Field(default=100, ge=0, le=10_000_000)
    high: int = Field(default=2000, ge=0, le=10_000_000)

    @field_validator("high")
    @classmethod
    def _ordered(cls, high: int, info: object) -> int:
        low = getattr(info, "data", {}).get("low")
        if low is not None and high < low:
            raise ValueError(f"the range ends ({high}) below its start ({low})")
        return high

    def __str__(self) -> str:
        return f"{self.low}..{self.high}"


class Icp(Frozen):
    """The ideal customer profile: whom the job looks for."""

    keywords: tuple[str, ...] = ()
    """Free words that a repository's name or description must have."""
    languages: tuple[str, ...] = ("python",)
    """GitHub's names in lower case; several mean any of them."""
    stars_range: StarsRange = StarsRange(low=100, high=2000)
    activity_days: int = Field(default=90, ge=1, le=3650)
    """The window, in days before the job's start, in which a person must have been active."""
    pushed_before_days: int | None = Field(default=None, ge=1, le=3650)
    """Only repositories last pushed longer ago than this; set where a window is widened, so that nothing is searched
    twice."""
    topics: tuple[str, ...] = ("ci", "testing", "pytest", "devtools", "llm")
    """Several mean any of them: one search each."""
    location: str | None = None
    roles: tuple[Role, ...] = ()
    """Empty means any; otherwise people of other roles are rejected."""
    exclude: tuple[str, ...] = ()
    """Words or topics that rule a repository out."""
    firm: tuple[str, ...] = ()
    """Fields that widening must leave alone, because the operator set them while the job ran."""


MOST_USD = 1_000_000
"""The largest budget that can be set."""


class Caps(Frozen):
    """Limits the executor enforces, whatever a planner says."""

    max_steps: int = Field(default=40, ge=1, le=100_000)
    max_repos: int = Field(default=600, ge=1, le=1_000_000)
    max_people: int = Field(default=3000, ge=1, le=1_000_000)
    max_tool_calls: int = Field(default=200, ge=1, le=1_000_000)
    """Planner calls for each kind of tool that `max_tool_calls_per_kind` does not name."""
    max_tool_calls_per_kind: dict[str, int] = Field(default_factory=dict)
    top_authors_per_repo: int = Field(default=5, ge=1, le=100)
    checkpoint_every: int = Field(default=200, ge=1, le=100_000)
    """Accepted leads between two CSV checkpoints."""
    budget_usd: float | None = Field(default=None, ge=0)


class Weights(Frozen):
    """The most points of each feature of a score; each change makes the next version."""

    version: int = Field(default=1, ge=1)
    points: dict[str, float] = Field(default_factory=dict)
    """Feature -> points, where they are not the feature's own."""


class Plan(Frozen):
    """A goal in structured form: everything a job needs to know before it runs."""

    goal: str
    """The sentence, cleaned."""
    target: int = Field(default=200, ge=1, le=10_000_000)
    """Good leads wanted."""
    icp: Icp = Icp()
    caps: Caps = Caps()
    weights: Weights = Weights()
    mode: Mode = Mode.DRAFT_ONLY
    channel: str = "email"
    mailer: str | None = None
    """Who carries the mail (`instantly`, `smartlead`, `smtp`, `gmail`, `maildir`); None is what the settings say."""
    sequence_id: str | None = None
    crm: str | None = None
    """Which CRM `list_id` belongs to (`attio`, `hubspot`); None is what the settings say."""
    list_id: str | None = None
    start_on: date | None = None
    """First day on which anything may be sent; None is at once."""
    until: Stage | None = None
    """Stop after this stage."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """Settings that a job file gives this job alone: `section.name` -> value."""
    assumptions: tuple[str, ...] = ()
    """What was assumed where the sentence was silent or ambiguous, one plain sentence each."""


class Job(Frozen):
    """One job as the store knows it."""

    id: JobId
    plan: Plan
    environment: Environment
    status: JobStatus
    stage: Stage
    created_at: datetime
    created_by: str
    """`operator:<name>`."""
    anchor_at: datetime
    """The instant that 'the last 90 days' counts back from; fixed for the job's life."""
    wait_until: datetime | None = None
    wait_reason: str | None = None
    ended_reason: str | None = None
