"""Job files: strict, explained, and read back as the same plan."""

from __future__ import annotations

import os
import time
from datetime import date
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmo.config.jobfile import SETTINGS, JobFile, load_job_file, render_job_file
from cmo.config.jobtext import MAX_BYTES
from cmo.config.settings import SPECS
from cmo.domain.grammar.tokens import word_list
from cmo.domain.job import Caps, Icp, Mode, Plan, Role, Stage, StarsRange
from cmo.domain.text import clean_line
from cmo.errors import JobFileError

TODAY = date(2026, 11, 20)
EXAMPLES = Path(__file__).parents[2] / "examples" / "jobs"

Form = Literal["yaml", "toml"]


def write(folder: Path, text: str | bytes, form: str = "yaml") -> Path:
    path = folder / f"job.{form}"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def load(folder: Path, text: str | bytes, form: str = "yaml", **more: Any) -> JobFile:
    return load_job_file(write(folder, text, form), today=TODAY, **more)


def refusal(folder: Path, text: str | bytes, form: str = "yaml") -> JobFileError:
    with pytest.raises(JobFileError) as caught:
        load(folder, text, form)
    error = caught.value
    assert error.hint
    assert str(folder / f"job.{form}") in error.message
    assert set(error.details) == {"file", "line", "key", "nearest"}
    return error


# --- what a file means


def test_a_goal_alone_is_a_job(tmp_path: Path) -> None:
    plan = load(tmp_path, "goal: find 300 rust maintainers, dry run\n").plan
    assert (plan.target, plan.icp.languages, plan.mode) == (300, ("rust",), Mode.DRY_RUN)


def test_every_key_is_taken(tmp_path: Path) -> None:
    file = load(
        tmp_path,
        """
        goal: find people
        target: 500
        icp:
          keywords: [code review]
          languages: [py, Go]
          stars_range: 50..500
          activity_days: 30
          topics: [ci]
          location: Berlin
          roles: [maintainer]
          exclude: [crypto, forks]
        caps:
          max_steps: 20
          max_repos: 100
          max_people: 400
          max_tool_calls: 50
          max_tool_calls_per_kind: {mx_check: 5}
          top_authors_per_repo: 3
          checkpoint_every: 50
          budget_usd: 5
        mode: send_allowed
        channel: sms
        mailer: smartlead
        sequence_id: "123"
        crm: attio
        list_id: abc
        start_on: 2026-12-01
        until: draft
        notify: desktop
        settings:
          quota.max_emails_per_day: 10
          model:
            provider: rules
        """,
    )
    plan = file.plan
    assert plan.target == 500
    assert plan.icp == Icp(
        keywords=("code review",), languages=("python", "go"), stars_range=StarsRange(low=50, high=500),
        activity_days=30, topics=("ci",), location="Berlin", roles=(Role.MAINTAINER,), exclude=("crypto", "forks"),
    )  # fmt: skip
    assert plan.caps == Caps(
        max_steps=20, max_repos=100, max_people=400, max_tool_calls=50, max_tool_calls_per_kind={"mx_check": 5},
        top_authors_per_repo=3, checkpoint_every=50, budget_usd=5.0,
    )  # fmt: skip
    assert (plan.mode, plan.channel, plan.mailer, plan.crm) == (Mode.SEND_ALLOWED, "sms", "smartlead", "attio")
    assert (plan.sequence_id, plan.list_id) == ("123", "abc")
    assert (plan.start_on, plan.until) == (date(2026, 12, 1), Stage.DRAFT)
    assert file.settings == {"quota.max_emails_per_day": 10, "model.provider": "rules"}
    assert file.notify == "desktop"


@pytest.mark.parametrize("stars", ["50..500", "{low: 50, high: 500}", "[50, 500]"])
def test_stars_may_be_written_in_three_ways(tmp_path: Path, stars: str) -> None:
    plan = load(tmp_path, f"goal: find people\nicp:\n  stars_range: {stars}\n").plan
    assert plan.icp.stars_range == StarsRange(low=50, high=500)


