"""Lists of drafts by the filter language, page by page, and one draft with what it rests on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cmo.domain.filters import FilterInvalid, Term, parse_filter
from cmo.errors import JobNotFound
from cmo.store import draft_views, drafts
from cmo.store.db import Connection
from cmo.store.draft_details import get_draft
from cmo.store.draft_filters import DRAFT_FIELDS, DRAFT_VALUES
from tests.fakes.drafts import store_with_drafts
from tests.fakes.outside import NOW

LATER = NOW + timedelta(hours=1)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Connection, str]]:
    """Ten drafts, 99 to 90: 1 blocked, 2 and 3 flagged, 4 approved, 5 rejected, 6 put off."""
    conn, job_id = store_with_drafts(tmp_path_factory.mktemp("store") / "campaign.db", 10, blocked=1, flagged=2)
    rows = {row.id: row.choice for row in draft_views.drafts_by_id(conn, range(1, 11), now=LATER)}
    by: dict[str, Any] = {"by": "operator:ana", "at": LATER}
    until = LATER + timedelta(days=7)
    drafts.decide(conn, job_id, "approve", [rows[4]], batch_id="b1", hashes={4: "f"}, until=until, **by)
    drafts.decide(conn, job_id, "reject", [rows[5]], batch_id="b2", **by)
    drafts.decide(conn, job_id, "later", [rows[6]], batch_id="b3", until=LATER + timedelta(days=1), **by)
    yield conn, job_id
    conn.close()


def terms(text: str) -> tuple[Term, ...]:
    return parse_filter(text, fields=DRAFT_FIELDS, values=DRAFT_VALUES)


def ids(stored: tuple[Connection, str], text: str) -> list[int]:
    rows, total = draft_views.list_drafts(*stored, now=LATER, terms=terms(text))
    assert total == len(rows)
    return [row.id for row in rows]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", list(range(1, 11))),
        ("score>=97", [1, 2, 3]),
        ("score:95", [5]),
        ("score<92 -score:91", [10]),
        ("label:hot score>98", [1]),
        ("flag:claim", [1]),
        ("flag:short", [2, 3]),
        ("flag:any -flag:block", [2, 3]),
        ("flag:none score>=95", [4, 5]),
        ("state:pending", [1, 2, 3, 7, 8, 9, 10]),
        ("state:later", [6]),
        ("state:approved", [4]),
        ("state:rejected", [5]),
        ("-state:pending", [4, 5, 6]),
        ('org:"org 10"', [10]),
        ("step:first_touch score>=98", [1, 2]),
        ("variant:b", []),
        ("email:published score:99", [1]),
        ("template:0123 score:99", [1]),
        ("proj10", [10]),
        ("org:%", []),
        ("100%", []),
    ],
)
def test_a_filter_selects(stored: tuple[Connection, str], text: str, expected: list[int]) -> None:
    assert ids(stored, text) == expected


@pytest.mark.parametrize("text", ["stage:x", "state:sent", "score>=high", "label:cool", '"open'])
def test_a_filter_that_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(FilterInvalid):
        terms(text)


def test_flagged_drafts_come_first_then_the_highest_score(tmp_path: Path) -> None:
    conn, job_id = store_with_drafts(tmp_path / "campaign.db", 5)
    conn.execute("UPDATE drafts SET flag = 'short' WHERE id = 4")
    rows, _ = draft_views.list_drafts(conn, job_id, now=LATER)

    assert [row.id for row in rows] == [4, 1, 2, 3, 5]
    conn.close()


def test_pages_by_key_are_the_whole_list(stored: tuple[Connection, str]) -> None:
    found, after = list[int](), None
    while page := draft_views.list_drafts(*stored, now=LATER, limit=3, after=after)[0]:
        found += [row.id for row in page]
        after = page[-1].id

    assert found == ids(stored, "")


def test_time_alone_ends_a_wait_and_an_approval(stored: tuple[Connection, str]) -> None:
    def states(days: int) -> list[str]:
        rows = draft_views.drafts_by_id(stored[0], [4, 6], now=LATER + timedelta(days=days))
        return [row.state for row in rows]

    assert [states(0), states(2), states(8)] == [["approved", "later"], ["approved", "pending"], ["expired", "pending"]]


def test_the_next_draft_is_one_that_waits_and_was_not_passed(stored: tuple[Connection, str]) -> None:
    found = [draft_views.next_waiting(*stored, now=LATER, passed=passed) for passed in ([], [1, 2], [1, 2, 3])]

    assert [row.id for row in found if row] == [1, 3, 7]
    assert draft_views.next_waiting(*stored, now=LATER, terms=terms("score<5")) is None
    assert draft_views.count_waiting(*stored, now=LATER) == 7


def test_a_rule_covers_what_waits_without_a_flag_and_counts_what_it_leaves_out(stored: tuple[Connection, str]) -> None:
    cover = draft_views.cover(*stored, terms("score>=92"), now=LATER)

    assert [choice.draft_id for choice in cover.choices] == [7, 8]
    assert (cover.waiting, cover.flagged, cover.unmatched) == (7, 3, 2)


def test_a_rule_that_names_a_flag_covers_it(stored: tuple[Connection, str]) -> None:
    assert [c.draft_id for c in draft_views.cover(*stored, terms("flag:short"), now=LATER).choices] == [2, 3]
    assert [c.draft_id for c in draft_views.cover(*stored, terms("-flag:short"), now=LATER).choices] == [7, 8, 9, 10]


def test_a_filter_that_names_a_state_opens_it_again_but_not_what_has_left(stored: tuple[Connection, str]) -> None:
    later, conn = LATER + timedelta(days=8), stored[0]

    def found(text: str) -> list[int]:
        row = draft_views.next_waiting(*stored, now=later, terms=terms(text))
        cover = draft_views.cover(*stored, terms(text), now=later, flagged=True)
        ids = [choice.draft_id for choice in cover.choices]
        assert draft_views.count_waiting(*stored, now=later, terms=terms(text)) == len(ids) == cover.waiting
        assert ids[:1] == ([row.id] if row else [])
        return ids

    assert (found("state:expired"), found("state:rejected")) == ([4], [5])
    conn.execute("SAVEPOINT left_meanwhile")
    conn.execute(
        "INSERT INTO outbox (key, job_id, operation, state, payload, content_hash, draft_id, email_key, due_s)"
        " SELECT 'k', job_id, 'maildir.send', 'confirmed', '{}', 'f', id, email_key, 0 FROM drafts WHERE id = 4"
    )
    assert found("state:expired") == []
    assert [row.state for row in draft_views.drafts_by_id(conn, [4], now=later)] == ["approved"]
    conn.execute("ROLLBACK TO left_meanwhile")


def test_a_draft_is_shown_with_evidence_findings_score_and_neighbours(tmp_path: Path) -> None:
    conn, _ = store_with_drafts(tmp_path / "campaign.db", 3, blocked=1)
    conn.execute("UPDATE drafts SET company_key = 'same'")

    detail = get_draft(conn, 2, now=LATER)

    assert [fact.text for fact in detail.claims[1].evidence] == ["org2/proj2"]
    assert [part.points for part in detail.score_parts] == [98]
    assert ([other.id for other in detail.others], detail.earlier_at_org) == ([1, 3], 1)
    with pytest.raises(JobNotFound):
        get_draft(conn, 99, now=LATER)
    conn.close()


def test_a_list_reads_no_draft_twice_and_no_body_at_all(stored: tuple[Connection, str]) -> None:
    statements = list[str]()
    stored[0].set_trace_callback(statements.append)
    draft_views.list_drafts(*stored, now=LATER)
    stored[0].set_trace_callback(None)

    assert len(statements) == 2
    assert not any("body" in statement for statement in statements)
