"""Calling one tool by hand, and listing them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from pydantic import ValidationError

from cmo.config import Settings
from cmo.errors import ToolInputInvalid
from cmo.service.folder import JobFolder
from cmo.service.store import writer
from cmo.service.wiring import outside, ports, require_credentials
from cmo.store.jobs import get_job

HAND_FOLDER = "by-hand"
"""Where files go that a tool called by hand writes."""


def tool_schemas(*, planner: bool) -> list[dict[str, Any]]:
    """Name, description and JSON Schema of each tool; the narrow ones that planners see, or the full ones."""
    from cmo.tools.registry import schemas

    return schemas(planner=planner)


def call_tool(settings: Settings, name: str, text: str) -> dict[str, Any]:
    """Run a tool on the JSON object `text`; its answer. Stores nothing but what providers cache.

    A tool that writes to the outside names a job, and asks that job's outbox: the gate and every approval hold as ever.

    Raises:
        ToolInputInvalid: unknown tool, not JSON, or not what the tool takes.
        ProviderError
    """
    from cmo.tools.registry import find_tool

    tool = find_tool(name)
    try:
        call = tool.takes.model_validate(_parsed(text))
    except ValidationError as exc:
        problem = exc.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in problem["loc"]) or "input"
        raise ToolInputInvalid(
            f"{name}: {where}: {problem['msg']}.", hint=f"`cmo tools --json` shows what {name} takes."
        ) from exc
    with writer(settings) as conn, outside(settings) as found:
        if tool.effect == "read" and tool.name != "mx_check":
            require_credentials(found)

        named = getattr(call, "job_id", None)
        job = None if named is None else get_job(conn, named)

        async def run() -> dict[str, Any]:
            folder = JobFolder(settings.paths.runs_dir / HAND_FOLDER)
            async with ports(settings, found, conn, folder, job=job) as outside_ports:
                answer: dict[str, Any] = (await tool.run(call, outside_ports)).model_dump(mode="json")
                return answer

        return asyncio.run(run())


def _parsed(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as exc:
        raise ToolInputInvalid(
            f"The input is not JSON: {exc}.", hint='cmo tool mx_check \'{"emails": ["a@example.org"]}\''
        ) from exc
    if not isinstance(value, dict):
        raise ToolInputInvalid("The input must be a JSON object.", hint="Wrap it in { … }.")
    return value
