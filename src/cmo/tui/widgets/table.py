"""One table for everything long: it draws the lines in view over pages of a query, whatever the number of rows.

Source of the form: Textual's line API (ScrollView). Cells are plain text with a style, never markup.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.binding import BindingType
from textual.events import Click, Resize
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from cmo.tui.actions import bindings_of
from cmo.tui.paint import Meaning, Palette, cut

PAGE = 256
PAGES = 8
"""Pages kept: what is in view, and what was a moment ago."""

FLAGS: frozenset[Meaning] = frozenset({"warn", "error", "needs"})
"""A cell of these asks for a look."""
MOST_LOOKED = 5_120
ROOMY = 110
"""From here on there is room for whole names."""

Cell = str | tuple[str, Meaning]


@dataclass(frozen=True)
class Column:
    """A column; one of width 0 takes what the others leave."""

    title: str
    width: int = 0
    align: Literal["left", "right"] = "left"
    least: int = 0
    """Shown only where the table is at least this wide."""
    roomy: int = 0
    """Its width where the table is at least `ROOMY` wide; 0: the same."""

    def cells(self, width: int) -> int:
        """How wide it is in a table of `width`; 0: what the others leave."""
        return self.roomy if self.roomy and width >= ROOMY else self.width


@dataclass(frozen=True)
class Row:
    """One line; `key` tells it from all others of the table."""

    key: Hashable
    cells: tuple[Cell, ...]


class Rows(Protocol):
    """Where the lines come from. Both are asked again after every `reload`."""

    def count(self) -> int:
        """How many rows there are."""

    def page(self, offset: int, limit: int) -> Sequence[Row]:
        """Rows in order, from `offset`; cells in the order of the columns, made safe to show."""


class NoRows:
    def count(self) -> int:
        return 0

    def page(self, offset: int, limit: int) -> Sequence[Row]:
        return ()


class RowTable(ScrollView, can_focus=True):
    """A cursor and marks over `Rows`."""

    DEFAULT_CSS = """
    RowTable { height: 1fr; scrollbar-size-horizontal: 0; scrollbar-gutter: stable; }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings_of("table")

    @dataclass
    class Moved(Message):
        """The cursor is on another row, or on none."""

        table: RowTable
        row: Row | None

        @property
        def control(self) -> RowTable:
            return self.table

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, RowTable.Moved) and message.table is self.table

    @dataclass
    class Chosen(Message):
        """A row was opened."""

        table: RowTable
        row: Row

        @property
        def control(self) -> RowTable:
            return self.table

    @dataclass
    class Sorted(Message):
        """A header was clicked."""

        table: RowTable
        column: int

        @property
        def control(self) -> RowTable:
            return self.table

    def __init__(self, columns: Sequence[Column], palette: Palette, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._columns = tuple(columns)
        self._palette = palette
        self._rows: Rows = NoRows()
        self._pages: OrderedDict[int, Sequence[Row]] = OrderedDict()
        self._count = 0
        self._cursor = 0
        self._marks: set[Hashable] = set()
        self._anchor: int | None = None
        self._told: Hashable | None = None
        self._chosen: frozenset[int] | None = None
        """Places of the columns that a person chose; None: as many as the width allows."""

    @property
    def columns(self) -> tuple[Column, ...]:
        return self._columns

    @property
    def shown(self) -> frozenset[int]:
        """Places of the columns that are seen."""
        return frozenset(place for place, _, _ in self._widths(self._width))

    def toggle(self, place: int) -> None:
        """Show a column, whatever the width, or leave it out; the last one stays."""
        self._chosen = (self.shown ^ {place}) or self.shown
        self.refresh()

    @property
    def count(self) -> int:
        return self._count

    @property
    def cursor(self) -> int:
        """The row the cursor is on, from 0."""
        return self._cursor

    @property
    def marks(self) -> frozenset[Hashable]:
        """Keys of marked rows."""
        return frozenset(self._marks)

    @property
    def cursor_line(self) -> int:
        """The line of the screen that the cursor is on, from 0."""
        return self.region.y + 1 + self._cursor - int(self.scroll_offset.y)

    def flagged(self, step: int) -> int | None:
        """Where the next row with a flag is, after the cursor or before it, round the ends; at most `MOST_LOOKED` rows
        are looked at."""
        for by in range(1, min(self._count, MOST_LOOKED) + 1):
            place = (self._cursor + by * step) % self._count
            row = self.row(place)
            if row is not None and any(isinstance(cell, tuple) and cell[1] in FLAGS for cell in row.cells):
                return place
        return None

    def chosen(self) -> Iterator[Row]:
        """The marked rows in order, else all."""
        for place in range(self._count):
            row = self.row(place)
            if row is not None and (not self._marks or row.key in self._marks):
                yield row

    def row(self, index: int | None = None) -> Row | None:
        """A row by its place; without one, that of the cursor."""
        place = self._cursor if index is None else index
        if not 0 <= place < self._count:
            return None
        page, within = divmod(place, PAGE)
        found = self._page(page)
        return found[within] if within < len(found) else None

    def show(self, rows: Rows, *, top: bool = False) -> None:
        """Show other rows.

        Args:
            top: Start at the first one; else stay on the row of the same key where it is still near.
        """
        self._rows = rows
        self.reload(top=top)

    def reload(self, *, top: bool = False) -> None:
        """Read what is shown anew."""
        before = None if top else self.row()
        was = self._in_view()
        self._pages.clear()
        self._count = self._rows.count()
        if top:
            self._cursor = 0
            self._marks.clear()
        self.virtual_size = Size(self.size.width, self._count + 1)
        if before is not None:
            self._cursor = self._near(before.key)
        self._cursor = max(0, min(self._cursor, self._count - 1))
        self._show_cursor()
        now = self._in_view()
        if was.keys() == now.keys():
            for place, seen in now.items():
                if was[place] != seen:
                    self._refresh_row(place)
        else:
            self.refresh()
        self._tell(force=True)

    def repaint(self, palette: Palette) -> None:
        """Other colours."""
        self._palette = palette
        self.refresh()

    def move_to(self, index: int) -> None:
        """Put the cursor on a row."""
        index = max(0, min(index, self._count - 1))
        if index != self._cursor:
            self._refresh_row(self._cursor)
            self._cursor = index
            self._refresh_row(index)
        if self._anchor is not None:
            self._mark_range()
        self._show_cursor()
        self._tell()

    def clear_marks(self) -> None:
        self._anchor = None
        if self._marks:
            self._marks.clear()
            self.refresh()

    def action_move(self, by: int) -> None:
        self.move_to(self._cursor + by)

    def action_go(self, to: int) -> None:
        self.move_to(self._count - 1 if to < 0 else to)

    def action_leap(self, by: int) -> None:
        self.move_to(self._cursor + by * max(1, self.size.height - 2))

    def action_mark(self) -> None:
        row = self.row()
        if row is not None:
            self._marks ^= {row.key}
            self._refresh_row(self._cursor)
            self.move_to(self._cursor + 1)

    def action_range(self) -> None:
        """Begin a range at the cursor, or end it."""
        self._anchor = self._cursor if self._anchor is None else None
        self._mark_range()

    def action_mark_all(self) -> None:
        everything = {row.key for start in range(0, self._count, PAGE) for row in self._page(start // PAGE)}
        self._marks = set() if self._marks == everything else everything
        self.refresh()

    def action_choose(self) -> None:
        row = self.row()
        if row is not None:
            self.post_message(self.Chosen(self, row))

    def render_line(self, y: int) -> Strip:
        width = self._width
        if y == 0:
            return self._header(width)
        index = y - 1 + self.scroll_offset.y
        row = self.row(index)
        if row is None:
            return Strip.blank(width, self.rich_style)
        return self._line(row, width, is_cursor=index == self._cursor)

    def on_resize(self, event: Resize) -> None:
        self.virtual_size = Size(event.size.width, self._count + 1)
        self._show_cursor()

    def on_click(self, event: Click) -> None:
        if event.y == 0:
            self._click_header(event.x)
            return
        index = event.y - 1 + self.scroll_offset.y
        if 0 <= index < self._count:
            self.move_to(index)
            if event.chain == 2:
                self.action_choose()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self.refresh()

    def _page(self, number: int) -> Sequence[Row]:
        found = self._pages.get(number)
        if found is None:
            found = self._rows.page(number * PAGE, PAGE)
            self._pages[number] = found
            if len(self._pages) > PAGES:
                self._pages.popitem(last=False)
        else:
            self._pages.move_to_end(number)
        return found

    def _in_view(self) -> dict[int, tuple[Row, bool]]:
        """Place -> the row that is drawn there, and whether the cursor is on it."""
        top = self.scroll_offset.y
        places = range(top, min(self._count, top + max(0, self.size.height - 1)))
        return {place: (row, place == self._cursor) for place in places if (row := self.row(place)) is not None}

    def _near(self, key: Hashable) -> int:
        """Where the row of `key` is now, looked for on the page of the cursor; else the cursor as it is."""
        page = self._cursor // PAGE
        if page * PAGE < self._count:
            for within, row in enumerate(self._page(page)):
                if row.key == key:
                    return page * PAGE + within
        return self._cursor

    def _mark_range(self) -> None:
        if self._anchor is not None:
            first, last = sorted((self._anchor, self._cursor))
            self._marks |= {row.key for index in range(first, last + 1) if (row := self.row(index)) is not None}
        self.refresh()

    def _show_cursor(self) -> None:
        rows_in_view = max(1, self.size.height - 1)
        top = self.scroll_offset.y
        if self._cursor < top:
            self.scroll_to(y=self._cursor, animate=False, force=True, immediate=True)
        elif self._cursor >= top + rows_in_view:
            self.scroll_to(y=self._cursor - rows_in_view + 1, animate=False, force=True, immediate=True)

    def _refresh_row(self, index: int) -> None:
        y = index + 1 - self.scroll_offset.y
        if 0 < y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    def _tell(self, *, force: bool = False) -> None:
        row = self.row()
        key = None if row is None else row.key
        if force or key != self._told:
            self._told = key
            self.post_message(self.Moved(self, row))

    @property
    def _width(self) -> int:
        """Cells of a line beside the scroll bar."""
        return self.size.width - (self.scrollbar_size_vertical if self.show_vertical_scrollbar else 0)

    def _widths(self, width: int) -> list[tuple[int, Column, int]]:
        """(place, column, cells) of those that are shown."""
        shown = [
            (place, column)
            for place, column in enumerate(self._columns)
            if (width >= column.least if self._chosen is None else place in self._chosen)
        ]
        taken = sum(column.cells(width) + 1 for _, column in shown) + 1
        open_ = [column for _, column in shown if column.width == 0]
        rest = max(0, width - taken)
        return [(place, column, column.cells(width) or max(4, rest // len(open_))) for place, column in shown]

    def _header(self, width: int) -> Strip:
        style = self.rich_style + self._palette["dim"]
        parts = [Segment(" ", style)]
        for _, column, cells in self._widths(width):
            parts.append(Segment(_aligned(column.title, cells, column.align, self._palette) + " ", style))
        return Strip(parts).adjust_cell_length(width, style)

    def _line(self, row: Row, width: int, *, is_cursor: bool) -> Strip:
        base = self.rich_style
        if is_cursor:
            base += Style(reverse=True) if self.has_focus else Style(underline=True)
        marked = row.key in self._marks
        mark = ("*" if self._palette.ascii else "▌") if marked else (">" if is_cursor and self._palette.ascii else " ")
        parts = [Segment(mark, base + (self._palette["accent"] if marked else Style()))]
        for place, column, cells in self._widths(width):
            cell = row.cells[place] if place < len(row.cells) else ""
            text, meaning = cell if isinstance(cell, tuple) else (cell, "plain")
            style = base + (Style(bold=True) if is_cursor and meaning == "needs" else self._palette[meaning])
            parts.append(Segment(_aligned(text, cells, column.align, self._palette), style))
            parts.append(Segment(" ", base))
        return Strip(parts).adjust_cell_length(width, base)

    def _click_header(self, x: int) -> None:
        left = 1
        for place, _, cells in self._widths(self._width):
            if left <= x < left + cells:
                self.post_message(self.Sorted(self, place))
                return
            left += cells + 1


def _aligned(text: str, cells: int, align: str, palette: Palette) -> str:
    shown = cut(text, cells, more=palette.ellipsis())
    if align == "left":
        return shown
    bare = shown.rstrip()
    return " " * (cells - cell_len(bare)) + bare
