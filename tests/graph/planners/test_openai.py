"""What the model planner decides."""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
from typing import Any

import jsonschema
import pytest

from cmo.graph.planner import Decision
from cmo.tools.registry import find_tool
from tests.fakes.model_server import completion, model_server, refusal_of_service
from tests.graph.planners.samples import KEY, SCHEMAS, SEARCH, decide_after, decided, situation_factory, turn

VICTIM = "victim@attacked.example"
HOSTILE: tuple[object, ...] = (
    {"logins": ["octocat"]},
    {"emails": [VICTIM]},
    {"path": "../../etc/passwd"},
    {"what": "../../prospects"},
    {"url": "http://169.254.169.254/latest"},
    {"body": "Dear friend", "to": VICTIM, "summary": "x"},
    {"selector": "all"},
    {"selector": {"$ne": None}},
    {"topic": VICTIM},
    {"max_repos": 10**18, "days": 10**18, "top_authors_per_repo": 10**18, "summary": 10**18, "what": 1, "selector": 1},
    {"max_repos": -1, "days": 0, "selector": "", "summary": "x" * 501, "what": ""},
    {"__proto__": {"approved": True}},
    {"summary": {"summary": {"summary": "x"}}},
    '{"max_repos": 1, "max_repos": 1000000}',
    '{"max_repos": NaN, "summary": NaN}',
    '{"max_repos": 1e999, "days": 1e999}',
    '{"max_repos": ' + "9" * 3_900 + "}",
    '{"summary": "' + "x" * 1_000_000 + '"}',
    "[" * 3_900,
    '{"a":' * 700 + "1" + "}" * 700,
    '{"selector": "pending"',
    "[]",
    "null",
    '"pending"',
)


def test_the_call_of_the_model_is_taken_with_its_arguments_and_its_reason() -> None:
    (decision,), _ = decide_after(completion(SEARCH, content="100 are\nmissing"))
    assert (decision.call.tool, decision.call.args, decision.call.why) == (*SEARCH, "100 are missing")
    assert (decision.planner, decision.troubles) == ("openai", ())


def test_tokens_and_requests_are_counted_with_a_call() -> None:
    (decision,), _ = decide_after(completion(SEARCH, tokens=321))
    assert decision.usage == {"tokens_used": 321, "openai_api_calls": 1}


def test_tokens_and_requests_are_counted_when_the_rules_take_the_step() -> None:
    (decision,), _ = decide_after(completion(tokens=50, content="I would search."))
    assert decision.planner == "rules"
    assert decision.usage == {"tokens_used": 50, "openai_api_calls": 1}


def test_usage_that_nobody_can_have_used_is_not_believed() -> None:
    decisions = [decide_after(completion(SEARCH, tokens=tokens))[0][0] for tokens in (10**30, -5)]
    assert [decision.usage.get("tokens_used", 0) for decision in decisions] == [10_000_000, 0]


@pytest.mark.parametrize(
    ("reply", "kind", "message"),
    [
        (completion(content="I would search."), "no_call", "No tool call, but text: I would search."),
        (completion(finish_reason="length"), "no_call", "The answer was cut off before a tool call."),
        (completion(refusal="I cannot help."), "refusal", "The model refused: I cannot help."),
        (completion(finish_reason="content_filter"), "refusal", "The model refused: content filter"),
        (completion(("send_pigeon", {})), "unknown_tool", "There is no tool called send_pigeon"),
        (completion(("export_csv", {"path": "/x"})), "bad_arguments", "export_csv: the call has fields that do not"),
        (completion(("done", "{")), "bad_arguments", "done: the arguments are no valid JSON object"),
        (completion(("done", {})), "bad_arguments", "done: summary is missing"),
    ],
)
def test_an_answer_without_a_usable_call_is_a_trouble_and_the_rules_call(reply: Any, kind: str, message: str) -> None:
    (decision,), _ = decide_after(reply)
    assert (decision.planner, decision.call.tool) == ("rules", "search_github_repos")
    assert [trouble.kind for trouble in decision.troubles] == [kind]
    assert decision.troubles[0].message.startswith(message)


def test_wrong_arguments_are_corrected_once_when_the_model_is_told_what_was_wrong() -> None:
    (decision,), asked = decide_after(completion((SEARCH[0], {"max_repos": 0})), completion(SEARCH))
    assert (decision.call.args, decision.troubles) == (SEARCH[1], ())
    assert decision.usage["openai_api_calls"] == 2
    assert "search_github_repos: max_repos must lie in 1 to 1000000" in asked[1].body["messages"][-1]["content"]


def test_wrong_arguments_after_the_correction_are_left_to_the_rules() -> None:
    (decision,), asked = decide_after(completion((SEARCH[0], {"max_repos": 0})))
    assert len(asked) == 2
    assert [trouble.kind for trouble in decision.troubles] == ["bad_arguments"]


def test_trouble_during_the_correction_is_the_trouble_that_is_recorded() -> None:
    (decision,), _ = decide_after(completion((SEARCH[0], {"max_repos": 0})), refusal_of_service(500))
    assert [trouble.kind for trouble in decision.troubles] == ["unreachable"]
    assert decision.usage == {"openai_api_calls": 3, "tokens_used": 15}


