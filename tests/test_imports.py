"""What starting cmo loads. Static contracts cannot see an import that is put off, so these tests start it for real."""

from __future__ import annotations

import subprocess
import sys

import pytest

# Slow to load, with what they bring along: each is imported inside the body of the command that needs it.
HEAVY = {
    "aiosqlite",
    "anyio",
    "dns",
    "graphql",
    "h11",
    "httpx",
    "httpx2",
    "jinja2",
    "keyring",
    "langchain_core",
    "langgraph",
    "langsmith",
    "openai",
    "rich",
    "textual",
}
# What only a command's body needs of our own.
DEFERRED = {f"cmo.{name}" for name in ("graph", "providers", "sandbox", "scoring", "service", "store", "tools", "tui")}


def loaded_by(*arguments: str, codes: tuple[int, ...] = (0,)) -> set[str]:
    """Every module that `python ARGUMENTS` imports, each with the packages it lies in; it exits with one of `codes`."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode in codes, done.stderr[-2000:]
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    modules = {line.rpartition("|")[2].strip() for line in lines}
    return {".".join(parts[: n + 1]) for parts in (module.split(".") for module in modules) for n in range(len(parts))}


def test_importing_the_package_loads_nothing_else_of_it() -> None:
    assert {module for module in loaded_by("-c", "import cmo") if module.startswith("cmo")} == {"cmo"}


def test_importing_the_command_line_loads_no_heavy_package() -> None:
    assert not loaded_by("-c", "import cmo.cli.app") & HEAVY


@pytest.mark.parametrize("arguments", [(), ("--help",)], ids=["bare", "help"])
def test_the_first_look_loads_no_heavy_package(arguments: tuple[str, ...]) -> None:
    assert not loaded_by("-m", "cmo", *arguments) & HEAVY


def test_root_help_loads_no_command_and_nothing_that_commands_need() -> None:
    assert not loaded_by("-m", "cmo", "--help") & (HEAVY | DEFERRED)


def test_the_version_is_answered_before_typer_is_loaded() -> None:
    assert not loaded_by("-m", "cmo", "--version") & (HEAVY | {"typer", "pydantic"})
