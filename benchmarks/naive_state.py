"""The yardstick for state: every list lives in the LangGraph state, and a node returns the lists it changed.

The way most LangGraph agents keep what they find. The facts are the same as in our own bulk runs: the same
repositories, people, profiles, addresses, verdicts and scores, as plain JSON values; nothing of ours stores them.

`python -m benchmarks.naive_state HOME LEADS STEPS` runs it in a process of its own and prints what came of it.
"""

from __future__ import annotations

import asyncio
import json
import math
import sys
import time
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from benchmarks.measure import ROOT, clean_environment, database_bytes, peak_rss_mb, progress, scratch
from cmo.graph.environment import harden

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig

PEOPLE_EACH = 5
STAGES = ("search", "extract", "enrich", "emails", "mx", "score")
STEPS_OF_THE_END = 3
"""Two exports and done, as ours: they change no list."""
RESUMES = 5


class NaiveState(TypedDict, total=False):
    """The product's RunState, kept the obvious way."""

    repos: list[dict[str, Any]]
    candidates: list[dict[str, Any]]
    leads: list[dict[str, Any]]
    counters: dict[str, int]
    current_stage: str


@dataclass(frozen=True, kw_only=True)
class NaiveRun:
    """What a run left behind."""

    leads: int
    steps: int
    database_bytes: int
    checkpoint_bytes: int
    """The newest checkpoint alone."""
    resume_ms: float
    """Loading the state in a process that has loaded its libraries, median of five."""
    peak_mb: float


@cache
def naive_run(leads: int, steps: int) -> NaiveRun:
    """A run in a process of its own."""
    import subprocess

    progress(f"naive state: {leads:,} leads in {steps} steps")
    home = scratch() / f"naive-{leads}-{steps}"
    home.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.naive_state", str(home), str(leads), str(steps)],
        cwd=ROOT, env=clean_environment(home), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise RuntimeError(f"the naive run failed: {done.stderr[-800:]}")
    (home / "state.db").unlink()
    return NaiveRun(**json.loads(done.stdout))


class Facts:
    """What a job learns, piece by piece, as JSON values."""

    def __init__(self) -> None:
        from cmo.domain.job import Icp, Weights
        from cmo.domain.lead import Email, EmailClass, LeadFacts, MxState, MxVerdict
        from cmo.scoring.score import score_person
        from tests.fakes.outside import NOW, profile_factory, ref_factory, repo_factory

        repo, ref, profile = repo_factory(1), ref_factory("maint1-1", 1), profile_factory("maint1-1")
        assert profile.email is not None
        email = Email(
            email=profile.email, email_class=EmailClass.PUBLISHED, source_url=profile.url, seen_at=NOW,
            evidence=f"published on the profile of {profile.login}",
        )  # fmt: skip
        mx = MxVerdict(email=email.email, state=MxState.OK, reason="the domain takes mail", checked_at=NOW)
        known = LeadFacts(profile=profile, refs=(ref,), repos=(repo,), email=email, mx=mx, as_of=NOW)
        self._score = score_person(known, Icp(topics=("testing",)), Weights()).model_dump(mode="json")
        self._email = email.model_dump(mode="json")
        self._mx = mx.model_dump(mode="json")

    def repo(self, number: int) -> dict[str, Any]:
        from tests.fakes.outside import repo_factory

        return repo_factory(number).model_dump(mode="json", exclude_none=True)

    def candidate(self, number: int) -> dict[str, Any]:
        from tests.fakes.outside import ref_factory

        repo, person = divmod(number, PEOPLE_EACH)
        return ref_factory(f"maint{repo + 1}-{person + 1}", repo + 1).model_dump(mode="json", exclude_none=True)

    def enriched(self, login: str) -> dict[str, Any]:
        from tests.fakes.outside import profile_factory

        return profile_factory(login).model_dump(mode="json", exclude_none=True)

    def email(self, login: str) -> dict[str, Any]:
        address = f"{login}@{login}.example"
        return {**self._email, "email": address, "source_url": f"https://github.com/{login}"}

    def verdict(self, email: str) -> dict[str, Any]:
        return {**self._mx, "email": email}

    def score(self) -> dict[str, Any]:
        return dict(self._score)


