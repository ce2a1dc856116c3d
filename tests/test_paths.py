from __future__ import annotations

from pathlib import Path

import pytest

from cmo.errors import OutputUnwritable
from cmo.paths import ensure_folder, locate, write_private


def test_cmo_home_moves_everything_into_one_folder(tmp_path: Path) -> None:
    home = tmp_path / "own"
    paths = locate({"CMO_HOME": str(home)})

    places = [paths.config_file, paths.credentials_file, paths.db, paths.runs_dir, paths.graph_dir, paths.logs_dir]
    assert all(place.is_relative_to(home) for place in [*places, paths.reports_dir, paths.cache_dir])
    assert not home.exists()


def test_without_it_the_platforms_folders_are_used() -> None:
    paths = locate({})

    assert paths.config_dir.name == paths.data_dir.name == "cmo"


@pytest.mark.parametrize("profile", ["default", "work"])
def test_the_sandbox_shares_no_place_with_live_data(tmp_path: Path, profile: str) -> None:
    env = {"CMO_HOME": str(tmp_path)}
    live, sandbox = locate(env, profile=profile), locate(env, profile=profile, sandbox=True)

    assert sandbox.config_dir.name == "sandbox"
    assert {live.db, live.config_file, live.runs_dir, live.cache_dir}.isdisjoint(
        {sandbox.db, sandbox.config_file, sandbox.runs_dir, sandbox.cache_dir}
    )


def test_folders_and_files_are_the_owners_only(tmp_path: Path) -> None:
    write_private(tmp_path / "a" / "b" / "file", "text")

    assert (tmp_path / "a" / "b" / "file").stat().st_mode & 0o777 == 0o600
    assert [(tmp_path / part).stat().st_mode & 0o777 for part in ("a", "a/b")] == [0o700, 0o700]


def test_a_file_is_replaced_whole_and_leaves_no_draft(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "file"
    write_private(file, "long text")
    write_private(file, "x")

    assert [path.read_text() for path in file.parent.iterdir()] == ["x"]


def test_a_file_in_the_way_of_a_folder_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")

    with pytest.raises(OutputUnwritable, match="Cannot create the folder"):
        ensure_folder(tmp_path / "taken" / "below")
    with pytest.raises(OutputUnwritable):
        ensure_folder(tmp_path / "taken")


@pytest.mark.parametrize("name", ["../x", "cmo-1", "cmo-20261120-140211/x", ""])
def test_only_a_jobs_id_names_a_folder(tmp_path: Path, name: str) -> None:
    paths = locate({"CMO_HOME": str(tmp_path)})

    assert paths.run_dir("cmo-20261120-140211-2").parent == paths.runs_dir
    with pytest.raises(ValueError, match="not a job id"):
        paths.run_dir(name)