def test_target_and_profile_make_a_job_without_a_goal(tmp_path: Path) -> None:
    plan = load(tmp_path, 'target = 40\n[icp]\nlanguages = ["go"]\n', "toml").plan
    assert plan.goal.startswith("find 40 go people")
    assert plan.assumptions == ()


def test_a_key_beats_the_goal_and_the_contradiction_is_stated(tmp_path: Path) -> None:
    file = load(tmp_path, "goal: find 300 rust devs in Berlin\ntarget: 500\nicp:\n  languages: [go]\n")
    assert (file.plan.target, file.plan.icp.languages, file.plan.icp.location) == (500, ("go",), "Berlin")
    assert "target: the goal says 300, the file's own key says 500; 500 holds." in file.plan.assumptions
    assert any(text.startswith("icp.languages: the goal says rust") for text in file.plan.assumptions)


def test_a_key_that_agrees_with_the_goal_says_nothing(tmp_path: Path) -> None:
    plan = load(
        tmp_path, "goal: find 300 rust devs, no crypto, topics ci, stars 1..2, active 9 days\ntarget: 300\n"
    ).plan
    assert plan.assumptions == ()


def test_nothing_is_assumed_or_asked_where_a_key_decides(tmp_path: Path) -> None:
    file = load(tmp_path, "goal: find 100-200 people\ntarget: 150\nicp: {languages: [go], topics: [cli]}\n")
    assert not any("No number" in text or "No language" in text for text in file.plan.assumptions)
    assert file.questions == ()


def test_an_empty_value_takes_back_what_the_goal_says(tmp_path: Path) -> None:
    plan = load(
        tmp_path, "goal: find 20 py devs in Berlin, seq=1, budget $5\nicp: {location: }\nsequence_id: ''\n"
    ).plan
    assert plan.icp.location is None
    assert plan.sequence_id is None
    assert plan.caps.budget_usd == 5


def test_what_neither_says_comes_from_the_settings(tmp_path: Path) -> None:
    defaults = Plan(goal="", target=9, icp=Icp(languages=("go",)), caps=Caps(max_repos=7))
    plan = load(tmp_path, "goal: find people\n", defaults=defaults).plan
    assert (plan.target, plan.icp.languages, plan.caps.max_repos) == (9, ("go",), 7)


def test_asking_for_send_allowed_is_kept_for_the_service_to_judge(tmp_path: Path) -> None:
    plan = load(tmp_path, "goal: find 20 py devs\nmode: send-allowed\n").plan
    assert plan.mode is Mode.SEND_ALLOWED
    assert any("wait for your approval" in text for text in plan.assumptions)


@pytest.mark.parametrize("whom", ["goal: find 20 py devs", "target: 20\nicp: {languages: [python]}"])
def test_a_first_day_in_the_past_means_at_once_and_is_said(tmp_path: Path, whom: str) -> None:
    plan = load(tmp_path, f"{whom}\nstart_on: 2020-01-01\n").plan
    assert plan.start_on is None
    assert "start_on: 2020-01-01 is in the past: the start is at once." in plan.assumptions
    assert load(tmp_path, f"{whom}\nstart_on: {TODAY}\n").plan.start_on == TODAY


def test_the_usual_topics_suit_the_language_of_the_file(tmp_path: Path) -> None:
    plan = load(tmp_path, "goal: find 20 maintainers\nicp: {languages: [rust]}\n").plan
    assert plan.icp.topics == ("ci", "testing", "devtools", "llm")


@pytest.mark.parametrize("name", ["go-devtools.toml", "py-maintainers.yaml"])
def test_the_examples_do_not_speak_of_an_older_version(name: str) -> None:
    text = (Path(__file__).parents[2] / "examples" / "jobs" / name).read_text("utf-8")
    assert "this version" not in text
    assert "without effect so far" not in text


def test_a_sentence_alone_never_asks_for_more_than_drafts(tmp_path: Path) -> None:
    assert load(tmp_path, "goal: find 20 py devs and send them, mode=send_allowed\n").plan.mode is Mode.DRAFT_ONLY


def test_words_of_the_goal_that_mean_nothing_are_kept(tmp_path: Path) -> None:
    assert load(tmp_path, "goal: find 20 fluffy py devs\n").unread == ("fluffy",)


