"""Limits: what lets mail out, what keeps it in; each change asked for as it deserves, and on the record."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from textual.widgets import Input

from cmo.domain.audit import AuditEntry
from cmo.domain.job import Mode
from cmo.service import controls
from cmo.service.controls import allow
from cmo.service.kill import kill, kill_status
from cmo.store.audit import iter_audit, record_audit
from cmo.store.bases import list_bases
from cmo.store.jobs import get_job
from tests.fakes.clock import StillClock
from tests.fakes.outside import NOW
from tests.fakes.scored import scores_of, store_with_scores
from tests.tui.screen import SIZES, Seen, check_golden, play, seeded, settings_in, store_of

HOSTILE = "[/] dependabot[bot] \x1b]52;c;aGk=\x07\u202e"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    conn, job_id = seeded(tmp_path / "place", 4)
    at = NOW.timestamp()
    with conn:
        conn.execute("INSERT INTO inboxes VALUES ('sam@sender.example', 'smtp', 1, ?, NULL, NULL)", (at,))
        conn.execute("INSERT INTO inboxes VALUES ('new@sender.example', 'smtp', 0, ?, 'three bounces', NULL)", (at,))
        for n, kind in enumerate(("email", "login", "domain")):
            conn.execute(
                "INSERT INTO suppressions VALUES (?, ?, 'asked to stop', 'operator:ana', ?)",
                (kind, f"{kind}{n}.example", NOW.replace(hour=n).isoformat()),
            )
        conn.execute(
            "INSERT INTO bases VALUES ('commit', '*', 'they asked us, in May', 'operator:ana', ?)", (NOW.isoformat(),)
        )
        for n in range(18):
            conn.execute(
                "INSERT INTO outbox (key, job_id, operation, state, payload, content_hash, draft_id, inbox, due_s,"
                " claimed_s) VALUES (?, ?, 'smtp.send', 'confirmed', '{}', 'h', 1, 'sam@sender.example', ?, ?)",
                (f"k{n}", job_id, at, at),
            )
    conn.close()
    return tmp_path / "place"


async def go_to(seen: Seen, name: str) -> None:
    """Put the cursor on the limit of that name."""
    assert seen.app.page is not None
    rows = [row.name for row in seen.app.page._rows.rows]  # type: ignore[attr-defined]
    await seen.press("g", *["j"] * rows.index(name))


async def type_in(seen: Seen, text: str) -> None:
    seen.app.screen.query_one(Input).value = text
    await seen.press("enter")


@pytest.mark.parametrize("size", SIZES)
def test_limits_look_as_agreed(home: Path, size: str) -> None:
    async def scene(seen: Seen) -> None:
        check_golden(f"limits-{size}", seen.text)

    play(home, "limits", scene, size=SIZES[size], clock=StillClock(NOW))


def test_raising_a_quota_shows_its_effect_and_asks_and_is_kept_in_file_and_record(home: Path) -> None:
    async def scene(seen: Seen) -> None:
        await seen.press("plus")
        assert seen.app.screen.query_one(Input).value == "22"
        await type_in(seen, "32")
        assert "Raise max_emails_per_day from 20 to 32?" in seen.text
        assert "12 more today, over all inboxes" in seen.text
        await seen.press("enter")
        assert not (home / "config.toml").exists()
        await seen.press("plus")
        await type_in(seen, "32")
        await seen.press("y")
        assert "18/32 today" in seen.lines[0]

    play(home, "limits", scene, clock=StillClock(NOW))
    assert tomllib.loads((home / "config.toml").read_text())["quota"]["max_emails_per_day"] == 32
    (row,) = iter_audit(store_of(home), action="limits.set")
    assert (row.actor, row.before, row.after) == ("operator:ana", "20", "32")


def test_lowering_a_quota_does_not_ask_twice(home: Path) -> None:
    async def scene(seen: Seen) -> None:
        await seen.press("enter")
        assert "To how many?" in seen.text, "Enter opens what the row is changed by"
        await seen.press("escape")
        await seen.press("minus", "enter")
        assert "2 fewer today" in seen.told
        assert "18/18 today" in seen.lines[0]
        await seen.press("plus")
        await type_in(seen, "many")
        assert "must be" in seen.told

    play(home, "limits", scene, clock=StillClock(NOW))


def test_a_quota_that_is_lowered_elsewhere_holds_here_too(home: Path) -> None:
    async def scene(seen: Seen) -> None:
        assert "/20 today" in seen.lines[0]
        other = settings_in(home)
        controls.set_limit(other, controls.limit_change(other, "max_emails_per_day", "19"), other.paths.config_file)
        await seen.settled()
        assert "/19 today" in seen.lines[0]
        assert seen.app.desk.settings.max_emails_per_day == 19

    play(home, "limits", scene)


def test_a_quota_that_a_variable_hides_is_told(home: Path) -> None:
    async def scene(seen: Seen) -> None:
        await seen.press("minus", "enter")
        assert "It is hidden: CMO_MAX_EMAILS_PER_DAY says 40." in seen.told

    play(home, "limits", scene, CMO_MAX_EMAILS_PER_DAY="40")


def test_a_cap_of_the_job_is_raised_for_the_job(home: Path) -> None:
    conn = store_of(home)
    job_id = conn.execute("SELECT id FROM jobs").fetchone()[0]
    with conn:
        conn.execute("UPDATE jobs SET status = 'paused'")

    async def scene(seen: Seen) -> None:
        await go_to(seen, "max_repos")
        await seen.press("plus")
        await type_in(seen, "800")
        await seen.press("y")
        assert "max_repos of this job is 800" in seen.told

    play(home, "limits", scene)
    assert get_job(conn, job_id).plan.caps.max_repos == 800


def test_letting_mail_out_is_asked_for_and_locking_is_not(home: Path) -> None:
    conn = store_of(home)
    job_id = conn.execute("SELECT id FROM jobs").fetchone()[0]
    (home / "config.toml").write_text('[mode]\nsending = "send_allowed"\n')

    async def scene(seen: Seen) -> None:
        await seen.press("m", "3", "enter")
        assert get_job(conn, job_id).plan.mode is Mode.DRAFT_ONLY
        await seen.press("m", "3", "y")
        assert get_job(conn, job_id).plan.mode is Mode.SEND_ALLOWED
        assert "SEND-ALLOWED" in seen.lines[0]
        await seen.press("m", "1")
        assert get_job(conn, job_id).plan.mode is Mode.DRY_RUN

    play(home, "limits", scene)
    told = [(row.actor, row.before, row.after) for row in iter_audit(conn, action="mode.set")]
    assert told == [("operator:ana", "send_allowed", "dry_run"), ("operator:ana", "draft_only", "send_allowed")]


def test_a_mode_above_the_ceiling_is_refused_with_what_raises_it(home: Path) -> None:
    async def scene(seen: Seen) -> None:
        await seen.press("m", "3", "y")
        assert "above the ceiling" in seen.told

    play(home, "limits", scene)


def test_the_kill_switch_is_released_only_by_the_phrase_and_a_reason(home: Path) -> None:
    settings = settings_in(home)
    kill(settings, "complaints")

    async def scene(seen: Seen) -> None:
        assert "ALL SENDING STOPPED by ana" in seen.lines[2] + seen.lines[3]
        await seen.press("R")
        await type_in(seen, "yes")
        assert kill_status(settings) is not None
        await seen.press("R")
        await type_in(seen, "send again")
        await seen.press("escape")
        assert kill_status(settings) is not None
        await seen.press("R")
        await type_in(seen, "send again")
        await type_in(seen, "bounces checked")
        assert kill_status(settings) is None
        await seen.press("R")
        assert "there is nothing to release" in seen.told

    play(home, "limits", scene, size=SIZES["120x40"])


def test_while_sending_is_stopped_each_campaign_says_whether_it_is_known_to_be_paused(home: Path) -> None:
    kill(settings_in(home), "complaints")
    conn = store_of(home)
    campaigns = [
        {"provider": "instantly", "sequence_id": "[/] 7", "state": "paused", "by_hand": ""},
        {"provider": "smartlead", "sequence_id": "9", "state": "not_confirmed", "by_hand": "Open smartlead."},
    ]
    entry = AuditEntry(
        actor="operator:ana", action="kill.receipt", object="switch:kill", detail={"campaigns": campaigns}
    )
    with conn:
        record_audit(conn, [entry], at=NOW)

    async def scene(seen: Seen) -> None:
        assert "✓ instantly [/] 7: paused, confirmed" in seen.text
        assert "✗ smartlead 9: NOT confirmed. Open smartlead." in seen.text

    play(home, "limits", scene)


def test_a_permission_is_taken_back_by_one_key(home: Path) -> None:
    job_id = store_of(home).execute("SELECT id FROM jobs").fetchone()[0]
    allow(settings_in(home), "commit", "they are customers of ours", job=job_id)

    async def scene(seen: Seen) -> None:
        await seen.press("x")
        assert "That is no permission." in seen.told
        await go_to(seen, f"commit {job_id}")
        await seen.press("x")
        assert "Taken back: commit" in seen.told

    play(home, "limits", scene)
    assert [basis.scope for basis in list_bases(store_of(home))] == ["*"]


def test_who_must_never_be_contacted_is_listed_newest_first(home: Path) -> None:
    async def scene(seen: Seen) -> None:
        await seen.press("i")
        shown = [row for row in seen.lines if "asked to stop" in row]
        assert [row.split()[0] for row in shown] == ["domain", "login", "email"]
        await seen.press("q")
        assert "max_emails_per_day" in seen.text

    play(home, "limits", scene)


def test_what_others_wrote_is_obeyed_by_nothing(home: Path) -> None:
    conn = store_of(home)
    with conn:
        conn.execute("UPDATE suppressions SET reason = ?, source = ?, value = kind || ?", (HOSTILE,) * 3)
        conn.execute("UPDATE bases SET basis = ?, by_whom = ?", (HOSTILE, HOSTILE))
        conn.execute("UPDATE inboxes SET paused_reason = ?, provider = ?, address = address || ?", (HOSTILE,) * 3)
        conn.execute("INSERT INTO switches VALUES ('kill', 1, ?, ?, ?, NULL)", (HOSTILE, NOW.isoformat(), HOSTILE))
        conn.execute("INSERT INTO switches VALUES ('sending', 1, ?, ?, ?, NULL)", (HOSTILE, NOW.isoformat(), HOSTILE))
    conn.close()

    async def scene(seen: Seen) -> None:
        await go_to(seen, "commit")
        for key in ("i", "j"):
            assert "\x1b" not in seen.raw
            assert "\u202e" not in seen.raw
            assert "[/] dependabot[bot]" in seen.text
            await seen.press(key)

    play(home, "limits", scene, size=SIZES["200x60"])


def test_hours_that_are_none_are_one_line_with_the_fix(home: Path) -> None:
    async def scene(seen: Seen) -> None:
        assert "sending.hours 8..25 are no hours.  cmo config set sending.hours 8..18" in seen.lines[2]

    play(home, "limits", scene, CMO_SENDING_HOURS="8..25")


def test_a_weight_shows_who_moves_before_a_yes_and_scores_anew_after_it(tmp_path: Path) -> None:
    home = tmp_path / "place"
    conn, job_id = store_with_scores(settings_in(home).paths.db, 10, drafted=2)
    before = scores_of(conn, job_id)

    async def scene(seen: Seen) -> None:
        await go_to(seen, "role")
        await seen.press("plus")
        assert seen.app.screen.query_one(Input).value == "27"
        await type_in(seen, "0")
        await seen.until(lambda: "role 25 → 0?" in seen.text)
        assert "Of 10 people, 8 get another score." in seen.text
        assert "no lead any more" in seen.text
        await seen.press("enter")
        assert scores_of(conn, job_id) == before
        await seen.press("w")
        assert seen.app.screen.query_one(Input).value == "role=25"
        await type_in(seen, "role=0 reach=9")
        await seen.until(lambda: "role 25 → 0, reach 5 → 9?" in seen.text)
        await seen.press("y")
        await seen.until(lambda: "Scored anew: 10 people." in seen.told)
        assert "(default 25)" in seen.text
        await seen.press("w")
        await type_in(seen, "reech=9")
        await seen.until(lambda: "Did you mean reach?" in seen.told)

    play(home, "limits", scene)
    assert scores_of(conn, job_id) != before
    (row,) = iter_audit(conn, action="score.set")
    assert (row.before, row.after) == ("role=25 reach=5", "role=0 reach=9")


def test_another_mailer_shows_what_it_voids_and_is_kept_in_file_and_record(home: Path) -> None:
    conn = store_of(home)
    with conn:
        conn.execute("UPDATE drafts SET state = 'approved', approval_id = 9 WHERE id IN (2, 3)")

    async def scene(seen: Seen) -> None:
        await go_to(seen, "mail.provider")
        await seen.press("plus", "1")
        assert "maildir carries mail already." in seen.told
        await seen.press("s", "2")
        assert "2 approvals for maildir: void as long as this holds." in seen.text
        await seen.press("enter")
        assert not (home / "config.toml").exists()
        await seen.press("plus", "2", "y")
        assert "smtp carries the mail" in seen.told
        assert "smtp   Who carries mail" in seen.text

    play(home, "limits", scene)
    assert tomllib.loads((home / "config.toml").read_text())["mail"]["provider"] == "smtp"
    (row,) = iter_audit(conn, action="mailer.set")
    assert (row.actor, row.before, row.after) == ("operator:ana", "maildir", "smtp")
