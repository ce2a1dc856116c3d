from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from typing import Any

import pytest

from cmo.config.secrets import Secret
from cmo.domain.outward import Fate, Letter, Receipt, Repeat
from cmo.errors import AuthRejected, ConfigError, ProviderRejected, ProviderUnavailable, RateLimited
from cmo.providers.mail.mime import build_mail
from cmo.providers.ports import Mailer
from cmo.providers.smtp.dialogue import GOODBYE_S
from cmo.sandbox.mailserver import MOST_BYTES, MailServer
from cmo.sandbox.smtp_faults import SmtpFault, SmtpFaultPlayer
from tests.fakes.clock import StillClock
from tests.fakes.loop import LoopClock, run
from tests.providers.mail.letters import letter_of
from tests.providers.smtp.servers import HOST, PASSWORD, USER, listening, send, smtp_to


def server_of(*faults: SmtpFault, codes: Mapping[str, int] | None = None) -> MailServer:
    return MailServer(
        clock=LoopClock(),
        accepts=lambda address: (codes or {}).get(address, 250),
        faults=SmtpFaultPlayer(faults),
        user=USER,
        password=PASSWORD.reveal(),
    )


async def send_all(server: MailServer, *letters: Letter, **changes: Any) -> list[Receipt]:
    async with listening(server) as port, smtp_to(port, **changes) as client:
        return [await send(client, letter) for letter in letters]


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def test_the_exact_bytes_of_the_letter_arrive_at_its_one_recipient() -> None:
    letter = letter_of(body="Hi Jané,\n.\n..two\n.one\n\nAnn")
    server = server_of()
    (receipt,) = run(send_all(server, letter))
    assert (receipt.fate, receipt.effect, receipt.status) == (Fate.CONFIRMED, "created", 250)
    assert receipt.provider_id == "00000001"
    (mail,) = server.received
    assert (mail.envelope_from, mail.recipients, mail.data) == (USER, ("jane@buyer.example",), build_mail(letter))


def test_consecutive_letters_share_a_connection_and_a_refused_one_does_not_spoil_it() -> None:
    connects = SmtpFault(point="connect", way="drop", nth=(2,))
    letters = [letter_of(key=f"{n}|email|seq|1", to_email=f"p{n}@buyer.example") for n in range(3)]
    server = server_of(connects, codes={"p1@buyer.example": 550})
    receipts = run(send_all(server, *letters))
    assert [receipt.fate for receipt in receipts] == [Fate.CONFIRMED, Fate.REFUSED, Fate.CONFIRMED]
    assert [mail.recipients[0] for mail in server.received] == ["p0@buyer.example", "p2@buyer.example"]


class TiredServer(MailServer):
    """Answers the first RSET, and nothing else, in its own way."""

    def __init__(self, answer: bytes) -> None:
        super().__init__(clock=LoopClock(), user=USER, password=PASSWORD.reveal())
        self._answers = [answer]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        passed_on = asyncio.StreamReader()
        inner = asyncio.create_task(super().serve(passed_on, writer))
        while line := await reader.readline():
            if line == b"RSET\r\n" and self._answers:
                writer.write(self._answers.pop())
            else:
                passed_on.feed_data(line)
        passed_on.feed_eof()
        await inner


@pytest.mark.parametrize("answer", [b"421 4.4.2 Idle for too long\r\n", b"500 What?\r\n", b"lorem ipsum\r\n", b""])
def test_a_kept_connection_that_no_longer_serves_is_replaced(answer: bytes) -> None:
    server = TiredServer(answer)
    letters = [letter_of(key=f"{n}|email|seq|1", to_email=f"p{n}@buyer.example") for n in range(2)]
    receipts = run(send_all(server, *letters))
    assert [receipt.fate for receipt in receipts] == [Fate.CONFIRMED, Fate.CONFIRMED]
    assert len(server.received) == 2


