"""README says what the program says."""

from __future__ import annotations

from pathlib import Path

from cmo.cli import registry
from cmo.cli.commands import COMMANDS

README = Path(__file__).parent.parent / "README.md"


def test_every_command_is_in_the_readme_with_the_help_it_prints() -> None:
    text = README.read_text(encoding="utf-8")

    missing = [entry.path for entry in COMMANDS if f"| `cmo {entry.path}` | {entry.about} |" not in text]
    assert not missing, "run: python -m cmo.cli.registry README.md"


def test_the_list_of_commands_is_the_one_of_the_registry() -> None:
    text = README.read_text(encoding="utf-8")

    assert registry.refreshed(text) == text, "run: python -m cmo.cli.registry README.md"
