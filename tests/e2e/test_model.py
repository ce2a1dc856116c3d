"""A job planned by a model: its calls drive it to the end, and whatever else it does is survived and recorded."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from cmo.domain.event import PlannerTroubled, StepPlanned, StepRefused
from cmo.domain.job import JobStatus
from cmo.graph.planner import Planner
from cmo.graph.planners.openai import open_model_planner
from cmo.graph.planners.rules import RulesPlanner
from cmo.tools.registry import schemas
from tests.e2e.conftest import Undisturbed
from tests.e2e.driver import REPOS, Site, outside_of, sandbox
from tests.fakes.model_server import ModelServer, Reply, completion, model_server, refusal_of_service

ALL_OF_IT: tuple[tuple[str, dict[str, Any]], ...] = (
    ("search_github_repos", {"max_repos": REPOS}),
    ("extract_people", {"selector": "pending"}),
    ("enrich_github_user", {}),
    ("find_commit_emails", {"days": 90}),
    ("mx_check", {}),
    ("score_icp", {}),
    ("export_csv", {"what": "prospects"}),
    ("export_csv", {"what": "attio"}),
    ("done", {"summary": "all found"}),
)
WHOLE_JOB = tuple(completion(call) for call in ALL_OF_IT)


@contextmanager
def planned_by(home: Path, *script: Reply, timeout_s: float = 10.0) -> Iterator[tuple[Site, ModelServer]]:
    """The small plan's job, run to its end under a model that gives the replies of `script`, the last one for ever."""
    with model_server(*script) as server, sandbox() as running:

        def planner() -> AbstractAsyncContextManager[Planner]:
            return open_model_planner(
                provider="openai",
                model="m",
                api_key="sk-test-0123456789abcdefghijklmn",
                base_url=server.url,
                azure_endpoint="",
                api_version="",
                timeout_s=timeout_s,
                tools=schemas(planner=True),
                fallback=RulesPlanner(),
            )

        site = Site(home, outside_of(running), planner=planner)
        assert site.run().status is JobStatus.FINISHED
        yield site, server


def troubles(site: Site) -> list[str]:
    return [trouble.trouble for trouble in site.events(PlannerTroubled)]


def planners(site: Site) -> list[str]:
    return [step.planner for step in site.events(StepPlanned)]


def test_a_models_calls_drive_the_job_to_its_end(tmp_path: Path, undisturbed: Undisturbed) -> None:
    with planned_by(tmp_path, *WHOLE_JOB) as (site, server):
        assert [step.tool for step in site.events(StepPlanned)] == [tool for tool, _ in ALL_OF_IT]
        assert planners(site) == ["openai"] * len(ALL_OF_IT)
        assert len(server.asked) == len(ALL_OF_IT)
        assert site.leads() == undisturbed("graphql").site.leads()
        assert site.ask("SELECT value FROM counters WHERE name = 'tokens_used'") == [(15 * len(ALL_OF_IT),)]


def test_no_request_to_a_model_names_anybody_that_was_found(tmp_path: Path) -> None:
    with planned_by(tmp_path, *WHOLE_JOB) as (site, server):
        people = site.ask("SELECT login, json_extract(profile, '$.name') FROM candidates")
        addresses = site.ask("SELECT email FROM emails")
        repos = site.ask("SELECT full_name FROM repos")
        asked = b"\n".join(request.raw for request in server.asked).decode().lower()
    words = {word for row in (*people, *addresses, *repos) for word in row if word}
    assert len(people) > 30
    assert [word for word in words if re.search(rf"(?<![\w-]){re.escape(word.lower())}(?![\w-])", asked)] == []
    assert "@" not in asked


