"""Everything that can be done: one registry feeds keys, footer, help, palette, what `y` copies, and the parity test.

An action's id is what the record calls it, what a key map names it by (`[ui.keys]`), and its method on a screen or the
app: `drafts.approve` is `action_drafts_approve`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from textual.binding import Binding, BindingType

from cmo.config import Settings


@dataclass(frozen=True)
class Action:
    """One thing that can be done."""

    id: str
    title: str
    """In the footer, one or two words."""
    about: str
    """In help and palette."""
    keys: tuple[str, ...]
    """As Textual names them."""
    screens: tuple[str, ...] = ()
    """Where it is; none: everywhere."""
    cli: str = ""
    """The same on the command line, without `cmo`; `{name}` stands for a value of the row. Empty: it only moves about
    the screen."""
    hint: int = 0
    """Its place in the footer, from 1; 0: not there."""
    hint_on: tuple[str, ...] = ()
    """The screens whose footer shows it; none: wherever it is."""
    always: bool = False
    """Also while somebody types in a field."""
    beside: bool = False
    """Only where it applies (`check_action`), before a field of its screen; elsewhere its keys mean what they mean
    there."""
    run: str = ""
    """Textual's action, where it is not named as the id is."""

    @property
    def method(self) -> str:
        return self.run or self.id.replace(".", "_")

    @property
    def group(self) -> str:
        """The prefix in the palette."""
        return self.id.partition(".")[0]


SCREENS: Mapping[str, tuple[str, str]] = {
    "jobs": ("0", "Jobs"),
    "run": ("1", "Run"),
    "review": ("2", "Review"),
    "leads": ("3", "Leads"),
    "errors": ("4", "Errors"),
    "chat": ("5", "Chat"),
    "outbox": ("6", "Outbox"),
    "limits": ("7", "Limits"),
    "audit": ("8", "Audit"),
}
"""Screen -> its key and its title, in the order of line 2."""

PLAIN: Mapping[str, str] = {"move.down": "down", "move.up": "up", "move.first": "home", "move.last": "end"}
"""Moving in tables without letters (`ui.keymap = "plain"`)."""
_TABLES = ("jobs", "review", "leads", "errors", "outbox", "audit", "log")
_PAGES = (*SCREENS, "log")
_LISTS: Mapping[str, str] = {
    "jobs": "jobs list", "run": "status {job} --json", "review": "drafts list --job {job} --limit 1000000",
    "errors": "errors list {job}", "chat": "jobs show {job} --json", "outbox": "outbox list --job {job}",
    "limits": "limits show", "log": "logs {job} --all",
}  # fmt: skip
"""Screen with a list -> the command that lists the same; leads and the audit log have exports of their own."""
_FLAG = "the next row with a flag; under a filter the next that matches"
NOT_HERE: Mapping[str, str] = {
    "drafts.undo": "Nothing is taken back here. Decisions: 2 Review, u. Skipped: 4 Errors, u. Mail: 6 Outbox, r.",
    "drafts.again": "Nothing is done again here: 2 Review, where u takes decisions back.",
    "view.filter": "There is no list to filter here.",
}
"""Keys that mean the same everywhere -> what is said where they can do nothing."""

