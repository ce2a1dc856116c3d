"""The full screen in a real pseudo-terminal: start, keys until they are seen and stored, and what it costs to look.

A key's time ends with the byte that shows its effect (the next draft's number, STOPPED), and where it decides, once
another process can read the decision in the store.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from statistics import median

from benchmarks.measure import NothingMeasured, clean_environment, copy_home, load, progress, scratch
from benchmarks.startup import command
from benchmarks.table import Row
from cmo.clock import SystemClock
from cmo.domain import event as ev
from cmo.store.commit import commit
from cmo.store.db import Connection, open_store
from tests.fakes.drafts import SENDER, lead_events, store_with_drafts
from tests.fakes.terminal import Terminal

LEADS, DRAFTS = 100_000, 200
EVENTS_A_SECOND, CALM_EVENTS = 200, 10
STARTS, MOVES, DECISIONS, BURST = 7, 60, 60, 40
WATCHED_S = 10.0
BUSY_EVERY_S = 0.1
RULE = "score>=1"
SAMPLES = 8
_NUMBER = re.compile(rb"#(\d+) Ana")


def run() -> list[Row]:
    """Every figure of the full screen that has a goal, over 100,000 leads and 200 drafts."""
    busy = load()
    progress("starting the full screen")
    starts = [started(screen) for screen in ("run", rows_screen()) for _ in range(STARTS)]
    first, rows = starts[1:STARTS], starts[STARTS + 1 :]  # the first one of each finds nothing in the system's cache
    progress("typing")
    with reviewing("idle") as review:
        idle = [review.moved_ms("j") for _ in range(MOVES)]
        memory = review.rss_mb()
    with reviewing("busy") as review, feeding(review.conn):
        under_load = [review.moved_ms("j") for _ in range(MOVES)]
        spent, _ = review.watched(WATCHED_S)
    with reviewing("decisions") as review:
        decisions = [review.decided_ms() for _ in range(DECISIONS)]
        lost = review.burst()
    with reviewing("rule") as review:
        rule, undo = review.rule_ms()
    with reviewing("kill") as review:
        stop = review.stop_ms()
    progress("watching a run")
    with reviewing("run", screen="run", size=(120, 34)) as watching:
        with feeding(watching.conn, a_second=CALM_EVENTS):
            run_cpu, run_bytes = watching.watched(WATCHED_S)
        with feeding(watching.conn, since=1_000_000):
            busy_cpu, _ = watching.watched(WATCHED_S)
    note = f"{LEADS:,} leads, {DRAFTS} drafts; {busy}"
    figures: Sequence[tuple[str, float, str, float]] = (
        ("first content", median(taken[0] for taken in first), "ms", 350),
        (f"first rows of {rows_screen()}", median(taken[1] for taken in rows), "ms", 500),
        ("memory", memory, "MB", 80),
        ("key to paint, idle, p95", p95(idle), "ms", 50),
        (f"key to paint, {EVENTS_A_SECOND} events/s, p95", p95(under_load), "ms", 100),
        (f"{EVENTS_A_SECOND} events/s into Review, share of a core", spent, "%", 25),
        ("decision: key, stored, next draft, p95", p95(decisions), "ms", 60),
        (f"lost of {BURST} keys in a burst", lost, "", 0),
        (f"rule over {DRAFTS} drafts, stored and seen", rule, "ms", 150),
        ("its undo, stored and seen", undo, "ms", 150),
        ("kill switch: key, stored and shown", stop, "ms", 100),
        (f"Run with {CALM_EVENTS} events/s, share of a core", run_cpu, "%", 3),
        (f"Run with {CALM_EVENTS} events/s, to the terminal", run_bytes, "KB/s", 30),
        (f"Run with {EVENTS_A_SECOND} events/s, share of a core", busy_cpu, "%", 25),
    )
    return [
        Row(what=f"full screen: {what}", measured=measured, unit=unit, at_most=goal, note=note)
        for what, measured, unit, goal in figures
    ]


def rows_screen() -> str:
    """The screen of the longest table that is built."""
    return "leads" if find_spec("cmo.tui.screens.leads") else "review"


def p95(taken: Sequence[float]) -> float:
    """The time that 19 of 20 keep to."""
    return sorted(taken)[int(len(taken) * 0.95)]


@cache
def seeded() -> Path:
    """A home with one job that runs: 200 drafts that no check flags, and 100,000 leads."""
    home = scratch() / "screens"
    home.mkdir()
    conn, _ = store_with_drafts(home / "campaign.db", DRAFTS)
    with conn:
        conn.execute("UPDATE jobs SET status = 'running', stage = 'draft', ended_reason = NULL")
        many = {"login_key": "'many' || k", "login": "'many' || k", "n": "1000 + k", "person_id": "'many' || k"}
        _multiply(conn, "candidates", many)
        _multiply(conn, "candidate_repos", {"login_key": "'many' || k"})
        _multiply(conn, "leads", {"number": "1000 + k", "login_key": "'many' || k"})
    conn.close()
    return home


def _multiply(conn: Connection, table: str, changed: Mapping[str, str]) -> None:
    """Copy the first row of `table` until there are as many as `LEADS`; `k` counts them."""
    names = [row["name"] for row in conn.execute(f"PRAGMA table_info({table})")]
    values = ", ".join(changed.get(name, name) for name in names)
    conn.execute(
        f"WITH RECURSIVE counted(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM counted WHERE k < {LEADS - DRAFTS})"
        f" INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM counted,"
        f" (SELECT * FROM {table} ORDER BY rowid LIMIT 1)"
    )


def opened(home: Path, screen: str, size: tuple[int, int] = (120, 40)) -> Terminal:
    """`cmo tui` over the store in `home`."""
    env = {**clean_environment(home), **SENDER, "CMO_OPERATOR": "bench"}
    return Terminal(command(("tui", "--screen", screen), eager=False), env=env, folder=home, size=size)


def started(screen: str) -> tuple[float, float]:
    """Milliseconds until the frame is seen, and until a person of the job is (on Run: until its stages are)."""
    rows = b"draft" if screen == "run" else b"maint"
    began = time.perf_counter()
    with opened(seeded(), screen) as terminal:
        terminal.until(lambda out: b"STOP" in out)
        first = time.perf_counter()
        terminal.until(lambda out: rows in out)
        return (first - began) * 1000, (time.perf_counter() - began) * 1000


class Sitting:
    """A person at one screen, and another process that looks at the store."""

    def __init__(self, terminal: Terminal, conn: Connection) -> None:
        self.terminal = terminal
        self.conn = conn

    def moved_ms(self, key: str) -> float:
        """Until the draft on screen is another one."""
        since = len(self.terminal.out)
        began = time.perf_counter()
        self.terminal.press(key)
        self.terminal.until(lambda out: _NUMBER.search(out) is not None, since)
        taken = (time.perf_counter() - began) * 1000
        self.terminal.until_quiet(0.02)
        return taken

    def decided_ms(self) -> float:
        """Until an approval is stored and the next draft is seen."""
        wanted = self.approved() + 1
        since = len(self.terminal.out)
        began = time.perf_counter()
        self.terminal.press("a")
        self._until(lambda: self.approved() >= wanted)
        self.terminal.until(lambda out: _NUMBER.search(out) is not None, since)
        taken = (time.perf_counter() - began) * 1000
        self.terminal.until_quiet(0.05)
        return taken

    def burst(self) -> int:
        """How many of 40 approvals, typed at once, are never stored."""
        before = self.approved()
        self.terminal.press(*["a"] * BURST)
        self.terminal.until_quiet(1.0)
        return BURST - (self.approved() - before)

    def rule_ms(self) -> tuple[float, float]:
        """Approve all by rule, and take it back: each until it is stored and the count is seen."""
        self._say("/", *RULE, "enter")
        self._say("A", "1", *["space"] * SAMPLES)
        return self._count_ms("enter", DRAFTS), self._count_ms("u", 0)

    def stop_ms(self) -> float:
        """Until the kill switch is stored and line 1 says so."""
        since = len(self.terminal.out)
        began = time.perf_counter()
        self.terminal.press("exclamation_mark")
        self._until(lambda: bool(self.conn.execute("SELECT 1 FROM switches WHERE name = 'kill'").fetchone()))
        self.terminal.until(lambda out: b"STOPPED" in out, since)
        return (time.perf_counter() - began) * 1000

    def watched(self, for_s: float) -> tuple[float, float]:
        """Percent of a core and KB a second to the terminal, with nobody typing."""
        spent, sent, began = self._cpu_s(), len(self.terminal.out), time.perf_counter()
        while (took := time.perf_counter() - began) < for_s:
            self.terminal.read(0.1)
        return (self._cpu_s() - spent) / took * 100, (len(self.terminal.out) - sent) / took / 1000

    def rss_mb(self) -> float:
        """What the process holds, in MB."""
        status = Path(f"/proc/{self.terminal.process.pid}/status").read_text(encoding="ascii")
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        if found is None:
            raise NothingMeasured("the system does not say what a process holds")
        return int(found[1]) * 1024 / 1e6

    def approved(self) -> int:
        return int(self.conn.execute("SELECT COUNT(*) FROM drafts WHERE state = 'approved'").fetchone()[0])

    def _count_ms(self, key: str, wanted: int) -> float:
        since = len(self.terminal.out)
        began = time.perf_counter()
        self.terminal.press(key)
        self._until(lambda: self.approved() == wanted)
        self.terminal.until(lambda out: f" {wanted}/{DRAFTS}".encode() in out, since)
        taken = (time.perf_counter() - began) * 1000
        self.terminal.until_quiet(0.3)
        return taken

    def _say(self, *keys: str) -> None:
        self.terminal.press(*keys)
        self.terminal.until_quiet(0.4)

    def _until(self, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 20
        while not is_so():
            self.terminal.read(0.001)
            if time.monotonic() > deadline:
                raise NothingMeasured("a key had no effect: " + self.terminal.out[-500:].decode(errors="replace"))

    def _cpu_s(self) -> float:
        """Seconds of processor that the process has used; fields 14 and 15 of proc(5) `stat`."""
        fields = Path(f"/proc/{self.terminal.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def reviewing(name: str, *, screen: str = "review", size: tuple[int, int] = (120, 40)) -> Iterator[Sitting]:
    """A sitting over a copy of the seeded home."""
    home = copy_home(seeded(), scratch() / f"screens-{name}")
    conn = open_store(home / "campaign.db")
    with opened(home, screen, size) as terminal:
        terminal.until(lambda out: (b"maint" if screen == "review" else b"STOP") in out)
        terminal.until_quiet(1.0)
        yield Sitting(terminal, conn)
    conn.close()


@contextmanager
def feeding(conn: Connection, *, a_second: int = EVENTS_A_SECOND, since: int = DRAFTS) -> Iterator[None]:
    """The job commits events meanwhile: people found, looked up, verified, scored, the first after number `since`."""
    ((job_id,),) = conn.execute("SELECT id FROM jobs").fetchall()
    (path,) = {row["file"] for row in conn.execute("PRAGMA database_list")}
    ended = threading.Event()

    def feed() -> None:
        writer, clock = open_store(Path(path)), SystemClock()
        events = _endless(since)
        while not ended.wait(BUSY_EVERY_S):
            page = [next(events) for _ in range(round(a_second * BUSY_EVERY_S))]
            commit(writer, job_id, page, at=clock.now(), epoch=None)
        writer.close()

    thread = threading.Thread(target=feed, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _endless(since: int) -> Iterator[tuple[str, ev.Event]]:
    for n in count(since + 1):
        for k, event in enumerate(lead_events(n, 40 + n % 60)):
            yield f"fed/{n}/{k}", event
