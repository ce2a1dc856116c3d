"""`forget`: a person is erased everywhere on this machine, and a keyed hash keeps them suppressed.

Each step can be repeated and the hash comes first, so an interrupted erasure is finished by asking again: files go
before rows, because the rows say who the person is.
"""

from __future__ import annotations

import csv
import email
import email.policy
import io
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cmo.clock import SystemClock
from cmo.config import Settings
from cmo.config.installation import FILE as SECRET_FILE
from cmo.config.installation import opaque_token
from cmo.domain.audit import AuditEntry
from cmo.domain.csvtext import csv_line
from cmo.domain.suppression import Suppression, SuppressionKind, email_key, erased_value, suppression_value
from cmo.domain.traces import Traces
from cmo.errors import JobLeased, ToolInputInvalid
from cmo.paths import CONFIG_NAME, Paths, write_private
from cmo.service.exported import known_exports
from cmo.service.exports import pieces
from cmo.service.folder import SNAPSHOT, JobFolder
from cmo.service.jobs import iter_run_state
from cmo.service.store import clock_of, installation_key, writer
from cmo.service.withdrawing import Withdrawn, withdraw_within
from cmo.store import journal
from cmo.store.audit import record_audit
from cmo.store.db import Connection, transaction
from cmo.store.doubt import in_flight
from cmo.store.erasure import Person, erase, find_person, owned_repos, shred
from cmo.store.jobs import list_jobs
from cmo.store.suppressions import record_suppressions

MOST_JOBS = 1_000_000
OTHER_HOMES = ("profiles", "sandbox")
"""Folders with homes of their own, each with its own store and key."""
_BACKUPS = (".bak", ".backup", ".old", ".orig", "~", ".gz", ".zip", ".tar", ".zst")
_MAIL_FOLDERS = ("new", "cur", "tmp")


@dataclass(frozen=True)
class Forgotten:
    """What an erasure came to."""

    token: str
    """What stands for the person in the audit log."""
    rows: dict[str, int]
    """Table -> rows deleted or blanked."""
    files: tuple[Path, ...]
    """Files that were rewritten or removed."""
    left: tuple[Path, ...]
    """Files that still name them and are not cmo's to change: backups, settings, what somebody put there."""
    unread: tuple[Path, ...]
    """Homes of other profiles and the sandbox, which have stores of their own."""
    repositories: tuple[str, ...]
    """Public repositories that stay, with their login as the owner."""
    withdrawn: Withdrawn
    """Sequences that they were taken out of, or may still mail them: by the provider's id of them that is tried
    again."""


def token_of(settings: Settings, address: str) -> str:
    """What stands for the person in the audit log."""
    with writer(settings) as conn:
        return _token(installation_key(settings, conn), address)


def look_up(settings: Settings, address: str) -> Person:
    """Who would be erased.

    Raises:
        ToolInputInvalid: that is no address.
    """
    _require_address(address)
    with writer(settings) as conn:
        return find_person(conn, address)


def forget(settings: Settings, address: str) -> Forgotten:
    """Erase whoever has `address`, and keep them suppressed.

    Raises:
        ToolInputInvalid: that is no address.
        JobLeased: a job runs, or a call is under way.
        StoreBusy: another process reads the store; everything is erased but old pages, so ask again.
    """
    _require_address(address)
    with writer(settings) as conn:
        secret = installation_key(settings, conn)
        token = _token(secret, address)
        _require_quiet(settings, conn)
        conn.execute("PRAGMA secure_delete=ON")
        person = find_person(conn, address)
        _keep_suppressed(settings, conn, person, secret, token)
        withdrawn = withdraw_within(settings, conn)
        files = _erase_files(settings.paths, person.traces())
        with transaction(conn):
            rows = {table: count for table, count in erase(conn, person, secret=secret).items() if count}
            _record(settings, conn, token, "erased", {"rows": rows, "files": len(files)})
        _renew_snapshots(settings, conn)
        repositories = tuple(owned_repos(conn, person))
        shred(conn)
    traces = person.traces()
    return Forgotten(
        token=token,
        rows=rows,
        files=files,
        left=tuple(
            path for path in _files(settings.paths) if _names(path, traces) and not _is_own(settings.paths, path)
        ),
        unread=tuple(home for home in _other_homes(settings.paths) if home.is_dir()),
        repositories=repositories,
        withdrawn=Withdrawn(
            done=withdrawn.done, left=tuple(one for one in withdrawn.left if email_key(one.email) in traces.keys)
        ),
    )