def test_days_stay_days_in_both_forms(tmp_path: Path) -> None:
    for text, form in (
        ("goal: find people\nstart_on: 2026-12-01\n", "yaml"),
        ('goal="find people"\nstart_on=2026-12-01', "toml"),
    ):
        assert load(tmp_path, text, form).plan.start_on == date(2026, 12, 1)


def test_an_alias_may_repeat_a_list(tmp_path: Path) -> None:
    text = "goal: find people\nicp:\n  topics: &words [ci, cli]\n  keywords: *words\n"
    assert load(tmp_path, text).plan.icp.keywords == ("ci", "cli")


def test_text_is_cleaned_on_entry(tmp_path: Path) -> None:
    plan = load(tmp_path, 'goal: "find 20 py devs\\e]0;x\\a"\nicp: {keywords: ["a\\u202eb"]}\n').plan
    assert plan.goal == "find 20 py devs]0;x"
    assert plan.icp.keywords == ("ab",)


# --- files that cannot be read


def test_a_missing_file_a_folder_and_a_wrong_ending_are_named(tmp_path: Path) -> None:
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "job.json").write_text("{}")
    for name, what in (("none.yaml", "no such file"), ("folder.yaml", "folder"), ("job.json", "ends in .yaml")):
        with pytest.raises(JobFileError, match=what) as caught:
            load_job_file(tmp_path / name, today=TODAY)
        assert caught.value.hint


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "job.yaml")
    with pytest.raises(JobFileError, match="not a regular file"):
        load_job_file(tmp_path / "job.yaml", today=TODAY)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_of_others_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, "goal: find people\n")
    path.chmod(0)
    with pytest.raises(JobFileError, match="cannot be read"):
        load_job_file(path, today=TODAY)


def test_a_name_with_a_nul_is_refused() -> None:
    with pytest.raises(JobFileError, match="cannot be read"):
        load_job_file(Path("a\x00b.yaml"), today=TODAY)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "the file is empty"),
        (b" \n\t\n", "the file is empty"),
        (b"\xef\xbb\xbf", "the file is empty"),
        (b"goal: x\n\x00\x01\x02", "line 2: this is binary data"),
        (b"goal: x\ncaf\xe9: 1\n", "line 2: this is not UTF-8 text"),
        ("goal: x".encode("utf-16"), "the file is UTF-16"),
        (b"#" * (MAX_BYTES + 1), "larger than 1 MB"),
    ],
)
@pytest.mark.parametrize("form", ["yaml", "toml"])
def test_bytes_that_are_no_text_are_refused(tmp_path: Path, content: bytes, what: str, form: str) -> None:
    assert what in refusal(tmp_path, content, form).message


@pytest.mark.parametrize(
    ("text", "form"), [("goal: find 20 py devs\n", "yaml"), ('goal = "find 20 py devs"\n', "toml")]
)
def test_byte_order_marks_and_windows_lines_do_no_harm(tmp_path: Path, text: str, form: str) -> None:
    content = (
        b"\xef\xbb\xbf" + f"# a\n{text}target{': ' if form == 'yaml' else ' = '}30\n".replace("\n", "\r\n").encode()
    )
    assert load(tmp_path, content, form).plan.target == 30


