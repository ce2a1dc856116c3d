from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.harness import Cmo


@pytest.fixture
def cmo(tmp_path: Path) -> Cmo:
    """`cmo` in a world of its own."""
    folder = tmp_path / "project"
    folder.mkdir()
    return Cmo(tmp_path / "own-home", folder)
