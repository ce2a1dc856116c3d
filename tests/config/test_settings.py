from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cmo.config import SPECS, Settings, Sources, graphql_url, inspect, load
from cmo.domain.job import Caps, Icp, Mode
from cmo.errors import ConfigError


class Place:
    """A home and a project folder, with whatever files a test writes."""

    def __init__(self, root: Path) -> None:
        self.home = root / "own-home"
        self.folder = root / "project"
        self.home.mkdir()
        self.folder.mkdir()

    def sources(self, env: Mapping[str, str] | None = None, **more: Any) -> Sources:
        given = {"CMO_HOME": str(self.home), **(env or {})}
        return Sources(env=given, folder=self.folder, keyring=lambda: None, **more)

    def load(self, env: Mapping[str, str] | None = None, **more: Any) -> Settings:
        return load(self.sources(env, **more))

    def user(self, text: str) -> None:
        (self.home / "config.toml").write_text(text)

    def project(self, text: str) -> None:
        (self.folder / "cmo.toml").write_text(text)

    def dotenv(self, text: str) -> None:
        (self.folder / ".env").write_text(text)
        (self.folder / ".env").chmod(0o600)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_defaults_are_those_of_the_domain(place: Place) -> None:
    settings = place.load()

    assert settings.caps() == Caps()
    assert settings.icp() == Icp()
    assert settings.mode() is Mode.DRAFT_ONLY


def test_every_layer_beats_the_one_below_it_and_all_are_remembered(place: Place) -> None:
    place.user("[caps]\nmax_steps = 2")
    place.project("[caps]\nmax_steps = 3")
    place.dotenv("CMO_MAX_STEPS=4")
    key = "caps.max_steps"

    settings = place.load({"CMO_MAX_STEPS": "5"}, flags={key: "7"}, job={key: 6})
    assert [origin.value for origin in settings.origins[key]] == [7, 6, 5, 4, 3, 2, 40]
    assert settings.max_steps == 7

    settings = place.load()
    assert [(origin.layer, origin.value) for origin in settings.origins[key]] == [
        (".env", 4),
        ("project file", 3),
        ("user file", 2),
        ("default", 40),
    ]


def test_a_dotenv_value_fills_only_what_is_not_set(place: Place) -> None:
    place.dotenv("CMO_MODEL=from-file\nLLM_PROVIDER=rules\n")

    settings = place.load({"CMO_MODEL": "from-shell"})

    assert (settings.model, settings.llm_provider) == ("from-shell", "rules")


def test_a_dotenv_can_move_everything_and_choose_the_sandbox(place: Place, tmp_path: Path) -> None:
    place.dotenv(f"CMO_HOME={tmp_path / 'elsewhere'}\nCMO_SANDBOX=1\n")

    settings = load(Sources(env={}, folder=place.folder, keyring=lambda: None))

    assert settings.sandbox
    assert settings.paths.db == tmp_path / "elsewhere" / "sandbox" / "campaign.db"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("[caps]\nmax_steps = 'many'\n", 2, "caps.max_steps must be a whole number from 1 to 100,000, not 'many'"),
        ("[caps]\n\nmax_steps = true\n", 3, "whole number"),
        ("[caps]\nmax_repos = 3.0\n", 2, "whole number"),
        ("[run]\nstars_range = '2000..100'\n", 2, "range A..B"),
        ("[run]\nlanguages = 'python'\n", 2, "list of words"),
        ("[mode]\nsending = 'always'\n", 2, "one of dry_run, draft_only, send_allowed"),
        ("[caps]\nbudget_usd = nan\n", 2, "a number"),
        ("[github]\napi_url = 'ftp://x'\n", 2, "https://"),
        ("[github]\napi_url = 'https://user:pw@x'\n", 2, "no password"),
    ],
)
def test_a_wrong_value_names_file_line_key_and_fix(place: Place, text: str, line: int, said: str) -> None:
    place.user(text)

    with pytest.raises(ConfigError) as caught:
        place.load()

    assert said in caught.value.message
    assert f"config.toml, line {line}" in caught.value.message
    assert caught.value.details["line"] == line
    assert caught.value.details["key"] in caught.value.hint


