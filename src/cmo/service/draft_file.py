"""A draft as a text file to edit: subject, body, and below a line what the sentences rest on."""

from __future__ import annotations

from collections.abc import Callable

from cmo.config import Settings
from cmo.domain.text import clean_line
from cmo.errors import CmoError
from cmo.service.draft_words import Change, edit_draft
from cmo.service.store import clock_of, reader
from cmo.store.draft_details import DraftDetail, get_draft
from cmo.store.draft_views import DraftRow

SCISSORS = "# ------------------------ >8 ------------------------"
_SUBJECT = "Subject:"


class NoSubject(CmoError):
    """The first line of the file is no subject any more."""

    code = "no_subject"


def edit(settings: Settings, row: DraftRow, by_hand: Callable[[str, str], str]) -> Change:
    """What a person made of a draft; None where they left it as it was, or empty.

    Args:
        by_hand: The file's text and name -> the text as the person left it.
    Raises:
        NoSubject
    """
    with reader(settings) as conn:
        detail = get_draft(conn, row.id, now=clock_of(settings).now())
    before = shown(detail)
    text = by_hand(before, f"draft-{row.id}.txt")
    if not text.partition(SCISSORS)[0].strip():
        return None
    after = parts(text)
    return None if after == parts(before) else edit_draft(settings, row, *after)


def shown(detail: DraftDetail) -> str:
    """The file that is edited."""
    rows = [f"{_SUBJECT} {detail.row.subject}", "", detail.body.rstrip("\n"), "", SCISSORS]
    rows += ["# Nothing below this line is part of the mail. What the sentences rest on:"]
    for claim in detail.claims:
        if claim.sentence.facts:
            rows.append(f"# {_line(claim.sentence.text)}")
            rows += [
                f"#   {fact.name}: {_line(fact.text)}  {fact.seen_at:%Y-%m-%d}  {_line(fact.source_url)}"
                for fact in claim.evidence
            ]
            rows += [f"#   {name}: not found" for name in claim.missing]
    return "\n".join(rows) + "\n"


def parts(text: str) -> tuple[str, str]:
    """Subject and body of an edited file.

    Raises:
        NoSubject
    """
    first, _, rest = text.partition(SCISSORS)[0].lstrip().partition("\n")
    if not first.startswith(_SUBJECT):
        raise NoSubject("Line 1 is no subject; nothing was changed.", hint="Line 1 has to begin with Subject:")
    return first.removeprefix(_SUBJECT).strip(), rest.strip("\n").rstrip() + "\n"


def _line(text: str) -> str:
    return clean_line(text, limit=2_000)
