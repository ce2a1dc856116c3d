from __future__ import annotations

from pathlib import Path

from cmo import service
from tests.fakes.jobs import plan_factory
from tests.service.test_jobs import settings_in


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
