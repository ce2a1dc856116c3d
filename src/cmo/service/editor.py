"""The operator's editor: ui.editor, VISUAL, EDITOR, else vi."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from cmo.config import Settings
from cmo.errors import ConfigError


def editor_of(settings: Settings, env: Mapping[str, str]) -> str:
    """The command that opens it."""
    return settings.editor or env.get("VISUAL") or env.get("EDITOR") or ("notepad" if os.name == "nt" else "vi")


def edited_text(command: str, text: str, *, name: str) -> str:
    """`text` as the person left it, in the terminal of this process. The file is theirs alone and gone afterwards.

    Args:
        command: As `editor_of` gives it.
        name: What the file is called, so that the editor shows it.
    Raises:
        ConfigError: the editor cannot be started, or left no text.
    """
    with tempfile.TemporaryDirectory(prefix="cmo-") as folder:
        path = Path(folder) / name
        path.write_text(text, encoding="utf-8")
        try:
            ended = subprocess.run([*shlex.split(command), str(path)], check=False)
            if ended.returncode:
                raise ConfigError(f"The editor ended with {ended.returncode}; nothing was changed.")
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as exc:
            raise ConfigError(
                f"The editor {command!r} cannot be used: {exc}.", hint="cmo config set ui.editor nano"
            ) from exc
