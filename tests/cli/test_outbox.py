"""`cmo outbox`, `cmo why-not`, `cmo reconcile` as they are typed. In the sandbox, at noon of a Friday."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmo.store.audit import iter_audit
from tests.cli.harness import Cmo
from tests.fakes.campaign import Campaign, campaign, sandbox_settings
from tests.service.test_sending import HOLD, sending_of


@pytest.fixture
def cmo(tmp_path: Path) -> Cmo:
    folder = tmp_path / "project"
    folder.mkdir()
    return Cmo(tmp_path / "own-home", folder, env={"CMO_SANDBOX": "1"})


@pytest.fixture
def handed_over(cmo: Cmo) -> Campaign:
    """Three mails in their hold."""
    cmo.home.mkdir()
    made = campaign(cmo.home, 3, settings=sandbox_settings(cmo.home))
    with sending_of(made) as sending:
        due_at = sending.now() + HOLD
        sending.hand_over(sending.preview(due_at=due_at), due_at=due_at, limited=False)
    return made


def change(made: Campaign, sql: str) -> None:
    with made.open() as conn:
        conn.execute(sql)
    conn.close()


def end_the_hold(made: Campaign) -> None:
    change(made, "UPDATE outbox SET due_s = 0")


def rows(cmo: Cmo, *argv: str) -> dict[int, str]:
    return {row["id"]: row["state"] for row in cmo("outbox", "list", *argv, "--json").document["data"]}


def audited(made: Campaign, action: str) -> list[tuple[str, str, bool]]:
    with made.open() as conn:
        found = [(row.object, row.after, row.is_dry) for row in iter_audit(conn, action=action)]
    conn.close()
    return found


def test_the_list_shows_who_with_a_countdown_and_addresses_only_when_asked(cmo: Cmo, handed_over: Campaign) -> None:
    result = cmo("outbox", "list", out_tty=True, env={"COLUMNS": "120"})
    assert result.code == 0
    assert "maint1" in result.out
    assert "in 9m5" in result.out or "in 10m" in result.out
    assert "@org1.example" not in result.out
    assert "maint1@org1.example" in cmo("outbox", "list", "--full").out


def test_each_row_that_waits_says_why_and_until_when(cmo: Cmo, handed_over: Campaign) -> None:
    change(handed_over, "UPDATE outbox SET is_held = 1 WHERE id = 1")
    change(handed_over, "UPDATE outbox SET state = 'claimed', holder = 'elsewhere:1', claimed_s = 0 WHERE id = 2")
    change(handed_over, "INSERT INTO decisions VALUES (3, 'window', 'It is outside working hours.', 0, NULL, 1)")
    found = {row["id"]: (row["reason"], row["due_at"]) for row in cmo("outbox", "list", "--json").document["data"]}

    assert {id_: why for id_, (why, _) in found.items()} == {
        1: "is held; cmo outbox release lets it go",
        2: "is leaving right now",
        3: "It is outside working hours.",
    }
    assert all(due for _, due in found.values())
    change(handed_over, "DELETE FROM decisions")
    change(handed_over, "UPDATE outbox SET is_held = 0 WHERE id = 1")
    assert "waits for its time" in cmo("outbox", "list", "--where", "state:planned", "--json").out


def test_the_list_is_filtered(cmo: Cmo, handed_over: Campaign) -> None:
    cmo("outbox", "hold", "1")
    told = {
        "state:planned": {1, 2, 3}, "state:held": {1}, "op:send": {1, 2, 3}, "op:attio": set(), "due:now": set(),
        "due:later": {1, 2, 3}, "due<=5": set(), "due<=15": {1, 2, 3}, "maint3": {3}, "-maint3": {1, 2},
    }  # fmt: skip
    assert {where: set(rows(cmo, "--where", where)) for where in told} == told


def test_a_filter_on_something_else_is_wrong_usage(cmo: Cmo, handed_over: Campaign) -> None:
    assert cmo("outbox", "list", "--where", "score>=80").code == 2


def test_show_prints_the_exact_mail_with_its_headers(cmo: Cmo, handed_over: Campaign) -> None:
    end_the_hold(handed_over)
    result = cmo("outbox", "show", "1", "--json")
    cmo("send", "--hold", "0", "--yes")
    assert result.document["data"]["mail"].encode() in [path.read_bytes() for path in handed_over.mails]
    shown = cmo("outbox", "show", "1", out_tty=True).out
    assert "List-Unsubscribe: <mailto:sam@sandbox.example?subject=unsubscribe>" in shown
    assert cmo("outbox", "show", "99").code == 4


def test_recall_removes_what_nobody_took_up_and_says_what_stays(cmo: Cmo, handed_over: Campaign) -> None:
    change(handed_over, "UPDATE outbox SET state = 'confirmed', attempts = 1 WHERE id = 2")
    change(handed_over, "UPDATE outbox SET attempts = 1 WHERE id = 3")
    result = cmo("outbox", "recall", "1", "2", "3", "99")
    assert result.code == 3
    assert "2 stays: it has left." in result.err
    assert "3 stays: it was tried before" in result.err
    assert "99 stays: there is no such row." in result.err
    assert set(rows(cmo)) == {2, 3}
    assert audited(handed_over, "outbox.recall") == [("outbox:1", "recalled", False)]
    assert (cmo("outbox", "recall", "2").code, cmo("outbox", "recall", "99").code) == (77, 4)


def test_what_hangs_on_a_recalled_record_is_recalled_with_it(cmo: Cmo, handed_over: Campaign) -> None:
    change(handed_over, "UPDATE outbox SET draft_id = NULL, after_id = 1, operation = 'attio.note' WHERE id = 2")
    assert cmo("outbox", "recall", "1").code == 0
    assert set(rows(cmo)) == {3}


def test_recalled_mails_can_be_handed_over_again(cmo: Cmo, handed_over: Campaign) -> None:
    assert cmo("outbox", "recall", "--all").code == 0
    assert cmo("send", "--hold", "0", "--yes").code == 0
    assert len(handed_over.mails) == 3


def test_a_rehearsed_recall_changes_nothing_and_is_on_record(cmo: Cmo, handed_over: Campaign) -> None:
    assert cmo("outbox", "recall", "--all", "--dry-run").code == 0
    assert set(rows(cmo)) == {1, 2, 3}
    assert {is_dry for _, _, is_dry in audited(handed_over, "outbox.recall")} == {True}


def test_held_rows_stay_until_they_are_released(cmo: Cmo, handed_over: Campaign) -> None:
    end_the_hold(handed_over)
    assert cmo("outbox", "hold", "--all").code == 0
    assert set(rows(cmo).values()) == {"held"}
    assert cmo("send", "--hold", "0", "--yes").code == 77
    assert handed_over.mails == []
    assert cmo("outbox", "release", "1").code == 0
    assert cmo("send", "--hold", "0", "--yes").code == 0
    assert len(handed_over.mails) == 1
    assert cmo("outbox", "release", "1").code == 77


def test_whether_a_doubtful_mail_arrived_only_a_person_says(cmo: Cmo, handed_over: Campaign) -> None:
    change(handed_over, "UPDATE outbox SET state = 'unknown', is_held = 1, attempts = 1, claimed_s = 1")
    assert cmo("outbox", "release", "1", "--as", "confirmed").code == 5
    assert cmo("outbox", "release", "1", tty=True, out_tty=True, stdin="\n").code == 0
    assert rows(cmo)[1] == "held"
    assert cmo("outbox", "release", "1", tty=True, out_tty=True, stdin="y\n").code == 0
    assert cmo("outbox", "release", "2", "--as", "absent", tty=True, out_tty=True).code == 0
    assert rows(cmo) == {1: "confirmed", 2: "planned", 3: "held"}
    assert audited(handed_over, "outbox.settle") == [
        ("outbox:2", "planned", False), ("outbox:1", "confirmed", False),
    ]  # fmt: skip
    assert cmo("outbox", "release", "2", "--as", "absent", tty=True, out_tty=True).code == 2


@pytest.mark.parametrize("argv", [["recall"], ["hold"], ["release"], ["recall", "1", "--all"], ["hold", "x"]])
def test_rows_have_to_be_named(cmo: Cmo, handed_over: Campaign, argv: list[str]) -> None:
    assert cmo("outbox", *argv).code == 2


def test_why_not_names_what_stops_first_and_what_to_type(cmo: Cmo, handed_over: Campaign) -> None:
    result = cmo("why-not", "--json")
    assert result.code == 0
    data = result.document["data"]
    assert (data["first"], data["waiting"]) == ("hold", 3)
    shown = cmo("why-not", out_tty=True)
    assert "kill_switch" in shown.out
    assert "3 approved mails" in shown.err


def test_reconcile_agrees_after_a_send_and_asks_before_it_repairs(cmo: Cmo, handed_over: Campaign) -> None:
    end_the_hold(handed_over)
    assert cmo("send", "--hold", "0", "--yes").code == 0
    assert cmo("reconcile").code == 0
    change(handed_over, "UPDATE outbox SET state = 'unknown', due_s = 0 WHERE id = 1")
    result = cmo("reconcile")
    assert result.code == 3
    assert "reconcile 000000 --repair" in result.err
    assert cmo("reconcile", "--repair").code == 5
    assert cmo("reconcile", "--repair", "--dry-run").code == 3
    assert rows(cmo)[1] == "unknown"
    assert cmo("reconcile", "--repair", "--yes").code == 0
    assert rows(cmo)[1] == "confirmed"
