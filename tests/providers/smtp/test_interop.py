"""The client against a mail server that somebody else wrote, encrypted and not."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from cmo.config.secrets import Secret
from cmo.domain.outward import Fate, Letter, Probe, Receipt
from cmo.errors import AuthRejected, ProviderRejected
from cmo.providers.mail.mime import build_mail
from tests.providers.mail.letters import letter_of
from tests.providers.smtp.servers import HOST, PASSWORD, USER, send, smtp_to

AUTHORITY = trustme.CA()
Tls = Literal["implicit", "starttls", "none"]


class Mailboxes:
    """aiosmtpd's handler: refuses one mailbox, keeps the rest's mail, takes one login."""

    def __init__(self) -> None:
        self.mails: list[tuple[str | None, list[str], bytes]] = []
        self.logins: list[bytes] = []

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address == "nobody@buyer.example":
            return "550 5.1.1 No such user"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        self.mails.append((envelope.mail_from, list(envelope.rcpt_tos), envelope.content))
        return "250 2.0.0 Ok: queued as 4XyZ"

    def login(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append(data.password)
        is_right = (data.login, data.password) == (USER.encode(), PASSWORD.reveal().encode())
        return AuthResult(success=is_right, handled=False)


def server_context(host: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert(host).configure_cert(context)
    return context


def client_context(*, trusts: bool = True) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if trusts:
        AUTHORITY.configure_trust(context)
    return context


@asynccontextmanager
async def listening(boxes: Mailboxes, tls: Tls, *, cert_for: str = HOST) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    context = None if tls == "none" else server_context(cert_for)

    def protocol() -> SMTP:
        return SMTP(
            boxes,
            hostname="mail.buyer.example",
            loop=loop,
            tls_context=context if tls == "starttls" else None,
            require_starttls=tls == "starttls",
            auth_require_tls=tls == "starttls",
            authenticator=boxes.login,
        )

    server = await loop.create_server(protocol, HOST, 0, ssl=context if tls == "implicit" else None)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def send_all(
    boxes: Mailboxes, tls: Tls, *letters: Letter, cert_for: str = HOST, trusts: bool = True, **changes: Any
) -> list[Receipt]:
    async def run() -> list[Receipt]:
        async with listening(boxes, tls, cert_for=cert_for) as port:
            settings = {"tls": tls, "tls_context": client_context(trusts=trusts), **changes}
            async with smtp_to(port, **settings) as client:
                return [await send(client, letter) for letter in letters]

    return asyncio.run(run())


@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
def test_letters_arrive_byte_for_byte(tls: Tls) -> None:
    boxes = Mailboxes()
    letters = [
        letter_of(key="a|email|seq|1", body="Hi Jané,\n.\n..two dots\n" + "é" * 500 + "\n", subject="Grüße 你好"),
        letter_of(key="b|email|seq|1", to_email="nobody@buyer.example"),
        letter_of(key="c|email|seq|1"),
    ]
    receipts = send_all(boxes, tls, *letters)
    assert [(receipt.fate, receipt.code) for receipt in receipts] == [
        (Fate.CONFIRMED, ""),
        (Fate.REFUSED, "hard_bounce"),
        (Fate.CONFIRMED, ""),
    ]
    assert receipts[0].provider_id == "4XyZ"
    assert boxes.mails == [(USER, [letter.to_email], build_mail(letter)) for letter in (letters[0], letters[2])]
    assert boxes.logins == [PASSWORD.reveal().encode()]


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize(("cert_for", "trusts"), [("mail.other.example", True), (HOST, False)])
def test_a_server_that_cannot_prove_its_name_gets_neither_password_nor_mail(
    tls: Tls, cert_for: str, trusts: bool
) -> None:
    boxes = Mailboxes()
    with pytest.raises(ProviderRejected, match="certificate"):
        send_all(boxes, tls, letter_of(), cert_for=cert_for, trusts=trusts)
    assert (boxes.logins, boxes.mails) == ([], [])


def test_a_wrong_password_is_told_after_one_try() -> None:
    boxes = Mailboxes()
    with pytest.raises(AuthRejected):
        send_all(boxes, "starttls", letter_of(), password=Secret("wrong-password"))
    assert boxes.logins == [b"wrong-password"]


def test_a_probe_passes_and_leaves_no_mail() -> None:
    boxes = Mailboxes()

    async def probe() -> Probe:
        async with listening(boxes, "starttls") as port:
            return await smtp_to(port, tls="starttls", tls_context=client_context()).probe()

    found = asyncio.run(probe())
    assert (found.state, "encrypted" in found.detail) == ("ok", True)
    assert boxes.mails == []
