from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from cmo.domain.event import CandidateFound, EmailFound, EmailVerified, Event, LeadScored, PersonEnriched, RepoFound
from cmo.domain.job import Job
from cmo.domain.lead import Email, EmailClass, LeadFacts, MxState, MxVerdict, Score, ScoreLabel
from cmo.store import pages
from cmo.store.commit import commit
from cmo.store.db import Connection, open_store
from tests.fakes.jobs import new_job
from tests.fakes.outside import NOW, profile_factory, ref_factory, repo_factory


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[Connection]:
    conn = open_store(tmp_path / "campaign.db")
    yield conn
    conn.close()


@pytest.fixture
def job(conn: Connection) -> Job:
    return new_job(conn)


def store(conn: Connection, job: Job, *events: Event) -> None:
    start = conn.execute("SELECT COUNT(*) FROM events").fetchone()[0]
    commit(conn, job.id, [(f"e{start + n}", event) for n, event in enumerate(events)], at=NOW, epoch=None)


def email_factory(address: str, email_class: EmailClass = EmailClass.PUBLISHED) -> Email:
    return Email(email=address, email_class=email_class, source_url="https://github.com/x", seen_at=NOW)


def verdict_factory(address: str, state: MxState = MxState.OK) -> MxVerdict:
    return MxVerdict(email=address, state=state, reason="", checked_at=NOW)


def enriched(login: str, *emails: Email) -> list[Event]:
    return [
        CandidateFound(ref=ref_factory(login)),
        PersonEnriched(profile=profile_factory(login)),
        *(EmailFound(login=login, email=email) for email in emails),
    ]


def accepted(login: str, email: Email) -> LeadScored:
    score = Score(value=80, label=ScoreLabel.HOT, parts=(), rationale="fits")
    return LeadScored(login=login, score=score, accepted=True, decision="Accepted.", email=email)


def facts_of(conn: Connection, job: Job, login: str) -> LeadFacts | None:
    people, _ = pages.unscored_people(conn, job.id, after=0, limit=10, as_of=NOW)
    return next((facts for facts in people if facts.profile.login == login), None)


def suppress(conn: Connection, kind: str, value: str) -> None:
    conn.execute("INSERT INTO suppressions VALUES (?, ?, 'asked', 'test', '')", (kind, value))


def test_a_walk_by_key_sees_each_row_once_in_order(conn: Connection, job: Job) -> None:
    store(conn, job, *(RepoFound(repo=repo_factory(n), query="q") for n in range(1, 8)))
    first, key = pages.unread_repos(conn, job.id, after=0, limit=4)
    second, _ = pages.unread_repos(conn, job.id, after=key, limit=4)
    assert [repo.id for repo in first + second] == [f"R_{n:04}" for n in range(1, 8)]


def test_the_sighting_with_most_contributions_speaks_for_a_candidate(conn: Connection, job: Job) -> None:
    refs = [ref_factory("ana", 1, contributions=3), ref_factory("ana", 2, contributions=9)]
    store(conn, job, *(CandidateFound(ref=ref) for ref in refs))
    (row,), _ = pages.new_candidates(conn, job.id, after=0, limit=10)
    assert row.from_repo == "org2/proj2"


@pytest.mark.parametrize(
    ("kind", "value"),
    [("login", "ana"), ("email", "ana@eu.mail.example"), ("domain", "eu.mail.example"), ("domain", "mail.example")],
)
def test_the_suppressed_are_in_no_page_of_leads(conn: Connection, job: Job, kind: str, value: str) -> None:
    email = email_factory("ana@eu.mail.example")
    store(
        conn, job, *enriched("ana", email), EmailVerified(verdict=verdict_factory(email.email)), accepted("ana", email)
    )
    assert len(pages.accepted_leads(conn, job.id, after=0, limit=10)[0]) == 1
    suppress(conn, kind, value)
    assert pages.accepted_leads(conn, job.id, after=0, limit=10) == ([], 0)


