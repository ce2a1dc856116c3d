"""The LangGraph side: one node that loops on itself, and the saver of its bookmark.

Measured traps that shape this file are in the product's durability notes: the saver's file is made private before it
is opened, its connection has a time-out of ours and is always closed, only the newest checkpoints are kept (the
saver's own pruning is not implemented), and `durability="sync"` writes each bookmark before the next turn.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiosqlite
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.errors import GraphDrained
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import RunControl

from cmo.graph.state import GraphState, migrate_state, new_state

CHECKPOINTS_KEPT = 3
SAVER_TIMEOUT_S = 30
MOST_TURNS = 1_000_000
"""LangGraph's own limit on turns of one invocation; ours is max_steps, counted over the whole job."""

Turn = Callable[[GraphState], Awaitable[tuple[GraphState, bool]]]


async def drive(job_id: str, turn: Turn, path: Path) -> None:
    """Run turns until the job is over or one asks to stop, from the bookmark in `path` or, without one, anew.

    Losing the file, or its damage, loses no fact: a new state catches up from the store's events in its first turn.
    """
    try:
        await _drive(job_id, turn, path)
    except sqlite3.DatabaseError as exc:
        if type(exc) is not sqlite3.DatabaseError:  # its subclasses are about locks, disks and statements
            raise
        for part in ("", "-wal", "-shm"):
            path.with_name(path.name + part).unlink(missing_ok=True)
        await _drive(job_id, turn, path)


async def _drive(job_id: str, turn: Turn, path: Path) -> None:
    control = RunControl()
    async with _saver(path) as saver:

        async def agent(state: GraphState) -> GraphState:
            state, stops = await turn(state)
            await _prune(saver, job_id)
            if stops and state["ended"] is None:
                control.request_drain("asked to stop")
            return state

        builder = StateGraph(GraphState)
        builder.add_node("agent", agent)
        builder.add_edge(START, "agent")
        builder.add_conditional_edges("agent", _after, {"agent": "agent", END: END})
        graph = builder.compile(checkpointer=saver)
        config: RunnableConfig = {"configurable": {"thread_id": job_id}, "recursion_limit": MOST_TURNS}
        saved = await graph.aget_state(config)
        bookmark = migrate_state(dict(saved.values)) if saved.values else None
        resumable = bookmark is not None and bool(saved.next) and bookmark == saved.values
        if bookmark is not None and not resumable:
            bookmark = {**bookmark, "ended": None}
        first: Any = None if resumable else (bookmark or new_state(job_id))
        try:
            await graph.ainvoke(first, config, durability="sync", control=control)
        except GraphDrained:
            return


def _after(state: GraphState) -> str:
    return END if state["ended"] is not None else "agent"


@asynccontextmanager
async def _saver(path: Path) -> AsyncIterator[AsyncSqliteSaver]:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    conn = await aiosqlite.connect(path, timeout=SAVER_TIMEOUT_S)
    try:
        saver = AsyncSqliteSaver(conn)
        await saver.setup()
        yield saver
    finally:
        await conn.close()


async def _prune(saver: AsyncSqliteSaver, job_id: str) -> None:
    """Keep the newest checkpoints of the thread; older ones are never read."""
    async with saver.lock:
        for table in ("checkpoints", "writes"):
            await saver.conn.execute(
                f"DELETE FROM {table} WHERE thread_id = ? AND checkpoint_id NOT IN (SELECT checkpoint_id FROM"
                " checkpoints WHERE thread_id = ? ORDER BY checkpoint_id DESC LIMIT ?)",
                (job_id, job_id, CHECKPOINTS_KEPT),
            )
        await saver.conn.commit()
