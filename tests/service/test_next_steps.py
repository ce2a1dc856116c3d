"""Whatever keeps a mail from leaving, a command says how to go on, and it can be typed as it is."""

from __future__ import annotations

import shlex
from typing import get_args

import pytest

from cmo.cli import lazy
from cmo.cli.commands import COMMANDS
from cmo.domain.countries import country_rule
from cmo.domain.policy import RULES, RuleName
from cmo.service.next_steps import _OF_OTHERS, _OF_RULES, next_step

REF = "cmo-20261120-140211"


def parsed(command: str) -> dict[str, object]:
    """What the command line makes of `command`; raises where it cannot be typed so."""
    program, *words = shlex.split(command)
    assert program == "cmo"
    entry = max((entry for entry in COMMANDS if words[: len(entry.words)] == list(entry.words)),
                key=lambda entry: len(entry.words))  # fmt: skip
    return lazy.load(entry).make_context(entry.path, words[len(entry.words) :]).params


def test_every_rule_of_the_gate_is_in_the_list() -> None:
    assert set(_OF_RULES) == set(get_args(RuleName)) == set(RULES)


@pytest.mark.parametrize("rule", [*RULES, *_OF_OTHERS])
def test_the_command_of_every_rule_can_be_typed(rule: str) -> None:
    command = next_step(rule, "", ref=REF)

    assert "{" not in command
    assert not [word for word in shlex.split(command) if word.isupper()], "a place that is still to be filled in"
    parsed(command)


def test_a_country_is_allowed_by_its_own_name_and_the_others_stay() -> None:
    told = f"{country_rule('DE', overrides={}).reason} (`cmo config set sending.countries DE=ok` if you have it)."

    command = next_step("country", told, ref=REF, countries=("nl=ok", "de=consent"))
    assert command == "cmo config set sending.countries nl=ok,DE=ok"
    assert parsed(command)["value"] == "nl=ok,DE=ok"


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ("The approval expired on 2026-11-24 09:01.", "expired"),
        ("The draft is expired: nobody's approval holds for it.", "expired"),
        ("The draft is pending: nobody's approval holds for it.", "pending"),
        ("The text, sender or sequence is not what was approved: it needs a new approval.", "approved"),
    ],
)
def test_what_needs_an_approval_is_looked_for_in_its_state(told: str, state: str) -> None:
    assert next_step("approval", told, ref=REF) == f"cmo drafts review --job {REF} --where state:{state}"


def test_a_command_that_nobody_knows_is_noticed() -> None:
    with pytest.raises(Exception, match=r"(?i)no such option"):
        parsed("cmo leads list --no-such-thing")
