"""`cmo plan`, and the plan card that `cmo run` asks about."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from cmo import service
from cmo.cli import flags, jobview
from cmo.cli.diagnostics import DONE
from cmo.cli.errors import UsageProblem
from cmo.cli.options import Fields
from cmo.cli.registry import suggest
from cmo.cli.session import Session, session
from cmo.cli.terminal import Terminal, fit, safe_line, wrapped
from cmo.domain.job import Mode, Stage, StarsRange
from cmo.service import Overrides, PlanCard
from cmo.service.planning import Items, answered, plan_items, with_changes

SCHEMA = "cmo.plan/1"
_FILE_ENDINGS = (".yaml", ".yml", ".toml")

Goal = Annotated[str, typer.Argument(metavar="GOAL", help="A sentence, or a job file (.yaml, .toml).")]
Target = Annotated[int | None, typer.Option("--target", min=1, max=10_000_000, metavar="N", help="Good leads wanted.")]
Language = Annotated[list[str] | None, typer.Option("--language", metavar="L", help="May be given several times.")]
Topic = Annotated[list[str] | None, typer.Option("--topic", metavar="T", help="May be given several times.")]
Stars = Annotated[str | None, typer.Option("--stars", metavar="A..B", help="Stars of repositories, e.g. 100..2000.")]
ActiveDays = Annotated[
    int | None, typer.Option("--active-days", min=1, max=3650, metavar="N", help="Active in the last N days.")
]
Location = Annotated[str | None, typer.Option("--location", metavar="PLACE", help="Where people are.")]
MaxSteps = Annotated[int | None, typer.Option("--max-steps", min=1, max=100_000, metavar="N", help="Planner turns.")]
MaxRepos = Annotated[int | None, typer.Option("--max-repos", min=1, max=1_000_000, metavar="N", help="Repositories.")]
MaxPeople = Annotated[int | None, typer.Option("--max-people", min=1, max=1_000_000, metavar="N", help="People.")]
Budget = Annotated[float | None, typer.Option("--budget", min=0, metavar="USD", help="Money the job may spend.")]
Until = Annotated[str | None, typer.Option("--until", metavar="STAGE", help="Stop after this stage.")]
Sequence = Annotated[str | None, typer.Option("--sequence", metavar="ID", help="Sequence that drafts are meant for.")]
ListId = Annotated[str | None, typer.Option("--list", metavar="ID", help="List in the CRM.")]
ModeOption = Annotated[Mode | None, typer.Option("--mode", help="What the job may do, up to your ceiling.")]


def plan(
    goal: Goal,
    target: Target = None,
    language: Language = None,
    topic: Topic = None,
    stars: Stars = None,
    active_days: ActiveDays = None,
    location: Location = None,
    max_steps: MaxSteps = None,
    max_repos: MaxRepos = None,
    max_people: MaxPeople = None,
    budget: Budget = None,
    until: Until = None,
    sequence: Sequence = None,
    list_: ListId = None,
    mode: ModeOption = None,
    fields: Fields = None,
) -> int:
    """Show a plan.

    Starts nothing and calls nobody.
    """
    here = session()
    here.warn_of_settings()
    wanted = overrides(
        target=target,
        language=language,
        topic=topic,
        stars=stars,
        active_days=active_days,
        location=location,
        max_steps=max_steps,
        max_repos=max_repos,
        max_people=max_people,
        budget=budget,
        until=until,
        sequence=sequence,
        list_id=list_,
        mode=mode,
    )
    card = read(here, goal, wanted)
    here.out.document(SCHEMA, document(card), text=card_lines(card, here.out.terminal), fields=fields)
    words = shlex.join(flags.split(here.argv)[1][1:])
    here.say.hint(f"Start it: cmo run {words}")
    return DONE


def overrides(
    *,
    target: int | None,
    language: list[str] | None,
    topic: list[str] | None,
    stars: str | None,
    active_days: int | None,
    location: str | None,
    max_steps: int | None,
    max_repos: int | None,
    max_people: int | None,
    budget: float | None,
    until: str | None,
    sequence: str | None,
    list_id: str | None,
    mode: Mode | None,
) -> Overrides:
    """What the flags say.

    Raises:
        UsageProblem: a range or a stage that is none.
    """
    return Overrides(
        target=target,
        languages=_words(language),
        topics=_words(topic),
        stars=_stars(stars),
        active_days=active_days,
        location=location,
        max_steps=max_steps,
        max_repos=max_repos,
        max_people=max_people,
        budget_usd=budget,
        until=_stage(until),
        mode=mode,
        sequence_id=sequence,
        list_id=list_id,
    )


def read(here: Session, goal: str, wanted: Overrides) -> PlanCard:
    """The plan of a sentence or a job file.

    Raises:
        GoalUnclear, JobFileError
    """
    if _is_file(here, goal):
        return service.plan_file(here.settings, here.folder / Path(goal).expanduser(), wanted)
    return service.plan_goal(here.settings, goal, wanted)


def ask_questions(here: Session, card: PlanCard) -> PlanCard:
    """The card after the most important open question was put; without a terminal the assumption stands."""
    if not card.questions or not here.ask.allowed:
        return card
    question = card.questions[0]
    options = [(str(number), choice.label) for number, choice in enumerate(question.choices, start=1)]
    chosen = here.ask.choose(question.text, options, flag="--yes", numbered=True)
    return answered(here.settings, card, int(chosen))


def edited(here: Session, card: PlanCard) -> PlanCard:
    """The card after the operator typed changes such as `target=500 stars_range=50..500`."""
    text = here.ask.line("Change (KEY=VALUE ..., e.g. target=500 stars_range=50..500):", flag="--target, --stars, …")
    pairs = dict(part.partition("=")[::2] for part in text.split() if "=" in part)
    if not pairs:
        here.say.note("Nothing was changed.")
        return card
    from cmo.errors import CmoError

    try:
        return with_changes(here.settings, card, pairs)
    except CmoError as error:  # a typing mistake must not end the conversation
        here.say.warn(error.message, error.hint)
        return card


def document(card: PlanCard) -> dict[str, Any]:
    """The plan as data."""
    return {
        "plan": card.plan.model_dump(mode="json"),
        "questions": [question.model_dump(mode="json") for question in card.questions],
        "not_understood": list(card.unread),
        "feasibility": card.feasibility.model_dump(mode="json"),
    }


def tag(here: Session, card: PlanCard) -> str:
    """What the lines of a plan say first."""
    words = [here.tag] if here.tag else []
    return " ".join([*words, "DRY RUN"] if card.plan.mode is Mode.DRY_RUN else words)


def card_lines(card: PlanCard, terminal: Terminal, *, less: int = 0, rows: int = 1000) -> list[str]:
    """The plan as an operator reads it before saying yes.

    Args:
        less: The columns that something put in front of each line takes.
        rows: How many lines there is room for; where they do not do, what matters least is cut.
    """
    width = max(40, terminal.width - less)
    items = whole = _items(card, terminal)
    lines = _set(items, width)
    cuts: list[Callable[[Items], Items]] = [
        partial(_cut, width=width, most=most, glyphs=terminal.glyphs) for most in (3, 2, 1)
    ]
    for shorter in [_joined, _essential, *cuts]:
        if len(lines) > rows - 2:
            items = shorter(items)
            lines = _set(items, width)
    if lines != _set(whole, width) and len(lines) < rows:
        lines.append(_item("More", "cmo plan GOAL shows it all"))
    return [f"Plan  mode {jobview.mode_text(card.plan.mode)}", *lines]


def _items(card: PlanCard, terminal: Terminal) -> Items:
    """What the card says, without signs where words are wanted."""
    items = plan_items(card)
    return items if terminal.glyphs else [(head, text.replace(" → ", ", then ")) for head, text in items]


def _set(items: Items, width: int) -> list[str]:
    return [line for head, text in items for line in wrapped(_item(head, text), width, hanging=13)]


def _joined(items: Items) -> Items:
    """With what stands under the same head in one piece."""
    joined: dict[str, list[str]] = {}
    for head, text in items:
        joined.setdefault(head, []).append(text.rstrip("."))
    return [(head, "; ".join(texts)) for head, texts in joined.items()]


def _essential(items: Items) -> Items:
    return [(head, text) for head, text in items if head not in ("Note", "Sending")]


def _cut(items: Items, *, width: int, most: int, glyphs: bool) -> Items:
    """Each item in `most` lines at most; what must be known before a yes in two."""
    room = width - 14
    whole = ("Goal", "Look for", "People", "Verdict")
    return [
        (head, fit(text, room + (room - 12) * (max(most, 2 if head in whole else 1) - 1), glyphs=glyphs))
        for head, text in items
    ]


def _item(head: str, text: str) -> str:
    return f"  {head:<10} {safe_line(text)}"


def _is_file(here: Session, goal: str) -> bool:
    """A word that ends like a job file is one, also where no such file exists; a sentence only if it names one."""
    if not goal.strip().lower().endswith(_FILE_ENDINGS):
        return False
    return " " not in goal.strip() or (here.folder / goal).exists()


def _words(items: list[str] | None) -> tuple[str, ...] | None:
    if not items:
        return None
    return tuple(dict.fromkeys(word.strip().lower() for item in items for word in item.split(",") if word.strip()))


def _stars(text: str | None) -> StarsRange | None:
    if text is None:
        return None
    from cmo.config import SPECS

    kind = SPECS["run.stars_range"].kind
    try:
        low, high = kind.from_text(text)
    except ValueError:
        raise UsageProblem(f"--stars must be {kind.expects}, not {text[:40]!r}.", hint="--stars 100..2000") from None
    return StarsRange(low=low, high=high)


def _stage(name: str | None) -> Stage | None:
    if name is None:
        return None
    known = tuple(stage.value for stage in Stage)
    if name not in known:
        near = suggest(name, known)
        hint = f"Did you mean {near}?" if near else f"One of: {', '.join(known)}"
        raise UsageProblem(f"--until {name}: there is no such stage.", hint=hint)
    return Stage(name)