class NaiveAgent:
    """One node that does the next stage for the next batch and returns the lists that changed."""

    def __init__(self, leads: int, steps: int) -> None:
        self.leads = leads
        self.rounds = max(1, (steps - STEPS_OF_THE_END) // len(STAGES))
        self.steps = self.rounds * len(STAGES) + STEPS_OF_THE_END
        self.batch = math.ceil(leads / self.rounds)
        self._facts = Facts()

    def turn(self, state: NaiveState) -> NaiveState:
        """The next step."""
        done = state["counters"]["steps"]
        number, stage = divmod(done, len(STAGES))
        if number == self.rounds:
            return {"counters": {"steps": done + 1}, "current_stage": "export"}
        first, last = number * self.batch, min((number + 1) * self.batch, self.leads)
        changed = self._changed(state, STAGES[stage], first, last)
        return {**changed, "counters": {"steps": done + 1}, "current_stage": STAGES[stage]}

    def _changed(self, state: NaiveState, stage: str, first: int, last: int) -> NaiveState:
        facts, leads = self._facts, state["leads"]
        match stage:
            case "search":
                known, wanted = len(state["repos"]), math.ceil(last / PEOPLE_EACH)
                return {"repos": [*state["repos"], *(facts.repo(n + 1) for n in range(known, wanted))]}
            case "extract":
                return {"candidates": [*state["candidates"], *(facts.candidate(n) for n in range(first, last))]}
            case "enrich":
                fresh = [facts.enriched(person["login"]) for person in state["candidates"][first:last]]
                return {"leads": [*leads, *({"profile": profile} for profile in fresh)]}
            case "emails":
                return {"leads": _filled(leads, first, lambda lead: {"email": facts.email(lead["profile"]["login"])})}
            case "mx":
                return {"leads": _filled(leads, first, lambda lead: {"mx": facts.verdict(lead["email"]["email"])})}
            case _:
                decision = {"accepted": True, "decision": "Accepted: publishes an address that takes mail."}
                return {"leads": _filled(leads, first, lambda lead: {"score": facts.score(), **decision})}


def _filled(leads: list[dict[str, Any]], first: int, more: Any) -> list[dict[str, Any]]:
    return [*leads[:first], *({**lead, **more(lead)} for lead in leads[first:])]


async def run(home: Path, leads: int, steps: int) -> NaiveRun:
    """Run the graph to its end with LangGraph's own SQLite saver, then load its state again."""
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
    from langgraph.graph import END, START, StateGraph

    agent = NaiveAgent(leads, steps)

    async def node(state: NaiveState) -> NaiveState:
        return agent.turn(state)

    def after(state: NaiveState) -> str:
        return END if state["counters"]["steps"] >= agent.steps else "agent"

    builder = StateGraph(NaiveState)
    builder.add_node("agent", node)
    builder.add_edge(START, "agent")
    builder.add_conditional_edges("agent", after, {"agent": "agent", END: END})
    config: RunnableConfig = {"configurable": {"thread_id": "naive"}, "recursion_limit": agent.steps + 5}
    path = home / "state.db"
    first: Any = {"repos": [], "candidates": [], "leads": [], "counters": {"steps": 0}, "current_stage": ""}
    async with AsyncSqliteSaver.from_conn_string(str(path)) as saver:
        await builder.compile(checkpointer=saver).ainvoke(first, config, durability="sync")
    peak = peak_rss_mb()
    loads = []
    for _ in range(RESUMES):
        started = time.perf_counter()
        async with AsyncSqliteSaver.from_conn_string(str(path)) as saver:
            await builder.compile(checkpointer=saver).aget_state(config)
        loads.append((time.perf_counter() - started) * 1000)
    return NaiveRun(
        leads=leads,
        steps=agent.steps,
        database_bytes=database_bytes(path),
        checkpoint_bytes=_newest_checkpoint(path),
        resume_ms=sorted(loads)[RESUMES // 2],
        peak_mb=peak,
    )


def _newest_checkpoint(path: Path) -> int:
    from benchmarks.measure import reading

    with reading(path) as conn:
        sql = "SELECT LENGTH(checkpoint) + LENGTH(metadata) FROM checkpoints ORDER BY checkpoint_id DESC LIMIT 1"
        return int(conn.execute(sql).fetchone()[0])


def main() -> None:
    harden()
    done = asyncio.run(run(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
    json.dump(asdict(done), sys.stdout)


if __name__ == "__main__":
    main()
