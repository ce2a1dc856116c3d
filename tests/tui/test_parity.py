"""One action, three doors: a key, a command, and one name for it in the record."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import pytest

from cmo.cli import flags, lazy, registry
from cmo.service.kill import PHRASE
from cmo.store.audit import iter_audit
from cmo.tui.actions import ACTIONS, Action, actions_of, hints
from tests.fakes.campaign import Campaign
from tests.fakes.clock import NOON, StillClock
from tests.tui.house import THERE, full_house, let_it_ask
from tests.tui.screen import Seen, play

ASKED = "wait for a dialog"
STOPPED = "wait for the stop"
TO_PERMISSIONS = ("end", *["up"] * 16)
"""On Limits: above the settings and the weights."""
PHRASED = ["space" if char == " " else char for char in PHRASE]
DONE: Mapping[str, tuple[tuple[str, ...], str]] = {
    "drafts.approve": (("a",), "drafts.approve"),
    "drafts.undo": (("u",), "drafts.undo"),
    "drafts.again": (("ctrl+r",), "drafts.again"),
    "drafts.reject": (("x", "3"), "drafts.reject"),
    "drafts.later": (("s",), "drafts.later"),
    "drafts.edit_here": (("E", "down", "down", "end", *"more", "ctrl+e"), "drafts.edit"),
    "drafts.redo": (("R",), "drafts.redo"),
    "drafts.needs_info": (("i", "enter"), "drafts.needs_info"),
    "drafts.disqualify": (("D", *"far", "enter"), "drafts.disqualify"),
    "rules.apply": (("A", "1", *["space"] * 9, "enter"), "drafts.sample"),
    "errors.retry": (("r",), "errors.retry"),
    "errors.skip": (("s",), "errors.skip"),
    "errors.revive": (("u",), "errors.revive"),
    "errors.deadletter": (("D",), "errors.deadletter"),
    "outbox.hold": (("h",), "outbox.hold"),
    "outbox.release": (("l",), "outbox.release"),
    "outbox.recall": (("r",), "outbox.recall"),
    "outbox.send": (("S", ASKED, "3", "enter"), "outbox.send"),
    "sending.pause": (("P",), "sending.pause"),
    "chat.say": ((*"any", "enter"), "chat.say"),
    "chat.drop": (("x",), "chat.drop"),
    "request.allow": (("end", "y", "y"), "request.allow"),
    "request.allow_job": (("end", "j", "j"), "request.allow"),
    "request.deny": (("end", "n", *"enough", "enter"), "request.deny"),
    "mode.set": (("m", "1"), "mode.set"),
    "limits.set": (("home", "plus", "enter", ASKED, "y"), "limits.set"),
    "permission.revoke": ((*TO_PERMISSIONS, "x"), "permission.revoke"),
    "policy.revoke": ((*TO_PERMISSIONS, "x"), "policy.revoke"),
    "kill.release": (("exclamation_mark", STOPPED, "R", *PHRASED, "enter", *"ok", "enter"), "kill.release"),
    "score.set": (("w", *"role=40", "enter", ASKED, "y"), "score.set"),
    "mailer.set": (("s", "2", "y"), "mailer.set"),
    "kill.on": (("exclamation_mark",), "kill.on"),
    "leads.outcome": (("m", "1"), "leads.outcome"),
    "leads.note": (("e", *"met", "enter"), "leads.note"),
    "leads.suppress": (("b", "1", *"asked", "enter"), "leads.suppress"),
    "export.write": (("ctrl+e", "enter"), "export.write"),
    "audit.verify": (("V",), "audit.verify"),
    "audit.export": (("ctrl+e", "enter"), "export.write"),
    "limits.set_lower": (("home", "minus", "enter"), "limits.set"),
    "jobs.pause": (("p",), "jobs.pause"),
    "jobs.cancel": (("x", "y"), "jobs.cancel"),
    "jobs.remove": (("D", *"000000", "enter"), "jobs.remove"),
}
"""Action -> the keys that do it from its screen, and the row that it and its command leave."""
ELSEWHERE: Mapping[str, str] = {
    "kill.on_f9": "another key of kill.on",
    "drafts.edit": "an editor takes the terminal; its words go the way of drafts.edit_here",
    "errors.ticket": "it goes to the ticket service: test_errors",
    "chat.say_later": "chat.say, with another moment",
    "jobs.new": "a run begins: test_hosting",
    "jobs.resume": "a run begins: test_hosting",
    "jobs.toggle": "jobs.pause or jobs.resume",
}
"""Action -> why its row is not looked for here."""

GIVEN = {"sort": "score", "policy": "commit", "limit": "max_emails_per_day", "outcome": "booked_demo"}
"""What stands in a command for a value that not every word may be."""

acting = [action for action in ACTIONS if action.cli and set(action.screens or THERE) & set(THERE)]


@pytest.mark.parametrize("action", acting, ids=lambda action: action.id)
def test_the_command_of_an_action_exists_and_takes_what_is_given(action: Action) -> None:
    typed = re.sub(r"\{(\w+)\}", lambda name: GIVEN.get(name[1], "1"), action.cli).replace(" N", " 3")
    words = shlex.split(typed)
    for length in (2, 1):
        entry = registry.find(" ".join(words[:length]))
        if entry is not None:
            given = [word for word in words[length:] if word not in flags.names()]
            lazy.load(entry).make_context(entry.path, given).close()
            return
    pytest.fail(f"cmo {typed}: there is no such command")


def test_every_action_that_acts_is_held_to_a_row_of_the_record() -> None:
    assert {action.id for action in acting if action.group not in ("view", "move", "select")} == {*DONE, *ELSEWHERE}


def test_every_key_of_a_screen_means_one_thing() -> None:
    for name in THERE:
        everything = (*actions_of(name), *actions_of(None))
        keys = [key for action in everything if not action.beside for key in action.keys]
        assert {key for key in keys if keys.count(key) > 1} == set(), name


def test_a_footer_has_at_most_eight_hints_and_ends_with_help() -> None:
    for name in THERE:
        shown = [action.id for action in hints(name)]
        assert len(shown) <= 8, name
        assert shown[-1] == "view.help"


@pytest.mark.parametrize("name", [name for name in THERE if any(action.id in DONE for action in actions_of(name))])
def test_what_is_done_by_a_key_is_in_the_record_under_the_name_of_its_command(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # exports go to the current folder
    made = full_house(tmp_path / "place")
    if name in ("chat", "limits"):
        let_it_ask(made)
    if name == "jobs":
        made.open().execute("UPDATE jobs SET status = 'paused'")
    here = {action.id for action in (*actions_of(name), *(actions_of(None) if name == "outbox" else ()))}
    todo = [action for action in DONE if action in here]

    async def scene(seen: Seen) -> None:
        for action in todo:
            keys, row = DONE[action]
            before = count(made, row)
            for key in keys:
                if key == ASKED:
                    await seen.until(lambda: seen.is_asked)
                elif key == STOPPED:
                    await seen.until(lambda: seen.app.frame.kill is not None)
                else:
                    await seen.press(key)
            await seen.until(partial(is_recorded, made, row, before))
            await seen.go(name)

    play(made.settings.paths.data_dir, name, scene, settings=made.settings, clock=StillClock(NOON))


def is_recorded(made: Campaign, action: str, before: int) -> bool:
    return count(made, action) > before


def count(made: Campaign, action: str) -> int:
    conn = made.open()
    try:
        return sum(row.action == action for row in iter_audit(conn, action=action))
    finally:
        conn.close()
