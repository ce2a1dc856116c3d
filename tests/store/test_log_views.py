"""The log in pages: late pages as near as early ones, filters, and what is counted once."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmo.domain.filters import parse_filter
from cmo.store.log_views import LOG_FIELDS, LOG_VALUES, Counted, count_log, page_log
from tests.tui.runs import at_work


@pytest.mark.parametrize("size", [1, 7, 100])
@pytest.mark.parametrize("filter_", ["", "scope:job", "kind:repo", "who:maint1", "level:warn", "-scope:item page"])
def test_pages_of_any_size_add_up_to_what_was_counted(tmp_path: Path, size: int, filter_: str) -> None:
    conn, job_id = at_work(tmp_path / "place")
    terms = parse_filter(filter_, fields=LOG_FIELDS, values=LOG_VALUES)
    counted = count_log(conn, job_id, terms, Counted())
    seqs = [
        item.seq
        for offset in range(0, counted.count, size)
        for item in page_log(conn, job_id, terms, counted, offset=offset, limit=size)
    ]

    assert seqs == sorted(set(seqs))
    assert len(seqs) == counted.count > 0
    assert count_log(conn, job_id, terms, counted) == counted
