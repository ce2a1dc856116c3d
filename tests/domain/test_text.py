from __future__ import annotations

import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st

from cmo.domain.text import clean_line, clean_text

ANY = st.text(st.characters(exclude_categories=()), max_size=200)


@given(ANY, st.integers(2, 300))
@example("\u202eevil\x1b]52;c;aGk=\x07", 40)
def test_cleaned_text_has_nothing_that_moves_a_cursor_and_stays_within_its_limit(text: str, limit: int) -> None:
    clean = clean_text(text, limit=limit)
    assert len(clean) <= limit
    assert all(c == "\n" or unicodedata.category(c) not in ("Cc", "Cs") for c in clean)
    assert not set(clean) & set("\u202a\u202b\u202d\u202e\u2066\u2067\u200b\u200d\ufeff\x1b\x9b")


@given(ANY)
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    once = clean_text(text, limit=100)
    assert clean_text(once, limit=100) == once


@given(ANY)
def test_a_clean_line_is_one_line(text: str) -> None:
    assert "\n" not in clean_line(text)


def test_names_in_other_scripts_survive() -> None:
    for name in ("Søren Kierkegård", "山田太郎", "Дмитрий", "محمد", "नेहा"):
        assert clean_line(name) == unicodedata.normalize("NFC", name)


def test_markup_is_left_for_whoever_writes_it_out() -> None:
    assert clean_line("dependabot[bot] [/] =1+1") == "dependabot[bot] [/] =1+1"
