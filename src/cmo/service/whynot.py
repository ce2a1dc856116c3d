"""Why nothing is being sent: what has to come first, then gate by gate in the order in which they are asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Literal

from cmo.config import Settings
from cmo.domain.base import Frozen
from cmo.domain.draft import DraftState
from cmo.domain.job import Mode
from cmo.domain.policy import RULES, Verdict
from cmo.domain.text import counted, drafts_wait
from cmo.errors import ConfigError, PolicyRefused, ProviderError
from cmo.service.mail_setup import clock_words
from cmo.service.next_steps import next_step, raise_ceiling
from cmo.service.rules import draft_terms
from cmo.service.send_words import MOST_REASONS
from cmo.service.sending import Sending, SendPreview, opened
from cmo.service.wiring import Outside
from cmo.store import draft_views
from cmo.store.db import Connection
from cmo.store.gate import clock_behind
from cmo.store.send_views import RuleCount, drafts_in_hold, hold_ends, mail_standing, refused_for_good
from cmo.store.switches import SENDING, find_switch

CmoTrouble = ConfigError | ProviderError | PolicyRefused
"""Why the provider cannot be asked."""
STANDING = ("kill_switch", "paused", "mode")
"""Rules that hold for all mails alike, and need no provider to be asked."""
_MOVED = frozenset({"held", "breaker", "later", "limit", "sequence"})
"""What keeps a mail from leaving besides the gate's rules."""


class Gate(Frozen):
    """One thing that has to be so before a mail leaves."""

    name: str
    state: Literal["ok", "stops", "unasked"]
    count: int
    """Mails it keeps from leaving."""
    passed: int
    message: str
    reason: str = ""
    """Where several were said, the one that most were stopped by."""
    retry_at: datetime | None = None
    next: str = ""
    """What to type."""


class WhyNot(Frozen):
    """Why nothing of a job is being sent."""

    job_id: str
    waiting: int
    """Approved mails that have not left."""
    leaving: int
    """Of them those that nothing stops now."""
    gates: tuple[Gate, ...]

    @property
    def first(self) -> Gate | None:
        """What to deal with first: what stops everything comes before what is merely not done yet."""
        stops = [gate for gate in self.gates if gate.state == "stops"]
        return next(
            (gate for gate in stops if gate.name in ("approved", "provider", *STANDING)), next(iter(stops), None)
        )


def why_not(settings: Settings, ref: str, *, short: str, found: Outside | None = None) -> WhyNot:
    """Ask every gate about everything that waits; writes nothing.

    Args:
        short: How the job is named in commands.
        found: In place of the outside that the settings name.
    """
    with opened(settings, ref, found=found) as delivery:
        sending = Sending(delivery)
        trouble: CmoTrouble | None = None
        preview: SendPreview | None = None
        try:
            preview = sending.preview(due_at=sending.now())
        except (ConfigError, ProviderError, PolicyRefused) as exc:
            trouble = exc
        return _told(sending, preview, trouble, settings, short)


def _told(
    sending: Sending, preview: SendPreview | None, trouble: CmoTrouble | None, settings: Settings, short: str
) -> WhyNot:
    conn, now = sending.delivery.conn, sending.now()
    waiting = sending.waiting()
    gates = [
        *_clock(conn, now),
        _approved(conn, sending.job_id, now, waiting),
        _provider(preview, trouble, waiting),
        *_outbox(conn, sending.job_id, now, preview),
        *_rules(preview, sending.locked(), refused_for_good(conn, sending.job_id), waiting),
    ]
    in_hold = drafts_in_hold(conn, sending.job_id, now=now)
    goes = () if preview is None or preview.locked else preview.leaving
    leaving = sum(row.draft_id not in in_hold for row in goes)
    named = [gate.model_copy(update={"next": _next(gate, sending, settings, short)}) for gate in gates]
    return WhyNot(job_id=sending.job_id, waiting=waiting, leaving=leaving, gates=tuple(named))


def _clock(conn: Connection, now: datetime) -> Iterator[Gate]:
    """What explains refusals that nobody expects, where the clock goes wrong."""
    behind = clock_behind(conn, now)
    if behind is not None:
        told = clock_words(now, behind)
        yield Gate(
            name="clock", state="stops", count=0, passed=0, message=f"{told[0].upper()}{told[1:]}.", retry_at=behind
        )


def _approved(conn: Connection, job_id: str, now: datetime, waiting: int) -> Gate:
    pending = draft_views.count_waiting(conn, job_id, now=now)
    if waiting:
        told = f"{waiting:,} approved, {drafts_wait(pending)}"
        return Gate(name="approved", state="ok", count=0, passed=waiting, message=told)
    left = mail_standing(conn, job_id).drafts.get(DraftState.APPROVED, 0)
    if left and not pending:
        return Gate(name="approved", state="ok", count=0, passed=0, message=f"nothing waits: all {left:,} were handled")
    expired = draft_views.count_waiting(conn, job_id, now=now, terms=draft_terms("state:expired"))
    if pending:
        told, then = (
            f"Nothing is approved; {drafts_wait(pending)}.",
            "cmo drafts review --job {ref}",
        )
    elif expired:
        told = f"Nothing is approved; {counted(expired, 'approval')} expired."
        then = "cmo drafts review --job {ref} --where state:expired"
    else:
        told, then = "There is no draft to approve.", "cmo status {ref}"
    return Gate(name="approved", state="stops", count=0, passed=0, message=told, next=then)


