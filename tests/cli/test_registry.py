"""Help, completion and README come from one list."""

from __future__ import annotations

import inspect
import os
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from cmo.cli import flags, lazy, registry
from cmo.cli.commands import BARE, COMMANDS
from cmo.cli.diagnostics import EXIT_CODES
from cmo.cli.entry import Entry
from tests.cli.harness import Cmo

GOLDEN = Path(__file__).parent / "golden"

every_command = pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.path)


@every_command
def test_a_command_has_a_function_two_examples_and_known_exit_codes(entry: Entry) -> None:
    assert inspect.isfunction(getattr(import_module(f"cmo.cli.{entry.module}"), entry.function))
    assert len(entry.about) <= 72
    assert entry.about.endswith(".")
    assert set(entry.codes) <= set(EXIT_CODES)
    for example in entry.examples:
        words = shlex.split(lazy.typed(example).replace("cat token.txt | ", "").replace("echo", ":"))
        assert "cmo" in words or "$(cmo" in lazy.typed(example)


@every_command
def test_the_help_of_a_command_shows_purpose_examples_and_codes(cmo: Cmo, entry: Entry) -> None:
    result = cmo(*entry.words, "--help")

    assert result.code == 0
    assert result.err == ""
    assert entry.about in result.out
    assert all(lazy.typed(example) in result.out for example in entry.examples)
    assert all(len(line) <= 100 for line in result.out.splitlines() if "cmo " not in line)
    assert cmo("help", *entry.words).out == result.out


@every_command
def test_the_examples_name_only_options_that_exist(entry: Entry) -> None:
    command = lazy.load(entry)
    own = {name for param in command.params for name in param.opts if name.startswith("-")}
    for example in entry.examples:
        used = {word.partition("=")[0] for word in shlex.split(example.partition("|")[0]) if word.startswith("--")}
        if example.startswith(entry.path) and "&&" not in example:
            assert used <= own | set(flags.names()), example


def test_the_bare_command_has_a_function() -> None:
    assert inspect.isfunction(getattr(import_module(f"cmo.cli.{BARE.module}"), BARE.function))


@pytest.mark.parametrize("argv", [[], ["run"], ["jobs"], ["leads", "list"], ["config", "set"]], ids=" ".join)
def test_help_is_as_agreed(cmo: Cmo, argv: list[str]) -> None:
    """Golden: read the difference, then run with GOLDEN=1."""
    golden = GOLDEN / f"help-{'-'.join(argv) or 'root'}.txt"
    found = cmo(*argv, "--help").out
    if os.environ.get("GOLDEN"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(found)

    assert found == golden.read_text()


@pytest.mark.parametrize("topic", registry.TOPICS)
def test_every_topic_has_a_text_without_machine_paths(cmo: Cmo, topic: str) -> None:
    result = cmo("help", topic)

    assert result.code == 0
    assert len(result.out.splitlines()) > 5
    assert "/home/" not in result.out


def test_the_filters_topic_names_every_field_there_is(cmo: Cmo) -> None:
    from cmo.store.people_views import LEAD_FIELDS

    text = cmo("help", "filters").out
    assert all(f"  {name}" in text for name in LEAD_FIELDS)


def test_the_exit_codes_topic_names_every_code(cmo: Cmo) -> None:
    assert all(meaning in cmo("help", "exit-codes").out for meaning in EXIT_CODES.values())


def complete(words: str) -> list[str]:
    env = {
        **os.environ,
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
        "_CMO_COMPLETE": "complete_bash",
    }
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "cmo"],
        capture_output=True,
        text=True,
        env=env,
        timeout=60,
        check=False,
    )
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert not loaded & {"cmo.cli.jobs", "cmo.cli.runs", "cmo.service", "cmo.store", "pydantic"}
    return done.stdout.split()


def test_names_are_completed_from_the_registry_alone() -> None:
    assert complete("cmo ") == list(registry.top_names())
    assert complete("cmo --json jobs ") == ["list", "show", "set", "rm"]
    assert complete("cmo --sa") == ["--sandbox"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_is_for_the_shell(cmo: Cmo, shell: str) -> None:
    assert f"complete_{shell}" in cmo("completion", shell).out


def test_the_readme_block_can_be_renewed_in_place(tmp_path: Path) -> None:
    text = f"# cmo\n\n{registry.MARKERS[0]}\nold\n{registry.MARKERS[1]}\n\nend\n"

    once = registry.refreshed(text)

    assert registry.refreshed(once) == once
    assert once.startswith("# cmo\n\n<!-- commands -->\n| command")
    assert once.endswith("<!-- /commands -->\n\nend\n")
    with pytest.raises(ValueError, match="markers"):
        registry.refreshed("# cmo")
