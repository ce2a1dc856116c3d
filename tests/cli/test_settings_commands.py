from __future__ import annotations

import tomllib

import pytest

from cmo.store.audit import iter_audit
from cmo.store.db import open_store
from tests.cli.harness import Cmo


def test_a_setting_is_set_and_read_back(cmo: Cmo) -> None:
    assert cmo("config", "set", "caps.max_repos", "800").code == 0
    assert cmo("config", "get", "caps.max_repos").out == "800\n"
    assert cmo("config", "get", "caps.max_repos", "--json").document["data"] == {"caps.max_repos": 800}


def test_the_settings_file_is_the_owners_only(cmo: Cmo) -> None:
    cmo("config", "set", "caps.max_repos", "800")

    assert (cmo.home / "config.toml").stat().st_mode & 0o777 == 0o600


def test_a_dry_run_changes_nothing(cmo: Cmo) -> None:
    result = cmo("config", "set", "caps.max_repos", "800", "--dry-run")

    assert "Would set" in result.err
    assert not (cmo.home / "config.toml").exists()


def test_a_project_setting_goes_into_the_folder(cmo: Cmo) -> None:
    cmo("config", "set", "run.languages", "python,rust", "--project")

    assert tomllib.loads((cmo.folder / "cmo.toml").read_text()) == {"run": {"languages": ["python", "rust"]}}


def test_a_value_that_is_hidden_is_said_to_be(cmo: Cmo) -> None:
    result = cmo("config", "set", "caps.max_repos", "800", env={"CMO_MAX_REPOS": "9"})

    assert "It is hidden: CMO_MAX_REPOS says 9" in result.err


def test_a_broken_file_is_not_overwritten(cmo: Cmo) -> None:
    cmo.home.mkdir()
    (cmo.home / "config.toml").write_text("[caps\n")

    result = cmo("config", "set", "caps.max_repos", "800")

    assert result.code == 78
    assert "config.toml, line 1" in result.err
    assert (cmo.home / "config.toml").read_text() == "[caps\n"


def test_show_says_where_each_value_comes_from(cmo: Cmo) -> None:
    cmo("config", "set", "caps.max_repos", "800")
    rows = cmo("config", "show", "--origin", "--json", env={"CMO_MAX_REPOS": "9"}).document["data"]
    row = next(row for row in rows if row["key"] == "caps.max_repos")

    assert (row["value"], row["origin"], row["source"]) == (9, "environment", "CMO_MAX_REPOS")
    assert row["hidden"].startswith("800 (user file: ")


def test_check_names_what_is_wrong_unknown_and_hidden(cmo: Cmo) -> None:
    cmo.home.mkdir()
    (cmo.home / "config.toml").write_text("[caps]\nmax_repos = 800\nmax_step = 1\nmax_people = 'all'\n")

    result = cmo("config", "check", "--json", env={"CMO_MAX_REPOS": "9"})

    assert result.code == 65
    found = {(row["level"], row["key"]) for row in result.document["data"]}
    assert found == {("fail", "caps.max_people"), ("warn", "caps.max_step"), ("note", "caps.max_repos")}


def test_check_names_an_action_that_is_none_with_what_was_meant(cmo: Cmo) -> None:
    cmo.home.mkdir()
    (cmo.home / "config.toml").write_text('[ui.keys]\n"drafts.aprove" = "b"\n"move.down" = "down"\n')

    (row,) = cmo("config", "check", "--json").document["data"]

    assert (row["key"], row["message"]) == ("ui.keys", "ui.keys: there is no action drafts.aprove.")
    assert row["fix"] == "Did you mean drafts.approve?"


def test_check_is_content_with_a_good_file(cmo: Cmo) -> None:
    cmo("config", "set", "caps.max_repos", "800")

    result = cmo("config", "check")
    assert (result.code, result.out) == (0, "")


def test_a_wrong_setting_stops_a_command_that_needs_settings(cmo: Cmo) -> None:
    result = cmo("config", "get", "caps.max_steps", env={"CMO_MAX_REPOS": "all"})

    assert result.code == 78
    assert "CMO_MAX_REPOS" in result.err


def test_edit_needs_a_terminal_and_says_what_else_works(cmo: Cmo) -> None:
    result = cmo("config", "edit")

    assert result.code == 5
    assert "cmo config set" in result.err


def test_edit_opens_the_editor_and_checks_afterwards(cmo: Cmo) -> None:
    script = cmo.folder / "editor.sh"
    script.write_text('#!/bin/sh\nprintf "[caps]\\nmax_repos = true\\n" > "$1"\n')
    script.chmod(0o700)

    result = cmo("config", "edit", tty=True, out_tty=True, env={"CMO_EDITOR": str(script)})

    assert result.code == 65
    assert "caps.max_repos" in result.out


def test_an_editor_that_is_not_there_is_named(cmo: Cmo) -> None:
    result = cmo("config", "edit", tty=True, out_tty=True, env={"VISUAL": "no-such-editor"})

    assert result.code == 78
    assert "no-such-editor" in result.err


def test_paths_are_printed_one_by_one(cmo: Cmo) -> None:
    found = cmo("config", "path", "--json").document["data"]

    assert found["store"] == str(cmo.home / "campaign.db")
    assert cmo("config", "path", "--json", "--sandbox").document["data"]["store"] != found["store"]


@pytest.mark.parametrize("argv", [["config", "show"], ["config", "path"], ["config", "check"], ["auth", "list"]])
def test_looking_changes_nothing_on_disk(cmo: Cmo, argv: list[str]) -> None:
    cmo(*argv)

    assert not cmo.home.exists()
    assert not list(cmo.folder.iterdir())


def test_another_mailer_is_on_the_record_once_there_is_a_store(cmo: Cmo) -> None:
    assert cmo("config", "set", "mail.provider", "smtp").code == 0
    assert not (cmo.home / "campaign.db").exists()
    conn = open_store(cmo.home / "campaign.db")
    assert cmo("config", "set", "mail.provider", "gmail").code == 0
    assert cmo("config", "set", "mail.provider", "gmail").code == 0
    (row,) = iter_audit(conn, action="mailer.set")
    assert (row.before, row.after) == ("smtp", "gmail")
