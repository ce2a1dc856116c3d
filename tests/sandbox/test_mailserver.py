from __future__ import annotations

import asyncio
import base64
import json
from contextlib import suppress
from typing import Any

import pytest

from cmo.sandbox.mailserver import MailServer, ReceivedMail
from cmo.sandbox.smtp_faults import SmtpFault, SmtpFaultPlayer
from tests.fakes.clock import NOON, StillClock

HELLO = (b"EHLO sender.example\r\n",)
ENVELOPE = (*HELLO, b"MAIL FROM:<ann@sender.example>\r\n", b"RCPT TO:<jane@buyer.example>\r\n", b"DATA\r\n")


def server_of(**changes: Any) -> MailServer:
    return MailServer(clock=StillClock(), **changes)


def talk(server: MailServer, *said: bytes) -> list[str]:
    """The last line of the banner and of the reply to each of `said`; `gone` once the server has left."""

    async def reply(reader: asyncio.StreamReader) -> str:
        with suppress(ConnectionError):
            while line := (await reader.readline()).decode():
                if line[3:4] != "-":
                    return line.strip()
        return "gone"

    async def run() -> list[str]:
        listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*listener.sockets[0].getsockname())
        replies = [await reply(reader)]
        for words in said:
            writer.write(words)
            replies.append(await reply(reader))
        writer.close()
        listener.close()
        return replies

    return asyncio.run(run())


def codes(server: MailServer, *said: bytes) -> list[str]:
    return [reply[:3] for reply in talk(server, *said)]


def test_a_mail_is_kept_with_its_envelope_and_without_its_dot_stuffing() -> None:
    server = server_of()
    replies = talk(server, *ENVELOPE, b"Subject: x\r\n\r\n..\r\n...two\r\nend\r\n.\r\n", b"QUIT\r\n")
    assert [reply[:3] for reply in replies] == ["220", "250", "250", "250", "354", "250", "221"]
    assert replies[5].endswith("queued as 00000001")
    assert server.received == (
        ReceivedMail("ann@sender.example", ("jane@buyer.example",), b"Subject: x\r\n\r\n.\r\n..two\r\nend\r\n", NOON),
    )


def test_one_connection_carries_many_mails() -> None:
    server = server_of()
    again = (b"MAIL FROM:<a@sender.example>\r\n", b"RSET\r\n", *ENVELOPE[1:], b"two\r\n.\r\n")
    assert codes(server, *ENVELOPE, b"one\r\n.\r\n", *again)[-1] == "250"
    assert [mail.data for mail in server.received] == [b"one\r\n", b"two\r\n"]


@pytest.mark.parametrize(
    "text",
    [b"a\n.\r\nb\r\n.\r\n", b"a\r\n.\nb\r\n.\r\n", b"a\rb\r\n.\r\n", b"x" * 999 + b"\r\n.\r\n", b"\xc3\xa9\r\n.\r\n"],
    ids=["bare LF before a dot", "bare LF after a dot", "bare CR", "long line", "8 bit"],
)
def test_text_that_breaks_the_rules_is_refused_as_a_whole(text: bytes) -> None:
    server = server_of()
    assert codes(server, *ENVELOPE, text)[-1] == "554"
    assert server.received == ()


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ((b"NOOP\n",), "500"),
        ((b"NOOP " + b"x" * 600 + b"\r\n",), "500"),
        ((b"MAIL FROM:<a@sender.example>\r\n",), "503"),
        ((*HELLO, b"RCPT TO:<a@buyer.example>\r\n"), "503"),
        ((*HELLO, b"DATA\r\n"), "503"),
        ((*HELLO, b"MAIL FROM:a@sender.example\r\n"), "501"),
        ((*HELLO, b"MAIL FROM:<a b@sender.example>\r\n"), "501"),
        ((*ENVELOPE[:2], b"RCPT TO:<>\r\n"), "501"),
        ((*ENVELOPE[:2], b"MAIL FROM:<b@sender.example>\r\n"), "503"),
        ((*HELLO, b"AUTH PLAIN x\r\n"), "503"),
        ((b"EHLO\r\n",), "501"),
        ((b"HELO sender.example\r\n",), "250"),
        ((b"VRFY jane\r\n",), "502"),
    ],
)
def test_commands_out_of_form_or_order_are_refused(said: tuple[bytes, ...], code: str) -> None:
    assert codes(server_of(), *said)[-1] == code


