from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from cmo.providers.ports import CachedAnswer
from cmo.service.cache import StoredAnswers
from cmo.store.cache import prune_answers
from cmo.store.db import open_store
from tests.fakes.outside import NOW


def answer_factory(body: str = "{}") -> CachedAnswer:
    return CachedAnswer(body=body, etag='W/"1"', last_modified=None, fetched_at=NOW)


def test_an_answer_survives_the_process_that_stored_it(tmp_path: Path) -> None:
    conn = open_store(tmp_path / "campaign.db")
    StoredAnswers(conn).put({"a": answer_factory("{“ü”}")})
    conn.close()
    conn = open_store(tmp_path / "campaign.db")
    assert StoredAnswers(conn).get(["a", "b"]) == {"a": answer_factory("{“ü”}")}
    conn.close()


def test_thousands_of_keys_are_read_in_one_call(tmp_path: Path) -> None:
    conn = open_store(tmp_path / "campaign.db")
    answers = {f"key{n}": answer_factory(str(n)) for n in range(2_500)}
    StoredAnswers(conn).put(answers)
    assert StoredAnswers(conn).get(list(answers)) == answers
    conn.close()


def test_old_answers_are_forgotten(tmp_path: Path) -> None:
    conn = open_store(tmp_path / "campaign.db")
    StoredAnswers(conn).put({"a": answer_factory()})
    assert prune_answers(conn, before=NOW) == 0
    assert prune_answers(conn, before=NOW + timedelta(days=1)) == 1
    conn.close()
