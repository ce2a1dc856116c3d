from __future__ import annotations

import base64
import copy
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from cmo.config.secrets import (
    CREDENTIALS,
    MASK,
    Keyring,
    Secret,
    SecretStore,
    mask_addresses,
    redact,
    remember_secrets,
    system_keyring,
)
from cmo.errors import ConfigError
from tests.cli.harness import FakeKeyring


class BrokenKeyring:
    """A back end that fails whatever it is asked."""

    def get_password(self, service: str, username: str, /) -> str | None:
        raise RuntimeError("no bus")

    def set_password(self, service: str, username: str, password: str, /) -> None:
        raise RuntimeError("no bus")

    def delete_password(self, service: str, username: str, /) -> None:
        raise RuntimeError("no bus")


class ForgetfulKeyring(FakeKeyring):
    """Accepts and forgets, as keyring's null back end does."""

    def set_password(self, service: str, username: str, password: str, /) -> None:
        return


Make = Callable[..., SecretStore]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def store(
        env: dict[str, str] | None = None,
        dotenv: dict[str, str] | None = None,
        ring: Keyring | None = None,
        closed: bool = False,
    ) -> SecretStore:
        return SecretStore(
            env=env or {},
            dotenv=dotenv or {},
            dotenv_path=tmp_path / ".env",
            file=tmp_path / "keys" / "credentials.json",
            profile="default",
            keyring=lambda: ring,
            closed=closed,
        )

    return store


def test_a_secret_is_masked_in_every_form() -> None:
    secret = Secret("ghp_0123456789abcdef0123")

    shown = [str(secret), repr(secret), f"{secret}", f"{secret:>50}", str.format("{}", secret), repr([secret])]
    assert not any("0123" in text for text in shown)
    assert secret.reveal() == "ghp_0123456789abcdef0123"


def test_a_secret_cannot_be_written_down() -> None:
    secret = Secret("ghp_0123456789abcdef0123")

    for write in (pickle.dumps, copy.deepcopy, json.dumps):
        with pytest.raises(TypeError):
            write(secret)


def test_secrets_compare_by_value_and_not_with_text() -> None:
    assert Secret("abcdefgh1") == Secret("abcdefgh1")
    assert Secret("abcdefgh1") != Secret("abcdefgh2")
    assert Secret("abcdefgh1") != "abcdefgh1"
    assert Secret("é") != Secret("è")


def test_the_tail_is_shown_only_of_a_long_key() -> None:
    assert Secret("0123456789abcdef").tail == "cdef"
    assert Secret("short").tail == ""


def test_a_key_is_looked_for_in_environment_keyring_dotenv_and_file(make: Make) -> None:
    ring = FakeKeyring()
    ring.set_password("cmo", "github", "from-keyring")
    make().keep("github", Secret("from-the-file"))
    store = make(env={"GITHUB_TOKEN": "from-shell"}, dotenv={"GITHUB_TOKEN": "from-dotenv"}, ring=ring)

    places = store.places("github")

    assert [found.layer for found in places] == ["environment", "keyring", ".env", "file"]
    assert [found.secret.reveal() for found in places] == ["from-shell", "from-keyring", "from-dotenv", "from-the-file"]
    assert store.find("github") == Secret("from-shell")


@pytest.mark.parametrize("ring", [None, BrokenKeyring(), ForgetfulKeyring()])
def test_without_a_keyring_that_works_a_key_goes_to_the_owner_only_file(make: Make, ring: Keyring | None) -> None:
    store = make(ring=ring)

    kept = store.keep("openai", Secret("sk-0123456789abcdef"))

    assert kept.layer == "file"
    assert store.file.stat().st_mode & 0o777 == 0o600
    assert store.file.parent.stat().st_mode & 0o777 == 0o700
    assert store.find("openai") == Secret("sk-0123456789abcdef")


def test_a_key_in_the_keyring_leaves_the_file(make: Make) -> None:
    make().keep("openai", Secret("sk-old-0123456789"))
    store = make(ring=FakeKeyring())

    assert store.keep("openai", Secret("sk-new-0123456789")).layer == "keyring"
    assert json.loads(store.file.read_text()) == {}


def test_a_key_file_that_others_may_read_is_refused(make: Make) -> None:
    store = make()
    store.keep("openai", Secret("sk-0123456789abcdef"))
    store.file.chmod(0o640)

    with pytest.raises(ConfigError, match="may be read by others") as caught:
        store.find("openai")
    assert "chmod 600" in caught.value.hint


@pytest.mark.parametrize("text", ["{", "[]", '{"github": 3}', "\x00", "\udcff"])
def test_a_key_file_that_is_none_is_refused(make: Make, text: str) -> None:
    store = make()
    store.keep("openai", Secret("sk-0123456789abcdef"))
    store.file.write_bytes(text.encode("utf-8", "surrogateescape"))

    with pytest.raises(ConfigError, match="key file"):
        store.find("openai")


