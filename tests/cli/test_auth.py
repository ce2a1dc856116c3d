from __future__ import annotations

import pytest

from tests.cli.harness import Cmo, FakeKeyring

KEY = "ghp_0123456789abcdefghij0123456789"


def test_a_key_from_a_pipe_is_kept_owner_only_where_there_is_no_keyring(cmo: Cmo) -> None:
    result = cmo("auth", "set", "github", stdin=KEY + "\n")

    assert result.code == 0
    assert "which only you may read" in result.err
    assert (cmo.home / "credentials.json").stat().st_mode & 0o777 == 0o600


def test_a_key_goes_to_the_keyring_where_there_is_one(cmo: Cmo) -> None:
    ring = FakeKeyring()
    cmo.keyring_source = lambda: ring

    assert cmo("auth", "set", "github", stdin=KEY).code == 0
    assert ring.held == {("cmo", "github"): KEY}
    assert not (cmo.home / "credentials.json").exists()


def test_profiles_have_keys_of_their_own(cmo: Cmo) -> None:
    ring = FakeKeyring()
    cmo.keyring_source = lambda: ring
    cmo("auth", "set", "github", "--profile", "work", stdin=KEY)

    assert cmo("auth", "list", "--json").document["data"][0]["state"] == "none"
    assert cmo("auth", "list", "--json", "--profile", "work").document["data"][0]["state"] == "set"


@pytest.mark.parametrize("form", [[], ["--json"], ["--verbose"]])
def test_the_list_shows_source_and_last_four_characters_and_nothing_more(cmo: Cmo, form: list[str]) -> None:
    result = cmo("auth", "list", *form, env={"GITHUB_TOKEN": KEY})

    assert "GITHUB_TOKEN" in result.out
    assert "…6789" in result.out
    assert KEY[:12] not in result.out + result.err


def test_a_key_typed_as_an_argument_is_refused_and_not_repeated(cmo: Cmo) -> None:
    for argv in (["auth", "set", KEY], ["auth", "test", KEY], ["auth", "rm", KEY]):
        result = cmo(*argv)
        assert result.code == 2
        assert "Never type a key on the command line" in result.err
        assert KEY not in result.err


@pytest.mark.parametrize("argv", [["auth", "set", "github", KEY], ["auth", "set", "github", "--key", KEY]])
def test_there_is_no_place_for_a_key_on_the_command_line(cmo: Cmo, argv: list[str]) -> None:
    result = cmo(*argv)

    assert result.code == 2
    assert KEY not in result.err


@pytest.mark.parametrize("typed", ["", "\n", "two words here", "a\x00b" * 8, "x" * 10_001])
def test_what_is_no_key_is_refused(cmo: Cmo, typed: str) -> None:
    result = cmo("auth", "set", "github", stdin=typed)

    assert result.code == 2
    assert not (cmo.home / "credentials.json").exists()


def test_a_key_that_the_environment_hides_is_said_to_be(cmo: Cmo) -> None:
    result = cmo("auth", "set", "github", stdin=KEY, env={"GITHUB_TOKEN": "another-token-0123456"})

    assert "GITHUB_TOKEN holds another key" in result.err


def test_removing_says_from_where_and_names_what_stays(cmo: Cmo) -> None:
    cmo("auth", "set", "github", stdin=KEY)

    result = cmo("auth", "rm", "github", env={"GITHUB_TOKEN": "another-token-0123456"})

    assert "from: file" in result.err
    assert "GITHUB_TOKEN still holds a key" in result.err
    assert cmo("auth", "rm", "github").code == 4


def test_a_dry_removal_removes_nothing(cmo: Cmo) -> None:
    cmo("auth", "set", "github", stdin=KEY)
    cmo("auth", "rm", "github", "--dry-run")

    assert cmo("auth", "list", "--json").document["data"][0]["state"] == "set"


def test_an_unknown_name_gets_a_suggestion(cmo: Cmo) -> None:
    result = cmo("auth", "set", "githb", stdin=KEY)

    assert result.code == 2
    assert "Did you mean github?" in result.err


def test_a_missing_key_cannot_be_tested(cmo: Cmo) -> None:
    result = cmo("auth", "test", "github")

    assert result.code == 78
    assert "cmo auth set github" in result.err


def test_the_sandbox_keeps_no_keys(cmo: Cmo) -> None:
    result = cmo("auth", "set", "github", "--sandbox", stdin=KEY)

    assert result.code == 78
    assert "sandbox" in result.err
