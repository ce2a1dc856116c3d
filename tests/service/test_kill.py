from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from cmo import service
from cmo.config import Settings
from cmo.domain.outward import Operation
from cmo.errors import ConfigError
from cmo.sandbox.vendors.instantly import ACTIVE_ID, API_KEY, InstantlyTwin
from cmo.service import kill as verbs
from cmo.service.audit import AuditFilter
from cmo.store.doubt import in_flight
from cmo.store.journal import this_process
from tests.fakes.clock import StillClock
from tests.fakes.doors import open_door
from tests.fakes.drafts import store_with_drafts
from tests.fakes.ledger import ledger_row
from tests.fakes.outside import NOW
from tests.service.test_controls import settings_in

WRITERS = ("instantly", "smartlead", "smtp", "gmail", "maildir", "attio", "hubspot", "linear")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


def handed_over(settings: Settings, *, sequence_id: str = ACTIVE_ID, holder: str | None = None) -> None:
    """One person was handed to a campaign; with `holder` the call is under way."""
    conn, job = store_with_drafts(settings.paths.db)
    state = "claimed" if holder else "confirmed"
    ledger_row(conn, job, "maint1@org1.example", sequence_id=sequence_id, state=state, holder=holder)
    conn.close()


@pytest.fixture
def twin() -> InstantlyTwin:
    return InstantlyTwin()


@pytest.fixture
def door(twin: InstantlyTwin) -> Iterator[str]:
    with open_door(twin, clock=StillClock()) as opened:
        yield opened.url


def with_instantly(tmp_path: Path, url: str) -> Settings:
    return settings_in(tmp_path, {"INSTANTLY_BASE_URL": url, "INSTANTLY_API_KEY": API_KEY})


def test_the_switch_is_on_before_anything_is_said(settings: Settings) -> None:
    said: list[tuple[str, bool]] = []
    verbs.kill(settings, "complaints", tell=lambda words: said.append((words, verbs.kill_status(settings) is not None)))

    assert said == [("All sending is stopped. No new mail leaves.", True)]


def test_the_campaign_is_paused_at_the_provider_and_read_back(tmp_path: Path, door: str) -> None:
    settings = with_instantly(tmp_path, door)
    handed_over(settings)

    receipt = verbs.kill(settings, "complaints")

    (campaign,) = receipt.campaigns
    assert (campaign.provider, campaign.sequence_id, campaign.state) == ("instantly", ACTIVE_ID, "paused")
    assert receipt.is_confirmed
    assert receipt.left == {"instantly.enrol": {"confirmed": 1}}
    assert len(receipt.last_left) == 1
    drilled = verbs.kill(settings, drill=True)
    assert drilled.campaigns[0].state == "paused"


def test_a_provider_that_cannot_be_reached_is_told_with_what_to_do(tmp_path: Path) -> None:
    settings = with_instantly(tmp_path, "http://127.0.0.1:1")
    handed_over(settings)

    receipt = verbs.kill(settings)

    assert not receipt.is_confirmed
    assert receipt.campaigns[0].state == "not_confirmed"
    assert "pause campaign" in receipt.campaigns[0].by_hand
    assert verbs.kill_status(settings) is not None


@pytest.mark.off_contract  # what a pause of what does not run answers is written nowhere; a refusal is the worst case
def test_a_campaign_that_sends_nothing_anyway_is_confirmed(tmp_path: Path, door: str, twin: InstantlyTwin) -> None:
    settings = with_instantly(tmp_path, door)
    handed_over(settings)
    twin.floor.campaigns[ACTIVE_ID].status = "completed"

    receipt = verbs.kill(settings)

    assert (receipt.campaigns[0].state, receipt.campaigns[0].by_hand) == ("finished", "")
    assert receipt.is_confirmed


def test_a_missing_key_does_not_keep_the_switch_from_being_thrown(settings: Settings) -> None:
    handed_over(settings)

    assert not verbs.kill(settings).is_confirmed
    assert verbs.kill_status(settings) is not None


def test_a_drill_reads_and_changes_nothing(tmp_path: Path, twin: InstantlyTwin, door: str) -> None:
    settings = with_instantly(tmp_path, door)
    handed_over(settings)
    before = twin.to_json()

    receipt = verbs.kill(settings, drill=True)

    assert receipt.campaigns[0].state == "sending"
    assert 0 < receipt.campaigns[0].took_s <= receipt.campaigns[0].after_s
    assert twin.to_json() == before
    assert verbs.kill_status(settings) is None
    (row,) = AuditFilter().rows(settings)
    assert (row.action, row.is_dry) == ("kill.drill", True)


def test_calls_under_way_are_waited_for_no_longer_than_the_longest_call(settings: Settings) -> None:
    handed_over(settings, sequence_id="", holder=this_process())
    clock, said = StillClock(), list[str]()

    receipt = verbs.kill(settings, tell=said.append, clock=clock)

    assert (receipt.in_flight, receipt.obeyed_after_s) == (1, None)
    assert verbs.LONGEST_CALL_S <= clock.monotonic() < verbs.LONGEST_CALL_S + 1
    assert any(words.startswith("1 call is under way and cannot be taken back; waiting.") for words in said)


def test_a_call_that_ends_ends_the_waiting(settings: Settings) -> None:
    handed_over(settings, holder=this_process())

    class Ending(StillClock):
        async def sleep(self, seconds: float) -> None:
            await super().sleep(seconds)
            with service.writer(settings) as conn:
                conn.execute("UPDATE outbox SET state = 'confirmed'")

    receipt = verbs.kill(settings, clock=Ending())
    assert (receipt.in_flight, receipt.obeyed_after_s) == (0, verbs.LOOK_EVERY_S)


def test_a_claim_of_a_dead_process_is_not_waited_for(settings: Settings) -> None:
    dead = this_process().rpartition(":")[0] + ":999999999"
    handed_over(settings, holder=dead)
    with service.writer(settings) as conn:
        assert in_flight(conn, now=NOW) == 0

    assert verbs.kill(settings, clock=StillClock()).obeyed_after_s == 0.0


def test_the_receipt_is_in_the_record_without_an_address(settings: Settings) -> None:
    handed_over(settings)
    verbs.kill(settings, "maint1@org1.example complained")

    rows = AuditFilter(action="kill.").rows(settings)
    assert [row.action for row in rows] == ["kill.receipt", "kill.on"]
    assert rows[0].detail["left"] == {"instantly.enrol": {"confirmed": 1}}
    assert "maint1@" not in str(rows)


def test_releasing_needs_a_reason_and_is_recorded(settings: Settings) -> None:
    verbs.kill(settings)
    with pytest.raises(ConfigError):
        verbs.release(settings, " ")

    assert verbs.release(settings, "bounces checked")
    assert not verbs.release(settings, "again")
    assert verbs.kill_status(settings) is None


@pytest.mark.parametrize("name", WRITERS)
def test_no_operation_takes_longer_than_the_longest_call(name: str) -> None:
    module = import_module(f"cmo.providers.{name}.client")
    found = [value for value in vars(module).values() if isinstance(value, Operation)]

    assert all(operation.timeout_s <= verbs.LONGEST_CALL_S for operation in found)
