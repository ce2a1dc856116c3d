"""Chat: what was said to the job, what came of it, what it asks for, and every call of a tool; a line typed is read at
the next step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial

from rich.text import Text
from textual.app import ComposeResult
from textual.widgets import Input

from cmo.config import Settings
from cmo.domain.job import Job, JobStatus
from cmo.domain.requests import Request
from cmo.service import drop_message, steering
from cmo.service import requests as asked
from cmo.store.chat_views import ChatLine, count_lines, page_lines
from cmo.store.db import Connection
from cmo.store.messages import Message, queued
from cmo.store.request_views import list_requests
from cmo.tui.messages import Told
from cmo.tui.paint import Palette, line, when
from cmo.tui.screens.base import Page
from cmo.tui.widgets.dialogs import Ask, Decide, Show
from cmo.tui.widgets.frame import Hints
from cmo.tui.widgets.lines import OneLine
from cmo.tui.widgets.table import Cell, Column, Row, RowTable

_COLUMNS = (Column("at", 6), Column("who", 8), Column("said, or called"))
_KEYS = "[y] once  [j] for this job  [n] no, and say why  Enter: whole"
_TYPE = "type here  Enter: at the next step  Tab: after this stage  Esc: back  F9: STOP"


class ChatRows:
    """The lines of the conversation with a job, the oldest first."""

    def __init__(
        self, conn: Connection, job_id: str, palette: Palette, now: datetime, *, me: str, goes: bool = True
    ) -> None:
        self._conn, self._job_id, self._palette, self._now = conn, job_id, palette, now
        self._me, self._goes = me, goes
        self.requests = self._asked_for()
        self.seen: dict[tuple[str, int], ChatLine] = {}
        """Those of the pages that were read."""

    def count(self) -> int:
        return count_lines(self._conn, self._job_id)

    def page(self, offset: int, limit: int) -> Sequence[Row]:
        self.requests = self._asked_for()  # the job may have asked for more since
        asking = [request.id for request in self.requests.values() if request.state == "open"]
        found = page_lines(self._conn, self._job_id, offset=offset, limit=limit, asking=asking)
        self.seen |= {(one.kind, one.n): one for one in found}
        known = [one for one in found if one.kind not in ("request", "ruling") or one.text in self.requests]
        return [Row((one.kind, one.n), self._cells(one)) for one in known]

    def _asked_for(self) -> dict[str, Request]:
        return {request.id: request for request in list_requests(self._conn, self._job_id)}

    def _cells(self, one: ChatLine) -> tuple[Cell, ...]:
        at = when(one.at, self._now)
        match one.kind:
            case "said":
                who = "you" if one.who == self._me else one.who.removeprefix("operator:")
                return at, (line(who), "bold"), line(one.text)
            case "answer":
                meaning = self._palette.labelled("waiting", "")[1] if one.state == "queued" else "plain"
                return "", "cmo", (line(steering.answer_words(one)), meaning)
            case "request":
                request = self.requests[one.text]
                glyph, meaning = self._palette.labelled("needs_you" if request.state == "open" else "idle", "")
                wants = f"{request.asked.wish} ({request.asked.effect})"
                return at, (f"{glyph}wants", meaning), line(wants)
            case "ruling":
                request = self.requests[one.text]
                return "", "", (line(_KEYS if request.state == "open" else asked.ruling(request)), "dim")
            case "call":
                sign = {"running": "running", "finished": "done"}.get(one.state, "failed")
                if sign == "running" and not self._goes:
                    sign, one = "idle", one.model_copy(update={"state": "goes on with the job"})
                glyph, meaning = self._palette.labelled(sign, "")
                return at, "", (f"{glyph}{line(steering.call_words(one))}", meaning)


class Chat(Page):
    """Screen 5. What is typed is said on the hand thread; leaving the field, or the screen, stops nothing."""

    NAME = "chat"
    AUTO_FOCUS = "#say"
    CSS = """
    Chat #say { border: none; height: 1; padding: 0 1; background: $panel; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._rows: ChatRows | None = None
        self._waiting: Sequence[Message] = ()
        self._said = ""
        """The last line that was said: it comes back into the field where it was refused."""
        self._about = ""

    def body(self) -> ComposeResult:
        yield RowTable(_COLUMNS, self.palette, id="lines")
        yield OneLine(id="waits")
        yield Input(placeholder=_TYPE, id="say", select_on_focus=False)

    def reload(self) -> None:
        """Read the conversation anew; who is at its end stays at its end."""
        job, desk, table = self.desk.job(), self.desk, self._table
        if job is None:
            self._tell("There is no job yet. A goal starts one: cmo chat, or cmo run GOAL.")
            return
        is_at_end = table.cursor >= table.count - 1
        self._waiting = queued(desk.conn, job.id)
        goes = job.status is JobStatus.RUNNING
        self._rows = ChatRows(desk.conn, job.id, self.palette, desk.now(), me=desk.settings.actor, goes=goes)
        table.show(self._rows)
        if is_at_end:
            table.move_to(table.count - 1)
        self._tell(self._state_of(job))

    def values(self) -> Mapping[str, object]:
        message = self._droppable
        request = self._request
        own = {**({"message": message} if message else {}), **({"request": request.id} if request else {})}
        return {**super().values(), **own}

    def copies(self) -> list[tuple[str, str]]:
        one = self._line
        if one is None:
            return []
        if one.kind in ("request", "ruling") and self._rows is not None:
            whole = asked.whole(self._rows.requests[one.text])
            return [("request", whole), ("command", f"cmo requests list {self.desk.job_id}")]
        words = one.text if one.kind == "said" else steering.whole(one)
        return [("line", words), ("command", f"cmo jobs show {self.desk.job_id}")]

    def heard(self, told: Told) -> None:
        field = self.query_one("#say", Input)
        if told.is_refused and told.action.startswith("chat.say") and not field.value:
            field.value = self._said
            field.cursor_position = len(self._said)

    def on_row_table_chosen(self, event: RowTable.Chosen) -> None:
        one, request = self._line, self._request
        if request is not None:
            self._decide(request)
        elif one is not None and one.kind in ("request", "ruling") and self._rows is not None:
            self.app.push_screen(Show("The whole request", asked.whole(self._rows.requests[one.text])))
        elif one is not None:
            self.app.push_screen(
                Show("The whole call" if one.kind == "call" else "The whole message", steering.whole(one))
            )

    def on_descendant_focus(self) -> None:
        """What has a key differs while somebody types."""
        self.call_after_refresh(self.query_one(Hints).draw, self.palette)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self._say(later=False)

    def action_chat_say(self) -> None:
        """To the field; Enter there says what it holds."""
        self.query_one("#say", Input).focus()

    def action_chat_say_later(self) -> None:
        """Say what is typed after the present stage; with nothing typed, between field and lines."""
        field = self.query_one("#say", Input)
        if field.has_focus and field.value.strip():
            self._say(later=True)
        else:
            self.focus_next()

    def action_chat_drop(self) -> None:
        """Take back the message under the cursor, else the last one that waits."""
        message, job_id, settings = self._droppable, self.desk.job_id, self.desk.settings
        if message is None or job_id is None:
            self.workplace.refuse("No message waits: what was read cannot be taken back.", "Say the opposite instead.")
            return
        self.workplace.act("chat.drop", partial(_dropped, settings, job_id, message))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The keys of requests mean something else wherever the cursor is on no open one."""
        if action.startswith("request_"):
            return self._rows is not None and self._table.has_focus and self._request is not None
        return super().check_action(action, parameters)

    def action_request_allow(self) -> None:
        """Show the whole request; a yes is given there."""
        if self._request is None:
            self.workplace.refuse("That is no request that waits.", "Put the cursor on one, below the calls.")
            return
        self._decide(self._request)

    def action_request_allow_job(self) -> None:
        self.action_request_allow()

    def action_request_deny(self) -> None:
        if self._request is None:
            self.action_request_allow()
            return
        self._deny(self._request)

    def _decide(self, request: Request) -> None:
        settings = self.desk.settings

        def answered(answer: str | None) -> None:
            if answer == "no":
                self._deny(request)
            elif answer is not None:
                action = "request.allow_job" if answer == "job" else "request.allow"
                self.workplace.act(action, partial(_allowed, settings, request.id, action))

        self.app.push_screen(Decide(f"The job wants to {line(request.asked.wish)}", asked.whole(request)), answered)

    def _deny(self, request: Request) -> None:
        settings = self.desk.settings

        def reasoned(reason: str | None) -> None:
            if reason is not None:
                self.workplace.act("request.deny", partial(_denied, settings, request.id, reason))

        ask = Ask(f"No: do not {line(request.asked.wish)}", "Why not? It is kept with your name.")
        self.app.push_screen(ask, reasoned)

    def _say(self, *, later: bool) -> None:
        field, job_id, settings = self.query_one("#say", Input), self.desk.job_id, self.desk.settings
        words = field.value.strip()
        if not words:
            return
        if job_id is None:
            self.workplace.refuse("There is no job that could read it.", "cmo chat takes a goal and starts one.")
            return
        self._said, field.value = words, ""
        self.workplace.act("chat.say", partial(_told, settings, job_id, words, later=later))
        self._table.move_to(self._table.count - 1)

    def _state_of(self, job: Job) -> str:
        """What waits for an answer or to be read, or why nothing is read now."""
        asking = [request for request in self._rows.requests.values() if request.state == "open"] if self._rows else []
        if asking:
            waits = "request waits" if len(asking) == 1 else "requests wait"
            return f"{len(asking)} {waits} for you, at the end of the list  Esc, then y, j or n on it"
        if job.status.is_over:
            return f"The job is {job.status}; it reads nothing any more. cmo chat starts another."
        if self._waiting:
            last = self._waiting[-1]
            more = f" and {len(self._waiting) - 1:,} more" if len(self._waiting) > 1 else ""
            said_when = f"after {last.queued_stage}" if last.is_later else "at the next step"
            return f"queued{more}: “{line(last.text)}” ({said_when})  Esc, x: drop"
        if job.status is not JobStatus.RUNNING:
            return f"The job is {job.status}: what you say is read when it goes on."
        if not self._table.count:
            return "Nothing was said yet. Try: skip crypto repos"
        return ""

    def _tell(self, words: str) -> None:
        if words != self._about:
            self._about = words
            text = Text(f" ─ {words}" if words else "", style=self.palette["dim"], no_wrap=True, overflow="ellipsis")
            self.query_one("#waits", OneLine).say(text)

    @property
    def _table(self) -> RowTable:
        return self.query_one(RowTable)

    @property
    def _line(self) -> ChatLine | None:
        row = self._table.row()
        if row is None or self._rows is None:
            return None
        return next((one for key, one in self._rows.seen.items() if key == row.key), None)

    @property
    def _request(self) -> Request | None:
        """The open request under the cursor."""
        one = self._line
        if one is None or self._rows is None or one.kind not in ("request", "ruling"):
            return None
        request = self._rows.requests[one.text]
        return request if request.state == "open" else None

    @property
    def _droppable(self) -> int | None:
        """The message that `x` takes back."""
        waiting = [message.id for message in self._waiting]
        one = self._line
        if one is not None and one.kind in ("said", "answer") and one.n in waiting:
            return one.n
        return waiting[-1] if waiting else None


def _told(settings: Settings, job_id: str, words: str, *, later: bool) -> Told:
    said = steering.tell(settings, job_id, words, later=later)
    if said.reading.understood:
        return Told("chat.say", f"Read {said.when}. It means: {line(said.reading.effect)}")
    return Told(
        "chat.say",
        f"Read {said.when}, but the rules make nothing of it. {line(said.reading.effect)} "
        f"{line(said.reading.question)}",
    )


def _dropped(settings: Settings, job_id: str, message: int) -> Told:
    if drop_message(settings, job_id, message):
        return Told("chat.drop", f"Message {message} was taken back.")
    return Told("chat.drop", f"Message {message} was read before.", is_refused=True)


def _allowed(settings: Settings, request: str, action: str) -> Told:
    return Told(action, asked.allow(settings, request, for_job=action == "request.allow_job"))


def _denied(settings: Settings, request: str, reason: str) -> Told:
    return Told("request.deny", asked.deny(settings, request, reason))
