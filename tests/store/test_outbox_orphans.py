from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from cmo.domain.outward import Operation, Repeat
from cmo.store.db import open_store
from cmo.store.doubt import find_orphans
from tests.fakes.jobs import new_job
from tests.fakes.ledger import ledger_row
from tests.fakes.outside import NOW

MAIL = Operation(
    name="maildir.send", repeat=Repeat.REPEATABLE, known_by="its name", batch=50, timeout_s=30.0, source="maildir(5)"
)  # fmt: skip


def test_only_orphans_of_the_operations_at_hand_are_marked(tmp_path: Path) -> None:
    conn = open_store(tmp_path / "campaign.db")
    job_id = new_job(conn).id
    mail, note = (
        ledger_row(conn, job_id, f"ana@{name}.example", operation=name, state="claimed", holder="elsewhere:1")
        for name in ("maildir.send", "attio.note")
    )
    assert find_orphans(conn, {MAIL.name: MAIL}, now=NOW + timedelta(hours=2)) == 1
    found = {row["id"]: (row["state"], row["is_held"]) for row in conn.execute("SELECT * FROM outbox")}
    assert found == {mail: ("unknown", 0), note: ("claimed", 0)}
    conn.close()
