from __future__ import annotations

from pathlib import Path

import pytest

from cmo.cli import flags
from cmo.cli.errors import UsageProblem


@pytest.mark.parametrize(
    "argv",
    [
        ["--json", "jobs", "list"],
        ["jobs", "--json", "list"],
        ["jobs", "list", "--json"],
    ],
)
def test_a_global_flag_is_found_in_any_position(argv: list[str]) -> None:
    asked, rest = flags.split(argv)

    assert asked.json
    assert rest == ["jobs", "list"]


def test_what_follows_two_dashes_is_left_alone() -> None:
    asked, rest = flags.split(["say", "last", "--", "--json"])

    assert not asked.json
    assert rest == ["say", "last", "--", "--json"]


def test_values_are_taken_with_a_space_and_with_an_equals_sign() -> None:
    asked, rest = flags.split(["status", "--profile", "work", "--config=other.toml"])

    assert (asked.profile, asked.config) == ("work", Path("other.toml"))
    assert rest == ["status"]


@pytest.mark.parametrize("argv", [["status", "--profile"], ["--profile=", "status"], ["--config", "--json"]])
def test_a_missing_value_is_wrong_usage(argv: list[str]) -> None:
    with pytest.raises(UsageProblem, match="needs a value"):
        flags.split(argv)


def test_short_flags_may_be_joined_and_the_commands_own_stay() -> None:
    asked, rest = flags.split(["jobs", "rm", "last", "-qy"])

    assert asked.quiet
    assert rest == ["jobs", "rm", "last", "-y"]


def test_a_filter_that_starts_with_a_dash_is_no_cluster() -> None:
    assert flags.split(["leads", "list", "--where", "-label:cold"])[1][-1] == "-label:cold"


def test_every_flag_in_the_help_is_understood() -> None:
    listed = {word for names, _ in flags.HELP for word in names.replace(",", "").split() if word.startswith("-")}

    assert listed - {"-h", "--help", "--version"} == set(flags.names()) - {"--help"}
