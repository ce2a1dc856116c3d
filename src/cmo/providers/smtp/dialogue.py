"""One SMTP session, step by step, so that whoever reads a failure knows how far the mail had come.

`aiosmtplib`'s own `data()` sends command, text and final dot in one call and does not tell where it was when the
connection went. Here its commands are used one at a time, and the final dot is a step of its own: until it is sent the
server must not have accepted anything (RFC 5321, 4.1.1.4: the mail is processed when the end of data arrives).
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

import aiosmtplib

from cmo.clock import Clock
from cmo.config.secrets import Secret

Tls = Literal["implicit", "starttls", "none"]
Way = Literal["refused", "certificate", "no_tls", "no_login", "timeout", "reset", "garbage", "reply"]


DECIDING = 5
"""A server may take so many times longer over the whole mail than over a command (RFC 5321, 4.5.3.2.6): whoever leaves
before it has decided never learns what became of the mail."""


GOODBYE_S = 5.0
"""Longest wait for the reply to QUIT, which nothing depends on."""


class Step(StrEnum):
    """How far a session has come."""

    CONNECT = "connect"
    GREETING = "greeting"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    LOGIN = "login"
    RSET = "rset"
    NOOP = "noop"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    """The command; no text has been sent."""
    TEXT = "text"
    """Some of the text may have been sent, but not the final dot."""
    DOT = "dot"
    """The final dot may have been sent: from here on the server may have the mail."""


class Stopped(Exception):
    """The session did not get past `step`."""

    def __init__(self, step: Step, way: Way, *, code: int | None = None, text: str = "") -> None:
        super().__init__(f"{step}: {way} {code or ''} {text}".strip())
        self.step = step
        self.way = way
        self.code = code
        """The reply's, where `way` is `reply`."""
        self.text = text

    @property
    def is_settled(self) -> bool:
        """Whether the server said no and awaits the next command."""
        return self.way == "reply" and self.code != 421


@dataclass(frozen=True)
class Server:
    """Where to, and who one is there."""

    host: str
    port: int
    tls: Tls
    user: str
    password: Secret | None
    greets_as: str
    """The name given in EHLO."""
    timeout_s: float
    """Longest wait for one reply; `DECIDING` times as long for the one to the final dot."""
    tls_context: ssl.SSLContext | None
    """None only where `tls` is `none`."""


