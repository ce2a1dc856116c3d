"""Boundaries of each campaign, some apart; the whole walk is `python -m benchmarks delivery`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.delivery.kills import walk_kill

STEPS = {"smtp": 1, "gmail": 3, "maildir": 7, "instantly": 9, "smartlead": 5}
"""Campaign -> every how manieth boundary."""


@pytest.mark.parametrize(("campaign", "step"), STEPS.items())
def test_a_campaign_whose_process_is_killed_loses_and_doubles_nothing(
    campaign: str, step: int, tmp_path: Path, survived: Callable[..., None]
) -> None:
    kills, problems, listed, at = 0, [], 0, step
    while (found := walk_kill(campaign, at, tmp_path / str(at))) is not None:
        kills, listed, at = kills + 1, listed + found.listed, at + step
        problems += [f"boundary {at}: {problem}" for problem in found.problems]
    survived("processes killed", kills - len(problems), of=kills, listed=listed)
    assert kills >= 8
    assert not problems, "\n".join(problems)
