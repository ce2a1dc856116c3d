"""The client against Instantly's twin, over HTTP."""

from __future__ import annotations

import asyncio

import pytest

from cmo.clock import ScaledClock
from cmo.domain.outward import Fate, Receipt, Repeat
from cmo.providers.instantly import OPERATIONS
from cmo.providers.ports import Meter
from cmo.sandbox.vendors.instantly import ACTIVE_ID, ELSEWHERE, PAUSED_ID, UNSUBSCRIBED, WRONG_ID
from tests.fakes.clock import NOON, StillClock
from tests.providers.instantly.world import ENROL, client, letter, outside

NOBODY = "http://127.0.0.1:1"
UNKNOWN_ID = "1a6c0000-0000-4000-8000-00000000dead"


def fates(receipts: tuple[Receipt, ...]) -> list[tuple[str, str, str]]:
    return [(row.fate.value, row.effect, row.code) for row in receipts]


def test_what_arrives_is_what_was_approved_byte_for_byte() -> None:
    letters = [letter(f"p{number}@meadow.example", subject=f"Hi {number} & co") for number in range(3)]
    with outside() as there:
        receipts = there.write(*letters)
        there.twin.advance(NOON)
        assert there.twin.sent == ()
        there.clock.advance(4 * 3600)
        there.twin.advance(there.clock.now())
        there.twin.advance(there.clock.now())
        assert fates(receipts) == [("confirmed", "created", "")] * 3
        assert all(row.provider_id for row in receipts)
        assert there.texts() == {row.to_email: (row.subject, row.body) for row in letters}
        assert len(there.twin.sent) == 3


def test_names_and_company_travel_too_and_protections_stay_on() -> None:
    with outside() as there:
        there.write(letter())
        [call] = there.door.calls
        person = there.twin.enrolled[-1]
    assert (person.first_name, person.last_name, person.company_name) == ("Ann", "Moss", "Meadow & Sons")
    assert '"skip_if_in_campaign":true' in call.body.replace(" ", "")
    assert "blocklist_id" not in call.body


def test_the_same_write_again_changes_nothing_and_says_so() -> None:
    with outside() as there:
        [first] = there.write(letter())
        [again] = there.write(letter())
        assert fates((again,)) == [("confirmed", "noop", "")]
        assert again.provider_id == first.provider_id
        assert [row.email for row in there.twin.enrolled].count("ann@meadow.example") == 1


def test_somebody_elses_text_for_the_address_is_held() -> None:
    with outside() as there:
        there.write(letter())
        [written] = there.write(letter(body="Other words.", key="other"))
        [seen] = there.look_up(letter(subject="Other", key="other"))
    assert fates((written, seen)) == [("held", "ambiguous", "other_text")] * 2


@pytest.mark.parametrize(
    ("email", "code"),
    [
        ("blocked@meadow.example", "blocklisted"),
        ("anybody@blocked.example", "blocklisted"),
        (UNSUBSCRIBED, "blocklisted"),
        (ELSEWHERE, "in_other_campaign"),
        ("nobody@nowhere", "invalid_email"),
    ],
)
def test_a_refusal_that_shows_only_in_counters_is_told_apart(email: str, code: str) -> None:
    with outside() as there:
        receipts = there.write(letter("ann@meadow.example"), letter(email))
        assert fates(receipts) == [("confirmed", "created", ""), ("refused", "", code)]
        assert not there.has(letter(email))
        assert email not in receipts[1].reason


def test_a_batch_with_everything_in_it_is_accounted_for() -> None:
    with outside() as there:
        there.write(letter("old@meadow.example"))
        receipts = there.write(
            letter("new@meadow.example"),
            letter("old@meadow.example"),
            letter(ELSEWHERE),
            letter("blocked@meadow.example"),
            letter("nobody@nowhere"),
            letter("NEW@meadow.example", key="twice"),
            letter("tag@meadow.example", body="Hi {{firstName}}"),
        )
    assert fates(receipts) == [
        ("confirmed", "created", ""),
        ("confirmed", "noop", ""),
        ("refused", "", "in_other_campaign"),
        ("refused", "", "blocklisted"),
        ("refused", "", "invalid_email"),
        ("refused", "", "duplicate"),
        ("refused", "", "merge_tag"),
    ]
    assert "invalid_email_count 1" in receipts[4].reason