def test_a_correction_repeats_nothing_of_what_the_model_wrote() -> None:
    _, asked = decide_after(completion(("export_csv", {"obey_octojane": "jane.roe@example.org"})))
    assert len(asked) == 2


def test_of_several_calls_the_first_is_taken_and_the_rest_is_noted() -> None:
    (decision,), _ = decide_after(completion(SEARCH, ("done", {"summary": "x"}), ("nonsense", "{")))
    assert (decision.call.tool, decision.call.args) == SEARCH
    assert decision.call.why == "(2 more calls in the same answer were left out)"


def test_empty_arguments_are_a_call_without_arguments() -> None:
    (decision,), _ = decide_after(completion(("export_csv", "")))
    assert (decision.call.tool, decision.call.args) == ("export_csv", {})


def test_the_same_call_a_third_time_without_effect_is_a_loop() -> None:
    vain = turn(pages=1, processed=7, failed=7, item_failed=7)
    (decision,), _ = decide_after(completion(SEARCH), situation=situation_factory(messages=(vain, vain)))
    assert decision.planner == "rules"
    assert [trouble.kind for trouble in decision.troubles] == ["loop"]


@pytest.mark.parametrize(
    "turns",
    [
        (turn(),),
        (turn(), turn(repo_found=3)),
        (turn(), turn("extract_people", args={})),
        (turn(args={"max_repos": 41}), turn()),
        (turn(), turn(), turn(repo_found=1)),
    ],
    ids=["twice", "moved", "another tool", "other arguments", "moved at last"],
)
def test_a_call_that_is_new_or_moved_the_counts_is_no_loop(turns: Any) -> None:
    (decision,), _ = decide_after(completion(SEARCH), situation=situation_factory(messages=turns))
    assert decision.planner == "openai"


def test_turns_that_were_refused_count_as_without_effect() -> None:
    refused = turn(state="refused", missing="No unread repositories: call search_github_repos first.")
    (decision,), _ = decide_after(completion(SEARCH), situation=situation_factory(messages=(refused, refused)))
    assert [trouble.kind for trouble in decision.troubles] == ["loop"]


@pytest.mark.parametrize("tool", SCHEMAS)
def test_hostile_arguments_never_become_a_call(tool: str) -> None:
    script = [completion((tool, args)) for args in HOSTILE for _ in range(2)]
    decisions, _ = decide_after(*script, times=len(HOSTILE))
    for decision, args in zip(decisions, HOSTILE, strict=True):
        assert [trouble.kind for trouble in decision.troubles] == ["bad_arguments"], args
        assert_valid(decision)
        assert VICTIM not in decision.model_dump_json()


def test_text_in_arguments_is_cleaned_and_masked_before_anything_else_reads_it() -> None:
    summary = f"\x1b]52;c;x\x07done\u202e \ud800mail {VICTIM} with {KEY}\n../.."
    (decision,), _ = decide_after(completion(("done", {"summary": summary})))
    assert decision.call.args == {"summary": "]52;c;xdone mail ****@attacked.example with **** ../.."}
    assert_valid(decision)


def test_what_the_model_says_reaches_the_record_short_clean_and_masked() -> None:
    said = f"\x1b[2J{KEY} {VICTIM} " + "x" * 1_000_000
    for reply in (completion(SEARCH, content=said), completion(content=said), completion((said, {}))):
        (decision,), _ = decide_after(reply)
        record = json.loads(decision.model_dump_json())
        told = record["call"]["why"] if decision.planner == "openai" else record["troubles"][0]["message"]
        assert len(told) <= 200
        assert not [hidden for hidden in (KEY, VICTIM, "\x1b") if hidden in told]


def test_the_client_hangs_up_when_the_planner_is_closed() -> None:
    with model_server(completion(SEARCH)) as server:
        asyncio.run(decided(server.url, situation_factory()))
        assert server.hung_up.wait(10)
    gc.collect()  # a socket or client left open warns now, and warnings are errors


def test_the_client_hangs_up_when_the_work_around_the_planner_fails() -> None:
    class Failing:
        async def decide(self, situation: object) -> Decision:
            raise RuntimeError("not the model's fault")

    with model_server(completion(content="no call")) as server:
        with pytest.raises(RuntimeError, match="not the model's fault"):
            asyncio.run(decided(server.url, situation_factory(), fallback=Failing()))
        assert server.hung_up.wait(10)
    gc.collect()


def test_the_vendors_package_is_not_loaded_before_a_planner_is_opened() -> None:
    asked = "import sys, cmo.graph.planners.openai; sys.exit(any(m in sys.modules for m in ('openai', 'httpx2')))"
    assert subprocess.run([sys.executable, "-c", asked], timeout=60, check=False).returncode == 0


def assert_valid(decision: Decision) -> None:
    """By the schema, by another validator than ours, and by the model the executor reads it with."""
    jsonschema.validate(decision.call.args, SCHEMAS[decision.call.tool])
    find_tool(decision.call.tool).planned.model_validate(decision.call.args)