class Session:
    """A connection that is logged in. Nothing it raises but `Stopped`."""

    def __init__(self, server: Server, *, clock: Clock) -> None:
        self._server = server
        self._clock = clock
        self._smtp = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.tls == "implicit",
            start_tls=False,
            tls_context=server.tls_context,
            local_hostname=server.greets_as,
            timeout=server.timeout_s,
        )

    async def open(self) -> None:
        """Connect, greet, encrypt, log in; in this order, so that a password is never sent in the clear."""
        try:
            await self._connect()
            await self._greet()
            if self._server.tls == "starttls":
                await self._encrypt()
                await self._greet()
            if self._server.user:
                await self._login()
        except BaseException:
            self.drop()
            raise

    async def is_ready(self) -> bool:
        """Whether the next mail may go over this connection; asks the server, forgetting what was begun."""
        if not self._smtp.is_connected:
            return False
        try:
            with self._kept_if_settled():
                await self._say(Step.RSET, b"RSET")
        except Stopped:
            self.drop()
            return False
        return True

    async def noop(self) -> None:
        await self._say(Step.NOOP, b"NOOP")

    async def send(self, mail: bytes, *, sender: str, recipient: str) -> str:
        """Hand `mail` over; returns the server's last words.

        Args:
            mail: Lines end in CRLF, the last one too; sender and recipient are plain ASCII addresses.
        """
        with self._kept_if_settled():
            size = f" SIZE={len(mail)}" if self._smtp.supports_extension("size") else ""
            await self._say(Step.MAIL, b"MAIL", f"FROM:<{sender}>{size}".encode("ascii"))
            await self._say(Step.RCPT, b"RCPT", f"TO:<{recipient}>".encode("ascii"))
            await self._say(Step.DATA, b"DATA", expected=3)
            self._write(re.sub(rb"(?m)^\.", b"..", mail))
            await self._clock.sleep(0)  # lets a connection that has gone be noticed while that still proves something
            self._write(b".\r\n")
            return await self._hear()

    async def quit(self) -> None:
        """Say goodbye where there is still somebody, without waiting long; the connection is closed in any case."""
        with suppress(aiosmtplib.SMTPException, OSError):
            await self._smtp.quit(timeout=min(GOODBYE_S, self._server.timeout_s))
        self.drop()

    def drop(self) -> None:
        self._smtp.close()

    @contextmanager
    def _kept_if_settled(self) -> Iterator[None]:
        """Close the connection where work ends in the middle: the next answer on it would be to an older question."""
        try:
            yield
        except BaseException as exc:
            if not (isinstance(exc, Stopped) and exc.is_settled):
                self.drop()
            raise

    async def _connect(self) -> None:
        try:
            await self._smtp.connect()
        except aiosmtplib.SMTPConnectResponseError as exc:
            raise _answered(Step.GREETING, exc) from exc
        except aiosmtplib.SMTPConnectError as exc:
            raise _not_connected(exc) from exc
        except (aiosmtplib.SMTPException, OSError) as exc:
            raise _lost(Step.GREETING, exc) from exc

    async def _greet(self) -> None:
        """In the old way where the server knows no EHLO (RFC 5321, 3.2), and neither TLS nor login depends on it."""
        try:
            try:
                await self._smtp.ehlo()
            except aiosmtplib.SMTPHeloError as exc:
                if exc.code < 500 or self._server.tls == "starttls" or self._server.user:
                    raise
                await self._smtp.helo()
        except aiosmtplib.SMTPHeloError as exc:
            raise _answered(Step.EHLO, exc) from exc
        except (aiosmtplib.SMTPException, OSError) as exc:
            raise _lost(Step.EHLO, exc) from exc

    async def _encrypt(self) -> None:
        if not self._smtp.supports_extension("starttls"):
            raise Stopped(Step.STARTTLS, "no_tls")
        try:
            await self._smtp.starttls()
        except aiosmtplib.SMTPResponseException as exc:
            raise _answered(Step.STARTTLS, exc) from exc
        except ssl.SSLError as exc:
            raise Stopped(Step.STARTTLS, "certificate", text=_words(exc)) from exc
        except (aiosmtplib.SMTPException, OSError) as exc:
            raise _lost(Step.STARTTLS, exc) from exc

    async def _login(self) -> None:
        """In the first way both sides know, and once: a wrong password tried in every way locks the mailbox sooner."""
        ways = {"plain": self._smtp.auth_plain, "login": self._smtp.auth_login, "cram-md5": self._smtp.auth_crammd5}
        way = next((ways[name] for name in ways if name in self._smtp.server_auth_methods), None)
        if way is None:
            raise Stopped(Step.LOGIN, "no_login")
        password = self._server.password.reveal() if self._server.password else ""
        try:
            await way(self._server.user, password)
        except aiosmtplib.SMTPResponseException as exc:
            raise _answered(Step.LOGIN, exc) from exc
        except (aiosmtplib.SMTPException, OSError) as exc:
            raise _lost(Step.LOGIN, exc) from exc

    async def _say(self, step: Step, *words: bytes, expected: int = 2) -> str:
        try:
            reply = await self._smtp.execute_command(*words)
        except (aiosmtplib.SMTPException, OSError) as exc:
            raise _lost(step, exc) from exc
        return _judge(step, reply, expected=expected)

    def _write(self, data: bytes) -> None:
        """Send a part of the mail; what fails here has not left."""
        protocol = self._smtp.protocol
        if protocol is None:
            raise Stopped(Step.TEXT, "reset")
        try:
            protocol.write(data)
        except (aiosmtplib.SMTPException, OSError) as exc:
            raise _lost(Step.TEXT, exc) from exc

    async def _hear(self) -> str:
        """The reply to the final dot."""
        protocol = self._smtp.protocol
        if protocol is None:
            raise Stopped(Step.DOT, "reset")
        try:
            reply = await protocol.read_response(timeout=self._server.timeout_s * DECIDING)
        except (aiosmtplib.SMTPException, OSError) as exc:
            raise _lost(Step.DOT, exc) from exc
        return _judge(Step.DOT, reply, expected=2)


def _judge(step: Step, reply: aiosmtplib.SMTPResponse, *, expected: int) -> str:
    """The reply's words where its first digit is the expected one; only that digit counts (RFC 5321, 4.2.1)."""
    if reply.code // 100 == expected:
        return reply.message
    raise _refusal(step, reply.code, reply.message)


def _answered(step: Step, exc: aiosmtplib.SMTPResponseException) -> Stopped:
    return _refusal(step, exc.code, exc.message)


def _refusal(step: Step, code: int, text: str) -> Stopped:
    if 400 <= code < 600:
        return Stopped(step, "reply", code=code, text=text)
    return Stopped(step, "garbage", text=text)


def _not_connected(exc: aiosmtplib.SMTPConnectError) -> Stopped:
    cause = exc.__cause__
    if isinstance(cause, aiosmtplib.SMTPException):  # connected, but then no greeting came
        return _lost(Step.GREETING, cause)
    if isinstance(cause, ssl.SSLError):
        return Stopped(Step.CONNECT, "certificate", text=_words(cause))
    return Stopped(Step.CONNECT, "refused", text=type(cause).__name__)


def _lost(step: Step, exc: Exception) -> Stopped:
    if isinstance(exc, aiosmtplib.SMTPResponseException):  # the library's own code for a line that is no reply
        return Stopped(step, "garbage")
    return Stopped(step, "timeout" if isinstance(exc, TimeoutError) else "reset")


def _words(exc: ssl.SSLError) -> str:
    return str(getattr(exc, "verify_message", "") or exc.reason or type(exc).__name__)
