"""The `Mailer` port over a Maildir: one `.eml` file a letter, which mail programs open.

Source: https://cr.yp.to/proto/maildir.html (write into tmp/, sync, then rename into new/; readers move to cur/ and
append `:2,flags`).
"""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, TracebackType

from cmo.clock import Clock
from cmo.domain.outward import Fate, Inbox, Letter, Operation, PauseReport, Probe, Receipt, Repeat
from cmo.domain.outward import Sequence as MailSequence
from cmo.errors import ProviderUnavailable
from cmo.providers.mail.mailbox import as_sequence, pause_report, prepare
from cmo.providers.ports import Meter

SEND = Operation(
    name="maildir.send",
    repeat=Repeat.REPEATABLE,
    known_by="the file's name, which follows from the Message-ID and the date of the letter",
    batch=50,
    timeout_s=30.0,
    margin_s=0.0,
    source="https://cr.yp.to/proto/maildir.html",
)
OPERATIONS = (SEND,)

_PARTS = ("tmp", "new", "cur")
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Maildir:
    """Writes letters into `folder`, which is made when it is first written to; files are for the owner only."""

    def __init__(self, folder: Path, *, inbox: str, clock: Clock, meter: Meter) -> None:
        """
        Args:
            inbox: The address that letters are from.
            clock: Gives a file its time, which mail programs show as the time of arrival.
        """
        self._folder = folder
        self._inbox = Inbox(address=inbox, provider="maildir", is_warm=True)
        self._clock = clock
        self._meter = meter

    async def __aenter__(self) -> Maildir:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is held open."""

    @property
    def operations(self) -> Mapping[str, Operation]:
        return MappingProxyType({operation.name: operation for operation in OPERATIONS})

    async def write(self, operation: str, items: Sequence[Letter]) -> tuple[Receipt, ...]:
        """A file for each letter; a letter that is there already stays as it is and is confirmed."""
        return tuple(self._write(letter) for letter in items)

    async def look_up(self, operation: str, items: Sequence[Letter]) -> tuple[Receipt, ...]:
        """Whether each letter is in new/ or, once read by a mail program, in cur/."""
        return tuple(self._look_up(letter) for letter in items)

    async def probe(self) -> Probe:
        try:
            self._make_folders()
            with tempfile.TemporaryFile(dir=self._folder / "tmp"):
                pass
        except OSError as exc:
            fix = "Choose another folder, or give yourself the right to write into it."
            detail = f"The mail folder cannot be written to: {_words(exc)}."
            return Probe(provider="maildir", state="fail", detail=detail, fix=fix)
        detail = "Mail is written to files on this machine; nothing is sent."
        return Probe(provider="maildir", state="ok", detail=detail)

    async def sequence(self, sequence_id: str | None) -> MailSequence:
        try:
            self._make_folders()
        except OSError as exc:
            raise ProviderUnavailable(
                f"maildir: the mail folder cannot be written to: {_words(exc)}",
                provider="maildir",
                operation="sequence",
                details={"connected": False},
            ) from exc
        return as_sequence(self._inbox)

    async def pause(self, sequence_id: str) -> PauseReport:
        return pause_report("maildir", sequence_id)

    def _write(self, letter: Letter) -> Receipt:
        mail = prepare(letter, inbox=self._inbox.address)
        if isinstance(mail, Receipt):
            return mail
        name = file_name(letter)
        try:
            found = self._find(name)
            if found is not None:
                return _compared(letter, found, mail)
            self._make_folders()
            self._put(name, mail)
        except OSError as exc:
            return _failed(letter, Fate.LATER, exc)
        try:
            _sync_folder(self._folder / "new")
        except OSError as exc:
            return _failed(letter, Fate.UNKNOWN, exc)
        self._meter.add("maildir_mails")
        return Receipt(key=letter.key, fate=Fate.CONFIRMED, effect="created", provider_id=name)

    def _look_up(self, letter: Letter) -> Receipt:
        mail = prepare(letter, inbox=self._inbox.address)
        try:
            found = self._find(file_name(letter))
            if found is None:
                return Receipt(key=letter.key, fate=Fate.ABSENT)
            return _compared(letter, found, mail if isinstance(mail, bytes) else b"")
        except OSError as exc:
            return _failed(letter, Fate.UNKNOWN, exc)

    def _make_folders(self) -> None:
        if all((self._folder / name).is_dir() for name in _PARTS):
            return
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in _PARTS:
            (self._folder / name).mkdir(mode=0o700, exist_ok=True)
        _sync_folder(self._folder)
        _sync_folder(self._folder.parent)

    def _find(self, name: str) -> Path | None:
        """The file, wherever a mail program has put it."""
        fresh = self._folder / "new" / name
        if fresh.exists():
            return fresh
        return next((path for path in self._folder.glob(f"cur/{name}*") if path.name.partition(":")[0] == name), None)

    def _put(self, name: str, mail: bytes) -> None:
        """Write and sync the file, then move it into new/ in one step. What a killed process left of it in tmp/ is
        written over."""
        part = self._folder / "tmp" / name
        try:
            with open(part, "wb", opener=_for_owner) as file:
                file.write(mail)
                file.flush()
                os.fsync(file.fileno())
            seconds = self._clock.now().timestamp()
            os.utime(part, (seconds, seconds))
            part.replace(self._folder / "new" / name)
        except OSError:
            part.unlink(missing_ok=True)
            raise


def file_name(letter: Letter) -> str:
    """The same for the same letter; sorts by date, as Maildir names do."""
    digest = hashlib.sha256(letter.message_id.encode()).hexdigest()[:24]
    return f"{letter.written_at.timestamp():.0f}.{digest}.eml"


def _for_owner(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


def _compared(letter: Letter, found: Path, mail: bytes) -> Receipt:
    if found.read_bytes() == mail:
        _sync_folder(found.parent)  # whoever put it there may have been killed before doing so
        return Receipt(key=letter.key, fate=Fate.CONFIRMED, effect="noop", provider_id=file_name(letter))
    reason = "another mail is there under this letter's Message-ID"
    return Receipt(key=letter.key, fate=Fate.HELD, effect="ambiguous", code="duplicate", reason=reason)


def _failed(letter: Letter, fate: Fate, exc: OSError) -> Receipt:
    code = "disk_full" if exc.errno in _FULL else "unwritable"
    return Receipt(key=letter.key, fate=fate, code=code, reason=f"the mail folder: {_words(exc)}")


def _words(exc: OSError) -> str:
    return (exc.strerror or type(exc).__name__).lower()


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