def _token(secret: bytes, address: str) -> str:
    return opaque_token(secret, SuppressionKind.EMAIL.value, email_key(address))


def _require_address(address: str) -> None:
    try:
        suppression_value(SuppressionKind.EMAIL, address)
    except ValueError as exc:
        raise ToolInputInvalid(f"{exc}.", hint="cmo forget ana@ana.example") from exc


def _require_quiet(settings: Settings, conn: Connection) -> None:
    """Nobody may write what is just being erased."""
    now_s = SystemClock().now().timestamp()
    for job in list_jobs(conn, limit=MOST_JOBS):
        holder = journal.live_holder(conn, job.id, now_s=now_s)
        if holder is not None:
            raise JobLeased(f"Job {job.id} is run by process {holder}.", hint=f"cmo pause {job.id}, then forget again.")
    if in_flight(conn, now=clock_of(settings).now()):
        raise JobLeased("A mail or CRM record is just being written.", hint="Wait a minute, then forget again.")


def _keep_suppressed(settings: Settings, conn: Connection, person: Person, secret: bytes, token: str) -> None:
    named = [(SuppressionKind.EMAIL, address) for address in person.addresses]
    named += [(SuppressionKind.LOGIN, login) for login in person.logins]
    at = clock_of(settings).now()
    entries = [
        Suppression(
            kind=SuppressionKind.HASH,
            value=erased_value(kind, text, secret=secret),
            reason="asked to be forgotten",
            source="forget",
            added_at=at,
        )
        for kind, text in named
    ]
    with transaction(conn):
        record_suppressions(conn, entries)
        _record(settings, conn, token, "suppressed", {"hashes": len({entry.value for entry in entries})})


def _record(settings: Settings, conn: Connection, token: str, after: str, detail: dict[str, object]) -> None:
    entry = AuditEntry(
        actor=settings.actor, action="person.forget", object=f"person:{token}", after=after, detail=detail
    )
    record_audit(conn, [entry], at=clock_of(settings).now())


def _renew_snapshots(settings: Settings, conn: Connection) -> None:
    """Write the snapshots that were removed anew, from what the store holds now."""
    for job in list_jobs(conn, limit=MOST_JOBS):
        folder = settings.paths.run_dir(job.id)
        if folder.is_dir() and not (folder / SNAPSHOT).exists():
            JobFolder(folder).write_snapshot(iter_run_state(settings, job.id))


def _erase_files(paths: Paths, traces: Traces) -> tuple[Path, ...]:
    return tuple(path for path in _files(paths) if _names(path, traces) and _erase_file(paths, path, traces))


def _erase_file(paths: Paths, path: Path, traces: Traces) -> bool:
    """Take the person out of one file; False where it is not ours to change."""
    is_ours = any(path.is_relative_to(folder) for folder in (paths.runs_dir, paths.logs_dir, paths.reports_dir))
    is_export = path in known_exports(paths)
    is_draft = path.name.startswith(".") and path.name.endswith(".tmp")
    if path.name.endswith(_BACKUPS):
        return False
    if path.is_relative_to(paths.graph_dir):  # a bookmark; the store has every fact
        for part in ("", "-wal", "-shm"):
            path.with_name(path.name.removesuffix("-wal").removesuffix("-shm") + part).unlink(missing_ok=True)
    elif path.parent.name in _MAIL_FOLDERS or (is_ours and (is_draft or path.name == SNAPSHOT)):
        path.unlink(missing_ok=True)
    elif is_export and path.suffix in (".json", ".ndjson"):
        return _erase_records(path, traces)
    elif (is_ours or is_export) and path.suffix == ".csv":
        rows = _rows(path.read_text(encoding="utf-8"), traces)
        write_private(path, "".join(csv_line(cells) for cells, is_theirs in rows if not is_theirs))
    elif is_ours:
        write_private(path, traces.without_names(path.read_text(encoding="utf-8", errors="replace")))
    else:
        return False
    return True


