"""`cmo tools` and `cmo tool`: the toolbelt, by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from cmo import service
from cmo.cli.asking import agree
from cmo.cli.diagnostics import DONE
from cmo.cli.draft_picks import need_terminal
from cmo.cli.errors import InputBad, UsageProblem
from cmo.cli.options import Fields
from cmo.cli.output import Column
from cmo.cli.registry import suggest
from cmo.cli.session import Session, session
from cmo.cli.terminal import safe_json, safe_piece

_LONGEST = 20_000_000


def list_tools(
    planner: Annotated[bool, typer.Option("--planner", help="The narrow schemas that a planner sees.")] = False,
    fields: Fields = None,
) -> int:
    """List tools.

    With --json each with its JSON Schema.
    """
    here = session()
    found = service.tool_schemas(planner=planner)
    keys = list(dict.fromkeys(key for tool in found for key in tool))
    columns = [Column(key, least=12, extra=not _is_short(key)) for key in keys]
    here.out.table("cmo.tools.list/1", columns, found, fields=fields)
    here.say.hint("""Run one: cmo tool mx_check '{"emails": ["ana@example.org"]}'""")
    return DONE


def call(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As in `cmo tools`.")],
    text: Annotated[
        str, typer.Argument(metavar="JSON", help="A JSON object; - reads standard input, @FILE a file.")
    ] = "{}",
) -> int:
    """Run one tool.

    Stores nothing but what providers cache. The answer is JSON, also without --json. A tool that writes to the outside
    asks a person first.
    """
    here = session()
    if _known(name)["stage"] in ("send", "sync"):
        need_terminal(here, f"Running {name}, which writes to the outside,")
        agree(here, f"{name} writes to the outside, as far as the gate lets it. Go on?", yes=False)
    answer = service.call_tool(here.settings, name, _input(here, text))
    if here.flags.json:
        here.out.text(safe_json({"schema": "cmo.tool/1", "data": answer, "next": None}))
    elif here.out.form == "terminal":
        here.out.text(safe_piece(json.dumps(answer, ensure_ascii=False, indent=2)), paged=True)
    else:
        here.out.text(safe_json(answer))
    return DONE


def _known(name: str) -> dict[str, Any]:
    tools = {str(tool["name"]): tool for tool in service.tool_schemas(planner=False)}
    if name not in tools:
        names = tuple(tools)
        near = suggest(name, names)
        hint = f"Did you mean: cmo tool {near}" if near else "cmo tools lists them."
        raise UsageProblem(f"There is no tool {name!r}.", hint=hint)
    return tools[name]


def _is_short(key: str) -> bool:
    return key in ("name", "stage", "effect", "description")


def _input(here: Session, text: str) -> str:
    if text == "-":
        return here.world.stdin.read(_LONGEST)
    if not text.startswith("@"):
        return text
    path = here.folder / Path(text[1:]).expanduser()
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise InputBad(
            f"Cannot read {path}: {exc}.", hint="Give a file of UTF-8 JSON, or - for standard input."
        ) from exc
