from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmo.domain.outward import Fate
from cmo.errors import AuthRejected, RateLimited
from cmo.providers.smtp.dialogue import Step, Stopped
from cmo.providers.smtp.verdict import CLOSED_WAIT_S, failure, receipt
from cmo.store.outbox import HARD_BOUNCES


def reply(step: Step, code: int, text: str = "") -> Stopped:
    return Stopped(step, "reply", code=code, text=text)


@pytest.mark.parametrize(
    ("step", "code", "text", "fate", "word"),
    [
        (Step.RCPT, 550, "5.1.1 no such user", Fate.REFUSED, "hard_bounce"),
        (Step.RCPT, 550, "5.1.0 address rejected", Fate.REFUSED, "hard_bounce"),
        (Step.RCPT, 551, "5.1.6 moved", Fate.REFUSED, "hard_bounce"),
        (Step.RCPT, 550, "5.1.10 Recipient not found", Fate.REFUSED, "hard_bounce"),
        (Step.RCPT, 550, "#5.1.1 Address rejected", Fate.REFUSED, "hard_bounce"),
        (Step.MAIL, 550, "5.4.5 Daily user sending limit exceeded", Fate.LATER, "policy_block"),
        (Step.DOT, 554, "5.2.0 SubmissionQuotaExceededException", Fate.LATER, "policy_block"),
        (Step.RCPT, 451, "4.7.650 has been temporarily rate limited", Fate.LATER, "try_later"),
        (Step.RCPT, 450, "4.2.1 gets mail at a rate that prevents delivery", Fate.LATER, "soft_bounce"),
        (Step.RCPT, 556, "5.1.10 null MX", Fate.REFUSED, "no_mail_domain"),
        (Step.RCPT, 556, "Domain does not accept mail", Fate.REFUSED, "no_mail_domain"),
        (Step.RCPT, 521, "No mail here", Fate.REFUSED, "no_mail_domain"),
        (Step.RCPT, 550, "5.1.2 no such domain", Fate.REFUSED, "no_mail_domain"),
        (Step.RCPT, 552, "5.2.2 mailbox full", Fate.LATER, "soft_bounce"),
        (Step.DOT, 552, "5.2.2 over quota", Fate.LATER, "soft_bounce"),
        (Step.RCPT, 552, "no room", Fate.LATER, "soft_bounce"),
        (Step.RCPT, 550, "The mailbox is full", Fate.LATER, "soft_bounce"),
        (Step.RCPT, 552, "5.3.4 too big", Fate.REFUSED, "rejected"),
        (Step.DOT, 552, "5.3.4 too big", Fate.REFUSED, "rejected"),
        (Step.DOT, 552, "Message size exceeds the fixed maximum", Fate.REFUSED, "rejected"),
        (Step.RCPT, 550, "5.2.1 gets mail at a rate that prevents delivery", Fate.REFUSED, "rejected"),
        (Step.RCPT, 550, "5.2.1 The email account that you tried to reach is disabled", Fate.REFUSED, "hard_bounce"),
        (Step.RCPT, 550, "5.4.1 Recipient address rejected: access denied", Fate.REFUSED, "rejected"),
        (Step.RCPT, 550, "5.1.3 bad address syntax", Fate.REFUSED, "invalid_email"),
        (Step.RCPT, 550, "Requested action not taken: mailbox unavailable", Fate.REFUSED, "rejected"),
        (Step.RCPT, 553, "sorry", Fate.REFUSED, "rejected"),
        (Step.RCPT, 550, "5.1.0 Sender address rejected: User unknown", Fate.LATER, "policy_block"),
        (Step.RCPT, 554, "Relay access denied", Fate.LATER, "policy_block"),
        (Step.RCPT, 550, "Your account has been disabled for spam", Fate.LATER, "policy_block"),
        (Step.RCPT, 550, "blocked using <rbl.example>, no such luck", Fate.LATER, "policy_block"),
        (Step.RCPT, 550, "<spam@buyer.example> rejected", Fate.REFUSED, "rejected"),
        (Step.DOT, 554, "rejected as spam", Fate.LATER, "policy_block"),
        (Step.MAIL, 550, "5.1.1 no such user", Fate.LATER, "policy_block"),
        (Step.MAIL, 553, "sorry", Fate.LATER, "policy_block"),
        (Step.DOT, 550, "5.1.1 no such user", Fate.REFUSED, "hard_bounce"),
        (Step.RCPT, 550, "5.7.1 your network is blocked", Fate.LATER, "policy_block"),
        (Step.RCPT, 550, "5.7.26 unauthenticated\nread more", Fate.LATER, "policy_block"),
        (Step.DOT, 554, "5.7.1 looks like spam", Fate.LATER, "policy_block"),
        (Step.DOT, 550, "rejected", Fate.REFUSED, "rejected"),
        (Step.MAIL, 553, "5.1.8 bad sender", Fate.LATER, "policy_block"),
        (Step.MAIL, 501, "5.5.4 bad parameter", Fate.LATER, "policy_block"),
        (Step.MAIL, 552, "5.3.4 too big", Fate.REFUSED, "rejected"),
        (Step.RCPT, 451, "4.7.1 greylisted", Fate.LATER, "soft_bounce"),
        (Step.RCPT, 450, "no room now", Fate.LATER, "soft_bounce"),
        (Step.RCPT, 451, "4.3.2 overloaded", Fate.LATER, "try_later"),
        (Step.RCPT, 452, "4.5.3 too many recipients", Fate.LATER, "try_later"),
        (Step.DATA, 451, "Greylisted for five minutes", Fate.LATER, "soft_bounce"),
        (Step.DOT, 452, "4.2.2 over quota", Fate.LATER, "soft_bounce"),
        (Step.DOT, 451, "4.7.0 later", Fate.LATER, "try_later"),
        (Step.MAIL, 452, "4.3.1 full", Fate.LATER, "try_later"),
        (Step.GREETING, 554, "5.7.1 go away", Fate.LATER, "policy_block"),
        (Step.LOGIN, 454, "4.7.0 try again", Fate.LATER, "try_later"),
    ],
)
def test_a_reply_means_what_its_enhanced_code_says(step: Step, code: int, text: str, fate: Fate, word: str) -> None:
    found = receipt("key", reply(step, code, text))
    assert (found.key, found.fate, found.code, found.status) == ("key", fate, word, code)