def test_a_suppressed_login_is_not_looked_up(conn: Connection, job: Job) -> None:
    store(conn, job, CandidateFound(ref=ref_factory("Ana")))
    suppress(conn, "login", "ana")
    assert pages.new_candidates(conn, job.id, after=0, limit=10)[0] == []


def test_a_suppressed_address_is_not_asked_about(conn: Connection, job: Job) -> None:
    store(conn, job, *enriched("ana", email_factory("ana@mail.example")))
    suppress(conn, "domain", "mail.example")
    assert pages.unverified_emails(conn, job.id, after=0, limit=10, now=NOW)[0] == []


def test_an_address_of_several_people_is_asked_about_once(conn: Connection, job: Job) -> None:
    shared = email_factory("team@mail.example")
    store(conn, job, *enriched("ana", shared), *enriched("bob", shared), *enriched("cy", email_factory("cy@x.example")))
    assert pages.unverified_emails(conn, job.id, after=0, limit=2, now=NOW)[0] == ["team@mail.example", "cy@x.example"]


def test_no_answer_is_asked_for_once_more_and_then_settles(conn: Connection, job: Job) -> None:
    email = email_factory("ana@mail.example")
    unknown = EmailVerified(verdict=verdict_factory(email.email, MxState.UNKNOWN))
    store(conn, job, *enriched("ana", email), unknown)
    assert pages.unverified_emails(conn, job.id, after=0, limit=9, now=NOW)[0] == [email.email]
    assert facts_of(conn, job, "ana") is None
    store(conn, job, unknown)
    assert pages.unverified_emails(conn, job.id, after=0, limit=9, now=NOW)[0] == []
    assert facts_of(conn, job, "ana") is not None


def test_a_verdict_ages_out(conn: Connection, job: Job) -> None:
    email = email_factory("ana@mail.example")
    store(conn, job, *enriched("ana", email), EmailVerified(verdict=verdict_factory(email.email)))
    assert pages.unverified_emails(conn, job.id, after=0, limit=10, now=NOW + timedelta(days=6))[0] == []
    assert pages.unverified_emails(conn, job.id, after=0, limit=10, now=NOW + timedelta(days=8))[0] == [email.email]


def test_nobody_is_scored_while_an_address_is_unverified(conn: Connection, job: Job) -> None:
    email = email_factory("ana@mail.example")
    store(conn, job, *enriched("ana", email))
    assert pages.unscored_people(conn, job.id, after=0, limit=10, as_of=NOW)[0] == []
    store(conn, job, EmailVerified(verdict=verdict_factory(email.email)))
    (facts,), _ = pages.unscored_people(conn, job.id, after=0, limit=10, as_of=NOW)
    assert facts.email == email
    assert facts.mx is not None


def test_a_usable_address_beats_an_unusable_one_and_a_published_one_a_commit_one(conn: Connection, job: Job) -> None:
    dead, commit_, public = (
        email_factory("a@dead.example"),
        email_factory("a@work.example", EmailClass.COMMIT),
        email_factory("a@home.example"),
    )
    verdicts = [verdict_factory(dead.email, MxState.INVALID), *(verdict_factory(e.email) for e in (commit_, public))]
    store(conn, job, *enriched("ana", dead, commit_, public), *(EmailVerified(verdict=v) for v in verdicts))
    facts = facts_of(conn, job, "ana")
    assert facts is not None
    assert facts.email == public


def test_two_logins_with_one_address_are_shown_to_each_other(conn: Connection, job: Job) -> None:
    mine, work = email_factory("ana@mail.example"), email_factory("Ana+x@mail.example")
    verdicts = [EmailVerified(verdict=verdict_factory(email.email)) for email in (mine, work)]
    store(conn, job, *enriched("ana", mine), *enriched("ana-work", work), *verdicts)
    facts = facts_of(conn, job, "ana")
    assert facts is not None
    assert [twin.login for twin in facts.twins] == ["ana-work"]
