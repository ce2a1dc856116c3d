"""Where things are kept: the only module that knows folders.

Live data follows the platform's habits (XDG on Linux) or, with `CMO_HOME`, one folder. A profile other than `default`
and the sandbox each have a home of their own, so that neither can touch what the default holds.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from cmo.errors import ConfigError, OutputUnwritable

APP = "cmo"
DEFAULT_PROFILE = "default"
DB_NAME = "campaign.db"
CONFIG_NAME = "config.toml"
PROJECT_CONFIG_NAME = "cmo.toml"
DOTENV_NAME = ".env"

_PROFILE = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_FOLDER_MODE = 0o700
_FILE_MODE = 0o600


@dataclass(frozen=True)
class Paths:
    """Absolute places; nothing is created until `ensure_*` is called."""

    config_dir: Path
    data_dir: Path
    state_dir: Path
    cache_dir: Path
    db: Path
    """The store."""
    runs_dir: Path
    """One folder for each job: snapshot, artifacts, log."""

    @property
    def config_file(self) -> Path:
        """The user's settings."""
        return self.config_dir / CONFIG_NAME

    @property
    def credentials_file(self) -> Path:
        """Keys, where the system has no keyring; owner-only."""
        return self.config_dir / "credentials.json"

    @property
    def graph_dir(self) -> Path:
        """The graph's bookmarks; losing it loses a place, no fact."""
        return self.data_dir / "graph"

    @property
    def sandbox_dir(self) -> Path:
        """The books of the built-in world; used only in a sandbox home."""
        return self.data_dir / "world"

    @property
    def logs_dir(self) -> Path:
        return self.state_dir / "logs"

    @property
    def reports_dir(self) -> Path:
        """Reports of faults, masked."""
        return self.state_dir / "reports"

    def run_dir(self, job_id: str) -> Path:
        """The folder of a job. `job_id` is a stored id, never outside text."""
        if not re.fullmatch(r"cmo-\d{8}-\d{6}(-\d{1,4})?", job_id):
            raise ValueError(f"not a job id: {job_id!r}")
        return self.runs_dir / job_id

    def with_storage(self, *, db: Path | None = None, runs_dir: Path | None = None) -> Paths:
        """The same places with the store or the runs folder moved."""
        return replace(self, db=db or self.db, runs_dir=runs_dir or self.runs_dir)


def locate(env: Mapping[str, str], *, profile: str = DEFAULT_PROFILE, sandbox: bool = False) -> Paths:
    """The places for a profile, live or sandbox. Touches no disk.

    Args:
        env: `CMO_HOME` moves everything into one folder.
    Raises:
        ConfigError: the profile's name cannot be a folder's name.
    """
    if not _PROFILE.fullmatch(profile):
        raise ConfigError(
            f"{profile!r} cannot be a profile's name.",
            hint="Use lower-case letters, digits, - and _, at most 40, e.g. --profile work",
        )
    home = env.get("CMO_HOME", "").strip()
    roots = _roots_in(Path(home).expanduser().absolute()) if home else _platform_roots()
    config, data, state, cache = roots
    if profile != DEFAULT_PROFILE:
        config, data, state, cache = (root / "profiles" / profile for root in roots)
    if sandbox:
        config, data, state, cache = _roots_in(data / "sandbox")
    return Paths(
        config_dir=config,
        data_dir=data,
        state_dir=state,
        cache_dir=cache,
        db=data / DB_NAME,
        runs_dir=data / "runs",
    )


def ensure_folder(folder: Path) -> Path:
    """Create `folder` and what is missing above it, owner-only (0700); a folder that exists is left as it is.

    Raises:
        OutputUnwritable: the disk is full or read-only, or a file is in the way.
    """
    missing: list[Path] = []
    probe = folder
    while not probe.exists():
        missing.append(probe)
        probe = probe.parent
    try:
        for part in reversed(missing):
            part.mkdir(mode=_FOLDER_MODE, exist_ok=True)
        if not folder.is_dir():
            raise NotADirectoryError(f"{folder} is a file")
    except OSError as exc:
        raise OutputUnwritable(
            f"Cannot create the folder {folder}: {exc.strerror or exc}.",
            hint="Check the disk and who owns the folder above it, or set CMO_HOME to a folder you can write.",
        ) from exc
    return folder


def write_private(path: Path, text: str) -> None:
    """Replace `path` by `text` in one step, readable by the owner only (0600).

    Raises:
        OutputUnwritable: the disk is full or the folder cannot be written.
    """
    ensure_folder(path.parent)
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _FILE_MODE)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            os.chmod(draft, _FILE_MODE)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except OSError as exc:
        draft.unlink(missing_ok=True)
        raise OutputUnwritable(
            f"Cannot write {path}: {exc.strerror or exc}.", hint="Free some space, or check who owns the folder."
        ) from exc


def is_private(path: Path) -> bool:
    """Whether nobody but the owner may read `path`. True where the system has no such bits."""
    return os.name != "posix" or path.stat().st_mode & 0o077 == 0


def _roots_in(home: Path) -> tuple[Path, Path, Path, Path]:
    return home, home, home / "state", home / "cache"


def _platform_roots() -> tuple[Path, Path, Path, Path]:
    from platformdirs import PlatformDirs  # 20 ms, and not needed with CMO_HOME

    dirs = PlatformDirs(APP, appauthor=False)
    return dirs.user_config_path, dirs.user_data_path, dirs.user_state_path, dirs.user_cache_path
