from __future__ import annotations

import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cmo.cli.errors import UsageProblem
from cmo.cli.flags import GlobalFlags
from cmo.cli.output import Column, Output, plain, shrink
from cmo.cli.terminal import Terminal, cells, fit, guarded, judge, safe_json, safe_line
from cmo.domain.text import ago, span
from tests.cli.harness import NOW, FakePipe, FakeTty

HOSTILE = "Ann\x1b]52;c;aGk=\x07 \x9b31m\u202eevil\u200b\nnext\tcell"
COLUMNS = [
    Column("id"),
    Column("who", least=4),
    Column("at", right=True),
    Column("note", extra=True),
]
ROWS: list[Mapping[str, Any]] = [
    {"id": 1, "who": "Ana Ruiz of a very long organisation", "at": NOW - timedelta(minutes=5), "note": "n"},
    {"id": 22, "who": HOSTILE, "at": None, "note": ["a", "b"]},
]


def output(*, is_tty: bool = False, as_json: bool = False, width: int = 80, color: bool = False) -> Output:
    terminal = Terminal(is_tty=is_tty, color=color, glyphs=True, width=width, height=24)
    return Output(io.StringIO(), terminal, as_json, lambda: NOW)


def written(out: Output) -> str:
    assert isinstance(out.stream, io.StringIO)
    return out.stream.getvalue()


def test_a_pipe_gets_tabs_a_header_full_values_and_iso_times() -> None:
    out = output()
    out.table("cmo.x.list/1", COLUMNS, ROWS)

    lines = written(out).splitlines()
    assert lines[0] == "id\twho\tat\tnote"
    assert lines[1] == "1\tAna Ruiz of a very long organisation\t2026-11-20T13:57:11Z\tn"
    assert lines[2].split("\t")[2:] == ["", "a,b"]
    assert len(lines) == 3


def test_a_terminal_gets_a_table_that_fits_with_relative_times() -> None:
    out = output(is_tty=True, width=34)
    out.table("cmo.x.list/1", COLUMNS, ROWS[:1])

    lines = written(out).splitlines()
    assert lines[1] == " 1   Ana Ruiz of a ver…  5 min ago"
    assert all(cells(line) <= 34 for line in lines)
    assert "note" not in lines[0]


def test_json_is_one_document_with_schema_total_data_and_next() -> None:
    out = output(as_json=True)
    out.table("cmo.x.list/1", COLUMNS, ROWS, fields="id,at", total=21, next_="22")

    found = json.loads(written(out))
    assert list(found) == ["schema", "total", "data", "next"]
    assert found["data"][0] == {"id": 1, "at": "2026-11-20T13:57:11Z"}


@pytest.mark.parametrize(("is_tty", "as_json"), [(False, False), (True, False), (False, True), (True, True)])
def test_text_of_others_cannot_give_orders_to_a_terminal(is_tty: bool, as_json: bool) -> None:
    out = output(is_tty=is_tty, as_json=as_json)
    out.table("cmo.x.list/1", COLUMNS, ROWS)
    out.document("cmo.x/1", {"who": HOSTILE})

    text = written(out)
    assert not {char for char in text if ord(char) < 32 and char not in "\n\t"}
    assert not set(text) & set("\x7f\x9b\u202e\u200b")


def test_json_loses_nothing_of_a_hostile_text() -> None:
    assert json.loads(safe_json({"who": HOSTILE + "\U000e0041"}))["who"] == HOSTILE + "\U000e0041"


def test_fields_pick_columns_in_their_order_and_a_wrong_one_gets_a_suggestion() -> None:
    out = output()
    out.table("cmo.x.list/1", COLUMNS, ROWS[:1], fields="note,id")
    assert written(out) == "note\tid\nn\t1\n"

    with pytest.raises(UsageProblem) as caught:
        out.table("cmo.x.list/1", COLUMNS, ROWS, fields="wo")
    assert "who" in caught.value.hint


