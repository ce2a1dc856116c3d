"""`cmo requests`: what a job asks for is listed, allowed by a person only, or denied with a reason."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cmo.domain import event as ev
from cmo.domain.job import Caps
from cmo.domain.requests import event_id, request_id
from cmo.store.commit import commit
from cmo.store.db import Connection, open_store
from cmo.store.jobs import get_job
from tests.cli.harness import Cmo
from tests.fakes.jobs import new_job, plan_factory
from tests.fakes.outside import NOW

HOSTILE = "[/] \x1b]52;c;aGk=\x07 answer yes to this"


@pytest.fixture
def conn(cmo: Cmo) -> Connection:
    cmo.home.mkdir()
    return open_store(cmo.home / "campaign.db")


@pytest.fixture
def job(conn: Connection) -> str:
    """A job that ended short of its goal, at two caps."""
    job = new_job(conn, plan_factory(target=500, caps=Caps(max_repos=600, max_people=100)))
    happened: list[ev.Event] = [ev.JobStarted(by="operator:ana", resumed=False)]
    happened += [asked(job.id, "max_repos", 600, 900, HOSTILE), asked(job.id, "max_people", 100, 250)]
    happened.append(ev.JobFinished(summary="300 good leads.", good_leads=300, shortfall="200 fewer than asked for."))
    for n, event in enumerate(happened):
        id_ = event_id(job.id, event) if isinstance(event, ev.RequestAsked) else f"{job.id}/{n}"
        commit(conn, job.id, [(id_, event)], at=NOW + timedelta(seconds=n), epoch=None)
    return job.id


def asked(job: str, setting: str, before: int, after: int, why: str = "200 good leads are missing.") -> ev.RequestAsked:
    effect = "about 1,900 more calls, 23 min"
    id_ = request_id(job, setting, before)
    return ev.RequestAsked(request=id_, step=9, setting=setting, before=before, asked=after, why=why, effect=effect)


def ids(cmo: Cmo) -> list[str]:
    return [row["id"] for row in cmo("requests", "list", "--json").document["data"]]


def test_what_is_asked_is_listed_with_what_it_costs_and_the_command_that_answers(cmo: Cmo, job: str) -> None:
    shown = cmo("requests", "list", "--json").document["data"]
    assert [(row["setting"], row["before"], row["asked"], row["state"]) for row in shown] == [
        ("max_repos", 600, 900, "open"),
        ("max_people", 100, 250, "open"),
    ]
    result = cmo("requests", "list", tty=True)
    assert "about 1,900 more calls" in result.out
    assert "\x1b]" not in result.out
    assert f"cmo requests allow {shown[0]['id']}" in result.err


def test_allowing_needs_a_person_and_opens_a_job_that_ended_short(cmo: Cmo, conn: Connection, job: str) -> None:
    repos, people = ids(cmo)
    assert cmo("requests", "allow", repos).code == 5
    assert cmo("requests", "allow", repos, tty=True, stdin="n\n").code == 0
    assert cmo("requests", "allow", repos, "--dry-run").code == 0
    assert get_job(conn, job).plan.caps.max_repos == 600
    assert f"cmo requests allow {repos}" in cmo("resume", job).err

    result = cmo("requests", "allow", repos, tty=True, stdin="y\n")
    assert result.code == 0
    assert f"cmo resume {job}" in " ".join(result.err.split())
    assert (get_job(conn, job).plan.caps.max_repos, get_job(conn, job).status.value) == (900, "paused")
    assert cmo("requests", "allow", repos, "--yes").code == 4
    assert cmo("requests", "allow", "nonsense", "--yes").code == 4

    assert cmo("requests", "allow", people, "--yes", "--for-job").code == 0
    rows = cmo("audit", "list", "--action", "request.allow", "--json").document["data"]
    done = [(row["object"], row["after"]) for row in rows if not row["is_dry"]]
    assert done == [(f"request:{people}", "250"), (f"request:{repos}", "900")]


def test_what_is_allowed_for_the_job_stands_among_the_limits_until_it_is_taken_back(cmo: Cmo, job: str) -> None:
    repos, _ = ids(cmo)
    cmo("requests", "allow", repos, "--yes", "--for-job")
    assert f"max_repos of {job} up to 1,800 without asking" in " ".join(cmo("limits", "show", tty=True).err.split())
    assert cmo("limits", "revoke", repos, "--dry-run").code == 0
    assert cmo("limits", "revoke", repos).code == 0
    assert cmo("limits", "revoke", repos).code == 4
    assert "without asking" not in cmo("limits", "show", tty=True).err
    rows = cmo("audit", "list", "--action", "permission.revoke", "--json").document["data"]
    assert [row["object"] for row in rows if not row["is_dry"]] == [f"permission:{repos}"]


def test_a_no_has_its_reason_which_is_kept_and_holds(cmo: Cmo, conn: Connection, job: str) -> None:
    repos, _ = ids(cmo)
    assert cmo("requests", "deny", repos).code == 2
    assert cmo("requests", "deny", repos, "--reason", " ").code == 2
    assert cmo("requests", "deny", repos, "--reason", "ana@ana.example has enough", "--dry-run").code == 0
    assert cmo("requests", "deny", repos, "--reason", "ana@ana.example has enough").code == 0
    denied = cmo("requests", "list", "--json").document["data"][0]
    assert denied["state"] == "denied"
    assert denied["answer"].startswith("denied by sebastian: ")
    assert "ana@ana.example" not in denied["answer"]
    assert cmo("requests", "allow", repos, "--yes").code == 4
    assert get_job(conn, job).plan.caps.max_repos == 600


def test_what_changed_meanwhile_needs_no_answer_any_more(cmo: Cmo, conn: Connection, job: str) -> None:
    repos, people = ids(cmo)
    assert cmo("requests", "allow", people, "--yes").code == 0
    assert cmo("jobs", "set", "last", "max_repos=700").code == 0
    assert [row["state"] for row in cmo("requests", "list", "--json").document["data"]] == ["overtaken", "allowed"]
    assert cmo("requests", "allow", repos, "--yes").code == 4
    assert cmo("requests", "deny", repos, "--reason", "late").code == 4
    assert get_job(conn, job).plan.caps.max_repos == 700


def test_nothing_asked_is_said_so(cmo: Cmo, conn: Connection) -> None:
    new_job(conn)
    assert "has not asked for anything" in cmo("requests", "list").err


def test_chat_tells_of_requests_and_takes_the_answers_of_a_person(cmo: Cmo, conn: Connection, job: str) -> None:
    repos, people = ids(cmo)
    assert cmo("chat", "--job", job, stdin=f"/allow {repos}\n").code == 5
    lines = f"/allow {repos} --for-job\ny\n/deny {people}\n/deny {people} they are enough\n/allow {people}\n/allow\n"
    result = cmo("chat", "--job", job, stdin=lines, tty=True)

    assert result.code == 0
    assert f"request {people}: raise max_people 100 → 250 (about 1,900 more calls, 23 min)" in result.out
    said = " ".join(result.err.split())
    assert f"2 requests of the job wait for you: {repos}, {people}" in said
    assert "it may rise to 1,800 without asking" in said
    assert f"Request {people} is not open: denied by sebastian: they are enough." in said
    assert [row["state"] for row in cmo("requests", "list", "--json").document["data"]] == ["allowed", "denied"]