# --- files that do not parse


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ('goal: "find\n', 2, "unexpected end of stream"),
        ("goal: find people\n  target: 3\n", 2, "mapping values"),
        ("goal: find people\n\ttarget: 3\n", 2, "cannot start any token"),
        ("- goal\n- target\n", 1, "`key: value` lines"),
        ("just text\n", 1, "`key: value` lines"),
        ("goal: a\n---\ngoal: b\n", 2, "one file holds one job"),
        ("goal: find people\ntarget: 5\ntarget: 6\n", 3, "stands twice, first in line 2"),
        ("goal: find people\nicp:\n  topics: [a]\n  topics: [b]\n", 4, "icp.topics: stands twice"),
        ("goal: find people\n1: x\n", 2, "a key must be a word"),
        ("goal: find people\n? [a, b]\n: c\n", 2, "a key must be a word"),
        ("base: &b {target: 3}\n<<: *b\n", 2, "merges are not taken"),
        ("goal: !!python/object/apply:os.system [ls]\n", 1, "tag"),
        ("goal: !!binary aGk=\n", 1, "tag"),
        ("goal: find people\nicp: !!set {a, b}\n", 2, "tag"),
        ("goal: *nowhere\n", 1, "undefined alias"),
        ("goal: find people\ntarget: .nan\n", 2, "is no number"),
        ("goal: find people\ncaps: {budget_usd: .inf}\n", 2, "is no number"),
        ("goal: find people\ntarget: 1e999999\n", 2, "must be a whole number"),
        ("goal: find people\ncaps: {budget_usd: 1.0e+999}\n", 2, "is no number"),
        ("goal: find people\ntarget: 0x1F\n", 2, "is no number"),
        ("goal: find people\ntarget: 010\n", 2, "is no number"),
        ("goal: find people\ntarget: 1:30\n", 2, "is no number"),
        ("goal: find people\ntarget: " + "9" * 5000 + "\n", 2, "is no number"),
        ("goal: find \x07people\n", 1, "characters that YAML does not allow"),
    ],
)
def test_yaml_that_is_wrong_is_refused_with_its_line(tmp_path: Path, text: str, line: int, what: str) -> None:
    error = refusal(tmp_path, text)
    assert what in error.message
    assert error.details["line"] == line


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("goal = find people\n", 1, "Invalid value"),
        ('goal = "a"\ngoal = "b"\n', 2, "overwrite"),
        ('goal = "a"\n[icp]\n[icp]\n', 3, "twice"),
        ('goal = "find people"\n\ntarget = nan\n', 3, "is no number"),
        ('goal = "find people"\n[caps]\nbudget_usd = inf\n', 3, "is no number"),
        ('goal = "find people"\nstart_on = 2026-12-01T10:00:00\n', 2, "time of day"),
        ('goal = "find people"\nuntil = 07:30:00\n', 2, "time of day"),
        (f'goal = "find people"\ntarget = {"9" * 30}\n', 2, "too large"),
        ('goal = "find people\n', 1, "Illegal character"),
        ('goal = """find people\n', 1, "Unterminated string"),
    ],
)
def test_toml_that_is_wrong_is_refused_with_its_line(tmp_path: Path, text: str, line: int, what: str) -> None:
    error = refusal(tmp_path, text, "toml")
    assert what in error.message
    assert error.details["line"] == line


def test_an_alias_bomb_is_refused_at_once(tmp_path: Path) -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    start = time.perf_counter()
    assert "more than 10,000 values" in refusal(tmp_path, "\n".join(rows)).message
    assert time.perf_counter() - start < 10


def test_an_alias_to_itself_is_refused(tmp_path: Path) -> None:
    assert "nested more than 20 deep" in refusal(tmp_path, "goal: &g [*g]\n").message


@pytest.mark.parametrize("form", ["yaml", "toml"])
@pytest.mark.parametrize("depth", [30, 50_000])
def test_deep_nesting_is_refused(tmp_path: Path, form: str, depth: int) -> None:
    text = ("goal: " if form == "yaml" else "goal = ") + "[" * depth + "]" * depth + "\n"
    assert "nested more than 20 deep" in refusal(tmp_path, text, form).message


@pytest.mark.parametrize("form", ["yaml", "toml"])
def test_too_many_values_are_refused(tmp_path: Path, form: str) -> None:
    text = ("goal: [" if form == "yaml" else "goal = [") + "1," * 20_000 + "1]\n"
    assert "more than 10,000 values" in refusal(tmp_path, text, form).message


# --- keys and values


