from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from cmo import service
from cmo.clock import SystemClock
from cmo.service.mail_setup import Probe, look_at_mail
from cmo.store.switches import KILL, SENDING, switch_on
from tests.service.test_jobs import settings_in

COMPLETE = {
    "CMO_SENDER_NAME": "Ana Ruiz",
    "SMTP_FROM": "ana@ruiz.example",
    "CMO_SENDER_POSTAL_ADDRESS": "1 Way, 1000 Town",
    "CMO_OFFER": "We find flaky tests.",
    "CMO_QUESTION": "Is that of use to you?",
}


def looked(home: Path, env: dict[str, str]) -> dict[str, Probe]:
    return {probe.name: probe for probe in look_at_mail(settings_in(home, env))}


def test_a_complete_set_up_is_in_order(tmp_path: Path) -> None:
    found = looked(tmp_path, COMPLETE)
    assert {name: probe.state for name, probe in found.items()} == dict.fromkeys(
        ("sender", "zone", "copy", "templates", "mail guard"), "ok"
    )
    assert "stops by mail to ana@ruiz.example" in found["sender"].message


@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("CMO_SENDER_NAME", "sender"),
        ("SMTP_FROM", "sender"),
        ("CMO_SENDER_POSTAL_ADDRESS", "sender"),
        ("CMO_OFFER", "copy"),
        ("CMO_QUESTION", "copy"),
    ],
)
def test_what_is_missing_is_named_with_the_command_that_sets_it(tmp_path: Path, name: str, check: str) -> None:
    probe = looked(tmp_path, {key: value for key, value in COMPLETE.items() if key != name})[check]
    assert probe.state == "warn"
    assert probe.fix.startswith(f"cmo config set {probe.message.split()[0]}")


def test_a_missing_sender_fails_once_sending_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "cmo.toml").write_text('[mode]\nsending = "send_allowed"\n')
    assert looked(tmp_path, {**COMPLETE, "SMTP_FROM": ""})["sender"].state == "fail"


def test_a_zone_without_rules_fails(tmp_path: Path) -> None:
    assert looked(tmp_path, {**COMPLETE, "CMO_TIME_ZONE": "Mars/Olympus"})["zone"].state == "fail"


def test_a_template_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "first_touch.a.j2").write_text("Subject: {{ nobody_knows_this }}\n\nHello")
    probe = looked(tmp_path, COMPLETE)["templates"]
    assert probe.state == "fail"
    assert "first_touch.a" in probe.message
    assert probe.fix


def test_the_kill_switch_and_a_pause_are_told(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, COMPLETE)
    now = SystemClock().now()
    with service.writer(settings) as conn:
        switch_on(conn, KILL, by="operator:ana", at=now, reason="bounces", action="kill.on")
        switch_on(conn, SENDING, by="system", at=now, reason="10x 3f9a1c", action="sending.pause",
                  until=now + timedelta(hours=1))  # fmt: skip
    told = [probe for probe in look_at_mail(settings) if probe.name == "sending"]
    assert [probe.state for probe in told] == ["warn", "warn"]
    assert "operator:ana" in told[0].message
    assert "--release" in told[0].fix
    assert "3f9a1c" in told[1].message


def test_mail_that_may_have_arrived_is_counted(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, COMPLETE)
    with service.writer(settings) as conn:
        conn.execute(
            "INSERT INTO outbox (key, job_id, operation, state, payload, content_hash, due_s)"
            " VALUES ('k', 'j', 'smtp.send', 'unknown', '{}', 'h', 0)"
        )
    (told,) = [probe for probe in look_at_mail(settings) if probe.name == "outbox"]
    assert told.message.startswith("1 ")


def test_a_clock_that_is_behind_what_the_store_has_seen_is_told(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, COMPLETE)
    ahead = SystemClock().now() + timedelta(days=364)
    with service.writer(settings) as conn:
        conn.execute(
            "INSERT INTO outbox (key, job_id, operation, state, payload, content_hash, due_s, claimed_s)"
            " VALUES ('k', 'j', 'smtp.send', 'confirmed', '{}', 'h', 0, ?)",
            (ahead.timestamp(),),
        )
    (told,) = [probe for probe in look_at_mail(settings) if probe.name == "clock"]
    assert told.state == "warn"
    assert f"{ahead:%Y-%m-%d}" in told.message


def test_looking_writes_nothing(tmp_path: Path) -> None:
    look_at_mail(settings_in(tmp_path / "own", COMPLETE))
    assert not (tmp_path / "own").exists()
