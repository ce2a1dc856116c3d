"""Kills a job at each boundary in turn, resumes it, and prints what came of it as JSON.

Run as a program, so that it forks while it has one thread. A boundary is: before and after each transaction of the
store, each commit of the graph's saver, each call to a provider, and each file written. `Bomb` counts them and, at the
one it was set for, kills its process with SIGKILL: no handler runs, nothing is flushed.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import aiosqlite

from cmo.domain.job import Caps, Job
from cmo.domain.lead import ItemFailure, MxVerdict, PersonProfile, RepoActivity, RepoRef
from cmo.graph.environment import harden
from cmo.providers.ports import PersonKey, RepoPage, RepoQuery
from cmo.service.folder import JobFolder
from cmo.store.db import Connection
from cmo.store.jobs import get_job
from tests.fakes.jobs import new_job, plan_factory
from tests.fakes.outside import FakeCodeHost, FakeResolver
from tests.fakes.rigs import Rig

TABLES = {
    "repos": "SELECT id, n, full_name, query, state, people, doc FROM repos ORDER BY n",
    "candidates": "SELECT login_key, n, person_id, state, reason, contributions, role, profile, email_state, score,"
    " score_doc FROM candidates ORDER BY n",
    "candidate_repos": "SELECT * FROM candidate_repos ORDER BY login_key, repo_id",
    "emails": "SELECT login_key, email, email_key, rank, source_url, seen_at FROM emails ORDER BY n",
    "verdicts": "SELECT email, state, reason FROM verdicts ORDER BY email",
    "leads": "SELECT * FROM leads ORDER BY number",
    "searches": "SELECT n, icp, cursor, is_exhausted FROM searches ORDER BY n",
    "checkpoints": "SELECT path, batch, row_count, upto FROM checkpoints ORDER BY path",
    "steps": "SELECT n, tool, args, state, result FROM steps ORDER BY n",
}


@dataclass
class Bomb:
    """Goes off at boundary `at`, counted from 1; never, when None."""

    at: int | None
    passed: int = 0

    def tick(self) -> None:
        self.passed += 1
        if self.passed == self.at:
            os.kill(os.getpid(), signal.SIGKILL)

    def listen_to(self, conn: Connection) -> None:
        conn.set_trace_callback(lambda sql: self.tick() if sql in ("BEGIN IMMEDIATE", "COMMIT") else None)

    def listen_to_savers(self) -> None:
        """The saver opens its own connection, so its commits are met where the library makes them."""
        commit = aiosqlite.Connection.commit

        async def ticking(conn: aiosqlite.Connection) -> None:
            self.tick()
            await commit(conn)
            self.tick()

        aiosqlite.Connection.commit = ticking  # type: ignore[method-assign, assignment]


@dataclass
class RiggedHost(FakeCodeHost):
    """Ticks around each call and writes down what was asked for, in a file that outlives the process."""

    bomb: Bomb = field(default_factory=lambda: Bomb(None))
    book: Path = Path("requests.txt")

    def _note(self, items: Iterable[str]) -> None:
        with self.book.open("a") as file:
            file.writelines(item + "\n" for item in items)
        self.bomb.tick()

    async def search_repos(self, query: RepoQuery, *, cursor: dict[str, Any] | None, limit: int) -> RepoPage:
        self.bomb.tick()
        page = await super().search_repos(query, cursor=cursor, limit=limit)
        self._note(f"search {repo.id}" for repo in page.repos)
        return page

    async def fetch_activity(self, repos: Sequence[RepoRef], *, since: datetime) -> tuple[RepoActivity, ...]:
        self.bomb.tick()
        found = await super().fetch_activity(repos, since=since)
        self._note(f"activity {repo.id}" for repo in repos)
        return found

    async def fetch_profiles(
        self, people: Sequence[PersonKey]
    ) -> tuple[tuple[PersonProfile, ...], tuple[ItemFailure, ...]]:
        self.bomb.tick()
        found = await super().fetch_profiles(people)
        self._note(f"profile {person.login}" for person in people)
        return found


@dataclass
class RiggedResolver(FakeResolver):
    bomb: Bomb = field(default_factory=lambda: Bomb(None))

    async def check(self, emails: Sequence[str]) -> tuple[MxVerdict, ...]:
        self.bomb.tick()
        found = await super().check(emails)
        self.bomb.tick()
        return found


class RiggedFolder(JobFolder):
    """Ticks around each file."""

    def __init__(self, root: Path, bomb: Bomb) -> None:
        super().__init__(root)
        self._bomb = bomb

    def write(self, path: str, text: str) -> None:
        self._bomb.tick()
        super().write(path, text)
        self._bomb.tick()

    def concatenate(self, parts: Sequence[str], path: str) -> None:
        self._bomb.tick()
        super().concatenate(parts, path)
        self._bomb.tick()

    def write_snapshot(self, chunks: Iterable[str]) -> None:
        self._bomb.tick()
        super().write_snapshot(chunks)
        self._bomb.tick()

    def append_log(self, lines: Sequence[str]) -> None:
        self._bomb.tick()
        super().append_log(lines)


@dataclass
class RiggedRig(Rig):
    bomb: Bomb = field(default_factory=lambda: Bomb(None))

    def folder(self, job: Job) -> JobFolder:
        return RiggedFolder(self.home / "runs" / job.id, self.bomb)


def run(home: Path, bomb: Bomb) -> None:
    """Start the job in `home`, or resume it, and run it to its end."""
    plan = plan_factory(target=8, caps=Caps(checkpoint_every=3))
    host = RiggedHost(repos=6, people_each=2, page=4, bomb=bomb, book=home / "requests.txt")
    rig = RiggedRig(home=home, plan=plan, host=host, resolver=RiggedResolver(bomb=bomb), bomb=bomb)
    conn = rig.open()
    known = conn.execute("SELECT id FROM jobs").fetchone()
    job = get_job(conn, known["id"]) if known else new_job(conn, plan)
    bomb.listen_to(conn)
    if not job.status.is_over:
        rig.run(conn, job)
    conn.close()


def killed(work: Callable[[Path, Bomb], None], home: Path, at: int) -> bool:
    """Do `work` in a child that is killed at boundary `at`; False when it ended before."""
    child = os.fork()
    if child == 0:
        bomb = Bomb(at)
        bomb.listen_to_savers()
        work(home, bomb)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def digest(home: Path) -> dict[str, Any]:
    """What must be the same however often the job was killed."""
    from cmo.store.db import open_store

    conn = open_store(home / "campaign.db")
    rows = {name: [list(row) for row in conn.execute(sql)] for name, sql in TABLES.items()}
    status = conn.execute("SELECT status, summary, ended_reason FROM jobs").fetchone()
    conn.close()
    found = {name: hashlib.sha256(json.dumps(value).encode()).hexdigest() for name, value in rows.items()}
    files = sorted((home / "runs").rglob("artifacts/**/*.csv"))
    found.update({path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files})
    return {**found, "status": list(status), "leads_count": len(rows["leads"])}


def repeated(home: Path) -> int:
    """How many things were asked for more than once; the fake's search does so by itself when it is widened."""
    asked = Counter((home / "requests.txt").read_text().splitlines())
    return sum(count - 1 for count in asked.values())


def main() -> None:
    harden()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        reference = root / "reference"
        run(reference, Bomb(None))
        wanted = digest(reference)
        usual = repeated(reference)
        failures, boundaries, most_repeated = [], 0, 0
        while killed(run, home := root / f"k{boundaries + 1}", boundaries + 1):
            boundaries += 1
            run(home, Bomb(None))
            found = digest(home)
            most_repeated = max(most_repeated, repeated(home) - usual)
            if found != wanted:
                failures.append({"boundary": boundaries, "differs": [k for k in wanted if found.get(k) != wanted[k]]})
        report = {"boundaries": boundaries, "failures": failures, "most_repeated": most_repeated, **wanted}
    json.dump(report, sys.stdout)


if __name__ == "__main__":
    main()