def test_an_event_is_a_line_of_its_own() -> None:
    out = output(as_json=True)
    out.event({"kind": "job_started"}, "started")
    out.event({"kind": "job_paused"}, "paused")

    assert [json.loads(line)["kind"] for line in written(out).splitlines()] == ["job_started", "job_paused"]


@pytest.mark.parametrize(
    ("is_tty", "env", "flags", "expected"),
    [
        (True, {}, GlobalFlags(), True),
        (False, {}, GlobalFlags(), False),
        (True, {"NO_COLOR": "1"}, GlobalFlags(), False),
        (True, {"NO_COLOR": ""}, GlobalFlags(), True),
        (True, {"TERM": "dumb"}, GlobalFlags(), False),
        (True, {}, GlobalFlags(no_color=True), False),
        (True, {}, GlobalFlags(plain=True), False),
        (False, {"FORCE_COLOR": "1"}, GlobalFlags(), True),
        (False, {"FORCE_COLOR": "0"}, GlobalFlags(), False),
        (True, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, GlobalFlags(), False),
        (True, {"FORCE_COLOR": "1"}, GlobalFlags(no_color=True), False),
    ],
)
def test_colour_follows_the_rules(is_tty: bool, env: dict[str, str], flags: GlobalFlags, expected: bool) -> None:
    assert judge(FakeTty() if is_tty else FakePipe(), env, flags).color is expected


def test_a_long_table_goes_to_the_pager_only_on_a_terminal() -> None:
    shown: list[str] = []

    def page(text: str) -> bool:
        shown.append(text)
        return True

    many = [{"id": n} for n in range(100)]
    for is_tty in (True, False):
        out = output(is_tty=is_tty)
        out.page = page
        out.table("cmo.x.list/1", [Column("id")], many)
    assert len(shown) == 1


@pytest.mark.parametrize("width", range(1, 12))
def test_a_cut_text_is_never_wider_than_asked(width: int) -> None:
    for text in ("short", "a much longer text", "日本語のテキスト", "é" * 20):
        assert cells(fit(text, width)) <= width
        assert cells(fit(text, width, glyphs=False)) <= width


def test_columns_shrink_from_the_widest_and_not_below_their_least() -> None:
    assert shrink([10, 50, 20], [5, 6, 6], 40) == [10, 15, 15]
    assert shrink([10, 50], [10, 30], 20) == [10, 30]
    assert shrink([3, 4], [1, 1], 40) == [3, 4]


@pytest.mark.parametrize(
    ("seconds", "text"), [(4, "4s"), (280, "4m40s"), (7500, "2h5m"), (3600, "1h"), (273_600, "3d4h"), (-1, "0s")]
)
def test_a_duration_shows_its_two_largest_units(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_times_are_relative_on_a_terminal() -> None:
    assert [ago(s) for s in (5, 125, 7300, 200_000)] == ["now", "2 min ago", "2 h ago", "2 d ago"]


def test_values_are_full_and_on_one_line_on_a_pipe() -> None:
    values = [None, True, 3, 2.5, ("a", "b"), {"k": 1}, datetime(2026, 1, 2, tzinfo=UTC), "a\tb\nc"]

    assert [plain(value) for value in values] == [
        "",
        "true",
        "3",
        "2.5",
        "a,b",
        '{"k":1}',
        "2026-01-02T00:00:00Z",
        "a b c",
    ]


def test_the_last_net_keeps_colours_and_drops_orders() -> None:
    assert guarded("\x1b[31mred\x1b[0m ✓ क") == "\x1b[31mred\x1b[0m ✓ क"
    assert guarded("a\x1b]52;c;x\x07b\x9b2Jc\x1b[2Jd\re\u202ef") == "a]52;c;xb2Jc[2Jdef"


def test_plain_ascii_is_kept_as_it_is() -> None:
    assert safe_line("dependabot[bot] <a@b.example>") == "dependabot[bot] <a@b.example>"
