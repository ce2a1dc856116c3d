from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest

from cmo.errors import OutputUnwritable, SchemaTooNew, StoreBusy, StoreDamaged
from cmo.store.db import open_reader, open_store, transaction, translated
from cmo.store.migrations import MIGRATIONS, schema_version
from tests.fakes.disk import no_room


def test_a_new_store_is_private_and_in_wal_mode(tmp_path: Path) -> None:
    path = tmp_path / "home" / "campaign.db"
    conn = open_store(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert conn.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert conn.execute("PRAGMA synchronous").fetchone()[0] == 2
    conn.close()


def test_migrations_run_once_in_order(tmp_path: Path) -> None:
    for _ in range(2):
        conn = open_store(tmp_path / "campaign.db")
        numbers = [row["number"] for row in conn.execute("SELECT number FROM schema_steps ORDER BY number")]
        assert numbers == list(range(1, len(MIGRATIONS) + 1))
        assert schema_version(conn) == len(MIGRATIONS)
        conn.close()


@pytest.mark.parametrize("opener", [open_store, open_reader])
def test_a_store_of_a_newer_cmo_is_refused(tmp_path: Path, opener: object) -> None:
    conn = open_store(tmp_path / "campaign.db")
    conn.execute("INSERT INTO schema_steps VALUES (99, 'm099_future', 'later')")
    conn.close()
    assert callable(opener)
    with pytest.raises(SchemaTooNew, match="schema 99"):
        opener(tmp_path / "campaign.db")


def test_a_file_that_is_no_database_is_called_damaged(tmp_path: Path) -> None:
    path = tmp_path / "campaign.db"
    path.write_bytes(b"this is not a database, not at all" * 100)
    with pytest.raises(StoreDamaged, match="damaged"):
        open_store(path)
    assert path.read_bytes().startswith(b"this is not")


def test_a_store_held_by_another_writer_is_called_busy(tmp_path: Path) -> None:
    first, second = open_store(tmp_path / "campaign.db"), open_store(tmp_path / "campaign.db")
    second.execute("PRAGMA busy_timeout=10")
    with transaction(first), pytest.raises(StoreBusy, match="another process"), transaction(second):
        pass
    first.close()
    second.close()


def test_an_error_inside_a_transaction_undoes_it(tmp_path: Path) -> None:
    conn = open_store(tmp_path / "campaign.db")

    def write_and_fail() -> None:
        with transaction(conn):
            conn.execute("INSERT INTO suppressions VALUES ('login', 'x', '', '', '')")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_and_fail()
    assert conn.execute("SELECT COUNT(*) FROM suppressions").fetchone()[0] == 0
    conn.close()


def test_a_reader_cannot_write_and_there_is_none_without_a_store(tmp_path: Path) -> None:
    assert open_reader(tmp_path / "none.db") is None
    open_store(tmp_path / "campaign.db").close()
    reader = open_reader(tmp_path / "campaign.db")
    assert reader is not None
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("DELETE FROM jobs")
    reader.close()


def test_a_folder_in_the_way_of_the_store_is_named(tmp_path: Path) -> None:
    (tmp_path / "campaign.db").mkdir()
    with pytest.raises(OutputUnwritable, match=r"campaign\.db"):
        open_store(tmp_path / "campaign.db")


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("database or disk is full", OutputUnwritable),
        ("attempt to write a readonly database", OutputUnwritable),
        ("disk I/O error", StoreDamaged),
        ("database is locked", StoreBusy),
    ],
)
def test_what_sqlite_says_becomes_an_error_with_a_way_out(said: str, kind: type[Exception]) -> None:
    with pytest.raises(kind) as caught, translated():
        raise sqlite3.OperationalError(said)
    assert getattr(caught.value, "hint", "")


def test_a_log_that_cannot_grow_is_a_full_disk_and_no_damage_and_room_lets_it_go_on(tmp_path: Path) -> None:
    conn = open_store(tmp_path / "campaign.db")

    def write() -> None:
        with transaction(conn):
            conn.execute("INSERT INTO suppressions VALUES ('login', ?, '', '', '')", ("x" * 5_000,))

    with no_room(tmp_path / "campaign.db"), pytest.raises(OutputUnwritable, match="full") as caught:
        write()
    assert "cmo send" in caught.value.hint
    write()
    assert conn.execute("SELECT COUNT(*) FROM suppressions").fetchone()[0] == 1
    conn.close()
