"""Whatever is typed: a sentence and an exit code, never a fault."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cmo.cli.commands import COMMANDS
from tests.cli.harness import Cmo
from tests.cli.seed import seed

RUNS_A_JOB = ("rehearse", "run", "resume", "demo", "watch", "doctor", "tool", "auth test", "serve")
"""These would work for long, or call somebody; their bad input is tested by name in `test_runs.py`."""
PATHS = [entry.path for entry in COMMANDS if entry.path not in RUNS_A_JOB]
ODD = [
    *("", " ", "-", "--", "---", "=", "-1", "0", "1e9", "last", "{", "[]", "../..", "a" * 3000),
    *("\x00", "\x1b[2J", "\u202e", "é", "🙂"),
    *(
        "--json",
        "--json=1",
        "-qv",
        "-h",
        "--sandbox",
        "--profile=../x",
        "--config=/",
        "--no-such",
        "--yes",
        "--dry-run",
    ),
    *("--fields", "--fields=id,x", "--limit=0", "--where", "score>=", "--to=/dev/null/x"),
    *("caps.max_steps", "github", "max_repos=x", "mode=send_allowed"),
]


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home to be copied."""
    home = tmp_path_factory.mktemp("seeded") / "home"
    seed(home)
    return home


@given(st.sampled_from(PATHS), st.lists(st.sampled_from(ODD), max_size=4))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_command_line_is_a_fault(seeded: Path, path: str, words: list[str]) -> None:
    with TemporaryDirectory() as root:
        cmo = Cmo(Path(root) / "home", Path(root))
        shutil.copytree(seeded, cmo.home)
        result = cmo(*path.split(), *words)

    assert result.code in (0, 2, 3, 4, 5, 65, 69, 73, 75, 77, 78), result.err
    assert "went wrong inside" not in result.err
    assert not {char for char in result.out + result.err if char < " " and char not in "\n\t"}


@pytest.mark.parametrize(
    "argv",
    [
        ["status", "--config", "."],
        ["run", ".", "--yes"],
        ["run", "folder.yaml", "--yes"],
        ["plan", "binary.toml"],
        ["tool", "mx_check", "@."],
        ["tool", "mx_check", "@binary.toml"],
        ["export", "--to", "binary.toml"],
    ],
    ids=" ".join,
)
def test_a_file_that_is_none_is_told(cmo: Cmo, argv: list[str]) -> None:
    seed(cmo.home)
    (cmo.folder / "folder.yaml").mkdir()
    (cmo.folder / "binary.toml").write_bytes(b"\xff\xfe\x00[")

    result = cmo(*argv)

    assert result.code in (2, 65, 73, 78), result.err
    assert "went wrong inside" not in result.err


@pytest.mark.parametrize("name", ["cmo.toml", ".env"])
def test_a_folder_in_place_of_a_settings_file_is_told(cmo: Cmo, name: str) -> None:
    (cmo.folder / name).mkdir()

    assert cmo("config", "get", "caps.max_steps").code in (0, 78)
