"""The scoring weights of a job: seen, tried, changed, and everybody scored anew by them from what is stored.

A change is two things: the weights, stored at once as the plan's next version, and the people, scored page by page,
each page one transaction. Whoever is not done when the process ends is known by the version their score carries, and is
done by the next `cmo score set`, or when the job goes on.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from cmo.clock import Clock, SystemClock
from cmo.config import Settings
from cmo.domain.audit import AuditEntry
from cmo.domain.event import LeadScored, SettingsChanged
from cmo.domain.job import Job, Weights
from cmo.domain.rerank import Effect, Rescored, effect_of
from cmo.domain.text import clean_line
from cmo.errors import ConfigError, JobLeased
from cmo.scoring.features import FEATURES
from cmo.scoring.rerank import rescore
from cmo.scoring.score import most_points
from cmo.service.store import clock_of, reader, resolve_job, writer
from cmo.store.audit import record_audit
from cmo.store.commit import record
from cmo.store.db import Connection, transaction
from cmo.store.jobs import get_job
from cmo.store.journal import live_holder
from cmo.store.rescoring import count_behind, scored_people

PAGE = 200
MOST_POINTS = 100
"""Of one feature; as many may be taken off."""
_NAMES = tuple(feature.name for feature in FEATURES)


@dataclass(frozen=True)
class FeatureWeight:
    """One feature of a score."""

    name: str
    points: float
    """The most it gives, now."""
    default: float
    about: str
    """What earns the points."""


@dataclass(frozen=True)
class WeightsView:
    """The weights of a job."""

    job_id: str
    version: int
    features: tuple[FeatureWeight, ...]
    behind: int
    """People whose score was made with other weights, because a change was cut short."""

    @property
    def most(self) -> float:
        """Points that somebody gets who has everything."""
        return sum(max(0.0, feature.points) for feature in self.features)


@dataclass(frozen=True)
class WeightsChange:
    """Weights about to be changed."""

    job_id: str
    is_over: bool
    """The job has ended: nobody writes drafts for those who become leads."""
    before: Weights
    after: Weights

    @property
    def moved(self) -> dict[str, tuple[float, float]]:
        """Feature -> its most points before and after, where they differ."""
        old, new = most_points(self.before), most_points(self.after)
        return {name: (old[name], new[name]) for name in _NAMES if old[name] != new[name]}

    @property
    def words(self) -> str:
        """e.g. `role 25 → 40, reach 5 → 0`."""
        return ", ".join(f"{name} {old:g} → {new:g}" for name, (old, new) in self.moved.items())


def feature_weights(weights: Weights) -> tuple[FeatureWeight, ...]:
    """Every feature with its most points, in the order in which scores show them."""
    most = most_points(weights)
    return tuple(FeatureWeight(feature.name, most[feature.name], feature.points, feature.about) for feature in FEATURES)


def unknown_features(names: Iterable[str]) -> dict[str, str]:
    """Those of `names` that no feature has -> the most similar one that does, or nothing."""
    return {name: next(iter(get_close_matches(name, _NAMES, 1, 0.5)), "") for name in names if name not in _NAMES}


def show_weights(settings: Settings, ref: str | None) -> WeightsView:
    """The weights of a job.

    Raises:
        JobNotFound
    """
    with reader(settings) as conn:
        job = get_job(conn, resolve_job(conn, ref))
        weights = job.plan.weights
        behind = count_behind(conn, job.id, weights.version)
    return WeightsView(job.id, weights.version, feature_weights(weights), behind)


def weights_change(settings: Settings, ref: str | None, changes: Mapping[str, str]) -> WeightsChange:
    """What changing weights would make of them; nothing is stored.

    Args:
        changes: Feature -> its most points as text, or `default`.
    Raises:
        ConfigError: an unknown feature, or a value that is no whole number from -100 to 100.
        JobNotFound
    """
    with reader(settings) as conn:
        job = get_job(conn, resolve_job(conn, ref))
    before = job.plan.weights
    points = {name: value for name, value in before.points.items() if name in _NAMES}
    for name, text in changes.items():
        value = _points(name, text)
        if value is None:
            points.pop(name, None)
        else:
            points[name] = value
    after = Weights(version=before.version, points=points)
    if most_points(after) != most_points(before):
        after = after.model_copy(update={"version": before.version + 1})
    return WeightsChange(job.id, job.status.is_over, before, after)


def try_weights(settings: Settings, change: WeightsChange) -> Effect:
    """What a change would do to the people of its job, by what is stored of them: no request is made."""
    with reader(settings) as conn:
        return effect_of(_rescored(conn, get_job(conn, change.job_id), change.after))


def set_weights(settings: Settings, change: WeightsChange) -> Effect:
    """Store a change, on the record, and score the people of its job anew; what that came to.

    Without a difference only those are scored whom an earlier change did not come to.

    Raises:
        ConfigError: the weights were changed meanwhile.
        JobLeased: a live process works on the job.
    """
    with writer(settings) as conn:
        return weigh(conn, change, by=settings.actor, clock=clock_of(settings))


def weigh(conn: Connection, change: WeightsChange, *, by: str, clock: Clock, size: int = PAGE) -> Effect:
    """As `set_weights`, in an open store.

    Args:
        size: People in one transaction.
    """
    with transaction(conn):
        _store(conn, change, by, clock)
    return catch_up(conn, change.job_id, clock, size=size)


def catch_up(conn: Connection, job_id: str, clock: Clock, *, size: int = PAGE) -> Effect:
    """Score everybody anew whose score was made with other weights than the job's; what that came to."""
    return effect_of(_caught_up(conn, job_id, clock, size))


