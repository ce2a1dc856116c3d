from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cmo.clock import SystemClock
from cmo.config import Settings, Sources, load
from cmo.domain.audit import first_break
from cmo.domain.event import Event, ItemFailed, JobFinished
from cmo.domain.job import Mode, Stage
from cmo.domain.lead import ItemFailure
from cmo.domain.outbox import OutboxState
from cmo.errors import ConfigError, PolicyRefused
from cmo.sandbox.vendors.linear import API_KEY, TEAM_ID, LinearVendor
from cmo.service import errors, retry_errors
from cmo.service.wiring import Outside
from cmo.store.audit import iter_audit, links
from cmo.store.commit import commit
from cmo.store.db import Connection, open_store
from cmo.store.groups import StoredGroup, error_groups
from cmo.store.switches import SENDING, find_switch, switch_on
from tests.fakes.doors import open_door
from tests.fakes.jobs import new_job, plan_factory
from tests.fakes.ledger import ledger_row
from tests.fakes.outside import NOW

SECRET_ADDRESS = "ana.marsh@marsh-works.example"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "config.toml").write_text('[mode]\nsending = "send_allowed"\n', encoding="utf-8")
    env = {"CMO_HOME": str(tmp_path), "CMO_OPERATOR": "ana", "CMO_MODE": "send_allowed"}
    return load(Sources(env=env, folder=tmp_path))


@pytest.fixture
def conn(settings: Settings) -> Iterator[Connection]:
    conn = open_store(settings.paths.db)
    yield conn
    conn.close()


def failed_job(conn: Connection, *, mode: Mode = Mode.SEND_ALLOWED, end: Event | None = None) -> str:
    """A job with three people that could not be looked up, and two mails that did not leave."""
    job = new_job(conn, plan_factory(mode=mode))
    rows = [ledger_row(conn, job.id, f"p{n}@p{n}.example", state=s) for n, s in enumerate(("failed", "unknown"))]
    profile = [ItemFailure(item=name, code="unavailable", message=f"502 for {name}1") for name in ("bo", "cy", "di")]
    mail = [
        ItemFailure(item=f"outbox:{row}", code="timeout", message=f"no answer for {SECRET_ADDRESS} in {row} s")
        for row in rows
    ]
    events: list[Event] = [ItemFailed(tool="enrich_github_user", stage=Stage.ENRICH, failure=one) for one in profile]
    events += [ItemFailed(tool="instantly.enrol", stage=Stage.SEND, failure=one) for one in mail]
    events += [end] if end else []
    commit(conn, job.id, [(f"{job.id}/{n}", event) for n, event in enumerate(events)], at=NOW, epoch=None)
    return job.id


def group_at(conn: Connection, job_id: str, stage: str) -> StoredGroup:
    (found,) = error_groups(conn, job_id, marked=True, stage=stage)
    return found


def audited(conn: Connection) -> list[tuple[str, str, bool]]:
    return [(row.action, row.object, row.is_dry) for row in iter_audit(conn, action="errors.")]


def test_retrying_a_group_repeats_nothing_that_may_have_arrived(settings: Settings, conn: Connection) -> None:
    job_id = failed_job(conn)
    before = conn.execute("SELECT id, key, content_hash, attempts FROM outbox ORDER BY id").fetchall()
    done = errors.retry(settings, job_id, [group_at(conn, job_id, "send").key])
    assert (done.items, done.writes) == (0, 1)
    assert done.left == {"may have arrived: looked up, never repeated": 1}
    assert [row["state"] for row in conn.execute("SELECT state FROM outbox ORDER BY id")] == ["planned", "unknown"]
    after = conn.execute("SELECT id, key, content_hash, attempts FROM outbox ORDER BY id").fetchall()
    assert [tuple(row) for row in after] == [tuple(row) for row in before]


def test_retrying_all_takes_items_and_writes(settings: Settings, conn: Connection) -> None:
    job_id = failed_job(conn)
    done = errors.retry(settings, job_id, [group.key for group in error_groups(conn, job_id)])
    assert (done.items, done.writes) == (3, 1)
    assert error_groups(conn, job_id, stage="enrich") == []


