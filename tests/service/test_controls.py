from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from cmo import service
from cmo.config import Settings, Sources, load
from cmo.errors import ConfigError
from cmo.service import controls
from cmo.service.audit import AuditFilter
from cmo.service.store import writer
from tests.fakes.jobs import plan_factory


def settings_in(home: Path, env: Mapping[str, str] | None = None) -> Settings:
    return load(Sources(env={"CMO_HOME": str(home), "CMO_OPERATOR": "ana", **(env or {})}, folder=home))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


def actions(settings: Settings) -> list[tuple[str, str]]:
    return [(row.action, row.object) for row in reversed(AuditFilter().rows(settings))]


def test_quotas_come_from_the_settings(tmp_path: Path) -> None:
    env = {"CMO_MAX_EMAILS_PER_DAY": "7", "CMO_TIME_ZONE": "Europe/Lisbon"}
    limits = controls.limits_of(settings_in(tmp_path, env))

    assert (limits.max_emails_per_day, limits.sender_zone, limits.per_inbox_daily) == (7, "Europe/Lisbon", 50)


def test_raising_a_quota_says_what_it_does(settings: Settings) -> None:
    change = controls.limit_change(settings, "max_emails_per_day", "32")

    assert (change.is_raise, change.effect) == (True, "12 more today, over all inboxes")
    assert not controls.limit_change(settings, "max_emails_per_day", "3").is_raise


@pytest.mark.parametrize(
    ("name", "value"), [("max_mails", "3"), ("max_per_contact", "many"), ("max_per_contact", "-1")]
)
def test_what_is_no_quota_is_refused(settings: Settings, name: str, value: str) -> None:
    with pytest.raises(ConfigError):
        controls.limit_change(settings, name, value)


def test_a_basis_is_kept_for_a_job_or_for_all_and_taken_back(settings: Settings) -> None:
    job = service.start_job(settings, plan_factory()).id
    controls.allow(settings, "commit", "they asked us at the meet-up")
    controls.allow(settings, "unknown-country", "customers of ours, by contract", job=job)

    bases = controls.show_limits(settings).stops.bases
    assert [(basis.kind, basis.scope, basis.by) for basis in bases] == [
        ("commit", "*", "operator:ana"),
        ("unknown-country", job, "operator:ana"),
    ]
    assert controls.revoke(settings, "commit")
    assert not controls.revoke(settings, "commit")
    assert actions(settings) == [
        ("jobs.new", f"job:{job}"),
        ("policy.allow", "policy:commit"),
        ("policy.allow", "policy:unknown-country"),
        ("policy.revoke", "policy:commit"),
    ]


def test_a_short_basis_is_refused(settings: Settings) -> None:
    with pytest.raises(ConfigError, match="10 characters"):
        controls.allow(settings, "commit", "because")


def test_no_address_gets_into_the_record_by_a_basis(settings: Settings) -> None:
    controls.allow(settings, "commit", "ana@ana.example asked us to write")

    assert "ana@" not in str(AuditFilter().rows(settings))


def test_a_pause_of_all_sending_outlasts_the_resuming_of_one_job(settings: Settings) -> None:
    job = service.start_job(settings, plan_factory()).id
    controls.pause_sending(settings)
    paused = controls.pause_sending(settings, "last", for_=timedelta(minutes=30))
    assert paused.name == f"sending:{job}"
    assert paused.until is not None

    still = controls.resume_sending(settings, job)
    assert still is not None
    assert [pause.name for pause in controls.show_limits(settings).stops.pauses] == ["sending"]
    assert controls.resume_sending(settings) is None
    assert controls.show_limits(settings).stops.pauses == ()


def test_an_inbox_that_was_paused_sends_again_once_all_sending_is_resumed(settings: Settings) -> None:
    job = service.start_job(settings, plan_factory()).id
    with writer(settings) as conn:
        conn.execute(
            "INSERT INTO inboxes VALUES ('sam@field.example', 'smtp', 1, NULL, 'refused by policy: 5.7.1', NULL)"
        )
    controls.resume_sending(settings, job)
    assert [box.paused for box in controls.show_limits(settings).quotas.inboxes] == ["refused by policy: 5.7.1"]
    controls.resume_sending(settings)
    assert [box.paused for box in controls.show_limits(settings).quotas.inboxes] == [None]
    assert actions(settings).count(("inbox.resume", "inboxes")) == 1


def test_what_is_left_for_a_person(settings: Settings) -> None:
    found = controls.show_person_limits(settings, "ana@ana.example")

    assert (found.remaining_today, found.remaining_for_contact, found.room.job_id) == (2, 2, None)