def _caught_up(conn: Connection, job_id: str, clock: Clock, size: int) -> Iterator[Rescored]:
    taken: set[str] = set()
    after = 0
    while True:
        with transaction(conn):  # nobody is merged, suppressed or erased between reading and writing
            page = _catch_up_page(conn, job_id, clock, after, size, taken)
        if not page:
            return
        yield from page
        after = page[-1].was.n


def _catch_up_page(
    conn: Connection, job_id: str, clock: Clock, after: int, size: int, taken: set[str]
) -> list[Rescored]:
    job = get_job(conn, job_id)
    weights, at = job.plan.weights, clock.now()
    people = scored_people(conn, job.id, after=after, limit=size, as_of=job.anchor_at, behind=weights.version)
    page = rescore(people, job.plan.icp, weights, taken=taken)
    for one in page:
        record(conn, job.id, f"{job.id}/weights/{weights.version}/{one.login.lower()}", _event(one), at)
    return page


def _rescored(conn: Connection, job: Job, weights: Weights) -> Iterator[Rescored]:
    """Everybody with a score, under other weights; nothing is stored."""
    taken: set[str] = set()
    after = 0
    while people := scored_people(conn, job.id, after=after, limit=PAGE, as_of=job.anchor_at):
        yield from rescore(people, job.plan.icp, weights, taken=taken)
        after = people[-1].n


def _store(conn: Connection, change: WeightsChange, by: str, clock: Clock) -> None:
    """Put the new weights into the plan; inside the caller's transaction."""
    job = get_job(conn, change.job_id)
    holder = live_holder(conn, job.id, now_s=SystemClock().now().timestamp())
    if holder is not None:
        raise JobLeased(
            f"Job {job.id} is run by process {holder}, which scores by the weights it started with.",
            hint=f"Pause it, change them, and go on: cmo pause {job.id}",
        )
    if job.plan.weights != change.before:
        raise ConfigError("The weights were changed meanwhile.", hint=f"cmo score show {job.id}")
    if not change.moved:
        return
    event = SettingsChanged(by=by, changes={"weights": change.after.model_dump(mode="json")})
    record(conn, job.id, f"{job.id}/operator/{uuid.uuid4()}", event, clock.now())
    moved = change.moved
    entry = AuditEntry(
        actor=by,
        action="score.set",
        object=f"job:{job.id}",
        before=" ".join(f"{name}={old:g}" for name, (old, _) in moved.items()),
        after=" ".join(f"{name}={new:g}" for name, (_, new) in moved.items()),
        detail={"version": change.after.version},
    )
    record_audit(conn, [entry], at=clock.now())


def _event(one: Rescored) -> LeadScored:
    return LeadScored(login=one.login, score=one.score, accepted=one.accepted, decision=one.decision, email=one.email)


def _points(name: str, text: str) -> int | None:
    """What `text` sets the feature `name` to; None for its default.

    Raises:
        ConfigError: there is no such feature, or the value cannot be one.
    """
    shown = clean_line(name, limit=60)
    if unknown := unknown_features([name]):
        near = unknown[name]
        hint = f"Did you mean {near}?" if near else f"There are: {', '.join(_NAMES)}"
        raise ConfigError(f"There is no feature “{shown}”.", hint=hint)
    word = text.strip().lower()
    if word == "default":
        return None
    try:
        value = int(word)
    except ValueError:
        value = MOST_POINTS + 1
    if abs(value) > MOST_POINTS:
        raise ConfigError(
            f"{shown} must be a whole number from -{MOST_POINTS} to {MOST_POINTS}, or `default`,"
            f" not “{clean_line(text, limit=60)}”.",
            hint=f"For example: {shown}=20",
        )
    return value
