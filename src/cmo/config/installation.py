"""The installation's own secret: what keyed hashes of addresses are made with. Without it they cannot be guessed at."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from cmo.errors import ConfigError
from cmo.paths import ensure_folder

FILE = "installation.key"
BYTES = 32
RESTORE = (
    "Restore it from a backup: without it, erased people are not recognised. If it is lost for good, start with"
    " another CMO_HOME and take along: cmo leads suppress --export FILE"
)


def read_secret(data_dir: Path) -> bytes | None:
    """The secret of this data folder; None where there is none.

    Raises:
        ConfigError: the file cannot be read, or is not as it was written.
    """
    path = data_dir / FILE
    try:
        secret = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise ConfigError(f"{path} cannot be read: {exc.strerror or exc}.", hint=f"chmod 600 {path}") from exc
    if len(secret) != BYTES:
        raise ConfigError(f"{path} is not as cmo wrote it.", hint=RESTORE)
    return secret


def make_secret(data_dir: Path) -> bytes:
    """The same, made where it is missing, owner-only.

    Raises:
        ConfigError: as `read_secret`.
    """
    secret = read_secret(data_dir)
    while secret is None:
        _make(ensure_folder(data_dir) / FILE)
        secret = read_secret(data_dir)
    return secret


def fingerprint(secret: bytes) -> str:
    """What tells this secret from others and gives nothing of it away."""
    return opaque_token(secret, "fingerprint", "")


def opaque_token(secret: bytes, purpose: str, text: str) -> str:
    """32 hex digits that stand for `text` and give nothing of it away."""
    return hmac.new(secret, f"{purpose}:{text}".encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:32]


def _make(path: Path) -> None:
    """Put a whole file in place, or leave the one that another process was quicker with."""
    part = path.with_name(f"{FILE}.{secrets.token_hex(8)}")
    descriptor = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(BYTES))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(part, path)
    finally:
        part.unlink()
