"""Groups of failures and their members: as rows of a table, and one of them in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from rich.table import Table
from rich.text import Text

from cmo.domain.filters import Term
from cmo.service.error_words import CAN_DO, EXAMPLE, about
from cmo.store.db import Connection
from cmo.store.groups import (
    FailedItem,
    FiledTicket,
    GroupState,
    StoredGroup,
    count_groups,
    error_groups,
    group_members,
)
from cmo.tui.paint import Palette, block, line, when
from cmo.tui.widgets.table import PAGE, Column, Row

GROUP_COLUMNS = (
    Column("group", 8),
    Column("count", 5, "right"),
    Column("leads", 5, "right", least=70),
    Column("stage", 8),
    Column("first", 6, least=76),
    Column("last", 6),
    Column("state", 11),
    Column("what happened"),
)
MEMBER_COLUMNS = (
    Column("member", 20),
    Column("tried", 5, "right"),
    Column("last", 6),
    Column("state", 11),
    Column("again", 6, least=70),
    Column("what happened"),
)
_LABEL = 17
_SIGNS: Mapping[GroupState, str] = {
    GroupState.RETRYING: "running",
    GroupState.NEEDS_YOU: "needs_you",
    GroupState.DEAD: "failed",
    GroupState.SKIPPED: "idle",
}
KeyOf = Callable[[str], str | None]
"""A command -> the key that does the same here, or None."""


class GroupRows:
    """The groups of a job that meet the filter, the latest first; those that were set aside too."""

    def __init__(self, conn: Connection, job_id: str, terms: Sequence[Term], palette: Palette, now: datetime) -> None:
        self._conn, self._job_id, self._terms = conn, job_id, tuple(terms)
        self._palette, self._now = palette, now
        self.seen: dict[str, StoredGroup] = {}
        """Those of the pages that were read, by key."""
        self._pages: dict[tuple[int, int], Sequence[StoredGroup]] = {}

    def count(self) -> int:
        first = self._read(0, PAGE)
        if len(first) < PAGE:
            return len(first)
        return count_groups(self._conn, self._job_id, marked=True, terms=self._terms)

    def page(self, offset: int, limit: int) -> Sequence[Row]:
        return [self._row(group) for group in self._read(offset, limit)]

    def _read(self, offset: int, limit: int) -> Sequence[StoredGroup]:
        """Groups, each page once: one look goes over all failures."""
        if (offset, limit) not in self._pages:
            found = error_groups(self._conn, self._job_id, marked=True, terms=self._terms, limit=limit, offset=offset)
            self._pages[offset, limit] = found
            self.seen |= {group.key: group for group in found}
        return self._pages[offset, limit]

    def _row(self, group: StoredGroup) -> Row:
        cells = (
            group.key,
            f"{group.count:,}",
            f"{group.leads:,}",
            line(group.stage),
            when(group.first_at, self._now),
            when(group.last_at, self._now),
            self._palette.labelled(_SIGNS[group.state], group.state),
            line(group.message),
        )
        return Row(group.key, cells)


class MemberRows:
    """The members of a group, the latest first."""

    def __init__(self, conn: Connection, group: StoredGroup, palette: Palette, now: datetime) -> None:
        self._conn, self.group = conn, group
        self._palette, self._now = palette, now
        self.seen: dict[str, FailedItem] = {}

    def count(self) -> int:
        return self.group.count

    def page(self, offset: int, limit: int) -> Sequence[Row]:
        found = group_members(self._conn, self.group.job_id, self.group.key, limit=limit, offset=offset)
        self.seen |= {member.item: member for member in found}
        return [self._row(member) for member in found]

    def _row(self, member: FailedItem) -> Row:
        again = when(member.next_try_at, self._now) if member.next_try_at else ""
        state = self._palette.labelled(_SIGNS[_state_of(member)], _state_of(member))
        cells = (line(member.item), str(member.tries), when(member.last_at, self._now), state, again)
        return Row(member.item, (*cells, line(member.message)))


def group_text(
    group: StoredGroup, example: FailedItem | None, ticket: FiledTicket | None, palette: Palette, key_of: KeyOf
) -> Table:
    """What a group means, what cmo did, what can be done, one of its members, its ticket.

    Args:
        key_of: Knows which command has a key here.
    """
    rows = []
    for label, texts in about(group, example, ticket):
        text = Text("   ".join(texts))
        if label == CAN_DO:
            ways = [_way(words, palette, key_of) for words in texts]
            text = Text("   ").join(sorted(ways, key=lambda way: not way.spans))  # keys come first
        elif label == EXAMPLE:
            text.append(f"  Enter: all {group.count:,}", palette["dim"])
        rows.append((label, text))
    return _labelled(rows, palette)


def member_text(member: FailedItem, palette: Palette) -> Table:
    """One failure with its whole message."""
    tried = "once" if member.tries == 1 else f"{member.tries} times"
    since = f"{member.first_at.astimezone():%Y-%m-%d %H:%M:%S}"
    rows = [
        ("Who or what", Text(line(member.item))),
        ("What happened", Text(f"{block(member.message)}\n{line(member.code)}, {line(member.tool)}")),
        ("Tried", Text(f"{tried} since {since}, last {member.last_at.astimezone():%Y-%m-%d %H:%M:%S}")),
    ]
    if member.state is not None:
        rows.append(("In the outbox", Text(member.state)))
    if member.mark is not None:
        rows.append(("Set aside", Text(f"{member.mark}: {line(member.mark_reason or 'no reason given')}")))
    return _labelled(rows, palette)


def _state_of(member: FailedItem) -> GroupState:
    if member.mark is not None:
        return GroupState.DEAD if member.mark == "dead" else GroupState.SKIPPED
    return GroupState.RETRYING if member.next_try_at is not None else GroupState.NEEDS_YOU


def _way(words: str, palette: Palette, key_of: KeyOf) -> Text:
    """One thing to do: `retry now: cmo errors retry 3f9a` is `r retry now` where a key does the same."""
    said, colon, command = words.rpartition(": cmo ")
    key = key_of(f"cmo {command}") if colon else None
    if key is None:
        return Text(line(words))
    return Text.assemble((key, palette["bold"]), f" {line(said)}")


def _labelled(rows: Sequence[tuple[str, Text]], palette: Palette) -> Table:
    table = Table.grid(padding=0, expand=True)
    table.add_column(width=_LABEL)
    table.add_column(ratio=1, overflow="fold")
    for label, text in rows:
        table.add_row(Text(label, palette["dim"]), text)
    return table