@pytest.mark.parametrize(
    ("text", "line", "key", "hint"),
    [
        ("goal: find people\ntargt: 5\n", 2, "targt", "Did you mean target?"),
        ("goal: find people\ncaps:\n  max_reops: 5\n", 3, "caps.max_reops", "Did you mean caps.max_repos?"),
        ("goal: find people\nmax_repos: 5\n", 2, "max_repos", "max_repos belongs under caps."),
        ("goal: find people\ntopics: [ci]\n", 2, "topics", "topics belongs under icp."),
        ("goal: find people\nicp: {max_repos: 5}\n", 2, "icp.max_repos", "max_repos belongs under caps."),
        ("goal: find people\ncaps.max_repos: 5\n", 2, "caps.max_repos", "Write max_repos below caps."),
        ("goal: find people\nzzzz: 5\n", 2, "zzzz", "Known are goal"),
        ("goal: find people\nassumptions: [x]\n", 2, "assumptions", "Known are goal"),
        ("goal: find people\nicp: {pushed_before_days: 5}\n", 2, "icp.pushed_before_days", "Known are goal"),
        ("goal: find people\ngithub_token: x\n", 2, "github_token", "cmo auth set NAME"),
        ('goal: find people\n"\\e[31mtarget": 5\n', 2, "[31mtarget", "target"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_known(
    tmp_path: Path, text: str, line: int, key: str, hint: str
) -> None:
    error = refusal(tmp_path, text)
    assert (error.details["line"], error.details["key"]) == (line, key)
    assert hint in error.hint
    assert "\x1b" not in error.message


def test_toml_names_the_line_of_the_key_at_any_depth(tmp_path: Path) -> None:
    text = '''# a comment with "quotes and [brackets
goal = """
find 20 py devs
[icp]
target = 1
"""

[icp]
keywords = [
  "a]", # "]
  'b',
]
"languages" = ["go"]
[caps]
max_repos = true
'''
    error = refusal(tmp_path, text, "toml")
    assert (error.details["line"], error.details["key"]) == (15, "caps.max_repos")


def test_toml_names_the_line_of_a_dotted_key(tmp_path: Path) -> None:
    error = refusal(tmp_path, 'goal = "find people"\ncaps.max_repos = 5\nicp . "topics" = 7\n', "toml")
    assert (error.details["line"], error.details["key"]) == (3, "icp.topics")


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("target: true", "target: must be a whole number from 1 to 10,000,000, not true"),
        ("target: yes", "not true"),
        ("target: 3.0", "must be a whole number"),
        ('target: "300"', "must be a whole number"),
        ("target: 2k", "must be a whole number"),
        ("target: 0", "must be a whole number"),
        ("target: -5", "must be a whole number"),
        ("target:", "not nothing"),
        ("target: [1]", "not a list"),
        ("mode: yolo", "must be one of dry_run, draft_only, send_allowed"),
        ("mode: true", "must be one of"),
        ("channel: pigeon", "must be one of call, email, linkedin, sms"),
        ("mailer: sendmail", "must be one of"),
        ("sequence_id: 123", "must be an id"),
        ("sequence_id: ../../etc", "must be an id"),
        ("start_on: 2026-02-30", "must be a day"),
        ("start_on: 2026-12-01 10:00:00", "must be a day"),
        ("start_on: monday", "must be a day"),
        ("until: soon", "must be one of initialization"),
        ("notify: pigeon", "must be bell, desktop, none or an https address"),
        ("notify: http://evil.example/x", "must be bell"),
        ("notify: https://user:pass@x.example/", "must be bell"),
        ("icp: [a]", "icp: must be a table"),
        ("icp:", "icp: must be a table"),
        ("icp: {topics: ci}", "icp.topics: must be a list of GitHub topics"),
        ("icp: {topics: [a b/c]}", "icp.topics: must be a list of GitHub topics"),
        ("icp: {topics: [1]}", "icp.topics: must be a list"),
        ("icp: {languages: [no]}", "icp.languages: must be a list of languages"),
        ("icp: {location: NO}", "icp.location: must be a place, such as Berlin, not false"),
        ("icp: {roles: [king]}", "icp.roles: must be a list of maintainer and contributor"),
        ("icp: {stars_range: 500..50}", "icp.stars_range: must be a range"),
        ("icp: {stars_range: {low: 5}}", "icp.stars_range: must be a range"),
        ("icp: {stars_range: [true, 5]}", "icp.stars_range: must be a range"),
        ("icp: {activity_days: 4000}", "icp.activity_days: must be a whole number from 1 to 3,650"),
        ("caps: {budget_usd: -1}", "caps.budget_usd: must be an amount"),
        ("caps: {budget_usd: true}", "caps.budget_usd: must be an amount"),
        ("caps: {max_tool_calls_per_kind: {mx_check: true}}", "must be tools with whole numbers"),
        ("caps: {max_tool_calls_per_kind: {../x: 1}}", "must be tools with whole numbers"),
        ("settings: {quota.max_emails_per_day: true}", "settings.quota.max_emails_per_day: must be a whole number"),
        ("settings: {quota: {max_emails_per_day: 5}, quota.max_emails_per_day: 6}", "stands twice"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(tmp_path: Path, value: str, what: str) -> None:
    error = refusal(tmp_path, f"goal: find people\n{value}\n")
    assert what in error.message
    assert error.details["line"] == 2


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("quota.max_emails_per_dya", "Did you mean quota.max_emails_per_day?"),
        ("mode.sending", "cmo config set mode.sending"),
        ("operator.name", "cmo config set operator.name"),
        ("model.base_url", "cmo config set model.base_url"),
        ("github.api_url", "cmo config set github.api_url"),
        ("storage.db_url", "cmo config set storage.db_url"),
        ("caps.max_repos", "It is a key of the job itself: caps.max_repos."),
    ],
)
def test_settings_that_a_job_must_not_change_are_refused(tmp_path: Path, key: str, hint: str) -> None:
    assert hint in refusal(tmp_path, f"goal: find people\nsettings:\n  {key}: 5\n").hint


def test_every_setting_a_job_may_change_exists_and_names_no_outside_service() -> None:
    assert all(key in SPECS and not SPECS[key].live_only for key in SETTINGS)


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("target: 5\n", 1, "a goal is missing"),
        ("icp: {languages: [go]}\n", 1, "a goal is missing"),
        ("\ngoal: 5\n", 2, "must be a sentence"),
        ("goal:\n", 1, "must be a sentence, not nothing"),
        ("goal: ''\n", 1, "The goal is empty"),
        ("goal: hello\n", 1, "does not say whom to find"),
        (f"goal: find 5 py devs {'x ' * 1500}\n", 1, "too long"),
        ("goal: find 5 py devs ghp_abcdefghijklmnopqrstuvwxyz0123456789\n", 1, "holds a key"),
    ],
)
def test_a_goal_that_is_no_goal_is_refused(tmp_path: Path, text: str, line: int, what: str) -> None:
    error = refusal(tmp_path, text)
    assert what in error.message
    assert (error.details["line"], error.details["key"]) == (line, "goal")


