"""What the client of Attio does to a workspace, seen in the workspace's own books."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime

import pytest

from cmo.clock import ScaledClock
from cmo.domain.outward import CrmItem, Fate, Receipt, Repeat
from cmo.errors import AuthRejected, ConfigError, ProviderRejected, RateLimited
from cmo.providers.attio import Attio
from cmo.sandbox.faults import FaultKind, FaultRule
from cmo.sandbox.vendors.attio import LIST_ID
from cmo.sandbox.vendors.attio_values import AttributeSpec
from tests.fakes.clock import NOON
from tests.providers.attio.rig import ADA, ENTRY, MARKER, NOTE, PERSON, note, on_list, person, rig


def test_a_new_person_is_created_put_on_the_list_and_noted() -> None:
    with rig() as outside:
        made = outside.write(PERSON, person())
        assert (made.fate, made.effect) == (Fate.CONFIRMED, "created")
        assert made.provider_id is not None
        placed = outside.write(ENTRY, on_list(made.provider_id))
        noted = outside.write(NOTE, note(made.provider_id))
        assert (placed.fate, placed.effect) == (Fate.CONFIRMED, "created")
        assert (noted.fate, noted.effect) == (Fate.CONFIRMED, "created")
        books = outside.attio.books
        assert list(books.people) == [made.provider_id]
        assert [entry["parent_record_id"] for entry in books.entries.values()] == [made.provider_id]
        assert [(entry["title"], entry["content_plaintext"]) for entry in books.notes] == [
            (f"Cold email scheduled {MARKER}", "One line.\nTwo.")
        ]


def test_an_equal_person_is_left_alone() -> None:
    with rig() as outside:
        first = outside.write(PERSON, person())
        again = outside.write(PERSON, person(ADA.upper()))
        assert (again.fate, again.effect, again.provider_id) == (Fate.CONFIRMED, "noop", first.provider_id)
        assert [call.method for call in outside.writes] == ["PUT"]


def test_another_name_is_overwritten_only_where_asked_and_the_rest_of_the_record_never() -> None:
    with rig() as outside:
        record_id = outside.add_person(name="A. Lovelace", categories=("Customer",))
        outside.attio.books.people[record_id]["emails"].append("ada@home.example")
        item = person(first_name="Ada", last_name="Lovelace")
        left = outside.write(PERSON, item)
        assert (left.effect, left.differs) == ("noop", {"name": "A. Lovelace"})
        changed = outside.write(PERSON, item.model_copy(update={"overwrites": True}))
        held = outside.attio.books.people[record_id]
        assert (changed.effect, changed.provider_id) == ("updated", record_id)
        assert held["name"] == {"first_name": "Ada", "last_name": "Lovelace", "full_name": "Ada Lovelace"}
        assert held["emails"] == [ADA, "ada@home.example"]
        assert held["categories"] == ["Customer"]


def test_what_is_empty_is_filled_without_what_somebody_wrote() -> None:
    with rig() as outside:
        company_id = outside.attio.books.add_company("Engines", "engines.example", now=NOON)
        record_id = outside.add_person(name="Countess")
        filled = outside.write(PERSON, person(company_domain="engines.example"))
        assert (filled.effect, filled.provider_id) == ("updated", record_id)
        held = outside.attio.books.people[record_id]
        assert (held["company"], held["name"]["full_name"]) == (company_id, "Countess")
        assert set(json.loads(outside.writes[-1].body)["data"]["values"]) == {"email_addresses", "company"}


def test_a_look_tells_what_is_otherwise_and_finds_a_person_whose_address_was_changed() -> None:
    with rig() as outside:
        record_id = outside.add_person(name="Countess")
        known = person(record_id=record_id)
        assert outside.look_up(PERSON, known).differs == {"name": "Countess"}
        outside.attio.books.people[record_id].update(name={}, emails=[ADA, "ada@home.example"])
        lacks = outside.look_up(PERSON, known)
        assert (lacks.fate, lacks.provider_id, lacks.differs) == (Fate.ABSENT, record_id, {"name": ""})
        outside.attio.books.people[record_id]["emails"] = ["ada@home.example"]
        moved = outside.look_up(PERSON, known)
        assert (moved.fate, moved.provider_id, moved.differs) == (Fate.ABSENT, record_id, {"email": "ada@home.example"})
        del outside.attio.books.people[record_id]
        gone = outside.look_up(PERSON, known)
        assert (gone.fate, gone.provider_id, gone.differs) == (Fate.ABSENT, None, {})


def test_a_note_that_somebody_changed_is_there_and_differs() -> None:
    with rig() as outside:
        item = note(outside.add_person()).model_copy(update={"text": "A long story. " * 99})
        outside.write(NOTE, item)
        assert outside.look_up(NOTE, item).differs == {}
        outside.attio.books.notes[0]["content_plaintext"] += "And its end."
        assert outside.look_up(NOTE, item).differs["text"].endswith("its end.")
        outside.attio.books.notes[0]["content_plaintext"] = "He called back."
        looked = outside.look_up(NOTE, item)
        assert (looked.fate, looked.differs) == (Fate.CONFIRMED, {"text": "He called back."})


def test_a_company_is_referred_to_when_the_workspace_has_it_and_left_out_when_not() -> None:
    with rig() as outside:
        company_id = outside.attio.books.add_company("Engines", "engines.example", now=NOON)
        known = outside.write(PERSON, person(company_domain="engines.example"))
        unknown = outside.write(PERSON, person("bo@nowhere.example", company_domain="nowhere.example"))
        assert known.effect == unknown.effect == "created"
        assert [row["company"] for row in outside.attio.books.people.values()] == [company_id, None]
        assert outside.write(PERSON, person(company_domain="engines.example")).effect == "noop"


def test_a_company_that_is_there_twice_is_left_out() -> None:
    with rig() as outside:
        for name in ("Engines", "Engines GmbH"):
            outside.attio.books.add_company(name, "engines.example", now=NOON)
        assert outside.write(PERSON, person(company_domain="engines.example")).effect == "created"
        assert [row["company"] for row in outside.attio.books.people.values()] == [None]


def test_attributes_that_are_missing_or_would_lose_values_are_not_sent() -> None:
    with rig() as outside:
        outside.attio.drop_attribute("name")
        outside.attio.set_attribute("company", AttributeSpec("record-reference", is_multiselect=True))
        outside.attio.books.add_company("Engines", "engines.example", now=NOON)
        assert outside.write(PERSON, person(company_domain="engines.example")).effect == "created"
        sent = json.loads(outside.writes[-1].body)["data"]["values"]
        assert sent == {"email_addresses": [{"email_address": ADA}]}


def test_attributes_are_read_once() -> None:
    async def act(client: Attio) -> None:
        for email in ("a@x.example", "b@x.example"):
            await client.write(PERSON, [person(email)])

    with rig() as outside:
        outside.run(act)
        assert sum(call.path.endswith("/attributes") for call in outside.open.door.calls) == 1
        assert outside.meter.snapshot() == {"api_calls": 5, "attio_api_calls": 5}


def test_two_records_with_one_address_are_held_and_nothing_is_written() -> None:
    with rig() as outside:
        outside.add_person()
        outside.add_person()
        for receipt in (outside.write(PERSON, person()), outside.preview(person()), outside.look_up(PERSON, person())):
            assert (receipt.fate, receipt.effect) == (Fate.HELD, "ambiguous")
        assert outside.writes == []


def test_a_person_who_is_known_by_another_address_gets_this_one_too() -> None:
    with rig() as outside:
        record_id = outside.add_person("ada@home.example", name="Ada Lovelace")
        item = person(other_emails=("Ada@Home.example",))
        looked = outside.look_up(PERSON, item)
        assert (looked.fate, looked.differs) == (Fate.ABSENT, {"email": "ada@home.example"})
        made = outside.write(PERSON, item)
        assert (made.effect, made.provider_id) == ("updated", record_id)
        assert [row["emails"] for row in outside.attio.books.people.values()] == [["ada@home.example", ADA]]
        assert outside.write(PERSON, item).effect == "noop"


def test_a_person_whose_addresses_are_two_records_is_held() -> None:
    with rig() as outside:
        for email in (ADA, "ada@home.example"):
            outside.add_person(email)
        receipt = outside.write(PERSON, person(other_emails=("ada@home.example",)))
        assert (receipt.fate, receipt.effect, outside.writes) == (Fate.HELD, "ambiguous", [])


def test_a_person_whose_records_are_being_merged_is_for_later() -> None:
    with rig() as outside:
        outside.attio.books.merging.append(ADA)
        receipt = outside.write(PERSON, person())
        assert (receipt.fate, receipt.code) == (Fate.LATER, "merge_in_progress")
        outside.attio.books.merging.clear()
        assert outside.write(PERSON, person()).fate is Fate.CONFIRMED


def test_preview_and_look_up_agree_with_what_writing_does_and_write_nothing() -> None:
    with rig() as outside:
        outside.add_person("bo@x.example")
        outside.add_person("cy@x.example", name="Ada Lovelace")
        items = [person("new@x.example"), person("bo@x.example"), person("cy@x.example")]
        seen = outside.run(lambda client: client.preview(PERSON, items))
        looked = outside.run(lambda client: client.look_up(PERSON, items))
        assert outside.writes == []
        assert [receipt.effect for receipt in seen] == ["created", "updated", "noop"]
        assert [receipt.fate for receipt in looked] == [Fate.ABSENT, Fate.ABSENT, Fate.CONFIRMED]
        assert [receipt.effect for receipt in looked] == ["", "", ""]
        assert [outside.write(PERSON, item).effect for item in items] == [receipt.effect for receipt in seen]


@pytest.mark.parametrize("list_id", ["cmo-sandbox", LIST_ID])
def test_a_person_is_put_on_a_list_once(list_id: str) -> None:
    with rig() as outside:
        record_id = outside.add_person()
        first = outside.write(ENTRY, on_list(record_id, list_id))
        again = outside.write(ENTRY, on_list(record_id, list_id))
        assert (first.effect, again.effect) == ("created", "noop")
        assert again.provider_id == first.provider_id
        assert len(outside.attio.books.entries) == 1
        assert outside.look_up(ENTRY, on_list(record_id, list_id)).provider_id == first.provider_id


def test_a_person_who_is_on_the_list_twice_is_held() -> None:
    with rig() as outside:
        record_id = outside.add_person()
        for _ in range(2):
            outside.attio.books.add_entry(record_id, now=NOON)
        for receipt in (outside.write(ENTRY, on_list(record_id)), outside.look_up(ENTRY, on_list(record_id))):
            assert (receipt.fate, receipt.effect) == (Fate.HELD, "ambiguous")
        assert len(outside.attio.books.entries) == 2


def test_an_unknown_list_is_an_error_that_names_it() -> None:
    with rig() as outside:
        record_id = outside.add_person()
        with pytest.raises(ProviderRejected, match="list `sales-2019`"):
            outside.write(ENTRY, on_list(record_id, "sales-2019"))


def test_what_hangs_on_a_record_that_is_gone_is_refused_and_cannot_be_looked_up() -> None:
    gone = "7c0b7a35-9d1e-4f43-8f0a-3b1f9a6f4e55"
    with rig() as outside:
        for operation, item in ((ENTRY, on_list(gone)), (NOTE, note(gone))):
            told, looked = outside.write(operation, item), outside.look_up(operation, item)
            assert (told.fate, told.code) == (Fate.REFUSED, "record_missing")
            assert (looked.fate, looked.code) == (Fate.UNKNOWN, "record_missing")
        assert outside.attio.books.notes == []


def test_notes_are_found_by_their_marker_on_any_page_and_two_are_held() -> None:
    with rig() as outside:
        record_id = outside.add_person()
        assert outside.look_up(NOTE, note(record_id)).fate is Fate.ABSENT
        written = outside.write(NOTE, note(record_id))
        template = outside.attio.books.notes[0]
        for number in range(100):
            other = {
                **template,
                "id": {**template["id"], "note_id": f"{number:08}-0000-4000-8000-000000000000"},
                "title": f"[cmo:{number}]",
            }
            outside.attio.books.notes.append(other)
        found = outside.look_up(NOTE, note(record_id))
        assert (found.fate, found.provider_id) == (Fate.CONFIRMED, written.provider_id)
        outside.write(NOTE, note(record_id))
        assert outside.look_up(NOTE, note(record_id)).fate is Fate.HELD


def test_a_note_carries_its_marker_once_and_its_time() -> None:
    with rig() as outside:
        record_id = outside.add_person()
        at = datetime(2026, 11, 3, 8, 30, tzinfo=UTC)
        bare = note(record_id).model_copy(update={"title": "Replied", "happened_at": at})
        outside.write(NOTE, bare)
        held = outside.attio.books.notes[0]
        assert held["title"] == f"Replied {MARKER}"
        assert held["created_at"] == "2026-11-03T08:30:00.000000Z"


def test_asserts_of_one_address_side_by_side_make_one_person_and_one_put() -> None:
    async def act(client: Attio) -> list[tuple[Receipt, ...]]:
        return await asyncio.gather(*(client.write(PERSON, [person()]) for _ in range(4)))

    with rig() as outside:
        receipts = outside.run(act)
        assert sorted(receipt.effect for (receipt,) in receipts) == ["created", "noop", "noop", "noop"]
        assert len(outside.writes) == 1


def test_after_a_limit_nothing_goes_out_before_the_date_it_named() -> None:
    clock = ScaledClock(NOON, speed=1000.0)
    limit = FaultRule(kind=FaultKind.RATE_LIMIT, route="out:attio/v2/notes", nth=(1,))

    async def act(client: Attio) -> tuple[float, float, Receipt]:
        with pytest.raises(RateLimited) as limited:
            await client.write(NOTE, [note(record_id)])
        began = clock.monotonic()
        (receipt,) = await client.write(NOTE, [note(record_id)])
        return limited.value.retry_after_s, clock.monotonic() - began, receipt

    with rig(limit, clock=clock) as outside:
        record_id = outside.add_person()
        wait_s, waited_s, receipt = outside.run(act)
        assert wait_s == pytest.approx(1.0, abs=0.5)
        assert waited_s >= wait_s - 0.1
        assert receipt.fate is Fate.CONFIRMED


def test_more_writes_than_a_second_allows_are_spread_without_a_refusal() -> None:
    clock = ScaledClock(NOON, speed=1000.0)

    async def act(client: Attio) -> float:
        began = clock.monotonic()
        for number in range(60):
            await client.write(NOTE, [note(record_id, f"[cmo:{number}]")])
        return clock.monotonic() - began

    with rig(clock=clock) as outside:
        record_id = outside.add_person()
        assert outside.run(act) >= 2.0
        assert len(outside.attio.books.notes) == 60


def test_a_refused_key_is_an_error_of_the_whole_call() -> None:
    with rig() as outside:
        outside.key = "not-the-key-of-this-workspace"
        with pytest.raises(AuthRejected, match="not valid"):
            outside.write(PERSON, person())


@pytest.mark.parametrize(
    ("operation", "item"),
    [
        ("attio.deal", person()),
        (ENTRY, person(record_id="r")),
        (NOTE, person(record_id="r", title="no marker")),
    ],
)
def test_what_cannot_be_asked_for_is_refused_before_any_request(operation: str, item: CrmItem) -> None:
    with rig() as outside:
        for ask in (outside.write, outside.look_up):
            with pytest.raises(ConfigError):
                ask(operation, item)
        assert outside.open.door.calls == ()


def test_every_operation_says_how_a_doubtful_write_is_settled() -> None:
    with rig() as outside:
        outside.timeout_s = 5.0

        async def act(client: Attio) -> dict[str, tuple[Repeat, int, float]]:
            return {name: (known.repeat, known.batch, known.timeout_s) for name, known in client.operations.items()}

        assert outside.run(act) == {
            PERSON: (Repeat.REPEATABLE, 1, 20.0),
            ENTRY: (Repeat.REPEATABLE, 1, 15.0),
            NOTE: (Repeat.LOOKED_UP, 1, 5.0),
        }
