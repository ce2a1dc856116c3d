"""How the model's service is asked, and what its failures become."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cmo.config.secrets import Secret
from cmo.graph.planners.completions import Endpoint
from tests.fakes.model_server import Reply, completion, model_server, refusal_of_service
from tests.graph.planners.samples import (
    KEY,
    SEARCH,
    assert_clean,
    closed_port,
    decide_after,
    decided,
    situation_factory,
)

NO_QUOTA = refusal_of_service(
    429, "You exceeded your current quota", type="insufficient_quota", code="insufficient_quota"
)


AZURE = {"provider": "azure_openai", "azure_endpoint": "http://127.0.0.1:9"}
ROOT = Path(__file__).parents[3]
ASKING = """
import asyncio, sys
from tests.graph.planners.samples import decided, situation_factory
print(asyncio.run(decided(sys.argv[1], situation_factory()))[0].planner)
"""


def refused(name: str, **error: Any) -> Reply:
    return refusal_of_service(400, f"Unknown parameter: '{name}'.", type="invalid_request_error", **error)


@pytest.mark.parametrize(
    ("reply", "kind", "message"),
    [
        (refusal_of_service(401, "Incorrect API key"), "rejected", "401: Incorrect API key"),
        (refusal_of_service(403), "rejected", "403: no"),
        (refusal_of_service(404, "The model `m` does not exist"), "rejected", "404: The model `m` does not exist"),
        (refusal_of_service(400, "bad request"), "rejected", "400: bad request"),
        (refusal_of_service(400, "filtered", code="content_filter"), "refusal", "400: filtered"),
        (refusal_of_service(429, "Slow down", code="rate_limit_exceeded"), "quota", "429: Slow down"),
        (refusal_of_service(500), "unreachable", "500: no"),
        (refusal_of_service(503), "unreachable", "503: no"),
        (Reply(status=502, body=b"<html>", headers={"retry-after-ms": "1"}), "unreachable", "502: no reason given"),
        (Reply(fate="reset"), "unreachable", "The model cannot be reached: "),
        (Reply(body=b"<html>"), "unreachable", "The server's answer is no chat completion."),
        (Reply(body=b'{"choices": "none"}'), "unreachable", "The server's answer is no chat completion."),
        (Reply(body=b"\xff\xfe"), "unreachable", "The server's answer is no chat completion."),
        (Reply(body=b'{"choices": []}'), "no_call", "No tool call"),
        (Reply(body=b"[" * 100_000), "unreachable", "The server's answer is no chat completion."),
    ],
)
def test_a_failure_of_the_service_is_a_trouble_and_the_rules_call(reply: Reply, kind: str, message: str) -> None:
    (decision,), _ = decide_after(reply)
    assert (decision.planner, decision.call.tool) == ("rules", "search_github_repos")
    assert [trouble.kind for trouble in decision.troubles] == [kind]
    assert decision.troubles[0].message.startswith(message)


@pytest.mark.parametrize("fate", ["never", "drips"])
def test_a_server_that_gives_no_whole_answer_is_a_timeout(fate: Any) -> None:
    (decision,), _ = decide_after(Reply(fate=fate), timeout_s=0.3)
    assert [trouble.kind for trouble in decision.troubles] == ["timeout"]
    assert decision.call.tool == "search_github_repos"


def test_a_server_that_is_not_there_is_unreachable() -> None:
    with closed_port() as url:
        (decision,) = asyncio.run(decided(url, situation_factory()))
    assert [trouble.kind for trouble in decision.troubles] == ["unreachable"]


def test_a_failing_server_is_asked_twice_and_each_request_counts() -> None:
    (decision,), asked = decide_after(refusal_of_service(500))
    assert [request.headers["x-stainless-retry-count"] for request in asked] == ["0", "1"]
    assert decision.usage == {"openai_api_calls": 2}


def test_a_server_that_recovers_is_no_trouble() -> None:
    (decision,), _ = decide_after(refusal_of_service(500), completion(SEARCH))
    assert (decision.planner, decision.troubles, decision.usage["openai_api_calls"]) == ("openai", (), 2)


@pytest.mark.parametrize("reply", [NO_QUOTA, refusal_of_service(402, "Insufficient Balance")], ids=["429", "402"])
def test_without_quota_the_model_is_not_asked_again_and_it_is_recorded_once(reply: Reply) -> None:
    decisions, asked = decide_after(reply, times=3)
    assert [[trouble.kind for trouble in decision.troubles] for decision in decisions] == [["quota"], [], []]
    assert [decision.planner for decision in decisions] == ["rules"] * 3
    assert [decision.usage.get("openai_api_calls", 0) for decision in decisions] == [len(asked), 0, 0]


@pytest.mark.parametrize("status", [401, 429, 500])
def test_after_any_other_failure_the_model_is_asked_again(status: int) -> None:
    failing = [refusal_of_service(status)] * (1 if status == 401 else 2)
    decisions, _ = decide_after(*failing, completion(SEARCH), times=2)
    assert [decision.planner for decision in decisions] == ["rules", "openai"]


@pytest.mark.parametrize(
    ("reply", "changed"),
    [
        (refused("parallel_tool_calls", param="parallel_tool_calls"), {"parallel_tool_calls": None}),
        (refused("tool_choice"), {"tool_choice": None}),
        (refused("temperature", param="body.temperature"), {"temperature": None}),
        (refused("max_completion_tokens"), {"max_completion_tokens": None, "max_tokens": 4000}),
        (refusal_of_service(422, "extra: tool_choice, temperature"), {"tool_choice": None, "temperature": None}),
    ],
)
def test_a_field_that_the_server_refuses_is_left_out_from_then_on(reply: Reply, changed: dict[str, Any]) -> None:
    decisions, asked = decide_after(reply, completion(SEARCH), times=2)
    usual = {"tool_choice": "required", "parallel_tool_calls": False, "temperature": 0, "max_completion_tokens": 4000}
    sent = [{name: request.body.get(name) for name in {**usual, **changed}} for request in asked]
    assert sent == [{**dict.fromkeys(changed), **usual}, {**usual, **changed}, {**usual, **changed}]
    assert [decision.troubles for decision in decisions] == [(), ()]


def test_a_server_that_refuses_field_after_field_is_asked_without_them() -> None:
    names = ("parallel_tool_calls", "tool_choice", "temperature", "max_completion_tokens")
    (decision,), asked = decide_after(*(refused(name) for name in names), completion(SEARCH))
    assert decision.planner == "openai"
    assert set(asked[-1].body) == {"model", "messages", "tools", "max_tokens"}


def test_a_server_that_refuses_whatever_is_sent_is_given_up_for_this_step() -> None:
    (decision,), asked = decide_after(refused("max_completion_tokens, use max_tokens"))
    assert [trouble.kind for trouble in decision.troubles] == ["rejected"]
    assert len(asked) == 2


def test_a_refusal_that_was_no_cure_is_not_remembered() -> None:
    odd = refusal_of_service(400, "the temperature of this room")
    _, asked = decide_after(odd, odd, completion(SEARCH), times=2)
    assert ["temperature" in request.body for request in asked] == [True, False, True]


def test_no_redirect_is_followed_so_that_the_key_stays_where_it_belongs() -> None:
    with model_server(completion(SEARCH)) as other:
        moved = Reply(status=307, headers={"location": f"{other.url}/chat/completions"})
        (decision,), _ = decide_after(moved)
    assert other.asked == []
    assert decision.troubles[0].message == "307: the server redirects, which is not followed. Check OPENAI_BASE_URL."


def test_azure_is_asked_at_the_deployment_with_its_own_header() -> None:
    with model_server(completion(SEARCH)) as server:
        azure = {"provider": "azure_openai", "azure_endpoint": server.origin, "api_version": "2024-10-21"}
        (decision,) = asyncio.run(decided("", situation_factory(), model="my-deploy", **azure))
    assert_clean(server)
    assert server.asked[0].path == "/openai/deployments/my-deploy/chat/completions?api-version=2024-10-21"
    assert server.asked[0].headers["api-key"] == KEY
    assert (decision.call.tool, decision.call.args) == SEARCH


def test_a_compatible_server_is_asked_at_its_address_with_the_key() -> None:
    _, asked = decide_after(completion(SEARCH), model="qwen3:8b")
    assert (asked[0].path, asked[0].body["model"]) == ("/v1/chat/completions", "qwen3:8b")
    assert asked[0].headers["authorization"] == f"Bearer {KEY}"


def test_a_compatible_server_that_needs_no_key_is_asked_without_one() -> None:
    (decision,), _ = decide_after(completion(SEARCH), api_key="")
    assert decision.planner == "openai"


def test_a_proxy_of_the_environment_is_not_used_for_a_server_on_this_machine() -> None:
    env = {**os.environ, "HTTP_PROXY": "http://127.0.0.1:9"}
    with model_server(completion(SEARCH)) as server:
        command = [sys.executable, "-c", ASKING, server.url]
        done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.strip() == "openai", done.stderr


def test_opening_and_closing_a_planner_asks_nothing() -> None:
    assert asyncio.run(decided("https://models.example/v1")) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"api_key": ""}, "No key for openai: cmo auth set openai"),
        ({**AZURE, "api_key": "", "api_version": "1"}, "No key for azure_openai: cmo auth set azure_openai"),
        ({"provider": "azure_openai"}, "Azure OpenAI has no endpoint: set AZURE_OPENAI_ENDPOINT."),
        (AZURE, "Azure OpenAI has no API version"),
    ],
)
def test_incomplete_settings_are_recorded_once_and_nothing_is_asked(changes: dict[str, str], message: str) -> None:
    first, second = asyncio.run(decided("", situation_factory(), situation_factory(), **changes))
    assert [trouble.kind for trouble in first.troubles] == ["rejected"]
    assert first.troubles[0].message.startswith(message)
    assert (second.troubles, second.planner, first.usage) == ((), "rules", {})


def test_a_key_that_no_header_can_carry_is_a_trouble_that_does_not_tell_it() -> None:
    (decision,), asked = decide_after(completion(SEARCH), api_key="schlüssel-€-0123456789")
    assert (asked, [trouble.kind for trouble in decision.troubles]) == ([], ["rejected"])
    assert "0123456789" not in decision.model_dump_json()


def test_a_key_in_an_error_of_the_service_is_masked_wherever_it_stands(caplog: pytest.LogCaptureFixture) -> None:
    odd = "not-shaped-like-a-key-1234"
    with caplog.at_level(logging.DEBUG):
        (decision,), _ = decide_after(refusal_of_service(401, f"Wrong:\u200b {odd} " * 40), api_key=odd)
    assert decision.troubles[0].message.startswith("401: Wrong: **** Wrong: ****")
    assert len(decision.troubles[0].message) <= 200
    assert odd not in decision.model_dump_json() + caplog.text


def test_the_record_of_where_a_model_is_does_not_show_its_key() -> None:
    endpoint = Endpoint("openai", Secret(KEY), "", "", "")
    assert KEY not in f"{endpoint} {endpoint!r}"
