"""What stops sending: the kill switch, pauses, holds on people and companies, circuit breakers.

The kill switch is a file beside the store as well, for when the store cannot be written; either of them stops.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from cmo.domain.audit import AuditEntry
from cmo.domain.base import Frozen
from cmo.paths import write_private
from cmo.store.audit import record_audit
from cmo.store.db import Connection, transaction, translated

KILL = "kill"
LIFTED = "kill.lifted"
"""A row of this name takes no notice of the file: for rehearsals, which roll it back."""
SENDING = "sending"
"""Pauses every job's sending; `sending:JOB` one job's."""

BREAKS_AFTER = 5
"""Failures of a provider in a row that open its breaker."""
OPEN_S, OPEN_MOST_S = 60.0, 900.0
LONGEST_PAUSE = timedelta(days=1)
"""How far a pause may grow when the first call after it fails again and again."""


class Switch(Frozen):
    """Something that is switched on."""

    name: str
    by: str
    at: datetime
    reason: str
    until: datetime | None = None

    def is_over(self, now: datetime) -> bool:
        """Whether it was to last until a time that has come."""
        return self.until is not None and self.until <= now


def switch_on(
    conn: Connection, name: str, *, by: str, at: datetime, reason: str, until: datetime | None = None, action: str
) -> None:
    """Switch on, durably when it returns; a switch that is on gets the newer reason.

    Args:
        action: The audit's name for it, e.g. `kill.on`.
    """
    with transaction(conn):
        write_switch(conn, name, by=by, at=at, reason=reason, until=until, action=action)


def write_switch(
    conn: Connection, name: str, *, by: str, at: datetime, reason: str, until: datetime | None = None, action: str
) -> None:
    """The same, inside the caller's transaction."""
    conn.execute(
        "INSERT INTO switches (name, is_on, by_whom, at, reason, until) VALUES (?, 1, ?, ?, ?, ?) ON CONFLICT (name)"
        " DO UPDATE SET is_on = 1, by_whom = excluded.by_whom, at = excluded.at, reason = excluded.reason,"
        " until = excluded.until",
        (name, by, at.isoformat(), reason, until.isoformat() if until else None),
    )
    detail = {"reason": reason, **({"until": until.isoformat()} if until else {})}
    record_audit(conn, [AuditEntry(actor=by, action=action, object=f"switch:{name}", after="on", detail=detail)], at=at)


def switch_off(conn: Connection, name: str, *, by: str, at: datetime, reason: str, action: str) -> bool:
    """Switch off; False where it was off."""
    with transaction(conn):
        changed = conn.execute("UPDATE switches SET is_on = 0 WHERE name = ? AND is_on = 1", (name,)).rowcount > 0
        if changed:
            entry = AuditEntry(
                actor=by, action=action, object=f"switch:{name}", before="on", after="off", detail={"reason": reason}
            )
            record_audit(conn, [entry], at=at)
    return changed


def pause_inbox_of(conn: Connection, row_id: int, *, reason: str, at: datetime) -> None:
    """Nothing leaves any more from the inbox that this row of the outbox left from. Inside the caller's transaction."""
    paused = conn.execute(
        "UPDATE inboxes SET paused_reason = ? WHERE address = (SELECT inbox FROM outbox WHERE id = ?)", (reason, row_id)
    )
    if paused.rowcount:
        entry = AuditEntry(
            actor="system", action="inbox.pause", object=f"outbox:{row_id}", after="paused", detail={"reason": reason}
        )
        record_audit(conn, [entry], at=at)


def resume_inboxes(conn: Connection, *, by: str, at: datetime) -> None:
    """Let mail leave again from every inbox that was paused."""
    with transaction(conn):
        if conn.execute("UPDATE inboxes SET paused_reason = NULL WHERE paused_reason IS NOT NULL").rowcount:
            entry = AuditEntry(actor=by, action="inbox.resume", object="inboxes", before="paused", after="open")
            record_audit(conn, [entry], at=at)


def find_switch(conn: Connection, name: str, *, now: datetime) -> Switch | None:
    """The switch where it is on and its time is not over; the kill switch also by its file."""
    found = _read_switch(conn, name)
    if found is None and name == KILL:
        found = _flag_beside(conn)
    return None if found is None or found.is_over(now) else found


def raise_flag(db: Path, switch: Switch) -> None:
    """Put the kill switch beside the store, durably when it returns; the file that is there stays.

    Raises:
        OutputUnwritable
    """
    path = flag_path(db)
    if not path.is_file():
        write_private(path, switch.model_dump_json())


def find_flag(db: Path) -> Switch | None:
    """The kill switch beside the store; whatever stands in the file, it is on."""
    path = flag_path(db)
    try:
        return Switch.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValidationError, UnicodeDecodeError):
        return Switch(name=KILL, by="unknown", at=datetime.fromtimestamp(0, UTC), reason=f"{path} is there")


def flag_path(db: Path) -> Path:
    """Where the kill switch is as a file."""
    return db.with_name(f"{db.name}.kill")


