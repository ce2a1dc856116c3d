"""Lays the layers over one another: flag > job file > environment > project file > user file > default.

`.env` in the project folder fills only variables that are not set. Every layer's value is kept, so that it can be
said which won and which are hidden.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from cmo import paths as places
from cmo.config.secrets import CREDENTIALS, Keyring, SecretStore, remember_secrets, system_keyring
from cmo.config.settings import MODES, SPECS, Origin, Settings, Spec
from cmo.config.tomlfile import TomlFile, read_toml
from cmo.errors import ConfigError
from cmo.paths import Paths

_ENV_ONLY = ("CMO_HOME", "CMO_PROFILE", "CMO_SANDBOX", "CMO_CONFIG")
_TRUE = ("1", "true", "yes", "on")


@dataclass(frozen=True)
class Problem:
    """Something about the settings that a person should know."""

    message: str
    hint: str = ""
    fatal: bool = False
    """The value cannot be used; `load` refuses to go on."""
    file: str = ""
    line: int | None = None
    key: str = ""

    def as_error(self) -> ConfigError:
        details = {"file": self.file, "line": self.line, "key": self.key}
        return ConfigError(self.message, hint=self.hint, details={k: v for k, v in details.items() if v})


@dataclass(frozen=True)
class Sources:
    """Where settings are read from."""

    env: Mapping[str, str]
    folder: Path
    """The project folder: holds `cmo.toml` and `.env`."""
    profile: str | None = None
    """None: CMO_PROFILE, else `default`."""
    config_file: Path | None = None
    """Used in place of the user file; None: CMO_CONFIG, else the platform's place."""
    sandbox: bool = False
    """True, or CMO_SANDBOX=1."""
    flags: Mapping[str, Any] | None = None
    """Setting key -> text of a flag."""
    job: Mapping[str, Any] | None = None
    """Setting key -> value from a job file."""
    keyring: Callable[[], Keyring | None] = system_keyring


def load(sources: Sources) -> Settings:
    """The settings in force.

    Raises:
        ConfigError: a file cannot be read or a value cannot be used; says where and how to fix it.
    """
    settings, problems = inspect(sources)
    for problem in problems:
        if problem.fatal:
            raise problem.as_error()
    return settings


def inspect(sources: Sources) -> tuple[Settings, tuple[Problem, ...]]:
    """The settings as far as they can be used, and everything that is wrong with them.

    Raises:
        ConfigError: a file cannot be read at all, or the profile's name is impossible.
    """
    return _Reading(sources).result()


def find_paths(sources: Sources) -> Paths:
    """Where settings files and data are, without reading any setting. `STATE_DB_URL` and `BLOB_DIR` are not applied."""
    env = {**_read_dotenv(sources.folder / places.DOTENV_NAME), **sources.env}
    return places.locate(env, profile=_profile(sources, env), sandbox=_is_sandbox(sources, env))


def _profile(sources: Sources, env: Mapping[str, str]) -> str:
    return sources.profile or env.get("CMO_PROFILE", "").strip() or places.DEFAULT_PROFILE


SANDBOX_DEFAULTS: Mapping[str, Any] = {
    "mode.sending": "send_allowed",
    "sender.name": "Sam Rivera",
    "sender.email": "sam@sandbox.example",
    "sender.company": "Sandbox Inc",
    "sender.postal_address": "1 Loopback Way, 00127 Localhost",
    "sender.warm_inboxes": ("sam@sandbox.example",),
    "copy.offer": "We make a tool that finds flaky tests in CI logs and shows which commit made them flaky.",
    "copy.question": "Would a report on one of your projects be of use to you?",
}
"""What a fresh sandbox starts with, so that the whole road can be walked; nothing in it reaches anybody."""


def _is_sandbox(sources: Sources, env: Mapping[str, str]) -> bool:
    return sources.sandbox or env.get("CMO_SANDBOX", "").strip().lower() in _TRUE


