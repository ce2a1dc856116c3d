"""Where the team's contract files are, if they are here; and the tests that need them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

DATA = Path(__file__).parents[3] / "shared" / "contracts" / "data"

needs_contracts = pytest.mark.skipif(not DATA.is_dir(), reason="the contract files are not part of this repository")


def contract(name: str) -> Any:
    """The JSON file `name`; an empty list or object where there is none, so that collecting still works."""
    path = DATA / name
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