ACTIONS: tuple[Action, ...] = (
    *(
        Action(f"view.{name}", title, f"go to {title}", (key,), cli=f"tui --screen {name}", run=f"show('{name}')")
        for name, (key, title) in SCREENS.items()
    ),
    Action("kill.on", "STOP", "stop all sending, at once", ("exclamation_mark",), cli="kill"),
    Action("kill.on_f9", "STOP", "the same, also while typing", ("f9",), cli="kill", always=True, run="kill_on"),
    Action("view.palette", "Palette", "find any action by its name", ("ctrl+p", "colon")),
    Action("view.help", "Help", "the keys of this screen", ("question_mark",), cli="help", hint=99),
    Action("view.back", "Back", "back; at the top: leave, the job goes on", ("q",)),
    Action("view.escape", "Close", "back, close, leave the filter, dismiss notices", ("escape",)),
    Action("view.copy", "Copy", "copy the value, the row or the command", ("y",)),
    Action("view.interrupt", "Copy", "copy what the mouse selected; it never ends anything", ("ctrl+c",)),
    Action("view.suspend", "Suspend", "back to the shell; `fg` returns here", ("ctrl+z",)),
    Action("view.filter", "Filter", "show what matches only", ("slash",), _TABLES, hint=90),
    Action("view.theme", "Theme", "another theme until you leave; ui.theme keeps one", ()),
    Action("drafts.approve", "Approve", "approve the draft, or the marked ones", ("a",), ("review",),
           cli="drafts approve {id}", hint=1),
    Action("drafts.reject", "Reject", "reject it, with a reason", ("x",), ("review",),
           cli="drafts reject {id} --reason REASON", hint=2),
    Action("drafts.edit", "Edit", "edit it in your editor", ("e",), ("review",), cli="drafts edit {id}", hint=3),
    Action("drafts.later", "Later", "put it off for a day", ("s",), ("review",), cli="drafts later {id}", hint=4),
    Action("drafts.undo", "Undo", "take back the last decision or batch", ("u",), ("review",),
           cli="drafts undo", hint=5),
    Action("drafts.again", "Again", "do again what u took back", ("ctrl+r",), ("review",), cli="drafts again"),
    Action("rules.apply", "Rule", "approve by rule, after samples", ("A",), ("review",),
           cli="drafts approve --rule NAME --sample N", hint=6),
    Action("drafts.edit_here", "Edit here", "edit it in place", ("E",), ("review",), cli="drafts edit {id}"),
    Action("drafts.redo", "Redo", "write it anew from its template", ("R",), ("review",), cli="drafts redo {id}"),
    Action("drafts.needs_info", "Needs info", "turn it into one question", ("i",), ("review",),
           cli="drafts needs-info {id}"),
    Action("drafts.disqualify", "Disqualify", "disqualify the person, with a reason", ("D",), ("review",),
           cli="drafts disqualify {id} --reason REASON"),
    Action("view.changed", "Changed", "changed words, the whole mail, what differs from before", ("d",), ("review",),
           cli="drafts show {id} --full"),
    Action("view.why", "Why", "show or hide why this person", ("w",), ("review",), cli="leads why {who}"),
    Action("jobs.toggle", "Pause", "pause or resume the job", ("p",),
           tuple(name for name in _PAGES if name != "jobs"), cli="pause {job}", hint=1, hint_on=("run",)),
    Action("jobs.resume", "Resume", "go on with the job here, where it stopped", ("r",), ("jobs", "run"),
           cli="resume {job}", hint=1, hint_on=("jobs",)),
    Action("jobs.new", "New", "a new run: goal, then its plan", ("N",), ("jobs", "run"), cli="run GOAL", hint=3,
           hint_on=("jobs",)),
    Action("jobs.pause", "Pause", "have the job pause after its present step", ("p",), ("jobs",), cli="pause {job}",
           hint=2),
    Action("jobs.cancel", "Cancel", "end the job for good; what it found stays", ("x",), ("jobs",),
           cli="cancel {job}", hint=4),
    Action("jobs.remove", "Remove", "delete the job with its people, drafts and files", ("D",), ("jobs",),
           cli="jobs rm {job}"),
    Action("view.run_chat", "Chat", "say something to the job", ("c",), ("run",), cli="say {job} TEXT", hint=3,
           run="app.talk"),
    Action("view.funnel", "Funnel", "how many come through, and why the others do not", ("f",), ("run",),
           cli="jobs show {job}", hint=4),
    Action("view.log", "Log", "everything that happened", ("l",), ("run",), cli="logs {job} --all", hint=5),
    Action("view.stage", "Stage", "what the stage works on, where it is slow, its last results", ("i",), ("run",),
           cli="status {job}", hint=6),
    Action("sending.pause", "Hold sends", "pause sending, or say when to go on", ("P",), cli="pause {job} --sending",
           hint=5, hint_on=("run", "errors", "outbox")),
    Action("errors.retry", "Retry", "try the group again, or what is marked", ("r",), ("errors",),
           cli="errors retry {group}", hint=1),
    Action("errors.skip", "Skip", "go on without it", ("s",), ("errors",), cli="errors skip {group}", hint=2),
    Action("errors.deadletter", "Dead", "give it up; nothing is deleted", ("D",), ("errors",),
           cli="errors deadletter --group {group}", hint=3),
    Action("errors.ticket", "Ticket", "file the group's ticket, or show the one there is", ("t",), ("errors",),
           cli="errors ticket {group}", hint=4),
    Action("errors.revive", "Undo", "take back what was skipped or given up", ("u",), ("errors",),
           cli="errors revive {group}"),
    Action("outbox.recall", "Recall", "take back what nobody took up; the draft stays approved", ("r",), ("outbox",),
           cli="outbox recall {id}", hint=1),
    Action("outbox.hold", "Hold", "keep it from leaving until it is let go", ("h",), ("outbox",),
           cli="outbox hold {id}", hint=2),
    Action("outbox.release", "Let go", "let what is held go on, or say whether it arrived", ("l",), ("outbox",),
           cli="outbox release {id}", hint=3),
    Action("outbox.send", "Send", "hand approved drafts over; you type how many", ("S",), ("outbox",),
           cli="send {job}", hint=4),
    Action("view.mail", "Mail", "the mail as it leaves, with its headers", ("i",), ("outbox",),
           cli="outbox show {id}", hint=6),
    Action("view.draft", "Draft", "to the person's draft, in Review", ("d",), ("leads",),
           cli="tui --screen review", hint=1),
    Action("leads.outcome", "Outcome", "say what came of the person, or take it back", ("m",), ("leads",),
           cli="leads outcome {who} {outcome}", hint=2),
    Action("leads.note", "Note", "write something down about the person", ("e",), ("leads",),
           cli="leads note {who} TEXT", hint=3),
    Action("leads.suppress", "Suppress", "never contact the person, or anybody there", ("b",), ("leads",),
           cli="leads suppress {who} --reason REASON", hint=4),
    Action("view.web", "Web", "open in the web browser where a fact comes from", ("o",), _PAGES),
    Action("view.sort", "Sort", "by score, name, company, discovery", ("S",), ("leads",),
           cli="leads list --sort {sort}", hint=5),
    Action("view.columns", "Columns", "choose the columns", ("C",), ("leads",)),
    *(
        Action("export.write", "Export", "write the rows that are marked, else all shown, to a file", ("ctrl+e",),
               (name,), cli=cli)
        for name, cli in _LISTS.items()
    ),
    Action("export.write", "Export", "write what is marked, else shown, to a file", ("ctrl+e",), ("leads",),
           cli="export {job} --what leads --where {where}", hint=6),
    Action("audit.verify", "Verify", "check that no row was changed or is missing", ("V",), ("audit",),
           cli="audit verify", hint=1),
    Action("audit.export", "Export", "write what is shown to a file", ("ctrl+e",), ("audit",),
           cli="audit export FILE", hint=2),
    Action("mode.set", "Mode", "what the job may do: dry run, drafts only, send", ("m",), ("limits",),
           cli="jobs set {job} mode=MODE", hint=1),
    Action("limits.set", "More", "raise the limit under the cursor; asks", ("plus",), ("limits",),
           cli="limits set {limit} N", hint=2),
    Action("limits.set_lower", "Less", "lower it", ("minus",), ("limits",), cli="limits set {limit} N", hint=3),
    Action("score.set", "Weigh", "other weights of the job's score; shows who moves, then asks", ("w",), ("limits",),
           cli="score set {job} FEATURE=N"),
    Action("mailer.set", "Sender", "who carries mail; shows what that voids, then asks", ("s",), ("limits",),
           cli="config set mail.provider NAME"),
    Action("policy.revoke", "Revoke", "take the permission under the cursor back", ("x",), ("limits",),
           cli="policy revoke {policy}", hint=4),
    Action("permission.revoke", "Revoke", "the same, of a request that was allowed for its job", (), ("limits",),
           cli="limits revoke {permission}"),
    Action("kill.release", "Release", "let sending go on after a stop; asks for a phrase", ("R",), ("limits",),
           cli="kill --release --reason REASON", hint=5),
    Action("view.suppressed", "Never", "who must never be contacted, or back", ("i",), ("limits",),
           cli="leads suppress --list", hint=6),
    Action("chat.say", "Say", "write to the job; it is read at its next step", ("c",), ("chat",),
           cli="say {job} TEXT", hint=1),
    Action("chat.say_later", "After this stage", "say what is typed after the present stage", ("tab",), ("chat",),
           cli="say {job} TEXT --later", hint=2),
    Action("chat.drop", "Drop", "take back what was not read yet", ("x",), ("chat",),
           cli="say {job} --drop {message}", hint=3),
    Action("request.allow", "Once", "show the request under the cursor; y again allows it once", ("y",), ("chat",),
           cli="requests allow {request}", hint=4, beside=True),
    Action("request.allow_job", "For this job", "the same; j again allows it for this job", ("j",), ("chat",),
           cli="requests allow {request} --for-job", hint=5, beside=True),
    Action("request.deny", "No", "leave the cap as it is, and say why", ("n",), ("chat",),
           cli="requests deny {request} --reason REASON", hint=6, beside=True),
    Action("view.items", "Items", "every member of the group, or back to the groups", ("i",), ("errors",),
           cli="errors show {group}", hint=6),
    Action("view.zoom", "Zoom", "the panel in hand on the whole screen, and back", ("z",), _PAGES),
    Action("view.panel", "Panel", "the next panel", ("tab",), tuple(name for name in _PAGES if name != "chat")),
    Action("view.next_flag", "Next", _FLAG, ("n",), _PAGES, run="view_flag(1)"),
    Action("view.previous_flag", "Previous", "the one before", ("N",),
           tuple(name for name in _PAGES if name not in ("jobs", "run")), run="view_flag(-1)"),
    Action("move.down", "Down", "the next row", ("j", "down"), ("table",), run="move(1)"),
    Action("move.up", "Up", "the row before", ("k", "up"), ("table",), run="move(-1)"),
    Action("move.first", "First", "the first row", ("g", "home"), ("table",), run="go(0)"),
    Action("move.last", "Last", "the last row", ("G", "end"), ("table",), run="go(-1)"),
    Action("move.page_down", "Page down", "a screen further", ("ctrl+d", "pagedown"), ("table",), run="leap(1)"),
    Action("move.page_up", "Page up", "a screen back", ("ctrl+u", "pageup"), ("table",), run="leap(-1)"),
    Action("select.mark", "Mark", "mark the row, or not", ("space",), ("table",), run="mark"),
    Action("select.range", "Range", "begin a range of marks, or end it", ("v",), ("table",), run="range"),
    Action("select.all", "Mark all", "mark all that is shown, or nothing", ("asterisk",), ("table",), run="mark_all"),
    Action("view.open", "Open", "open the row", ("enter",), ("table",), run="choose"),
)  # fmt: skip