def test_items_of_a_job_that_is_over_stay_as_they_are(settings: Settings, conn: Connection) -> None:
    job_id = failed_job(conn, end=JobFinished(summary="done", good_leads=0))
    done = errors.retry(settings, job_id, [group_at(conn, job_id, "enrich").key])
    assert (done.items, done.left) == (0, {"the job is over": 3})
    assert group_at(conn, job_id, "enrich").count == 3


def test_what_was_given_up_is_not_retried_when_the_job_is_resumed(settings: Settings, conn: Connection) -> None:
    job_id = failed_job(conn)
    errors.dead_letter(settings, job_id, items=["bo"], reason="left, says bo@bo.example")
    errors.skip(settings, job_id, [group_at(conn, job_id, "send").key])
    assert retry_errors(settings, job_id) == 2
    assert (group_at(conn, job_id, "enrich").count, group_at(conn, job_id, "enrich").dead) == (1, 1)


def test_marks_are_counted_once_and_can_be_taken_back(settings: Settings, conn: Connection) -> None:
    job_id = failed_job(conn)
    key = group_at(conn, job_id, "send").key
    assert errors.skip(settings, job_id, [key]) == {key: 2}
    assert errors.skip(settings, job_id, [key]) == {}
    assert errors.revive(settings, job_id, [key]) == {key: 2}
    assert group_at(conn, job_id, "send").open == 2


def test_every_verb_is_audited_by_group_and_no_address_is_written(settings: Settings, conn: Connection) -> None:
    job_id = failed_job(conn)
    group = group_at(conn, job_id, "send")
    errors.retry(settings, job_id, [group.key], dry_run=True)
    errors.skip(settings, job_id, [group.key])
    errors.dead_letter(settings, job_id, keys=[group.key], reason=f"{SECRET_ADDRESS} asked")
    errors.revive(settings, job_id, [group.key], reason=f"{SECRET_ADDRESS} is back")
    errors.show_ticket_text(settings, group)
    verbs = ["ticket", "revive", "deadletter", "skip", "retry"]
    dry = {"ticket", "retry"}
    assert audited(conn) == [(f"errors.{verb}", f"errors:{group.key}", verb in dry) for verb in verbs]
    assert SECRET_ADDRESS not in "".join(row.model_dump_json() for row in iter_audit(conn))
    (revived,) = iter_audit(conn, action="errors.revive")
    assert (revived.actor, revived.detail["reason"].endswith("is back")) == ("operator:ana", True)
    assert first_break(links(conn)) is None


def test_a_dry_run_changes_nothing(settings: Settings, conn: Connection) -> None:
    job_id = failed_job(conn)
    keys = [group.key for group in error_groups(conn, job_id)]
    before = [group.model_dump() for group in error_groups(conn, job_id, marked=True)]
    states = conn.execute("SELECT * FROM outbox").fetchall()
    assert errors.retry(settings, job_id, keys, dry_run=True).items == 3
    assert errors.skip(settings, job_id, keys, dry_run=True).total() == 5
    assert errors.dead_letter(settings, job_id, keys=keys, dry_run=True).total() == 5
    assert [group.model_dump() for group in error_groups(conn, job_id, marked=True)] == before
    assert [tuple(row) for row in conn.execute("SELECT * FROM outbox")] == [tuple(row) for row in states]


@contextmanager
def tracker() -> Iterator[Outside]:
    """A ticket tracker on loopback, and nothing else outside."""
    with open_door(LinearVendor(), clock=SystemClock()) as door:
        yield Outside(
            clock=SystemClock(),
            github_api_url="",
            github_graphql_url="",
            github_tokens=(),
            dns_server="127.0.0.1:9",
            places={"CMO_LINEAR_TEAM": TEAM_ID, "LINEAR_API_KEY": API_KEY, "LINEAR_API_URL": f"{door.url}/graphql"},
        )


