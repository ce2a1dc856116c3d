"""What must be in the process environment before LangGraph is imported."""

from __future__ import annotations

import os

_TRACING = ("LANGSMITH_TRACING", "LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING", "LANGCHAIN_TRACING_V2")


def harden() -> None:
    """Refuse object construction from saved bytes, and keep state from being posted to a tracing service.

    LangGraph brings langsmith, which posts the graph's state to its endpoint when these are set in the operator's
    shell.
    """
    os.environ["LANGGRAPH_STRICT_MSGPACK"] = "true"
    for name in _TRACING:
        os.environ[name] = "false"