def release_kill(conn: Connection, *, by: str, at: datetime, reason: str) -> bool:
    """Take the kill switch back, in the store and beside it; False where it was off.

    Raises:
        OutputUnwritable: the file cannot be removed, so it is still on.
    """
    db = _file_of(conn)
    flag = find_flag(db)
    if flag is not None and _read_switch(conn, KILL) is None:  # it could not be put on the record when it was thrown
        switch_on(conn, KILL, by=flag.by, at=flag.at, reason=flag.reason, action="kill.on")
    changed = switch_off(conn, KILL, by=by, at=at, reason=reason, action="kill.release")
    with translated(flag_path(db)):
        flag_path(db).unlink(missing_ok=True)
    return changed


def lift_flag(conn: Connection) -> None:
    """Take no notice of the file until the transaction is rolled back."""
    conn.execute("INSERT INTO switches (name, is_on, by_whom, at, reason) VALUES (?, 1, '', '', '')", (LIFTED,))


def _flag_beside(conn: Connection) -> Switch | None:
    if conn.execute("SELECT 1 FROM switches WHERE name = ?", (LIFTED,)).fetchone():
        return None
    return find_flag(_file_of(conn))


def _file_of(conn: Connection) -> Path:
    return Path(conn.execute("PRAGMA database_list").fetchone()["file"])


def _read_switch(conn: Connection, name: str) -> Switch | None:
    """The switch where it is on, whether or not its time is over."""
    row = conn.execute("SELECT * FROM switches WHERE name = ? AND is_on = 1", (name,)).fetchone()
    if row is None:
        return None
    until = datetime.fromisoformat(row["until"]) if row["until"] else None
    return Switch(name=name, by=row["by_whom"], at=datetime.fromisoformat(row["at"]), reason=row["reason"], until=until)


def ended_pauses(conn: Connection, job_id: str, *, now: datetime) -> list[Switch]:
    """Pauses of the job's sending whose time is over, and after which no call has worked yet."""
    found = (_read_switch(conn, name) for name in (SENDING, f"{SENDING}:{job_id}"))
    return [pause for pause in found if pause is not None and pause.is_over(now)]


def end_trial(conn: Connection, job_id: str, *, worked: bool, now: datetime) -> datetime | None:
    """What the first call after a timed pause means: sending goes on, or pauses again for twice as long.

    Runs inside the caller's transaction.

    Returns:
        Until when it is paused again; None where nothing was on trial, or the call worked.
    """
    again = None
    for pause in ended_pauses(conn, job_id, now=now):
        if worked:
            conn.execute("UPDATE switches SET is_on = 0 WHERE name = ?", (pause.name,))
            entry = AuditEntry(
                actor="system", action="sending.resume", object=f"switch:{pause.name}", before="on", after="off"
            )
            record_audit(conn, [entry], at=now)
        elif pause.until is not None:
            again = now + min(LONGEST_PAUSE, 2 * (pause.until - pause.at))
            write_switch(
                conn, pause.name, by="system", at=now, reason=pause.reason, until=again, action="sending.pause"
            )
    return again


HoldKind = Literal["person", "login", "account"]


def hold(conn: Connection, kind: HoldKind, value: str, *, reason: str, source: str, at: datetime) -> None:
    """Nothing leaves to this person (an `email_key`, or a login in lower case) or company (a `company_key`) until it is
    lifted."""
    conn.execute(
        "INSERT INTO holds (kind, value, reason, source, at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (kind, value)"
        " DO UPDATE SET reason = excluded.reason, source = excluded.source",
        (kind, value, reason, source, at.isoformat()),
    )


def breaker_open_until(conn: Connection, provider: str) -> tuple[float, str]:
    """Seconds since the epoch until which nothing is sent to `provider`, and why; 0 where its breaker is closed."""
    row = conn.execute("SELECT open_until_s, reason FROM breakers WHERE provider = ?", (provider,)).fetchone()
    return (row["open_until_s"], row["reason"]) if row else (0.0, "")


def note_outcome(conn: Connection, provider: str, *, worked: bool, now_s: float, reason: str = "") -> None:
    """Count a call's end for the provider's breaker. Runs inside the caller's transaction.

    `BREAKS_AFTER` failures in a row open it for a minute; each further one doubles the time, up to a quarter of an
    hour. One call that works closes it.
    """
    if worked:
        conn.execute("DELETE FROM breakers WHERE provider = ?", (provider,))
        return
    row = conn.execute("SELECT failures FROM breakers WHERE provider = ?", (provider,)).fetchone()
    failures = (row["failures"] if row else 0) + 1
    beyond = failures - BREAKS_AFTER
    until = now_s + min(OPEN_MOST_S, OPEN_S * 2.0**beyond) if beyond >= 0 else 0.0
    conn.execute(
        "INSERT INTO breakers (provider, failures, open_until_s, reason) VALUES (?, ?, ?, ?) ON CONFLICT (provider)"
        " DO UPDATE SET failures = excluded.failures, open_until_s = excluded.open_until_s, reason = excluded.reason",
        (provider, failures, until, reason),
    )
