"""People and what is known of them: repositories, candidates, profiles, addresses, verdicts, scores, leads."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from cmo.domain.base import Frozen, Login, RepoName
from cmo.domain.job import Role
from cmo.domain.outcome import LeadStatus, Outcome

GOOD_SCORE = 60
"""The least score of a good lead."""
HOT_SCORE = 80
"""The least score of a HOT one."""


class Repo(Frozen):
    """A repository as found by search."""

    id: str
    """GraphQL node id."""
    full_name: RepoName
    owner: Login
    owner_is_org: bool = False
    description: str = ""
    stars: int = Field(default=0, ge=0)
    forks: int = Field(default=0, ge=0)
    language: str | None = None
    topics: tuple[str, ...] = ()
    pushed_at: datetime | None = None
    archived: bool = False
    fork: bool = False
    license: str | None = None
    url: str


class RepoRef(Frozen):
    """Enough of a repository to read its history."""

    id: str
    full_name: RepoName


class AuthorSighting(Frozen):
    """All commits in the window that carry one (account, address) pair, folded."""

    login: Login | None
    """None where the address matches no account."""
    user_id: str | None
    """GraphQL node id of the account."""
    name: str
    email: str
    """As in the commit, cleaned and in lower case; may be empty or a noreply form."""
    commits: int = Field(ge=1)
    last_commit: str
    """Object id of the newest of them."""
    last_at: datetime


class ActivityState(StrEnum):
    OK = "ok"
    EMPTY = "empty"
    """No commits at all, or none in the window."""
    GONE = "gone"
    """Deleted, or no longer visible."""
    BLOCKED = "blocked"
    """Taken down for legal reasons (451), or by GitHub."""


class RepoActivity(Frozen):
    """Who worked on a repository in a window, and the evidence for their roles."""

    repo: RepoRef
    state: ActivityState
    since: datetime
    fetched_at: datetime
    commits_seen: int = 0
    truncated: bool = False
    """The window holds more commits than were read."""
    sightings: tuple[AuthorSighting, ...] = ()
    mergers: dict[str, int] = Field(default_factory=dict)
    """login -> pull requests merged, among the latest."""
    releasers: dict[str, int] = Field(default_factory=dict)
    """login -> releases published, among the latest."""
    codeowners: tuple[str, ...] = ()
    """Logins named in CODEOWNERS."""
    pull_authors: dict[str, int] = Field(default_factory=dict)
    """login -> merged pull requests opened, among the latest; the fall-back where commits are sparse."""


class PersonRef(Frozen):
    """A candidate: a person seen working on a repository."""

    login: Login
    user_id: str | None = None
    from_repo: RepoName
    repo_id: str
    signal: str
    """`commits` or `pull_requests`."""
    contributions: int = Field(ge=0)
    """Commits (or merged pull requests) in the window."""
    role: Role
    evidence: tuple[str, ...] = ()
    """Why that role, one short phrase each, such as `merged 12 pull requests`."""
    last_at: datetime | None = None
    """Newest contribution seen."""


class PersonProfile(Frozen):
    """A public GitHub profile. Counts are None where they were not asked for."""

    login: Login
    user_id: str | None = None
    name: str | None = None
    company: str | None = None
    location: str | None = None
    bio: str | None = None
    blog: str | None = None
    email: str | None = None
    """The address published on the profile."""
    twitter: str | None = None
    followers: int | None = None
    following: int | None = None
    public_repos: int | None = None
    hireable: bool | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    url: str
    fetched_at: datetime


class EmailClass(StrEnum):
    """What supports an address."""

    PUBLISHED = "published"
    COMMIT = "commit"
    IMPORTED = "imported"
    INBOUND = "inbound"


class Email(Frozen):
    """An address with its provenance."""

    email: str
    """Lower case; the domain as written."""
    email_class: EmailClass
    source_url: str
    """The page or commit that shows it."""
    seen_at: datetime
    """When it was there: the commit's date, or when the profile was read."""
    evidence: str = ""
    """Why it belongs to the login."""


class MxState(StrEnum):
    OK = "ok"
    RISKY = "risky"
    INVALID = "invalid"
    UNKNOWN = "unknown"


class MxVerdict(Frozen):
    """Whether mail to an address can be expected to arrive."""

    email: str
    state: MxState
    reason: str
    """A plain sentence."""
    flags: tuple[str, ...] = ()
    """Of: role, disposable, free_mail, idn, no_mx, null_mx."""
    checked_at: datetime


class ScoreLabel(StrEnum):
    HOT = "HOT"
    WARM = "WARM"
    COLD = "COLD"


class ScorePart(Frozen):
    """What one feature added to a score."""

    feature: str
    points: float
    reason: str
    """A plain sentence, e.g. `41 commits in the last 90 days`."""


class Score(Frozen):
    """An ICP score. `value` is the sum of `parts`, held within 0..100."""

    value: int = Field(ge=0, le=100)
    label: ScoreLabel
    parts: tuple[ScorePart, ...]
    rationale: str
    """One plain sentence on what decided."""
    weights: int = 1
    """Version of the job's weights that it was made with."""


class Twin(Frozen):
    """Another login of the same job that holds the same address."""

    login: Login
    contributions: int
    accepted: bool
    email: str


class LeadFacts(Frozen):
    """Everything scoring may look at for one person, at one instant."""

    profile: PersonProfile
    refs: tuple[PersonRef, ...]
    """One for each repository the person was seen on, most contributions first."""
    repos: tuple[Repo, ...]
    """The repositories of `refs`, same order; those the store no longer knows are left out."""
    email: Email | None = None
    """The best address: usable before unusable, published before commit."""
    mx: MxVerdict | None = None
    twins: tuple[Twin, ...] = ()
    as_of: datetime


class ItemFailure(Frozen):
    """One item of a page that failed; the rest of the page stands."""

    item: str
    code: str
    """Stable word: not_found, blocked, malformed, limited, unavailable, ..."""
    message: str
    status: int | None = None
    """HTTP or SMTP status, where there was one."""


class LeadRow(Frozen):
    """A person with a score, as lists and exports show them."""

    login: Login
    name: str | None
    email: str | None
    email_class: EmailClass | None
    mx_state: MxState | None
    score: int
    label: ScoreLabel
    why: str
    """The decision and the largest score parts, in plain words."""
    source_url: str | None
    seen_at: datetime | None
    company: str | None
    location: str | None
    from_repo: str
    last_at: datetime | None = None
    """Newest contribution seen there."""
    url: str
    accepted: bool
    held: bool
    number: int | None
    """Order of acceptance within the job, from 1; None for the rejected."""
    status: LeadStatus = LeadStatus.NEW
    outcome: Outcome | None = None