def test_mailboxes_answer_as_they_are_told_to() -> None:
    server = server_of(accepts={"jane@buyer.example": 550, "bob@buyer.example": 450}.__getitem__)
    rcpt = (b"RCPT TO:<jane@buyer.example>\r\n", b"RCPT TO:<bob@buyer.example>\r\n", b"DATA\r\n")
    assert talk(server, *ENVELOPE[:2], *rcpt)[3:] == [
        "550 5.1.1 No such user here",
        "450 4.2.0 Greylisted, try again later",
        "503 5.5.1 RCPT first",
    ]


def packed(text: bytes) -> bytes:
    return base64.b64encode(text) + b"\r\n"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ((b"AUTH PLAIN " + packed(b"\0ann\0pass"),), "235"),
        ((b"AUTH PLAIN\r\n", packed(b"\0ann\0pass")), "235"),
        ((b"AUTH LOGIN\r\n", packed(b"ann"), packed(b"pass")), "235"),
        ((b"AUTH LOGIN " + packed(b"ann"), packed(b"pass")), "235"),
        ((b"AUTH PLAIN " + packed(b"\0ann\0wrong"),), "535"),
        ((b"AUTH PLAIN not-base64\r\n",), "535"),
        ((b"AUTH OTHER\r\n",), "504"),
    ],
)
def test_mail_is_taken_only_after_the_right_login(said: tuple[bytes, ...], code: str) -> None:
    found = codes(server_of(user="ann", password="pass"), *HELLO, *said, *ENVELOPE[1:2])
    assert found[-2:] == [code, "250" if code == "235" else "530"]


def test_state_survives_a_restart() -> None:
    faults = [SmtpFault(point="mail", way="4xx", nth=(3,))]
    first = server_of(faults=SmtpFaultPlayer(faults))
    talk(first, *ENVELOPE, b"one\r\n.\r\n", *ENVELOPE, b"two\r\n.\r\n")
    second = server_of(faults=SmtpFaultPlayer(faults))
    second.load_json(json.loads(json.dumps(first.to_json())))
    assert second.received == first.received
    assert codes(second, *ENVELOPE[:2])[-1] == "451"


@pytest.mark.parametrize(
    ("point", "way", "is_taken", "last"),
    [
        ("connect", "drop", False, "gone"),
        ("dot", "drop", False, "gone"),
        ("dot", "drop_after_accepting", True, "gone"),
        ("dot", "5xx", False, "554"),
        ("dot", "garbage", False, "lorem ipsum dolor"),
        ("after_dot", "drop", True, "gone"),
        ("after_dot", "garbage", True, "lorem ipsum dolor"),
        ("after_dot", "4xx", True, "250"),
        ("content", "5xx", False, "554"),
        ("content", "drop", False, "gone"),
        ("data", "4xx", False, "500"),
    ],
)
def test_what_is_taken_depends_on_where_it_goes_wrong(point: Any, way: Any, is_taken: bool, last: str) -> None:
    server = server_of(faults=SmtpFaultPlayer([SmtpFault(point=point, way=way, nth=(1,))]))
    assert talk(server, *ENVELOPE, b"x" * 600 + b"\r\n.\r\n")[-1].startswith(last)
    assert bool(server.received) is is_taken


def test_the_same_seed_meets_the_same_letters_in_any_order() -> None:
    faults = [SmtpFault(point="rcpt", way="4xx", share=0.3)]
    people = [f"p{n}@buyer.example" for n in range(200)]

    def struck(order: list[str]) -> set[str]:
        player = SmtpFaultPlayer(faults, seed=3)
        return {person for person in order if player.pick("rcpt", person)}

    assert struck(people) == struck(people[::-1])
    assert 30 < len(struck(people)) < 90


def test_a_fault_is_played_no_more_often_than_it_may_be() -> None:
    player = SmtpFaultPlayer([SmtpFault(point="rcpt", way="4xx", share=1.0, most=2)])
    assert [player.pick("rcpt", "jane") is not None for _ in range(4)] == [True, True, False, False]
