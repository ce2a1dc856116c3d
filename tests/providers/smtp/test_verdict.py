from __future__ import annotations

import pytest

from cmo.domain.outward import Fate
from cmo.errors import AuthRejected
from cmo.providers.smtp.dialogue import Step, Stopped
from cmo.providers.smtp.verdict import failure, receipt


def reply(step: Step, code: int, text: str = "") -> Stopped:
    return Stopped(step, "reply", code=code, text=text)


@pytest.mark.parametrize(
    ("step", "code", "text", "fate", "word"),
    [
        (Step.RCPT, 550, "5.1.1 no such user", Fate.REFUSED, "hard_bounce"),
        (Step.RCPT, 550, "5.1.10 null MX", Fate.REFUSED, "hard_bounce"),
        (Step.RCPT, 550, "no such user", Fate.REFUSED, "hard_bounce"),
        (Step.DOT, 550, "5.1.1 no such user", Fate.REFUSED, "hard_bounce"),
        (Step.RCPT, 550, "5.7.1 your network is blocked", Fate.REFUSED, "policy_block"),
        (Step.RCPT, 550, "5.7.26 unauthenticated\nread more", Fate.REFUSED, "policy_block"),
        (Step.DOT, 554, "5.7.1 looks like spam", Fate.REFUSED, "policy_block"),
        (Step.DOT, 550, "rejected", Fate.REFUSED, "rejected"),
        (Step.MAIL, 553, "5.1.8 bad sender", Fate.REFUSED, "rejected"),
        (Step.MAIL, 552, "5.3.4 too big", Fate.REFUSED, "rejected"),
        (Step.RCPT, 451, "4.7.1 greylisted", Fate.LATER, "soft_bounce"),
        (Step.MAIL, 452, "4.3.1 full", Fate.LATER, "try_later"),
        (Step.GREETING, 554, "5.7.1 go away", Fate.LATER, "policy_block"),
        (Step.LOGIN, 454, "4.7.0 try again", Fate.LATER, "try_later"),
    ],
)
def test_a_reply_means_what_its_enhanced_code_says(step: Step, code: int, text: str, fate: Fate, word: str) -> None:
    found = receipt("key", reply(step, code, text))
    assert (found.key, found.fate, found.code, found.status) == ("key", fate, word, code)


def test_a_reason_names_no_address() -> None:
    found = receipt("key", reply(Step.RCPT, 550, "5.1.1 <jane@buyer.example>: unknown\x1b[31m user"))
    assert "jane" not in found.reason
    assert "\x1b" not in found.reason
    assert "550" in found.reason


@pytest.mark.parametrize(("step", "code"), [(Step.LOGIN, 535), (Step.LOGIN, 500), (Step.MAIL, 530), (Step.RCPT, 530)])
def test_a_refused_login_is_the_whole_calls_failure(step: Step, code: int) -> None:
    assert isinstance(failure(reply(step, code), operation="smtp.send"), AuthRejected)


def test_no_failure_is_raised_once_the_mail_may_be_there() -> None:
    for way in ("timeout", "reset", "garbage"):
        stopped = Stopped(Step.DOT, way)
        assert failure(stopped, operation="smtp.send") is None
        assert receipt("key", stopped).fate is Fate.UNKNOWN
    assert failure(reply(Step.DOT, 530), operation="smtp.send") is None
