"""What the outside says can be read and nothing else; and nobody is a lead who must not be."""

from __future__ import annotations

import csv
import json
import unicodedata
from collections.abc import Iterator
from typing import Any

import pytest

from cmo.domain.event import KINDS
from cmo.domain.job import Caps, Icp, JobStatus
from cmo.sandbox.accounts import Person
from cmo.store.events import iter_events
from cmo.store.packing import unpack
from tests.e2e.driver import Site, outside_of, sandbox, small_plan, world

RAW = {"api_cache"}
"""Holds answers as they came, compressed; nothing shows them to anybody."""
ALLOWED = "\n"
LOOKALIKE_WORDS = ("bot", "abbot", "jenkins", "travis", "deploy", "automa")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A job over hostile repositories and people, opted-out ones, bots, twins and look-alikes."""
    plan = small_plan(
        target=150, icp=Icp(topics=("devtools", "ci", "testing")), caps=Caps(max_repos=70, checkpoint_every=40)
    )
    with sandbox() as running:
        done = Site(tmp_path_factory.mktemp("hostile"), outside_of(running), plan=plan)
        assert done.run().status is JobStatus.FINISHED
    return done


def accounts(logins: list[tuple[Any, ...]]) -> list[Person]:
    found = [world().population.find_person(login) for (login,) in logins]
    return [person for person in found if person is not None]


def dangers(text: str) -> set[str]:
    """Characters that a terminal or a reader's eye would obey: controls, bidi marks, invisible ones."""
    return {
        char for char in text if char not in ALLOWED and unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    }


def texts(value: object) -> Iterator[str]:
    """Every text in a value of the store, also inside JSON, where an escape would hide."""
    if isinstance(value, dict):
        yield from texts([*value.keys(), *value.values()])
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, bytes):
        yield from texts(unpack(value))
    elif isinstance(value, str):
        yield value
        if value[:1] in ("{", "["):
            try:
                yield from texts(json.loads(value))
            except ValueError:
                return


def test_the_job_met_what_these_tests_are_about(site: Site) -> None:
    people = accounts(site.ask("SELECT login FROM candidates"))
    assert sum(person.hostile for person in people) >= 4
    assert sum(person.opted_out for person in people) >= 5
    assert len(site.leads()) > 100


def test_no_stored_row_holds_anything_that_a_terminal_would_obey(site: Site) -> None:
    tables = {name for (name,) in site.ask("SELECT name FROM sqlite_master WHERE type = 'table'")} - RAW
    found = {
        (table, text)
        for table in tables
        for row in site.ask(f"SELECT * FROM {table}")
        for value in row
        for text in texts(value)
        if dangers(text)
    }
    assert len(tables) > 12
    assert found == set()


def test_no_file_of_the_job_holds_anything_that_a_terminal_would_obey(site: Site) -> None:
    files = [path for path in site.folder.rglob("*") if path.is_file()]
    log, snapshot = site.folder / "logs" / "events.ndjson", site.folder / "state.json"
    assert {log, snapshot} < set(files)
    for path in files:
        assert dangers(path.read_text(encoding="utf-8")) == set()
    for value in (*map(json.loads, log.read_text().splitlines()), json.loads(snapshot.read_text())):
        assert [text for text in texts(value) if dangers(text)] == []


def test_no_cell_of_a_csv_is_a_formula(site: Site) -> None:
    cells = [
        cell
        for text in site.files().values()
        for row in csv.reader(text.decode().splitlines(keepends=True))
        for cell in row
    ]
    assert len(cells) > 1000
    assert [cell for cell in cells if unicodedata.normalize("NFKC", cell.strip())[:1] in ("=", "+", "-", "@")] == []


def test_the_log_names_no_address(site: Site) -> None:
    log = (site.folder / "logs" / "events.ndjson").read_text()
    assert log.count("\n") > 20
    assert [email for (email,) in site.ask("SELECT email FROM emails") if email in log] == []


def test_no_lead_asked_not_to_be_written_to(site: Site) -> None:
    people = accounts(site.ask("SELECT login FROM candidates JOIN leads USING (login_key)"))
    assert [person.login for person in people if person.opted_out] == []


def test_everybody_who_asked_not_to_be_written_to_is_suppressed_for_good(site: Site) -> None:
    asked = {
        p.login.lower() for p in accounts(site.ask("SELECT login FROM candidates")) if p.opted_out and not p.deleted
    }
    assert asked <= {value for (value,) in site.ask("SELECT value FROM suppressions WHERE kind = 'login'")}


def test_no_lead_is_a_machine_or_an_organisation(site: Site) -> None:
    logins = [login for (login,) in site.ask("SELECT login FROM candidates JOIN leads USING (login_key)")]
    assert [login for login in logins if world().truth.is_bot(login)] == []
    assert [login for login in logins if world().population.find_person(login) is None] == []


def test_every_leads_address_is_its_own_and_takes_mail(site: Site) -> None:
    leads = site.ask("SELECT login, email FROM candidates JOIN leads USING (login_key)")
    assert [pair for pair in leads if not world().truth.owns(*pair)] == []
    assert [pair for pair in leads if not world().truth.is_usable(pair[1])] == []


def test_no_address_of_a_lead_is_another_leads(site: Site) -> None:
    addresses = [email for (email,) in site.ask("SELECT email FROM leads")]
    assert len(addresses) == len(set(addresses))


def test_no_human_is_two_leads(site: Site) -> None:
    logins = [login for (login,) in site.ask("SELECT login FROM candidates JOIN leads USING (login_key)")]
    humans = [world().truth.human_of(login) for login in logins]
    assert len(humans) == len(set(humans))


def test_people_whose_names_look_like_a_machines_are_found(site: Site) -> None:
    dropped = [login for (login,) in site.ask("SELECT login FROM drops WHERE reason = 'bot'")]
    kept = [login for (login,) in site.ask("SELECT login FROM candidates JOIN leads USING (login_key)")]
    assert [login for login in dropped if not world().truth.is_bot(login)] == []
    assert len([login for login in kept if "bot" in login.lower()]) >= 3


def test_everything_that_happened_can_be_read_back(site: Site) -> None:
    with site.store() as conn:
        kinds = {recorded.event.kind for recorded in iter_events(conn, site.job().id)}
    assert {"person_opted_out", "lead_scored", "candidate_dropped", "repo_read"} <= kinds <= set(KINDS)
