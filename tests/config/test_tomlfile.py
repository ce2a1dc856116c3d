from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmo.config.tomlfile import with_value

TEXT = """# mine
[operator]
name = "ana"  # who

[caps]   # limits
max_steps = 3
# a note
max_repos = 600 # many

[run]
languages = [
  "python",  # first
  "rust",
]
"""


def test_a_value_is_replaced_and_comments_stay() -> None:
    changed = with_value(TEXT, "caps.max_repos", "800")

    assert changed == TEXT.replace("max_repos = 600 # many", "max_repos = 800 # many")


def test_a_hash_inside_a_text_is_no_comment() -> None:
    changed = with_value('[operator]\nname = "a # b" # c\n', "operator.name", '"x"')

    assert changed == '[operator]\nname = "x" # c\n'


def test_a_list_over_several_lines_is_replaced_whole() -> None:
    changed = with_value(TEXT, "run.languages", '["go"]')

    assert tomllib.loads(changed)["run"]["languages"] == ["go"]
    assert "rust" not in changed


def test_a_new_key_goes_to_the_end_of_its_section() -> None:
    changed = with_value(TEXT, "caps.max_people", "5")

    assert "max_repos = 600 # many\nmax_people = 5\n\n[run]" in changed


def test_a_new_section_goes_to_the_end() -> None:
    assert with_value(TEXT, "ui.ascii", "true").endswith("]\n\n[ui]\nascii = true\n")
    assert with_value("", "ui.ascii", "true") == "[ui]\nascii = true\n"


@pytest.mark.parametrize("text", ["caps.max_steps = 3\n", "caps = { max_steps = 3 }\n", 'x = """\n[caps]\n"""\n[caps'])
def test_a_layout_that_cannot_be_changed_safely_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        with_value(text, "caps.max_steps", "4")


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40))
def test_any_text_can_be_set_and_read_back(value: str) -> None:
    from cmo.config.settings import SPECS

    literal = SPECS["operator.name"].kind.to_toml(value)

    assert tomllib.loads(with_value(TEXT, "operator.name", literal))["operator"]["name"] == value
