"""A draft as lines: what differs from the template with its evidence, the whole mail, what the checks found, why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import unified_diff
from itertools import groupby
from typing import TYPE_CHECKING

from cmo.cli.terminal import Terminal, safe_line, wrapped

if TYPE_CHECKING:
    from cmo.store.draft_details import Claim, DraftDetail, VersionLine
    from cmo.store.draft_views import DraftRow

_LEAST_WIDTH = 40


def title(row: DraftRow, terminal: Terminal) -> str:
    """Who it is for, how well they fit, and what stands against it."""
    who = safe_line(row.name or row.login) + (f", {safe_line(row.org)}" if row.org else "")
    line = terminal.paint(f"#{row.id} {who}", "bold") + f"  score {row.score}  {row.state}"
    if not row.flag:
        return line
    mark = "⚠ " if terminal.glyphs else "flag: "
    return f"{line}  " + terminal.paint(f"{mark}{safe_line(row.flag)}", "error" if row.blocked else "warn")


def recipient(detail: DraftDetail) -> str:
    """Where it goes, and what supports the address."""
    held = "  HOLD: only a commit shows it" if detail.email_class == "commit" else f"  ({detail.email_class})"
    return f"To: {safe_line(detail.row.address)}{held}"


def changed(detail: DraftDetail, terminal: Terminal) -> list[str]:
    """What everybody else's mail does not say, with the evidence under each claim; the rest is counted."""
    if not detail.claims:
        return whole(detail, terminal)
    rows = [f"Subject: {safe_line(detail.row.subject)}"]
    for is_template, claims in groupby(detail.claims, key=lambda claim: claim.sentence.is_template):
        if is_template:
            count = len(list(claims))
            dots = "⋯" if terminal.glyphs else "..."
            rows.append(terminal.paint(f"  {dots} {count} {_plural('line', count)} as in the template", "dim"))
        else:
            rows += [row for claim in claims for row in _claim(claim, terminal)]
    return rows


def whole(detail: DraftDetail, terminal: Terminal) -> list[str]:
    """The mail as it will read."""
    lines = [safe_line(line) for line in detail.body.splitlines()]
    return [f"Subject: {safe_line(detail.row.subject)}", "", *_wrapped(lines, terminal)]


def evidence(detail: DraftDetail, terminal: Terminal) -> list[str]:
    """Each sentence that rests on something, and what that is."""
    return [row for claim in detail.claims if claim.sentence.facts for row in _claim(claim, terminal)]


def findings(detail: DraftDetail, terminal: Terminal) -> list[str]:
    """What the checks have against it, each with its fix."""
    rows = []
    for finding in detail.findings:
        word = "blocks" if finding.severity == "block" else "look"
        name = terminal.paint(f"{word}: {safe_line(finding.flag)}", "error" if word == "blocks" else "warn")
        rows.append(f"{name}  {safe_line(finding.message)}")
    return list(_wrapped(rows, terminal, hanging=2))


def why(detail: DraftDetail, terminal: Terminal) -> list[str]:
    """The parts of the score, and who else is at the organisation."""
    parts = [f"{part.points:+.0f} {safe_line(part.reason)}" for part in detail.score_parts]
    rows = [f"WHY {'  '.join(parts)} = {detail.row.score}"] if parts else []
    if detail.others:
        names = ", ".join(f"#{other.id} {safe_line(other.login)} ({other.state})" for other in detail.others)
        rows.append(f"Also at {safe_line(detail.row.org) or 'the same company'}: {names}")
    return list(_wrapped(rows, terminal, hanging=4))


def standing(detail: DraftDetail) -> list[str]:
    """What was decided, until when it holds, and how far it went."""
    rows = []
    if detail.approval is not None:
        rule = f", rule {safe_line(detail.approval.rule)}" if detail.approval.rule else ""
        rows.append(
            f"Approved by {safe_line(detail.approval.by)} at {detail.approval.at:%Y-%m-%d %H:%M}{rule};"
            f" holds until {detail.approval.expires_at:%Y-%m-%d %H:%M} UTC"
        )
    if detail.row.put_off_until is not None:
        rows.append(f"Put off until {detail.row.put_off_until:%Y-%m-%d %H:%M} UTC")
    if detail.reason:
        rows.append(f"Reason: {safe_line(detail.reason)}")
    if detail.outbox_state is not None:
        rows.append(f"Handed over: {detail.outbox_state}")
    return rows


def unified(old: VersionLine, new: VersionLine) -> list[str]:
    """What differs between two versions, as `diff -u` shows it."""
    before, after = ([f"Subject: {v.subject}", "", *v.body.splitlines()] for v in (old, new))
    name, new_name = (f"version {v.version}, {v.why} by {v.made_by}" for v in (old, new))
    return [line[:1] + safe_line(line[1:]) for line in unified_diff(before, after, name, new_name, lineterm="")]


def _claim(claim: Claim, terminal: Terminal) -> Iterator[str]:
    bar, corner = ("▌ ", "  └ ") if terminal.glyphs else ("> ", "    evidence: ")
    for row in wrapped(safe_line(claim.sentence.text), _width(terminal, 2)):
        yield bar + terminal.paint(row, "bold")
    for fact in claim.evidence:
        yield f"{corner}{safe_line(fact.text)}  {fact.seen_at:%Y-%m-%d}  {safe_line(fact.source_url)}"
    for name in claim.missing:
        yield f"{corner}{safe_line(name)}: " + terminal.paint("not found", "error")


def _wrapped(lines: Iterable[str], terminal: Terminal, *, hanging: int = 0) -> Iterator[str]:
    for line in lines:
        yield from wrapped(line, _width(terminal), hanging=hanging) if line else [""]


def _width(terminal: Terminal, less: int = 0) -> int:
    return max(_LEAST_WIDTH, terminal.width - less)


def _plural(noun: str, count: int) -> str:
    return noun if count == 1 else f"{noun}s"
