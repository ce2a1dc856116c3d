"""A draft to decide on: what differs from its template bright, the rest folded; evidence under each claim; why."""

from __future__ import annotations

from difflib import ndiff
from itertools import groupby
from typing import Literal

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll

from cmo.store.draft_details import Claim, DraftDetail, VersionLine
from cmo.tui.paint import Palette, block, line
from cmo.tui.widgets.lines import Passage

Form = Literal["changed", "full", "diff"]
FORMS: tuple[Form, ...] = ("changed", "full", "diff")


class DraftPane(VerticalScroll, can_focus=True):
    """Scrolls; `z` gives it the whole screen."""

    DEFAULT_CSS = "DraftPane { padding: 0 1; } DraftPane Static { width: 100%; height: auto; }"

    def compose(self) -> ComposeResult:
        yield Passage(id="draft")

    def draw(self, text: Text, *, top: bool) -> None:
        """Show `text`.

        Args:
            top: It is another draft than before: start at its first line.
        """
        self.query_one("#draft", Passage).say(text)
        if top:
            self.scroll_home(animate=False)


def draft_text(detail: DraftDetail, form: Form, palette: Palette, *, before: VersionLine | None = None) -> Text:
    """A draft in one of the forms that `d` goes through.

    Args:
        before: The version before this one, for `diff`.
    """
    text = Text()
    row = detail.row
    text.append(f"#{row.id} {line(row.name or row.login)}", palette["bold"])
    if row.org:
        text.append(f", {line(row.org)}")
    text.append(f"   score {row.score}   {row.state}")
    if row.flag:
        sign, style = palette.sign("flag")
        text.append(f"   {sign} {line(row.flag)}", palette["error"] if row.blocked else style)
    text.append(f"\nTo: {line(row.address)}")
    if detail.email_class == "commit":
        text.append("  HOLD: only a commit shows it", palette["warn"])
    else:
        text.append(f"  ({detail.email_class})", palette["dim"])
    text.append(f"\nSubject: {line(row.subject)}\n", palette["bold"])
    if form == "full" or (form == "changed" and not detail.claims):
        text.append(f"\n{block(detail.body)}")
    elif form == "changed":
        _changed(text, detail, palette)
    elif before is None:
        text.append("\nThis is its first version: there is nothing to compare it with.\n", palette["dim"])
    else:
        _diff(text, before, detail, palette)
    for finding in detail.findings:
        blocks = finding.severity == "block"
        text.append(f"\n{'blocks' if blocks else 'look'}: {line(finding.flag)}", palette["error" if blocks else "warn"])
        text.append(f"  {line(finding.message)}")
    if detail.reason:
        text.append(f"\nReason: {line(detail.reason)}", palette["dim"])
    if detail.approval is not None:
        held = detail.approval
        text.append(
            f"\nApproved by {line(held.by)}, holds until {held.expires_at.astimezone():%a %d %b %H:%M}", palette["dim"]
        )
    return text


def why_text(detail: DraftDetail, palette: Palette) -> Text:
    """The parts of the score, which add up, and who else is at the organisation."""
    text = Text("WHY\n", palette["bold"])
    for part in detail.score_parts:
        text.append(f"{part.points:+4.0f} ", palette["ok" if part.points >= 0 else "error"])
        text.append(f"{line(part.reason)}\n")
    text.append(f"{detail.row.score:4d} in all\n", palette["bold"])
    if detail.others:
        text.append(f"\nAlso at {line(detail.row.org) or 'the same company'}\n", palette["bold"])
        for other in detail.others:
            text.append(f" #{other.id} {line(other.login)} ({other.state})\n")
    return text


def _changed(text: Text, detail: DraftDetail, palette: Palette) -> None:
    more = "..." if palette.ascii else "⋯"
    for is_template, claims in groupby(detail.claims, key=lambda claim: claim.sentence.is_template):
        if is_template:
            count = len(list(claims))
            lines = "line" if count == 1 else "lines"
            text.append(f"  {more} {count} {lines} as in the template\n", palette["dim"])
        else:
            for claim in claims:
                _claim(text, claim, palette)


def _claim(text: Text, claim: Claim, palette: Palette) -> None:
    bar, corner = ("> ", "   ") if palette.ascii else ("▌ ", "  └ ")
    text.append(bar, palette["accent"])
    text.append(f"{line(claim.sentence.text)}\n", palette["bold"])
    for fact in claim.evidence:
        text.append(f"{corner}{line(fact.text)}  {fact.seen_at:%Y-%m-%d}", palette["dim"])
        text.append(f" {palette.sign('done')[0]}\n", palette["ok"])
    for name in claim.missing:
        text.append(f"{corner}{line(name)}: not found {palette.sign('failed')[0]}\n", palette["error"])


def _diff(text: Text, before: VersionLine, detail: DraftDetail, palette: Palette) -> None:
    old = [f"Subject: {line(before.subject)}", *block(before.body).splitlines()]
    new = [f"Subject: {line(detail.row.subject)}", *block(detail.body).splitlines()]
    text.append(f"\nVersion {before.version} and {detail.row.version}, by {line(before.made_by)}:\n", palette["dim"])
    for row in ndiff(old, new):
        if not row.startswith("?"):
            text.append(f"{row}\n", palette["error" if row[0] == "-" else "ok" if row[0] == "+" else "plain"])
