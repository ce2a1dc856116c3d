from __future__ import annotations

import inspect

import pytest

from cmo import errors
from cmo.cli.diagnostics import EXIT_CODES, Diagnostics, exit_code
from cmo.cli.errors import NeedsPerson
from cmo.cli.terminal import Terminal
from tests.cli.harness import FakePipe

PIPE = Terminal(is_tty=False, color=False, glyphs=True, width=80, height=24)

EXPECTED = {
    "ConfigError": 78,
    "JobFileError": 78,
    "GoalUnclear": 2,
    "RateLimited": 75,
    "PlanFull": 75,
    "CampaignHolds": 75,
    "ProviderUnavailable": 69,
    "AuthRejected": 78,
    "ProviderRejected": 78,
    "ContractBroken": 69,
    "ToolInputInvalid": 65,
    "ToolFailed": 69,
    "PolicyRefused": 77,
    "Suppressed": 77,
    "QuotaReached": 77,
    "BudgetReached": 75,
    "ApprovalMissing": 77,
    "SchemaTooNew": 78,
    "MigrationFailed": 65,
    "StoreBusy": 75,
    "StoreDamaged": 65,
    "OutputUnwritable": 73,
    "JobNotFound": 4,
    "JobLeased": 75,
    "JobNotResumable": 4,
    "RequestNotOpen": 4,
    "WorkerEnded": 1,
}


def make(kind: type[errors.CmoError]) -> errors.CmoError:
    if issubclass(kind, errors.RateLimited):
        return kind("said", provider="github", operation="search", retry_after_s=1.0)
    if issubclass(kind, errors.ProviderError):
        return kind("said", provider="github", operation="search")
    return kind("said")


@pytest.mark.parametrize("name", EXPECTED)
def test_each_error_exits_with_its_code(name: str) -> None:
    assert exit_code(make(getattr(errors, name))) == EXPECTED[name]


def test_no_error_of_the_tree_is_left_to_chance() -> None:
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.CmoError)]

    leaves = [kind for kind in kinds if not kind.__subclasses__() or kind.__name__ in EXPECTED]
    assert {kind.__name__ for kind in leaves} == set(EXPECTED)
    assert all(exit_code(make(kind)) in EXIT_CODES for kind in kinds)


def test_a_name_that_fits_several_jobs_is_wrong_usage() -> None:
    assert exit_code(errors.JobNotFound("`14` matches 2 jobs", details={"candidates": ["a", "b"]})) == 2


def test_a_bad_filter_is_wrong_usage() -> None:
    from cmo.domain.filters import FilterInvalid

    assert exit_code(FilterInvalid("said")) == 2


def test_keys_never_reach_stderr() -> None:
    say = Diagnostics(FakePipe(), PIPE)
    say.failure(errors.ConfigError("token ghp_0123456789abcdef0123", hint="api_key=abcd1234"))
    say.warn("Authorization: Bearer abcdefghijkl")

    assert isinstance(say.stream, FakePipe)
    text = say.stream.getvalue()
    assert not any(part in text for part in ("0123456789", "abcd1234", "abcdefghijkl"))


def test_text_of_others_gives_no_orders_on_stderr() -> None:
    say = Diagnostics(FakePipe(), PIPE)
    say.failure(NeedsPerson("a\x1b]0;x\x07b\u202e", hint="c\x9b2J\rd"))
    say.note("e\x1b[2Jf")

    assert isinstance(say.stream, FakePipe)
    assert not {char for char in say.stream.getvalue() if not char.isprintable() and char != "\n"}


def test_a_stderr_that_nobody_reads_is_no_error() -> None:
    stream = FakePipe()
    stream.close()

    Diagnostics(stream, PIPE).note("to nobody")