def test_a_key_among_the_values_is_not_repeated(tmp_path: Path) -> None:
    secret = "ghp_abcdefghijklmnopqrstuvwxyz0123456789"
    error = refusal(tmp_path, f"goal: find people\nstart_on: {secret}\n")
    assert secret not in f"{error.message}{error.hint}{error.details}"


# --- whatever is in it


def explained(folder: Path, content: str | bytes, form: str) -> None:
    """Load a file that may be refused, but not without a way out."""
    try:
        load(folder, content, form)
    except JobFileError as error:
        if not error.hint:
            raise


@given(st.text(max_size=200), st.sampled_from(["yaml", "toml"]))
def test_any_text_is_a_job_or_an_explained_refusal(
    tmp_path_factory: pytest.TempPathFactory, text: str, form: str
) -> None:
    folder = tmp_path_factory.mktemp("any")
    explained(folder, text.encode("utf-8", "surrogatepass"), form)


@given(st.binary(max_size=200), st.sampled_from(["yaml", "toml"]))
def test_any_bytes_are_a_job_or_an_explained_refusal(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes, form: str
) -> None:
    folder = tmp_path_factory.mktemp("any")
    explained(folder, raw, form)


PIECES = word_list(
    "goal target icp caps mode settings topics max_repos : = - [ ] { } , # & * ! | > ' \" a 1 true null &a *a !!str <<"
    " --- 2026-12-01 1e5 ... %YAML"
)
words = st.sampled_from([*PIECES, "\n", "\n  ", "\t", ""])


