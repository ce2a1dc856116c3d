from __future__ import annotations

import asyncio
import mailbox
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cmo.domain.outward import Fate, Letter, Receipt, Repeat
from cmo.errors import ProviderUnavailable
from cmo.providers.mail.mime import build_mail
from cmo.providers.maildir.client import SEND, Maildir, file_name
from cmo.providers.ports import Mailer, Meter
from tests.fakes.clock import NOON, StillClock
from tests.providers.mail.letters import letter_of


def maildir_in(folder: Path) -> Maildir:
    return Maildir(folder, inbox="ann@sender.example", clock=StillClock(), meter=Meter())


def write(folder: Path, *letters: Letter) -> tuple[Receipt, ...]:
    return asyncio.run(maildir_in(folder).write("maildir.send", letters))


def look_up(folder: Path, letter: Letter) -> Receipt:
    (receipt,) = asyncio.run(maildir_in(folder).look_up("maildir.send", [letter]))
    return receipt


@contextmanager
def full_disk() -> Iterator[None]:
    """No file may grow past a few bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_letter_becomes_a_file_that_mail_programs_read(tmp_path: Path) -> None:
    letter = letter_of()
    (receipt,) = write(tmp_path / "mail", letter)
    assert (receipt.fate, receipt.effect, receipt.key) == (Fate.CONFIRMED, "created", letter.key)
    (path,) = (tmp_path / "mail" / "new").iterdir()
    assert path.suffix == ".eml"
    assert path.read_bytes() == build_mail(letter)
    (message,) = mailbox.Maildir(tmp_path / "mail", create=False)
    assert message["Subject"] == letter.subject
    assert list((tmp_path / "mail" / "tmp").iterdir()) == []


def test_files_are_for_the_owner_only_and_carry_the_time_of_the_clock(tmp_path: Path) -> None:
    write(tmp_path / "mail", letter_of())
    (path,) = (tmp_path / "mail" / "new").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == stat.S_IMODE(path.parent.parent.stat().st_mode) == 0o700
    assert path.stat().st_mtime == NOON.timestamp()


def test_the_same_letter_twice_is_one_file(tmp_path: Path) -> None:
    write(tmp_path, letter_of())
    (again,) = write(tmp_path, letter_of())
    assert (again.fate, again.effect) == (Fate.CONFIRMED, "noop")
    assert len(list((tmp_path / "new").iterdir())) == 1
    assert SEND.repeat is Repeat.REPEATABLE


def test_what_a_killed_process_left_of_a_letter_is_written_over(tmp_path: Path) -> None:
    write(tmp_path / "mail", letter_of(key="other|email|seq|1"))
    part = tmp_path / "mail" / "tmp" / file_name(letter_of())
    part.write_bytes(build_mail(letter_of())[:40])
    assert look_up(tmp_path / "mail", letter_of()).fate is Fate.ABSENT
    assert write(tmp_path / "mail", letter_of())[0].fate is Fate.CONFIRMED
    assert (tmp_path / "mail" / "new" / part.name).read_bytes() == build_mail(letter_of())
    assert list((tmp_path / "mail" / "tmp").iterdir()) == []


def test_a_link_in_place_of_the_file_is_not_followed(tmp_path: Path) -> None:
    write(tmp_path / "mail", letter_of(key="other|email|seq|1"))
    target = tmp_path / "target"
    (tmp_path / "mail" / "tmp" / file_name(letter_of())).symlink_to(target)
    assert write(tmp_path / "mail", letter_of())[0].fate is Fate.LATER
    assert not target.exists()


def test_a_letter_that_was_read_by_a_mail_program_is_still_found(tmp_path: Path) -> None:
    letter = letter_of()
    write(tmp_path, letter)
    name = file_name(letter)
    (tmp_path / "new" / name).rename(tmp_path / "cur" / f"{name}:2,S")
    assert look_up(tmp_path, letter).fate is Fate.CONFIRMED
    assert write(tmp_path, letter)[0].effect == "noop"
    assert list((tmp_path / "new").iterdir()) == []


def test_a_letter_that_was_never_written_is_absent(tmp_path: Path) -> None:
    write(tmp_path, letter_of())
    assert look_up(tmp_path, letter_of(key="other|email|seq|1")).fate is Fate.ABSENT
    assert look_up(tmp_path / "nowhere", letter_of()).fate is Fate.ABSENT


def test_another_text_under_the_same_message_id_is_held(tmp_path: Path) -> None:
    write(tmp_path, letter_of())
    other = letter_of(body="Something else\n")
    assert write(tmp_path, other)[0].fate is Fate.HELD
    assert look_up(tmp_path, other).fate is Fate.HELD
    assert len(list((tmp_path / "new").iterdir())) == 1


def test_a_full_disk_leaves_nothing_behind_and_says_later(tmp_path: Path) -> None:
    write(tmp_path, letter_of(key="first|email|seq|1"))
    with full_disk():
        (receipt,) = write(tmp_path, letter_of())
    assert (receipt.fate, receipt.code) == (Fate.LATER, "disk_full")
    assert list((tmp_path / "tmp").iterdir()) == []
    assert look_up(tmp_path, letter_of()).fate is Fate.ABSENT


def test_a_folder_that_cannot_be_written_is_told_and_nothing_is_raised(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "mail"
    assert [(receipt.fate, receipt.code) for receipt in write(folder, letter_of())] == [(Fate.LATER, "unwritable")]
    probe = asyncio.run(maildir_in(folder).probe())
    assert (probe.state, bool(probe.fix)) == ("fail", True)
    with pytest.raises(ProviderUnavailable):
        asyncio.run(maildir_in(folder).sequence(None))


def test_what_must_not_leave_is_refused_beside_what_may(tmp_path: Path) -> None:
    forged = letter_of(key="a|email|seq|1", subject="Hi =?utf-8?q?Jane=0d=0aBcc:_a=40evil.example?=")
    foreign = letter_of(key="b|email|seq|1", from_email="eve@other.example")
    receipts = write(tmp_path, forged, foreign, letter_of())
    assert [(receipt.fate, receipt.code) for receipt in receipts] == [
        (Fate.REFUSED, "unsafe_mail"),
        (Fate.REFUSED, "wrong_sender"),
        (Fate.CONFIRMED, ""),
    ]
    assert len(list((tmp_path / "new").iterdir())) == 1


def test_it_is_a_mailer_with_one_inbox(tmp_path: Path) -> None:
    mailer: Mailer = maildir_in(tmp_path)
    sequence = asyncio.run(mailer.sequence(None))
    assert [inbox.address for inbox in sequence.inboxes] == ["ann@sender.example"]
    assert (sequence.state, sequence.problems) == ("sending", ())
    assert asyncio.run(mailer.pause(sequence.id)).is_quiet
    assert asyncio.run(mailer.probe()).state == "ok"
    assert set(mailer.operations) == {"maildir.send"}