def test_a_file_that_is_no_toml_names_the_line(place: Place) -> None:
    place.project("[caps]\nmax_steps = 3\nmax_steps = 4\n")

    with pytest.raises(ConfigError, match=r"cmo\.toml, line \d+"):
        place.load()


@pytest.mark.parametrize("raw", [b"\xff\xfe[", b"x = \x00", b"a" * 1_000_001, b"[" * 5000])
def test_a_broken_file_is_an_error_with_a_way_out(place: Place, raw: bytes) -> None:
    (place.home / "config.toml").write_bytes(raw)

    with pytest.raises(ConfigError) as caught:
        place.load()
    assert caught.value.hint


def test_a_wrong_variable_is_named(place: Place) -> None:
    with pytest.raises(ConfigError, match=r"CMO_STARS_RANGE: run\.stars_range must be a range"):
        place.load({"CMO_STARS_RANGE": "lots"})


def test_an_empty_variable_is_as_one_that_is_not_set(place: Place) -> None:
    assert place.load({"CMO_MAX_STEPS": "", "GITHUB_API_URL": ""}).github_api_url == "https://api.github.com"


def test_unknown_settings_and_variables_get_a_suggestion_and_change_nothing(place: Place) -> None:
    place.user("[caps]\nmax_step = 3\n[quota]\ngithub_token = 'x'\n")

    settings, problems = inspect(place.sources({"CMO_MAX_REPO": "3"}))

    said = "\n".join(f"{problem.message} {problem.hint}" for problem in problems)
    assert "there is no setting caps.max_step. Did you mean caps.max_steps?" in said
    assert "There is no variable CMO_MAX_REPO. Did you mean CMO_MAX_REPOS?" in said
    assert "cmo auth set" in said
    assert (settings.max_steps, settings.max_repos) == (40, 600)
    assert not any(problem.fatal for problem in problems)


def test_a_key_map_is_read_with_dotted_names_quoted_or_not(place: Place) -> None:
    place.user('[ui.keys]\n"drafts.approve" = "f2"\nmove.down = "down,ctrl+j"\n')

    settings, problems = inspect(place.sources())

    assert problems == ()
    assert settings.keys == {"drafts.approve": "f2", "move.down": "down,ctrl+j"}


@pytest.mark.parametrize(
    ("text", "ways"),
    [
        ('"bell"', ("bell",)),
        ('["bell", "desktop", "https://hooks.example/T0/"]', ("bell", "desktop", "https://hooks.example/T0/")),
        ('"none"', ()),
        ('"http://127.0.0.1:8000/x"', ("http://127.0.0.1:8000/x",)),
    ],
)
def test_milestones_may_be_told_in_several_ways(place: Place, text: str, ways: tuple[str, ...]) -> None:
    place.user(f"notify = {text}\n")

    settings, problems = inspect(place.sources())
    assert (settings.notify, problems) == (ways, ())


@pytest.mark.parametrize(
    "text", ['"pigeon"', '"http://hooks.example/x"', '"https://a:b@hooks.example/"', "[1]", "true"]
)
def test_no_other_way_is_taken(place: Place, text: str) -> None:
    place.user(f"notify = {text}\n")

    assert [problem.key for problem in inspect(place.sources())[1] if problem.fatal] == ["notify"]


def test_in_the_sandbox_only_this_machine_is_told(place: Place) -> None:
    env = {"CMO_NOTIFY": "bell,https://hooks.example/x,http://localhost:9/x"}

    assert place.load({**env, "CMO_SANDBOX": "1"}).notify == ("bell", "http://localhost:9/x")
    assert len(place.load(env).notify) == 3


def test_a_theme_is_named_as_it_is_shown(place: Place) -> None:
    place.user('[ui]\ntheme = "High Contrast"\n')

    assert inspect(place.sources())[0].theme == "high-contrast"