@pytest.mark.parametrize(
    "text",
    [
        *("No such user here", "User unknown", "Unknown user", "Recipient unknown", "Mailbox not found"),
        *("unknown or illegal alias", "sorry, no mailbox here by that name", "Invalid recipient", "User not local"),
        *("<jane@buyer.example>: Recipient address rejected: User unknown in local recipient table",),
        *("The email account that you tried to reach does not exist", "0.0.0 mailbox doesn't exist"),
        *("5.0.0 User unknown", "5.5.0 unknown user"),
    ],
)
def test_the_ways_of_saying_that_there_is_no_such_mailbox_are_known(text: str) -> None:
    assert receipt("key", reply(Step.RCPT, 550, text)).code == "hard_bounce"


SAID = st.lists(
    st.sampled_from(
        ("5.1.1", "5.1.0", "5.7.1", "4.2.2", "no such user", "user unknown", "spam", "sender", "quota", "#")
    )
    | st.text(max_size=30),
    max_size=6,
).map(" ".join)


@given(st.sampled_from([Step.GREETING, Step.EHLO, Step.LOGIN, Step.MAIL, Step.DATA]), st.integers(400, 599), SAID)
def test_nobodys_address_is_given_up_before_the_server_has_heard_it(step: Step, code: int, text: str) -> None:
    assert receipt("key", reply(step, code, text)).code not in HARD_BOUNCES


@given(st.integers(400, 599), SAID)
def test_nobodys_address_is_given_up_over_a_policy(code: int, text: str) -> None:
    assert receipt("key", reply(Step.RCPT, code, f"5.7.1 {text}")).code not in HARD_BOUNCES
    assert receipt("key", reply(Step.RCPT, min(code, 499), text)).code not in HARD_BOUNCES


def test_a_reason_names_no_address() -> None:
    found = receipt("key", reply(Step.RCPT, 550, "5.1.1 <jane@buyer.example>: unknown\x1b[31m user"))
    assert "jane" not in found.reason
    assert "\x1b" not in found.reason
    assert "550" in found.reason


@pytest.mark.parametrize(("step", "code"), [(Step.LOGIN, 535), (Step.LOGIN, 500), (Step.MAIL, 530), (Step.RCPT, 530)])
def test_a_refused_login_is_the_whole_calls_failure(step: Step, code: int) -> None:
    assert isinstance(failure(reply(step, code), operation="smtp.send"), AuthRejected)


@pytest.mark.parametrize("step", [Step.GREETING, Step.EHLO, Step.LOGIN, Step.MAIL])
def test_a_server_that_closes_before_it_knows_the_letter_takes_none_of_the_batch(step: Step) -> None:
    error = failure(reply(step, 421, "4.7.0 too many connections"), operation="smtp.send")
    assert isinstance(error, RateLimited)
    assert error.retry_after_s == CLOSED_WAIT_S


@pytest.mark.parametrize("step", [Step.RCPT, Step.DATA, Step.DOT])
def test_a_server_that_closes_over_a_letter_puts_off_that_letter(step: Step) -> None:
    stopped = reply(step, 421, "4.7.0 try again later")
    assert failure(stopped, operation="smtp.send") is None
    assert (receipt("key", stopped).fate, receipt("key", stopped).code) == (Fate.LATER, "try_later")


def test_no_failure_is_raised_once_the_mail_may_be_there() -> None:
    for way in ("timeout", "reset", "garbage"):
        stopped = Stopped(Step.DOT, way)
        assert failure(stopped, operation="smtp.send") is None
        assert receipt("key", stopped).fate is Fate.UNKNOWN
    assert failure(reply(Step.DOT, 530), operation="smtp.send") is None
