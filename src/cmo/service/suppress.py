"""Who must never be contacted: added, imported, exported, listed; lifted only where an operator added it by hand."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cmo.config import Settings
from cmo.config.installation import opaque_token
from cmo.config.secrets import mask_addresses
from cmo.domain.address import bare_address, comparable_domain
from cmo.domain.audit import AuditEntry
from cmo.domain.base import Frozen
from cmo.domain.company import name_key, organisation
from cmo.domain.csvtext import csv_line
from cmo.domain.suppression import Suppression, SuppressionKind, suppression_value
from cmo.domain.text import clean_line
from cmo.errors import PolicyRefused, ToolInputInvalid
from cmo.paths import write_private
from cmo.service.exported import note_exports, record_export
from cmo.service.store import clock_of, usable_key, writer
from cmo.store.audit import record_audit
from cmo.store.db import Connection, transaction
from cmo.store.persons import Recipient
from cmo.store.suppressions import (
    BY_HAND,
    find_entry,
    find_suppressed,
    iter_entries,
    objected,
    record_suppressions,
    remove_entry,
)

COLUMNS = ("kind", "value", "reason", "source", "added_at")
BAD_COLUMNS = ("row", "column", "reason")
MOST_BYTES = 64 << 20
AT_ONCE = 500
NO_REASON = "no reason given"

_HEADERS = {
    **dict.fromkeys(("email", "mail", "address", "email address", "mail address"), SuppressionKind.EMAIL),
    **dict.fromkeys(("domain", "mail domain"), SuppressionKind.DOMAIN),
    **dict.fromkeys(("login", "github", "github login", "username", "user"), SuppressionKind.LOGIN),
    **dict.fromkeys(("account", "company", "organisation", "organization"), SuppressionKind.ACCOUNT),
}
"""What a column may be called -> what it holds."""


_LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,98}(\[bot\])?")
"""As GitHub spells logins."""


@dataclass(frozen=True)
class Target:
    """Whom a suppression is about, in the form it is stored in."""

    kind: SuppressionKind
    value: str

    def audit_object(self, secret: bytes | None) -> str:
        """What stands for it in the audit log, which names nobody; without the key not even that."""
        group = "person" if self.kind in (SuppressionKind.EMAIL, SuppressionKind.LOGIN) else self.kind.value
        return f"{group}:{opaque_token(secret, self.kind.value, self.value) if secret else 'no-key'}"


class BadRow(Frozen):
    """A row of a file that was not taken."""

    row: int
    """In the file; the header is row 1."""
    column: str
    reason: str


class ImportReport(Frozen):
    """What an import came to."""

    new: int
    known: int
    bad: tuple[BadRow, ...]
    bad_file: Path | None
    """Where the bad rows are named."""


class ExportReport(Frozen):
    """What an export wrote, or would write."""

    rows: int
    text: str
    """The whole of it; empty in a dry run."""
    left_out: int
    """Hashes of the erased: made with this installation's key, they say nothing to another."""


def read_target(text: str, kind: SuppressionKind | None = None) -> Target:
    """Whom `text` names: an address, a domain (`example.com`, `@example.com`), else a login, unless `kind` says.

    Raises:
        ToolInputInvalid: nothing can match it.
    """
    chosen = kind or _guess(text)
    try:
        if chosen is SuppressionKind.ACCOUNT:
            is_domain = comparable_domain(text.strip()) is not None
            return Target(chosen, (organisation(f"anybody@{text}") if is_domain else name_key(text)) or _nothing(text))
        if chosen is SuppressionKind.EMAIL and not _is_address(bare_address(text)):
            raise ValueError(f"{text!r} is not an address")
        if chosen is SuppressionKind.LOGIN and not _LOGIN.fullmatch(text.strip().removeprefix("@")):
            raise ValueError(f"{text!r} is no login")
        return Target(chosen, suppression_value(chosen, text))
    except ValueError as exc:
        raise ToolInputInvalid(
            f"Nobody can be suppressed by this: {exc}.", hint="An address, a domain, a login, or --kind account."
        ) from exc


def token_of(settings: Settings, target: Target) -> str:
    """What stands for `target` in the audit log."""
    with writer(settings) as conn:
        return target.audit_object(usable_key(settings, conn))


def suppress(settings: Settings, target: Target, *, reason: str) -> bool:
    """Never contact `target` again, from now on; False where that was so already."""
    return _record(settings, [(target, clean_line(reason))], source=settings.actor) > 0


