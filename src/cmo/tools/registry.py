"""Every tool there is, in the order of a job's stages."""

from __future__ import annotations

import difflib
import inspect
from typing import Any

from pydantic import BaseModel

from cmo.domain.job import Mode, Plan
from cmo.domain.letters import SEQUENCE_MAILERS
from cmo.errors import ToolInputInvalid
from cmo.tools import (
    done,
    enrich_github_user,
    export_csv,
    extract_people,
    find_commit_emails,
    mx_check,
    render_copy,
    score_icp,
    search_github_repos,
    send_instantly,
    send_smartlead,
    send_smtp,
    sync_attio,
    sync_hubspot,
    sync_linear,
)
from cmo.tools.base import Tool

TOOLS: tuple[Tool[Any, Any, Any], ...] = (
    search_github_repos.TOOL,
    extract_people.TOOL,
    enrich_github_user.TOOL,
    find_commit_emails.TOOL,
    mx_check.TOOL,
    score_icp.TOOL,
    render_copy.TOOL,
    send_instantly.TOOL,
    send_smartlead.TOOL,
    send_smtp.TOOL,
    sync_attio.TOOL,
    sync_hubspot.TOOL,
    sync_linear.TOOL,
    export_csv.TOOL,
    done.TOOL,
)


def send_tool_of(mailer: str) -> str:
    """The tool that hands over to `mailer`."""
    return f"send_{mailer}" if mailer in SEQUENCE_MAILERS else "send_smtp"


def writes_of(plan: Plan, *, mailer: str, crm: str, tickets: bool) -> tuple[str, ...]:
    """The tools that a job of this plan may write to the outside with, in their order.

    Args:
        tickets: Whether there is a team that gets tickets.
    """
    if plan.mode is not Mode.SEND_ALLOWED:
        return ()
    return (send_tool_of(mailer), f"sync_{crm}", *(("sync_linear",) if tickets else ()))


def find_tool(name: str) -> Tool[Any, Any, Any]:
    """The tool of that name.

    Raises:
        ToolInputInvalid: there is none; names the nearest.
    """
    tools = {tool.name: tool for tool in TOOLS}
    if name in tools:
        return tools[name]
    near = difflib.get_close_matches(name, tools, n=1)
    hint = f"Did you mean `{near[0]}`?" if near else "`cmo tools` lists them."
    raise ToolInputInvalid(f"There is no tool `{name}`.", hint=hint)


def schemas(*, planner: bool) -> list[dict[str, Any]]:
    """Each tool's name, description and JSON Schemas, JSON-able.

    Args:
        planner: The narrow schema that planners speak, alone; else the full one with what it returns.
    """
    return [_planner_schema(tool) if planner else _full_schema(tool) for tool in TOOLS]


def _planner_schema(tool: Tool[Any, Any, Any]) -> dict[str, Any]:
    return {"name": tool.name, "description": _description(tool), "parameters": _schema(tool.planned, "validation")}


def _full_schema(tool: Tool[Any, Any, Any]) -> dict[str, Any]:
    return {
        "name": tool.name,
        "description": _description(tool),
        "stage": tool.stage.value,
        "effect": tool.effect,
        "parameters": _schema(tool.takes, "validation"),
        "returns": _schema(tool.gives, "serialization"),
    }


def _description(tool: Tool[Any, Any, Any]) -> str:
    """The docstring of the planner's schema, one line for each paragraph."""
    return "\n".join(" ".join(part.split()) for part in inspect.cleandoc(tool.planned.__doc__ or "").split("\n\n"))


def _schema(model: type[BaseModel], mode: Any) -> dict[str, Any]:
    schema: dict[str, Any] = _without_noise(model.model_json_schema(mode=mode))
    schema.pop("description", None)  # of the model itself: said once, for the tool
    return schema


def _without_noise(value: Any) -> Any:
    """`value` without the titles that pydantic makes of field names."""
    if isinstance(value, dict):
        return {k: _without_noise(v) for k, v in value.items() if not (k == "title" and isinstance(v, str))}
    return [_without_noise(item) for item in value] if isinstance(value, list) else value
