"""What the hand does to scoring weights, and what it tells then."""

from __future__ import annotations

from dataclasses import dataclass

from cmo.config import Settings
from cmo.domain.rerank import Effect
from cmo.domain.text import counted
from cmo.service.score_words import effect_lines, people
from cmo.service.scores import WeightsChange, set_weights, try_weights, weights_change
from cmo.tui.messages import Told

MOST_SHOWN = 8
"""Of those who move: what a dialog has room for at 80x24."""


@dataclass(frozen=True)
class Tried:
    """A change of weights, with what it would do."""

    change: WeightsChange
    effect: Effect

    @property
    def words(self) -> str:
        return "\n".join(effect_lines(self.effect, most=MOST_SHOWN))


def tried(settings: Settings, job_id: str, text: str) -> Told:
    """What the weights in `text` (`role=40 reach=0`) would do; nothing is stored."""
    pairs = (word.partition("=") for word in text.replace(",", " ").split())
    change = weights_change(settings, job_id, {name: value for name, _, value in pairs})
    if not change.moved:
        return Told("score.set", "That is how it is already.")
    return Told("score.set", "", answer=Tried(change, try_weights(settings, change)))


def weighed(settings: Settings, found: Tried) -> Told:
    """Keep the weights, and score everybody anew."""
    change = found.change
    done = set_weights(settings, change)
    new = counted(done.leads_new, "new lead")
    fate = "no more drafts are written: the job has ended" if change.is_over else "drafts once the job goes on"
    tail = f" {new}: {fate}." if done.leads_new else ""
    return Told("score.set", f"{change.words}. Scored anew: {people(done.people)}.{tail}")
