"""Telling a CRM, against the sandbox's services on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cmo.domain.event import ItemFailed
from cmo.domain.job import Stage
from cmo.domain.lead import ItemFailure
from cmo.domain.suppression import email_key
from cmo.errors import CmoError, ConfigError, ProviderRejected
from cmo.sandbox.vendors.attio import LIST_SLUG
from cmo.service.delivery import PERSONS, SyncDone
from cmo.service.reconcile import Reconciling
from cmo.service.sending import opened
from cmo.service.syncing import Syncing
from cmo.service.tickets import ticket_writes
from cmo.store.commit import commit
from cmo.store.outbox_plan import unplan
from cmo.store.sends import plan_crm
from tests.delivery.services import Services
from tests.fakes.campaign import Campaign, campaign
from tests.fakes.clock import NOON

DOMAIN = "engines.example"
COMPANY = "hubspot.company"


@contextmanager
def told(
    home: Path, crm: str, n: int = 3, *, approved: Sequence[int] | None = None, **plan: Any
) -> Iterator[tuple[Campaign, Any]]:
    """A job whose people `crm` is to be told of, and the sandbox's books of it."""
    made = campaign(home, n, approved=approved, plan={"crm": crm, **plan})
    with Services([crm], clock=made.clock) as services:
        made.places = services.places
        yield made, services.vendors[crm].books


def sync(made: Campaign, **asked: Any) -> SyncDone:
    with opened(made.settings, made.job_id, found=made.found) as delivery:
        return asyncio.run(delivery.sync(patience_s=600.0, **asked))


def move_to(made: Campaign, domain: str) -> None:
    """Everybody has an address at `domain`."""
    with made.open() as conn:
        for row in conn.execute("SELECT rowid AS id, login_key FROM emails").fetchall():
            email = f"{row['login_key']}@{domain}"
            conn.execute(
                "UPDATE emails SET email = ?, email_key = ?, domains = json_array(?) WHERE rowid = ?",
                (email, email_key(email), domain, row["id"]),
            )
            conn.execute("UPDATE leads SET email = ? WHERE login_key = ?", (email, row["login_key"]))
    conn.close()


def states(made: Campaign) -> dict[str, dict[str, int]]:
    """Operation -> state -> rows."""
    with made.open() as conn:
        rows = conn.execute("SELECT operation, state, COUNT(*) AS n FROM outbox GROUP BY 1, 2").fetchall()
    conn.close()
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        found.setdefault(row["operation"], {})[row["state"]] = row["n"]
    return found


def fail(made: Campaign, *codes: str) -> None:
    """A group of errors for each code."""
    with made.open() as conn:
        for code in codes:
            failure = ItemFailure(item=f"a-{code}", code=code, message=code)
            event = ItemFailed(tool="mx_check", stage=Stage.MX, failure=failure)
            commit(conn, made.job_id, [(f"{made.job_id}/failure/{code}", event)], at=made.clock.now(), epoch=None)
    conn.close()


def test_fifty_people_of_one_company_are_linked_with_it_and_it_is_created_once(tmp_path: Path) -> None:
    with told(tmp_path, "hubspot", 50) as (made, books):
        move_to(made, DOMAIN)
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(sync, [made] * 3))
        sync(made)
        assert [row["properties"] for row in books.objects["companies"].values()] == [
            {"domain": DOMAIN, "name": DOMAIN}
        ]
        (company_id,) = books.objects["companies"]
        linked = sorted(
            number for kind, number, to_kind, to in books.links if (to_kind, to) == ("companies", company_id)
        )
        assert linked == sorted(books.objects["contacts"])
        assert len(linked) == 50


def test_a_second_job_uses_the_company_of_the_first_while_searches_do_not_show_it(tmp_path: Path) -> None:
    with told(tmp_path, "hubspot", 2) as (made, books):
        move_to(made, DOMAIN)
        sync(made)
        with made.open() as conn:
            conn.execute(
                "UPDATE outbox SET job_id = 'another', key = 'another:' || key WHERE operation <> ?", (COMPANY,)
            )
            conn.execute("UPDATE outbox SET job_id = 'another' WHERE operation = ?", (COMPANY,))
        conn.close()
        sync(made)
        assert len(books.objects["companies"]) == 1
        assert states(made)["hubspot.link"] == {"confirmed": 4}


@pytest.mark.parametrize("tries", [0, 1])
def test_a_company_that_was_taken_back_with_another_job_is_made_by_this_one(tmp_path: Path, tries: int) -> None:
    with told(tmp_path, "hubspot", 2) as (made, books):
        move_to(made, DOMAIN)
        with opened(made.settings, made.job_id, found=made.found) as delivery:
            plan_crm(delivery.conn, made.job_id, crm="hubspot", list_id=None, entries=False, now=made.clock.now())
        with made.open() as conn:
            conn.execute("UPDATE outbox SET job_id = 'another', attempts = ? WHERE operation = ?", (tries, COMPANY))
            unplan(conn, "job_id = 'another'", ())
        conn.close()
        sync(made)
        assert len(books.objects["companies"]) == 1
        assert states(made)["hubspot.link"] == {"confirmed": 2}


