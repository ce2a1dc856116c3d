from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cmo.domain.job import Mode
from cmo.service.rehearsal_report import Rehearsal, advice_of, missing_of
from tests.fakes.jobs import plan_factory
from tests.service.test_jobs import settings_in
from tests.service.test_mail_setup import COMPLETE


def rehearsal_factory(**changes: Any) -> Rehearsal:
    """One that went well: 12 of 12 sent in two days."""
    values: dict[str, Any] = {
        "goal": "find 12 python maintainers",
        "faults": "heavy",
        "mailer": "maildir",
        "status": "finished",
        "replaced": (),
        "good_leads": 12,
        "held_leads": 0,
        "drafts": 12,
        "approved": 12,
        "approved_again": 0,
        "flagged": {},
        "blocked": {},
        "refused": {},
        "refused_because": {},
        "sent": {"2026-11-17": 10, "2026-11-18": 2},
        "days": 2,
        "is_cut": False,
        "waiting": 0,
        "failed": 0,
        "doubtful": 0,
        "arrived": 12,
        "doubles": 0,
        "crm": {"attio.person": {"created": 12}},
        "crm_ambiguous": 0,
        "crm_failed": 0,
        "tickets": 0,
        "errors": (),
        "troubles": (),
        "missing": (),
    }
    return Rehearsal.model_validate({**values, **changes})


def refusing(rule: str, why: str = "because") -> Rehearsal:
    return rehearsal_factory(refused={rule: 3}, refused_because={rule: why})


def test_what_every_good_campaign_meets_is_not_wrong() -> None:
    for found in (rehearsal_factory(doubtful=1), refusing("address_policy"), refusing("country"), refusing("window")):
        assert not found.went_wrong


@pytest.mark.parametrize(
    "found",
    [
        rehearsal_factory(sent={}),
        rehearsal_factory(doubles=1),
        rehearsal_factory(is_cut=True),
        rehearsal_factory(status="paused"),
        rehearsal_factory(missing=("sender.email",)),
        refusing("health"),
        refusing("approval"),
    ],
    ids=["nothing sent", "a double", "over 30 days", "job paused", "no sender", "health", "approval"],
)
def test_what_has_to_be_changed_first_is_wrong(found: Rehearsal) -> None:
    assert found.went_wrong


def test_settings_that_the_sandbox_filled_in_are_missing(tmp_path: Path) -> None:
    plan = plan_factory()
    assert missing_of(settings_in(tmp_path, COMPLETE), plan) == ()
    assert missing_of(settings_in(tmp_path, {**COMPLETE, "CMO_OFFER": ""}), plan) == ("copy.offer",)


def test_a_service_with_sequences_needs_one_of_the_job_file(tmp_path: Path) -> None:
    own = settings_in(tmp_path, COMPLETE)
    plan = plan_factory(mailer="instantly")
    assert missing_of(own, plan) == ("sequence_id",)
    told = advice_of(rehearsal_factory(missing=("sequence_id",)), own, own, plan)
    assert "job file" in told[0]
    assert missing_of(own, plan.model_copy(update={"sequence_id": "123"})) == ()


def test_advice_names_what_locks_what_refuses_and_what_is_slow(tmp_path: Path) -> None:
    found = refusing("country", "Canada asks for consent").model_copy(
        update={"is_cut": True, "approved_again": 4, "missing": ("sender.name",)}
    )
    own = settings_in(tmp_path, COMPLETE)
    told = "\n".join(advice_of(found, own, own, plan_factory(mode=Mode.DRAFT_ONLY)))
    for words in ("sender.name", "mode.sending", "mode=send_allowed", "Canada asks", "smaller portions", "20 mails"):
        assert words in told


def test_a_rehearsal_that_went_well_advises_nothing(tmp_path: Path) -> None:
    (tmp_path / "cmo.toml").write_text('[mode]\nsending = "send_allowed"\n')
    own = settings_in(tmp_path, COMPLETE)
    assert advice_of(rehearsal_factory(), own, own, plan_factory(mode=Mode.SEND_ALLOWED)) == ()
