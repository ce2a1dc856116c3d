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


def has_secret(data_dir: Path) -> bool:
    """Whether this data folder has its secret already."""
    return (data_dir / FILE).exists()


def installation_secret(data_dir: Path) -> bytes:
    """The secret of this data folder, made on first use, owner-only.

    Raises:
        ConfigError: the file is there but not as it was written.
    """
    path = ensure_folder(data_dir) / FILE
    if not path.exists():
        _make(path)
    secret = path.read_bytes()
    if len(secret) != BYTES:
        raise ConfigError(
            f"{path} is not as cmo wrote it.",
            hint="Restore it from a backup: without it, erased people are no longer recognised.",
        )
    return secret


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
