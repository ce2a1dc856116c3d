from __future__ import annotations

import asyncio
from pathlib import Path

from benchmarks.naive_state import NaiveAgent, NaiveState, run


def test_the_naive_agent_ends_with_every_fact_of_every_lead_in_its_state() -> None:
    agent = NaiveAgent(leads=20, steps=15)
    state: NaiveState = {"repos": [], "candidates": [], "leads": [], "counters": {"steps": 0}}
    for _ in range(agent.steps):
        state = {**state, **agent.turn(state)}
    assert (len(state["repos"]), len(state["candidates"]), len(state["leads"])) == (4, 20, 20)
    assert all(lead.keys() >= {"profile", "email", "mx", "score", "accepted"} for lead in state["leads"])


def test_a_step_returns_only_the_list_it_changed() -> None:
    agent = NaiveAgent(leads=10, steps=9)
    state: NaiveState = {"repos": [], "candidates": [], "leads": [], "counters": {"steps": 0}}
    assert agent.turn(state).keys() == {"repos", "counters", "current_stage"}


def test_the_naive_database_grows_with_each_step(tmp_path: Path) -> None:
    (tmp_path / "few").mkdir()
    (tmp_path / "many").mkdir()
    few = asyncio.run(run(tmp_path / "few", leads=60, steps=9))
    many = asyncio.run(run(tmp_path / "many", leads=60, steps=63))
    assert (few.steps, many.steps) == (9, 63)
    assert many.database_bytes > 3 * few.database_bytes
