"""A stored job in which people were not looked up and mails did not leave, made through events as a run makes it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from cmo.domain import event as ev
from cmo.domain.job import Mode, Stage
from cmo.domain.lead import ItemFailure
from cmo.store.commit import commit
from cmo.store.db import Connection, open_store
from tests.fakes.jobs import new_job, plan_factory
from tests.fakes.ledger import ledger_row
from tests.fakes.outside import NOW

ADDRESS = "ana.marsh@marsh-works.example"
HOSTILE = "[/] dependabot[bot] \x1b]52;c;aGk=\x07 \u202egnp.exe [link=https://evil.example]here"


def store_with_failures(path: Path, people: int = 41, *, mode: Mode = Mode.SEND_ALLOWED) -> tuple[Connection, str]:
    """A store with one running job: `people` who could not be looked up, then a domain whose name servers fail, then
    two mails, of which one may have left, then an answer in words that are an attack."""
    conn = open_store(path)
    job = new_job(conn, plan_factory(mode=mode))
    limited = [
        (f"maint{n}", "rate_limited", f"GitHub 403: secondary rate limit for maint{n}, wait {n} s")
        for n in range(1, people + 1)
    ]
    rows = [ledger_row(conn, job.id, f"p{n}@p{n}.example", state=s) for n, s in enumerate(("failed", "unknown"))]
    mails = [(f"outbox:{row}", "timeout", f"no answer for {ADDRESS} in {row} s") for row in rows]
    told: list[tuple[str, Stage, str, str, str]] = [
        *(("enrich_github_user", Stage.ENRICH, *one) for one in limited),
        ("mx_check", Stage.MX, "ana@org3.example", "dns", "SERVFAIL from the servers of org3.example"),
        *(("instantly.enrol", Stage.SEND, *mail) for mail in mails),
        ("render_copy", Stage.DRAFT, HOSTILE, "odd[/]", f"the answer had no subject: {HOSTILE}"),
    ]
    commit(conn, job.id, [(f"{job.id}/start", ev.JobStarted(by="operator:test", resumed=False))], at=NOW, epoch=None)
    for n, (tool, stage, item, code, message) in enumerate(told):
        failure = ItemFailure(item=item, code=code, message=message)
        event = ev.ItemFailed(tool=tool, stage=stage, failure=failure)
        commit(conn, job.id, [(f"{job.id}/{n}", event)], at=NOW + timedelta(minutes=n), epoch=None)
    return conn, job.id
