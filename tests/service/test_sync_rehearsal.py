"""What a rehearsal of `cmo sync` says of each row is what the sync then does."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cmo.domain.job import Mode
from cmo.domain.outward import TicketItem
from cmo.sandbox.vendors.attio import LIST_SLUG
from cmo.sandbox.vendors.hubspot_books import HubSpotBooks
from cmo.service.delivery import Delivery
from cmo.service.sending import opened
from cmo.service.syncing import Syncing, preview_tickets
from cmo.service.tickets import ticket_writes
from cmo.store.outbox_views import list_outbox
from tests.delivery.services import Services
from tests.fakes.campaign import Campaign, campaign
from tests.fakes.clock import NOON
from tests.service.test_sending import send_all, sending_of
from tests.service.test_syncing import fail, sync, told

LONG_AGO = NOON.replace(year=2025)
_EFFECTS = {"created": "create", "updated": "update", "noop": "noop", "ambiguous": "ambiguous"}


def rehearsed(made: Campaign) -> dict[tuple[str, str], str]:
    """Who and operation -> effect, or the rule of a skip."""
    with opened(made.settings, made.job_id, found=made.found) as delivery:
        preview = Syncing(delivery).preview()
    return {(row.login, row.operation): row.rule or row.effect for row in preview.rows}


def done(made: Campaign, crm: str) -> dict[tuple[str, str], str]:
    """The same of the outbox, after a sync."""
    with made.open() as conn:
        rows, _ = list_outbox(conn, now=made.clock.now(), limit=-1)
    conn.close()
    return {
        (row.who, row.operation): _EFFECTS.get(row.effect or "") or row.rule or row.state
        for row in rows
        if row.operation.startswith(crm)
    }


def write_off(made: Campaign) -> None:
    """maint6 must not be contacted, maint7 is on HOLD; maint5 has a second address."""
    with made.open() as conn:
        conn.execute(
            "INSERT INTO emails (job_id, login_key, email, email_key, domains, email_class, rank, source_url, seen_at,"
            " evidence) SELECT job_id, 'maint5', 'five@home.example', 'five@home.example', '[]', 'commit', 9, '',"
            " '', '' FROM emails LIMIT 1"
        )
        conn.execute("UPDATE leads SET held = 1, email_class = 'commit' WHERE login_key = 'maint7'")
        conn.execute(
            "INSERT INTO suppressions (kind, value, reason, source, added_at)"
            " VALUES ('login', 'maint6', 'asked', 'them', '2026-11-01T00:00:00+00:00')"
        )
    conn.close()


LEFT_OUT = {6: "suppressed", 7: "hold"}


def send_to(made: Campaign) -> None:
    with sending_of(made) as sending:
        send_all(sending)


def in_attio(books: Any) -> dict[tuple[str, str], str]:
    """People who are there in every way that there is; what is to come of all."""
    names = {n: {"first_name": "Ana", "last_name": str(n), "full_name": f"Ana {n}"} for n in range(1, 9)}
    nameless = books.add_person("maint2@org2.example", now=LONG_AGO)
    equal = books.add_person("maint3@org3.example", now=LONG_AGO, name=names[3])
    twice = books.add_person("maint4@org4.example", now=LONG_AGO, name=names[4])
    for record_id in (equal, twice, twice):
        books.add_entry(record_id, now=LONG_AGO)
    for _ in range(2):
        books.add_person("maint5@org5.example", now=LONG_AGO)
    assert nameless != equal
    return {
        ("maint1", "attio.person"): "create", ("maint1", "attio.entry"): "create", ("maint1", "attio.note"): "create",
        ("maint2", "attio.person"): "update", ("maint2", "attio.entry"): "create", ("maint2", "attio.note"): "create",
        ("maint3", "attio.person"): "noop", ("maint3", "attio.entry"): "noop", ("maint3", "attio.note"): "create",
        ("maint4", "attio.person"): "noop", ("maint4", "attio.entry"): "ambiguous", ("maint4", "attio.note"): "create",
        ("maint5", "attio.person"): "ambiguous", ("maint5", "attio.entry"): "dependency",
        ("maint5", "attio.note"): "dependency",
    }  # fmt: skip


def in_hubspot(books: HubSpotBooks) -> dict[tuple[str, str], str]:
    """As `in_attio`."""

    def company(n: int) -> str:
        return str(books.add("companies", {"domain": f"org{n}.example"}, now=LONG_AGO)["id"])

    def contact(n: int, **given: str) -> str:
        return str(books.add("contacts", {"email": f"maint{n}@org{n}.example", **given}, now=LONG_AGO)["id"])

    books.link("contacts", contact(2), "companies", company(2))
    contact(3, firstname="Ana", lastname="3", company="Org 3")
    company(4)
    contact(4, firstname="Ana")
    for _ in range(2):
        company(1)
    contact(5)
    books.add("contacts", {"email": "five@home.example"}, now=LONG_AGO)
    told = {
        "contact": ("create", "update", "noop", "update", "ambiguous"),
        "link": ("dependency", "noop", "create", "create", "dependency"),
        "note": ("create", "create", "create", "create", "dependency"),
    }
    companies = ("ambiguous", "noop", "create", "noop", "create")
    return {
        **{(f"maint{n}", f"hubspot.{kind}"): what for kind, all_ in told.items() for n, what in enumerate(all_, 1)},
        **{(f"org{n}.example", "hubspot.company"): what for n, what in enumerate(companies, 1)},
    }


@pytest.mark.parametrize("crm", ["attio", "hubspot"])
def test_a_rehearsal_says_row_by_row_what_the_sync_then_does(tmp_path: Path, crm: str) -> None:
    plan = {"list_id": LIST_SLUG} if crm == "attio" else {}
    with told(tmp_path, crm, 7, approved=range(1, 6), **plan) as (made, books):
        send_to(made)
        write_off(made)
        expected = in_attio(books) if crm == "attio" else in_hubspot(books)
        people = "attio.person" if crm == "attio" else "hubspot.contact"
        before = rehearsed(made)
        assert before == expected | {(f"maint{n}", people): rule for n, rule in LEFT_OUT.items()}
        sync(made)
        assert done(made, crm) == expected
        again = rehearsed(made)
        assert {what for what in again.values()} <= {"held", "dependency", "suppressed", "hold"}


@pytest.mark.parametrize("crm", ["attio", "hubspot"])
def test_a_rehearsal_tells_what_is_looked_up_first_and_passes_by_the_erased(tmp_path: Path, crm: str) -> None:
    with told(tmp_path, crm, 2) as (made, _):
        sync(made)
        with made.open() as conn:
            conn.execute("UPDATE outbox SET state = 'unknown' WHERE id = 1")
            conn.execute("UPDATE outbox SET state = 'unknown', is_held = 1, payload = '{}' WHERE id = 2")
        conn.close()
        assert set(rehearsed(made).values()) == {"look up", "held"}


def test_a_rehearsal_of_tickets_says_of_each_what_filing_it_then_does(tmp_path: Path) -> None:
    made = campaign(tmp_path, 1)
    fail(made, "timeout", "malformed", "rejected")
    with Services(["linear"], clock=made.clock) as services, opened_at(made, services) as delivery:
        first, *_ = ticket_writes(delivery)[1:]
        asyncio.run(delivery.tickets([*ticket_writes(delivery, only=first.key.split(":")[1])]))
        with made.open() as conn:  # as after a lost ledger: Linear has it, and we do not know
            conn.execute("UPDATE outbox SET state = 'planned', attempts = 0, effect = NULL WHERE key = ?", (first.key,))
        conn.close()
        writes = ticket_writes(delivery)
        before = {row.login: row.effect for row in preview_tickets(delivery, writes)}
        assert sorted(before.values()) == ["create", "create", "noop", "noop"]
        asyncio.run(delivery.tickets(writes))
        assert len(services.vendors["linear"].issues) == 4
        after = {who: what for (who, _), what in done(made, "linear").items()}
        parent = TicketItem.model_validate_json(writes[0].payload).title
        assert after == before | {parent: "create"}  # made before the rehearsal
        assert {row.effect for row in preview_tickets(delivery, writes)} == {"noop"}


def test_a_rehearsal_of_tickets_names_the_rule_that_stands_in_the_way(tmp_path: Path) -> None:
    made = campaign(tmp_path, 1, mode=Mode.DRAFT_ONLY)
    fail(made, "timeout")
    with Services(["linear"], clock=made.clock) as services, opened_at(made, services) as delivery:
        rows = preview_tickets(delivery, ticket_writes(delivery))
        assert [(row.effect, row.rule) for row in rows] == [("skip", "mode")] * 2
        assert services.vendors["linear"].issues == ()


@contextmanager
def opened_at(made: Campaign, services: Services) -> Iterator[Delivery]:
    made.places = services.places
    with opened(made.settings, made.job_id, found=made.found) as delivery:
        yield delivery
