"""Makes one request of a whole campaign fail, in one way, once or again and again; restarts until all is quiet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from cmo.sandbox.faults import WRITES_ROUTE, FaultKind, FaultRule
from cmo.sandbox.smtp_faults import SmtpFault, SmtpPoint, SmtpWay
from cmo.store.db import Connection
from cmo.store.switches import SENDING, find_switch, resume_inboxes, switch_off
from tests.delivery.books import Comparison, compare
from tests.delivery.campaigns import Running, running

REFUSED: Literal["refused"] = "refused"
"""The service is down: no connection stands."""
Kind = FaultKind | Literal["refused"]
KINDS: tuple[Kind, ...] = (
    FaultKind.RESET_BEFORE,
    FaultKind.RESET_AFTER,
    FaultKind.TIMEOUT_AFTER,
    FaultKind.ERROR_AFTER,
    FaultKind.SERVER_ERROR,
    FaultKind.RATE_LIMIT,
    FaultKind.TRUNCATED_BODY,
    FaultKind.MALFORMED_JSON,
    FaultKind.OK_WITH_ERROR,
    REFUSED,
)
PERSISTS, SILENT_PERSISTS = 8, 4
"""Requests in a row that fail where a trouble persists, and where each costs real time; more than a client repeats by
itself."""
DOWN_ROUNDS = 3
MOST_ROUNDS = 80
STILL_ROUNDS = PERSISTS + 2
"""Rounds without any change after which a campaign is quiet although rows wait."""
STEP_S = 1_200.0
"""Let pass between rounds at least; longer than a breaker stays open."""
_SILENT = ("timeout", "timeout_after_accepting", FaultKind.TIMEOUT_AFTER)


@dataclass(frozen=True)
class Trial:
    """One trouble in one campaign."""

    campaign: str
    kind: Kind | SmtpFault
    at: int = 0
    """Number of the request, from 1."""
    persists: bool = False

    @property
    def troubles(self) -> dict[str, Any]:
        """As `running` takes them."""
        if isinstance(self.kind, SmtpFault):
            return {"smtp_faults": [self.kind], "is_short": self.kind.way in _SILENT}
        if self.kind == REFUSED:
            return {"gone_after": self.at - 1}
        is_silent = self.kind in _SILENT
        lasts = (SILENT_PERSISTS if is_silent else PERSISTS) if self.persists else 1
        rule = FaultRule(kind=FaultKind(self.kind), route=WRITES_ROUTE, nth=tuple(range(self.at, self.at + lasts)))
        return {"rules": [rule], "is_short": is_silent}


@dataclass(frozen=True)
class Walked:
    """What came of one trial."""

    trial: Trial
    found: Comparison
    rounds: int

    @property
    def told(self) -> str:
        """The trial and its problems, for a failing test."""
        return f"{self.trial}: {'; '.join(self.found.problems)}"


def walk(trial: Trial, home: Path) -> Walked:
    """Run the campaign under the trial's trouble to its quiet end, and compare."""
    with running(trial.campaign, home, **trial.troubles) as run:
        conn = run.open()
        try:
            rounds = settle(run, conn, down_rounds=DOWN_ROUNDS if trial.persists else 1)
            return Walked(trial, compare(run, conn), rounds)
        finally:
            conn.close()


def settle(run: Running, conn: Connection, *, down_rounds: int = 1) -> int:
    """Deliver, let time pass and deliver again, until nothing is left to do; how many rounds it took."""
    before: list[Any] = []
    still = 0
    for number in range(1, MOST_ROUNDS + 1):
        if number > down_rounds:
            run.services.return_()
        new = run.deliver(conn)
        rows = [tuple(row) for row in conn.execute("SELECT id, state, is_held, attempts FROM outbox ORDER BY id")]
        is_over = not new and all(state in ("confirmed", "failed") or is_held for _, state, is_held, _ in rows)
        still = still + 1 if rows == before else 0
        if is_over or still == STILL_ROUNDS:
            return number
        before = rows
        _let_time_pass(run, conn)
    raise AssertionError(f"not quiet after {MOST_ROUNDS} rounds: {before}; {run.troubles[-3:]}")


def _let_time_pass(run: Running, conn: Connection) -> None:
    """Until the next row is due; whatever stopped sending by itself is resumed, as the operator does."""
    now = run.clock.now()
    due_s = conn.execute(
        "SELECT MIN(due_s) AS s FROM outbox WHERE is_held = 0 AND state IN ('planned', 'unknown') AND due_s > ?",
        (now.timestamp(),),
    ).fetchone()["s"]
    until = datetime.fromtimestamp(due_s, UTC) if due_s else now
    run.clock.advance(max((until - now).total_seconds(), STEP_S))
    if find_switch(conn, SENDING, now=run.clock.now()):
        switch_off(conn, SENDING, by="operator:ana", at=run.clock.now(), reason="looked at", action="sending.resume")
    resume_inboxes(conn, by="operator:ana", at=run.clock.now())


def requests_of(campaign: str, home: Path) -> list[str]:
    """What a campaign asks for where nothing goes wrong, in order."""
    with running(campaign, home) as run:
        conn = run.open()
        settle(run, conn)
        found = compare(run, conn)
        conn.close()
        assert (found.problems, found.listed) == ((), 0), found
        return list(run.services.requests)


def every_request(campaign: str, requests: Sequence[str]) -> Iterator[Trial]:
    """Every kind of trouble at every request, once and persistently."""
    for at in range(1, len(requests) + 1):
        for kind in KINDS:
            yield Trial(campaign, kind, at)
            yield Trial(campaign, kind, at, persists=True)


def one_of_each(campaign: str, requests: Sequence[str], kind: Kind) -> Iterator[Trial]:
    """One kind of trouble at one request of each sort, the second of several; by turns once and lasting."""
    for number, asked in enumerate(dict.fromkeys(requests)):
        places = [place for place, other in enumerate(requests, start=1) if other == asked]
        yield Trial(campaign, kind, places[:2][-1], persists=number % 2 == 1)


def every_step_of_smtp(*, mails: Sequence[int], points: Sequence[SmtpPoint] = get_args(SmtpPoint)) -> Iterator[Trial]:
    """Every trouble at `points` of the dialogue, for the mails with these numbers; and for the first eight in a row."""
    for point in points:
        for way in get_args(SmtpWay):
            if way.endswith("_after_accepting") and point != "dot":
                continue
            for number in mails:
                yield Trial("smtp", SmtpFault(point=point, way=way, nth=(number,)))
            yield Trial("smtp", SmtpFault(point=point, way=way, nth=tuple(range(1, PERSISTS + 1))), persists=True)
