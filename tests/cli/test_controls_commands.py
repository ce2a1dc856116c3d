from __future__ import annotations

import tomllib
from pathlib import Path

from tests.cli.harness import Cmo
from tests.cli.seed import seed


def test_kill_asks_nothing_and_needs_no_terminal_and_no_job(cmo: Cmo) -> None:
    result = cmo("kill", "--reason", "complaints", "--json")

    assert result.code == 0
    data = result.document["data"]
    assert (data["confirmed"], data["reason"], data["campaigns"]) == (True, "complaints", [])
    assert cmo("kill", "--status", "--json").document["data"]["on"] is True


def test_the_first_line_of_kill_says_that_nothing_leaves(cmo: Cmo) -> None:
    assert cmo("kill").err.startswith("All sending is stopped. No new mail leaves.")


def test_a_drill_and_a_dry_run_stop_nothing(cmo: Cmo) -> None:
    for flag in ("--drill", "--dry-run"):
        assert "not thrown" in cmo("kill", flag, out_tty=True).out
        assert cmo("kill", "--status", "--json").document["data"] == {"on": False}


def test_releasing_needs_a_reason_a_terminal_and_the_phrase(cmo: Cmo) -> None:
    cmo("kill")

    assert cmo("kill", "--release", tty=True).code == 2
    assert cmo("kill", "--release", "--reason", "checked").code == 5
    assert cmo("kill", "--release", "--reason", "checked", tty=True, stdin="yes\n").code == 77
    assert cmo("kill", "--status", "--json").document["data"]["on"] is True
    assert cmo("kill", "--release", "--reason", "checked", "--yes", tty=True).code == 2
    assert cmo("kill", "--release", "--reason", "checked", "--no-input", tty=True, stdin="send again\n").code == 5
    assert cmo("kill", "--release", "--reason", "checked", tty=True, stdin="send again\n").code == 0
    (row, *_) = cmo("audit", "list", "--action", "kill.release", "--json").document["data"]
    assert (row["actor"], row["before"], row["after"]) == ("operator:sebastian", "on", "off")
    assert cmo("kill", "--status", "--json").document["data"] == {"on": False}


def test_allowing_shows_the_rule_and_needs_a_person(cmo: Cmo) -> None:
    argv = ("policy", "allow", "commit", "--basis", "they asked us to, in May")
    assert cmo(*argv).code == 5

    said = cmo(*argv, tty=True, stdin="y\n")
    assert said.code == 0
    assert "Acceptable Use Policies" in " ".join(said.err.split())
    rows = cmo("policy", "show", "--json").document["data"]
    assert [(row["policy"], row["state"]) for row in rows] == [("commit", "allowed"), ("unknown-country", "hold")]
    assert cmo("limits", "revoke", "commit").code == 0
    assert cmo("policy", "revoke", "commit").code == 4


def test_a_basis_too_short_is_refused_before_anything_is_asked(cmo: Cmo) -> None:
    assert cmo("policy", "allow", "commit", "--basis", "because", tty=True).code == 2


def test_raising_a_quota_asks_and_lowering_does_not(cmo: Cmo) -> None:
    assert cmo("limits", "set", "max_emails_per_day", "32").code == 5
    asked = cmo("limits", "set", "max_emails_per_day", "32", tty=True, stdin="y\n")
    assert "12 more today" in " ".join(asked.err.split())
    assert cmo("limits", "set", "max_emails_per_day", "5").code == 0

    assert tomllib.loads((cmo.home / "config.toml").read_text())["quota"]["max_emails_per_day"] == 5
    rows = cmo("audit", "list", "--action", "limits.", "--json").document["data"]
    assert [(row["before"], row["after"]) for row in rows] == [("32", "5"), ("20", "32")]


def test_an_unknown_quota_is_wrong_usage(cmo: Cmo) -> None:
    assert cmo("limits", "set", "max_mails", "5").code == 2


def test_limits_show_quotas_caps_and_stops(cmo: Cmo) -> None:
    seed(cmo.home)
    cmo("kill", "--reason", "complaints")

    result = cmo("limits", "show", out_tty=True, tty=True)
    assert "max_emails_per_day" in result.out
    assert "ALL SENDING STOPPED by operator:sebastian: complaints" in " ".join(result.err.split())


