"""Approving many drafts by a filter: the count, what is left out, samples one by one, the exact bound, then the count
once more from the person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cmo import service
from cmo.cli import draft_lines
from cmo.cli.draft_picks import MOST_UNTYPED, drafts, job_of, terms_of, told
from cmo.cli.errors import Left, NothingMatched
from cmo.cli.session import Session
from cmo.cli.terminal import safe_line
from cmo.service import drafts as verbs
from cmo.service.samples import Samples
from cmo.store import draft_details, draft_views

if TYPE_CHECKING:
    from cmo.config import Settings
    from cmo.domain.job import Job
    from cmo.store.draft_views import Cover


def approve_in_bulk(
    here: Session, job: str | None, *, where: str | None, rule: str | None, sample: int | None, dry_run: bool
) -> int:
    """Approve what a filter or a rule covers."""
    found, settings = job_of(here, job)
    text, name = _filter(here, where, rule)
    with service.reader(here.settings) as conn:
        cover = draft_views.cover(conn, found.id, terms_of(text), now=service.clock_of(here.settings).now())
    here.say.block(_summary(name, text, cover, found))
    if not cover.choices:
        raise NothingMatched(
            f"No draft to decide on matches {safe_line(text)}.", hint=f"cmo drafts list --job {found.id}"
        )
    label = f"{rule}: {text}" if rule else f"where: {text}"
    if dry_run:
        decision = verbs.approve(settings, found.id, cover.choices, rule=label, dry_run=True)
        return told(here, decision, found, dry_run=True)
    total = len(cover.choices)
    samples = Samples.drawn(cover.choices)
    least = min(total, settings.sample_min)
    if sample is not None and sample < least:
        here.say.note(f"At least {least} are shown (review.sample_min), not {sample}.")
    _look(here, settings, samples, max(least, min(total, sample or 0)))
    _agreed(here, settings, samples)
    decision = verbs.approve(settings, found.id, samples.kept, rule=label, samples=samples.seen)
    return told(here, decision, found, dry_run=False)


def approve_by_choice(here: Session, job_id: str, where: str | None) -> None:
    """Ask which rule is meant, or `where`, the filter in force; approve what it covers."""
    with service.reader(here.settings) as conn:
        rules = [(rule.name, rule.where) for rule in draft_views.list_rules(conn)]
    choices = [("the filter", where), *rules] if where else rules
    if not choices:
        way = "Filter first, then rule; or: cmo rules add clean-60 --where 'score>=60'"
        here.say.warn("There is no rule yet.", way)
        return
    for n, (name, text) in enumerate(choices, start=1):
        here.ask.tell(f"  {n}. {name}: {text}")
    typed = here.ask.line("Approve by which? Number, Enter leaves it:", flag="--rule")
    if not (typed.isascii() and typed.isdecimal() and 1 <= int(typed[:6]) <= len(choices)):
        here.say.note("Nothing was approved.")
        return
    place = int(typed) - 1
    is_filter = bool(where) and place == 0
    rule = None if is_filter else choices[place][0]
    try:
        approve_in_bulk(here, job_id, where=where if is_filter else None, rule=rule, sample=None, dry_run=False)
    except Left as left:
        here.say.note(left.message)


def _filter(here: Session, where: str | None, rule: str | None) -> tuple[str, str]:
    """The filter's text, and what to call it."""
    if rule is None:
        return where or "", "Filter"
    with service.reader(here.settings) as conn:
        known = draft_views.find_rule(conn, rule)
    if known is None:
        raise NothingMatched(f"There is no rule {safe_line(rule)}.", hint="cmo rules list")
    return known.where, f"Rule {known.name}"


def _summary(name: str, text: str, cover: Cover, job: Job) -> list[str]:
    left_out = [(cover.flagged, "flagged"), (cover.unmatched, "not matched")]
    told_out = ", ".join(f"{count} {what}" for count, what in left_out if count) or "nothing"
    return [
        f"{safe_line(name)}: {safe_line(text)}   {len(cover.choices)} of {cover.waiting} {drafts(cover.waiting)}",
        f"Left out: {told_out}",
        f"They go to: approved ({job.plan.mode.destination})",
    ]


def _look(here: Session, settings: Settings, samples: Samples, upto: int) -> None:
    """Show samples one by one until `upto` of them were seen."""
    terminal = here.out.terminal
    for choice in samples.choices[len(samples.seen) : upto]:
        with service.reader(settings) as conn:
            detail = draft_details.get_draft(conn, choice.draft_id, now=service.clock_of(settings).now())
        for row in ["", draft_lines.title(detail.row, terminal), draft_lines.recipient(detail),
                    *draft_lines.changed(detail, terminal)]:  # fmt: skip
            here.out.line(row)
        samples.seen.append(choice.draft_id)
        options = [("ok", "fine"), ("f", "flag it"), ("w", "whole mail"), ("q", "leave")]
        question = f"Sample {len(samples.seen)} of {upto}."
        while (answer := here.ask.choose(question, options, flag="--dry-run", numbered=here.accessible)) == "w":
            for row in draft_lines.whole(detail, terminal):
                here.out.line(row)
        if answer == "q":
            raise Left("Nothing was approved.")
        if answer == "f":
            samples.flagged.add(choice.draft_id)
            here.say.note(f"Draft {choice.draft_id} is left out. A narrower rule: cmo rules add NAME --where FILTER")


def _agreed(here: Session, settings: Settings, samples: Samples) -> None:
    """Ask until the person agrees to the number that is approved.

    Raises:
        Left
    """
    while True:
        count = len(samples.kept)
        here.say.note(samples.told())
        if not count:
            raise Left("Every draft was flagged: nothing was approved.")
        word = str(count) if count > MOST_UNTYPED else "y"
        answer = here.ask.line(
            f"Approve {count} {drafts(count)}? Type {word} to approve, m for more samples, Enter to leave.",
            flag="--dry-run",
        ).lower()
        if answer.replace(",", "") in (word, str(count)):
            return
        if answer != "m":
            raise Left("Nothing was approved.")
        _look(here, settings, samples, min(len(samples.choices), len(samples.seen) + settings.sample_min))
