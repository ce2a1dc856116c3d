from __future__ import annotations

import email
import email.policy
from datetime import UTC, datetime, timedelta, timezone
from email.errors import MessageError
from email.message import EmailMessage
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmo.domain.outward import Letter
from cmo.domain.text import clean_line
from cmo.providers.mail.mime import MailUnsafe, build_mail, check_mail, message_id_for, self_test
from tests.providers.mail.letters import letter_of

BCC_SUBJECT = "Hi =?utf-8?q?Jane=0d=0aBcc:_a=40evil.example?="
TRAPS = (
    *("=?utf-8?q?", "=0d=0aBcc:_a=40evil.example", "?=", "=?", "\r\nBcc: a@evil.example", "\n", "\r", "\0", "\t"),
    *("\u202e", "\u200b", "\x85", "\u2028", '"', "\\", "<", ">", ",", ";", ":", "@", "(", ")", "[", "]", " ", "."),
    *("a@evil.example", "😀", "é", "e\u0301", "\ud800", "{{x}}", "x" * 300, "你好", "Re:"),
)
HOSTILE = st.one_of(st.text(max_size=400), st.lists(st.sampled_from(TRAPS), max_size=12).map("".join))

LINES = (
    *("From x", ".", "..", ".dot", "trailing  ", "", " ", "\ttab\t", "=3D", "=", "=46=", "> quote", "--", "-- "),
    *("Bcc: a@evil.example", "é" * 200, "x" * 2000, "From " * 300, "é" + " " * 200 + "From ."),
)
BODIES = st.lists(st.sampled_from(LINES) | st.text(max_size=90).map(clean_line), min_size=1).map("\n".join)


