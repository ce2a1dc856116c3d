"""Many processes claim the last mails of a quota at once: `python -m tests.delivery.racer PROCESSES [RUNS]`.

Run as a program, so that it forks while it has one thread. Prints, as JSON, quota -> what was left of it, and how many
mails each run's processes claimed together.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cmo.config import Settings
from cmo.domain.draft import Step
from cmo.domain.job import Mode
from cmo.domain.letters import Route
from cmo.domain.outward import Inbox
from cmo.providers.maildir.client import SEND
from cmo.service.controls import limits_of
from cmo.service.routes import composer_of
from cmo.store.db import Connection, open_store, transaction
from cmo.store.gate import SendGate
from cmo.store.jobs import get_job
from cmo.store.outbox import claim
from cmo.store.sends import plan_sends
from tests.fakes.campaign import Campaign, campaign, settings_in
from tests.fakes.clock import NOON

MAILS = 24
USED = 2
"""Mails of the quota that have left before the race."""
LOOSE = {"CMO_MAX_EMAILS_PER_DAY": "1000", "CMO_PER_INBOX_DAILY": "1000", "CMO_MAX_PER_COMPANY_DAILY": "1000"}


@dataclass(frozen=True)
class Quota:
    """One quota, made the only one that binds."""

    env: dict[str, str]
    left: int
    """Mails it leaves after `USED` of it."""
    is_warm: bool = True
    prepare: Callable[[Connection], object] = lambda conn: None


def _one_company(conn: Connection) -> None:
    conn.execute("UPDATE outbox SET company_key = 'acme'")


def _one_person(conn: Connection) -> None:
    """Every mail is another step to one person, whose first mail was confirmed long ago."""
    long_ago = (NOON - timedelta(days=40)).timestamp()
    conn.execute(
        "UPDATE drafts SET email_key = 'ana', step = CASE id WHEN 1 THEN ? ELSE 'step_' || id END", (Step.FIRST_TOUCH,)
    )
    conn.execute("UPDATE outbox SET email_key = 'ana'")
    conn.execute("UPDATE outbox SET state = 'confirmed', claimed_s = ? WHERE draft_id = 1", (long_ago,))


QUOTAS = {
    "day": Quota({"CMO_MAX_EMAILS_PER_DAY": "9"}, 7),
    "inbox": Quota({"CMO_PER_INBOX_DAILY": "8"}, 6),
    "company": Quota({"CMO_MAX_PER_COMPANY_DAILY": "5"}, 3, prepare=_one_company),
    "contact": Quota({"CMO_MAX_PER_CONTACT": "5"}, 3, prepare=_one_person),
    "warm-up": Quota({}, 3, is_warm=False),
}


def prepared(home: Path, quota: Quota) -> Campaign:
    """A campaign whose mails wait in the outbox, `USED` of them already confirmed today."""
    made = campaign(home, MAILS, settings=settings_in(home, **{**LOOSE, **quota.env}))
    with closing(made.open()) as conn:
        composer = composer_of(conn, get_job(conn, made.job_id).plan, made.settings)
        plan_sends(
            conn,
            made.job_id,
            route=composer.route,
            compose=lambda words, at: composer.letter(words, approved_at=at),
            due_at=NOON,
        )
        with transaction(conn):
            quota.prepare(conn)
        taken = take(conn, made.job_id, made.settings, quota, most=USED)
        assert taken == USED, f"{taken} of {USED} could be claimed before the race"
    return made


def take(conn: Connection, job_id: str, settings: Settings, quota: Quota, *, most: int = MAILS) -> int:
    """Claim one by one until nothing more may leave; how many."""
    gate = SendGate(
        job_id=job_id,
        ceiling=Mode.SEND_ALLOWED,
        limits=limits_of(settings),
        inboxes=(Inbox(address="sam@field.example", provider="maildir", is_warm=quota.is_warm),),
        secret=b"secret",
        route=Route(mailer="maildir"),
    )
    taken = 0
    while (
        taken < most
        and claim(conn, SEND, job_id=job_id, gate=gate, now=NOON, holder=f"here:{os.getpid()}", size=1).claimed
    ):
        taken += 1
    return taken


def started_together(processes: int, work: Callable[[], int]) -> list[int]:
    """What `work` gave in each of `processes` forks of this process, all let go at one instant."""
    ready, go, told = os.pipe(), os.pipe(), os.pipe()
    children = []
    for _ in range(processes):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                os.close(go[1])
                os.write(ready[1], b".")
                os.read(go[0], 1)
                os.write(told[1], f"{work()}\n".encode())
                code = 0
            except BaseException:
                traceback.print_exc()
            os._exit(code)
        children.append(child)
    os.close(go[0])
    for _ in children:
        os.read(ready[0], 1)
    os.close(go[1])
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    os.close(told[1])
    if any(codes):
        raise RuntimeError(f"{sum(map(bool, codes))} of {processes} processes failed")
    with os.fdopen(told[0]) as file:
        taken = [int(line) for line in file]
    os.close(ready[0])
    os.close(ready[1])
    return taken


def race(home: Path, quota: Quota, processes: int) -> int:
    """How many mails `processes` claimed together."""
    made = prepared(home, quota)

    def work() -> int:
        with closing(open_store(made.settings.paths.db)) as conn:
            return take(conn, made.job_id, made.settings, quota)

    return sum(started_together(processes, work))


def main() -> None:
    processes, runs = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1
    with tempfile.TemporaryDirectory() as folder:
        report = {
            name: {
                "left": quota.left,
                "claimed": [race(Path(folder) / f"{name}-{n}", quota, processes) for n in range(runs)],
            }
            for name, quota in QUOTAS.items()
        }
    json.dump(report, sys.stdout)


if __name__ == "__main__":
    main()
