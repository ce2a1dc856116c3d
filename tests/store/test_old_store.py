"""A store that an older cmo wrote."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from cmo.store.db import open_reader
from cmo.store.migrations import MIGRATIONS, m001_initial, schema_version


def test_a_reader_brings_an_older_store_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "campaign.db"
    with closing(sqlite3.connect(path)) as old:
        m001_initial(old)
        old.execute("CREATE TABLE schema_steps (number INTEGER PRIMARY KEY, name TEXT, at TEXT)")
        old.execute("INSERT INTO schema_steps VALUES (1, 'm001_initial', '')")
        old.commit()

    conn = open_reader(path)

    assert conn is not None
    with closing(conn):
        assert schema_version(conn) == len(MIGRATIONS)
        assert conn.execute("SELECT COUNT(*) FROM drafts").fetchone()[0] == 0