def _provider(preview: SendPreview | None, trouble: CmoTrouble | None, waiting: int) -> Gate:
    if trouble is not None:
        return Gate(
            name="provider", state="stops", count=waiting, passed=0, message=trouble.message,
            next=trouble.hint.partition("\n")[0],
        )  # fmt: skip
    assert preview is not None
    told = f"{preview.mailer}: {', '.join(box.address for box in preview.sequence.inboxes)}"
    return Gate(name="provider", state="ok", count=0, passed=waiting, message=told)


def _outbox(conn: Connection, job_id: str, now: datetime, preview: SendPreview | None) -> list[Gate]:
    """What of it is handed over, still in its hold, kept back, or doubtful."""
    standing = mail_standing(conn, job_id).outbox
    rules = [row.rule for row in preview.rows] if preview else []
    planned, held, doubtful = standing.get("planned", 0), standing.get("held", 0), standing.get("unknown", 0)
    gates = list[Gate]()
    if not planned and any(rule is None for rule in rules):
        told = "Nothing is handed over yet."
        gates.append(Gate(name="outbox", state="stops", count=len(rules), passed=0, message=told))
    else:
        gates.append(Gate(name="outbox", state="ok", count=0, passed=planned, message=f"{planned:,} handed over"))
    ends, in_hold = hold_ends(conn, job_id), drafts_in_hold(conn, job_id, now=now)
    if ends is not None and in_hold:
        told = "The hold is not over: everything can be recalled."
        gates.append(Gate(name="hold", state="stops", count=len(in_hold), passed=0, message=told, retry_at=ends))
    if held:
        told = "Held, by an operator or until it is clear whether they left."
        gates.append(Gate(name="held", state="stops", count=held, passed=planned, message=told))
    if doubtful:
        told = "They may have left; they are looked up at the next send."
        gates.append(Gate(name="unknown", state="stops", count=doubtful, passed=planned, message=told))
    if "later" in rules and preview is not None:
        rows = [row for row in preview.rows if row.rule == "later"]
        times = [row.retry_at for row in rows if row.retry_at]
        gates.append(
            Gate(name="later", state="stops", count=len(rows), passed=0, message=rows[0].message,
                 retry_at=min(times, default=None))
        )  # fmt: skip
    if "breaker" in rules and preview is not None:
        row = next(row for row in preview.rows if row.rule == "breaker")
        gates.append(
            Gate(name="breaker", state="stops", count=rules.count("breaker"), passed=0, message=row.message,
                 retry_at=row.retry_at)
        )  # fmt: skip
    return gates


def _rules(
    preview: SendPreview | None, locked: list[Verdict], over: Mapping[str, RuleCount], waiting: int
) -> list[Gate]:
    """The gate's rules in their order; what one stops does not come before the next."""
    stops = {str(verdict.rule): verdict for verdict in locked}
    rows = [] if preview is None else [row for row in preview.rows if row.rule not in _MOVED]
    left, gates = len(rows) if preview else waiting, list[Gate]()
    for rule in RULES:
        same = [row for row in rows if row.rule == rule]
        if rule in stops:
            verdict = stops[rule]
            gates.append(
                Gate(name=rule, state="stops", count=waiting, passed=0, message=verdict.message,
                     retry_at=verdict.retry_at)
            )  # fmt: skip
        elif same:
            times = [row.retry_at for row in same if row.retry_at]
            reasons = _reasons([row.message for row in same])
            left -= len(same)
            gates.append(
                Gate(name=rule, state="stops", count=len(same), passed=left,
                     message=" ".join([*reasons, *_ended(over.get(rule))]),
                     reason=reasons[0], retry_at=min(times) if times else None)
            )  # fmt: skip
        else:
            is_asked = preview is not None or rule in STANDING
            told = f"{left:,} pass" if is_asked else "not asked while there is no provider"
            gates.append(
                Gate(
                    name=rule,
                    state="ok" if is_asked else "unasked",
                    count=0,
                    passed=left if is_asked else 0,
                    message="; ".join([told, *_ended(over.get(rule))]),
                )
            )
    return gates


def _ended(over: RuleCount | None) -> list[str]:
    """What a rule ended for good: that does not wait any more."""
    return [f"{over.count:,} ended here for good: {over.message}"] if over else []


def _reasons(texts: Sequence[str]) -> tuple[str, ...]:
    """What was said, the most frequent first, each with how often where it is not one and the same."""
    counts = Counter(texts).most_common()
    if len(counts) < 2:
        return tuple(text for text, _ in counts)
    told = [f"{text} ({count:,})" for text, count in counts[:MOST_REASONS]]
    more = len(counts) - MOST_REASONS
    return (*told, f"And {counted(more, 'more reason')}.") if more > 0 else tuple(told)


def _next(gate: Gate, sending: Sending, settings: Settings, short: str) -> str:
    if gate.state != "stops":
        return ""
    if gate.name == "mode" and settings.mode() is not Mode.SEND_ALLOWED:
        return raise_ceiling(settings)
    if gate.name == "paused" and find_switch(sending.delivery.conn, SENDING, now=sending.now()) is None:
        return f"cmo resume {short} --sending"  # of this job alone
    step = next_step(gate.name, gate.reason or gate.message, ref=short, countries=settings.country_rules)
    return gate.next.replace("{ref}", short) or step
