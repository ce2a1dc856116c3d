"""One request of each sort fails in each way. Every request, and every mail: `python -m benchmarks delivery`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

import pytest

from cmo.sandbox.smtp_faults import SmtpPoint
from tests.delivery.walk import KINDS, REFUSED, Kind, Trial, every_step_of_smtp, one_of_each, requests_of, walk


@cache
def requests(campaign: str) -> tuple[str, ...]:
    with TemporaryDirectory() as home:
        return tuple(requests_of(campaign, Path(home) / "home"))


def survive(trials: Iterable[Trial], folder: Path, survived: Callable[..., None]) -> None:
    """Walk each; count how many ended with nobody lost, nothing doubled, and every doubtful row listed."""
    walked = [walk(trial, folder / str(number)) for number, trial in enumerate(trials)]
    failed = [done.told for done in walked if done.found.problems]
    listed = sum(done.found.listed for done in walked)
    survived("requests gone wrong", len(walked) - len(failed), of=len(walked), listed=listed)
    assert walked
    assert not failed, "\n".join(failed)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("campaign", ["instantly", "smartlead", "gmail"])
def test_a_campaign_survives_any_request_that_goes_wrong(
    campaign: str, kind: Kind, tmp_path: Path, survived: Callable[..., None]
) -> None:
    survive(one_of_each(campaign, requests(campaign), kind), tmp_path, survived)


@pytest.mark.parametrize("point", get_args(SmtpPoint))
def test_a_campaign_survives_any_trouble_of_its_mail_server(
    point: SmtpPoint, tmp_path: Path, survived: Callable[..., None]
) -> None:
    survive(every_step_of_smtp(mails=[2], points=[point]), tmp_path, survived)


@pytest.mark.parametrize("persists", [False, True])
def test_a_campaign_survives_a_mail_server_that_is_down(
    persists: bool, tmp_path: Path, survived: Callable[..., None]
) -> None:
    survive([Trial("smtp", REFUSED, 1, persists=persists)], tmp_path, survived)
