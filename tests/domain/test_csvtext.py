"""CSV cells are read back as written, and no spreadsheet runs them."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmo.domain.csvtext import csv_cell, csv_line, harmless_text
from cmo.domain.lead import ScoreLabel


@pytest.mark.parametrize(
    "text",
    [
        "=cmd|' /C calc'!A0",
        "+SUM(1+1)",
        "-2+3",
        "@HYPERLINK(1)",
        "\t=1+1",
        "\r=1",
        "\n=1",
        "  =1+1",
        "\u00a0=1",
        "\uff1d1+1",
        "\uff0b1",
        "\uff0d1",
        "\uff20x",
        "\u200b=1",
        "\x01=1",
    ],
)
def test_a_formula_is_made_harmless_also_behind_spaces_and_in_full_width(text: str) -> None:
    assert harmless_text(text).startswith("'")


@pytest.mark.parametrize("text", ["Jane", "1-2", "a=b", "'quoted'", "", "—", "C++"])
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert harmless_text(text) == text


@given(st.lists(st.text(), min_size=2, max_size=6))
def test_what_is_written_is_what_a_reader_reads(values: list[str]) -> None:
    text = csv_line(values)
    (read,) = csv.reader(io.StringIO(text, newline=""))
    assert read == [harmless_text(value) for value in values]


@given(st.text())
def test_making_harmless_twice_changes_nothing_more(text: str) -> None:
    once = harmless_text(text)
    assert harmless_text(once) == once
    once.encode("utf-8")


def test_quotes_separators_and_line_breaks_are_quoted() -> None:
    assert csv_line(['say "hi"', "a,b", "a\nb", "plain"]) == '"say ""hi""","a,b","a\nb",plain\n'


def test_numbers_times_labels_and_nothing_have_one_form() -> None:
    at = datetime(2026, 11, 20, 9, 0, 0, 999, tzinfo=UTC).astimezone(timezone(timedelta(hours=2)))
    assert csv_cell(at) == "2026-11-20T09:00:00Z"
    assert csv_cell(-5) == "-5"
    assert csv_cell(None) == ""
    assert csv_cell(ScoreLabel.HOT) == "HOT"