def read(mail: bytes) -> EmailMessage:
    message = email.message_from_bytes(mail, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def test_a_mail_has_exactly_the_headers_it_needs() -> None:
    assert build_mail(letter_of()).decode().split("\r\n\r\n")[0].split("\r\n") == [
        "Date: Fri, 20 Nov 2026 09:30:15 +0000",
        'From: "Ann Owner" <ann@sender.example>',
        'To: "Jane Doe" <jane@buyer.example>',
        "Reply-To: ann@sender.example",
        "Subject: Flaky tests in your pipeline",
        "Message-ID: <077c0e963966e62ba394fc36c12eda0a00854df3@sender.example>",
        "List-Unsubscribe: <https://go.sender.example/u/k3f9a1c2>,",
        " <mailto:stop@sender.example?subject=unsubscribe>",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
        "MIME-Version: 1.0",
        'Content-Type: text/plain; charset="utf-8"',
        "Content-Transfer-Encoding: 7bit",
    ]


def test_a_letter_gives_the_same_bytes_however_often_it_is_stored_and_read() -> None:
    letter = letter_of(written_at=datetime(2026, 7, 1, 9, tzinfo=ZoneInfo("America/St_Johns")))
    stored = Letter.model_validate_json(letter.model_dump_json())
    assert build_mail(letter) == build_mail(stored)
    assert b"Date: Wed, 01 Jul 2026 09:00:00 -0230\r\n" in build_mail(stored)


def test_one_click_is_offered_only_where_there_is_a_url_for_it() -> None:
    only_mail = read(build_mail(letter_of(unsubscribe_url="")))
    neither = read(build_mail(letter_of(unsubscribe_url="", unsubscribe_mailto="")))
    assert only_mail["List-Unsubscribe"] == "<mailto:stop@sender.example?subject=unsubscribe>"
    assert "List-Unsubscribe-Post" not in only_mail
    assert "List-Unsubscribe" not in neither


def test_words_in_any_script_and_long_lines_survive() -> None:
    body = "Grüße 你好 😀\n.\n..\nFrom here on\ntrailing \n\ttab\n" + "x" * 3000 + "\n" + "é" * 2000
    letter = letter_of(subject="Grüße aus 北京 " * 12 + "!", to_name='Jané "J" Döe, Ltd. <x@y>', body=body)
    message = read(build_mail(letter))
    assert message["Subject"] == letter.subject
    assert message["To"].addresses[0].display_name == letter.to_name
    assert message.get_content().replace("\r\n", "\n") == body + "\n"


@pytest.mark.parametrize(
    "body", ["From here on\n", "two spaces  \n", "a tab\t\n", "x" * 79 + "\n", "é\n", "é" + " " * 80 + "\nFrom \n"]
)
def test_lines_that_mail_software_changes_on_the_way_are_encoded(body: str) -> None:
    mail = build_mail(letter_of(body=f"Hi,\n{body}"))
    assert read(mail)["Content-Transfer-Encoding"] == "quoted-printable"
    lines = mail.partition(b"\r\n\r\n")[2].split(b"\r\n")
    assert not any(line.startswith(b"From ") or line.endswith((b" ", b"\t")) or len(line) > 76 for line in lines)
    assert read(mail).get_content().replace("\r\n", "\n") == f"Hi,\n{body}"


def test_a_subject_that_forges_a_recipient_is_held() -> None:
    with pytest.raises(MailUnsafe, match="encoded word"):
        build_mail(letter_of(subject=BCC_SUBJECT))


def test_a_name_that_forges_a_recipient_is_held() -> None:
    for field in ("to_name", "from_name"):
        with pytest.raises(MailUnsafe, match="encoded word"):
            build_mail(letter_of(**{field: "=?utf-8?q?Jane=0d=0aBcc:_a=40evil.example?="}))


def test_the_guard_holds_what_this_pythons_own_library_makes_of_the_forging_subject() -> None:
    message = EmailMessage(policy=email.policy.SMTP)
    good = read(build_mail(letter_of()))
    for name, value in good.items():
        message[name] = BCC_SUBJECT if name == "Subject" else str(value)
    message.set_payload(good.get_payload())
    try:
        mail = message.as_bytes()
    except MessageError:  # fixed from 3.13 on
        return
    with pytest.raises(MailUnsafe):
        check_mail(mail, letter_of(subject=BCC_SUBJECT))


def test_the_self_test_passes_here() -> None:
    self_test()


GOOD = build_mail(letter_of())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Subject:", b"Bcc: a@evil.example\r\nSubject:"),
        (b"Subject:", b"To: a@evil.example\r\nSubject:"),
        (b"Subject:", b"X-Mailer: cmo\r\nSubject:"),
        (b"<jane@buyer.example>", b"<jane@buyer.example>, a@evil.example"),
        (b"<jane@buyer.example>", b"<jane@other.example>"),
        (b"Jane Doe", b"John Doe"),
        (b"Flaky tests", b"Other tests"),
        (b"an hour", b"a day"),
        (b"an hour", b"an\nhour"),
        (b"an hour", b"an\rhour"),
        (b"an hour", b"an\0hour"),
        (b"an hour", b"an hour" + b"x" * 999),
        (b"Flaky tests", b"Flaky\r\ntests"),
        (b"Flaky tests", b"Flaky\r\n \r\n tests"),
        (b"Flaky tests", b"\xffFlaky tests"),
        (b"2026 09:30:15", b"2026 09:30:16"),
        (b"text/plain", b"text/html"),
        (b"/u/k3f9a1c2>", b"/u/other>"),
        (b"=One-Click", b"=Other"),
        (b"Message-ID: <", b"Message-ID: <0"),
        (b"text/plain; ", b"multipart/mixed; boundary=x; "),
    ],
)
def test_the_guard_holds_a_mail_that_is_not_the_letter(old: bytes, new: bytes) -> None:
    mail = GOOD.replace(old, new, 1)
    assert mail != GOOD
    with pytest.raises(MailUnsafe):
        check_mail(mail, letter_of())


@pytest.mark.parametrize(
    "subject", ["Re: your mail", "RE:x", "Fwd: that", "AW: Frage", "re[2]: x", " Fw : x", "Re\uff1a x"]
)
def test_a_first_mail_does_not_pretend_to_be_an_answer(subject: str) -> None:
    with pytest.raises(MailUnsafe, match="pretends"):
        build_mail(letter_of(subject=subject.strip()))


@pytest.mark.parametrize("subject", ["Regarding: tests", "Retries: how many?", "Fwdays: a talk"])
def test_a_first_mail_may_begin_with_a_word_like_an_answers(subject: str) -> None:
    build_mail(letter_of(subject=subject))