def _is_own(paths: Paths, path: Path) -> bool:
    """Whether it is a snapshot, made anew from the store: it names them as owner of a repository at most."""
    return path.name == SNAPSHOT and path.is_relative_to(paths.runs_dir)


def _erase_records(path: Path, traces: Traces) -> bool:
    """Take the person out of exported records; False where somebody has made another file of it."""
    text = path.read_text(encoding="utf-8")
    try:
        records = json.loads(text) if path.suffix == ".json" else [json.loads(line) for line in text.splitlines()]
    except ValueError:
        return False
    kept = (record for record in records if not traces.names(json.dumps(record, ensure_ascii=False)))
    write_private(path, "".join(piece for piece, _ in pieces(kept, (), "json" if path.suffix == ".json" else "ndjson")))
    return True


def _rows(text: str, traces: Traces) -> Iterator[tuple[list[str], bool]]:
    """The rows of a CSV file, and whether each is about the person."""
    login_at = 0
    for n, cells in enumerate(csv.reader(io.StringIO(text, newline=""))):
        if n == 0:
            login_at = next((cells.index(name) for name in ("login", "value") if name in cells), 0)
        login = cells[login_at].lower() if len(cells) > login_at else ""
        yield cells, login in traces.logins or any(traces.names(cell) for cell in cells)


def _names(path: Path, traces: Traces) -> bool:
    """Whether a file names the person: an address anywhere, also encoded in a mail, or a login where one stands."""
    try:
        data = path.read_bytes()
    except OSError:
        return False
    if path.parent.name in _MAIL_FOLDERS or path.suffix == ".eml":
        return traces.has_address(_mail_text(data))
    text = data.decode("utf-8", "replace")
    if path.suffix == ".csv":
        with suppress(csv.Error):  # a file of somebody else's that only has that name
            return any(is_theirs for _, is_theirs in _rows(text, traces))
    return traces.names(text)


def _mail_text(data: bytes) -> str:
    """Headers and body of a mail as a person reads them, and as they are."""
    mail = email.message_from_bytes(data, policy=email.policy.default)
    parts = [data.decode("utf-8", "replace"), *(f"{name}: {value}" for name, value in mail.items())]
    for part in mail.walk():
        body = part.get_payload(decode=True)
        if isinstance(body, bytes):
            parts.append(body.decode("utf-8", "replace"))
    return "\n".join(parts)


def _files(paths: Paths) -> Iterator[Path]:
    """Every file of this home but the store, the key and the settings, and what was exported; not other homes'."""
    spared = {paths.db.with_name(paths.db.name + part) for part in ("", "-wal", "-shm")}
    spared |= {paths.data_dir / SECRET_FILE, paths.config_dir / CONFIG_NAME, paths.credentials_file}
    homes = (*_other_homes(paths), paths.sandbox_dir)
    seen: set[Path] = set()
    for root in (paths.data_dir, paths.runs_dir, paths.state_dir, paths.cache_dir, paths.config_dir):
        for path in sorted(root.rglob("*")):
            if path in seen or path in spared or any(path.is_relative_to(home) for home in homes):
                continue
            seen.add(path)
            if path.is_file() and not path.is_symlink():
                yield path
    yield from (path for path in known_exports(paths) if path not in seen)


def _other_homes(paths: Paths) -> tuple[Path, ...]:
    roots = dict.fromkeys((paths.config_dir, paths.data_dir, paths.state_dir, paths.cache_dir))
    return tuple(root / name for root in roots for name in OTHER_HOMES)
