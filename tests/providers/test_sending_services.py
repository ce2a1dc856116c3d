"""What holds for every sending service, against its twin: doubts are settled, pauses read back, keys never told."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from cmo.domain.outward import Fate, PauseReport, Receipt, Repeat, Withdrawal
from cmo.errors import AuthRejected, CampaignHolds, ConfigError, PlanFull, ProviderRejected, ProviderUnavailable
from cmo.providers.sequencer.campaigns import LOOK_AGAIN_S
from cmo.providers.sequencer.wire import PATIENCE_S
from cmo.sandbox.faults import FaultKind, FaultRule
from cmo.sandbox.vendors import instantly as instantly_twin
from cmo.sandbox.vendors import smartlead as smartlead_twin
from tests.fakes.clock import StillClock
from tests.providers.doubts import TOLD_AS_UNKNOWN, nobody
from tests.providers.instantly import world as instantly
from tests.providers.smartlead import world as smartlead

WRONG_KEY = "wrong-key-of-ours"


@dataclass(frozen=True)
class Service:
    world: Any
    """Its test module: `client`, `letter`, `outside`, `once`, `ENROL`."""
    twin: Any
    """The package of its twin: `ACTIVE_ID`, `PAUSED_ID`."""
    title: str
    campaign_route: str
    look_route: str
    quiet: Mapping[str, str]
    """State -> the word of the twin, for those in which nothing is sent."""
    leave_route: str
    """How the path of taking somebody out starts."""
    unknown_id: str
    wrong_ids: tuple[str | None, ...]

    @property
    def name(self) -> str:
        return self.title.lower()

    @property
    def paused(self) -> str:
        return self.quiet["paused"]


SERVICES = (
    Service(
        world=instantly,
        twin=instantly_twin,
        title="Instantly",
        campaign_route=f"out:instantly/api/v2/campaigns/{instantly_twin.ACTIVE_ID}",
        look_route="out:instantly/api/v2/leads/list",
        quiet={"paused": "paused", "draft": "draft", "finished": "completed"},
        leave_route="out:instantly/api/v2/leads/1f1c215e",  # the id of ann@meadow.example
        unknown_id="1a6c0000-0000-4000-8000-00000000dead",
        wrong_ids=(None, "12", "../x"),
    ),
    Service(
        world=smartlead,
        twin=smartlead_twin,
        title="Smartlead",
        campaign_route=f"out:smartlead{smartlead_twin.BASE_PATH}/campaigns/{smartlead_twin.ACTIVE_ID}",
        look_route=smartlead.LEAD_ROUTE,
        quiet={"paused": "PAUSED", "draft": "DRAFTED", "finished": "COMPLETED"},
        leave_route=f"out:smartlead{smartlead_twin.BASE_PATH}/campaigns/{smartlead_twin.ACTIVE_ID}/leads/",
        unknown_id="9999",
        wrong_ids=(None, "1/../2", "x", "\u0663"),
    ),
)
each_service = pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)


@each_service
@pytest.mark.parametrize("kind", TOLD_AS_UNKNOWN)
def test_a_doubtful_write_is_unknown_and_looking_up_settles_it(service: Service, kind: FaultKind) -> None:
    letters = [service.world.letter(email) for email in ("ann@meadow.example", "bob@meadow.example")]
    with service.world.outside(service.world.once(kind)) as there:
        receipts = there.write(*letters)
        assert [(row.fate, row.code) for row in receipts] == [(Fate.UNKNOWN, TOLD_AS_UNKNOWN[kind])] * 2
        acted = there.has(letters[0])
        assert acted == there.door.calls[0].acted
        assert {row.fate for row in there.look_up(*letters)} == {Fate.CONFIRMED if acted else Fate.ABSENT}
        assert {row.fate for row in there.write(*letters)} == {Fate.CONFIRMED}
        assert len(there.twin.enrolled) == 3


@each_service
@pytest.mark.parametrize("kind", [FaultKind.SERVER_ERROR, FaultKind.RESET_AFTER])
def test_a_look_is_tried_three_times_and_then_cannot_be_known(service: Service, kind: FaultKind) -> None:
    with service.world.outside(FaultRule(kind=kind, route=service.look_route, nth=(1, 2, 4, 5, 6))) as there:
        [known] = there.look_up(service.world.letter())
        [unknown] = there.look_up(service.world.letter())
    assert (known.fate, unknown.fate) == (Fate.ABSENT, Fate.UNKNOWN)


@each_service
def test_a_person_for_whom_a_call_is_refused_is_refused_alone(service: Service) -> None:
    ann, bad = (service.world.letter(email) for email in ("ann@meadow.example", "bad@meadow.example"))
    with service.world.outside() as there:
        there.twin.unreadable.add("bad@meadow.example")
        with pytest.raises(ProviderRejected) as caught:
            there.write(ann, bad)
        [receipt] = there.write(bad)
        assert not there.has(ann)
    assert caught.value.is_for_content
    assert (receipt.fate, receipt.code, receipt.status) == (Fate.REFUSED, "rejected", 400)


@each_service
def test_a_plan_that_is_full_is_raised_and_nobody_is_added(service: Service) -> None:
    with service.world.outside() as there:
        there.twin.plan = 0
        with pytest.raises(PlanFull, match=f"The plan at {service.title} is full") as caught:
            there.write(service.world.letter(), service.world.letter("bob@meadow.example"))
        assert caught.value.retry_after_s == 3600
        assert len(there.twin.enrolled) == 1


@each_service
def test_who_does_not_fit_into_the_plan_is_not_called_refused(service: Service) -> None:
    ann, bob = (service.world.letter(email) for email in ("ann@meadow.example", "bob@meadow.example"))
    with service.world.outside() as there:
        there.twin.plan = 2
        receipts = there.write(ann, bob)
        assert [there.has(ann), there.has(bob)] == [True, False]
    assert receipts[0].fate is Fate.CONFIRMED
    assert receipts[1].fate in (Fate.LATER, Fate.UNKNOWN)


@each_service
def test_a_subscription_that_does_not_cover_the_call_is_a_full_plan(service: Service) -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        return httpx.Response(402, json={"statusCode": 402, "error": "Payment Required", "message": "Upgrade"})

    async def ask() -> None:
        transport = httpx.MockTransport(handle)
        async with service.world.client("https://a.example", clock=StillClock(), transport=transport) as client:
            await client.write(service.world.ENROL, [service.world.letter()])

    with pytest.raises(PlanFull, match=r"does not cover this.*Upgrade"):
        asyncio.run(ask())


@each_service
def test_a_campaign_that_is_paused_meanwhile_is_handed_nobody_more(service: Service) -> None:
    ann, bob = (service.world.letter(email) for email in ("ann@meadow.example", "bob@meadow.example"))
    campaign_id = service.twin.ACTIVE_ID

    with service.world.outside() as there:

        async def act(client: Any) -> None:
            await client.sequence(campaign_id)
            there.twin.floor.campaigns[campaign_id].status = service.paused
            await client.write(service.world.ENROL, [ann])
            there.clock.advance(LOOK_AGAIN_S + 1.0)
            await client.write(service.world.ENROL, [bob])

        with pytest.raises(CampaignHolds, match=f"The campaign at {service.title} is paused"):
            there.run(act)
        assert [there.has(ann), there.has(bob)] == [True, False]


@each_service
def test_a_campaign_that_cannot_be_looked_at_again_is_handed_nobody(service: Service) -> None:
    ann, campaign_id = service.world.letter(), service.twin.ACTIVE_ID
    first = 4 if service.name == "smartlead" else 2  # request after those for the sequence
    rule = FaultRule(kind=FaultKind.SERVER_ERROR, route=service.campaign_route, nth=(first, first + 1, first + 2))
    with service.world.outside(rule) as there:

        async def act(client: Any) -> None:
            await client.sequence(campaign_id)
            there.clock.advance(LOOK_AGAIN_S + 1.0)
            await client.write(service.world.ENROL, [ann])

        with pytest.raises(ProviderUnavailable) as caught:
            there.run(act)
        assert caught.value.details["connected"] is False
        assert not there.has(ann)


@each_service
def test_pausing_is_read_back(service: Service) -> None:
    campaign_id = service.twin.ACTIVE_ID
    with service.world.outside() as there:
        assert there.run(lambda client: client.pause(campaign_id)) == PauseReport(
            provider=service.name,
            sequence_id=campaign_id,
            state="paused",
            detail=f"{service.title} says that the campaign is paused.",
        )
        assert there.twin.floor.campaigns[campaign_id].status == service.paused


@each_service
@pytest.mark.parametrize("kind", [*TOLD_AS_UNKNOWN, FaultKind.OK_WITH_ERROR, FaultKind.RATE_LIMIT])
def test_a_pause_is_believed_only_when_it_is_read_back(service: Service, kind: FaultKind) -> None:
    campaign_id = service.twin.ACTIVE_ID
    with service.world.outside(service.world.once(kind, service.campaign_route)) as there:
        report = there.run(lambda client: client.pause(campaign_id))
        assert report.is_quiet == (there.twin.floor.campaigns[campaign_id].status == service.paused)


@each_service
def test_a_pause_waits_out_limits_and_lost_answers(service: Service) -> None:
    rules = (
        FaultRule(kind=FaultKind.RATE_LIMIT, route=service.campaign_route, nth=(1, 4)),
        FaultRule(kind=FaultKind.SERVER_ERROR, route=service.campaign_route, nth=(2,)),
    )
    with service.world.outside(*rules) as there:
        report = there.run(lambda client: client.pause(service.twin.ACTIVE_ID))
        assert report.state == "paused"
        assert [call.fault for call in there.door.calls] == ["rate_limit", "server_error", "", "rate_limit", ""]


@each_service
def test_a_pause_that_is_limited_without_end_gives_up(service: Service) -> None:
    rule = FaultRule(kind=FaultKind.RATE_LIMIT, route=service.campaign_route, share=1.0)
    with service.world.outside(rule) as there:
        report = there.run(lambda client: client.pause(service.twin.ACTIVE_ID))
        assert report.state is None
        assert sum(there.clock.slept_s) <= 2 * PATIENCE_S


@each_service
@pytest.mark.off_contract  # what a pause of what does not run answers is written nowhere; a refusal is the worst case
@pytest.mark.parametrize("state", ["paused", "draft", "finished"])
def test_a_campaign_that_sends_nothing_anyway_needs_no_pause(service: Service, state: str) -> None:
    campaign_id = service.twin.ACTIVE_ID
    with service.world.outside() as there:
        there.twin.floor.campaigns[campaign_id].status = service.quiet[state]
        report = there.run(lambda client: client.pause(campaign_id))
    assert (report.state, report.is_quiet) == (state, True)


@each_service
def test_a_pause_that_cannot_be_read_back_is_no_pause(service: Service) -> None:
    rule = FaultRule(kind=FaultKind.SERVER_ERROR, route=service.campaign_route, share=1.0)
    with service.world.outside(rule) as there:
        report = there.run(lambda client: client.pause(service.twin.ACTIVE_ID))
    assert not report.is_quiet
    assert "not known" in report.detail


@each_service
def test_pausing_what_is_not_there_says_so(service: Service) -> None:
    with service.world.outside() as there:
        unknown = there.run(lambda client: client.pause(service.unknown_id))
        nonsense = there.run(lambda client: client.pause("../../x"))
    assert not unknown.is_quiet
    assert "404" in unknown.detail
    assert not nonsense.is_quiet


@each_service
def test_nobody_is_added_to_a_campaign_that_is_not_there(service: Service) -> None:
    letter = service.world.letter
    with service.world.outside() as there:
        with pytest.raises(ProviderRejected):
            there.write(letter(sequence_id=service.unknown_id))
        for wrong in service.wrong_ids:
            with pytest.raises(ProviderRejected, match="by its id"):
                there.write(letter(sequence_id=wrong))
        with pytest.raises(ProviderRejected, match="by its id"):
            there.write(letter(), letter("bob@meadow.example", sequence_id=service.twin.PAUSED_ID))
        with pytest.raises(ConfigError, match="no such operation"):
            there.run(lambda client: client.write("other.enrol", [letter()]))


@each_service
def test_the_probe_tells_accepted_rejected_and_unreachable_apart(service: Service) -> None:
    async def unreachable() -> Any:
        async with service.world.client(nobody(), clock=StillClock()) as client:
            return await client.probe()

    with service.world.outside() as there:
        accepted = there.run(lambda client: client.probe())
        rejected = there.run(lambda client: client.probe(), key=WRONG_KEY)
    assert (accepted.state, accepted.detail[:19]) == ("ok", "The key is accepted")
    assert (rejected.state, rejected.fix) == ("fail", f"cmo auth set {service.name}")
    nothing = asyncio.run(unreachable())
    assert nothing.state == "fail"
    assert service.twin.API_KEY not in nothing.detail


@each_service
@pytest.mark.parametrize("use", ["write", "look_up"])
def test_a_refused_key_adds_nobody_and_is_never_told(service: Service, use: str) -> None:
    letter = service.world.letter()
    with service.world.outside() as there:
        with pytest.raises(AuthRejected) as caught:
            there.run(lambda client: getattr(client, use)(service.world.ENROL, [letter]), key=WRONG_KEY)
        assert not there.has(letter)
    assert WRONG_KEY not in f"{caught.value.message} {caught.value.hint} {caught.value.details}"


@each_service
@pytest.mark.parametrize("use", ["write", "look_up"])
def test_where_no_connection_stood_surely_nothing_happened(service: Service, use: str) -> None:
    async def go() -> None:
        async with service.world.client(nobody(), clock=StillClock()) as client:
            await getattr(client, use)(service.world.ENROL, [service.world.letter()])

    with pytest.raises(ProviderUnavailable) as caught:
        asyncio.run(go())
    assert caught.value.details["connected"] is False
    assert service.twin.API_KEY not in str(caught.value)


def withdrawal(service: Service, email: str = "ann@meadow.example", **changed: Any) -> Withdrawal:
    return Withdrawal(key=f"{email}|withdraw", email=email, sequence_id=service.twin.ACTIVE_ID).model_copy(
        update=changed
    )


def withdraw(service: Service, there: Any, item: Withdrawal, *, use: str = "write") -> Receipt:
    async def go(client: Any) -> Any:
        return await getattr(client.withdrawals, use)(f"{service.name}.withdraw", [item])

    [receipt] = there.run(go)
    found: Receipt = receipt
    return found


def mailed(there: Any) -> set[str]:
    """Addresses that got mail once the campaigns' working hours were over."""
    for _ in range(24):
        there.clock.advance(4 * 3_600)
        there.twin.advance(there.clock.now())
    return set(there.texts())