def test_every_setting_of_the_specification_is_one(place: Place) -> None:
    place.user(
        'notify = "bell"\n[mode]\nhold_minutes = 10\n'
        '[review]\norder = "flagged_first"\nsample_min = 8\nauto_advance = true\n'
        '[errors]\npause_sending_after = 10\n[ui]\ntheme = "auto"\nmouse = true\nkeymap = "vim"\n'
        '[ui.keys]\n"drafts.approve" = "a"\n'
    )

    settings, problems = inspect(place.sources())

    assert problems == ()
    assert settings.warnings == ()


@pytest.mark.parametrize("where", ["shell", "dotenv"])
def test_no_variable_raises_the_ceiling(place: Place, where: str) -> None:
    env = {"CMO_MODE": "send_allowed"} if where == "shell" else {}
    if where == "dotenv":
        place.dotenv("CMO_MODE=send_allowed")

    settings = place.load(env)

    assert settings.mode() is Mode.DRAFT_ONLY
    assert any("cannot raise the ceiling" in warning for warning in settings.warnings)


def test_a_variable_may_lower_the_ceiling_and_a_file_may_raise_it(place: Place) -> None:
    place.user('[mode]\nsending = "send-allowed"')

    assert place.load().mode() is Mode.SEND_ALLOWED
    assert place.load({"CMO_MODE": "dry-run"}).mode() is Mode.DRY_RUN


