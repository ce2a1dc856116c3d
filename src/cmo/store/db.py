"""Opening the store, and transactions.

WAL with `synchronous=FULL`; every write is `BEGIN IMMEDIATE` (a deferred read-then-write fails with
SQLITE_BUSY_SNAPSHOT whatever the busy time-out); readers are in autocommit, so no read holds the WAL back. One
connection per thread.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

from cmo.errors import OutputUnwritable, StoreBusy, StoreDamaged, StoreError
from cmo.store.migrations import MIGRATIONS, migrate, require_known_schema, schema_version

BUSY_TIMEOUT_S = 10.0
SAFE_SQLITE = (3, 51, 3)
"""The first release without the WAL-reset race (https://www.sqlite.org/changes.html)."""
_WRITE_FAILED = frozenset(
    f"SQLITE_IOERR_{what}" for what in ("WRITE", "FSYNC", "DIR_FSYNC", "TRUNCATE", "SHMSIZE", "SHMMAP", "SHMOPEN")
)
"""What SQLite calls a disk I/O error and says of a quota that is used up, too: nothing is damaged by it."""
_FREE_SPACE = "Free some space, then go on: `cmo resume` for a job, `cmo send` for mail."

Connection = sqlite3.Connection


def open_store(path: Path) -> Connection:
    """A connection for reading and writing; makes the file, migrates it, and closes it to others (0600).

    Raises:
        SchemaTooNew, MigrationFailed, StoreBusy, StoreDamaged, OutputUnwritable.
    """
    with translated(path):
        _ensure_private(path)
        conn = _connect(path)
        try:
            conn.execute("PRAGMA journal_mode=WAL")
            conn.execute("PRAGMA synchronous=FULL")
            conn.execute("PRAGMA foreign_keys=ON")
            conn.execute("PRAGMA journal_size_limit=67108864")
            migrate(conn)
        except BaseException:
            conn.close()
            raise
        return conn


def open_reader(path: Path, *, patience_s: float = BUSY_TIMEOUT_S) -> Connection | None:
    """A connection that cannot write, or None where there is no store yet. A store of an older cmo is brought up to
    date first.

    Args:
        patience_s: How long a query waits for another process that holds the store.
    """
    if not path.exists():
        return None
    with translated(path):
        conn = _connect(path, patience_s=patience_s)
        try:
            require_known_schema(conn)
            if schema_version(conn) == 0:
                conn.close()
                return None
            if schema_version(conn) < len(MIGRATIONS):
                migrate(conn)
            conn.execute("PRAGMA query_only=ON")
        except BaseException:
            conn.close()
            raise
        return conn


def open_as_it_is(path: Path) -> Connection | None:
    """A connection for reading a store that cannot be written, not even its log; None where it cannot be read either.

    Where nothing beside it can be written, what stands only in the log is not seen.
    """
    for how in ("mode=ro", "mode=ro&immutable=1"):
        with suppress(sqlite3.Error), ExitStack() as opened:
            conn = opened.enter_context(closing(_connect(f"{path.absolute().as_uri()}?{how}")))
            if schema_version(conn) == len(MIGRATIONS):
                opened.pop_all()
                return conn
    return None


@contextmanager
def transaction(conn: Connection) -> Iterator[None]:
    """One short write: `BEGIN IMMEDIATE`, then commit, or roll back on any error. Never await inside."""
    with translated():
        conn.execute("BEGIN IMMEDIATE")
        try:
            yield
            conn.commit()
        except BaseException:
            conn.rollback()
            raise


@contextmanager
def translated(path: Path | None = None) -> Iterator[None]:
    """Turn what SQLite and the file system say into errors with a way out."""
    name = f"`{path}`" if path else "the store"
    try:
        yield
    except sqlite3.OperationalError as exc:
        raise _operational(exc, name) from exc
    except sqlite3.DatabaseError as exc:
        if isinstance(exc, sqlite3.IntegrityError | sqlite3.ProgrammingError):
            raise
        raise StoreDamaged(
            f"{name} is damaged: {exc}.",
            hint="Keep a copy of the file, then restore a backup or start anew with another CMO_HOME.",
        ) from exc
    except PermissionError as exc:
        raise OutputUnwritable(f"{name} cannot be written: no permission.", hint="Check the folder's owner.") from exc
    except OSError as exc:
        why = exc.strerror or str(exc)
        raise OutputUnwritable(f"{name} cannot be written: {why}.", hint="Free some disk space.") from exc


def _operational(exc: sqlite3.OperationalError, name: str) -> Exception:
    text = str(exc)
    if "locked" in text or "busy" in text:
        return StoreBusy(f"{name} is held by another process.", hint="Try again; `cmo jobs list` shows who runs what.")
    if "full" in text:
        return OutputUnwritable(f"{name} cannot grow: the disk is full.", hint=_FREE_SPACE)
    if getattr(exc, "sqlite_errorname", "") in _WRITE_FAILED:
        return OutputUnwritable(
            f"{name} cannot be written: the disk is full, over its quota, or failing.", hint=_FREE_SPACE
        )
    if "readonly" in text or "unable to open" in text:
        return OutputUnwritable(f"{name} cannot be written: {text}.", hint="Check the folder's owner and mode.")
    if "disk I/O" in text or "malformed" in text:
        return StoreDamaged(f"{name} cannot be read: {text}.", hint="Check the disk, then restore a backup.")
    return StoreError(f"{name}: {text}.", hint="Run `cmo doctor`.")


def _ensure_private(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        for part in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
            if part.exists() and part.stat().st_mode & 0o077:
                part.chmod(0o600)


def _connect(place: Path | str, *, patience_s: float = BUSY_TIMEOUT_S) -> Connection:
    conn = sqlite3.connect(place, timeout=patience_s, isolation_level=None, uri=isinstance(place, str))
    conn.row_factory = sqlite3.Row
    conn.create_function("erased_hash", 2, lambda kind, value: None)  # until `recognise_erased` gives it the key
    return conn