def test_a_follow_up_may_be_an_answer_and_names_the_mail_before() -> None:
    first = letter_of().message_id
    message = read(build_mail(letter_of(step="follow_up_1", subject="Re: your tests", in_reply_to=first)))
    assert (message["In-Reply-To"], message["References"]) == (f"<{first}>", f"<{first}>")
    assert "References" not in read(build_mail(letter_of(step="follow_up_1")))


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": ""},
        {"subject": "a\r\nBcc: a@evil.example"},
        {"subject": "left\u202eright"},
        {"subject": "x" * 301},
        {"to_name": "Jane\0"},
        {"to_email": "jane@buyer.example, a@evil.example"},
        {"to_email": "jané@buyer.example"},
        {"to_email": "jane@bücher.example"},
        {"to_email": ""},
        {"to_email": "jane@buyer.example\r\n"},
        {"to_email": " jane@buyer.example"},
        {"body": " \n"},
        {"from_email": "nobody"},
        {"reply_to": "a@b.example\nBcc: x@evil.example"},
        {"unsubscribe_mailto": "x"},
        {"unsubscribe_url": "http://go.sender.example/u/1"},
        {"unsubscribe_url": "https:///u/1"},
        {"unsubscribe_url": "https://a@go.sender.example/u/1"},
        {"unsubscribe_url": "https://go.sender.example/u/1>\r\nBcc: a@evil.example"},
        {"unsubscribe_url": "https://go.sender.example/" + "x" * 900},
        {"unsubscribe_url": "https://[/u"},
        {"message_id": "a@b.example>\r\nBcc: <x@evil.example"},
        {"in_reply_to": "a@b.example>\r\nBcc: <x@evil.example", "step": "follow_up_1"},
        {"in_reply_to": "a@b.example"},
        {"body": "a\rb"},
        {"body": "a\0b"},
        {"body": "a\ud800b"},
        {"body": "pay \u202eeno on"},
        {"written_at": datetime(2026, 1, 1)},
    ],
)
def test_a_letter_that_cannot_become_one_plain_mail_is_held(changes: dict[str, Any]) -> None:
    with pytest.raises(MailUnsafe):
        build_mail(letter_of(**changes))


def test_what_no_rule_foresees_is_held_because_every_mail_is_read_back() -> None:
    with pytest.raises(MailUnsafe, match="Date would not be read as it was approved"):
        build_mail(letter_of(written_at=datetime(50, 1, 1, tzinfo=UTC)))


@given(subject=HOSTILE, to_name=HOSTILE, from_name=HOSTILE, body=HOSTILE)
def test_hostile_words_either_arrive_as_they_are_or_nothing_leaves(
    subject: str, to_name: str, from_name: str, body: str
) -> None:
    letter = letter_of().model_copy(
        update={"subject": subject, "to_name": to_name, "from_name": from_name, "body": body}
    )
    try:
        mail = build_mail(letter)
    except MailUnsafe:
        return
    message = read(mail)
    assert [name.lower() for name in message] == [name.lower() for name in read(GOOD)]
    assert [party.addr_spec for party in message["To"].addresses] == [letter.to_email]
    assert [party.addr_spec for party in message["From"].addresses] == [letter.from_email]
    assert message["Subject"] == subject
    assert message.get_content().replace("\r\n", "\n") == body + ("" if body.endswith("\n") else "\n")
    assert mail.count(b"\n") == mail.count(b"\r\n") == mail.count(b"\r")
    assert max(map(len, mail.split(b"\r\n"))) <= 998


@given(BODIES.filter(lambda body: body.strip() != ""))
def test_every_line_of_a_clean_body_arrives_as_it_is(body: str) -> None:
    mail = build_mail(letter_of(body=body))
    assert read(mail).get_content().replace("\r\n", "\n") == body + ("" if body.endswith("\n") else "\n")
    assert not any(line.startswith(b"From ") or len(line) > 78 for line in mail.split(b"\r\n\r\n", 1)[1].split(b"\r\n"))


@given(subject=HOSTILE.map(clean_line), to_name=HOSTILE.map(clean_line), from_name=HOSTILE.map(clean_line))
def test_cleaned_words_without_encoded_words_are_never_held(subject: str, to_name: str, from_name: str) -> None:
    words = [text.replace("=?", "") for text in (subject, to_name, from_name)]
    build_mail(
        letter_of(subject=f"On {words[0]}".strip(), to_name=clean_line(words[1]), from_name=clean_line(words[2]))
    )


def test_the_message_id_is_fixed_by_the_outbox_key() -> None:
    first = message_id_for("jane@buyer.example|email|seq|1", "Sender.example")
    assert first == message_id_for("jane@buyer.example|email|seq|1", "sender.example")
    assert first != message_id_for("jane@buyer.example|email|seq|2", "sender.example")
    assert "jane" not in first
    with pytest.raises(MailUnsafe):
        message_id_for("key", "no domain\r\n")


def test_a_date_keeps_its_zone() -> None:
    written_at = datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=2)))
    mail = build_mail(letter_of(written_at=written_at))
    assert b"Date: Thu, 01 Jan 2026 01:00:00 +0200\r\n" in mail
    assert read(mail)["Date"].datetime == written_at
