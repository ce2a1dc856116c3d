from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from cmo.errors import OutputUnwritable
from cmo.service.folder import JobFolder


def test_an_artifact_is_private_and_replaced_whole(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path)
    folder.write("a.csv", "one")
    folder.write("a.csv", "two\n")
    path = tmp_path / "artifacts" / "a.csv"
    assert path.read_bytes() == b"two\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["a.csv"]


@pytest.mark.parametrize("killed_after", range(3))
def test_parts_are_joined_however_often_the_join_was_cut_short(tmp_path: Path, killed_after: int) -> None:
    folder = JobFolder(tmp_path)
    for n in range(3):
        folder.write(f"a.part-{n}", str(n))
    folder.write("a.csv", "012")
    for n in range(killed_after):
        (tmp_path / "artifacts" / f"a.part-{n}").unlink()
    folder.concatenate([f"a.part-{n}" for n in range(3)], "a.csv")
    assert [p.name for p in (tmp_path / "artifacts").iterdir()] == ["a.csv"]
    assert (tmp_path / "artifacts" / "a.csv").read_text() == "012"


@pytest.mark.parametrize("path", ["../out.csv", "/etc/out.csv", "a/../../b.csv", "."])
def test_nothing_is_written_outside_the_folder(tmp_path: Path, path: str) -> None:
    with pytest.raises(OutputUnwritable):
        JobFolder(tmp_path / "job").write(path, "x")
    assert not (tmp_path / "out.csv").exists()


def test_a_folder_that_cannot_be_made_is_told_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "job").write_text("a file is in the way")
    with pytest.raises(OutputUnwritable, match="job"):
        JobFolder(tmp_path / "job").write("a.csv", "x")


def test_the_last_line_of_the_log_is_found_in_a_long_one(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path)
    assert folder.last_logged() == ""
    for n in range(100):
        folder.append_log([f"{n} " + "x" * 2_000])
    assert folder.last_logged().startswith("99 ")


def test_a_draft_left_by_a_killed_process_is_no_artifact(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path)
    folder.write("a.csv", "x")
    (tmp_path / "artifacts" / f".a.csv.{os.getpid()}.tmp").write_text("half")
    folder.write("a.csv", "y")
    assert (tmp_path / "artifacts" / "a.csv").read_text() == "y"
