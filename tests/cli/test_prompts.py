from __future__ import annotations

import pytest

from cmo.cli.errors import Left, NeedsPerson
from cmo.cli.prompts import Prompts
from tests.cli.harness import FakeTty

OPTIONS = [("y", "yes"), ("e", "edit"), ("q", "no")]


def prompts(answers: str, *, allowed: bool = True) -> Prompts:
    return Prompts(FakeTty(answers), FakeTty(), allowed=allowed)


def test_without_a_terminal_a_question_names_the_flag_that_answers() -> None:
    ask = prompts("y\n", allowed=False)

    for question in (
        lambda: ask.confirm("Sure?", default=False),
        lambda: ask.line("Name?", flag="--yes"),
        lambda: ask.choose("Start?", OPTIONS, flag="--yes"),
        lambda: ask.secret("Key?", flag="--yes"),
    ):
        with pytest.raises(NeedsPerson) as caught:
            question()
        assert "--yes" in caught.value.hint


@pytest.mark.parametrize(
    ("typed", "default", "expected"),
    [
        ("\n", True, True),
        ("\n", False, False),
        ("Y\n", False, True),
        ("no\n", True, False),
        ("what\nyes\n", False, True),
    ],
)
def test_yes_and_no_are_asked_until_understood(typed: str, default: bool, expected: bool) -> None:
    assert prompts(typed).confirm("Sure?", default=default) is expected


def test_an_ended_input_is_no_consent() -> None:
    for ask in (prompts(""), prompts("what\n")):
        with pytest.raises(Left):
            ask.confirm("Sure?", default=True)


@pytest.mark.parametrize(
    ("typed", "expected"), [("\n", "y"), ("e\n", "e"), ("Q\n", "q"), ("2\n", "e"), ("9\nx\nq\n", "q")]
)
def test_one_of_several_is_chosen_by_letter_number_or_enter(typed: str, expected: str) -> None:
    assert prompts(typed).choose("Start?", OPTIONS, flag="--yes") == expected


def test_choices_are_numbered_lines_where_that_is_asked_for() -> None:
    ask = prompts("3\n")

    assert ask.choose("Start?", OPTIONS, flag="--yes", numbered=True) == "q"
    assert isinstance(ask.err, FakeTty)
    assert ask.err.getvalue().splitlines()[:3] == ["  1. yes", "  2. edit", "  3. no"]
