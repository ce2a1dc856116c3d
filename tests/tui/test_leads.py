"""Leads: everybody with a score, read page by page; why, how far, who else; and never contacting somebody again."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input

from cmo.store.audit import iter_audit
from cmo.store.lead_views import colleagues, lead_totals, standings
from cmo.store.people_views import page_leads
from cmo.store.suppressions import iter_entries
from tests.fakes.clock import StillClock
from tests.fakes.outside import NOW
from tests.tui.screen import SIZES, Seen, check_golden, play, seeded, store_of

HOSTILE = "[/] dependabot[bot] \\u001b]52;c;aGk=\\u0007\\u202e"
"""As JSON has it."""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    conn, job_id = seeded(tmp_path / "place")
    with conn:
        conn.execute("UPDATE drafts SET state = 'approved' WHERE id = 2")
        conn.execute("UPDATE drafts SET state = 'rejected' WHERE id = 3")
        conn.execute("DELETE FROM drafts WHERE id IN (4, 5, 6)")
        conn.execute("UPDATE leads SET held = 1, email_class = 'commit' WHERE login_key = 'maint4'")
        conn.execute(
            "UPDATE candidates SET state = 'rejected', score = 12, score_doc = json_set(score_doc, '$.value', 12)"
            " WHERE login_key = 'maint5'"
        )
        conn.execute("DELETE FROM leads WHERE login_key = 'maint5'")
        conn.execute(
            "UPDATE candidates SET profile = json_set(profile, '$.company', '@ORG 1') WHERE login_key = 'maint7'"
        )
        conn.execute(
            "INSERT INTO suppressions VALUES ('login', 'maint8', 'asked to stop', 'operator:ana', ?)",
            (NOW.isoformat(),),
        )
        conn.execute("INSERT INTO holds VALUES ('account', 'org 9', 'maint9 replied', 'reply', '2026')")
        conn.execute(
            "INSERT INTO outbox (key, job_id, operation, state, payload, content_hash, draft_id, email_key, due_s)"
            " VALUES ('k', ?, 'smtp.send', 'confirmed', '{}', 'h', 2, 'maint2@org2.example', 0)",
            (job_id,),
        )
    conn.close()
    return tmp_path / "place"


def change(home: Path, sql: str) -> None:
    conn = store_of(home)
    with conn:
        conn.execute(sql)
    conn.close()


@pytest.mark.parametrize("size", SIZES)
def test_leads_look_as_agreed(home: Path, size: str) -> None:
    async def scene(seen: Seen) -> None:
        check_golden(f"leads-{size}", seen.text)

    play(home, "leads", scene, size=SIZES[size], clock=StillClock(NOW))


def test_the_person_under_the_cursor_is_shown_with_parts_that_add_up_and_who_else_is_there(home: Path) -> None:
    async def scene(seen: Seen) -> None:
        assert "+99 maintains org1/proj1" in seen.text
        assert "99 in all" in seen.text
        assert "maint7 (93)" in seen.text
        await seen.press("j")
        assert "+98 maintains org2/proj2" in seen.text

    play(home, "leads", scene, size=SIZES["200x60"], clock=StillClock(NOW))


def test_a_filter_in_the_language_of_the_list_says_what_else_would_match(home: Path) -> None:
    async def scene(seen: Seen) -> None:
        await seen.press("slash", *"score>=100", "enter")
        assert "0 of 12 match score>=100" in seen.text
        assert "Or try score>=90 (9)." in seen.text
        await seen.press("slash", "escape")
        assert "maint1 " in seen.text
        await seen.press("slash", *"colour:red", "enter")
        assert "no field `colour`" in seen.told

    play(home, "leads", scene, size=SIZES["120x40"])


def test_the_order_changes_by_key_and_by_a_click_on_a_header(home: Path) -> None:
    async def scene(seen: Seen) -> None:
        await seen.press("S")
        assert "by login" in seen.lines[2]
        assert seen.lines[5].split()[1] == "maint10"
        await seen.pilot.click("RowTable", offset=(2, 0))
        await seen.settled()
        assert "by score" in seen.lines[2]

    play(home, "leads", scene)


def test_columns_are_chosen(home: Path) -> None:
    async def scene(seen: Seen) -> None:
        assert "stage" in seen.lines[3]
        await seen.press("C", "6")
        assert "stage" not in seen.lines[3]
        await seen.press("C", "5")
        assert "place" in seen.lines[3]
        assert "Lisbon" in seen.lines[4]

    play(home, "leads", scene)


def test_d_goes_to_the_draft_of_the_person_or_says_why_there_is_none(home: Path) -> None:
    async def scene(seen: Seen) -> None:
        await seen.press("j", "j", "j", "d")
        assert "no draft for maint4" in seen.told
        await seen.press("j", "j", "d")
        await seen.until(lambda: "#7 Ana 7" in seen.text)

    play(home, "leads", scene, size=SIZES["120x40"])


def test_nobody_is_suppressed_before_it_was_asked_whom_and_why(home: Path) -> None:
    conn = store_of(home)

    async def scene(seen: Seen) -> None:
        await seen.press("b")
        assert "1  email maint1@org1.example" in seen.text
        assert "2  domain org1.example: 1 person of this job" in seen.text
        await seen.press("escape")
        await seen.press("b", "2")
        await seen.press("escape")
        assert len(list(iter_entries(conn))) == 1
        await seen.press("b", "1", *"asked", "enter")
        await seen.until(lambda: "never contacted again" in seen.told)
        await seen.settled()
        assert "■ never" in seen.lines[4]

    play(home, "leads", scene)
    assert {("email", "asked"), ("login", "asked")} <= {(str(e.kind), e.reason) for e in iter_entries(conn)}
    assert next(iter_audit(conn, action="leads.suppress")).actor == "operator:ana"


def test_an_outcome_is_said_by_a_digit_seen_in_the_row_and_taken_back(home: Path) -> None:
    async def scene(seen: Seen) -> None:
        await seen.press("m")
        assert "1    booked     MEETING_BOOKED  no mail to them, or anybody there" in seen.text
        assert "take back" not in seen.text
        await seen.press("escape")
        assert "0 booked" in seen.lines[2]
        await seen.press("m", "1")
        assert "maint1: booked, MEETING_BOOKED. m changes it." in seen.told
        assert "✓ booked" in seen.lines[4]
        assert ["org held" in row for row in seen.lines[4:10]] == [True, False, False, False, False, True]
        assert "1 booked" in seen.lines[2]
        await seen.press("m")
        assert "1  ✓ booked" in seen.text
        await seen.press("6")
        assert "maint1: taken back, NEW." in seen.told
        assert "▶ draft" in seen.lines[4]
        assert "org held" not in "".join(seen.lines[4:10])
        await seen.press("m", "4", "slash", *"outcome:closed_won", "enter")
        assert " 12 scored  1 match" in seen.lines[2]
        assert "1 won" in seen.lines[2]

    play(home, "leads", scene, clock=StillClock(NOW))


def test_a_note_is_in_the_time_line_as_it_was_typed(home: Path) -> None:
    async def scene(seen: Seen) -> None:
        await seen.press("e", "escape", "e", "enter")
        await seen.press("e", *"[/]met", "enter")
        assert "Noted about maint1." in seen.told
        assert " ana  [/]met" in seen.text
        await seen.press("enter")
        assert "note by ana: [/]met" in seen.text

    play(home, "leads", scene, size=SIZES["120x40"], clock=StillClock(NOW))


def test_a_suppressed_company_shows_in_the_row_of_whoever_names_it_and_a_free_mail_domain_is_not_offered(
    home: Path,
) -> None:
    change(home, "UPDATE leads SET email = 'ana@gmail.com' WHERE login_key = 'maint1'")

    async def scene(seen: Seen) -> None:
        await seen.press("b")
        assert "gmail.com" in seen.text
        assert "domain" not in seen.text
        await seen.press("2", *"done", "enter")
        await seen.until(lambda: "account org 1 is never contacted again" in seen.told)
        await seen.settled()
        assert [("■ never" in row) for row in seen.lines[4:10]] == [True, False, False, False, False, True]

    play(home, "leads", scene)


def test_what_is_shown_is_written_to_a_folder_and_no_file_is_replaced_unasked(home: Path, tmp_path: Path) -> None:
    to = tmp_path / "out"
    to.mkdir()

    async def export(seen: Seen) -> None:
        await seen.press("ctrl+e")
        seen.app.screen.query_one(Input).value = str(to)
        await seen.press("enter")

    async def scene(seen: Seen) -> None:
        await seen.press("slash", *"score>=98", "enter")
        await export(seen)
        assert "Wrote 2 people" in seen.told
        await export(seen)
        assert "Replace" in seen.text
        await seen.press("enter")
        await seen.press("space")
        await export(seen)
        await seen.press("y")
        assert "Wrote 1 person" in seen.told

    play(home, "leads", scene, size=SIZES["120x40"])
    assert len((to / "prospects.csv").read_text().splitlines()) == 2


def test_only_a_web_page_is_opened(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    change(home, "UPDATE candidates SET profile = json_set(profile, '$.url', 'file:///etc') WHERE login_key = 'maint2'")

    async def scene(seen: Seen) -> None:
        monkeypatch.setattr(seen.app, "open_url", opened.append)
        await seen.press("o", "j", "o")

    play(home, "leads", scene)
    assert opened == ["https://github.com/maint1"]


def test_what_others_wrote_is_obeyed_by_nothing(home: Path) -> None:
    for field in ("name", "company", "location", "url"):
        change(home, f"UPDATE candidates SET profile = json_set(profile, '$.{field}', json('\"{HOSTILE}\"'))")
    change(home, "UPDATE candidate_repos SET ref = json_set(ref, '$.evidence', json_array('[/] [bot]' || char(27)))")
    change(home, "UPDATE candidates SET reason = '[/] ' || char(27) || char(8238)")
    change(home, "UPDATE emails SET source_url = '[/] ' || char(27) || char(8238)")
    change(home, "UPDATE suppressions SET reason = '[/] ' || char(27)")

    async def scene(seen: Seen) -> None:
        for key in ("j", "j", "j", "j", "j", "j", "j", "enter"):
            assert "\x1b" not in seen.raw
            assert "\u202e" not in seen.raw
            assert "[/] dependabot[bot]" in seen.text
            await seen.press(key)
        assert "\x1b" not in seen.raw

    play(home, "leads", scene, size=SIZES["200x60"])


def test_without_a_store_the_screens_say_that_there_is_nothing_yet(tmp_path: Path) -> None:
    said = {"leads": "There is no job yet, hence no people.", "limits": "There is no job yet, and nothing to limit.",
            "audit": "Nothing was done yet."}  # fmt: skip
    for screen, words in said.items():

        async def scene(seen: Seen, words: str = words) -> None:
            assert words in seen.text

        play(tmp_path, screen, scene)


def test_a_job_without_scores_says_where_it_is(tmp_path: Path) -> None:
    conn, _ = seeded(tmp_path / "place", 1)
    with conn:
        conn.execute("UPDATE candidates SET score = NULL")
    conn.close()

    async def scene(seen: Seen) -> None:
        assert "Nobody has a score yet. The job is finished: a new one may find more" in seen.text

    play(tmp_path / "place", "leads", scene)


def test_a_page_costs_no_walk_over_all_and_every_order_has_an_index(home: Path) -> None:
    conn = store_of(home)
    job_id = conn.execute("SELECT id FROM jobs").fetchone()[0]
    for sort, index in (("score", "candidates_by_score"), ("org", "candidates_by_company"),
                        ("found", "candidates_in_order")):  # fmt: skip
        asked: list[str] = []
        conn.set_trace_callback(asked.append)
        page_leads(conn, job_id, sort=sort, limit=256)
        conn.set_trace_callback(None)
        plan = " ".join(row["detail"] for row in conn.execute(f"EXPLAIN QUERY PLAN {asked[0]}"))
        assert len(asked) == 1
        assert f"INDEX {index}" in plan
        assert "SCAN" not in plan
    leads = page_leads(conn, job_id)
    found = standings(conn, job_id, leads)
    stages = {login: at.stage for login, at in found.items()}
    assert [stages[f"maint{n}"] for n in (1, 2, 3, 4, 5, 6)] == [
        "draft", "sent", "declined", "held", "rejected", "accepted",
    ]  # fmt: skip
    assert lead_totals(conn, job_id).contacted == 1
    first = next(lead for lead in leads if lead.login == "maint1")
    assert colleagues(conn, job_id, first) == [("maint7", 93)]
