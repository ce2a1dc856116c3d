"""Delivery under faults: every request of whole campaigns fails in every way, processes are killed at every boundary,
many race for the last mails of a quota, and the kill switch is thrown while mail leaves."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TypeVar

from benchmarks.measure import ROOT, clean_environment, progress, scratch
from benchmarks.table import Row
from tests.delivery.books import Comparison
from tests.delivery.campaigns import CAMPAIGNS, PEOPLE
from tests.delivery.kills import forkserver, walk_kill
from tests.delivery.stopping import Stopped, stop
from tests.delivery.walk import (
    PERSISTS,
    REFUSED,
    SILENT_PERSISTS,
    Trial,
    every_request,
    every_step_of_smtp,
    requests_of,
    walk,
)

AT_ONCE = 2
"""Processes that walk; each has services of its own."""
RACERS, RACES = 50, 3
STOPS = 5
HTTP = ("instantly", "smartlead", "gmail")

_numbers = count(1)
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Tried:
    """What a walk came to."""

    what: str
    found: Sequence[Comparison]

    @property
    def failed(self) -> int:
        return sum(bool(one.problems) for one in self.found)

    def row(self, note: str) -> Row:
        """Trials that lost or doubled something, or hid a doubtful row."""
        listed = sum(one.listed for one in self.found)
        told = f"survived {len(self.found) - self.failed:,} / {len(self.found):,} tried, {listed} doubtful rows listed"
        problems = [problem for one in self.found for problem in one.problems][:3]
        return Row(what=self.what, measured=self.failed, at_most=0, note="; ".join([told, note, *problems]))


def run() -> list[Row]:
    """Lost and doubled, each against zero; mails beyond a quota; mails after a stop."""
    return [*_walks(), _kills(), _races(), *_stops()]


def _walks() -> list[Row]:
    http = Tried("campaigns hurt by a fault of any request", _each(walked, _trials()))
    smtp = [*every_step_of_smtp(mails=range(1, PEOPLE + 1))]
    smtp += [Trial("smtp", REFUSED, 1, persists=persists) for persists in (False, True)]
    mail = Tried("campaigns hurt by a fault of the mail server", _each(walked, smtp))
    lasting = f"{PERSISTS} in a row ({SILENT_PERSISTS} where nothing is answered)"
    return [
        http.row(f"10 kinds at each request of {', '.join(HTTP)} with attio, hubspot, linear, once and {lasting}"),
        mail.row(f"every way at every point of the dialogue, at each of {PEOPLE} mails and {PERSISTS} times in a row"),
    ]


def _trials() -> list[Trial]:
    asked = {name: requests_of(name, _folder()) for name in HTTP}
    for name, requests in asked.items():
        progress(f"{name}: {len(requests)} requests")
    return [trial for name, requests in asked.items() for trial in every_request(name, requests)]


def _kills() -> Row:
    ends = _each(killed_everywhere, CAMPAIGNS)
    found = Tried("campaigns hurt by kill -9 at any boundary", [one for walk in ends for one in walk])
    return found.row("before and after each transaction and each call")


def _races() -> Row:
    done = subprocess.run(
        [sys.executable, "-m", "tests.delivery.racer", str(RACERS), str(RACES)],
        cwd=ROOT, env=clean_environment(scratch()), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise RuntimeError(f"the race failed: {done.stderr[-800:]}")
    report = json.loads(done.stdout)
    off = [abs(taken - told["left"]) for told in report.values() for taken in told["claimed"]]
    told = ", ".join(f"{quota} {told['claimed']} of {told['left']}" for quota, told in report.items())
    return Row(
        what=f"mails beside the quota, {RACERS} processes racing", measured=sum(off), at_most=0, note=f"claimed: {told}"
    )


def _stops() -> list[Row]:
    stopped: list[Stopped] = [stop(name, _folder()) for name in ("maildir", "instantly") for _ in range(STOPS)]
    after = sum(one.after for one in stopped) + sum(max(0, one.begun_after - 1) for one in stopped)
    note = f"{len(stopped)} stops while a process hands over one mail a call; the switch stands after "
    note += f"{1_000 * max(one.stored_s for one in stopped):.0f} ms at most"
    return [
        Row(what="mails after `cmo kill` returned", measured=after, at_most=0, note=note),
        Row(
            what="`cmo kill` until nobody calls any more",
            measured=max(one.obeyed_s for one in stopped),
            unit="s",
            at_most=1.0,
            note="looked at every 0.2 s",
        ),
    ]


def walked(trial: Trial, folder: Path) -> Comparison:
    """One trial in a folder of its own; a campaign that does not come to rest is hurt too."""
    try:
        return walk(trial, folder).found
    except AssertionError as error:
        return Comparison((f"{trial}: {error}",), 0, 0)


def killed_everywhere(campaign: str, folder: Path) -> list[Comparison]:
    """What came of a kill at each boundary of one campaign."""
    found: list[Comparison] = []
    while (end := walk_kill(campaign, len(found) + 1, folder / str(len(found)))) is not None:
        found.append(end)
    return found


def _each(work: Callable[[T, Path], R], of: Iterable[T]) -> list[R]:
    """`work` done for each item in a folder of its own, by several processes."""
    items = list(of)
    with ProcessPoolExecutor(AT_ONCE, mp_context=forkserver()) as pool:
        return list(pool.map(work, items, [_folder() for _ in items]))


def _folder() -> Path:
    return scratch() / f"delivery-{next(_numbers)}"
