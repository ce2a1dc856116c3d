"""Pausing and resuming what leaves, from the command line."""

from __future__ import annotations

import pytest

from tests.cli.harness import Cmo
from tests.cli.seed import seed


@pytest.fixture
def job(cmo: Cmo) -> str:
    return seed(cmo.home)


def test_sending_is_paused_for_every_job_and_resumed(cmo: Cmo, job: str) -> None:
    assert cmo("pause", "--sending", "--for", "30m").code == 0
    assert "Paused" in cmo("limits", "show").err

    assert cmo("resume", "--sending").code == 0
    assert "Paused" not in cmo("limits", "show").err


def test_a_pause_of_one_job_that_ends_leaves_the_wider_one(cmo: Cmo, job: str) -> None:
    cmo("pause", "--sending")
    cmo("pause", job, "--sending")

    result = cmo("resume", job, "--sending", "--json")

    assert result.document["data"] == {"still_paused": True}


def test_a_time_without_sending_is_wrong_usage(cmo: Cmo, job: str) -> None:
    assert cmo("pause", job, "--for", "30m").code == 2
