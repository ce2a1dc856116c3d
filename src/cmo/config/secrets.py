"""Keys: a type that never shows them, the places they are looked for, and the masking of everything that is written.

Looked for in the environment, the system's keyring, `.env`, then cmo's own owner-only file. Never a flag's value.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NoReturn, Protocol
from urllib.parse import quote, quote_plus

from cmo.errors import ConfigError
from cmo.paths import is_private, write_private

MASK = "****"
_SHORTEST_MASKED = 8
"""Shorter values are not masked in text: they would blacken ordinary words."""

_SHAPES = r"""
      (?P<key>
        \bsk-[A-Za-z0-9_-]{12,}                       # OpenAI and look-alikes
      | \bgh[pousr]_[A-Za-z0-9]{16,}                  # GitHub
      | \bgithub_pat_[A-Za-z0-9_]{16,}
      | \bxox[a-z]-[A-Za-z0-9-]{10,}                  # Slack
      | \blin_api_[A-Za-z0-9]{16,}                    # Linear
      | \bpat-[a-z]{2}\d-[0-9a-f-]{20,}               # HubSpot
      | \beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?   # JWT
      )
    | (?P<url>\b[a-z][a-z0-9+.-]{0,20}://)[^\s/@:]*:[^\s/@]+(?=@)
    | (?P<header>\b(?:proxy-)?authorization["']?\s*[:=]\s*["']?(?:(?:bearer|basic|token)\s+)?)[^\s"',;]+
    | (?P<bearer>\bbearer\s+)[A-Za-z0-9._~+/=-]{8,}
    | (?P<field>\b(?:[a-z0-9]+[_-]){0,4}
        (?:api[_-]?key|apikey|access[_-]?token|client[_-]?secret|password|passwd|secret|token)
        ["']?\s*[=:]\s*["']?)(?!\*)[^\s"'&,;]{4,}
    """
_ADDRESS = r"[A-Za-z0-9._%+'-]{1,64}@[A-Za-z0-9.-]{1,253}"
_SECRET_NAME = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD)S?$")

_known: dict[str, frozenset[str]] = {}
"""Values that were read as secrets in this process -> how they may be written: masked wherever `redact` passes."""


class Secret:
    """A key. Only `reveal()` gives it out; every other form is masked."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value
        _remember(value)

    def reveal(self) -> str:
        """The key itself, for the request that needs it."""
        return self._value

    @property
    def tail(self) -> str:
        """The last four characters where that gives little away, else nothing."""
        return self._value[-4:] if len(self._value) >= 16 else ""

    def __repr__(self) -> str:
        return f"Secret({MASK!r})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not written down")


@dataclass(frozen=True)
class Credential:
    """A key that cmo uses: what it is called, where the environment may hold it, what it is for."""

    name: str
    env: str
    about: str
    where: str
    """Where a person gets one."""


CREDENTIALS: Mapping[str, Credential] = {
    item.name: item
    for item in (
        Credential(
            "github",
            "GITHUB_TOKEN",
            "reads public GitHub: repositories, people, commits",
            "GitHub → Settings → Developer settings → tokens; "
            "read:user saves a request a person, without any scope it works too",
        ),
        Credential(
            "openai", "OPENAI_API_KEY", "plans with a model, in place of the built-in rules", "your model's console"
        ),
        Credential("azure_openai", "AZURE_OPENAI_API_KEY", "the same, on Azure", "Azure portal → your OpenAI resource"),
        Credential("instantly", "INSTANTLY_API_KEY", "hands mail to Instantly", "Instantly → Settings → API keys (v2)"),
        Credential("smartlead", "SMARTLEAD_API_KEY", "hands mail to Smartlead", "Smartlead → Settings → API"),
        Credential("smtp", "SMTP_PASSWORD", "logs in to your mail server", "your mail provider (an app password)"),
        Credential(
            "gmail",
            "GOOGLE_ACCESS_TOKEN",
            "sends from a Gmail mailbox, for an hour or so",
            "an OAuth client with gmail.compose and gmail.readonly",
        ),
        Credential(
            "google_refresh",
            "GOOGLE_REFRESH_TOKEN",
            "the same for good; needs google.client_id and google_secret too",
            "a login with that OAuth client",
        ),
        Credential(
            "google_secret",
            "GOOGLE_CLIENT_SECRET",
            "the OAuth client that the refresh token was made for",
            "Google Cloud console → Credentials",
        ),
        Credential(
            "attio", "ATTIO_API_KEY", "keeps people, lists and notes in Attio", "Attio → Workspace → Developers"
        ),
        Credential(
            "hubspot", "HUBSPOT_ACCESS_TOKEN", "keeps people, companies and notes in HubSpot", "HubSpot → Service keys"
        ),
        Credential("linear", "LINEAR_API_KEY", "opens tickets for groups of errors", "Linear → Settings → Security"),
    )
}


class Keyring(Protocol):
    """The part of the `keyring` package that is used."""

    def get_password(self, service: str, username: str, /) -> str | None: ...
    def set_password(self, service: str, username: str, password: str, /) -> None: ...
    def delete_password(self, service: str, username: str, /) -> None: ...


@dataclass(frozen=True)
class Found:
    """A key and where it came from."""

    secret: Secret
    layer: str
    """environment, keyring, .env or file."""
    source: str
    """The variable, the keyring's name or the file."""


@dataclass(frozen=True)
class SecretStore:
    """Looks keys up. Reads the keyring and the file only when asked, and each time anew."""

    env: Mapping[str, str]
    dotenv: Mapping[str, str]
    dotenv_path: Path
    file: Path
    profile: str
    keyring: Callable[[], Keyring | None]
    closed: bool = False
    """In the sandbox there are no keys."""
    open_for: tuple[str, ...] = ()
    """Credentials that may be read although the store is closed."""

    @property
    def service(self) -> str:
        """The name under which the keyring holds our keys."""
        return "cmo" if self.profile == "default" else f"cmo ({self.profile})"

    def find(self, name: str) -> Secret | None:
        """The key called `name`, from the strongest place that has it.

        Raises:
            ConfigError: the key file may be read by others or is no JSON.
        """
        found = self.places(name)
        return found[0].secret if found else None

    def find_all(self, name: str) -> tuple[Secret, ...]:
        """The same, where one value may hold several keys, comma separated."""
        found = self.find(name)
        parts = found.reveal().split(",") if found else []
        return tuple(Secret(part.strip()) for part in parts if part.strip())

    def get(self, name: str) -> Secret:
        """The key called `name`.

        Raises:
            ConfigError: there is none; the message says how to give one.
        """
        found = self.find(name)
        if found is None:
            credential = CREDENTIALS[name]
            where = "The sandbox uses no keys." if self.closed else f"No key for {name}."
            raise ConfigError(where, hint=f"cmo auth set {name}   (or set {credential.env})")
        return found

    def places(self, name: str) -> tuple[Found, ...]:
        """Every place that has the key, strongest first."""
        if self.closed and name not in self.open_for:
            return ()
        variable = CREDENTIALS[name].env
        tried = (
            (self.env.get(variable), "environment", variable),
            (self._from_keyring(name), "keyring", self.service),
            (self.dotenv.get(variable), ".env", str(self.dotenv_path)),
            (read_key_file(self.file).get(name), "file", str(self.file)),
        )
        return tuple(
            Found(Secret(value.strip()), layer, source) for value, layer, source in tried if value and value.strip()
        )

    def keep(self, name: str, secret: Secret) -> Found:
        """Store a key in the keyring or, where there is none that works, in the owner-only file.

        Raises:
            ConfigError: this is the sandbox, or the file may be read by others.
            OutputUnwritable: the file cannot be written.
        """
        if self.closed:
            raise ConfigError("The sandbox keeps no keys.", hint=f"Leave out --sandbox: cmo auth set {name}")
        if self._put_in_keyring(name, secret):
            self._rewrite_file(name, None)
            return Found(secret, "keyring", self.service)
        self._rewrite_file(name, secret)
        return Found(secret, "file", str(self.file))

    def drop(self, name: str) -> tuple[str, ...]:
        """Remove a key from the keyring and the file; says from where. The environment and `.env` stay."""
        gone: list[str] = []
        if not self.closed:
            if self._from_keyring(name) is not None and self._delete_from_keyring(name):
                gone.append("keyring")
            if self._rewrite_file(name, None):
                gone.append("file")
        return tuple(gone)

    def _from_keyring(self, name: str) -> str | None:
        ring = self.keyring()
        if ring is None:
            return None
        try:
            return ring.get_password(self.service, name)
        except Exception:  # back ends are plug-ins and raise what they like; a keyring that fails is one that is absent
            return None

    def _put_in_keyring(self, name: str, secret: Secret) -> bool:
        ring = self.keyring()
        if ring is None:
            return False
        try:
            ring.set_password(self.service, name, secret.reveal())
        except Exception:  # as above
            return False
        return self._from_keyring(name) == secret.reveal()  # the null back end accepts and forgets

    def _delete_from_keyring(self, name: str) -> bool:
        ring = self.keyring()
        if ring is None:
            return False
        try:
            ring.delete_password(self.service, name)
        except Exception:  # as above
            return False
        return True

    def _rewrite_file(self, name: str, secret: Secret | None) -> bool:
        """Whether the file changed."""
        held = read_key_file(self.file)
        wanted = {key: value for key, value in held.items() if key != name}
        if secret is not None:
            wanted[name] = secret.reveal()
        if wanted == held:
            return False
        write_private(self.file, json.dumps(wanted, indent=2) + "\n")
        return True


def read_key_file(path: Path) -> dict[str, str]:
    """The owner-only key file; empty where it does not exist.

    Raises:
        ConfigError: others may read it, or it is no JSON object of strings.
    """
    try:
        if not is_private(path):
            raise ConfigError(
                f"{path} holds keys and may be read by others, so it is not used.", hint=f"chmod 600 {path}"
            )
        held = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as exc:
        raise ConfigError(
            f"{path} cannot be read as a key file.", hint=f"Remove it, then: cmo auth set github ({exc})"
        ) from exc
    if not isinstance(held, dict) or not all(isinstance(value, str) for value in held.values()):
        raise ConfigError(f"{path} is not a key file.", hint="Remove it, then: cmo auth set github")
    return held


def system_keyring() -> Keyring | None:
    """The operating system's keyring, or None where the package finds none that works."""
    try:
        import keyring  # 60 ms and more: only when a key is looked for
        from keyring.backends import fail

        ring: Any = keyring.get_keyring()
    except Exception:  # as in `_from_keyring`
        return None
    return None if isinstance(ring, fail.Keyring) else ring


def redact(text: str) -> str:
    """`text` with everything masked that looks like a key, or is one that this process has read, or begins like it."""
    for form in sorted(frozenset().union(*_known.values()), key=len, reverse=True):
        if form in text:
            text = re.sub(re.escape(form) + "[A-Za-z0-9_-]*", MASK, text)
    return _shapes().sub(_mask, text)


def mask_addresses(text: str) -> str:
    """`text` with mail addresses masked; the domain stays."""
    return re.sub(_ADDRESS, lambda match: f"{MASK}@{match[0].rpartition('@')[2]}", text)


def remember_secrets(env: Mapping[str, str]) -> None:
    """Have `redact` mask the values of variables whose names say that they are keys."""
    for name, value in env.items():
        if _SECRET_NAME.search(name):
            for part in (value, *value.split(",")):
                _remember(part)


def _remember(value: str) -> None:
    if len(value) >= _SHORTEST_MASKED and value not in _known:
        _known[value] = frozenset(_forms(value))


def _forms(value: str) -> Iterator[str]:
    """How a service may give a key back: as it is, in a URL, in JSON, and in base64 behind anything (`user:`)."""
    yield value
    yield json.dumps(value)[1:-1]
    yield value.replace("/", "\\/")
    for quoted in (quote(value), quote(value, safe=""), quote_plus(value)):
        yield quoted
        yield re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), quoted)
    data = value.encode("utf-8", "surrogateescape")
    for before in range(3):  # which third of a group it begins in; what is shared with others is left out
        encode = base64.b64encode(bytes(before) + data)
        inner = encode[(0, 2, 3)[before] : (before + len(data)) // 3 * 4].decode()
        yield inner
        yield inner.replace("+", "-").replace("/", "_")


@cache
def _shapes() -> re.Pattern[str]:
    return re.compile(_SHAPES, re.VERBOSE | re.IGNORECASE)  # 5 ms: only when something is masked


def _mask(match: re.Match[str]) -> str:
    for group in ("url", "header", "bearer", "field"):
        if match[group] is not None:
            return f"{match[group]}{MASK}"
    return MASK
