"""The toolbelt as others see it: names, schemas, and how little a planner may say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from cmo.domain.job import Stage
from cmo.errors import ToolInputInvalid
from cmo.tools.base import PAGE_SIZE, Source
from cmo.tools.done import TOOL as DONE
from cmo.tools.mx_check import TOOL as MX
from cmo.tools.registry import TOOLS, find_tool, schemas
from tests.fakes.ports import context_factory, ports_factory, run_tool

GOLDEN = Path(__file__).parents[1] / "golden" / "tools.json"
FORBIDDEN_IN_PLANS = ("email", "address", "path", "file", "body", "subject", "url", "link", "login", "to", "recipient")


def as_text() -> str:
    """The golden bytes. To renew: python -m tests.tools.test_registry > tests/golden/tools.json, then read the diff."""
    both = {"planner": schemas(planner=True), "full": schemas(planner=False)}
    return json.dumps(both, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def test_the_schemas_are_the_golden_ones() -> None:
    assert as_text() == GOLDEN.read_text(encoding="utf-8")


def test_tools_are_named_once_and_in_the_order_of_stages() -> None:
    order = list(Stage)
    assert [tool.stage for tool in TOOLS] == sorted((tool.stage for tool in TOOLS), key=order.index)
    assert len({tool.name for tool in TOOLS}) == len(TOOLS)


def properties(schema: Any) -> set[str]:
    """The names of all fields in a JSON Schema, nested ones too."""
    if isinstance(schema, list):
        return set().union(*map(properties, schema))
    if not isinstance(schema, dict):
        return set()
    own = set(schema.get("properties", {}))
    return own.union(*(properties(value) for value in schema.values()))


@pytest.mark.parametrize("schema", schemas(planner=True), ids=lambda schema: schema["name"])
def test_a_planner_cannot_name_addresses_paths_bodies_links_or_logins(schema: dict[str, Any]) -> None:
    names = {part for name in properties(schema["parameters"]) for part in name.lower().split("_")}
    assert not names & set(FORBIDDEN_IN_PLANS)
    assert schema["parameters"]["additionalProperties"] is False


@pytest.mark.parametrize("schema", schemas(planner=True), ids=lambda schema: schema["name"])
def test_every_argument_of_a_planner_is_described_and_none_is_free_text(schema: dict[str, Any]) -> None:
    assert schema["description"]
    for name, field in schema["parameters"]["properties"].items():
        assert field["description"], name
        if schema["name"] != "done":
            kinds = [field, *field.get("anyOf", ())]
            assert not any(
                kind.get("type") == "string" and not kind.keys() & {"enum", "const", "pattern"} for kind in kinds
            )


@pytest.mark.parametrize("tool", [tool for tool in TOOLS if tool.name != "done"], ids=lambda tool: tool.name)
def test_a_planner_may_leave_everything_out_and_may_add_nothing(tool: Any) -> None:
    tool.planned()
    with pytest.raises(ValidationError):
        tool.planned.model_validate({"emails": ["jane@acme.dev"]})


@pytest.mark.parametrize(
    "name", ["extract_people", "enrich_github_user", "find_commit_emails", "mx_check", "score_icp"]
)
def test_tools_over_rows_take_the_pending_ones(name: str) -> None:
    tool = find_tool(name)
    tool.planned.model_validate({"selector": "pending"})
    assert tool.source not in (Source.NONE, Source.CURSOR)
    assert 0 < tool.page_size <= 5 * PAGE_SIZE


def test_an_unknown_tool_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ToolInputInvalid) as caught:
        find_tool("mx_chek")
    assert caught.value.hint == "Did you mean `mx_check`?"


def test_done_answers_nothing_and_cleans_its_summary() -> None:
    call = DONE.layout(DONE.planned(summary="All\x1b[31m done\n"), (), context_factory())
    out = run_tool(DONE, call, ports_factory())
    assert call.summary == "All[31m done"
    assert out.model_dump(mode="json") is None
    assert DONE.events(call, out) == []


def test_mx_check_gives_a_verdict_for_each_address() -> None:
    call = MX.layout(MX.planned(), ["a@x.dev", "b@x.dev"], context_factory())
    out = run_tool(MX, call, ports_factory())
    assert [verdict.email for verdict in out.verdicts] == ["a@x.dev", "b@x.dev"]
    assert [event.kind for event in MX.events(call, out)] == ["email_verified", "email_verified"]


if __name__ == "__main__":
    print(as_text(), end="")
