"""`cmo leads`: list, show, why."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cmo.cli.asking import opened_job, short_ref
from cmo.cli.diagnostics import DONE, NOT_FOUND
from cmo.cli.errors import NothingMatched
from cmo.cli.options import Fields, JobOption, Limit
from cmo.cli.output import Column, Row
from cmo.cli.session import Session, session
from cmo.cli.terminal import safe_line, wrapped
from cmo.domain.text import counted
from cmo.errors import CmoError
from cmo.service.leads import lead_terms
from cmo.service.next_steps import next_step
from cmo.store import people_views, views

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from sqlite3 import Connection

    from cmo.domain.policy import Verdict
    from cmo.store.outbox_views import DecisionLine

    Step = Callable[[DecisionLine], str]
    """What to type about a no of the gate."""

    from cmo.store.why_views import WhyLead

Person = Annotated[str, typer.Argument(metavar="LEAD", help="Login, @login, address or profile page.")]


_PAGE = re.compile(r"(?:https?://)?(?:www\.)?github\.com/([A-Za-z0-9-]+)/?(?:[?#].*)?", re.IGNORECASE)
_MAILS = (".send", ".enrol")
"""How operations end that let a mail out."""
_HANGING = 12
"""Where a line goes on: below the text, not below its name."""


class Sort(StrEnum):
    SCORE = "score"
    LOGIN = "login"
    NUMBER = "number"
    FOUND = "found"
    ORG = "org"


_COLUMNS = [
    Column("login", least=8, show=lambda row: row["login"]),
    Column("score", right=True),
    Column("label", tone=lambda row: {"HOT": "bold", "COLD": "dim"}.get(row["label"], "")),
    Column("state", least=8, tone=lambda row: {"accepted": "ok", "held": "warn"}.get(row["state"], "dim")),
    Column("name", least=10, drop=1),
    Column("company", least=8, drop=2),
    Column("email", least=18),
    Column("email_class", extra=True),
    Column("mx_state", head="mx", least=2),
    Column("from_repo", least=10, drop=3),
    Column("why", extra=True),
    Column("source_url", extra=True),
    Column("seen_at", extra=True),
    Column("location", extra=True),
    Column("status", extra=True),
    Column("outcome", extra=True),
    Column("number", extra=True),
    Column("url", extra=True),
]


def list_leads(
    job: JobOption = None,
    where: Annotated[str | None, typer.Option("--where", metavar="FILTER", help="See: cmo help filters")] = None,
    sort: Annotated[
        Sort, typer.Option("--sort", help="Highest score, or by name, acceptance, discovery, company.")
    ] = Sort.SCORE,
    limit: Limit = 50,
    offset: Annotated[int, typer.Option("--offset", min=0, metavar="N", help="Leave out the first N.")] = 0,
    fields: Fields = None,
) -> int:
    """List people.

    Exit code 4 when nothing matches.
    """
    here = session()
    terms = lead_terms(where)
    with opened_job(here, job) as (conn, job_id):
        total = people_views.count_leads(conn, job_id, terms=terms)
        found = people_views.page_leads(conn, job_id, terms=terms, sort=sort.value, limit=limit, offset=offset)
        ref = short_ref(conn, job_id)
    rows = [_row(lead) for lead in found]
    more = str(offset + len(rows)) if offset + len(rows) < total else None
    here.out.table("cmo.leads.list/1", _COLUMNS, rows, fields=fields, total=total, next_=more)
    if more:
        here.say.note(f"{len(rows):,} of {total:,} shown. More: --offset {more}, or --limit {total}")
    elif not rows:
        here.say.note(f"Nobody matches {where}." if where else f"Nobody in {job_id} has a score yet.")
        here.say.hint(f"cmo status {ref}")
        return NOT_FOUND
    here.say.hint("Why: cmo leads why LOGIN")
    return DONE


def show(person: Person, job: JobOption = None, fields: Fields = None) -> int:
    """Show one person."""
    here = session()
    found, job_id = find_person(here, person, job)
    data = {"job_id": job_id, **found.model_dump(mode="json")}
    here.out.document("cmo.leads.show/1", data, text=_laid(here, _profile(found, job_id)), fields=fields)
    here.say.hint(f"Why: cmo leads why {found.login}")
    return DONE


def why(person: Person, job: JobOption = None, fields: Fields = None) -> int:
    """Explain a decision.

    Shows every gate the person passed or failed, the parts of the score, and where each address is from and when it was
    seen there. Without --job the newest job that knows the person is taken.
    """
    here = session()
    found, job_id = find_person(here, person, job)

    def step(line: DecisionLine) -> str:
        return next_step(line.rule, line.message, ref=job_id, countries=here.settings.country_rules)

    stopped = _stopped(here, found, job_id)
    data = {
        "job_id": job_id,
        "login": found.login,
        "state": found.state,
        "decision": found.decision,
        "status": found.status,
        "outcome": found.outcome,
        "score": None if found.score is None else found.score.model_dump(mode="json"),
        "addresses": [line.model_dump(mode="json") for line in found.addresses],
        "seen_on": [ref.model_dump(mode="json") for ref in found.seen_on],
        "suppressed": found.suppressed,
        "merged_into": found.merged_into,
        "timeline": [{"at": at, "what": what} for at, what in found.timeline],
        "drafts": [draft.model_dump(mode="json") for draft in found.drafts],
        "outbox": [
            {**write.model_dump(mode="json"),
             "decisions": [{**line.model_dump(mode="json"), "next": step(line)} for line in write.decisions]}
            for write in found.writes
        ],
        "next_mail": None if stopped is None else
            {"rule": stopped.rule, "message": stopped.message, "retry_at": stopped.retry_at},
    }  # fmt: skip
    rows = _reasons(found, job_id, step)
    if stopped is not None:
        then = next_step(stopped.rule or "", stopped.message, ref=job_id, countries=here.settings.country_rules)
        rows.append(f"  Now      stays, {stopped.rule}: {safe_line(stopped.message)}{f'  {then}' if then else ''}")
    here.out.document("cmo.leads.why/1", data, text=_laid(here, rows), fields=fields)
    return DONE


def _stopped(here: Session, found: WhyLead, job_id: str) -> Verdict | None:
    """What would keep their next mail of the job from leaving now; None where nothing does, or none is drafted."""
    left = any(write.operation.endswith(_MAILS) and write.state == "confirmed" for write in found.writes)
    if left or not any(draft.state == "approved" for draft in found.drafts):
        return None
    from cmo.service import controls

    try:
        room = controls.show_person_limits(here.settings, found.login).room
    except CmoError:  # the sender, the key or the store: `cmo doctor` says which
        return None
    return room.verdict if room.job_id == job_id and room.verdict.rule is not None else None


def _row(lead: Any) -> Row:
    row: dict[str, Any] = lead.model_dump()
    state = "held" if lead.held else ("accepted" if lead.accepted else "rejected")
    return {**{key: str(value) if isinstance(value, StrEnum) else value for key, value in row.items()}, "state": state}


def find_person(here: Session, person: str, job: str | None) -> tuple[WhyLead, str]:
    """What is known of a person, and in which job."""
    from cmo.store.why_views import lead_why  # lists do without it

    person = _login(person)
    with opened_job(here, job) as (conn, job_id):
        for candidate in _candidates(conn, job_id, job):
            found = lead_why(conn, candidate, person)
            if found is not None:
                return found, candidate
        where = f" in {job_id}" if job else ""
        raise NothingMatched(f"Nobody called {safe_line(person)}{where}.", hint="cmo leads list shows who was scored.")


def _login(person: str) -> str:
    """The login in `@login` and in the address of a profile; anything else as it is."""
    page = _PAGE.fullmatch(person.strip())
    return page[1] if page else person.strip().removeprefix("@")


def _candidates(conn: Connection, job_id: str, asked: str | None) -> list[str]:
    if asked is not None:
        return [job_id]
    return list(dict.fromkeys([job_id, *(job.id for job in views.list_jobs(conn, limit=1000))]))


def _laid(here: Session, rows: list[str]) -> list[str]:
    """The rows, broken between words."""
    width = here.out.terminal.width
    return [line for row in rows for line in (wrapped(here.qualify(row), width, hanging=_HANGING) if row else [row])]


def _profile(found: WhyLead, job_id: str) -> list[str]:
    lead = found.lead
    rows = [f"{safe_line(found.login)}  {found.state}  in {job_id}"]
    if lead is not None:
        facts = [("Name", lead.name), ("Company", lead.company), ("Location", lead.location), ("Page", lead.url)]
        rows += [f"  {name:<9} {safe_line(value)}" for name, value in facts if value]
        rows.append(f"  {'Score':<9} {lead.score} {lead.label}")
        rows.append(f"  {'Status':<9} {standing(found)}")
        rows.append(f"  {'Why':<9} {safe_line(lead.why)}")
    rows += [f"  {'Address':<9} {text}" for text in _addresses(found)]
    rows += [f"  {'Seen on':<9} {text}" for text in _seen(found)]
    rows += [f"  {'Note':<9} {_time(note.at)} {safe_line(note.text)}" for note in found.notes]
    return rows


def _reasons(found: WhyLead, job_id: str, step: Step) -> list[str]:
    rows = [f"{safe_line(found.login)}  {found.state}  in {job_id}", f"  {safe_line(found.decision)}"]
    if found.state != "dropped":
        rows.append(f"  Status {standing(found)}")
    if found.suppressed:
        rows.append(f"  Must not be contacted: {safe_line(found.suppressed)}")
    if found.merged_into:
        rows.append(f"  The same person as {safe_line(found.merged_into)}")
    if found.score is not None:
        rows += ["", f"  Score {found.score.value} {found.score.label}: {safe_line(found.score.rationale)}"]
        rows += [f"  {part.points:>+7.1f}  {part.feature}: {safe_line(part.reason)}" for part in found.score.parts]
        rows.append(f"  {sum(part.points for part in found.score.parts):>7.1f}  in all, held within 0..100")
    rows += [
        "",
        *(f"  Address  {text}" for text in _addresses(found)),
        *(f"  Seen on  {text}" for text in _seen(found)),
    ]
    rows += [f"  Draft    {text}" for text in _drafts(found)]
    rows += [f"  Outbox   {text}" for text in _writes(found, step)]
    rows += [f"  {_time(at)}  {safe_line(what)}" for at, what in found.timeline]
    return rows


def standing(found: WhyLead) -> str:
    """The status, with the outcome where there is one."""
    return f"{found.status}, outcome {found.outcome}" if found.outcome else str(found.status)


def provenance(conn: Connection, job_id: str, login: str) -> list[str]:
    """Where each address of a person is from, and where they were seen; in sentences."""
    from cmo.store.why_views import lead_why

    found = lead_why(conn, job_id, login)
    if found is None:
        return []
    return [*(f"Address {text}" for text in _addresses(found)), *(f"Seen on {text}" for text in _seen(found))]


def _drafts(found: WhyLead) -> list[str]:
    texts = []
    for draft in found.drafts:
        text = f"{draft.id} {draft.step}, {draft.state}, version {draft.version}"
        if draft.approved_by is not None:
            until = (
                f"until {_time(draft.expires_at)}" if draft.revoked_at is None else f"void {_time(draft.revoked_at)}"
            )
            text += f"; approved by {safe_line(draft.approved_by)} {_time(draft.approved_at)}, {until}"
        texts.append(text)
    return texts


def _writes(found: WhyLead, step: Step) -> list[str]:
    """A line for each write, and for each no that the gate gave it one with what to type."""
    texts = []
    for write in found.writes:
        held = ", held" if write.is_held else ""
        why = f": {safe_line(write.reason)}" if write.reason else ""
        texts.append(f"{write.id} {write.operation}, {write.state}{held}, tries: {write.attempts}{why}")
        for line in write.decisions:
            again = f"; again from {_time(line.retry_at)}" if line.retry_at else ""
            asked = f"asked {counted(line.times, 'time')}{again}"
            texts.append(f"  {_time(line.at)} {line.rule}: {safe_line(line.message)} ({asked})")
            texts.append(f"    {safe_line(step(line))}")
    return texts


def _time(at: datetime | None) -> str:
    return "" if at is None else f"{at.astimezone():%Y-%m-%d %H:%M}"


def _addresses(found: WhyLead) -> list[str]:
    texts = []
    for line in found.addresses:
        seen = f"seen {line.seen_at:%Y-%m-%d} at {safe_line(line.source_url)}"
        why = f" ({safe_line(line.evidence)})" if line.evidence else ""
        checked = "not checked yet" if line.verdict is None else f"mail {line.verdict.state}: {line.verdict.reason}"
        texts.append(f"{safe_line(line.email)}  {line.email_class}, {seen}{why}; {safe_line(checked)}")
    return texts


def _seen(found: WhyLead) -> list[str]:
    return [
        f"{ref.from_repo}: {ref.role}, {ref.contributions} {ref.signal.replace('_', ' ')}"
        + (f" ({safe_line('; '.join(ref.evidence))})" if ref.evidence else "")
        for ref in found.seen_on
    ]
