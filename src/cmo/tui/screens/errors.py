"""Errors: what failed in groups of one cause, what each means, and what can be done about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from rich.console import RenderableType
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from cmo.config import Settings
from cmo.domain.filters import Term
from cmo.domain.job import Mode
from cmo.domain.outbox import OutboxState
from cmo.service import error_words
from cmo.service import errors as verbs
from cmo.service.error_words import Marking
from cmo.store.groups import FailedItem, StoredGroup, error_groups, find_ticket, group_members
from cmo.store.progress import counters
from cmo.tui.actions import actions_of, command_line
from cmo.tui.messages import Told
from cmo.tui.screens.base import START, Page
from cmo.tui.widgets.dialogs import Show
from cmo.tui.widgets.error_rows import (
    GROUP_COLUMNS,
    MEMBER_COLUMNS,
    GroupRows,
    MemberRows,
    group_text,
    member_text,
)
from cmo.tui.widgets.filter_box import FilterBox
from cmo.tui.widgets.table import NoRows, RowTable


class Errors(Page):
    """Screen 4. Enter goes from a group to its members, Esc back; keys mean the marked rows, else the one."""

    NAME = "errors"
    CSS = """
    Errors #about { height: auto; max-height: 60%; padding: 0 1; border-top: solid $panel; }
    Errors #members { display: none; }
    Errors.-members #members { display: block; }
    Errors.-members #groups { display: none; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._terms: tuple[Term, ...] = ()
        self._groups: GroupRows | None = None
        self._members: MemberRows | None = None
        """Of the group that was opened."""

    def body(self) -> ComposeResult:
        yield RowTable(GROUP_COLUMNS, self.palette, id="groups")
        yield RowTable(MEMBER_COLUMNS, self.palette, id="members")
        with VerticalScroll(id="about"):
            yield Static(Text(""), id="text", markup=False)
        yield FilterBox("state:needs stage:enrich -code:limited SERVFAIL")

    def reload(self) -> None:
        """Read groups, and the members of the one that is open, anew."""
        desk = self.desk
        if desk.job_id is None:
            self._say(Text(self._nothing()))
            return
        self._groups = GroupRows(desk.conn, desk.job_id, self._terms, self.palette, desk.now())
        self._group_table.show(self._groups)
        if self._members is not None:
            key = self._members.group.key
            found = error_groups(desk.conn, desk.job_id, marked=True, prefix=key)
            if not found:  # its last member was tried again
                self.back()
                return
            self._show_members(found[0])

    def values(self) -> Mapping[str, object]:
        group = self._group
        return {**super().values(), **({"group": group.key} if group else {})}

    def copies(self) -> list[tuple[str, str]]:
        group, member = self._group, self._member
        if group is None:
            return []
        command = ("command", f"cmo errors show {group.key}")
        if member is not None:
            return [("member", member.item), ("message", member.message), command]
        report = f"{group.title}\n\n{group.report()}"
        return [("group", group.key), ("report, nobody named", report), command]

    def back(self) -> bool:
        if self._members is None:
            return False
        self._members = None
        self.query_one("#members", RowTable).show(NoRows(), top=True)
        self.remove_class("-members")
        self._group_table.focus()
        self._draw()
        return True

    def on_row_table_moved(self, event: RowTable.Moved) -> None:
        self._draw()

    def on_row_table_chosen(self, event: RowTable.Chosen) -> None:
        if self._members is None:
            self.action_view_items()

    def take_filter(self, text: str) -> None:
        self._terms = verbs.group_terms(text)
        self.back()

    def action_view_items(self) -> None:
        """To the members of the group, or back."""
        group = self._group
        if self.back() or group is None:
            return
        self.add_class("-members")
        self._show_members(group)
        self.query_one("#members", RowTable).focus()

    def action_errors_retry(self) -> None:
        self._do("retry", _retried)

    def action_errors_skip(self) -> None:
        self._do("skip", _skipped)

    def action_errors_deadletter(self) -> None:
        self._do("deadletter", _given_up)

    def action_errors_revive(self) -> None:
        self._do("revive", _taken_back)

    def action_errors_ticket(self) -> None:
        """File the group's one ticket, or show the one there is; in a dry run, what it would say."""
        group, job = self._group, self.desk.job()
        if group is None or job is None:
            return
        known = find_ticket(self.desk.conn, group.job_id, group.key)
        if known is not None and known.state is OutboxState.CONFIRMED:
            self.notify(error_words.filed(group, known, is_new=False), markup=False)
            return
        settings = self.desk.job_settings()
        if Mode.DRY_RUN in (settings.mode(), job.plan.mode):
            self.app.push_screen(Show("DRY RUN: the ticket would say", f"{group.title}\n\n{group.report()}"))
            self.workplace.act("errors.ticket", partial(_shown, settings, group))
        else:
            self.workplace.act("errors.ticket", partial(_filed, settings, group))

    def _do(self, name: str, verb: _Verb) -> None:
        """Have a verb run on the marked rows, else on the one under the cursor."""
        table, group, job_id = self._table, self._group, self.desk.job_id
        row = table.row()
        if group is None or row is None or job_id is None:
            return
        chosen = sorted(str(key) for key in table.marks or {row.key})
        keys, items = ([group.key], chosen) if self._members is not None else (chosen, [])
        settings = self.desk.job_settings()
        self.workplace.act(f"errors.{name}", lambda: Told(f"errors.{name}", verb(settings, job_id, keys, items)))
        table.clear_marks()

    def _show_members(self, group: StoredGroup) -> None:
        self._members = MemberRows(self.desk.conn, group, self.palette, self.desk.now())
        self.query_one("#members", RowTable).show(self._members)
        self._draw()

    def _draw(self) -> None:
        """What the row under the cursor means."""
        group, member = self._group, self._member
        if member is not None:
            self._say(member_text(member, self.palette))
        elif group is not None and self._members is None:
            example = group_members(self.desk.conn, group.job_id, group.key, limit=1)
            ticket = find_ticket(self.desk.conn, group.job_id, group.key)
            text = group_text(group, example[0] if example else None, ticket, self.palette, self._key_of(group))
            self._say(text)
        elif group is None:
            self._say(Text(self._nothing()))

    def _say(self, what: RenderableType) -> None:
        self.query_one("#text", Static).update(what)

    def _nothing(self) -> str:
        if self._terms:
            return "No group matches the filter. Esc in it clears it."
        job = self.desk.job()
        if job is None:
            return f"There is no job yet, and nothing that failed. {START}"
        calls = sum(n for name, n in counters(self.desk.conn, job.id).items() if name.endswith("_api_calls"))
        return f"No errors. {calls:,} calls since {job.created_at.astimezone():%H:%M}."

    def _key_of(self, group: StoredGroup) -> Callable[[str], str | None]:
        """Which command has a key here, for this group."""
        bound = {
            active.binding.id: self.app.get_key_display(active.binding) for active in self.active_bindings.values()
        }
        values = {"group": group.key}
        keys = {command_line(action, values): bound.get(action.id) for action in actions_of(self.NAME)}
        return keys.get

    @property
    def _group_table(self) -> RowTable:
        return self.query_one("#groups", RowTable)

    @property
    def _table(self) -> RowTable:
        return self._group_table if self._members is None else self.query_one("#members", RowTable)

    @property
    def _group(self) -> StoredGroup | None:
        """The one that is open, else the one under the cursor."""
        if self._members is not None:
            return self._members.group
        row = self._group_table.row()
        return None if row is None or self._groups is None else self._groups.seen[str(row.key)]

    @property
    def _member(self) -> FailedItem | None:
        row = self._table.row()
        return None if row is None or self._members is None else self._members.seen[str(row.key)]


