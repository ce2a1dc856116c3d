from __future__ import annotations

from pathlib import Path

import pytest

from cmo import service
from cmo.clock import ScaledClock
from cmo.config import Settings
from cmo.sandbox import Sandbox, SandboxSettings
from cmo.service.health import outgoing_services
from tests.fakes.clock import NOON
from tests.fakes.jobs import plan_factory
from tests.service.test_jobs import settings_in

ALLOWED = '[mode]\nsending = "send_allowed"\n'


def allowed_in(home: Path, env: dict[str, str] | None = None) -> Settings:
    (home / "cmo.toml").write_text(ALLOWED)
    return settings_in(home, env)


def test_a_sandbox_answers_for_github_and_dns_and_has_no_model(tmp_path: Path) -> None:
    probes = {probe.name: probe for probe in service.probe_services(settings_in(tmp_path, {"CMO_SANDBOX": "1"}))}
    assert {name: probe.state for name, probe in probes.items()} == {"github": "ok", "model": "skip", "dns": "ok"}
    assert "points left" in probes["github"].message


def test_a_missing_key_is_a_failure_with_its_fix(tmp_path: Path) -> None:
    (probe,) = service.probe_services(settings_in(tmp_path), names=["github"])
    assert (probe.state, probe.message) == ("fail", "no key")
    assert "cmo auth set github" in probe.fix


def test_looking_makes_no_store(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    service.probe_services(settings, names=["github", "model"])
    assert not settings.paths.db.exists()


def test_a_service_that_is_none_is_named(tmp_path: Path) -> None:
    (probe,) = service.probe_services(settings_in(tmp_path), names=["fax"])
    assert (probe.state, "fax" in probe.message) == ("fail", True)


def test_nothing_of_mail_is_tried_while_nothing_may_be_sent(tmp_path: Path) -> None:
    names, skipped = outgoing_services(settings_in(tmp_path, {"ATTIO_API_KEY": "k"}))
    assert names == ()
    assert {probe.name for probe in skipped} == {"maildir", "domain", "attio", "linear"}
    assert {probe.message for probe in skipped} == {"not needed while DRAFT-ONLY"}


def test_what_is_set_up_is_tried_once_sending_is_allowed(tmp_path: Path) -> None:
    env = {"CMO_MAILER": "smtp", "CMO_CRM": "hubspot", "HUBSPOT_ACCESS_TOKEN": "k"}
    names, skipped = outgoing_services(allowed_in(tmp_path, env))
    assert names == ("smtp", "domain", "hubspot")
    assert [(probe.name, probe.state) for probe in skipped] == [("linear", "skip")]


@pytest.mark.parametrize(
    "name", ["maildir", "smtp", "gmail", "instantly", "smartlead", "attio", "hubspot", "linear", "domain"]
)
def test_each_service_of_the_sandbox_is_in_order(tmp_path: Path, name: str) -> None:
    (probe,) = service.probe_services(settings_in(tmp_path, {"CMO_SANDBOX": "1"}), names=[name])
    assert (probe.name, probe.state) == (name, "ok"), probe


def test_a_mailer_without_its_key_fails_with_the_command_that_keeps_one(tmp_path: Path) -> None:
    (probe,) = service.probe_services(allowed_in(tmp_path), names=["instantly"])
    assert probe.state == "fail"
    assert "cmo auth set instantly" in probe.fix


def test_a_senders_domain_is_looked_up_and_what_it_lacks_can_be_pasted(tmp_path: Path) -> None:
    with Sandbox(SandboxSettings(anchor_at=NOON), clock=ScaledClock(NOON, speed=100)) as sandbox:
        domain = next(one.name for one in sandbox.world.population.domains.values() if one.kind == "ok")
        host, port = sandbox.dns_address
        env = {"CMO_DNS_SERVER": f"{host}:{port}", "SMTP_FROM": f"ana@{domain}", "CMO_DKIM_SELECTOR": "s1"}
        found = {probe.name: probe for probe in service.probe_services(allowed_in(tmp_path, env), names=["domain"])}
    assert {name: probe.state for name, probe in found.items()} == {"spf": "ok", "dkim": "fail", "dmarc": "fail"}
    assert f"s1._domainkey.{domain}" in found["dkim"].fix
    assert f'_dmarc.{domain}: "v=DMARC1' in found["dmarc"].fix


def test_a_sender_without_an_address_has_no_domain_to_look_at(tmp_path: Path) -> None:
    (probe,) = service.probe_services(allowed_in(tmp_path), names=["domain"])
    assert (probe.state, "sender.email" in probe.fix) == ("fail", True)


def test_what_failed_becomes_pending_again(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    job = service.start_job(settings, plan_factory())
    assert service.retry_errors(settings, job.id) == 0
    with service.writer(settings) as conn:
        conn.execute(
            "INSERT INTO repos (job_id, id, n, full_name, query, state, doc)"
            " VALUES (?, 'R', 1, 'o/r', '', 'failed', '{}')",
            (job.id,),
        )
        conn.execute(
            "INSERT INTO failures (job_id, tool, item, stage, group_key, code, message, tries, last_at)"
            " VALUES (?, 'extract_people', 'o/r', 'extract', 'g', 'unavailable', 'down', 1, '')",
            (job.id,),
        )
        assert service.retry_errors(settings, job.id) == 1
        assert conn.execute("SELECT state FROM repos").fetchone()["state"] == "unread"
        assert service.retry_errors(settings, job.id) == 0