def test_limits_of_a_person_have_the_keys_that_scripts_read(cmo: Cmo) -> None:
    seed(cmo.home)
    data = cmo("limits", "show", "ana@ana.example", "--json").document["data"]

    assert (data["remaining_today"], data["remaining_for_contact"], data["rule"]) == (2, 2, "mode")
    assert data["remaining_this_week"] >= 20


def test_a_suppressed_person_is_listed_and_stays_when_not_added_by_hand(cmo: Cmo) -> None:
    (cmo.folder / "stop.csv").write_text("email\nana@ana.example\nnobody\n")

    assert cmo("leads", "suppress", "bob", "--reason", "asked").code == 0
    assert cmo("leads", "suppress", "--import", "stop.csv").code == 65
    assert (cmo.folder / "stop.csv.bad.csv").read_text() == "row,column,reason\n3,email,is no email\n"
    rows = cmo("leads", "suppress", "--list", "--json").document["data"]
    assert {(row["kind"], row["value"]) for row in rows} == {("login", "bob"), ("email", "ana@ana.example")}
    assert cmo("leads", "suppress", "bob", "--remove").code == 5
    assert cmo("leads", "suppress", "bob", "--remove", "--yes").code == 0
    assert cmo("leads", "suppress", "ana@ana.example", "--remove", "--yes").code == 77


def test_suppressions_go_to_stdout_as_csv(cmo: Cmo) -> None:
    cmo("leads", "suppress", "acme.example")

    assert cmo("leads", "suppress", "--export", "-").out.startswith("kind,value,reason,source,added_at\ndomain,acme.ex")


def test_suppress_takes_one_thing_at_a_time(cmo: Cmo) -> None:
    assert cmo("leads", "suppress").code == 2
    assert cmo("leads", "suppress", "bob", "--list").code == 2


def test_the_audit_log_is_verified_and_exported(cmo: Cmo, tmp_path: Path) -> None:
    cmo("kill")

    assert cmo("audit", "verify", "--json").document["data"]["whole"] is True
    assert '"action":"kill.on"' in cmo("audit", "export", "-").out
    assert cmo("audit", "export", str(tmp_path / "a.csv"), "--format", "csv").code == 0
    assert cmo("audit", "list", "--actor", "nobody").code == 4


def test_every_dry_run_leaves_a_row_that_says_so_and_changes_nothing(cmo: Cmo) -> None:
    (cmo.folder / "stop.csv").write_text("email\nana@ana.example\n")
    asked = [
        ("leads", "suppress", "ana@ana.example", "--dry-run"),
        ("leads", "suppress", "--import", "stop.csv", "--dry-run"),
        ("limits", "set", "max_emails_per_day", "99", "--dry-run"),
        ("policy", "revoke", "commit", "--dry-run"),
        ("forget", "ana@ana.example", "--dry-run"),
        ("kill", "--dry-run"),
    ]
    assert [cmo(*argv).code for argv in asked] == [0] * len(asked)

    rows = cmo("audit", "list", "--json").document["data"]
    assert [row["action"] for row in reversed(rows)] == [
        "leads.suppress",
        "leads.suppress",
        "limits.set",
        "policy.revoke",
        "person.forget",
        "kill.drill",
    ]
    assert all(row["is_dry"] for row in rows)
    assert rows[1]["object"] == rows[5]["object"]
    assert cmo("leads", "suppress", "--list", "--json").document["data"] == []


def test_kill_names_the_parts_that_hold_and_a_file_alone_stops(cmo: Cmo) -> None:
    assert "beside the store after" in cmo("kill", out_tty=True).out
    assert cmo("kill", "--status", "--json").document["data"]["on"] is True

    (cmo.home / "campaign.db").unlink()
    assert cmo("kill", "--status", "--json").document["data"]["on"] is True


def test_an_export_of_the_log_is_verified_in_another_home(cmo: Cmo) -> None:
    cmo("kill")
    assert cmo("audit", "export", "log.ndjson").code == 0
    elsewhere = {"CMO_HOME": str(cmo.home.with_name("elsewhere"))}

    whole = cmo("audit", "verify", "--file", "log.ndjson", "--json", env=elsewhere)
    assert (whole.code, whole.document["data"]["rows"]) == (0, 2)
    log = cmo.folder / "log.ndjson"
    log.write_text(log.read_text().replace("kill.on", "kill.no"))
    broken = cmo("audit", "verify", "--file", "log.ndjson", "--json", env=elsewhere)
    assert (broken.code, broken.document["data"]["broken_at"]) == (65, 1)
