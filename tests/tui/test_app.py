"""The frame around the screens: faults, help, copying, pausing, moving between screens."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cmo.domain import event as ev
from cmo.domain.job import Stage
from cmo.service.world import keep_world, sandbox_world
from cmo.store.commit import commit
from cmo.store.db import open_store
from cmo.store.groups import sending_pause
from cmo.tui.messages import Told
from cmo.tui.widgets.dialogs import TypeIt
from cmo.tui.widgets.frame import Tabs
from tests.fakes.clock import StillClock
from tests.fakes.outside import NOW
from tests.tui.screen import Seen, play, seeded, settings_in, store_of


@pytest.fixture
def home(tmp_path: Path) -> Path:
    seeded(tmp_path / "place")
    return tmp_path / "place"


def test_a_fault_of_ours_ends_the_screen_without_a_traceback_and_is_kept_for_the_report(home: Path) -> None:
    def breaks() -> Told:
        raise ZeroDivisionError

    async def scene(seen: Seen) -> None:
        seen.app.act("drafts.approve", breaks)
        await seen.until(lambda: seen.app.fault is not None)

    with pytest.raises(ZeroDivisionError):
        play(home, "review", scene)


def test_an_action_that_is_done_while_its_screen_goes_is_told_and_is_no_fault(home: Path) -> None:
    async def scene(seen: Seen) -> None:
        assert seen.app.page is not None
        await seen.app.page.remove_children()
        seen.app.act("drafts.later", lambda: Told("drafts.later", "It is put off."))
        await seen.settled()
        assert seen.app.fault is None
        assert "It is put off." in seen.told

    play(home, "review", scene)


def test_help_shows_the_keys_as_they_are_bound_with_their_commands(home: Path) -> None:
    async def scene(seen: Seen) -> None:
        await seen.press("question_mark")
        assert "approve the draft, or the marked ones" in seen.text
        assert "cmo drafts approve 1" in seen.text
        await seen.press("escape")
        assert "approve the draft, or the marked ones" not in seen.text

    play(home, "review", scene, size=(120, 40))


def test_the_palette_runs_what_belongs_to_the_app_and_what_belongs_to_the_screen(home: Path) -> None:
    async def scene(seen: Seen) -> None:
        await _choose(seen, "go to Jobs", comes="1 job")
        await _choose(seen, "view: go to Run", comes="12 drafts wait")
        await _choose(seen, "how many come", comes="MX ok")

    play(home, "review", scene, size=(120, 40))


async def _choose(seen: Seen, words: str, *, comes: str) -> None:
    """Find an action in the palette by `words`, run it, and see what comes."""
    await seen.pilot.press("colon", *words)
    await seen.until(lambda: seen.text.count(words) > 1, looks=500)
    await seen.pilot.press("down", "enter")
    await seen.until(lambda: comes in seen.text, looks=500)


def test_copying_offers_value_row_and_command(home: Path) -> None:
    async def scene(seen: Seen) -> None:
        await seen.press("y")
        assert "1  address: maint1@org1.example" in seen.text
        await seen.press("3")
        assert seen.app.clipboard == "cmo drafts show 1"

    play(home, "review", scene)


def test_what_is_copied_is_kept_for_its_owner_alone_where_forgetting_looks(home: Path) -> None:
    async def scene(seen: Seen) -> None:
        await seen.press("y", "1")
        kept = seen.app.desk.settings.paths.logs_dir / "clipboard.txt"
        assert kept.read_text() == "maint1@org1.example\n"
        assert kept.stat().st_mode & 0o777 == 0o600

    play(home, "review", scene)


def test_commands_of_the_sandbox_say_so(tmp_path: Path) -> None:
    async def scene(seen: Seen) -> None:
        await seen.press("question_mark")
        assert "cmo --sandbox run GOAL" in seen.text
        assert "Esc, Enter  close" in seen.text
        await seen.press("G")
        assert "cmo help accessibility" in seen.text
        await seen.press("escape")
        seen.app.refuse("It stays.", "Say cmo leads list, or `cmo send` again; what cmo did is kept.")
        await seen.settled()
        assert "Say cmo --sandbox leads list, or `cmo --sandbox send` again; what cmo did" in seen.told

    play(tmp_path / "place", "jobs", scene, size=(120, 40), CMO_SANDBOX="1")


def test_a_sandbox_whose_time_other_processes_moved_has_no_wrong_clock(tmp_path: Path) -> None:
    place = tmp_path / "place"

    async def scene(seen: Seen) -> None:
        desk = seen.app.desk
        before = desk.now()
        world = sandbox_world(desk.settings)
        keep_world(desk.settings, replace(world, now=world.now + timedelta(hours=1)))
        await seen.settled()
        assert desk.now() - before > timedelta(minutes=59)
        keep_world(desk.settings, world)
        await seen.settled()
        assert desk.now() - before > timedelta(minutes=59)

    open_store(settings_in(place, CMO_SANDBOX="1").paths.db).close()
    play(place, "run", scene, CMO_SANDBOX="1")


def test_names_of_screens_are_left_out_before_one_is_cut(home: Path) -> None:
    async def scene(seen: Seen) -> None:
        frame = replace(seen.app.frame, drafts=1395, errors=4, requests=1)
        page = seen.app.page
        assert page is not None
        page.query_one(Tabs).draw(frame, "run", seen.app.palette)
        await seen.pilot.pause()
        assert seen.lines[1] == " 0 Jobs 1 Run 2 Review·1395 3 Leads 4 Errors·4 5 Chat·1 6 Outbox 7 Limits 8"

    play(home, "run", scene)


def test_what_was_said_before_does_not_lie_over_a_question(home: Path) -> None:
    async def scene(seen: Seen) -> None:
        seen.app.notify("It is done.")
        seen.app.refuse("It went wrong.")
        await seen.settled()
        await seen.press("N")
        assert seen.is_asked
        assert seen.told == "It went wrong."

    play(home, "run", scene)


def test_sending_is_paused_by_one_key_and_goes_on_only_by_a_choice(home: Path) -> None:
    conn = store_of(home)

    async def scene(seen: Seen) -> None:
        job_id = seen.app.desk.job_id
        assert job_id is not None
        await seen.press("P")
        assert sending_pause(conn, job_id, now=NOW) is not None
        assert "SENDING PAUSED" in seen.lines[0]
        assert "Sending paused" in seen.lines[2]
        assert seen.lines[2].endswith("P: when to go on")
        await seen.press("P", "2")
        pause = sending_pause(conn, job_id, now=NOW)
        assert pause is not None
        assert pause.until is not None
        await seen.press("P", "6")
        assert sending_pause(conn, job_id, now=NOW) is None
        assert "Sending paused" not in seen.lines[2]

    play(home, "review", scene)


def test_a_pause_ends_after_as_many_minutes_as_are_typed_and_then_by_the_clock_alone(home: Path) -> None:
    conn, clock = store_of(home), StillClock(datetime.now(UTC))

    async def scene(seen: Seen) -> None:
        job_id = seen.app.desk.job_id
        assert job_id is not None
        await seen.press("P")
        await seen.press("P", "4", *"soon", "enter")
        assert "soon is no number of minutes" in seen.told
        await seen.press("P", "4", *"90", "enter")
        pause = sending_pause(conn, job_id, now=clock.now())
        assert pause is not None
        assert pause.until is not None
        assert pause.until - pause.at == timedelta(minutes=90)
        assert f"Goes on {pause.until.astimezone():%H:%M}, one mail first." in seen.lines[2]
        clock.advance(2 * 90 * 60)
        seen.app.tick()
        await seen.pilot.pause()
        assert "Sending paused" not in seen.text

    play(home, "review", scene, clock=clock)


def test_what_the_job_comes_to_is_told_once_and_what_it_came_to_before_is_not(home: Path) -> None:
    conn = store_of(home)

    async def scene(seen: Seen) -> None:
        job_id = seen.app.desk.job_id
        assert job_id is not None
        assert not seen.told
        entered = [(f"in {stage}", ev.StageEntered(stage=stage)) for stage in (Stage.DISCOVER, Stage.EXTRACT)]
        commit(conn, job_id, entered, at=NOW, epoch=None)
        await seen.settled()
        await seen.settled()
        assert "This job: discover is done" in seen.told

    play(home, "review", scene, CMO_NOTIFY="bell")


def test_a_phrase_that_is_typed_wrong_is_asked_for_again_and_the_right_one_closes_only_its_dialog(home: Path) -> None:
    async def scene(seen: Seen) -> None:
        answers: list[str | None] = []
        seen.app.push_screen(TypeIt("Hand over", "3 mails", phrase="yes 3"), answers.append)
        await seen.press("n", "o", "enter")
        assert "nothing was done" in seen.told
        assert answers == []
        await seen.press(*"yes", "space", "3", "enter")
        assert seen.app.screen is seen.app.page
        assert answers == ["yes 3"]

    play(home, "review", scene)


def test_a_question_longer_than_the_screen_keeps_what_is_to_be_typed_in_sight_and_its_text_pages(home: Path) -> None:
    async def scene(seen: Seen) -> None:
        text = "\n".join(f"{n} wait for a reason of their own." for n in range(1, 40))
        seen.app.push_screen(TypeIt("Hand over", text, phrase="39"))
        await seen.settled()
        assert "Type `39` and Enter." in seen.text
        assert "Enter: do it   Esc: no" in seen.text
        assert "39 wait" not in seen.text
        await seen.press("pagedown", "pagedown", "pagedown")
        assert "39 wait" in seen.text

    play(home, "review", scene)


def test_the_palette_and_a_click_on_a_hint_do_what_is_everywhere_too(home: Path) -> None:
    async def scene(seen: Seen) -> None:
        commands = {command.title: command.callback for command in seen.app.get_system_commands(seen.app.screen)}
        await commands["kill: stop all sending, at once"]()
        await seen.until(lambda: "ALL SENDING STOPPED" in seen.lines[0])
        await seen.pilot.click("#hints", offset=(seen.lines[-1].index("? Help"), 0))
        await seen.until(lambda: "Keys of review" in seen.text)

    play(home, "review", scene)
