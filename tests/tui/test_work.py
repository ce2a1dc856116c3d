from __future__ import annotations

from pathlib import Path

from cmo.service.kill import NOT_STOPPED
from cmo.tui.work import everything_stopped
from tests.service.test_kill_unwritable import full_disk
from tests.tui.screen import seeded, settings_in


def test_a_stop_that_could_be_stored_nowhere_is_never_called_one(tmp_path: Path) -> None:
    seeded(tmp_path / "place")[0].close()
    with full_disk():
        told = everything_stopped(settings_in(tmp_path / "place"), lambda words: None)

    assert told.is_refused
    assert told.text == NOT_STOPPED


def test_a_stop_says_how_much_had_left(tmp_path: Path) -> None:
    seeded(tmp_path / "place")[0].close()
    said: list[str] = []
    told = everything_stopped(settings_in(tmp_path / "place"), said.append)

    assert (told.is_refused, told.text) == (
        False, "All sending is stopped; 0 had left before. Release it: 7 Limits.",
    )  # fmt: skip
    assert said
