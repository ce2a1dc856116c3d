"""A plug-in that prints, at the end of a run, what tests counted: how many faults were survived, and of how many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

SURVIVED, TOLD = "survived", "figure"


@pytest.fixture
def survived(record_property: Callable[[str, object], None]) -> Callable[..., None]:
    """Count trials: `survived("kills", 9, of=9, listed=1)`; `listed` rows were shown to the operator as doubtful."""

    def count(what: str, number: int, *, of: int, listed: int) -> None:
        record_property(SURVIVED, (what, number, of, listed))

    return count


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Say one line at the end of the run."""
    return lambda text: record_property(TOLD, text)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    counts: dict[str, Counter[str]] = {}
    for report in (*terminalreporter.stats.get("passed", ()), *terminalreporter.stats.get("failed", ())):
        for name, value in report.user_properties if report.when == "call" else ():
            if name == TOLD:
                terminalreporter.write_line(str(value))
            elif name == SURVIVED:
                what, number, tried, listed = value
                counts.setdefault(what, Counter()).update(survived=number, tried=tried, listed=listed)
    for what, count in sorted(counts.items()):
        terminalreporter.write_line(
            f"{what}: survived {count['survived']:,} of {count['tried']:,}; {count['listed']:,} rows listed as doubtful"
        )
