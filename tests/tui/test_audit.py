"""Audit: who did what, page by page; the whole row; whether the chain holds; and nothing that could change it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from textual.widgets import Input

from cmo.domain.audit import AuditEntry
from cmo.store.audit import record_audit
from tests.fakes.clock import StillClock
from tests.fakes.outside import NOW
from tests.tui.screen import SIZES, Seen, check_golden, play, seeded, store_of

HOSTILE = "[/] dependabot[bot] \x1b]52;c;aGk=\x07\u202e"


def told(n: int, **changes: object) -> AuditEntry:
    values = {
        "actor": "operator:ana" if n % 2 else "agent",
        "action": ("drafts.approve", "kill.on", "limits.set")[n % 3],
        "object": (f"draft:{n}", "switch:kill", "quota:max_emails_per_day")[n % 3],
        "before": ("pending", "", "20")[n % 3],
        "after": ("approved", "on", "32")[n % 3],
        "detail": ({"rule": "clean-60", "samples": [1, 2]}, {"reason": "bounces"}, {})[n % 3],
        "is_dry": n == 4,
    }
    return AuditEntry.model_validate({**values, **changes})


@pytest.fixture
def home(tmp_path: Path) -> Path:
    conn, _ = seeded(tmp_path / "place", 1)
    with conn:
        for n in range(9):
            record_audit(conn, [told(n)], at=NOW - timedelta(hours=9 - n))
    conn.close()
    return tmp_path / "place"


def change(home: Path, sql: str) -> None:
    conn = store_of(home)
    with conn:
        conn.execute("DROP TRIGGER audit_is_never_changed")
        conn.execute(sql)
    conn.close()


@pytest.mark.parametrize("size", SIZES)
def test_the_log_looks_as_agreed(home: Path, size: str) -> None:
    async def scene(seen: Seen) -> None:
        check_golden(f"audit-{size}", seen.text)

    play(home, "audit", scene, size=SIZES[size], clock=StillClock(NOW))


def test_a_row_is_shown_whole(home: Path) -> None:
    async def scene(seen: Seen) -> None:
        await seen.press("j", "j", "enter")
        for words in ("Row 7", "drafts.approve", "draft:6", '"rule": "clean-60"', "prev hash"):
            assert words in seen.text

    play(home, "audit", scene, size=SIZES["120x40"])


@pytest.mark.parametrize(
    ("where", "rows"),
    [("actor:ana", 4), ("action:drafts. since:4h", 1), ("draft:3", 1), ("kill", 3), ("actor:bob", 0)],
)
def test_a_filter_shows_what_matches(home: Path, where: str, rows: int) -> None:
    async def scene(seen: Seen) -> None:
        await seen.press("slash", *["space" if char == " " else char for char in where], "enter")
        assert seen.app.page is not None
        assert seen.app.page.query_one("RowTable").count == rows  # type: ignore[attr-defined]
        assert ("Nothing matches the filter" in seen.text) is not rows

    play(home, "audit", scene, clock=StillClock(NOW))


@pytest.mark.parametrize("where", ["-actor:ana", "colour:red", "since:soon", "draft:x", "since:999999d"])
def test_a_filter_that_means_nothing_is_refused(home: Path, where: str) -> None:
    async def scene(seen: Seen) -> None:
        await seen.press("slash", *where, "enter")
        assert seen.told

    play(home, "audit", scene)


def test_the_chain_is_followed_and_found_whole(home: Path) -> None:
    async def scene(seen: Seen) -> None:
        await seen.press("V")
        await seen.until(lambda: "✓ Whole: 9 rows follow from one another." in seen.text)

    play(home, "audit", scene)


def test_the_first_break_of_the_chain_is_shown_at_its_row(home: Path) -> None:
    change(home, "UPDATE audit SET after = 'rejected' WHERE seq = 4")

    async def scene(seen: Seen) -> None:
        await seen.press("V")
        await seen.until(lambda: "✗ Broken at row 4" in seen.text)
        assert seen.app.page is not None
        row = seen.app.page.query_one("RowTable").row()  # type: ignore[attr-defined]
        assert row.key == 4
        assert "✗ break" in seen.text

    play(home, "audit", scene)


def test_what_is_shown_is_written_to_a_file_and_none_is_replaced_unasked(home: Path, tmp_path: Path) -> None:
    to = tmp_path / "log.ndjson"

    async def scene(seen: Seen) -> None:
        await seen.press("slash", *"kill", "enter")
        for _ in range(2):
            await seen.press("ctrl+e")
            seen.app.screen.query_one(Input).value = str(to)
            await seen.press("enter")
            assert "Wrote 3 rows" in seen.told or "Replace" in seen.text
        assert "Replace" in seen.text
        await seen.press("escape")

    play(home, "audit", scene)
    assert [json.loads(row)["seq"] for row in to.read_text().splitlines()] == [2, 5, 8]


def test_what_others_wrote_is_obeyed_by_nothing(home: Path) -> None:
    conn = store_of(home)
    with conn:
        for field in ("actor", "action", "object", "before", "after"):
            record_audit(conn, [told(0, **{field: HOSTILE})], at=NOW)
        record_audit(conn, [told(0, detail={"reason": HOSTILE, "[/]": HOSTILE})], at=NOW)
    conn.close()

    async def scene(seen: Seen) -> None:
        for key in ("j", "j", "j", "j", "j", "enter"):
            assert "\x1b" not in seen.raw
            assert "\u202e" not in seen.raw
            assert "[/] dependabot[bot]" in seen.text
            await seen.press(key)
        assert "\x1b" not in seen.raw

    play(home, "audit", scene, size=SIZES["200x60"])


def test_an_empty_log_says_what_will_be_in_it(tmp_path: Path) -> None:
    seeded(tmp_path / "place", 1)

    async def scene(seen: Seen) -> None:
        assert "Nothing was done yet. Each decision, send, stop" in seen.text

    play(tmp_path / "place", "audit", scene)
