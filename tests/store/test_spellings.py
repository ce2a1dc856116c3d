"""Whoever is suppressed stays so in any spelling, of the entry and of the recipient; somebody else does not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from cmo.domain.suppression import Suppression, SuppressionKind, erased_value
from cmo.service.suppress import read_target
from cmo.store.db import Connection, open_store, transaction
from cmo.store.persons import Recipient
from cmo.store.suppressions import find_suppressed, record_suppressions
from tests.fakes.clock import NOON

SECRET = b"k" * 32
DOMAINS = {
    "acme.dev": ("acme.dev", "ACME.Dev", "acme.dev.", "ａｃｍｅ.dev", "acme。dev"),  # noqa: RUF001
    "gmail.com": ("gmail.com", "GoogleMail.com", "GMAIL.COM."),
    "bücher.example": ("bücher.example", "BÜCHER.example", "xn--bcher-kva.example", "bu\u0308cher.example."),
    "straße.de": ("straße.de", "STRASSE.de", "xn--strae-oqa.de"),
    "mail.acme.dev": ("mail.acme.dev", "Mail.ACME.dev."),
}
"""A domain -> ways to write it."""
PASTED = ("{}", " {} ", "<{}>", "Jane Doe <{}>", "mailto:{}", "mailto:{}?subject=stop", "\u200b{}", "{}\u00ad")
"""How an operator may have an address at hand."""
LOCALS = st.text("abcdexyz019", min_size=1, max_size=8)
each_way = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def conn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    with closing(open_store(tmp_path_factory.mktemp("spellings") / "campaign.db")) as conn:
        conn.execute("PRAGMA synchronous=OFF")
        yield conn


@st.composite
def spelled(draw: st.DrawFn, local: str, domain: str) -> str:
    """One way to write an address."""
    if domain == "gmail.com":
        local = "".join(letter + draw(st.sampled_from(["", "", "."])) for letter in local).rstrip(".")
    letters = "".join(draw(st.sampled_from([letter, letter.upper()])) for letter in local)
    tag = draw(st.sampled_from(["", "+news", "+a+b", "+"]))
    return f"{letters}{tag}@{draw(st.sampled_from(DOMAINS[domain]))}"


def is_suppressed(conn: Connection, kind: SuppressionKind, entry: str, recipient: str, *, erased: bool = False) -> bool:
    """Whether one entry stops mail to the recipient."""
    target = read_target(entry, kind)
    stored, value = target.kind, target.value
    if erased:
        stored, value = SuppressionKind.HASH, erased_value(target.kind, target.value, secret=SECRET)
    said = Suppression(kind=stored, value=value, reason="asked", source="reply", added_at=NOON)
    with transaction(conn):
        conn.execute("DELETE FROM suppressions")
        record_suppressions(conn, [said])
    return bool(find_suppressed(conn, {1: Recipient(recipient)}, secret=SECRET))


@each_way
@given(data=st.data(), local=LOCALS, domain=st.sampled_from(sorted(DOMAINS)), erased=st.booleans())
def test_every_spelling_of_a_suppressed_address_is_refused(
    conn: Connection, data: st.DataObject, local: str, domain: str, erased: bool
) -> None:
    entry = data.draw(st.sampled_from(PASTED)).format(data.draw(spelled(local, domain)))
    recipient = data.draw(spelled(local, domain))
    assert is_suppressed(conn, SuppressionKind.EMAIL, entry, recipient, erased=erased), (entry, recipient)


@each_way
@given(data=st.data(), locals_=st.tuples(LOCALS, LOCALS), erased=st.booleans())
def test_a_different_address_is_not_refused(
    conn: Connection, data: st.DataObject, locals_: tuple[str, str], erased: bool
) -> None:
    domains = data.draw(st.tuples(st.sampled_from(sorted(DOMAINS)), st.sampled_from(sorted(DOMAINS))))
    assume((locals_[0], domains[0]) != (locals_[1], domains[1]))
    entry, recipient = (data.draw(spelled(local, domain)) for local, domain in zip(locals_, domains, strict=True))
    assert not is_suppressed(conn, SuppressionKind.EMAIL, entry, recipient, erased=erased), (entry, recipient)


@each_way
@given(data=st.data(), local=LOCALS, domain=st.sampled_from(sorted(DOMAINS)))
def test_a_suppressed_domain_stops_everybody_there_and_below_and_nobody_else(
    conn: Connection, data: st.DataObject, local: str, domain: str
) -> None:
    below = "" if domain == "gmail.com" else data.draw(st.sampled_from(["", "eu.", "a.b."]))
    form = data.draw(st.sampled_from(["{}", "@{}", "*.{}", "www.{}", " {} "]))
    entry = form.format(data.draw(st.sampled_from(DOMAINS[domain])))
    there = data.draw(spelled(local, domain))
    assert is_suppressed(conn, SuppressionKind.DOMAIN, entry, there.replace("@", f"@{below}")), (entry, there)
    for elsewhere in (f"{local}@not{domain}", f"{local}@{domain}.evil.example"):
        assert not is_suppressed(conn, SuppressionKind.DOMAIN, entry, elsewhere), (entry, elsewhere)


@pytest.mark.parametrize("entry", ["octocat", "@OctoCat", " OCTOCAT "])
def test_a_suppressed_login_is_refused_in_any_case(conn: Connection, entry: str) -> None:
    target = read_target(entry.strip())
    said = Suppression(kind=target.kind, value=target.value, reason="asked", source="reply", added_at=NOON)
    with transaction(conn):
        conn.execute("DELETE FROM suppressions")
        record_suppressions(conn, [said])
    people = {1: Recipient("jane@acme.dev", "OctoCat"), 2: Recipient("jane@acme.dev", "octocat2")}
    assert set(find_suppressed(conn, people, secret=SECRET)) == {1}