def _read_dotenv(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    from dotenv import dotenv_values  # 20 ms, and most folders have no .env

    try:
        pairs = dotenv_values(path, interpolate=False, encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"Cannot read {path}: {exc}.", hint="Make it UTF-8 text that you may read.") from exc
    return {name: value for name, value in pairs.items() if value}


class _Reading:
    """One pass over all layers; gathers values, their origins and problems."""

    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self.problems: list[Problem] = []
        self.origins: dict[str, list[Origin]] = {key: [] for key in SPECS}
        self.dotenv_path = sources.folder / places.DOTENV_NAME
        self.dotenv = _read_dotenv(self.dotenv_path)
        self.env = {**self.dotenv, **{name: value for name, value in sources.env.items() if value}}
        self.sandbox = _is_sandbox(sources, self.env)
        self.profile = _profile(sources, self.env)
        self.paths = places.locate(self.env, profile=self.profile, sandbox=self.sandbox)
        remember_secrets(self.env)

    def result(self) -> tuple[Settings, tuple[Problem, ...]]:
        self._given(self.sources.flags, "flag")
        self._given(self.sources.job, "job file")
        self._environment()
        project = self.sources.folder / places.PROJECT_CONFIG_NAME
        self._file(read_toml(project), "project file")
        self._file(self._user_file(), "user file")
        for key, spec in SPECS.items():
            default = SANDBOX_DEFAULTS.get(key, spec.default) if self.sandbox else spec.default
            self.origins[key].append(Origin("default", "", default))
        self._lower_the_ceiling()
        self._close_the_sandbox()
        self._check_dotenv()
        return self._settings(), tuple(self.problems)

    def _given(self, values: Mapping[str, Any] | None, layer: str) -> None:
        for key, raw in (values or {}).items():
            spec = SPECS[key]
            read = spec.kind.from_text if isinstance(raw, str) else spec.kind.from_toml
            self._take(spec, layer, "", raw, read, f"The {layer}")

    def _environment(self) -> None:
        for spec in SPECS.values():
            for own, layer in ((True, "environment"), (False, ".env")):
                for name in spec.env:
                    value = self.env.get(name) if (name in self.sources.env) == own else None
                    if own and value is None:
                        continue
                    value = value if own else self.dotenv.get(name)
                    if value:
                        where = name if own else f"{self.dotenv_path}: {name}"
                        self._take(spec, layer, where, value, spec.kind.from_text, name)
        self._name_unknown_variables()

    def _file(self, file: TomlFile | None, layer: str) -> None:
        if file is None:
            return
        for key, raw in file.values.items():
            line = file.lines.get(key)
            where = f"{file.path}:{line}" if line else str(file.path)
            spec = SPECS.get(key)
            if spec is not None:
                said = f"{file.path}, line {line}" if line else str(file.path)
                self._take(spec, layer, where, raw, spec.kind.from_toml, said, file=str(file.path), line=line)
            else:
                self._name_unknown_setting(file, key, line)

    def _take(
        self,
        spec: Spec,
        layer: str,
        source: str,
        raw: Any,
        read: Callable[[Any], Any],
        said: str,
        *,
        file: str = "",
        line: int | None = None,
    ) -> None:
        try:
            value = read(raw)
        except (ValueError, TypeError, OverflowError):
            shown = raw if isinstance(raw, str) else repr(raw)
            example = spec.kind.to_text(spec.default) or "…"
            self.problems.append(
                Problem(
                    f"{said}: {spec.key} must be {spec.kind.expects}, not {str(shown)[:80]!r}.",
                    hint=f"cmo config set {spec.key} {example}" if file else f"Correct it or leave it out: {said}",
                    fatal=True,
                    file=file,
                    line=line,
                    key=spec.key,
                )
            )
        else:
            self.origins[spec.key].append(Origin(layer, source, value))

    def _name_unknown_setting(self, file: TomlFile, key: str, line: int | None) -> None:
        at = f"{file.path}, line {line}" if line else str(file.path)
        name = key.rpartition(".")[2]
        near = get_close_matches(key, SPECS, 1, 0.6)
        near = near or [known for known in SPECS if known.rpartition(".")[2] == name][:1]
        if name in ("token", "api_key", "key", "secret", "password") or name.upper() in _secret_variables():
            hint = "Keys are not kept in settings files. Remove the line, then: cmo auth set NAME"
        else:
            hint = f"Did you mean {near[0]}?" if near else "cmo config show lists all settings."
        message = f"{at}: there is no setting {key}."
        self.problems.append(Problem(message, hint=hint, file=str(file.path), line=line, key=key))

    def _name_unknown_variables(self) -> None:
        known = [name for spec in SPECS.values() for name in spec.env] + list(_ENV_ONLY)
        for name in sorted(self.env):
            if name.startswith("CMO_") and name not in known:
                near = get_close_matches(name, known, 1, 0.75)
                hint = f"Did you mean {near[0]}?" if near else "cmo help environment lists all variables."
                self.problems.append(Problem(f"There is no variable {name}.", hint=hint, key=name))

    def _lower_the_ceiling(self) -> None:
        """A variable may only make the ceiling lower: what may leave is decided in a file."""
        layers = self.origins["mode.sending"]
        files = next(origin for origin in layers if origin.layer in ("project file", "user file", "default"))
        for origin in [item for item in layers if item.layer in ("environment", ".env")]:
            if MODES.index(origin.value) > MODES.index(files.value):
                layers.remove(origin)
                self.problems.append(
                    Problem(
                        f"{origin.source} cannot raise the ceiling from {files.value} to {origin.value}.",
                        hint=f"Only a settings file can: cmo config set mode.sending {origin.value}",
                        key="mode.sending",
                    )
                )

    def _close_the_sandbox(self) -> None:
        """In the sandbox nothing names an outside service or real data; a model only on this machine."""
        if not self.sandbox:
            return
        self._set_aside("notify", tuple(way for way in self.origins["notify"][0].value if _is_here(way)))
        remote_model = not _is_loopback(self.origins["model.base_url"][0].value)
        for key, spec in SPECS.items():
            if spec.live_only or (remote_model and key == "model.base_url"):
                self._set_aside(key, spec.default)
        if remote_model:
            self._set_aside("model.provider", "rules")

    def _set_aside(self, key: str, value: Any) -> None:
        if self.origins[key][0].value != value:
            self.origins[key].insert(0, Origin("sandbox", "", value))

    def _check_dotenv(self) -> None:
        holds_keys = any(self.dotenv.get(credential.env) for credential in CREDENTIALS.values())
        if holds_keys and not places.is_private(self.dotenv_path):
            self.problems.append(
                Problem(
                    f"{self.dotenv_path} holds keys and may be read by others.", hint=f"chmod 600 {self.dotenv_path}"
                )
            )

    def _user_file(self) -> TomlFile | None:
        named = self.sources.config_file
        if named is None and self.env.get("CMO_CONFIG"):
            named = Path(self.env["CMO_CONFIG"]).expanduser()
        if named is None:
            return read_toml(self.paths.config_file)
        file = read_toml(self.sources.folder / named)
        if file is None:
            raise ConfigError(f"There is no settings file {named}.", hint="Check --config (or CMO_CONFIG).")
        return file

    def _settings(self) -> Settings:
        values = {SPECS[key].attribute: layers[0].value for key, layers in self.origins.items()}
        if not values["operator_name"]:
            values["operator_name"] = _login(self.env)
        if not values["github_graphql_url"]:
            values["github_graphql_url"] = graphql_url(values["github_api_url"])
        settings = Settings(
            paths=self.paths,
            secrets=self._secrets(values),
            profile=self.profile,
            sandbox=self.sandbox,
            origins={key: tuple(layers) for key, layers in self.origins.items()},
            warnings=tuple(f"{p.message} {p.hint}".strip() for p in self.problems if not p.fatal),
            **values,
        )
        return replace(settings, paths=self._moved_paths(settings))

    def _secrets(self, values: Mapping[str, Any]) -> SecretStore:
        return SecretStore(
            env=self.sources.env,
            dotenv={name: value for name, value in self.dotenv.items() if name not in self.sources.env},
            dotenv_path=self.dotenv_path,
            file=self.paths.credentials_file,
            profile=self.profile,
            keyring=self.sources.keyring,
            closed=self.sandbox,
            open_for=("openai",) if _is_loopback(values["openai_base_url"]) else (),
        )

    def _moved_paths(self, settings: Settings) -> Paths:
        db = _sqlite_path(settings.state_db_url, self.problems) if settings.state_db_url else None
        blob = Path(settings.blob_dir).expanduser() if settings.blob_dir else None
        if blob is not None and "://" in settings.blob_dir:
            self.problems.append(
                Problem("BLOB_DIR must be a folder on this machine.", hint="e.g. BLOB_DIR=/var/lib/cmo", fatal=True)
            )
            blob = None
        return self.paths.with_storage(db=db, runs_dir=(self.sources.folder / blob / "runs") if blob else None)


def graphql_url(api_url: str) -> str:
    """The GraphQL address that belongs to a REST address: `…/api/v3` (GitHub Enterprise) -> `…/api/graphql`."""
    if api_url.endswith("/api/v3"):
        return f"{api_url.removesuffix('/v3')}/graphql"
    return f"{api_url}/graphql"


def _sqlite_path(url: str, problems: list[Problem]) -> Path | None:
    """`sqlite:///PATH`; the path is absolute, with or without a slash of its own."""
    parts = urlsplit(url)
    path = unquote(parts.path).lstrip("/")
    if parts.scheme == "sqlite" and not parts.netloc and path:
        return Path("/", path)
    what = "Postgres is not supported yet" if parts.scheme.startswith("postgres") else "It must be sqlite:///PATH"
    problems.append(
        Problem(
            f"STATE_DB_URL cannot be used. {what}.",
            hint="e.g. STATE_DB_URL=sqlite:////home/me/campaign.db, or leave it out.",
            fatal=True,
            key="storage.db_url",
        )
    )
    return None


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    import ipaddress

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_here(way: str) -> bool:
    """Whether a way of being told stays on this machine."""
    return "://" not in way or _is_loopback(way)


def _login(env: Mapping[str, str]) -> str:
    return next((env[name] for name in ("USER", "LOGNAME", "USERNAME") if env.get(name)), "operator")


def _secret_variables() -> set[str]:
    return {credential.env for credential in CREDENTIALS.values()}