@given(st.lists(words, max_size=40), st.sampled_from(["yaml", "toml"]))
def test_any_mix_of_marks_is_a_job_or_an_explained_refusal(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[str], form: str
) -> None:
    folder = tmp_path_factory.mktemp("any")
    explained(folder, " ".join(pieces), form)


# --- there and back

texts = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp")), min_size=1, max_size=12
)
topic = st.from_regex(r"[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,6}){0,2}", fullmatch=True)
ident = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,20}", fullmatch=True)
keyword = texts.map(lambda text: " ".join(clean_line(text).translate({ord(c): None for c in '"“”\\'}).split())).filter(
    bool
)
stars = st.tuples(st.integers(0, 10_000_000), st.integers(0, 10_000_000)).map(
    lambda ends: StarsRange(low=min(ends), high=max(ends))
)


def several(items: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(items, max_size=4, unique=True).map(tuple)


plans = st.builds(
    Plan,
    goal=st.sampled_from(
        ["", "find 300 python maintainers, dry run", "200 rust devs in Berlin, seq=9, budget $5, until draft",
         "find people starting tomorrow, add to Attio list abc, no crypto"]
    ),
    target=st.integers(1, 10_000_000),
    icp=st.builds(
        Icp,
        keywords=several(keyword),
        languages=several(st.sampled_from(["python", "c++", "jupyter notebook", "brainfuck", "no", "go"])),
        stars_range=stars,
        activity_days=st.integers(1, 3650),
        topics=several(topic),
        location=st.none() | st.sampled_from(["Berlin", "São Paulo, Brazil", "NO", "null", "yes", "Île-de-France"]),
        roles=st.sampled_from([(), (Role.MAINTAINER,), (Role.CONTRIBUTOR,), tuple(Role)]),
        exclude=several(topic | st.just("日本")),
    ),
    caps=st.builds(
        Caps,
        max_steps=st.integers(1, 100_000),
        max_repos=st.integers(1, 1_000_000),
        max_people=st.integers(1, 1_000_000),
        max_tool_calls=st.integers(1, 1_000_000),
        max_tool_calls_per_kind=st.dictionaries(st.sampled_from(["mx_check", "score_icp"]), st.integers(1, 1000)),
        top_authors_per_repo=st.integers(1, 100),
        checkpoint_every=st.integers(1, 100_000),
        budget_usd=st.none() | st.floats(0, 1_000_000),
    ),
    mode=st.sampled_from(list(Mode)),
    channel=st.sampled_from(["email", "sms", "call", "linkedin"]),
    mailer=st.sampled_from([None, "instantly", "maildir"]),
    sequence_id=st.none() | ident,
    crm=st.sampled_from([None, "attio", "hubspot"]),
    list_id=st.none() | ident,
    start_on=st.none() | st.dates(min_value=TODAY),
    until=st.none() | st.sampled_from(list(Stage)),
)  # fmt: skip


@given(plans, st.sampled_from(["yaml", "toml"]))
def test_a_plan_written_as_a_file_reads_back_as_the_same_plan(
    tmp_path_factory: pytest.TempPathFactory, plan: Plan, form: Form
) -> None:
    text = render_job_file(plan, form=form)
    read = load(tmp_path_factory.mktemp("trip"), text, form).plan
    goal = plan.goal or read.goal
    assert read.model_copy(update={"assumptions": ()}) == plan.model_copy(update={"goal": goal})


@given(plans)
def test_both_forms_say_the_same(tmp_path_factory: pytest.TempPathFactory, plan: Plan) -> None:
    folder = tmp_path_factory.mktemp("same")
    assert load(folder, render_job_file(plan)).plan == load(folder, render_job_file(plan, form="toml"), "toml").plan


# --- the examples


@pytest.mark.parametrize("path", sorted(EXAMPLES.iterdir()), ids=lambda path: path.name)
def test_the_examples_are_read_without_a_doubt(path: Path) -> None:
    file = load_job_file(path, today=TODAY)
    assert file.unread == ()
    assert file.questions == ()
    assert file.plan.assumptions == ()
    assert file.plan.mode is not Mode.SEND_ALLOWED


def test_there_is_an_example_in_each_form() -> None:
    assert {path.suffix for path in EXAMPLES.iterdir()} == {".yaml", ".toml"}
