"""Doing again what was taken back: only what nobody touched since, under every check of a first decision."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from cmo.config import Settings
from cmo.domain.suppression import SuppressionKind
from cmo.errors import PolicyRefused
from cmo.service import drafts as verbs
from cmo.service.store import reader
from cmo.service.suppress import read_target, suppress
from cmo.store import draft_views
from cmo.store.audit import iter_audit
from cmo.store.draft_again import TakenBack, find_taken_back
from cmo.store.drafts import Decision
from tests.fakes.drafts import store_with_drafts
from tests.service.test_drafts import detail, row, settings_in


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


@pytest.fixture
def job(tmp_path: Path) -> str:
    conn, job_id = store_with_drafts(tmp_path / "campaign.db", 3)
    conn.close()
    return job_id


def undo(settings: Settings, job: str) -> None:
    with reader(settings) as conn:
        batch = draft_views.find_batch(conn, job, None)
    assert batch is not None
    verbs.undo(settings, batch)


def last(settings: Settings, job: str, number: str | None = None) -> TakenBack | None:
    with reader(settings) as conn:
        return find_taken_back(conn, job, number)


def again(settings: Settings, job: str, number: str | None = None) -> Decision:
    batch = last(settings, job, number)
    assert batch is not None
    return verbs.again(settings, batch)


def test_an_approval_comes_back_as_a_new_one_of_the_same_letter(settings: Settings, job: str) -> None:
    verbs.approve(settings, job, [row(settings).choice], rule="clean-60: score>=60", samples=(1,))
    before = detail(settings).approval
    undo(settings, job)

    decision = again(settings, job)

    after = detail(settings).approval
    assert before is not None
    assert after is not None
    assert (decision.done, decision.batch, row(settings).state) == ((1,), 2, "approved")
    assert (after.content_hash, after.rule) == (before.content_hash, "clean-60: score>=60")
    with reader(settings) as conn:
        (told,) = iter_audit(conn, action="drafts.again")
        assert [entry.actor for entry in iter_audit(conn, action="drafts.approve")] == ["operator:ana"] * 2
    assert told.detail["batch"] == decision.batch_id


def test_decisions_come_back_in_the_order_they_were_made_and_can_be_taken_back_once_more(
    settings: Settings, job: str
) -> None:
    verbs.approve(settings, job, [row(settings).choice])
    verbs.turn_down(settings, job, "reject", [row(settings).choice], reason="tone")
    verbs.turn_down(settings, job, "later", [row(settings, 2).choice], put_off=timedelta(days=1))
    for _ in range(3):
        undo(settings, job)

    assert [again(settings, job).action for _ in range(3)] == ["approve", "reject", "later"]
    assert last(settings, job) is None
    assert [row(settings, n).state for n in (1, 2)] == ["rejected", "later"]
    undo(settings, job)
    assert again(settings, job).action == "later"


def test_a_new_decision_ends_what_comes_back_by_itself_but_not_by_its_number(settings: Settings, job: str) -> None:
    verbs.turn_down(settings, job, "reject", [row(settings).choice])
    undo(settings, job)
    verbs.approve(settings, job, [row(settings, 2).choice])

    assert last(settings, job) is None
    assert again(settings, job, "1").done == (1,)
    assert last(settings, job, "2") is None


def test_what_somebody_touched_since_stays_as_it_is(settings: Settings, job: str) -> None:
    verbs.approve(settings, job, [row(settings, n).choice for n in (1, 2)])
    undo(settings, job)
    batch = last(settings, job)
    verbs.turn_down(settings, job, "reject", [row(settings).choice])

    assert batch is not None
    decision = verbs.again(settings, batch)

    assert decision.done == (2,)
    assert decision.refused[0].message.startswith("it is already rejected, by ana ")
    with pytest.raises(PolicyRefused, match="Nothing of batch 1 can be done again"):
        verbs.again(settings, batch)


def test_nobody_who_must_not_be_contacted_is_approved_again(settings: Settings, job: str) -> None:
    verbs.approve(settings, job, [row(settings).choice])
    undo(settings, job)
    suppress(settings, read_target("maint1", SuppressionKind.LOGIN), reason="asked us to stop")

    with pytest.raises(PolicyRefused, match="must not be contacted"):
        again(settings, job)


def test_an_approval_does_not_come_back_for_another_sender(tmp_path: Path, settings: Settings, job: str) -> None:
    verbs.approve(settings, job, [row(settings).choice])
    undo(settings, job)

    with pytest.raises(PolicyRefused, match="not what was approved"):
        again(settings_in(tmp_path, CMO_SENDER_NAME="Sue"), job)
    assert row(settings).state == "pending"
