"""Reading is fast because little is loaded; guarded by structure, not by a clock."""

from __future__ import annotations

import pytest

from tests.cli.harness import Cmo
from tests.cli.seed import seed
from tests.test_imports import HEAVY, loaded_by

AGENT = {f"cmo.{name}" for name in ("graph", "providers", "sandbox", "scoring", "tools", "tui")}
READING = [
    [],
    ["status"],
    ["logs", "last"],
    ["jobs", "list"],
    ["jobs", "show"],
    ["leads", "list", "--where", "score>=60"],
    ["leads", "why", "ana"],
    ["drafts", "list"],
    ["errors", "list"],
    ["outbox", "list"],
    ["audit", "list"],
    ["limits", "show"],
    ["config", "show"],
    ["auth", "list"],
]


@pytest.mark.parametrize("argv", READING, ids=" ".join)
def test_a_command_that_reads_loads_neither_the_agent_nor_anything_heavy(
    cmo: Cmo, argv: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seed(cmo.home)
    monkeypatch.setenv("CMO_HOME", str(cmo.home))

    loaded = loaded_by("-m", "cmo", *argv, codes=(0, 4))

    allowed = {"keyring"} if argv[:1] == ["auth"] else set()
    assert not loaded & (HEAVY | AGENT) - allowed


@pytest.mark.parametrize(
    "argv", [["config", "show"], ["config", "path"], ["config", "get", "ui.ascii"], ["help", "keys"]]
)
def test_a_command_without_a_job_does_not_even_load_pydantic(argv: list[str]) -> None:
    assert "pydantic" not in loaded_by("-m", "cmo", *argv)
