"""What a check looks at: the words, and everything that is known about the person they are for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from cmo.domain.draft import Fact, Finding, Personalisation, Pitch, Rendered, Sender, Sentence, Step
from cmo.drafting.inputs import DraftingInputs
from cmo.drafting.sentences import as_words, sentences_of


@dataclass(frozen=True)
class CheckContext:
    """Everything besides the words."""

    person: Personalisation
    step: Step
    sender: Sender
    pitch: Pitch
    as_of: datetime
    prohibited: tuple[str, ...] = ()
    """The operator's own, besides the built-in ones."""
    others_at_company: int = 0
    known: tuple[Sentence, ...] = ()
    """The sentences of the version before, with the facts they cite."""

    @property
    def particulars(self) -> tuple[str, ...]:
        """What the sender says of themselves in every mail."""
        return self.sender.postal_address, self.sender.company, self.sender.name

    def fact(self, name: str) -> Fact | None:
        return next((fact for fact in self.person.facts if fact.name == name), None)


def context_of(draft: Rendered, inputs: DraftingInputs, *, as_of: datetime, others_at_company: int = 0) -> CheckContext:
    """The context in which `draft`, or what a person made of it, is checked."""
    return CheckContext(
        person=draft.personalisation,
        step=draft.step,
        sender=inputs.sender,
        pitch=inputs.pitch,
        as_of=as_of,
        prohibited=inputs.prohibited,
        others_at_company=others_at_company,
        known=draft.sentences,
    )


@dataclass(frozen=True)
class Words:
    """A mail, taken apart once for all checks."""

    subject: str
    body: str
    sentences: tuple[Sentence, ...]
    own: str
    """Subject and body without the texts of facts and without the sender's own particulars: what we say ourselves."""
    letter: str
    """The body down to the sender's signature."""


Check = Callable[[Words, CheckContext], Iterable[Finding]]


def read_text(subject: str, body: str, context: CheckContext) -> Words:
    facts = context.person.facts
    return Words(
        subject=subject,
        body=body,
        sentences=sentences_of(body, context.known, facts),
        own=without(f"{subject}\n{body}", [*context.particulars, *(fact.text for fact in facts)]),
        letter=_letter(body, context.sender.name),
    )


def without(text: str, phrases: Iterable[str]) -> str:
    """`text` with blanks in place of `phrases`, the longest first."""
    for phrase in sorted((phrase for phrase in phrases if phrase), key=len, reverse=True):
        text = as_words(phrase).sub(" ", text)
    return text


def _letter(body: str, sender_name: str) -> str:
    lines = body.splitlines()
    ends = [number for number, line in enumerate(lines) if number and line.strip() == sender_name]
    return "\n".join(lines[: ends[-1]]) if ends else body
