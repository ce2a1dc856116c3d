"""A campaign whose disk fails: nothing leaves that is not on record, and with room again all goes on, once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.delivery.disks import deliver_on_a_disk_that_becomes_read_only, deliver_on_a_full_disk, walk_disk
from tests.delivery.kills import Order


def survive(
    deliver: Callable[[Order], None], campaign: str, step: int, folder: Path, survived: Callable[..., None]
) -> int:
    """How often the disk failed, at every `step`th place."""
    fails, problems, listed, at = 0, [], 0, 1
    while (found := walk_disk(deliver, campaign, at, folder / str(at))) is not None:
        fails, listed = fails + 1, listed + found.listed
        problems += [f"at {at}: {problem}" for problem in found.problems]
        at += step
    survived("disks that failed", fails - len(problems), of=fails, listed=listed)
    assert not problems, "\n".join(problems)
    return fails


@pytest.mark.parametrize(("campaign", "step"), [("smtp", 9), ("gmail", 9), ("maildir", 23), ("instantly", 31)])
def test_a_campaign_on_a_full_disk_loses_and_doubles_nothing(
    campaign: str, step: int, tmp_path: Path, survived: Callable[..., None]
) -> None:
    assert survive(deliver_on_a_full_disk, campaign, step, tmp_path, survived) >= 4


@pytest.mark.parametrize(("campaign", "step"), [("smtp", 1), ("gmail", 1), ("instantly", 5)])
def test_a_campaign_on_a_disk_that_becomes_read_only_under_a_call_loses_and_doubles_nothing(
    campaign: str, step: int, tmp_path: Path, survived: Callable[..., None]
) -> None:
    assert survive(deliver_on_a_disk_that_becomes_read_only, campaign, step, tmp_path, survived) >= 3
