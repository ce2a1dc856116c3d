"""A mail server that takes submissions, strict where RFC 5321 says MUST, and goes wrong at any point it is told to.

Source: RFC 5321 (dialogue, dot-stuffing 4.5.2, limits 4.5.3.1), 4954 (AUTH), 2034 (enhanced codes).
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cmo.clock import Clock
from cmo.sandbox.smtp_faults import SmtpFault, SmtpFaultPlayer, SmtpPoint

HOST_NAME = "mail.sandbox.example"
MOST_BYTES = 10_485_760
LONGEST_COMMAND = 512
LONGEST_TEXT_LINE = 1000
"""Both with CRLF (RFC 5321, 4.5.3.1)."""

_PATH = re.compile(r"<([!-;=?-~]*)>( [!-~]+)*")
_MEANINGS = {
    250: "2.1.5 Ok",
    421: "4.3.2 Closing",
    450: "4.2.0 Greylisted, try again later",
    452: "4.2.2 Mailbox full",
    550: "5.1.1 No such user here",
    553: "5.1.3 Bad address",
    554: "5.7.1 Message refused by policy",
}


@dataclass(frozen=True)
class ReceivedMail:
    """A mail the server has taken: it will deliver it, whatever the client was told."""

    envelope_from: str
    recipients: tuple[str, ...]
    data: bytes
    """As it was before dot-stuffing."""
    at: datetime


class _Gone(Exception):
    """The connection has ended."""


def takes_all(address: str) -> int:
    """Every mailbox exists."""
    return 250


class MailServer:
    """One server's mailboxes and what they received. `serve` is a callback for `asyncio.start_server`."""

    def __init__(
        self,
        *,
        clock: Clock,
        accepts: Callable[[str], int] = takes_all,
        faults: SmtpFaultPlayer | None = None,
        user: str = "",
        password: str = "",
    ) -> None:
        """
        Args:
            accepts: Address -> the code that RCPT is answered with.
            user: Login that is wanted before mail is taken; empty for none.
        """
        self.clock = clock
        self.accepts = accepts
        self.faults = faults or SmtpFaultPlayer()
        self.user = user
        self.password = password
        self._received: list[ReceivedMail] = []

    @property
    def received(self) -> tuple[ReceivedMail, ...]:
        """In the order of arrival."""
        return tuple(self._received)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Talk with one client until either side leaves, or the server is stopped."""
        with contextlib.suppress(_Gone, ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await _Conversation(self, reader, writer).run()
        writer.close()

    def take(self, mail: ReceivedMail) -> str:
        """Keep `mail`; returns its number in the queue."""
        self._received.append(mail)
        return f"{len(self._received):08X}"

    def to_json(self) -> dict[str, Any]:
        received = [
            {
                "envelope_from": mail.envelope_from,
                "recipients": list(mail.recipients),
                "data": mail.data.decode("ascii"),
                "at": mail.at.isoformat(),
            }
            for mail in self._received
        ]
        return {"received": received, "faults": self.faults.to_json()}

    def load_json(self, saved: Mapping[str, Any]) -> None:
        """Go on where `to_json` stopped."""
        self._received = [
            ReceivedMail(
                envelope_from=mail["envelope_from"],
                recipients=tuple(mail["recipients"]),
                data=mail["data"].encode("ascii"),
                at=datetime.fromisoformat(mail["at"]),
            )
            for mail in saved["received"]
        ]
        self.faults.load_json(saved["faults"])


class _Conversation:
    """What one connection has said so far."""

    def __init__(self, server: MailServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._server = server
        self._reader = reader
        self._writer = writer
        self._is_greeted = False
        self._is_logged_in = not server.user
        self._sender: str | None = None
        self._recipients: list[str] = []

    async def run(self) -> None:
        if await self._trouble("connect") or await self._trouble("banner"):
            return
        await self._say(220, f"{HOST_NAME} ESMTP")
        while True:
            line = await self._read_line(LONGEST_COMMAND)
            if line is None:
                await self._say(500, "5.5.2 Lines end in CRLF and are short")
                continue
            verb, _, rest = line.decode("ascii", "replace").partition(" ")
            await self._obey(verb.upper(), rest)

    async def _obey(self, verb: str, rest: str) -> None:
        match verb:
            case "EHLO" | "HELO":
                await self._ehlo(verb, rest)
            case "AUTH":
                await self._auth(rest)
            case "MAIL":
                await self._mail(rest)
            case "RCPT":
                await self._rcpt(rest)
            case "DATA":
                await self._data()
            case "RSET":
                self._forget()
                await self._say(250, "2.0.0 Ok")
            case "NOOP":
                await self._say(250, "2.0.0 Ok")
            case "QUIT":
                if not await self._trouble("quit"):
                    await self._say(221, "2.0.0 Bye")
                raise _Gone
            case _:
                await self._say(502, "5.5.1 Unknown command")

    async def _ehlo(self, verb: str, name: str) -> None:
        if not name.strip():
            await self._say(501, "5.5.4 A name is needed")
        elif not await self._trouble("ehlo"):
            self._is_greeted = True
            self._forget()
            login = ["AUTH PLAIN LOGIN"] if self._server.user else []
            extensions = [f"SIZE {MOST_BYTES}", "ENHANCEDSTATUSCODES", *login] if verb == "EHLO" else []
            await self._say(250, HOST_NAME, *extensions)

    async def _auth(self, rest: str) -> None:
        if not self._server.user or not self._is_greeted or self._is_logged_in:
            await self._say(503, "5.5.1 Not now")
            return
        if await self._trouble("auth"):
            return
        way, _, first = rest.partition(" ")
        match way.upper():
            case "PLAIN":
                given = (_unpacked(first) if first else await self._asked("")).split("\0")[1:]
            case "LOGIN":
                given = [_unpacked(first) if first else await self._asked("Username:"), await self._asked("Password:")]
            case _:
                await self._say(504, "5.5.4 Unknown way of logging in")
                return
        if given != [self._server.user, self._server.password]:
            await self._say(535, "5.7.8 Wrong login")
            return
        self._is_logged_in = True
        await self._say(235, "2.7.0 Welcome")

    async def _mail(self, rest: str) -> None:
        sender = _path(rest, "FROM:")
        if not self._is_greeted or self._sender is not None:
            await self._say(503, "5.5.1 Not now")
        elif not self._is_logged_in:
            await self._say(530, "5.7.0 Log in first")
        elif sender is None:
            await self._say(501, "5.1.7 Bad sender")
        elif (size := re.search(r" SIZE=(\d+)", rest)) and int(size[1]) > MOST_BYTES:
            await self._say(552, "5.3.4 Too big")
        elif not await self._trouble("mail"):
            self._sender = sender
            await self._say(250, "2.1.0 Ok")

    async def _rcpt(self, rest: str) -> None:
        recipient = _path(rest, "TO:")
        if self._sender is None:
            await self._say(503, "5.5.1 MAIL first")
        elif not recipient:
            await self._say(501, "5.1.3 Bad recipient")
        elif not await self._trouble("rcpt", recipient):
            code = self._server.accepts(recipient)
            if code == 250:
                self._recipients.append(recipient)
            await self._say(code, _MEANINGS.get(code, f"{code // 100}.0.0 No"))

    async def _data(self) -> None:
        if not self._recipients:
            await self._say(503, "5.5.1 RCPT first")
            return
        if await self._trouble("data"):
            return
        await self._say(354, "End with a dot on a line")
        text, flaw = await self._read_text()
        if flaw:
            await self._say(554, flaw)
        else:
            await self._finish(text)
        self._forget()

    async def _read_text(self) -> tuple[bytes, str]:
        """The text, and what is wrong with it."""
        lines: list[bytes] = []
        size = 0
        flaw = ""
        while (line := await self._read_line(LONGEST_TEXT_LINE)) != b".":
            if not lines and await self._trouble("content", self._recipients[0]):
                raise _Gone
            if line is None or not line.isascii() or b"\0" in line:
                flaw = "5.6.0 A line is too long, does not end in CRLF, or is not ASCII"
                line = b""
            lines.append(line.removeprefix(b"."))
            size += len(line) + 2
            if size > MOST_BYTES:
                flaw, lines = "5.3.4 Too big", [b""]
        return b"".join(line + b"\r\n" for line in lines), flaw

    async def _finish(self, text: bytes) -> None:
        """The text is complete: take it and say so, or whatever goes wrong with that."""
        server, about = self._server, self._recipients[0]
        fault = server.faults.pick("dot", about)
        if fault is not None and not fault.way.endswith("_after_accepting") and await self._play(fault):
            return
        assert self._sender is not None
        number = server.take(ReceivedMail(self._sender, tuple(self._recipients), text, server.clock.now()))
        answer = (250, f"2.0.0 Ok: queued as {number}")
        if fault is not None and fault.way.endswith("_after_accepting"):
            await self._play(fault)
        later = server.faults.pick("after_dot", about)
        if later is not None and later.way in ("4xx", "5xx", "421"):
            await self._say(*answer)
            await self._play(later)
            raise _Gone
        if later is None or not await self._play(later):
            await self._say(*answer)

    async def _trouble(self, point: SmtpPoint, content: str = "") -> bool:
        """Play what is planned for this point; whether the right answer is not to be given any more."""
        fault = self._server.faults.pick(point, content)
        return fault is not None and await self._play(fault)

    async def _play(self, fault: SmtpFault) -> bool:
        match fault.way:
            case "drop" | "drop_after_accepting":
                self._writer.transport.abort()
                raise _Gone
            case "timeout" | "timeout_after_accepting":
                while await self._reader.read(65_536):
                    pass
                raise _Gone
            case "4xx" if fault.point == "rcpt":
                await self._say(450, _MEANINGS[450])
            case "4xx":
                await self._say(451, "4.3.0 Try again later")
            case "421":
                await self._say(421, "4.3.2 Closing")
                raise _Gone
            case "5xx":
                await self._say(554, "5.3.0 Transaction failed")
            case "garbage":
                self._writer.write(b"lorem ipsum dolor\r\n")
                await self._writer.drain()
            case "slow":
                await self._server.clock.sleep(fault.seconds)
                return False
        return True

    async def _asked(self, prompt: str) -> str:
        self._writer.write(b"334 " + base64.b64encode(prompt.encode()) + b"\r\n")
        await self._writer.drain()
        return _unpacked((await self._read_line(LONGEST_COMMAND) or b"").decode("ascii", "replace"))

    async def _read_line(self, longest: int) -> bytes | None:
        """The next line without CRLF; None where it is too long or ends in anything else."""
        try:
            line = await self._reader.readuntil(b"\n")
        except asyncio.LimitOverrunError as exc:
            raise _Gone from exc
        if len(line) > longest or not line.endswith(b"\r\n") or b"\r" in line[:-2]:
            return None
        return line[:-2]

    async def _say(self, code: int, *lines: str) -> None:
        *earlier, last = lines
        reply = "".join(f"{code}-{line}\r\n" for line in earlier) + f"{code} {last}\r\n"
        self._writer.write(reply.encode("ascii"))
        await self._writer.drain()

    def _forget(self) -> None:
        self._sender = None
        self._recipients = []


def _path(rest: str, keyword: str) -> str | None:
    """The address of `FROM:<a@b> ...`."""
    found = _PATH.fullmatch(rest[len(keyword) :]) if rest.upper().startswith(keyword) else None
    return found[1] if found else None


def _unpacked(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