def unsuppress(settings: Settings, target: Target, *, reason: str) -> bool:
    """Lift what an operator added by hand; False where there is nothing.

    Raises:
        PolicyRefused: it is an objection, or came from a file: that is never lifted.
    """
    with writer(settings) as conn, transaction(conn):
        entry = find_entry(conn, target.kind, target.value)
        if entry is None:
            return False
        if not entry.source.startswith(BY_HAND) or objected(conn, target.kind, target.value):
            raise PolicyRefused(
                "This stays: only what an operator added by hand can be lifted, never an objection or an import.",
                hint="Their wish counts. If they asked in writing to be contacted again, write to them yourself.",
            )
        remove_entry(conn, entry)
        told = AuditEntry(
            actor=settings.actor,
            action="leads.unsuppress",
            object=target.audit_object(usable_key(settings, conn)),
            before="suppressed",
            detail={"kind": target.kind.value, "reason": mask_addresses(clean_line(reason))},
        )
        record_audit(conn, [told], at=clock_of(settings).now())
    return True


def find_other(settings: Settings, target: Target) -> Suppression | None:
    """Why whoever `target` names must not be contacted, under any name of theirs; None where nothing forbids it."""
    if target.kind not in (SuppressionKind.EMAIL, SuppressionKind.LOGIN):
        return None
    is_login = target.kind is SuppressionKind.LOGIN
    who = Recipient("", login=target.value) if is_login else Recipient(target.value)
    with writer(settings) as conn:
        return find_suppressed(conn, {0: who}, secret=usable_key(settings, conn)).get(0)


def list_suppressed(settings: Settings) -> list[Suppression]:
    """Every entry, newest first; the erased as hashes."""
    with writer(settings) as conn:
        return list(iter_entries(conn))


def import_suppressed(settings: Settings, path: Path, *, reason: str = "", dry_run: bool = False) -> ImportReport:
    """Take every good row of a CSV file; nothing is ever lifted by it.

    The header names columns: email, domain, login, account (several of them: each counts), or kind and value; also
    reason. Bad rows are named in `<file>.bad.csv` next to it.

    Raises:
        ToolInputInvalid: the file cannot be read, or no column says whom it is about.
    """
    targets: list[tuple[Target, str]] = []
    bad: list[BadRow] = []
    for row in _rows(path):
        if isinstance(row, BadRow):
            bad.append(row)
        else:
            targets.append(row)
    new = 0
    for start in range(0, len(targets), AT_ONCE):
        named = [(target, words or clean_line(reason)) for target, words in targets[start : start + AT_ONCE]]
        new += _record(settings, named, source=f"import:{clean_line(path.name)}", dry_run=dry_run)
    bad_file = path.with_name(f"{path.name}.bad.csv") if bad and not dry_run else None
    if bad_file is not None:
        write_private(bad_file, csv_line(BAD_COLUMNS) + "".join(csv_line(dict(row).values()) for row in bad))
    return ImportReport(new=new, known=len(targets) - new, bad=tuple(bad), bad_file=bad_file)


def export_suppressed(settings: Settings, path: Path | None, *, dry_run: bool = False) -> ExportReport:
    """Write all entries but the hashes of the erased, which only this key can make, for the owner only; the export
    goes on the record, a dry run too.

    Args:
        path: None: the caller writes the text.
    Raises:
        OutputUnwritable
    """
    entries = list_suppressed(settings)
    kept = [entry for entry in entries if entry.kind is not SuppressionKind.HASH]
    lines = (csv_line([entry.kind, entry.value, entry.reason, entry.source, entry.added_at]) for entry in kept)
    text = "" if dry_run else "".join([csv_line(COLUMNS), *lines])
    if path is not None and not dry_run:
        note_exports(settings.paths, [path])
        write_private(path, text)
    record_export(settings, "suppressions", {path.name if path else "-": len(kept)}, detail={}, is_dry=dry_run)
    return ExportReport(rows=len(kept), text=text, left_out=len(entries) - len(kept))


def _guess(text: str) -> SuppressionKind:
    trimmed = text.strip()
    if "@" in trimmed.lstrip("@"):
        return SuppressionKind.EMAIL
    return SuppressionKind.DOMAIN if "." in trimmed else SuppressionKind.LOGIN


def _is_address(text: str) -> bool:
    """Wider than what mail is sent to: whatever somebody may have been written to at."""
    local, _, domain = text.rpartition("@")
    return bool(local) and not any(c.isspace() for c in text) and comparable_domain(domain.rstrip(".")) is not None