def actions_of(screen: str | None) -> tuple[Action, ...]:
    """What can be done on a screen; for None what can be done everywhere."""
    if screen is None:
        return tuple(action for action in ACTIONS if not action.screens)
    return tuple(action for action in ACTIONS if screen in action.screens)


def bindings_of(screen: str | None) -> list[BindingType]:
    """The key bindings of a screen, or for None of the app."""
    return [
        Binding(
            ",".join(action.keys),
            action.method,
            action.title,
            show=action.hint > 0,
            priority=action.always or action.beside,
            id=action.id,
            tooltip=action.about,
        )
        for action in actions_of(screen)
        if action.keys
    ]


def not_here(screen: str) -> list[BindingType]:
    """Bindings of a screen for the keys that mean something on others only; each says so."""
    own = {key for action in actions_of(screen) for key in action.keys}
    return [
        Binding(",".join(find(name).keys), f"not_here('{name}')", show=False, id=name)
        for name in NOT_HERE
        if not own & set(find(name).keys)
    ]


def keymap(settings: Settings) -> dict[str, str]:
    """Id of a binding -> its keys, where the settings say other ones than the registry."""
    return {**(PLAIN if settings.keymap == "plain" else {}), **settings.keys}


def unknown_ids(keys: Iterable[str]) -> dict[str, str]:
    """Those of the ids of a key map that name nothing that can be done -> the most similar one that does."""
    known = (*_BY_ID, *PLAIN)
    unknown = sorted(set(keys) - set(known))
    return {name: next(iter(get_close_matches(name, known, 1, 0.5)), "") for name in unknown}


def find(action_id: str) -> Action:
    """The action with that id."""
    return _BY_ID[action_id]


def command_line(action: Action, values: Mapping[str, object]) -> str | None:
    """The command that does the same, or None where there is none or a value is missing.

    Args:
        values: What the screen shows now, by the names in `Action.cli`.
    """
    if not action.cli:
        return None
    try:
        return "cmo " + action.cli.format_map({name: _quoted(str(value)) for name, value in values.items()})
    except KeyError:
        return None


def _quoted(value: str) -> str:
    from shlex import quote

    return quote(value)


def hints(screen: str) -> Iterable[Action]:
    """What the footer shows, in order."""
    shown = [
        action
        for action in (*actions_of(screen), *actions_of(None))
        if action.hint and (not action.hint_on or screen in action.hint_on)
    ]
    return sorted(shown, key=lambda action: action.hint)


_BY_ID = {action.id: action for action in ACTIONS}
