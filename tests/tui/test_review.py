"""Review: one key a decision, none lost, what was seen is what is approved."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from textual.events import Key
from textual.widgets import TextArea

from cmo.domain.filters import Term
from cmo.service import drafts as verbs
from cmo.store.draft_views import list_drafts
from cmo.tui.themes import TERMINAL
from cmo.tui.widgets.draft_pane import DraftPane
from cmo.tui.widgets.filter_box import FilterBox
from tests.fakes.outside import NOW
from tests.tui.screen import SIZES, Seen, check_golden, play, seeded, settings_in, store_of


def states(home: Path, job_id: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in list_drafts(store_of(home), job_id, now=NOW, limit=1_000)[0]:
        found[row.state] = found.get(row.state, 0) + 1
    return found


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "place"


@pytest.mark.parametrize("size", SIZES)
def test_review_looks_as_agreed(home: Path, size: str) -> None:
    seeded(home)

    async def scene(seen: Seen) -> None:
        check_golden(f"review-{size}", seen.text)

    play(home, "review", scene, size=SIZES[size])


def test_a_burst_of_forty_keys_decides_forty_drafts(home: Path) -> None:
    _, job_id = seeded(home, 60, flagged=0, blocked=0)

    async def scene(seen: Seen) -> None:
        await seen.press(*["a"] * 40)
        assert states(home, job_id) == {"approved": 40, "pending": 20}

    play(home, "review", scene)


def test_what_others_decide_does_not_take_the_reader_back_to_the_first_line(home: Path) -> None:
    conn, job_id = seeded(home, 3, flagged=0, blocked=0)

    async def scene(seen: Seen) -> None:
        pane = seen.app.screen.query_one(DraftPane)
        await seen.press("d", "w")
        pane.scroll_to(y=3, animate=False)
        await seen.settled()
        read_from = pane.scroll_offset.y
        assert read_from > 0
        other = list_drafts(conn, job_id, now=NOW, limit=3)[0][-1]
        verbs.turn_down(settings_in(home), job_id, "later", [other.choice], put_off=timedelta(days=1))
        await seen.settled()
        assert "later" in seen.text
        assert pane.scroll_offset.y == read_from

    play(home, "review", scene, size=(80, 16))


def test_a_draft_that_a_check_blocks_stays_pending_and_says_why(home: Path) -> None:
    _, job_id = seeded(home, 3, flagged=0, blocked=1)

    async def scene(seen: Seen) -> None:
        await seen.press("a")
        assert states(home, job_id) == {"pending": 3}
        assert "stays as it is" in seen.told

    play(home, "review", scene)


def test_rejecting_takes_a_key_and_the_digit_of_a_reason(home: Path) -> None:
    conn, job_id = seeded(home, 3, flagged=0, blocked=0)

    async def scene(seen: Seen) -> None:
        await seen.press("x", "3")
        assert states(home, job_id) == {"rejected": 1, "pending": 2}
        assert conn.execute("SELECT reason FROM drafts WHERE state = 'rejected'").fetchone()[0] == "tone"

    play(home, "review", scene)


def test_undo_takes_the_last_decision_back_and_shows_its_draft(home: Path) -> None:
    _, job_id = seeded(home, 3, flagged=0, blocked=0)

    async def scene(seen: Seen) -> None:
        await seen.press("a", "a", "u")
        assert states(home, job_id) == {"approved": 1, "pending": 2}
        assert "#2 Ana 2" in seen.text

    play(home, "review", scene)


def test_what_was_decided_is_a_whole_word_and_who_may_never_be_written_to_is_counted_apart(home: Path) -> None:
    seeded(home)

    async def scene(seen: Seen) -> None:
        await seen.press("down", "x", "1")
        await seen.press("down", "x", "6")
        await seen.press("u")
        assert "✗ rejected maint2" in seen.text
        assert "■ never    maint4" in seen.text
        assert "2/12  ✓0  ✗1  ↷0  ■ 1 never  left 10" in seen.text

    play(home, "review", scene)


def test_without_signs_no_draft_that_waits_is_called_done(home: Path) -> None:
    seeded(home)

    async def scene(seen: Seen) -> None:
        await seen.press("down", "x", "1")
        assert "rejected   maint2" in seen.text
        assert "ok         maint12" in seen.text
        assert "1/12  approved 0  rejected 1  later 0  left 11" in seen.text

    play(home, "review", scene, theme=TERMINAL)


def test_marked_drafts_are_decided_together_in_one_batch(home: Path) -> None:
    conn, job_id = seeded(home, 5, flagged=0, blocked=0)

    async def scene(seen: Seen) -> None:
        await seen.press("space", "space", "space", "a")
        assert states(home, job_id) == {"approved": 3, "pending": 2}
        assert conn.execute("SELECT COUNT(*) FROM batches").fetchone()[0] == 1

    play(home, "review", scene)


def test_a_draft_decided_elsewhere_meanwhile_is_not_decided_again(home: Path) -> None:
    conn, job_id = seeded(home, 2, flagged=0, blocked=0)

    async def scene(seen: Seen) -> None:
        looked_at = list_drafts(conn, job_id, now=NOW)[0][0].choice
        verbs.turn_down(settings_in(home, CMO_OPERATOR="bob"), job_id, "reject", [looked_at], reason="tone")
        await seen.press("a")
        assert states(home, job_id) == {"rejected": 1, "pending": 1}
        assert "bob" in seen.told

    play(home, "review", scene, CMO_UPDATES_PER_SECOND="0.1")


def test_the_filter_shows_what_matches_only_and_escape_clears_it(home: Path) -> None:
    seeded(home, 12, flagged=3, blocked=0)

    async def scene(seen: Seen) -> None:
        await seen.press("slash", *"flag:short", "enter")
        assert "0/3" in seen.text
        await seen.press("slash", "escape")
        assert "0/12" in seen.text

    play(home, "review", scene)


def test_a_filter_typed_faster_than_its_field_opens_decides_nothing(home: Path) -> None:
    _, job_id = seeded(home, 12, flagged=3, blocked=0)

    async def scene(seen: Seen) -> None:
        for char in "/aaa":
            seen.app.post_message(Key("slash" if char == "/" else char, char))
        await seen.settled()
        await seen.press("enter")
        assert states(home, job_id) == {"pending": 12}
        assert "No draft matches" in seen.text

    play(home, "review", scene)


def test_a_filter_that_is_none_is_refused_in_words_and_can_be_mended_or_left(home: Path) -> None:
    seeded(home)

    async def scene(seen: Seen) -> None:
        await seen.press("slash", *"colour:red", "enter")
        assert "colour" in seen.told
        assert "Traceback" not in seen.text
        await seen.press("X")
        assert "colour:redX" in seen.text
        await seen.press("escape")
        assert "colour:redX" not in seen.text

    play(home, "review", scene)


def test_the_kill_switch_is_one_key_also_over_a_dialog(home: Path) -> None:
    conn, _ = seeded(home)

    async def scene(seen: Seen) -> None:
        await seen.pilot.press("x", "f9")
        await seen.until(lambda: conn.execute("SELECT 1 FROM switches WHERE name = 'kill'").fetchone() is not None)
        await seen.press("escape")
        assert "ALL SENDING STOPPED by ana" in seen.lines[0]

    play(home, "review", scene)


def test_no_store_yet_is_a_screen_that_says_what_to_type(home: Path) -> None:
    async def scene(seen: Seen) -> None:
        assert "no job yet" in seen.lines[0]

    play(home, "review", scene)


def test_terms_of_the_list_are_those_of_the_command_line() -> None:
    from cmo.service.rules import draft_terms

    assert draft_terms("score>=80") == (Term(field="score", operator=">=", value="80", negated=False),)


def test_a_rule_approves_what_it_covers_after_samples_and_u_takes_the_batch_back(home: Path) -> None:
    conn, job_id = seeded(home, 20, flagged=4, blocked=0)

    async def scene(seen: Seen) -> None:
        await seen.press("slash", *"score>=60", "enter", "A", "1")
        assert "16 of 20" in seen.text
        assert "Left out  4 flagged" in seen.text
        await seen.press("enter")
        assert states(home, job_id) == {"pending": 20}, "Enter shows samples until enough were seen"
        await seen.press(*["space"] * 6)
        check_golden("review-rule-80x24", "\n".join(seen.lines[:4] + seen.lines[-5:]))
        await seen.press("enter")
        assert states(home, job_id) == {"approved": 16, "pending": 4}
        await seen.press("u")
        assert states(home, job_id) == {"pending": 20}

    play(home, "review", scene)
    assert conn.execute("SELECT COUNT(*) FROM audit WHERE action = 'drafts.sample'").fetchone()[0] == 1


def test_a_flagged_sample_is_left_out_of_what_the_rule_approves(home: Path) -> None:
    _, job_id = seeded(home, 10, flagged=0, blocked=0)

    async def scene(seen: Seen) -> None:
        await seen.press("slash", *"score>=60", "enter", "A", "1", "f", *["space"] * 7, "enter")
        assert states(home, job_id) == {"approved": 9, "pending": 1}

    play(home, "review", scene)


def test_a_flagged_sample_offers_a_narrower_rule_as_a_filter(home: Path) -> None:
    _, job_id = seeded(home, 10, flagged=0, blocked=0)

    async def scene(seen: Seen) -> None:
        await seen.press("slash", *"score>=60", "enter", "A", "1", "r")
        assert seen.app.screen.query_one(FilterBox).value == "score>=60"
        await seen.press("enter", "A", "1", "f")
        (narrower,) = re.findall(r"r  narrower: (score>=\d+)", seen.text)
        await seen.press("r", "enter")
        assert seen.app.screen.query_one(FilterBox).value == narrower
        await seen.until(lambda: "/10 " not in seen.text)
        assert states(home, job_id) == {"pending": 10}

    play(home, "review", scene)


def test_editing_in_place_makes_a_new_version_that_is_checked_and_waits(home: Path) -> None:
    conn, job_id = seeded(home, 2, flagged=0, blocked=0)

    async def scene(seen: Seen) -> None:
        await seen.press("a", "u")
        await seen.press("E")
        words = seen.app.screen.query_one(TextArea)
        words.text = words.text.replace("May I ask you one question?", "May I ask you something?")
        await seen.press("ctrl+e")
        assert states(home, job_id) == {"pending": 2}
        assert conn.execute("SELECT version FROM drafts WHERE id = 1").fetchone()[0] == 2
        assert "has version 2" in seen.told

    play(home, "review", scene)


def test_the_editor_is_opened_on_the_draft_and_unchanged_text_changes_nothing(home: Path, tmp_path: Path) -> None:
    conn, _ = seeded(home, 2, flagged=0, blocked=0)

    async def scene(seen: Seen) -> None:
        await seen.press("e")
        assert "EditHere" in type(seen.app.screen).__name__, "where the terminal cannot be left, it is edited in place"
        await seen.press("ctrl+e")
        assert "keeps its words" in seen.told

    play(home, "review", scene)
    assert conn.execute("SELECT MAX(version) FROM drafts").fetchone()[0] == 1


def test_needs_info_turns_the_draft_into_one_question(home: Path) -> None:
    conn, _ = seeded(home, 2, flagged=0, blocked=0)

    async def scene(seen: Seen) -> None:
        await seen.press("i", "enter")
        assert "has version 2" in seen.told

    play(home, "review", scene)
    assert "right person" in conn.execute("SELECT body FROM drafts WHERE id = 1").fetchone()[0]
