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
    from cmo.domain.draft import Pitch, Sender
    from cmo.domain.job import Caps, Icp, Mode, Weights

MODES = ("dry_run", "draft_only", "send_allowed")
"""From the strictest on."""
MAILERS = ("maildir", "smtp", "gmail", "instantly", "smartlead")
"""The first only writes files."""
THEMES = ("auto", "cmo-dark", "cmo-light", "terminal", "high-contrast")


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

    notify: tuple[str, ...] = _set(
        "notify", kinds.notices(), (), "How milestones are told: bell, desktop, an https address.", "CMO_NOTIFY"
    )
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

    scoring_weights: Mapping[str, int] = _set(
        "scoring.weights",
        kinds.counts(-100, 100, example="role=30,reach=0"),
        {},
        "Most points of single features in new jobs; cmo score show lists them.",
        "CMO_SCORING_WEIGHTS",
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

    hold_minutes: int = _set(
        "mode.hold_minutes",
        kinds.whole(0, 10_080),
        10,
        "Minutes between hand-over and the first send, to recall in.",
        "CMO_HOLD_MINUTES",
    )
    sender_name: str = _set("sender.name", kinds.line(), "", "Your name, as recipients see it.", "CMO_SENDER_NAME")
    sender_email: str = _set(
        "sender.email", kinds.line(expects="an address"), "", "The address mail is written from.", "SMTP_FROM"
    )
    sender_company: str = _set("sender.company", kinds.line(), "", "Your company.", "CMO_SENDER_COMPANY")
    sender_postal_address: str = _set(
        "sender.postal_address", kinds.line(), "", "Your postal address; the law wants it in each mail.",
        "CMO_SENDER_POSTAL_ADDRESS",
    )  # fmt: skip
    sender_reply_to: str = _set(
        "sender.reply_to", kinds.line(), "", "Where replies go. Default: sender.email.", "CMO_SENDER_REPLY_TO"
    )
    unsubscribe_mailto: str = _set(
        "sender.unsubscribe_mailto", kinds.line(), "", "Takes a stop by mail. Default: sender.email.",
        "CMO_UNSUBSCRIBE_MAILTO",
    )  # fmt: skip
    unsubscribe_url: str = _set(
        "sender.unsubscribe_url",
        kinds.optional(kinds.web_address()),
        "",
        "https address of yours that takes a stop with one click; a token is added.",
        "CMO_UNSUBSCRIBE_URL",
    )
    dkim_selector: str = _set(
        "sender.dkim_selector", kinds.line(), "", "Your DKIM selector, so that doctor can look at the key.",
        "CMO_DKIM_SELECTOR",
    )  # fmt: skip
    sender_time_zone: str = _set(
        "sender.time_zone", kinds.line(), "UTC", "Your zone, such as Europe/Lisbon.", "CMO_TIME_ZONE"
    )
    sending_hours: tuple[int, int] = _set(
        "sending.hours", kinds.span(), (8, 18), "Working hours in which mail may leave, in the recipient's zone.",
        "CMO_SENDING_HOURS",
    )  # fmt: skip
    country_rules: tuple[str, ...] = _set(
        "sending.countries",
        kinds.words(),
        (),
        "Where you know better than the cautious defaults, e.g. DE=ok,FR=block.",
        "CMO_SENDING_COUNTRIES",
    )
    warm_inboxes: tuple[str, ...] = _set(
        "sender.warm_inboxes",
        kinds.words(),
        (),
        "Inboxes that are warmed up; others start with 5 mails a day, 5 more each day.",
        "CMO_WARM_INBOXES",
    )
    offer: str = _set("copy.offer", kinds.line(), "", "One sentence on what you offer.", "CMO_OFFER")
    question: str = _set("copy.question", kinds.line(), "", "The one question a mail ends with.", "CMO_QUESTION")
    link: str = _set(
        "copy.link", kinds.optional(kinds.web_address()), "", "The only link of yours in a mail.", "CMO_LINK"
    )
    prohibited: tuple[str, ...] = _set(
        "copy.prohibited", kinds.words(), (), "Words no mail may hold, besides the built-in list.", "CMO_PROHIBITED"
    )
    sample_min: int = _set(
        "review.sample_min",
        kinds.whole(1, 1000),
        8,
        "Drafts to look at before a rule approves the rest.",
        "CMO_SAMPLE_MIN",
    )
    review_order: str = _set(
        "review.order", kinds.choice("flagged_first", "score", "oldest"), "flagged_first",
        "Which draft is looked at first.", "CMO_REVIEW_ORDER",
    )  # fmt: skip
    auto_advance: bool = _set(
        "review.auto_advance", kinds.yes_no(), True, "After a decision, go on to the next draft.", "CMO_AUTO_ADVANCE"
    )
    pause_sending_after: int = _set(
        "errors.pause_sending_after",
        kinds.whole(1, 100_000),
        10,
        "Errors of one group within 5 minutes that pause sending.",
        "CMO_PAUSE_SENDING_AFTER",
    )
    mailer: str = _set(
        "mail.provider",
        kinds.choice(*MAILERS),
        "maildir",
        "Who carries mail. maildir only writes files.",
        "CMO_MAILER",
    )
    crm: str = _set("crm.provider", kinds.choice("attio", "hubspot"), "attio", "Your CRM.", "CMO_CRM")
    linear_team: str = _set(
        "linear.team", kinds.line(expects="a team's id"), "", "The Linear team that gets tickets.", "CMO_LINEAR_TEAM"
    )
    smtp_host: str = _set(
        "smtp.host", kinds.line(expects="a host"), "", "Your mail server.", "SMTP_HOST", live_only=True
    )
    smtp_port: int = _set(
        "smtp.port", kinds.whole(1, 65_535), 587, "465 (TLS) or 587 (STARTTLS).", "SMTP_PORT", live_only=True
    )
    smtp_user: str = _set("smtp.user", kinds.line(), "", "Name to log in with.", "SMTP_USER", live_only=True)
    instantly_base_url: str = _set(
        "instantly.base_url", kinds.web_address(), "https://api.instantly.ai", "Instantly.", "INSTANTLY_BASE_URL",
        live_only=True,
    )  # fmt: skip
    instantly_timeout_s: float = _set(
        "instantly.timeout_s", kinds.amount(1, 600), 30.0, "Seconds to wait for Instantly.", "CMO_INSTANTLY_TIMEOUT_S"
    )
    smartlead_base_url: str = _set(
        "smartlead.base_url", kinds.web_address(), "https://server.smartlead.ai/api/v1", "Smartlead.",
        "SMARTLEAD_BASE_URL", live_only=True,
    )  # fmt: skip
    attio_base_url: str = _set(
        "attio.base_url", kinds.web_address(), "https://api.attio.com", "Attio.", "ATTIO_BASE_URL", live_only=True
    )
    attio_timeout_s: float = _set(
        "attio.timeout_s", kinds.amount(1, 600), 20.0, "Seconds to wait for Attio.", "CMO_ATTIO_TIMEOUT_S"
    )
    attio_per_minute: int = _set(
        "attio.per_minute", kinds.whole(1, 1500), 60, "Requests a minute to Attio.", "CMO_ATTIO_PER_MINUTE"
    )
    hubspot_base_url: str = _set(
        "hubspot.base_url", kinds.web_address(), "https://api.hubapi.com", "HubSpot.", "HUBSPOT_BASE_URL",
        live_only=True,
    )  # fmt: skip
    hubspot_api_version: str = _set(
        "hubspot.api_version", kinds.line(), "2026-09", "HubSpot's dated version.", "HUBSPOT_API_VERSION"
    )
    linear_api_url: str = _set(
        "linear.api_url", kinds.web_address(safe=True), "https://api.linear.app/graphql", "Linear.", "LINEAR_API_URL",
        live_only=True,
    )  # fmt: skip
    gmail_api_url: str = _set(
        "gmail.api_url", kinds.web_address(), "https://gmail.googleapis.com", "Gmail.", "GMAIL_API_URL",
        live_only=True,
    )  # fmt: skip

    google_client_id: str = _set(
        "google.client_id", kinds.line(), "", "The OAuth client of Gmail's refresh token.", "GOOGLE_CLIENT_ID",
        live_only=True,
    )  # fmt: skip
    google_token_url: str = _set(
        "google.token_url", kinds.web_address(), "https://oauth2.googleapis.com/token", "Google's access tokens.",
        "GOOGLE_TOKEN_URL", live_only=True,
    )  # fmt: skip

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
    theme: str = _set(
        "ui.theme", kinds.choice(*THEMES), "auto", "Of the full screen; auto asks the terminal.", "CMO_THEME"
    )
    mouse: bool = _set("ui.mouse", kinds.yes_no(), True, "The full screen takes the mouse.", "CMO_MOUSE")
    keymap: str = _set(
        "ui.keymap", kinds.choice("vim", "plain"), "vim", "plain moves by arrows and named keys only.", "CMO_KEYMAP"
    )
    keys: Mapping[str, str] = _set(
        "ui.keys", kinds.texts(), {}, "Action id = its keys, e.g. drafts.approve=a.", "CMO_KEYS"
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

    def weights(self) -> Weights:
        """The scoring weights of a job that says nothing else."""
        from cmo.domain.job import Weights

        return Weights(points=dict(self.scoring_weights))

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

    def sender(self) -> Sender:
        """The identity that mail is written from."""
        from cmo.domain.draft import Sender

        return Sender(
            name=self.sender_name,
            email=self.sender_email,
            company=self.sender_company,
            postal_address=self.sender_postal_address,
            reply_to=self.sender_reply_to,
            unsubscribe_mailto=self.unsubscribe_mailto,
            unsubscribe_url=self.unsubscribe_url,
            time_zone=self.sender_time_zone,
        )

    def pitch(self) -> Pitch:
        """What the campaign says to everybody."""
        from cmo.domain.draft import Pitch

        return Pitch(offer=self.offer, question=self.question, link=self.link)

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
