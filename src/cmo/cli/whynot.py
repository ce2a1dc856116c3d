"""`cmo why-not`: why nothing is being sent."""

from __future__ import annotations

from cmo.cli.asking import opened_job, short_ref
from cmo.cli.diagnostics import DONE
from cmo.cli.draft_picks import job_of
from cmo.cli.options import JobArg
from cmo.cli.session import Session, session
from cmo.cli.terminal import pad, safe_line, wrapped
from cmo.domain.text import counted
from cmo.service import whynot as verbs
from cmo.service.whynot import Gate, WhyNot

_MARKS = {"ok": ("ok", "ok"), "stops": ("STOP", "error"), "unasked": ("?", "dim")}
_NAMES = 15


def why_not(job: JobArg = None) -> int:
    """Say why nothing is being sent.

    First what has to be there, then every gate in the order in which they are asked: how many mails it stops, from when
    it lets them go, and what to type. Nothing is written; the provider is only asked about its sequence.
    """
    here = session()
    found_job, settings = job_of(here, job)
    with opened_job(here, found_job.id) as (conn, job_id):
        short = short_ref(conn, job_id)
    found = verbs.why_not(settings, job_id, short=short)
    data = {
        "job_id": job_id,
        "waiting": found.waiting,
        "leaving": found.leaving,
        "first": found.first.name if found.first else None,
        "gates": [gate.model_dump(mode="json") for gate in found.gates],
    }
    here.out.document("cmo.why-not/1", data, text=[line for gate in found.gates for line in _lines(here, gate)])
    here.say.note(_sum_up(found))
    first = found.first
    if first is not None and first.next:
        here.say.hint(f"First: {safe_line(first.next)}")
    elif first is None and found.leaving:
        here.say.hint(f"cmo send {short}")
    return DONE


def _lines(here: Session, gate: Gate) -> list[str]:
    terminal = here.out.terminal
    word, tone = _MARKS[gate.state]
    count = f"{gate.count:,}" if gate.state == "stops" and gate.count else ""
    head = f"{terminal.paint(pad(word, 4), tone)}  {pad(gate.name, _NAMES)}  {pad(count, 5, right=True)}  "
    again = f" Again from {gate.retry_at.astimezone():%a %d %b %H:%M}." if gate.retry_at else ""
    room = max(30, terminal.width - _NAMES - 15)
    told = here.qualify(f"{safe_line(gate.message)}{again}")
    rows = wrapped(told, room) + ([safe_line(gate.next)] if gate.next else [])
    return [head + rows[0], *(" " * (_NAMES + 15) + row for row in rows[1:])]


def _sum_up(found: WhyNot) -> str:
    if found.leaving:
        return f"{found.leaving:,} of {counted(found.waiting, 'approved mail')} would leave now."
    if found.first is None:
        return "Nothing waits."
    return f"{counted(found.waiting, 'approved mail')} waiting; {found.first.name} comes first."
