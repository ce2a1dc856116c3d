"""The client against Smartlead's twin, over HTTP."""

from __future__ import annotations

import pytest

from cmo.clock import ScaledClock
from cmo.domain.outward import Fate, Receipt, Repeat
from cmo.providers.smartlead import OPERATIONS, Smartlead
from cmo.sandbox.vendors.smartlead import ACTIVE_ID, ELSEWHERE, PAUSED_ID, UNSUBSCRIBED, WRONG_ID, Form
from tests.fakes.clock import NOON
from tests.providers.smartlead.world import ENROL, client, letter, outside

NOBODY = "http://127.0.0.1:1"
UNKNOWN_ID = "9999"
each_form = pytest.mark.parametrize("form", ["live", "site", "openapi"])


def fates(receipts: tuple[Receipt, ...]) -> list[tuple[str, str, str]]:
    return [(row.fate.value, row.effect, row.code) for row in receipts]


@each_form
def test_what_arrives_is_what_was_approved_byte_for_byte(form: Form) -> None:
    letters = [letter(f"p{number}+x@meadow.example", subject=f"Hi {number} & co") for number in range(3)]
    with outside(form=form) as there:
        receipts = there.write(*letters)
        there.clock.advance(4 * 3600)
        there.twin.advance(there.clock.now())
        there.twin.advance(there.clock.now())
        assert fates(receipts) == [("confirmed", "created", "")] * 3
        assert all(row.provider_id for row in receipts)
        assert there.texts() == {row.to_email: (row.subject, row.body) for row in letters}
        assert len(there.twin.sent) == 3


@each_form
def test_the_same_write_again_changes_nothing(form: Form) -> None:
    with outside(form=form) as there:
        [first] = there.write(letter())
        [again] = there.write(letter())
        assert fates((again,)) == [("confirmed", "", "")]
        assert again.provider_id == first.provider_id
        assert [row.email for row in there.twin.enrolled].count("ann@meadow.example") == 1


def test_somebody_elses_text_for_the_address_is_held() -> None:
    with outside() as there:
        there.write(letter())
        [written] = there.write(letter(body="Other words.", key="other"))
        [seen] = there.look_up(letter(subject="Other", key="other"))
    assert fates((written, seen)) == [("held", "ambiguous", "other_text")] * 2


@pytest.mark.parametrize(
    ("email", "codes"),
    [
        ("blocked@meadow.example", {"live": "blocklisted", "site": "skipped", "openapi": "blocklisted"}),
        ("anybody@blocked.example", {"live": "blocklisted", "site": "skipped", "openapi": "blocklisted"}),
        (UNSUBSCRIBED, {"live": "unsubscribed", "site": "skipped", "openapi": "blocklisted"}),
        (ELSEWHERE, dict.fromkeys(("live", "site", "openapi"), "in_other_campaign")),
        ("nobody@nowhere", {"live": "invalid_email", "site": "skipped", "openapi": "blocklisted"}),
    ],
)
@each_form
def test_a_refusal_that_answers_ok_is_told_apart(form: Form, email: str, codes: dict[Form, str]) -> None:
    with outside(form=form) as there:
        receipts = there.write(letter("ann@meadow.example"), letter(email))
        assert (receipts[0].fate, receipts[1].fate) == (Fate.CONFIRMED, Fate.REFUSED)
        assert receipts[1].code == codes[form]
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
            letter(UNSUBSCRIBED),
            letter("NEW@meadow.example", key="twice"),
            letter("tag@meadow.example", body="Hi {{first_name}}"),
        )
    assert fates(receipts) == [
        ("confirmed", "", ""),
        ("confirmed", "", ""),
        ("refused", "", "in_other_campaign"),
        ("refused", "", "blocklisted"),
        ("refused", "", "invalid_email"),
        ("refused", "", "unsubscribed"),
        ("refused", "", "duplicate"),
        ("refused", "", "merge_tag"),
    ]


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


def test_a_full_batch_stays_within_the_lowest_limits() -> None:
    letters = [letter(f"p{number:02}@meadow.example") for number in range(20)]
    with outside() as there:

        async def several(smartlead: Smartlead) -> list[Fate]:
            receipts = [*await smartlead.write(ENROL, letters), *await smartlead.look_up(ENROL, letters)]
            return [row.fate for row in [*receipts, *await smartlead.look_up(ENROL, letters)]]

        began_s = there.clock.monotonic()
        assert there.run(several) == [Fate.CONFIRMED] * 60
        assert {call.status for call in there.door.calls} == {200}
        assert there.clock.monotonic() - began_s >= 60
        with pytest.raises(ValueError, match="at most 20"):
            there.write(*letters, letter())


def test_a_campaign_of_ours_has_no_problems() -> None:
    with outside() as there:
        found = there.run(lambda smartlead: smartlead.sequence(ACTIVE_ID))
        paused = there.run(lambda smartlead: smartlead.sequence(PAUSED_ID))
    assert (found.id, found.name, found.state, found.problems) == (ACTIVE_ID, "Approved letters", "sending", ())
    assert len(found.inboxes) == 3
    [told] = paused.problems
    assert (paused.state, "start it again" in told) == ("paused", True)


def test_a_campaign_with_words_of_its_own_is_complained_about() -> None:
    with outside() as there:
        found = there.run(lambda smartlead: smartlead.sequence(WRONG_ID))
    told = " ".join(found.problems)
    for word in ("{{cmo_subject}}", "{{cmo_body}}", "2 steps", "Open tracking", "Link tracking", "unsubscribe text"):
        assert word in told


def test_the_table_of_writes_says_how_a_doubt_is_settled() -> None:
    [enrol] = OPERATIONS
    assert (enrol.name, enrol.provider, enrol.repeat, enrol.batch) == (ENROL, "smartlead", Repeat.REPEATABLE, 20)
    assert client(NOBODY, clock=ScaledClock(NOON), timeout_s=0.3).operations[ENROL].timeout_s == 0.3
