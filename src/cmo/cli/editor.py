"""The operator's editor: ui.editor, VISUAL, EDITOR, else vi."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from cmo.cli.session import Session
from cmo.errors import ConfigError


def edited_text(here: Session, text: str, *, name: str) -> str:
    """`text` as the person left it. The file is theirs alone and gone afterwards.

    Args:
        name: What the file is called, so that the editor shows it.
    Raises:
        ConfigError: the editor cannot be started, or left no text.
    """
    command = here.settings.editor or here.env.get("VISUAL") or here.env.get("EDITOR") or _usual()
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


def _usual() -> str:
    return "notepad" if os.name == "nt" else "vi"