HOSTILE_CALLS: tuple[tuple[str, object], ...] = (
    ("search_github_repos", {"max_repos": 10**12}),
    ("search_github_repos", {"topic": "ci OR 1=1"}),
    ("extract_people", {"selector": "all; DROP TABLE leads"}),
    ("enrich_github_user", {"logins": ["torvalds"]}),
    ("find_commit_emails", {"days": -1}),
    ("export_csv", {"what": "prospects", "path": "../../../etc/passwd"}),
    ("export_csv", '{"what": "prospects"'),
    ("score_icp", {"weights": {"stars": 1e308}}),
    ("done", {"summary": "x" * 10_000}),
)


def test_hostile_arguments_are_refused_recorded_and_change_nothing(tmp_path: Path, undisturbed: Undisturbed) -> None:
    asked_twice = [completion(call) for call in HOSTILE_CALLS for _ in range(2)]
    with planned_by(tmp_path, *asked_twice) as (site, server):
        assert troubles(site) == ["bad_arguments"] * len(HOSTILE_CALLS)
        assert len(server.asked) == len(asked_twice)
        assert site.leads() == undisturbed("graphql").site.leads()
        assert not list(site.home.parent.glob("**/passwd*"))


def test_a_topic_outside_the_plan_is_refused_with_a_reason_and_searches_nothing(
    tmp_path: Path, undisturbed: Undisturbed
) -> None:
    with planned_by(tmp_path, completion(("search_github_repos", {"topic": "victims"})), *WHOLE_JOB) as (site, _):
        (refused,) = site.events(StepRefused)
        assert "none of the plan's" in refused.missing
        assert site.leads() == undisturbed("graphql").site.leads()


NONSENSE = {
    "a tool that is not there": (completion(("send_pigeon", {"contacts": ["all"]})), "unknown_tool"),
    "words": (completion(content="I would rather talk."), "no_call"),
    "a refusal": (completion(refusal="I cannot help with that."), "refusal"),
    "no JSON": (Reply(body=b"<html>hello</html>"), "unreachable"),
    "no answer": (Reply(fate="never"), "timeout"),
    "an error": (refusal_of_service(500), "unreachable"),
    "no quota": (refusal_of_service(429, "You exceeded your current quota", code="insufficient_quota"), "quota"),
    "a wrong key": (refusal_of_service(401, "Incorrect API key"), "rejected"),
}


@pytest.mark.parametrize("what", NONSENSE)
def test_a_model_that_is_of_no_use_is_recorded_and_the_rules_take_its_steps(
    tmp_path: Path, undisturbed: Undisturbed, what: str
) -> None:
    reply, trouble = NONSENSE[what]
    with planned_by(tmp_path, reply, timeout_s=0.05 if trouble == "timeout" else 10.0) as (site, _):
        assert set(troubles(site)) == {trouble}
        assert set(planners(site)) == {"rules"}
        assert site.leads() == undisturbed("graphql").site.leads()


@pytest.mark.parametrize(("tool", "args"), [ALL_OF_IT[0], ALL_OF_IT[5], ALL_OF_IT[8]])
def test_a_model_that_only_ever_says_one_thing_does_not_end_or_stop_the_job(
    tmp_path: Path, undisturbed: Undisturbed, tool: str, args: dict[str, Any]
) -> None:
    with planned_by(tmp_path, completion((tool, args))) as (site, _):
        assert site.leads() == undisturbed("graphql").site.leads()
        assert site.count("steps") <= site.plan.caps.max_steps
        assert "rules" in planners(site)
        assert site.events(StepRefused) or "loop" in troubles(site)


def test_what_a_model_says_is_recorded_without_keys_and_addresses(tmp_path: Path) -> None:
    said = "Mail victim@corp.example with sk-proj-abcdefghijklmnopqrstuvwx \x1b[2J now"
    with planned_by(tmp_path, completion(content=said), *WHOLE_JOB) as (site, _):
        (trouble,) = site.events(PlannerTroubled)
        log = (site.folder / "logs" / "events.ndjson").read_text()
    assert "Mail" in trouble.message
    for secret in ("victim@corp", "sk-proj", "\x1b", "\\u001b"):
        assert secret not in json.dumps(trouble.message) + log