@pytest.mark.parametrize(
    ("rest", "graphql"),
    [
        ("https://api.github.com", "https://api.github.com/graphql"),
        ("https://ghe.example/api/v3", "https://ghe.example/api/graphql"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/graphql"),
    ],
)
def test_the_graphql_address_follows_from_the_rest_address(place: Place, rest: str, graphql: str) -> None:
    assert graphql_url(rest) == graphql
    assert place.load({"GITHUB_API_URL": rest + "/"}).github_graphql_url == graphql


def test_the_graphql_address_can_be_set(place: Place) -> None:
    assert place.load({"GITHUB_GRAPHQL_URL": "https://proxy.example/q"}).github_graphql_url == "https://proxy.example/q"


@pytest.mark.parametrize("url", ["sqlite:////data/c.db", "sqlite:///data/c.db"])
def test_the_store_can_be_moved(place: Place, url: str) -> None:
    assert place.load({"STATE_DB_URL": url}).paths.db == Path("/data/c.db")


@pytest.mark.parametrize("url", ["postgres://u@h/db", "sqlite://", "mysql:///x", "/data/c.db"])
def test_a_store_that_cannot_be_used_is_refused(place: Place, url: str) -> None:
    with pytest.raises(ConfigError, match="STATE_DB_URL"):
        place.load({"STATE_DB_URL": url})


def test_the_runs_folder_can_be_moved(place: Place, tmp_path: Path) -> None:
    assert place.load({"BLOB_DIR": str(tmp_path / "blobs")}).paths.runs_dir == tmp_path / "blobs" / "runs"


def test_a_bucket_is_refused(place: Place) -> None:
    with pytest.raises(ConfigError, match="BLOB_DIR"):
        place.load({"BLOB_DIR": "s3://bucket"})


def test_the_sandbox_has_a_home_of_its_own_and_nothing_that_names_the_outside(place: Place, tmp_path: Path) -> None:
    outside = {
        "GITHUB_API_URL": "https://ghe.example/api/v3",
        "CMO_DNS_SERVER": "9.9.9.9",
        "STATE_DB_URL": f"sqlite:///{tmp_path}/real.db",
        "BLOB_DIR": str(tmp_path / "real"),
        "OPENAI_BASE_URL": "https://models.example/v1",
        "LLM_PROVIDER": "openai",
        "OPENAI_API_KEY": "sk-0123456789abcdef0123",
        "GITHUB_TOKEN": "ghp_0123456789abcdef0123",
    }
    settings = place.load(outside, sandbox=True)

    assert settings.paths.db == place.home / "sandbox" / "campaign.db"
    assert settings.paths.runs_dir.is_relative_to(place.home / "sandbox")
    assert (settings.github_api_url, settings.dns_server, settings.openai_base_url) == (
        "https://api.github.com",
        "",
        "",
    )
    assert settings.planner() == "rules"
    assert settings.github_tokens() == ()
    assert settings.secrets.find("openai") is None
    assert settings.origins["github.api_url"][0].layer == "sandbox"


@pytest.mark.parametrize("url", ["https://proxy.example/graphql", "http://localhost:8080", "http://[::1]:8080/graphql"])
def test_linears_key_travels_in_the_open_on_this_machine_only(place: Place, url: str) -> None:
    assert place.load({"LINEAR_API_URL": url}).linear_api_url == url
    with pytest.raises(ConfigError, match="http:// for this machine"):
        place.load({"LINEAR_API_URL": "http://proxy.example/graphql"})


def test_the_sandbox_takes_a_model_on_this_machine(place: Place) -> None:
    env = {"OPENAI_BASE_URL": "http://127.0.0.1:11434/v1", "OPENAI_API_KEY": "local-key-0123456789"}

    settings = place.load(env, sandbox=True)

    assert settings.openai_base_url == "http://127.0.0.1:11434/v1"
    assert settings.planner() == "openai"


def test_the_sandbox_does_not_read_the_users_file(place: Place) -> None:
    place.user("[caps]\nmax_steps = 2")

    assert place.load(sandbox=True).max_steps == 40


def test_profiles_are_kept_apart(place: Place) -> None:
    default, work = place.load(), place.load(profile="work")

    assert work.paths.db == place.home / "profiles" / "work" / "campaign.db"
    assert default.paths.db != work.paths.db
    assert place.load({"CMO_PROFILE": "work"}).paths == work.paths


@pytest.mark.parametrize("name", ["../x", "A", "", "a/b", ".", "x" * 41])
def test_an_impossible_profile_is_refused(place: Place, name: str) -> None:
    if not name:
        assert place.load(profile=name).profile == "default"
        return
    with pytest.raises(ConfigError, match="profile"):
        place.load(profile=name)


def test_another_settings_file_takes_the_place_of_the_users(place: Place) -> None:
    place.user("[caps]\nmax_steps = 2")
    (place.folder / "other.toml").write_text("[caps]\nmax_steps = 9")

    assert place.load(config_file=Path("other.toml")).max_steps == 9
    assert place.load({"CMO_CONFIG": str(place.folder / "other.toml")}).max_steps == 9
    with pytest.raises(ConfigError, match=r"no settings file"):
        place.load(config_file=Path("missing.toml"))


def test_every_setting_survives_its_own_text_and_toml_forms() -> None:
    import tomllib

    for spec in SPECS.values():
        default = spec.default
        if isinstance(default, dict):
            default = {"drafts.approve": "a"} if spec.key == "ui.keys" else {"mx_check": 50}
        if default not in ("", None):
            assert spec.kind.from_text(spec.kind.to_text(default)) == default, spec.key
        literal = tomllib.loads(f"value = {spec.kind.to_toml(default)}")["value"]
        assert spec.kind.from_toml(literal) == default, spec.key


def test_keys_and_variables_are_unique_and_described() -> None:
    names = [name for spec in SPECS.values() for name in spec.env]

    assert len(names) == len(set(names))
    assert all(spec.about.endswith(".") and spec.env for spec in SPECS.values())


def test_the_operator_is_named_by_setting_else_by_login(place: Place) -> None:
    assert place.load({"USER": "ana"}).actor == "operator:ana"
    assert place.load({"USER": "ana", "CMO_OPERATOR": "sebastian"}).actor == "operator:sebastian"
    assert place.load().actor == "operator:operator"


def test_settings_never_show_a_key(place: Place) -> None:
    settings = place.load({"OPENAI_API_KEY": "sk-0123456789abcdef0123"})
    found = settings.secrets.find("openai")

    assert found is not None
    shown = [str(found), repr(found), f"{found:>40}", f"{found!r}", json.dumps({"k": found}, default=str)]
    assert not any("0123456789" in text for text in shown)
