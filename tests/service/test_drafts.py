"""What approving needs, what it is bound to, and how words are changed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from cmo.config import Settings, Sources, load
from cmo.domain.draft import Approval
from cmo.errors import ConfigError, PolicyRefused
from cmo.service import draft_words
from cmo.service import drafts as verbs
from cmo.service.routes import composer_of, route_of
from cmo.service.rules import add_rule, remove_rule
from cmo.service.store import clock_of, reader
from cmo.store import draft_views
from cmo.store.draft_details import DraftDetail, draft_versions, get_draft
from cmo.store.draft_views import Choice, DraftRow
from cmo.store.jobs import get_job
from tests.fakes.drafts import SENDER, store_with_drafts
from tests.fakes.jobs import plan_factory


def settings_in(home: Path, **env: str) -> Settings:
    return load(Sources(env={"CMO_HOME": str(home), "CMO_OPERATOR": "ana", **SENDER, **env}, folder=home))


@pytest.fixture
def job(tmp_path: Path) -> str:
    conn, job_id = store_with_drafts(tmp_path / "campaign.db", 3)
    conn.close()
    return job_id


def row(settings: Settings, draft_id: int = 1) -> DraftRow:
    with reader(settings) as conn:
        return draft_views.drafts_by_id(conn, [draft_id], now=clock_of(settings).now())[0]


def detail(settings: Settings, draft_id: int = 1) -> DraftDetail:
    with reader(settings) as conn:
        return get_draft(conn, draft_id, now=clock_of(settings).now())


def approved(settings: Settings, job: str) -> Approval:
    verbs.approve(settings, job, [row(settings).choice])
    found = detail(settings).approval
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("missing", "key"),
    [("SMTP_FROM", "sender.email"), ("CMO_SENDER_POSTAL_ADDRESS", "sender.postal_address")],
)
def test_nothing_is_approved_while_it_is_not_set_who_writes_from_where(
    tmp_path: Path, job: str, missing: str, key: str
) -> None:
    settings = settings_in(tmp_path, **{missing: ""})

    with pytest.raises(ConfigError) as refused:
        verbs.approve(settings, job, [row(settings).choice])

    assert f"cmo config set {key}" in refused.value.hint
    assert row(settings).state == "pending"


def test_an_approval_holds_for_the_letter_as_it_is_composed_at_hand_over(tmp_path: Path, job: str) -> None:
    settings = settings_in(tmp_path)
    approval = approved(settings, job)

    with reader(settings) as conn:
        composer = composer_of(conn, get_job(conn, job).plan, settings)
        words = draft_views.words_of(conn, [1])[1, 1]
    letter, bound = composer.letter(words, approved_at=approval.at)

    assert approval.content_hash == bound
    assert (letter.to_email, letter.from_email) == ("maint1@org1.example", "sam@sender.example")
    assert (approval.expires_at - approval.at).days == 7


@pytest.mark.parametrize(
    "change", [{"SMTP_FROM": "x@sender.example"}, {"CMO_MAILER": "smtp"}, {"CMO_SENDER_NAME": "Sue"}]
)
def test_another_sender_or_road_is_another_letter(tmp_path: Path, job: str, change: Mapping[str, str]) -> None:
    approval = approved(settings_in(tmp_path), job)

    other = settings_in(tmp_path, **change)
    with reader(other) as conn:
        composer = composer_of(conn, get_job(conn, job).plan, other)
        _, bound = composer.letter(draft_views.words_of(conn, [1])[1, 1], approved_at=approval.at)

    assert bound != approval.content_hash


def test_a_plan_that_names_its_mailer_is_obeyed(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)

    assert route_of(plan_factory(), settings).mailer == "maildir"
    route = route_of(plan_factory(mailer="instantly", sequence_id="s1"), settings)
    assert (route.mailer, route.sequence_id) == ("instantly", "s1")


def test_a_draft_that_is_not_there_is_told(tmp_path: Path, job: str) -> None:
    decision = verbs.approve(settings_in(tmp_path), job, [Choice(draft_id=99, version=1, state="pending")])

    assert [refusal.why for refusal in decision.refused] == ["missing"]


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("1", "wrong person"),
        ("6", "never contact"),
        ("never", "never contact"),
        ("TONE", "tone"),
        ("too long", "too long"),
        ("7", "7"),
        ("", ""),
    ],
)
def test_a_reason_is_a_digit_its_start_or_words(given: str, meant: str) -> None:
    assert verbs.reason_of(given) == meant


def test_only_the_last_reason_suppresses(tmp_path: Path, job: str) -> None:
    settings = settings_in(tmp_path)

    assert verbs.turn_down(settings, job, "reject", [row(settings, 1).choice], reason="tone").suppressed == 0
    assert verbs.turn_down(settings, job, "reject", [row(settings, 2).choice], reason=verbs.NEVER).suppressed == 2
    assert verbs.turn_down(settings, job, "disqualify", [row(settings, 3).choice], reason="bot").suppressed == 2


def test_undo_refuses_where_nothing_can_be_taken_back(tmp_path: Path, job: str) -> None:
    settings = settings_in(tmp_path)
    verbs.turn_down(settings, job, "reject", [row(settings).choice], reason="tone")
    draft_words.edit_draft(settings, row(settings), "Other words", "Hello\n")
    with reader(settings) as conn:
        batch = draft_views.find_batch(conn, job, None)
    assert batch is not None

    with pytest.raises(PolicyRefused, match="version 2"):
        verbs.undo(settings, batch)


def test_an_edit_is_checked_and_waits_again(tmp_path: Path, job: str) -> None:
    settings = settings_in(tmp_path)
    approved(settings, job)

    edited, words = draft_words.edit_draft(settings, row(settings), "Hi\x1b[2J", "You founded Initech in 2001.\n")

    assert edited.version == 2
    assert detail(settings).row.state == "pending"
    assert words.subject == "Hi[2J"
    assert {"opt_out", "address"} <= {finding.check for finding in words.findings}
    assert row(settings).blocked
    assert verbs.approve(settings, job, [row(settings).choice]).refused[0].why == "blocked"


def test_an_edited_sentence_keeps_the_evidence_of_those_beside_it(tmp_path: Path, job: str) -> None:
    settings = settings_in(tmp_path)
    body = detail(settings).body.replace("May I ask", "Might I ask")

    draft_words.edit_draft(settings, row(settings), "A question", body)

    cited = [claim.sentence.facts for claim in detail(settings).claims if claim.sentence.facts]
    assert cited == [("works_on",)]


def test_redo_writes_from_the_template_in_force_and_the_second_time_changes_nothing(tmp_path: Path, job: str) -> None:
    settings = settings_in(tmp_path)

    done = draft_words.redo_draft(settings, row(settings))

    assert done is not None
    assert done[0].version == 2
    assert "We make test runs shorter." in detail(settings).body
    assert not [claim for claim in detail(settings).claims if claim.missing]
    assert draft_words.redo_draft(settings, row(settings)) is None


def test_needs_info_asks_one_question_and_can_be_approved(tmp_path: Path, job: str) -> None:
    settings = settings_in(tmp_path)

    asked, words = draft_words.ask_person(settings, row(settings), "Do you still look after the test suite?")

    assert asked.version == 2
    assert "Do you still look after the test suite?" in words.body
    assert [finding for finding in words.findings if finding.severity == "block"] == []
    with reader(settings) as conn:
        assert [version.why for version in draft_versions(conn, 1)] == ["render", "needs_info"]
        batch = draft_views.find_batch(conn, job, None)
    assert batch is not None
    assert batch.action == "needs_info"
    assert verbs.approve(settings, job, [row(settings).choice]).done == (1,)


def test_for_somebody_who_must_not_be_contacted_nothing_is_written_anew(tmp_path: Path, job: str) -> None:
    settings = settings_in(tmp_path)
    verbs.turn_down(settings, job, "reject", [row(settings).choice], reason=verbs.NEVER)

    with pytest.raises(PolicyRefused, match="must not be contacted"):
        draft_words.redo_draft(settings, row(settings))


def test_a_rule_is_a_name_and_a_filter_that_means_something(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    assert add_rule(settings, "clean-60", "score>=60").where == "score>=60"

    for name, where in [("clean-60", "score>=70"), ("Clean 60", "score>=60"), ("empty", "  "), ("x;y", "score>=1")]:
        with pytest.raises(ConfigError):
            add_rule(settings, name, where)
    assert remove_rule(settings, "clean-60")
    assert not remove_rule(settings, "clean-60")