class ClosingServer(TiredServer):
    """Takes one mail, and nothing more on this connection or another."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.received:
            await super().serve(reader, writer)
            return
        writer.write(b"421 4.3.2 Shutting down\r\n")
        writer.close()


def test_a_server_that_closes_between_two_letters_leaves_no_doubt_about_the_second() -> None:
    server = ClosingServer(b"421 4.3.2 Shutting down\r\n")

    async def send_two() -> Receipt:
        async with listening(server) as port, smtp_to(port) as client:
            first = await send(client, letter_of())
            with pytest.raises(RateLimited, match="421 to GREETING"):
                await send(client, letter_of(key="second|email|seq|1"))
            return first

    assert run(send_two()).fate is Fate.CONFIRMED
    assert len(server.received) == 1


@pytest.mark.parametrize(("user", "is_taken"), [("", True), (USER, False)])
def test_a_server_that_knows_no_ehlo_is_greeted_in_the_old_way_where_no_login_is_needed(
    user: str, is_taken: bool
) -> None:
    faults = SmtpFaultPlayer([SmtpFault(point="ehlo", way="5xx", nth=(1,))])
    server = MailServer(clock=LoopClock(), faults=faults, user=user, password=PASSWORD.reveal())
    (receipt,) = run(send_all(server, letter_of(), user=user))
    assert (receipt.fate is Fate.CONFIRMED) is is_taken


def test_a_mail_that_is_too_big_for_the_server_is_refused_before_it_is_sent() -> None:
    server = server_of(SmtpFault(point="data", way="drop", nth=(1,)))
    (receipt,) = run(send_all(server, letter_of(body="x" * MOST_BYTES)))
    assert (receipt.fate, receipt.code, receipt.status) == (Fate.REFUSED, "rejected", 552)
    assert "MAIL" in receipt.reason


def test_letters_asked_for_at_once_go_one_after_the_other() -> None:
    server = server_of()
    letters = [letter_of(key=f"{n}|email|seq|1", to_email=f"p{n}@buyer.example") for n in range(8)]

    async def all_at_once() -> list[Receipt]:
        async with listening(server) as port, smtp_to(port) as client:
            return await asyncio.gather(*(send(client, letter) for letter in letters))

    assert {receipt.fate for receipt in run(all_at_once())} == {Fate.CONFIRMED}
    assert sorted(mail.data for mail in server.received) == sorted(build_mail(letter) for letter in letters)


def test_a_cancelled_letter_takes_its_connection_along() -> None:
    server = server_of(SmtpFault(point="dot", way="slow", nth=(1,), seconds=20.0))
    later = letter_of(key="later|email|seq|1", to_email="later@buyer.example")

    async def cancel_and_go_on() -> Receipt:
        async with listening(server) as port, smtp_to(port) as client:
            task = asyncio.create_task(send(client, letter_of()))
            await LoopClock().sleep(10.0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            return await send(client, later)

    receipt = run(cancel_and_go_on())
    assert receipt.fate is Fate.CONFIRMED
    assert [mail.recipients[0] for mail in server.received] == [later.to_email, "jane@buyer.example"]
    assert receipt.provider_id == "00000001"


@pytest.mark.parametrize(
    ("code", "fate", "word"),
    [
        (550, Fate.REFUSED, "hard_bounce"),
        (553, Fate.REFUSED, "invalid_email"),
        (554, Fate.LATER, "policy_block"),
        (552, Fate.LATER, "soft_bounce"),
        (450, Fate.LATER, "soft_bounce"),
        (452, Fate.LATER, "soft_bounce"),
        (421, Fate.LATER, "try_later"),
    ],
)
def test_what_the_server_says_of_a_recipient_is_told(code: int, fate: Fate, word: str) -> None:
    server = server_of(codes={"jane@buyer.example": code})
    (receipt,) = run(send_all(server, letter_of()))
    assert (receipt.fate, receipt.code, receipt.status) == (fate, word, code)
    assert server.received == ()


def test_nobody_waits_long_for_a_goodbye() -> None:
    server = server_of(SmtpFault(point="quit", way="timeout", nth=(1,)))

    async def leave() -> float:
        async with listening(server) as port:
            async with smtp_to(port) as client:
                await send(client, letter_of())
                started = asyncio.get_running_loop().time()
            return asyncio.get_running_loop().time() - started

    assert run(leave()) < 2 * GOODBYE_S


@pytest.mark.parametrize("password", ["pässwörd", "пароль", "with space", 'q"uote\\'])
def test_a_password_in_any_script_logs_in(password: str) -> None:
    server = MailServer(clock=LoopClock(), user=USER, password=password)
    (receipt,) = run(send_all(server, letter_of(), password=Secret(password)))
    assert receipt.fate is Fate.CONFIRMED


@pytest.mark.parametrize(("seconds", "fate"), [(140.0, Fate.CONFIRMED), (160.0, Fate.UNKNOWN)])
def test_a_server_may_take_its_time_over_the_whole_mail(seconds: float, fate: Fate) -> None:
    server = server_of(SmtpFault(point="after_dot", way="slow", nth=(1,), seconds=seconds))
    assert run(send_all(server, letter_of()))[0].fate is fate


def test_nothing_is_in_doubt_when_no_server_listens() -> None:
    client = smtp_to(closed_port())
    with pytest.raises(ProviderUnavailable) as raised:
        run(send(client, letter_of()))
    assert raised.value.details["connected"] is False
    probe = run(client.probe())
    assert (probe.state, "cannot be reached" in probe.detail) == ("fail", True)


def test_a_wrong_password_is_tried_once_and_told() -> None:
    server = server_of(SmtpFault(point="auth", way="5xx", nth=(2,)))
    with pytest.raises(AuthRejected) as raised:
        run(send_all(server, letter_of(), password=Secret("wrong-password")))
    assert raised.value.status == 535
    assert "wrong-password" not in str(raised.value)
    assert server.faults.to_json()["passed"] == {"0": 1}


def test_a_server_that_wants_a_login_nobody_set_is_told() -> None:
    with pytest.raises(AuthRejected):
        run(send_all(server_of(), letter_of(), user="", password=None))


def test_a_password_never_leaves_without_encryption() -> None:
    server = server_of()
    with pytest.raises(ProviderRejected, match="no encryption"):
        run(send_all(server, letter_of(), tls="starttls"))
    assert server.received == ()
    with pytest.raises(ConfigError, match="unencrypted"):
        smtp_to(25, host="mail.sender.example")
    with pytest.raises(ConfigError):
        smtp_to(25, from_email="nobody")


@pytest.mark.parametrize("host", ["", "mail..sender.example", "x" * 64 + ".example", ".example"])
def test_what_no_resolver_can_be_asked_for_is_no_server(host: str) -> None:
    with pytest.raises(ConfigError, match="no host name"):
        smtp_to(587, host=host, tls="starttls")


def test_letters_leave_at_the_pace_that_is_set() -> None:
    clock = StillClock()
    letters = [letter_of(key=f"{n}|email|seq|1") for n in range(5)]
    run(send_all(server_of(), *letters, clock=clock, per_minute=2))
    assert clock.monotonic() == 120


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"subject": "Hi =?utf-8?q?Jane=0d=0aBcc:_a=40evil.example?="}, "unsafe_mail"),
        ({"from_email": "eve@other.example"}, "wrong_sender"),
    ],
)
def test_what_must_not_leave_is_refused_before_a_connection_is_made(changes: dict[str, str], code: str) -> None:
    receipt = run(send(smtp_to(closed_port()), letter_of(**changes)))
    assert (receipt.fate, receipt.code) == (Fate.REFUSED, code)


def test_a_mailbox_in_any_script_sends() -> None:
    server = server_of()
    letter = letter_of(from_email="ann@xn--bcher-kva.example")
    (receipt,) = run(send_all(server, letter, from_email="ann@bücher.example"))
    assert receipt.fate is Fate.CONFIRMED
    assert server.received[0].envelope_from == letter.from_email


def test_a_letter_in_doubt_stays_in_doubt() -> None:
    mailer: Mailer = smtp_to(closed_port())
    (receipt,) = run(mailer.look_up("smtp.send", [letter_of()]))
    assert (receipt.fate, "Sent folder" in receipt.reason) == (Fate.UNKNOWN, True)
    assert mailer.operations["smtp.send"].repeat is Repeat.BLIND


def test_the_mailbox_is_a_sequence_of_one_inbox() -> None:
    client = smtp_to(closed_port())
    sequence = run(client.sequence(None))
    assert [(inbox.address, inbox.provider, inbox.is_warm) for inbox in sequence.inboxes] == [(USER, "smtp", False)]
    assert run(client.pause(sequence.id)).is_quiet


def test_a_probe_logs_in_and_sends_nothing() -> None:
    server = server_of()

    async def probe(**changes: Any) -> tuple[str, str]:
        async with listening(server) as port:
            found = await smtp_to(port, **changes).probe()
            return found.state, found.detail + found.fix

    assert run(probe())[0] == "ok"
    state, words = run(probe(password=Secret("wrong-password")))
    assert state == "fail"
    assert "SMTP_PASSWORD" in words
    assert server.received == ()