def _nothing(text: str) -> str:
    raise ValueError(f"{text!r} names no company")


def _record(settings: Settings, named: Sequence[tuple[Target, str]], *, source: str, dry_run: bool = False) -> int:
    """Keep (whom, why) pairs in one transaction, with an audit row for each that is new; how many were."""
    at = clock_of(settings).now()
    with writer(settings) as conn:
        secret = usable_key(settings, conn)
        if dry_run:
            return sum(find_entry(conn, target.kind, target.value) is None for target, _ in set(named))
        return _record_within(conn, settings.actor, secret, named, source, at)


def _record_within(
    conn: Connection, actor: str, secret: bytes | None, named: Sequence[tuple[Target, str]], source: str, at: datetime
) -> int:
    new = []
    with transaction(conn):
        for target, reason in named:
            words = reason or NO_REASON
            entry = Suppression(kind=target.kind, value=target.value, reason=words, source=source, added_at=at)
            if record_suppressions(conn, [entry]):
                detail = {"kind": target.kind.value, "reason": mask_addresses(words)}
                new.append(
                    AuditEntry(
                        actor=actor,
                        action="leads.suppress",
                        object=target.audit_object(secret),
                        after="suppressed",
                        detail=detail,
                    )
                )
        record_audit(conn, new, at=at)
    return len(new)


def _rows(path: Path) -> Iterator[tuple[Target, str] | BadRow]:
    """What each row of the file names, and what is wrong with those that name nobody."""
    text = _text(path)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    try:
        header = [
            clean_line(cell).lower().replace("-", " ").replace("_", " ").replace("e mail", "email")
            for cell in next(reader, [])
        ]
        known = {n: _HEADERS[cell] for n, cell in enumerate(header) if cell in _HEADERS}
        pair = (header.index("kind"), header.index("value")) if {"kind", "value"} <= set(header) else None
        if not known and pair is None:
            raise ToolInputInvalid(
                f"{path.name}, row 1: no column says whom it is about.",
                hint="Name one email, domain, login or account; or two, kind and value.",
                details={"file": path.name, "line": 1},
            )
        why = header.index("reason") if "reason" in header else None
        for number, cells in enumerate(reader, start=2):
            if any(cell.strip() for cell in cells):
                yield from _row(number, cells, header, known, pair, why)
    except csv.Error as exc:
        yield BadRow(row=reader.line_num, column="", reason=f"no CSV from here on: {exc}")


def _row(
    number: int,
    cells: list[str],
    header: list[str],
    known: dict[int, SuppressionKind],
    pair: tuple[int, int] | None,
    why: int | None,
) -> Iterator[tuple[Target, str] | BadRow]:
    reason = clean_line(_cell(cells, why)) if why is not None else ""
    named = [(header[n], kind.value, _cell(cells, n)) for n, kind in known.items()]
    if pair is not None:
        named.append(("value", _cell(cells, pair[0]).strip().lower(), _cell(cells, pair[1])))
    filled = [(column, kind, text) for column, kind, text in named if text.strip()]
    if not filled:
        yield BadRow(row=number, column=", ".join(column for column, _, _ in named), reason="empty")
    for column, kind, text in filled:
        if kind not in ("email", "domain", "login", "account"):
            yield BadRow(row=number, column="kind", reason="must be email, domain, login or account")
            continue
        try:
            yield read_target(text, SuppressionKind(kind)), reason
        except ToolInputInvalid:
            yield BadRow(row=number, column=column, reason=f"is no {kind}")


def _cell(cells: list[str], n: int | None) -> str:
    """The cell, without the apostrophe that keeps spreadsheets from running it."""
    text = cells[n] if n is not None and n < len(cells) else ""
    return text[1:] if text[:1] == "'" and text[1:2] in ("=", "+", "-", "@") else text


def _delimiter(text: str) -> str:
    first = text.partition("\n")[0]
    return max(",;\t", key=first.count)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as exc:
        raise ToolInputInvalid(f"Cannot read {path}: {exc.strerror or exc}.", hint="Name a CSV file.") from exc
    if len(data) > MOST_BYTES:
        raise ToolInputInvalid(f"{path} is over {MOST_BYTES >> 20} MB.", hint="Split it.")
    try:
        return data.decode("utf-8-sig").replace("\0", "")
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        raise ToolInputInvalid(f"{path}, row {line} is not UTF-8.", hint="Save it as UTF-8 (CSV UTF-8).") from exc