def test_a_group_gets_one_ticket_and_the_second_call_shows_it(settings: Settings, conn: Connection) -> None:
    job_id = failed_job(conn)
    group = group_at(conn, job_id, "send")
    with tracker() as found:
        filed, is_new = errors.file_ticket(settings, group, found=found)
        assert (filed.state, is_new) == (OutboxState.CONFIRMED, True)
    silent = replace(found, places={})
    assert errors.file_ticket(settings, group, found=silent) == (filed, False)
    tickets = conn.execute("SELECT key FROM outbox WHERE operation = 'linear.issue' ORDER BY id").fetchall()
    assert [row["key"] for row in tickets] == [f"ticket:{job_id}", f"ticket:{group.key}:{job_id}"]


def test_what_is_filed_is_the_text_that_was_shown_and_has_no_address(settings: Settings, conn: Connection) -> None:
    job_id = failed_job(conn)
    group = group_at(conn, job_id, "send")
    text = errors.show_ticket_text(settings, group)
    assert not conn.execute("SELECT 1 FROM outbox WHERE operation = 'linear.issue'").fetchall()
    with tracker() as found:
        errors.file_ticket(settings, group, found=found)
    payload = conn.execute("SELECT payload FROM outbox WHERE key = ?", (f"ticket:{group.key}:{job_id}",)).fetchone()[0]
    item = json.loads(payload)
    assert f"{item['title']}\n\n{item['body']}" == text
    for secret in ("marsh", "ana.marsh", "@", "p0.example"):
        assert secret not in text
    assert "What it means: The answer was lost or unclear" in text


def test_a_job_that_may_not_send_files_no_ticket(settings: Settings, conn: Connection) -> None:
    job_id = failed_job(conn, mode=Mode.DRAFT_ONLY)
    with tracker() as found, pytest.raises(PolicyRefused, match="mode=send_allowed") as refused:
        errors.file_ticket(settings, group_at(conn, job_id, "send"), found=found)
    assert refused.value.hint == f"cmo jobs set {job_id} mode=send_allowed"


def test_a_group_that_was_given_up_since_it_was_seen_is_refused_and_is_no_fault(
    settings: Settings, conn: Connection
) -> None:
    job_id = failed_job(conn)
    seen = group_at(conn, job_id, "send")
    errors.dead_letter(settings, job_id, keys=[seen.key])
    with tracker() as found, pytest.raises(PolicyRefused, match="meanwhile") as refused:
        errors.file_ticket(settings, seen, found=found)
    assert refused.value.hint == f"cmo errors list {job_id}"


def test_a_group_that_was_given_up_gets_no_ticket(settings: Settings, conn: Connection) -> None:
    job_id = failed_job(conn)
    errors.dead_letter(settings, job_id, keys=[group_at(conn, job_id, "send").key])
    with pytest.raises(PolicyRefused, match="is dead"):
        errors.file_ticket(settings, group_at(conn, job_id, "send"))


def test_without_a_team_it_is_said_how_to_set_one(settings: Settings, conn: Connection) -> None:
    group = group_at(conn, failed_job(conn), "send")
    with pytest.raises(ConfigError, match="team"):
        errors.file_ticket(settings, group)


@pytest.mark.parametrize("minutes", [15, None])
def test_a_pause_keeps_its_reason_when_its_end_is_chosen(
    settings: Settings, conn: Connection, minutes: int | None
) -> None:
    job_id = failed_job(conn)
    assert errors.resume_after(settings, job_id, 5) is None
    switch_on(conn, SENDING, by="system", at=NOW, reason="41x 3f9a1c00", action="sending.pause")
    began = datetime.now(UTC)
    errors.resume_after(settings, job_id, minutes)
    pause = find_switch(conn, SENDING, now=began)
    assert pause is not None
    assert pause.reason == "41x 3f9a1c00"
    if minutes is None:
        assert pause.until is None
    else:
        assert pause.until is not None
        assert abs((pause.until - began) - timedelta(minutes=minutes)) < timedelta(seconds=30)