def test_without_a_look_at_the_block_list_nobody_is_called_blocked_by_guessing() -> None:
    with outside() as there:
        there.twin.scopes -= {"block_list_entries:read"}
        receipts = there.write(letter("blocked@meadow.example"), letter("nobody@nowhere"))
    assert [row.code for row in receipts] == ["rejected"] * 2


def test_who_is_in_another_campaign_and_not_blocked_is_never_called_blocked() -> None:
    with outside() as there:
        lead_id = "1f1c215e-0000-4000-8000-000000000009"
        there.twin.floor.add(lead_id, WRONG_ID, {"email": "bob@meadow.example"}, custom={}, now=NOON)
        there.twin.block_list.add(ELSEWHERE)
        receipts = there.write(letter("bob@meadow.example"), letter(ELSEWHERE))
    assert [row.code for row in receipts] == ["in_other_campaign", "blocklisted"]


def test_a_merge_tag_never_reaches_the_service() -> None:
    with outside() as there:
        [receipt] = there.write(letter(subject="{{email}} {a|b}"))
        assert fates((receipt,)) == [("refused", "", "merge_tag")]
        assert there.door.calls == ()


def test_looking_up_tells_who_is_there() -> None:
    with outside() as there:
        there.write(letter())
        receipts = there.look_up(letter(), letter("bob@meadow.example"), letter(ELSEWHERE))
    assert [row.fate for row in receipts] == [Fate.CONFIRMED, Fate.ABSENT, Fate.ABSENT]


def test_a_hundred_people_fit_into_one_call_and_one_look() -> None:
    letters = [letter(f"p{number:03}@meadow.example") for number in range(100)]
    with outside() as there:
        assert {row.fate for row in there.write(*letters)} == {Fate.CONFIRMED}
        assert {row.fate for row in there.look_up(*letters)} == {Fate.CONFIRMED}
        with pytest.raises(ValueError, match="at most 100"):
            there.write(*letters, letter())


def test_a_campaign_of_ours_has_no_problems_and_three_warm_inboxes() -> None:
    with outside() as there:
        found = there.run(lambda instantly: instantly.sequence(ACTIVE_ID), zone="UTC")
        paused = there.run(lambda instantly: instantly.sequence(PAUSED_ID))
    assert (found.id, found.name, found.state, found.problems) == (ACTIVE_ID, "Approved letters", "sending", ())
    assert [inbox.is_warm for inbox in found.inboxes] == [True] * 3
    [told] = paused.problems
    assert (paused.state, "resume it" in told) == ("paused", True)


def test_a_campaign_with_words_of_its_own_is_complained_about() -> None:
    with outside() as there:
        found = there.run(lambda instantly: instantly.sequence(WRONG_ID), zone="Europe/Berlin")
    told = " ".join(found.problems)
    assert "{{cmo_subject}}" in told
    assert "{{cmo_body}}" in told
    assert "2 steps" in told
    assert "Open tracking" in told
    assert "Link tracking" in told
    assert "unsubscribe header" in told
    assert "choose Europe/Belgrade" in told


def test_the_probe_names_the_scopes_that_the_key_lacks() -> None:
    with outside() as there:
        there.twin.scopes -= {"accounts:read", "leads:read", "workspaces:read"}
        found = there.run(lambda instantly: instantly.probe())
    assert (found.state, found.detail) == ("fail", "The key is known, but it lacks accounts:read, leads:read.")
    assert "leads:create" in found.fix


def test_a_key_that_may_do_what_we_need_and_no_more_is_accepted() -> None:
    with outside() as there:
        there.twin.scopes -= {"workspaces:read"}
        found = there.run(lambda instantly: instantly.probe())
    assert (found.state, found.detail) == ("ok", "The key is accepted.")


def test_every_request_is_counted() -> None:
    meter = Meter()

    async def go(url: str, clock: StillClock) -> None:
        async with client(url, clock=clock, meter=meter) as instantly:
            await instantly.write(ENROL, [letter(), letter("blocked@meadow.example")])

    with outside() as there:
        asyncio.run(go(there.url, there.clock))
        assert meter.snapshot() == dict.fromkeys(("api_calls", "instantly_api_calls"), len(there.door.calls))


def test_the_table_of_writes_says_how_a_doubt_is_settled() -> None:
    [enrol] = OPERATIONS
    assert (enrol.name, enrol.provider, enrol.repeat, enrol.batch) == (ENROL, "instantly", Repeat.REPEATABLE, 100)
    assert client(NOBODY, clock=ScaledClock(NOON), timeout_s=0.3).operations[ENROL].timeout_s == 0.3
