"""The schema, as ordered steps: appended, never edited. A store that knows a later step than we do is refused."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime

from cmo.errors import MigrationFailed, SchemaTooNew

Migration = Callable[[sqlite3.Connection], None]


def m001_initial(conn: sqlite3.Connection) -> None:
    """Jobs with lease and control, the journal, the event log, and the rows that discovery makes."""
    for statement in _INITIAL.split(";"):
        if statement.strip():
            conn.execute(statement)


def m002_delivery(conn: sqlite3.Connection) -> None:
    """Drafts with versions, findings and approvals; the outbox with its decisions; switches, holds, the audit log.

    The ledger of what left (`outbox`, `approvals`, `audit`) outlives its job: idempotency keys are kept for ever.
    """
    for statement in _DELIVERY.split(";\n"):
        if statement.strip():
            conn.execute(statement)


def m003_facts_that_age(conn: sqlite3.Connection) -> None:
    """Drafts know from when a fact that they cite is too old to be cited."""
    conn.execute("ALTER TABLE drafts ADD COLUMN facts_until TEXT")


def m004_installation_key(conn: sqlite3.Connection) -> None:
    """The store knows the secret that its keyed hashes were made with: with another one they would miss silently."""
    conn.execute("CREATE TABLE installation (id INTEGER PRIMARY KEY CHECK (id = 1), key_fingerprint TEXT NOT NULL)")


def m005_inbox_caps(conn: sqlite3.Connection) -> None:
    """Inboxes know how many mails a day their own service lets them send."""
    conn.execute("ALTER TABLE inboxes ADD COLUMN daily_cap INTEGER")


def m006_lists_by_page(conn: sqlite3.Connection) -> None:
    """People of one company, and suppressions by their time, are paged without reading all of them."""
    conn.execute(
        "CREATE INDEX candidates_by_company ON candidates"
        " (job_id, COALESCE(lower(ltrim(json_extract(profile, '$.company'), '@ ')), '~'), score DESC, n)"
        " WHERE score IS NOT NULL"
    )
    conn.execute("CREATE INDEX suppressions_by_time ON suppressions (added_at DESC, kind, value)")


def m007_outcomes(conn: sqlite3.Connection) -> None:
    """People have a status and an outcome; labels and outcomes are counted without reading all people."""
    conn.execute("ALTER TABLE candidates ADD COLUMN status TEXT")
    conn.execute("ALTER TABLE candidates ADD COLUMN outcome TEXT")
    conn.execute("CREATE INDEX candidates_by_outcome ON candidates (outcome, job_id) WHERE outcome IS NOT NULL")
    conn.execute("CREATE INDEX leads_by_label ON leads (job_id, label)")


MIGRATIONS: tuple[Migration, ...] = (
    m001_initial,
    m002_delivery,
    m003_facts_that_age,
    m004_installation_key,
    m005_inbox_caps,
    m006_lists_by_page,
    m007_outcomes,
)


def migrate(conn: sqlite3.Connection) -> None:
    """Bring the schema up to date, each step in a transaction of its own.

    Raises:
        SchemaTooNew: a newer cmo wrote this store.
        MigrationFailed: a step failed; the store is as it was before that step.
    """
    require_known_schema(conn)
    for number, step in enumerate(MIGRATIONS, start=1):
        if number <= schema_version(conn):
            continue
        conn.execute("BEGIN IMMEDIATE")
        try:
            if number > schema_version(conn):
                step(conn)
                conn.execute("CREATE TABLE IF NOT EXISTS schema_steps (number INTEGER PRIMARY KEY, name TEXT, at TEXT)")
                now = datetime.now(UTC).isoformat()
                conn.execute("INSERT INTO schema_steps VALUES (?, ?, ?)", (number, step.__name__, now))
        except BaseException as exc:
            conn.rollback()
            if isinstance(exc, sqlite3.Error):
                raise MigrationFailed(f"Migration {step.__name__} failed: {exc}.", hint="Run `cmo doctor`.") from exc
            raise
        conn.commit()


def schema_version(conn: sqlite3.Connection) -> int:
    """The number of the last step the store has; 0 for a new file."""
    known = conn.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_steps'").fetchone()
    if known is None:
        return 0
    return int(conn.execute("SELECT COALESCE(MAX(number), 0) FROM schema_steps").fetchone()[0])


def require_known_schema(conn: sqlite3.Connection) -> None:
    """Refuse a store that a newer cmo wrote."""
    version = schema_version(conn)
    if version > len(MIGRATIONS):
        raise SchemaTooNew(
            f"A newer cmo made the store: it has schema {version}, this one knows {len(MIGRATIONS)}.",
            hint="Install the newer cmo, or use another CMO_HOME.",
        )


_INITIAL = """
CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    plan TEXT NOT NULL,
    environment TEXT NOT NULL,
    status TEXT NOT NULL,
    stage TEXT NOT NULL,
    created_at TEXT NOT NULL,
    created_by TEXT NOT NULL,
    anchor_at TEXT NOT NULL,
    control TEXT,
    control_by TEXT,
    wait_until TEXT,
    wait_reason TEXT,
    ended_reason TEXT,
    summary TEXT,
    leads_version INTEGER NOT NULL DEFAULT 0,
    lease_owner TEXT,
    lease_epoch INTEGER NOT NULL DEFAULT 0,
    lease_until REAL NOT NULL DEFAULT 0
);
CREATE TABLE counters (
    job_id TEXT NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    value INTEGER NOT NULL,
    PRIMARY KEY (job_id, name)
);
CREATE TABLE steps (
    job_id TEXT NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
    n INTEGER NOT NULL,
    tool TEXT NOT NULL,
    args TEXT NOT NULL,
    planner TEXT NOT NULL,
    why TEXT NOT NULL,
    state TEXT NOT NULL,
    result TEXT,
    started_at TEXT NOT NULL,
    finished_at TEXT,
    PRIMARY KEY (job_id, n)
);
CREATE TABLE calls (
    job_id TEXT NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
    step INTEGER NOT NULL,
    page INTEGER NOT NULL,
    state TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    processed INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    cursor TEXT,
    tally TEXT,
    claimed_at TEXT NOT NULL,
    finished_at TEXT,
    PRIMARY KEY (job_id, step, page)
);
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    job_id TEXT NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
    at TEXT NOT NULL,
    kind TEXT NOT NULL,
    is_run INTEGER NOT NULL,
    subject TEXT,
    body BLOB NOT NULL
);
CREATE INDEX events_of_job ON events (job_id, is_run, seq);
CREATE INDEX events_of_person ON events (subject, job_id) WHERE subject IS NOT NULL;
CREATE TABLE searches (
    job_id TEXT NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
    n INTEGER NOT NULL,
    icp TEXT NOT NULL,
    cursor TEXT,
    is_exhausted INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (job_id, n)
);
CREATE TABLE repos (
    job_id TEXT NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
    id TEXT NOT NULL,
    n INTEGER NOT NULL,
    full_name TEXT NOT NULL,
    query TEXT NOT NULL,
    state TEXT NOT NULL,
    people INTEGER NOT NULL DEFAULT 0,
    doc TEXT NOT NULL,
    PRIMARY KEY (job_id, id)
);
CREATE UNIQUE INDEX repos_in_order ON repos (job_id, n);
CREATE INDEX repos_by_state ON repos (job_id, state, n);
CREATE TABLE candidates (
    job_id TEXT NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
    login_key TEXT NOT NULL,
    n INTEGER NOT NULL,
    login TEXT NOT NULL,
    user_id TEXT,
    person_id TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    contributions INTEGER NOT NULL,
    role TEXT NOT NULL,
    profile TEXT,
    email_state TEXT,
    score INTEGER,
    score_doc TEXT,
    scored_at TEXT,
    merged_into TEXT,
    PRIMARY KEY (job_id, login_key)
);
CREATE UNIQUE INDEX candidates_in_order ON candidates (job_id, n);
CREATE INDEX candidates_by_state ON candidates (job_id, state, n);
CREATE INDEX candidates_by_score ON candidates (job_id, score DESC, n);
CREATE TABLE candidate_repos (
    job_id TEXT NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
    login_key TEXT NOT NULL,
    repo_id TEXT NOT NULL,
    contributions INTEGER NOT NULL,
    ref TEXT NOT NULL,
    PRIMARY KEY (job_id, login_key, repo_id)
);
CREATE TABLE drops (
    job_id TEXT NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
    login_key TEXT NOT NULL,
    login TEXT NOT NULL,
    from_repo TEXT NOT NULL,
    reason TEXT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (job_id, login_key)
);
CREATE TABLE emails (
    n INTEGER PRIMARY KEY,
    job_id TEXT NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
    login_key TEXT NOT NULL,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL,
    domains TEXT NOT NULL,
    email_class TEXT NOT NULL,
    rank INTEGER NOT NULL,
    source_url TEXT NOT NULL,
    seen_at TEXT NOT NULL,
    evidence TEXT NOT NULL,
    UNIQUE (job_id, login_key, email)
);
CREATE INDEX emails_by_key ON emails (job_id, email_key);
CREATE INDEX emails_in_order ON emails (job_id, n);
CREATE TABLE verdicts (
    email TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    flags TEXT NOT NULL,
    checked_at TEXT NOT NULL,
    tries INTEGER NOT NULL
);
CREATE TABLE leads (
    job_id TEXT NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    login_key TEXT NOT NULL,
    email TEXT NOT NULL,
    email_class TEXT NOT NULL,
    held INTEGER NOT NULL,
    stage TEXT NOT NULL,
    score INTEGER NOT NULL,
    label TEXT NOT NULL,
    PRIMARY KEY (job_id, number),
    UNIQUE (job_id, login_key)
);
CREATE INDEX leads_held ON leads (job_id, held);
CREATE TABLE identities (
    key TEXT PRIMARY KEY,
    person_id TEXT NOT NULL,
    job_id TEXT NOT NULL,
    evidence TEXT NOT NULL,
    added_at TEXT NOT NULL
);
CREATE TABLE merges (
    kept TEXT NOT NULL,
    merged TEXT NOT NULL,
    job_id TEXT NOT NULL,
    evidence TEXT NOT NULL,
    merged_at TEXT NOT NULL,
    undone_at TEXT,
    PRIMARY KEY (kept, merged)
);
CREATE TABLE suppressions (
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    reason TEXT NOT NULL,
    source TEXT NOT NULL,
    added_at TEXT NOT NULL,
    PRIMARY KEY (kind, value)
);
CREATE TABLE failures (
    job_id TEXT NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
    tool TEXT NOT NULL,
    item TEXT NOT NULL,
    stage TEXT NOT NULL,
    group_key TEXT NOT NULL,
    code TEXT NOT NULL,
    message TEXT NOT NULL,
    tries INTEGER NOT NULL,
    last_at TEXT NOT NULL,
    PRIMARY KEY (job_id, tool, item)
);
CREATE TABLE checkpoints (
    job_id TEXT NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
    path TEXT NOT NULL,
    batch INTEGER NOT NULL,
    row_count INTEGER NOT NULL,
    upto INTEGER NOT NULL,
    leads_version TEXT NOT NULL,
    written_at TEXT NOT NULL,
    PRIMARY KEY (job_id, path)
);
CREATE TABLE messages (
    job_id TEXT NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
    n INTEGER NOT NULL,
    by_whom TEXT NOT NULL,
    text TEXT NOT NULL,
    is_later INTEGER NOT NULL,
    state TEXT NOT NULL,
    queued_at TEXT NOT NULL,
    queued_stage TEXT NOT NULL,
    step INTEGER,
    effect TEXT,
    PRIMARY KEY (job_id, n)
);
CREATE TABLE api_cache (
    key TEXT PRIMARY KEY,
    body BLOB NOT NULL,
    etag TEXT,
    last_modified TEXT,
    fetched_at TEXT NOT NULL
)
"""

_DELIVERY = """
CREATE TABLE personalisations (
    job_id TEXT NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
    login_key TEXT NOT NULL,
    doc TEXT NOT NULL,
    PRIMARY KEY (job_id, login_key)
);
CREATE TABLE drafts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id TEXT NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
    login_key TEXT NOT NULL,
    lead_number INTEGER NOT NULL,
    step TEXT NOT NULL,
    channel TEXT NOT NULL,
    version INTEGER NOT NULL,
    state TEXT NOT NULL,
    put_off_until TEXT,
    reason TEXT NOT NULL DEFAULT '',
    login TEXT NOT NULL,
    name TEXT NOT NULL,
    first_name TEXT NOT NULL,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL,
    email_class TEXT NOT NULL,
    company TEXT NOT NULL,
    company_key TEXT NOT NULL,
    country TEXT,
    time_zone TEXT,
    score INTEGER NOT NULL,
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    variant TEXT NOT NULL,
    template TEXT NOT NULL,
    template_version TEXT NOT NULL,
    flag TEXT NOT NULL DEFAULT '',
    is_blocked INTEGER NOT NULL DEFAULT 0,
    approval_id INTEGER,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    UNIQUE (job_id, login_key, step)
);
CREATE INDEX drafts_by_state ON drafts (job_id, state, score DESC, id);
CREATE INDEX drafts_by_address ON drafts (email_key);
CREATE TABLE draft_versions (
    draft_id INTEGER NOT NULL REFERENCES drafts(id) ON DELETE CASCADE,
    version INTEGER NOT NULL,
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    sentences TEXT NOT NULL,
    made_by TEXT NOT NULL,
    why TEXT NOT NULL,
    made_at TEXT NOT NULL,
    PRIMARY KEY (draft_id, version)
);
CREATE TABLE findings (
    draft_id INTEGER NOT NULL REFERENCES drafts(id) ON DELETE CASCADE,
    n INTEGER NOT NULL,
    check_name TEXT NOT NULL,
    flag TEXT NOT NULL,
    severity TEXT NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (draft_id, n)
);
CREATE TABLE approvals (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    draft_id INTEGER NOT NULL,
    version INTEGER NOT NULL,
    content_hash TEXT NOT NULL,
    by_whom TEXT NOT NULL,
    at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    batch_id TEXT NOT NULL,
    rule TEXT,
    revoked_at TEXT,
    UNIQUE (batch_id, draft_id)
);
CREATE INDEX approvals_of_draft ON approvals (draft_id);
CREATE TABLE batches (
    id TEXT PRIMARY KEY,
    job_id TEXT NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
    n INTEGER NOT NULL,
    action TEXT NOT NULL,
    by_whom TEXT NOT NULL,
    at TEXT NOT NULL,
    reason TEXT NOT NULL,
    rule TEXT,
    samples TEXT NOT NULL,
    undone_at TEXT
);
CREATE TABLE batch_items (
    batch_id TEXT NOT NULL REFERENCES batches(id) ON DELETE CASCADE,
    draft_id INTEGER NOT NULL,
    version INTEGER NOT NULL,
    before_state TEXT NOT NULL,
    before_put_off TEXT,
    before_reason TEXT NOT NULL,
    before_approval INTEGER,
    PRIMARY KEY (batch_id, draft_id)
);
CREATE INDEX batches_of_draft ON batch_items (draft_id);
CREATE TABLE rules (
    name TEXT PRIMARY KEY,
    where_text TEXT NOT NULL,
    added_by TEXT NOT NULL,
    added_at TEXT NOT NULL
);
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    job_id TEXT NOT NULL,
    operation TEXT NOT NULL,
    state TEXT NOT NULL,
    payload TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    draft_id INTEGER,
    approval_id INTEGER,
    after_id INTEGER,
    email_key TEXT,
    login_key TEXT,
    company_key TEXT,
    inbox TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    due_s REAL NOT NULL,
    is_held INTEGER NOT NULL DEFAULT 0,
    holder TEXT,
    claimed_s REAL,
    settled_s REAL,
    provider_id TEXT,
    effect TEXT,
    code TEXT,
    reason TEXT
);
CREATE INDEX outbox_of_job ON outbox (job_id, state);
CREATE INDEX outbox_of_draft ON outbox (draft_id) WHERE draft_id IS NOT NULL;
CREATE INDEX outbox_of_login ON outbox (login_key) WHERE login_key IS NOT NULL;
CREATE INDEX outbox_under_way ON outbox (state) WHERE state = 'claimed';
CREATE INDEX outbox_after ON outbox (after_id) WHERE after_id IS NOT NULL;
CREATE INDEX outbox_of_person ON outbox (email_key) WHERE email_key IS NOT NULL;
CREATE INDEX outbox_claimed ON outbox (claimed_s, inbox, company_key, draft_id, state) WHERE claimed_s IS NOT NULL;
CREATE TABLE decisions (
    outbox_id INTEGER NOT NULL REFERENCES outbox(id) ON DELETE CASCADE,
    rule TEXT NOT NULL,
    message TEXT NOT NULL,
    at_s REAL NOT NULL,
    retry_s REAL,
    times INTEGER NOT NULL,
    PRIMARY KEY (outbox_id, rule)
);
CREATE INDEX decisions_by_rule ON decisions (rule);
CREATE TABLE switches (
    name TEXT PRIMARY KEY,
    is_on INTEGER NOT NULL,
    by_whom TEXT NOT NULL,
    at TEXT NOT NULL,
    reason TEXT NOT NULL,
    until TEXT
);
CREATE TABLE bases (
    kind TEXT NOT NULL,
    scope TEXT NOT NULL,
    basis TEXT NOT NULL,
    by_whom TEXT NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (kind, scope)
);
CREATE TABLE holds (
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    reason TEXT NOT NULL,
    source TEXT NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (kind, value)
);
CREATE TABLE inboxes (
    address TEXT PRIMARY KEY,
    provider TEXT NOT NULL,
    is_warm INTEGER NOT NULL,
    first_used_s REAL,
    paused_reason TEXT
);
CREATE TABLE breakers (
    provider TEXT PRIMARY KEY,
    failures INTEGER NOT NULL,
    open_until_s REAL NOT NULL,
    reason TEXT NOT NULL
);
CREATE TABLE deliveries (
    outbox_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    at_s REAL NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (outbox_id, kind, at_s)
);
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    object TEXT NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    detail TEXT NOT NULL,
    is_dry INTEGER NOT NULL,
    prev_hash TEXT NOT NULL,
    hash TEXT NOT NULL
);
CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END;
CREATE TRIGGER audit_is_never_cut BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END;
ALTER TABLE failures ADD COLUMN status INTEGER;
ALTER TABLE failures ADD COLUMN first_at TEXT;
ALTER TABLE failures ADD COLUMN mark TEXT;
ALTER TABLE failures ADD COLUMN mark_reason TEXT;
CREATE INDEX failures_by_group ON failures (group_key)
"""
