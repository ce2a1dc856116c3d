"""What an operator can set: one field a setting, with its key in the file, its variables and its default.

The defaults of caps and profile repeat those of `cmo.domain.job`, so that reading settings need not load pydantic
(0.1 s); `tests/config/test_settings.py` proves that they agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from cmo.config import kinds
from cmo.config.kinds import Kind
from cmo.config.secrets import Secret, SecretStore
from cmo.paths import Paths

if TYPE_CHECKING:
    from cmo.domain.job import Caps, Icp, Mode

MODES = ("dry_run", "draft_only", "send_allowed")
"""From the strictest on."""


@dataclass(frozen=True)
class Spec:
    """What is known of one setting besides its value."""

    attribute: str
    key: str
    """`section.name` in a settings file."""
    kind: Kind
    default: Any
    about: str
    env: tuple[str, ...]
    """Variables that set it, strongest first."""
    live_only: bool
    """Set aside in the sandbox: it names an outside service or real data."""


@dataclass(frozen=True)
class Origin:
    """One layer that gives a setting a value."""

    layer: str
    """flag, job file, environment, .env, project file, user file or default."""
    source: str
    """The variable or file (with line), or empty."""
    value: Any


def _set(key: str, kind: Kind, default: Any, about: str, *env: str, live_only: bool = False) -> Any:
    meta = {"key": key, "kind": kind, "about": about, "env": env, "live_only": live_only, "default": default}
    if isinstance(default, dict):
        return field(default_factory=dict, metadata=meta)
    return field(default=default, metadata=meta)


@dataclass(frozen=True)
class Settings:
    """Every setting after the layers were laid over one another. Immutable; made by `cmo.config.load`."""

    paths: Paths
    secrets: SecretStore
    profile: str = "default"
    sandbox: bool = False

    operator_name: str = _set(
        "operator.name", kinds.line(), "", "Who approves; goes into the record. Default: your login.", "CMO_OPERATOR"
    )
    mode_ceiling: str = _set(
        "mode.sending",
        kinds.choice(*MODES),
        "draft_only",
        "The most a job may be allowed to do. A variable can only lower it.",
        "CMO_MODE",
    )

    max_steps: int = _set("caps.max_steps", kinds.whole(1, 100_000), 40, "Planner turns in a job.", "CMO_MAX_STEPS")
    max_repos: int = _set(
        "caps.max_repos", kinds.whole(1, 1_000_000), 600, "Repositories a job reads.", "CMO_MAX_REPOS"
    )
    max_people: int = _set(
        "caps.max_people", kinds.whole(1, 1_000_000), 3000, "People a job looks at.", "CMO_MAX_PEOPLE"
    )
    max_tool_calls: int = _set(
        "caps.max_tool_calls", kinds.whole(1, 1_000_000), 200, "Planner calls of each tool.", "CMO_MAX_TOOL_CALLS"
    )
    max_tool_calls_per_kind: Mapping[str, int] = _set(
        "caps.max_tool_calls_per_kind",
        kinds.counts(),
        {},
        "The same for single tools, e.g. mx_check=50.",
        "CMO_MAX_TOOL_CALLS_PER_KIND",
    )
    top_authors_per_repo: int = _set(
        "caps.top_authors_per_repo",
        kinds.whole(1, 100),
        5,
        "People taken from one repository.",
        "CMO_TOP_AUTHORS_PER_REPO",
    )
    budget_usd: float | None = _set(
        "caps.budget_usd",
        kinds.amount(0, 1_000_000, optional=True),
        None,
        "Money a job may spend, in USD.",
        "CMO_BUDGET_USD",
    )

    activity_days: int = _set(
        "run.activity_days", kinds.whole(1, 3650), 90, "Days in which a person must have been active.",
        "CMO_ACTIVITY_DAYS",
    )  # fmt: skip
    stars_range: tuple[int, int] = _set(
        "run.stars_range", kinds.span(), (100, 2000), "Stars of the repositories looked at.", "CMO_STARS_RANGE"
    )
    languages: tuple[str, ...] = _set(
        "run.languages", kinds.words(), ("python",), "Languages; several mean any of them.", "CMO_LANGUAGES"
    )
    include_topics: tuple[str, ...] = _set(
        "run.include_topics",
        kinds.words(),
        ("ci", "testing", "pytest", "devtools", "llm"),
        "Topics; several mean any of them.",
        "CMO_INCLUDE_TOPICS",
    )
    checkpoint_every: int = _set(
        "run.checkpoint_every",
        kinds.whole(1, 100_000),
        200,
        "Accepted leads between two CSV checkpoints.",
        "CMO_CHECKPOINT_EVERY",
    )

    max_emails_per_day: int = _set(
        "quota.max_emails_per_day", kinds.whole(0, 100_000), 20, "First mails a day, all inboxes together.",
        "CMO_MAX_EMAILS_PER_DAY",
    )  # fmt: skip
    per_inbox_daily: int = _set(
        "quota.per_inbox_daily", kinds.whole(0, 10_000), 50, "Mails a day from one inbox.", "CMO_PER_INBOX_DAILY"
    )
    new_inbox_daily: int = _set(
        "quota.new_inbox_daily",
        kinds.whole(0, 10_000),
        5,
        "Mails a day from a new inbox; grows by as many each day.",
        "CMO_NEW_INBOX_DAILY",
    )
    max_per_company_daily: int = _set(
        "quota.max_per_company_daily",
        kinds.whole(0, 10_000),
        5,
        "Mails a day to one company.",
        "CMO_MAX_PER_COMPANY_DAILY",
    )
    max_per_contact: int = _set(
        "quota.max_per_contact", kinds.whole(0, 100), 2, "Mails to one person in 7 days.", "CMO_MAX_PER_CONTACT"
    )
    story_pitch_per_contact: int = _set(
        "quota.story_pitch_per_contact",
        kinds.whole(0, 100),
        1,
        "Story pitches to one person in 14 days.",
        "CMO_STORY_PITCH_PER_CONTACT",
    )

    llm_provider: str = _set(
        "model.provider",
        kinds.choice("", "openai", "azure_openai", "rules"),
        "",
        "Who plans. Default: the model whose key is there, else rules.",
        "LLM_PROVIDER",
    )
    model: str = _set(
        "model.name", kinds.line(), "gpt-5", "The model; on Azure the name of your deployment.", "CMO_MODEL"
    )
    openai_base_url: str = _set(
        "model.base_url",
        kinds.optional(kinds.web_address()),
        "",
        "Any OpenAI-compatible endpoint. Default: OpenAI's own.",
        "OPENAI_BASE_URL",
    )
    azure_openai_endpoint: str = _set(
        "model.azure_endpoint",
        kinds.optional(kinds.web_address()),
        "",
        "Your Azure OpenAI resource.",
        "AZURE_OPENAI_ENDPOINT",
        live_only=True,
    )
    openai_api_version: str = _set(
        "model.api_version", kinds.line(), "", "Azure only: version of the API.", "OPENAI_API_VERSION"
    )
    model_timeout_s: float = _set(
        "model.timeout_s", kinds.amount(1, 600), 60.0, "Seconds to wait for the model.", "CMO_MODEL_TIMEOUT_S"
    )

    github_api_url: str = _set(
        "github.api_url",
        kinds.web_address(),
        "https://api.github.com",
        "GitHub, GitHub Enterprise (…/api/v3) or a proxy.",
        "GITHUB_API_URL",
        live_only=True,
    )
    github_graphql_url: str = _set(
        "github.graphql_url",
        kinds.optional(kinds.web_address()),
        "",
        "Its GraphQL address. Default: from github.api_url.",
        "GITHUB_GRAPHQL_URL",
        live_only=True,
    )
    github_timeout_s: float = _set(
        "github.timeout_s", kinds.amount(1, 600), 15.0, "Seconds to wait for GitHub.", "CMO_GITHUB_TIMEOUT_S"
    )
    dns_server: str = _set(
        "dns.server",
        kinds.line(expects="a host or host:port"),
        "",
        "Resolver for mail domains. Default: the system's.",
        "CMO_DNS_SERVER",
        live_only=True,
    )
    dns_timeout_s: float = _set(
        "dns.timeout_s", kinds.amount(0.1, 60), 5.0, "Seconds to wait for DNS.", "CMO_DNS_TIMEOUT_S"
    )

    state_db_url: str = _set(
        "storage.db_url",
        kinds.line(expects="sqlite:///PATH"),
        "",
        "The store. Default: campaign.db in the data folder.",
        "STATE_DB_URL",
        live_only=True,
    )
    blob_dir: str = _set(
        "storage.blob_dir",
        kinds.line(expects="a folder"),
        "",
        "The folder that holds runs/. Default: the data folder.",
        "BLOB_DIR",
        live_only=True,
    )

    accessible: bool = _set(
        "ui.accessible", kinds.yes_no(), False, "No redraw in place; numbered prompts.", "ACCESSIBLE", "CMO_ACCESSIBLE"
    )
    ascii: bool = _set("ui.ascii", kinds.yes_no(), False, "Words instead of signs.", "CMO_ASCII")
    updates_per_second: float = _set(
        "ui.updates_per_second", kinds.amount(0.1, 10), 2.0, "Redraws of live views.", "CMO_UPDATES_PER_SECOND"
    )
    editor: str = _set("ui.editor", kinds.line(), "", "Default: VISUAL, EDITOR, else vi.", "CMO_EDITOR")

    origins: Mapping[str, tuple[Origin, ...]] = field(default_factory=dict, repr=False, compare=False)
    """Setting key -> every layer that gives a value, the winner first; the default is always last."""
    warnings: tuple[str, ...] = field(default=(), compare=False)
    """What was set but not understood or not obeyed; whole sentences."""

    @property
    def actor(self) -> str:
        """The operator, as the record names them."""
        return f"operator:{self.operator_name}"

    def mode(self) -> Mode:
        """The ceiling of every job's mode."""
        from cmo.domain.job import Mode

        return Mode(self.mode_ceiling)

    def caps(self) -> Caps:
        """The caps of a job that says nothing else."""
        from cmo.domain.job import Caps

        return Caps(
            max_steps=self.max_steps,
            max_repos=self.max_repos,
            max_people=self.max_people,
            max_tool_calls=self.max_tool_calls,
            max_tool_calls_per_kind=dict(self.max_tool_calls_per_kind),
            top_authors_per_repo=self.top_authors_per_repo,
            checkpoint_every=self.checkpoint_every,
            budget_usd=self.budget_usd,
        )

    def icp(self) -> Icp:
        """The profile of a goal that says nothing else."""
        from cmo.domain.job import Icp, StarsRange

        low, high = self.stars_range
        return Icp(
            languages=self.languages,
            stars_range=StarsRange(low=low, high=high),
            activity_days=self.activity_days,
            topics=self.include_topics,
        )

    def planner(self) -> str:
        """Who plans: `openai`, `azure_openai` or `rules`. Looks for a key only where nothing was chosen."""
        if self.llm_provider:
            return self.llm_provider
        if self.secrets.find("openai"):
            return "openai"
        return "azure_openai" if self.azure_openai_endpoint and self.secrets.find("azure_openai") else "rules"

    def github_tokens(self) -> tuple[Secret, ...]:
        """GITHUB_TOKEN, split at commas."""
        return self.secrets.find_all("github")


def _spec(attribute: str, meta: Mapping[str, Any]) -> Spec:
    return Spec(
        attribute=attribute,
        key=meta["key"],
        kind=meta["kind"],
        default=meta["default"],
        about=meta["about"],
        env=meta["env"],
        live_only=meta["live_only"],
    )


SPECS: Mapping[str, Spec] = {
    item.metadata["key"]: _spec(item.name, item.metadata) for item in fields(Settings) if "key" in item.metadata
}
"""Setting key -> what is known of it, in the order of the fields."""

LATER: Mapping[str, Kind] = {
    "notify": kinds.line(),
    "mode.hold_minutes": kinds.whole(0, 10_080),
    "review.order": kinds.choice("flagged_first", "score", "oldest"),
    "review.sample_min": kinds.whole(1, 1000),
    "review.auto_advance": kinds.yes_no(),
    "errors.pause_sending_after": kinds.whole(1, 100_000),
    "ui.theme": kinds.line(),
    "ui.mouse": kinds.yes_no(),
    "ui.keymap": kinds.choice("vim", "plain"),
}
"""Settings that are checked but change nothing yet; `ui.keys` is a table of its own and accepted as it is."""
