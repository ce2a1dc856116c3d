from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cmo.domain.draft import Sender
from cmo.domain.letters import Route, Words, compose
from cmo.domain.outward import Letter
from tests.fakes.clock import NOON

WORDS = Words(
    step="first_touch",
    to_email="Ana@Org.example",
    to_name="Ana Maria Doe",
    company="Org",
    subject="A question",
    body="Hi Ana,\n\nmay I?\n",
)
SENDER = Sender(name="Sam", email="sam@field.example", reply_to="answers@field.example")
ROUTE = Route(mailer="smtp")
LINK = "https://go.field.example/u"


def composed(words: Words = WORDS, sender: Sender = SENDER, route: Route = ROUTE, **changes: Any) -> tuple[Letter, str]:
    return compose(words, sender=sender, route=route, **{"token": "k3f9", "approved_at": NOON, **changes})


@pytest.mark.parametrize(
    "other",
    [
        composed(WORDS.model_copy(update={"subject": "Another question"})),
        composed(WORDS.model_copy(update={"body": "Hi Ana,\n\nmay I? \n"})),
        composed(WORDS.model_copy(update={"to_name": "Ana Doe"})),
        composed(WORDS.model_copy(update={"to_email": "bo@org.example"})),
        composed(WORDS.model_copy(update={"first_name": "Anne"})),
        composed(WORDS.model_copy(update={"company": "Other"})),
        composed(WORDS.model_copy(update={"step": "follow_up_1"})),
        composed(sender=SENDER.model_copy(update={"name": "Samuel"})),
        composed(sender=SENDER.model_copy(update={"email": "sam@other.example"})),
        composed(sender=SENDER.model_copy(update={"reply_to": ""})),
        composed(sender=SENDER.model_copy(update={"unsubscribe_mailto": "stop@field.example"})),
        composed(sender=SENDER.model_copy(update={"unsubscribe_url": LINK})),
        composed(route=Route(mailer="gmail")),
        composed(route=Route(mailer="smtp", sequence_id="c1")),
    ],
    ids=[
        *("subject", "body", "name", "recipient", "first name", "company", "step"),
        *("sender's name", "sender", "reply-to", "stop by mail", "stop by link", "mailer", "sequence"),
    ],
)
def test_an_approval_is_bound_to_everything_that_leaves(other: tuple[Letter, str]) -> None:
    assert other[1] != composed()[1]
    assert other[0].message_id != composed()[0].message_id


def test_the_moment_of_approval_goes_into_the_date_and_not_into_the_hash() -> None:
    first, bound = composed()
    later, same = composed(approved_at=NOON + timedelta(hours=1, microseconds=7))
    assert same == bound
    assert later == first.model_copy(update={"written_at": NOON + timedelta(hours=1)})


def test_a_letter_is_dated_in_its_senders_zone_and_its_hash_knows_no_zone() -> None:
    there, bound = composed(sender=SENDER.model_copy(update={"time_zone": "Asia/Kolkata"}))
    assert there.written_at.isoformat() == "2026-11-20T17:30:00+05:30"
    assert bound == composed()[1]


def test_a_sender_in_any_script_is_written_as_mail_servers_know_it() -> None:
    sender = Sender(email="sam@bücher.example", reply_to="answers@bücher.example")
    letter, _ = composed(sender=sender)
    assert letter.from_email == letter.unsubscribe_mailto == "sam@xn--bcher-kva.example"
    assert letter.reply_to == "answers@xn--bcher-kva.example"
    assert letter.message_id.endswith("@xn--bcher-kva.example")


def test_the_same_person_is_the_same_key_in_any_spelling() -> None:
    spelled = composed(WORDS.model_copy(update={"to_email": "ana+news@org.example"}))
    assert spelled[0].key == composed()[0].key == "ana@org.example|email|smtp|first_touch"
    assert spelled[1] != composed()[1]


@pytest.mark.parametrize(
    ("route", "key", "operation"),
    [
        (Route(mailer="gmail"), "ana@org.example|email|gmail|breakup", "gmail.send"),
        (Route(mailer="instantly", sequence_id="c1"), "ana@org.example|email|c1|enrol", "instantly.enrol"),
        (Route(mailer="smartlead", sequence_id="42"), "ana@org.example|email|42|enrol", "smartlead.enrol"),
    ],
)
def test_a_service_with_sequences_is_handed_a_person_once_whatever_the_step(
    route: Route, key: str, operation: str
) -> None:
    assert (route.key("ana@org.example", "breakup"), route.operation) == (key, operation)


def test_a_letter_carries_the_names_and_the_ways_to_stop() -> None:
    letter, _ = composed(sender=SENDER.model_copy(update={"unsubscribe_url": f"{LINK}/"}))
    assert (letter.first_name, letter.last_name) == ("Ana", "Maria Doe")
    assert (letter.unsubscribe_mailto, letter.unsubscribe_url) == ("sam@field.example", f"{LINK}/k3f9")
    assert letter.message_id.endswith("@field.example")


def test_a_domain_in_another_script_leaves_in_the_form_that_mail_servers_want() -> None:
    letter, _ = composed(WORDS.model_copy(update={"to_email": "ana@bücher.example"}))
    assert letter.to_email == "ana@xn--bcher-kva.example"