def test_free_mail_makes_no_company(tmp_path: Path) -> None:
    with told(tmp_path, "hubspot") as (made, books):
        move_to(made, "gmail.com")
        sync(made)
        assert len(books.objects["contacts"]) == 3
        assert books.objects["companies"] == {}


def test_a_link_waits_for_its_contact_and_a_suppressed_domain_gets_no_company(tmp_path: Path) -> None:
    with told(tmp_path, "hubspot") as (made, _):
        sync(made)
        with made.open() as conn:
            conn.execute("UPDATE outbox SET state = 'planned' WHERE operation IN ('hubspot.company', 'hubspot.link')")
            conn.execute("UPDATE outbox SET state = 'unknown', due_s = 9e9 WHERE id = 1")
            conn.execute(
                "INSERT INTO suppressions (kind, value, reason, source, added_at)"
                " VALUES ('domain', 'org2.example', 'asked', 'them', '2026-11-01T00:00:00+00:00')"
            )
        conn.close()
        done = sync(made)
        assert done.outcomes["hubspot.link"].refused == {"dependency": 2}
        assert states(made)["hubspot.company"] == {"confirmed": 2, "failed": 1}


@pytest.mark.parametrize(("crm", "error"), [("attio", ProviderRejected), ("hubspot", ConfigError)])
@pytest.mark.parametrize("is_jobs_own", [True, False])
def test_a_list_that_is_not_there_stops_sync_and_rehearsal_before_the_first_person(
    tmp_path: Path, crm: str, error: type[CmoError], is_jobs_own: bool
) -> None:
    own, asked = ("sales-2019", None) if is_jobs_own else (None, "sales-2019")
    with told(tmp_path, crm, list_id=own) as (made, books):
        with opened(made.settings, made.job_id, found=made.found) as delivery:
            syncing = Syncing(delivery, asked)
            with pytest.raises(error):
                syncing.preview()
        with pytest.raises(error):
            sync(made, list_id=asked)
        assert states(made) == {}
        assert not (books.people if crm == "attio" else books.objects["contacts"])


def differing(made: Campaign) -> dict[str, tuple[str, dict[str, str], tuple[str, ...]]]:
    with opened(made.settings, made.job_id, found=made.found) as delivery:
        return {
            one.row.who: (one.finding, dict(one.differs), one.writes)
            for one in Reconciling(delivery).look()
            if one.finding != "agree" and one.operation is not None and one.operation.name in PERSONS
        }


def agreeing(made: Campaign) -> set[bool]:
    with opened(made.settings, made.job_id, found=made.found) as delivery:
        return {not one.disagrees for one in Reconciling(delivery).look()}


def mend(made: Campaign, *, overwrites: bool = False) -> None:
    with opened(made.settings, made.job_id, found=made.found) as delivery:
        reconciling = Reconciling(delivery, overwrites=overwrites)
        reconciling.repair(reconciling.look())
    sync(made)


def named(crm: str, books: Any) -> dict[str, str]:
    """Address -> name, as the CRM has them."""
    if crm == "attio":
        return {row["emails"][0]: row["name"].get("full_name", "") for row in books.people.values()}
    rows = [row["properties"] for row in books.objects["contacts"].values()]
    return {row["email"]: f"{row.get('firstname', '')} {row.get('lastname', '')}".strip() for row in rows}


def rename(crm: str, books: Any, n: int, name: str) -> None:
    """As a person does it in the CRM."""
    if crm == "attio":
        list(books.people.values())[n]["name"] = {"full_name": name} if name else {}
    else:
        list(books.objects["contacts"].values())[n]["properties"].update(firstname=name, lastname="")


@pytest.mark.parametrize("crm", ["attio", "hubspot"])
def test_what_the_crm_has_otherwise_is_told_by_field_and_only_what_is_empty_is_filled(tmp_path: Path, crm: str) -> None:
    with told(tmp_path, crm) as (made, books):
        sync(made)
        assert agreeing(made) == {True}
        rename(crm, books, 0, "Countess")
        rename(crm, books, 1, "")
        (first, second, third), ours = named(crm, books), named(crm, books)
        logins = {address: address.partition("@")[0] for address in (first, second, third)}
        assert differing(made) == {
            logins[first]: ("differs", {"name": "Countess"}, ()),
            logins[second]: ("differs", {"name": ""}, ("name",)),
        }
        mend(made)
        number = second.removeprefix("maint")[0]
        assert named(crm, books) == {**ours, second: f"Ana {number}"}
        mend(made, overwrites=True)
        assert named(crm, books)[first] == f"Ana {first.removeprefix('maint')[0]}"
        assert differing(made) == {}