def test_removing_a_key_says_from_where_and_leaves_the_operators_own_places(make: Make) -> None:
    store = make(env={"GITHUB_TOKEN": "from-shell"}, ring=FakeKeyring())
    store.keep("github", Secret("ghp_0123456789abcdef"))

    assert store.drop("github") == ("keyring",)
    assert store.drop("github") == ()
    assert store.find("github") == Secret("from-shell")


def test_several_tokens_are_split_at_commas(make: Make) -> None:
    store = make(env={"GITHUB_TOKEN": " one-token-1 ,two-token-2,, "})

    assert [token.reveal() for token in store.find_all("github")] == ["one-token-1", "two-token-2"]


def test_the_sandbox_has_no_keys_and_keeps_none(make: Make) -> None:
    store = make(env={"GITHUB_TOKEN": "from-shell"}, closed=True)

    assert store.find("github") is None
    with pytest.raises(ConfigError, match="sandbox"):
        store.keep("github", Secret("x" * 20))
    with pytest.raises(ConfigError, match="sandbox"):
        store.get("github")


def test_a_missing_key_says_how_to_give_it(make: Make) -> None:
    for name, credential in CREDENTIALS.items():
        with pytest.raises(ConfigError) as caught:
            make().get(name)
        assert f"cmo auth set {name}" in caught.value.hint
        assert credential.env in caught.value.hint


def test_no_system_keyring_is_normal() -> None:
    assert system_keyring() is None


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("key sk-abcDEF0123456789xyz used", "abcDEF0123456789xyz"),
        ("ghp_abcdefghij0123456789", "abcdefghij"),
        ("github_pat_11ABCDEFG0abcdefghijkl_mnop", "11ABCDEFG0"),
        ("xoxb-123456789012-abcdef", "123456789012"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-def_ghi", "eyJzdWIiOiIxIn0"),
        ("postgres://ana:hunter22@db.example/x", "hunter22"),
        ("Authorization: Bearer abcdefghijkl", "abcdefghijkl"),
        ("'authorization': 'token abcdefghijkl'", "abcdefghijkl"),
        ("https://x.example/v1?api_key=abcd1234&page=2", "abcd1234"),
        ('{"client_secret": "abcd1234"}', "abcd1234"),
        ("INSTANTLY_API_KEY=abcd1234", "abcd1234"),
    ],
)
def test_keys_are_masked_by_their_shape(text: str, secret: str) -> None:
    assert secret not in redact(text)
    assert "****" in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "tokens_used 412000, budget left",
        "github_api_calls=120 steps=3",
        "https://github.com/org/repo?page=2",
        "task-force and risk-based words",
        "ana@example.org wrote",
    ],
)
def test_ordinary_text_is_not_masked(text: str) -> None:
    assert redact(text) == text


def test_keys_are_masked_by_their_value_once_they_were_read() -> None:
    remember_secrets({"ODD_VENDOR_TOKEN": "plainlookingvalue77", "PATH": "/usr/bin:/bin"})

    assert redact("sent plainlookingvalue77 along /usr/bin:/bin") == "sent **** along /usr/bin:/bin"


def test_a_key_that_begins_like_a_known_one_leaves_no_rest() -> None:
    Secret("plainkey-0123456789")
    assert redact("use plainkey-0123456789-and-more, then stop") == f"use {MASK}, then stop"


def test_masking_a_long_hostile_text_takes_no_time() -> None:
    for text in ("a-" * 20_000, "secret_" * 20_000, "eyJ" * 20_000, "://" + ":" * 40_000):
        redact(text)


def test_addresses_are_masked_but_for_their_domain() -> None:
    assert mask_addresses("to ana.ruiz+x@org35.example now") == "to ****@org35.example now"


@pytest.mark.parametrize("before", ["", "u", "me", "me:", "\0me\0"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_key_is_masked_in_base64_wherever_it_begins(before: str, encode: Callable[[bytes], bytes]) -> None:
    key = "odd/key+77~~>ÿ?="
    Secret(key)
    told = redact(f"no login {encode(f'{before}{key}, and more'.encode()).decode()} here")
    left = told.removeprefix("no login ").partition(MASK)[0]

    assert MASK in told
    assert len(left) * 6 <= (len(before) + 1) * 8


@pytest.mark.parametrize("write", [quote, lambda key: quote(key, safe=""), quote_plus, lambda key: quote(key).lower(),
                                   lambda key: json.dumps(key)[1:-1], lambda key: key.replace("/", "\\/")])  # fmt: skip
def test_a_key_is_masked_as_it_is_written_in_addresses_and_in_json(write: Callable[[str], str]) -> None:
    key = 'odd/key+77"=="'
    Secret(key)
    assert redact(f"GET /?k={write(key)}&page=2").removesuffix("&page=2").endswith(MASK)
