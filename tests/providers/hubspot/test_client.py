"""What the client of HubSpot does to an account, seen in the account's own books."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime

import pytest

from cmo.domain.outward import CrmItem, Fate, Receipt, Repeat
from cmo.errors import AuthRejected, ConfigError, ProviderRejected, RateLimited
from cmo.providers.hubspot import HubSpot
from cmo.sandbox.faults import FaultKind, FaultRule
from tests.providers.hubspot.rig import (
    ADA,
    COMPANY,
    CONTACT,
    DEAL,
    DOMAIN,
    LINK,
    MARKER,
    NOTE,
    company,
    contact,
    hung,
    link,
    rig,
)


def test_contacts_are_created_updated_or_left_alone_in_one_batch() -> None:
    with rig() as outside:
        outside.add("contacts", email="bo@x.example", company="Engines")
        outside.add("contacts", email="cy@x.example", firstname="Ada", lastname="Lovelace", company="Engines")
        receipts = outside.write(CONTACT, contact(), contact("Bo@x.example"), contact("cy@x.example"))
        assert [(receipt.fate, receipt.effect) for receipt in receipts] == [
            (Fate.CONFIRMED, "created"),
            (Fate.CONFIRMED, "updated"),
            (Fate.CONFIRMED, "noop"),
        ]
        ids = [receipt.provider_id for receipt in receipts]
        rows = outside.hubspot.books.objects["contacts"]
        assert [rows[str(number)]["properties"]["email"] for number in ids] == [ADA, "bo@x.example", "cy@x.example"]
        assert all((row["firstname"], row["lastname"]) == ("Ada", "Lovelace") for row in outside.held("contacts"))
        assert [call.path for call in outside.writes] == ["/crm/objects/2026-09/contacts/batch/upsert"]
        assert outside.meter.snapshot() == {"api_calls": 2, "hubspot_api_calls": 2}


def test_a_hundred_contacts_are_one_batch_and_receipts_keep_their_order() -> None:
    items = [contact(f"p{number}@x.example", first_name=f"P{number}", last_name="X") for number in range(100)]
    with rig() as outside:
        receipts = outside.write(CONTACT, *items)
        assert [receipt.key for receipt in receipts] == [item.key for item in items]
        rows = outside.hubspot.books.objects["contacts"]
        assert [rows[str(receipt.provider_id)]["properties"]["firstname"] for receipt in receipts] == [
            f"P{number}" for number in range(100)
        ]
        assert len(outside.open.door.calls) == 2
        with pytest.raises(ValueError, match="at most 100"):
            outside.write(CONTACT, *items, contact())


def test_what_we_do_not_know_is_sent_as_it_stands_so_that_an_upsert_empties_nothing() -> None:
    with rig() as outside:
        outside.add("contacts", email=ADA, firstname="A.", lastname="Lovelace", company="Engines Ltd", jobtitle="CTO")
        item = contact(name="", first_name="Ada", company="", overwrites=True)
        assert outside.write(CONTACT, item)[0].effect == "updated"
        assert outside.held("contacts") == [
            {"email": ADA, "firstname": "Ada", "lastname": "Lovelace", "company": "Engines Ltd", "jobtitle": "CTO"}
        ]


def test_what_is_empty_is_filled_and_what_somebody_wrote_is_overwritten_only_where_asked() -> None:
    with rig() as outside:
        outside.add("contacts", email=ADA, firstname="Countess")
        (filled,) = outside.write(CONTACT, contact())
        assert (filled.effect, outside.held("contacts")) == (
            "updated",
            [{"email": ADA, "firstname": "Countess", "lastname": "", "company": "Engines"}],
        )
        assert outside.look_up(CONTACT, contact()).differs == {"name": "Countess"}
        assert outside.write(CONTACT, contact())[0].effect == "noop"
        assert outside.write(CONTACT, contact(overwrites=True))[0].effect == "updated"
        assert outside.held("contacts") == [
            {"email": ADA, "firstname": "Ada", "lastname": "Lovelace", "company": "Engines"}
        ]


def test_a_look_finds_a_contact_whose_address_was_changed() -> None:
    with rig() as outside:
        contact_id = outside.add("contacts", email="ada@home.example")
        moved = outside.look_up(CONTACT, contact(record_id=contact_id))
        assert (moved.fate, moved.provider_id) == (Fate.ABSENT, contact_id)
        assert moved.differs == {"email": "ada@home.example"}
        assert outside.look_up(CONTACT, contact(record_id="404404")).provider_id is None


def test_a_note_that_somebody_changed_is_there_and_differs() -> None:
    with rig() as outside:
        item = hung(outside.add("contacts", email=ADA))
        outside.write(NOTE, item)
        assert outside.look_up(NOTE, item).differs == {}
        (held,) = outside.held("notes")
        style = "x" * 900
        held["hs_note_body"] = f'<div style="{style}">{held["hs_note_body"]}</div>'.replace(" ", "&nbsp;")
        assert outside.look_up(NOTE, item).differs == {}
        held["hs_note_body"] = f"<p>{MARKER} called <b>back</b></p>"
        looked = outside.look_up(NOTE, item)
        assert (looked.fate, looked.differs) == (Fate.CONFIRMED, {"text": f"{MARKER} called back"})


def test_an_additional_address_finds_the_contact_and_does_not_become_its_first_one() -> None:
    with rig() as outside:
        outside.add("contacts", email="ada@home.example", hs_additional_emails=f"x@x.example;{ADA}", firstname="A.")
        (receipt,) = outside.write(CONTACT, contact())
        assert receipt.effect == "updated"
        (held,) = outside.held("contacts")
        assert (held["email"], held["firstname"], held["company"]) == ("ada@home.example", "A.", "Engines")
        assert outside.write(CONTACT, contact())[0].effect == "noop"


def test_a_contact_who_is_known_by_another_address_is_theirs_and_two_are_held() -> None:
    with rig() as outside:
        contact_id, company_id = outside.add("contacts", email="ada@home.example"), outside.add("companies")
        item = contact(other_emails=("Ada@Home.example",), record_id=company_id)
        assert [outside.write(CONTACT, item)[0].provider_id for _ in range(2)] == [contact_id] * 2
        assert outside.write(LINK, item)[0].effect == "created"
        outside.add("contacts", email=ADA)
        for operation in (CONTACT, LINK):
            (receipt,) = outside.write(operation, item)
            assert (receipt.fate, receipt.effect) == (Fate.HELD, "ambiguous")
        assert len(outside.held("contacts")) == 2


def test_merged_contacts_are_found_by_either_address_and_their_notes_by_the_former_id() -> None:
    with rig() as outside:
        gone, kept = outside.add("contacts", email=ADA), outside.add("contacts", email="ada@home.example")
        outside.write(NOTE, hung(gone))
        outside.hubspot.books.merge_contacts(kept, gone)
        assert outside.run(lambda client: client.preview(CONTACT, [contact()]))[0].effect == "updated"
        assert outside.look_up(NOTE, hung(gone)).fate is Fate.CONFIRMED
        assert outside.look_up(NOTE, hung(kept)).fate is Fate.CONFIRMED


@pytest.mark.parametrize("fails_whole_batches", [False, True])
def test_one_bad_input_is_refused_and_the_others_are_written(fails_whole_batches: bool) -> None:
    with rig() as outside:
        outside.hubspot.fails_whole_batches = fails_whole_batches
        good, bad, other = outside.write(CONTACT, contact(), contact("no@address"), contact("bo@x.example"))
        assert (good.effect, other.effect) == ("created", "created")
        assert (bad.fate, bad.code) == (Fate.REFUSED, "invalid_email")
        assert [row["email"] for row in outside.held("contacts")] == [ADA, "bo@x.example"]


def test_a_limit_in_the_middle_of_single_upserts_leaves_the_rest_for_later() -> None:
    limit = FaultRule(
        kind=FaultKind.RATE_LIMIT, route="out:hubspot/crm/objects/2026-09/contacts/batch/upsert", nth=(3,)
    )
    with rig(limit) as outside:
        outside.hubspot.fails_whole_batches = True
        bad, late = outside.write(CONTACT, contact("no@address"), contact())
        assert (bad.fate, late.fate, late.code) == (Fate.REFUSED, Fate.LATER, "rate_limited")
        assert late.retry_after_s == 10.0
        assert outside.held("contacts") == []


def test_a_contact_that_is_in_a_batch_twice_is_written_once() -> None:
    with rig() as outside:
        first, second = outside.write(CONTACT, contact(), contact(ADA.upper(), name="Countess"))
        assert (first.effect, second.fate, second.code) == ("created", Fate.LATER, "too_early")


def test_preview_and_look_up_agree_with_what_writing_does_and_write_nothing() -> None:
    items = [contact("new@x.example"), contact("bo@x.example"), contact("cy@x.example")]
    with rig() as outside:
        outside.add("contacts", email="bo@x.example")
        outside.add("contacts", email="cy@x.example", firstname="Ada", lastname="Lovelace", company="Engines")
        seen = outside.run(lambda client: client.preview(CONTACT, items))
        looked = outside.run(lambda client: client.look_up(CONTACT, items))
        assert outside.writes == []
        assert [receipt.effect for receipt in seen] == ["created", "updated", "noop"]
        assert [(receipt.fate, receipt.effect) for receipt in looked] == [
            (Fate.ABSENT, ""),
            (Fate.ABSENT, ""),
            (Fate.CONFIRMED, ""),
        ]
        assert [receipt.effect for receipt in outside.write(CONTACT, *items)] == [receipt.effect for receipt in seen]


def test_a_company_is_created_once_while_searches_do_not_show_it_yet() -> None:
    async def act(client: HubSpot) -> list[Receipt]:
        return [(await client.write(COMPANY, [company()]))[0] for _ in range(2)]

    with rig() as outside:
        assert [receipt.effect for receipt in outside.run(act)] == ["created", "noop"]
        assert outside.held("companies") == [{"domain": DOMAIN, "name": "Engines"}]


def test_a_contact_is_linked_with_its_company_once_by_whichever_of_its_addresses() -> None:
    with rig() as outside:
        company_id = outside.add("companies", domain=DOMAIN)
        contact_id = outside.add("contacts", email="ada@first.example", hs_additional_emails=ADA)
        assert outside.look_up(LINK, link(company_id)).fate is Fate.ABSENT
        effects = [outside.write(LINK, link(company_id))[0].effect for _ in range(2)]
        assert effects == ["created", "noop"]
        assert outside.hubspot.books.links == [["contacts", contact_id, "companies", company_id]]
        assert outside.look_up(LINK, link(company_id)).fate is Fate.CONFIRMED


@pytest.mark.parametrize("is_whole", [True, False])
def test_many_contacts_are_linked_together_and_one_by_one_where_one_of_them_cannot_be(is_whole: bool) -> None:
    with rig() as outside:
        company_id = outside.add("companies", domain=DOMAIN)
        emails = [f"p{number}@{DOMAIN}" for number in range(100)]
        ids = [outside.add("contacts", email=email) for email in emails]
        outside.hubspot.books.link("contacts", ids[0], "companies", company_id)
        items = [link(company_id, email) for email in emails]
        if not is_whole:
            items[7] = link("404404", emails[7])
        receipts = outside.write(LINK, *items)
        assert [receipt.key for receipt in receipts] == [item.key for item in items]
        fates = {receipt.effect or receipt.code: 0 for receipt in receipts}
        for receipt in receipts:
            fates[receipt.effect or receipt.code] += 1
        assert fates == {"noop": 1, "created": 99} if is_whole else {"noop": 1, "created": 98, "record_missing": 1}
        assert len(outside.hubspot.books.links) == (100 if is_whole else 99)
        assert len(outside.open.door.calls) == (3 if is_whole else 3 + 99)


def test_a_limit_in_the_middle_of_single_links_leaves_the_rest_for_later() -> None:
    limit = FaultRule(kind=FaultKind.RATE_LIMIT, route="out:hubspot/crm/objects/2026-09/contacts", nth=(2,))
    with rig(limit) as outside:
        company_id = outside.add("companies", domain=DOMAIN)
        for email in (ADA, "bo@x.example"):
            outside.add("contacts", email=email)
        late, made = outside.write(LINK, link(company_id), link("404404", "bo@x.example"))
        assert (late.fate, late.code) == (Fate.LATER, "rate_limited")
        assert made.fate in (Fate.LATER, Fate.REFUSED)
        assert outside.hubspot.books.links == []


def test_a_link_of_a_contact_or_with_a_company_that_is_gone_is_refused() -> None:
    with rig() as outside:
        company_id = outside.add("companies", domain=DOMAIN)
        (no_contact,) = outside.write(LINK, link(company_id))
        outside.add("contacts", email=ADA)
        (no_company,) = outside.write(LINK, link("404404"))
        for receipt in (no_contact, no_company):
            assert (receipt.fate, receipt.code) == (Fate.REFUSED, "record_missing")


def test_without_a_unique_property_another_process_makes_a_second_company_that_is_then_held() -> None:
    with rig() as outside:
        for _ in range(2):
            outside.write(COMPANY, company())
        outside.clock.advance(60.0)
        for receipt in (*outside.write(COMPANY, company()), outside.look_up(COMPANY, company())):
            assert (receipt.fate, receipt.effect) == (Fate.HELD, "ambiguous")
        assert len(outside.held("companies")) == 2


def test_with_a_unique_property_another_process_finds_the_company_at_once() -> None:
    with rig() as outside:
        outside.unique_property = "cmo_key"
        outside.hubspot.books.unique_properties["companies"].append("cmo_key")
        first, second = outside.write(COMPANY, company())[0], outside.write(COMPANY, company())[0]
        assert (first.effect, second.effect) == ("created", "noop")
        assert outside.held("companies") == [{"cmo_key": DOMAIN, "domain": DOMAIN, "name": "Engines"}]
        assert outside.look_up(COMPANY, company()).provider_id == first.provider_id


def test_a_company_that_somebody_else_made_is_used_as_it_is() -> None:
    with rig() as outside:
        company_id = outside.add("companies", domain=DOMAIN, name="Engines GmbH")
        (receipt,) = outside.write(COMPANY, company())
        assert (receipt.effect, receipt.provider_id) == ("noop", company_id)
        assert outside.held("companies") == [{"domain": DOMAIN, "name": "Engines GmbH"}]


def test_after_a_doubtful_post_no_company_is_created_until_a_search_would_show_it() -> None:
    async def act(client: HubSpot) -> list[Receipt]:
        (doubtful,) = await client.write(COMPANY, [company()])
        (looked,) = await client.look_up(COMPANY, [company()])
        (again,) = await client.write(COMPANY, [company()])
        outside.clock.advance(client.operations[COMPANY].margin_s)
        (settled,) = await client.look_up(COMPANY, [company()])
        return [doubtful, looked, again, settled]

    lost = FaultRule(kind=FaultKind.RESET_AFTER, route="out:hubspot/crm/objects/2026-09/companies", nth=(2,))
    with rig(lost) as outside:
        receipts = outside.run(act)
        assert [receipt.fate for receipt in receipts] == [Fate.UNKNOWN, Fate.UNKNOWN, Fate.LATER, Fate.CONFIRMED]
        assert receipts[2].code == "too_early"
        assert len(outside.held("companies")) == 1


def test_a_note_shows_its_text_as_text_and_carries_marker_time_and_contact() -> None:
    at = datetime(2026, 11, 3, 8, 30, tzinfo=UTC)
    with rig() as outside:
        contact_id = outside.add("contacts", email=ADA)
        (receipt,) = outside.write(NOTE, hung(contact_id, happened_at=at))
        assert (receipt.fate, receipt.effect) == (Fate.CONFIRMED, "created")
        assert outside.held("notes") == [
            {
                "hs_timestamp": str(int(at.timestamp() * 1000)),
                "hs_note_body": f"Cold email scheduled {MARKER}<br><br>One &lt;b&gt;line&lt;/b&gt;.<br>Two.",
            }
        ]
        assert outside.hubspot.books.links == [["notes", receipt.provider_id, "contacts", contact_id]]


def test_a_deal_goes_to_the_first_stage_and_carries_its_marker_in_the_name() -> None:
    with rig() as outside:
        contact_id = outside.add("contacts", email=ADA)
        (receipt,) = outside.write(DEAL, hung(contact_id, title="Engines pilot"))
        assert outside.held("deals") == [
            {"dealname": f"Engines pilot {MARKER}", "pipeline": "default", "dealstage": "appointmentscheduled"}
        ]
        assert outside.look_up(DEAL, hung(contact_id)).provider_id == receipt.provider_id


@pytest.mark.parametrize("operation", [NOTE, DEAL])
def test_notes_and_deals_are_found_at_once_on_any_page_and_two_are_held(operation: str) -> None:
    kind, text = ("notes", "hs_note_body") if operation == NOTE else ("deals", "dealname")
    with rig() as outside:
        contact_id = outside.add("contacts", email=ADA)
        assert outside.look_up(operation, hung(contact_id)).fate is Fate.ABSENT
        for number in range(230):
            other = outside.add(kind, **{text: f"[cmo:{number}]"})
            outside.hubspot.books.link(kind, other, "contacts", contact_id)
        (written,) = outside.write(operation, hung(contact_id))
        assert outside.look_up(operation, hung(contact_id)).provider_id == written.provider_id
        outside.write(operation, hung(contact_id))
        assert outside.look_up(operation, hung(contact_id)).fate is Fate.HELD


def test_a_note_about_a_contact_that_is_gone_is_refused() -> None:
    with rig() as outside:
        (receipt,) = outside.write(NOTE, hung("404404"))
        assert (receipt.fate, receipt.code) == (Fate.REFUSED, "record_missing")
        assert outside.held("notes") == []


def test_a_note_that_is_too_long_is_refused_without_a_request() -> None:
    with rig() as outside:
        (receipt,) = outside.write(NOTE, hung("1", text="x" * 65_537))
        assert (receipt.fate, receipt.code) == (Fate.REFUSED, "too_large")
        assert outside.open.door.calls == ()


def test_more_requests_than_ten_seconds_allow_are_spread_without_a_refusal() -> None:
    async def act(client: HubSpot) -> float:
        began = outside.clock.monotonic()
        for number in range(120):
            await client.write(NOTE, [hung(contact_id, f"[cmo:{number}]")])
        return outside.clock.monotonic() - began

    with rig() as outside:
        contact_id = outside.add("contacts", email=ADA)
        assert outside.run(act) >= 10.0
        assert len(outside.held("notes")) == 120


def test_searches_are_spread_over_their_own_smaller_limit() -> None:
    async def act(client: HubSpot) -> float:
        began = outside.clock.monotonic()
        for _ in range(9):
            await client.look_up(COMPANY, [company()])
        return outside.clock.monotonic() - began

    with rig() as outside:
        assert outside.run(act) >= 2.0


def test_after_a_limit_nothing_goes_out_before_its_window_is_over() -> None:
    async def act(client: HubSpot) -> float:
        with pytest.raises(RateLimited) as limited:
            await client.write(NOTE, [hung(contact_id)])
        assert (limited.value.retry_after_s, limited.value.resource) == (10.0, "ten_secondly_rolling")
        began = outside.clock.monotonic()
        await client.write(NOTE, [hung(contact_id)])
        return outside.clock.monotonic() - began

    limit = FaultRule(kind=FaultKind.RATE_LIMIT, route="out:hubspot/crm/objects/2026-09/notes", nth=(1,))
    with rig(limit) as outside:
        contact_id = outside.add("contacts", email=ADA)
        assert outside.run(act) >= 9.9


def test_a_refused_key_and_a_missing_scope_are_errors_of_the_whole_call() -> None:
    with rig() as outside:
        outside.hubspot.missing_scopes = ("crm.objects.contacts.write",)
        with pytest.raises(ProviderRejected) as missing:
            outside.write(CONTACT, contact())
        assert "crm.objects.contacts.write" in missing.value.hint
        outside.key = "not-the-token-of-this-account"
        with pytest.raises(AuthRejected):
            outside.write(CONTACT, contact())


@pytest.mark.parametrize(
    ("operation", "item"),
    [
        ("hubspot.entry", contact()),
        (CONTACT, contact(list_id="7")),
        (COMPANY, contact()),
        (LINK, contact()),
        (NOTE, contact(record_id="1", title="no marker")),
        (DEAL, contact(marker=MARKER)),
    ],
)
def test_what_cannot_be_asked_for_is_refused_before_any_request(operation: str, item: CrmItem) -> None:
    with rig() as outside:
        for ask in (outside.write, outside.look_up):
            with pytest.raises(ConfigError):
                ask(operation, item)
        assert outside.open.door.calls == ()


def test_another_dated_version_goes_into_every_path() -> None:
    with rig() as outside:
        outside.api_version = "2026-03"
        outside.write(CONTACT, contact())
        assert {call.path.split("/")[3] for call in outside.open.door.calls} == {"2026-03"}


def test_every_operation_says_how_a_doubtful_write_is_settled() -> None:
    async def act(client: HubSpot) -> dict[str, tuple[Repeat, int]]:
        return {name: (known.repeat, known.batch) for name, known in client.operations.items()}

    expected = {
        CONTACT: (Repeat.REPEATABLE, 100),
        COMPANY: (Repeat.LOOKED_UP, 1),
        LINK: (Repeat.REPEATABLE, 100),
        NOTE: (Repeat.LOOKED_UP, 1),
        DEAL: (Repeat.LOOKED_UP, 1),
    }
    with rig() as outside:
        assert outside.run(act) == expected
        outside.unique_property = "cmo_key"
        assert outside.run(act) == {**expected, COMPANY: (Repeat.REPEATABLE, 1)}


def test_values_on_the_wire_are_strings() -> None:
    with rig() as outside:
        outside.write(NOTE, hung(outside.add("contacts", email=ADA)))
        properties = json.loads(outside.writes[0].body)["properties"]
        assert all(isinstance(value, str) for value in properties.values())


def test_a_company_whose_creation_was_cancelled_is_not_created_again_before_searches_would_show_it() -> None:
    async def act(client: HubSpot) -> list[Receipt]:
        asked = asyncio.create_task(client.write(COMPANY, [company()]))
        while not outside.held("companies"):
            await asyncio.sleep(0.001)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        return [*await client.look_up(COMPANY, [company()]), *await client.write(COMPANY, [company()])]

    lost = FaultRule(kind=FaultKind.TIMEOUT_AFTER, route="out:hubspot/crm/objects/2026-09/companies", nth=(2,))
    with rig(lost) as outside:
        assert [receipt.fate for receipt in outside.run(act)] == [Fate.UNKNOWN, Fate.LATER]
        assert len(outside.held("companies")) == 1