_Verb = Callable[[Settings, str, Sequence[str], Sequence[str]], str]
"""Settings, job, keys of groups, and if only these: members -> what came of it."""


def _retried(settings: Settings, job_id: str, keys: Sequence[str], items: Sequence[str]) -> str:
    done = verbs.retry(settings, job_id, keys, items=items)
    left = error_words.stays(done)
    if not (done.items or done.writes or left):
        return "Nothing of it is open. u takes back what was set aside."
    return " ".join([error_words.retried(done), *left])


def _skipped(settings: Settings, job_id: str, keys: Sequence[str], items: Sequence[str]) -> str:
    return _counted("skip", verbs.skip(settings, job_id, keys, items=items), "u takes it back.")


def _given_up(settings: Settings, job_id: str, keys: Sequence[str], items: Sequence[str]) -> str:
    return _counted("deadletter", verbs.dead_letter(settings, job_id, keys=keys, items=items), "u takes it back.")


def _taken_back(settings: Settings, job_id: str, keys: Sequence[str], items: Sequence[str]) -> str:
    return _counted("revive", verbs.revive(settings, job_id, keys, items=items), "They wait for you again.")


def _counted(verb: Marking, counts: Counter[str], then: str) -> str:
    if not counts:
        return "Nothing of it is to be changed."
    return f"{error_words.marked(verb, counts)} {then}"


def _shown(settings: Settings, group: StoredGroup) -> Told:
    verbs.show_ticket_text(settings, group)
    return Told("errors.ticket", "")


def _filed(settings: Settings, group: StoredGroup) -> Told:
    ticket, is_new = verbs.file_ticket(settings, group)
    said = error_words.filed(group, ticket, is_new=is_new)
    return Told("errors.ticket", said, is_refused=ticket.state is not OutboxState.CONFIRMED)