@each_service
def test_who_is_taken_out_is_not_mailed_and_the_others_are(service: Service) -> None:
    letters = [service.world.letter(email) for email in ("ann@meadow.example", "bob@meadow.example")]
    with service.world.outside() as there:
        there.write(*letters)
        first = withdraw(service, there, withdrawal(service, "ANN@meadow.example"))
        again = withdraw(service, there, withdrawal(service))
        assert [(row.fate, row.effect) for row in (first, again)] == [
            (Fate.CONFIRMED, "updated"), (Fate.CONFIRMED, "noop"),
        ]  # fmt: skip
        assert mailed(there) == {"bob@meadow.example"}


@each_service
def test_somebody_of_another_campaign_stays_there(service: Service) -> None:
    with service.world.outside() as there:
        there.write(service.world.letter())
        elsewhere = withdrawal(service, sequence_id=service.twin.PAUSED_ID)
        assert withdraw(service, there, elsewhere).effect == "noop"
        assert there.has(service.world.letter())


@each_service
@pytest.mark.parametrize("kind", [*TOLD_AS_UNKNOWN, FaultKind.OK_WITH_ERROR])
def test_a_doubtful_withdrawal_is_unknown_and_looking_up_settles_it(service: Service, kind: FaultKind) -> None:
    with service.world.outside(service.world.once(kind, service.leave_route)) as there:
        there.write(service.world.letter())
        assert withdraw(service, there, withdrawal(service)).fate is Fate.UNKNOWN
        is_out = not there.has(service.world.letter())
        looked = withdraw(service, there, withdrawal(service), use="look_up")
        assert looked.fate is (Fate.CONFIRMED if is_out else Fate.ABSENT)
        assert withdraw(service, there, withdrawal(service)).fate is Fate.CONFIRMED
        assert not there.has(service.world.letter())


@each_service
def test_the_erased_are_taken_out_by_the_id_that_the_service_gave(service: Service) -> None:
    with service.world.outside() as there:
        there.write(service.world.letter())
        [seen] = there.look_up(service.world.letter())
        item = withdrawal(service, email="", record_id=seen.provider_id)
        assert withdraw(service, there, item, use="look_up").fate is Fate.ABSENT
        assert [withdraw(service, there, item).fate for _ in range(2)] == [Fate.CONFIRMED] * 2
        assert not there.has(service.world.letter())
        assert withdraw(service, there, withdrawal(service, email="")).fate is Fate.REFUSED


@each_service
def test_taking_out_is_one_person_a_call_and_may_be_repeated(service: Service) -> None:
    with service.world.outside() as there:

        async def operations(client: Any) -> Any:
            return client.withdrawals.operations

        [known] = there.run(operations).values()
    assert (known.provider, known.batch, known.repeat) == (service.name, 1, Repeat.REPEATABLE)