def test_leave_to_overwrite_holds_for_one_repair(tmp_path: Path) -> None:
    with told(tmp_path, "hubspot", 1) as (made, books):
        sync(made)
        (held,) = (row["properties"] for row in books.objects["contacts"].values())
        held.update(firstname="Countess", lastname="")
        mend(made, overwrites=True)
        assert held["firstname"] == "Ana"
        held.update(firstname="Countess", lastname="", company="")
        mend(made)
        assert (held["firstname"], held["company"]) == ("Countess", "Org 1")


@pytest.mark.parametrize("crm", ["attio", "hubspot"])
def test_a_person_whose_address_was_changed_in_the_crm_is_not_made_again(tmp_path: Path, crm: str) -> None:
    with told(tmp_path, crm, 1) as (made, books):
        sync(made)
        rows = books.people if crm == "attio" else books.objects["contacts"]
        (held,) = rows.values()
        if crm == "attio":
            held["emails"] = ["new@home.example"]
        else:
            held["properties"]["email"] = "new@home.example"
        assert differing(made)["maint1"][:2] == ("differs", {"email": "new@home.example"})
        mend(made, overwrites=True)
        assert len(rows) == 1


@pytest.mark.parametrize("crm", ["attio", "hubspot"])
def test_somebody_whom_the_crm_knows_by_another_address_of_theirs_is_not_made_twice(tmp_path: Path, crm: str) -> None:
    with told(tmp_path, crm, 2) as (made, books):
        with made.open() as conn:
            for login, email in (
                ("maint1", "ann@home.example"),
                ("maint1", "team@x.example"),
                ("maint2", "team@x.example"),
            ):
                conn.execute(
                    "INSERT INTO emails (job_id, login_key, email, email_key, domains, email_class, rank, source_url,"
                    " seen_at, evidence) SELECT job_id, ?1, ?2, ?2, '[]', 'commit', 9, '', '', '' FROM emails LIMIT 1",
                    (login, email),
                )
        conn.close()
        for email in ("ann@home.example", "team@x.example"):
            if crm == "attio":
                books.add_person(email, now=made.clock.now())
            else:
                books.add("contacts", {"email": email}, now=made.clock.now())
        sync(made)
        people = books.people if crm == "attio" else books.objects["contacts"]
        assert len(people) == 3
        assert states(made)["attio.person" if crm == "attio" else "hubspot.contact"] == {"confirmed": 2}


def test_processes_that_file_the_same_tickets_make_one_parent_and_one_child_for_each_group(tmp_path: Path) -> None:
    made = campaign(tmp_path, 1)
    fail(made, "timeout", "malformed")

    def file(_: int) -> None:
        with opened(made.settings, made.job_id, found=made.found) as delivery:
            asyncio.run(delivery.tickets(ticket_writes(delivery), patience_s=600.0))

    with Services(["linear"], clock=made.clock) as services:
        made.places = services.places
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(file, range(3)))
        file(0)
        parents = [issue.id for issue in services.vendors["linear"].issues if issue.parent_id is None]
        children = [issue.parent_id for issue in services.vendors["linear"].issues if issue.parent_id is not None]
        assert len(parents) == 1
        assert children == parents * 2


@pytest.mark.parametrize("crm", ["attio", "hubspot"])
def test_a_person_whose_record_was_merged_is_followed_and_what_hangs_on_them_too(tmp_path: Path, crm: str) -> None:
    with told(tmp_path, crm, 1, list_id=LIST_SLUG if crm == "attio" else None) as (made, books):
        sync(made)
        rows = books.people if crm == "attio" else books.objects["contacts"]
        (gone,) = rows
        if crm == "attio":
            kept = books.add_person("new@home.example", now=made.clock.now(), name=rows[gone]["name"])
            rows[kept]["emails"] += rows.pop(gone)["emails"]
            for entry in books.entries.values():
                entry["parent_record_id"] = kept
        else:
            kept = books.add("contacts", {**rows[gone]["properties"], "email": "new@home.example"}, now=NOON)["id"]
            books.merge_contacts(kept, gone)
        assert differing(made)["maint1"][0] == "merged"
        mend(made)
        assert agreeing(made) == {True}
        with made.open() as conn:
            (held,) = conn.execute("SELECT provider_id FROM outbox WHERE operation IN (?, ?)", PERSONS)
        conn.close()
        assert held["provider_id"] == kept
        assert len(rows) == 1
