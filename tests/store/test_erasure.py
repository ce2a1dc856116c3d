from __future__ import annotations

from pathlib import Path

import pytest

from cmo.domain import event as ev
from cmo.domain.lead import Email, EmailClass
from cmo.store.commit import commit
from cmo.store.db import Connection, transaction
from cmo.store.erasure import erase, find_person
from tests.fakes.drafts import store_with_drafts
from tests.fakes.ledger import ledger_row
from tests.fakes.outside import NOW

SECRET = b"k" * 32


@pytest.fixture
def store(tmp_path: Path) -> tuple[Connection, str]:
    return store_with_drafts(tmp_path / "campaign.db")


def found(conn: Connection, job: str, login: str, email: str) -> None:
    address = Email(email=email, email_class=EmailClass.COMMIT, source_url=f"https://github.com/{login}", seen_at=NOW)
    commit(conn, job, [(f"found/{login}/{email}", ev.EmailFound(login=login, email=address))], at=NOW, epoch=None)


def test_a_person_is_everything_their_login_is_known_by(store: tuple[Connection, str]) -> None:
    conn, job = store
    found(conn, job, "Maint1", "Ana@Home.example")

    person = find_person(conn, "MAINT1+x@org1.example")
    assert person.logins == ("maint1",)
    assert person.addresses == ("MAINT1+x@org1.example", "Ana@Home.example", "maint1@org1.example")


def test_an_address_that_others_have_too_is_not_theirs_alone(store: tuple[Connection, str]) -> None:
    conn, job = store
    for login in ("maint1", "maint2"):
        found(conn, job, login, "team@both.example")

    assert "team@both.example" not in find_person(conn, "maint1@org1.example").addresses
    assert find_person(conn, "team@both.example").logins == ("maint1", "maint2")


def test_a_merge_that_was_undone_makes_nobody_the_same(store: tuple[Connection, str]) -> None:
    conn, job = store
    merged = ev.PeopleMerged(kept="maint1", merged="maint3", evidence="the same page")
    commit(conn, job, [("merge", merged)], at=NOW, epoch=None)
    assert find_person(conn, "maint3@org3.example").logins == ("maint1", "maint3")

    conn.execute("UPDATE merges SET undone_at = ?", (NOW.isoformat(),))
    assert find_person(conn, "maint3@org3.example").logins == ("maint3",)


def test_erasing_twice_changes_nothing_more(store: tuple[Connection, str]) -> None:
    conn, job = store
    ledger_row(conn, job, "maint1@org1.example", draft_id=1)
    person = find_person(conn, "maint1@org1.example")
    counts = []
    for _ in range(2):
        with transaction(conn):
            counts.append(sum(erase(conn, person, secret=SECRET).values()))

    assert counts[0] > 10
    assert counts[1] == 0


def test_the_blinded_key_is_the_same_whenever_it_is_made(store: tuple[Connection, str], tmp_path: Path) -> None:
    def blinded(conn: Connection, job: str) -> str:
        ledger_row(conn, job, "maint1@org1.example", draft_id=1)
        with transaction(conn):
            erase(conn, find_person(conn, "maint1@org1.example"), secret=SECRET)
        return str(conn.execute("SELECT key FROM outbox").fetchone()["key"])

    assert blinded(*store) == blinded(*store_with_drafts(tmp_path / "other.db"))
