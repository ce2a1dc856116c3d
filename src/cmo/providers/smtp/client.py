"""The `Mailer` port over SMTP submission: one letter at a time on a connection that is kept.

What cannot be known stays unknown: SMTP has no way of asking whether a mail was taken.

Source: contracts/google.md, "SMTP (submission)"; RFC 5321, 6409, 8314.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import ssl
from collections.abc import Mapping, Sequence
from types import MappingProxyType, TracebackType

from cmo.clock import Clock
from cmo.config.secrets import Secret
from cmo.domain.address import parse_address
from cmo.domain.outward import Fate, Inbox, Letter, Operation, PauseReport, Probe, Receipt, Repeat
from cmo.domain.outward import Sequence as MailSequence
from cmo.errors import ConfigError
from cmo.providers.limiter import RateLimiter
from cmo.providers.mail.mailbox import as_sequence, pause_report, prepare
from cmo.providers.ports import Meter
from cmo.providers.smtp.dialogue import Server, Session, Stopped, Tls
from cmo.providers.smtp.verdict import failure, receipt

SEND = Operation(
    name="smtp.send",
    repeat=Repeat.BLIND,
    known_by="nothing: a server takes the same Message-ID twice",
    batch=1,
    timeout_s=300.0,
    source="contracts/google.md, SMTP (submission)",
)
OPERATIONS = (SEND,)

MAILS_PER_MINUTE = 60
_QUEUED_AS = re.compile(r"queued as ([\w.-]{1,64})", re.I)


class Smtp:
    """Sends letters from one mailbox. An async context manager; closes its connection on the way out."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        user: str,
        password: Secret | None,
        from_email: str,
        timeout_s: float,
        clock: Clock,
        meter: Meter,
        tls: Tls,
        tls_context: ssl.SSLContext | None = None,
        per_minute: int = MAILS_PER_MINUTE,
        is_warm: bool = False,
    ) -> None:
        """
        Args:
            user: Empty for a server that wants no login.
            timeout_s: Longest wait for one reply, in real seconds; longer for the one to the whole mail.
            tls: `implicit` for port 465, `starttls` for 587, `none` on loopback only.
            tls_context: With a certificate authority of one's own; certificates are checked in any case.
        Raises:
            ConfigError: a password or mail would go out in the clear, `from_email` is no address, or `host` no name.
        """
        if not _is_host(host):
            raise ConfigError("SMTP_HOST is no host name.", hint="cmo config set smtp.host mail.example.org")
        sender = parse_address(from_email)
        if sender is None:
            raise ConfigError("SMTP_FROM is no mail address.", hint="Set SMTP_FROM to the address you send from.")
        if tls == "none" and not _is_loopback(host):
            raise ConfigError(
                f"Mail to {host} would go out unencrypted.", hint="Use port 465 (implicit TLS) or 587 (STARTTLS)."
            )
        self._server = Server(
            host=host,
            port=port,
            tls=tls,
            user=user,
            password=password,
            greets_as=sender.ascii_domain,
            timeout_s=timeout_s,
            tls_context=tls_context or (None if tls == "none" else ssl.create_default_context()),
        )
        self._inbox = Inbox(address=from_email, provider="smtp", is_warm=is_warm)
        self._clock = clock
        self._meter = meter
        self._limiter = RateLimiter(clock, (per_minute, 60.0))
        self._session: Session | None = None
        self._line = asyncio.Lock()

    async def __aenter__(self) -> Smtp:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.quit()

    @property
    def operations(self) -> Mapping[str, Operation]:
        return MappingProxyType({operation.name: operation for operation in OPERATIONS})

    async def write(self, operation: str, items: Sequence[Letter]) -> tuple[Receipt, ...]:
        """Hand over the one letter.

        Raises:
            ProviderUnavailable: the server cannot be reached.
            RateLimited: it takes no mail at all for now.
            AuthRejected: it wants another login.
            ProviderRejected: it offers no safe connection, or its certificate is not valid.
        """
        (letter,) = items
        mail = prepare(letter, inbox=self._inbox.address)
        if isinstance(mail, Receipt):
            return (mail,)
        async with self._line:
            await self._limiter.turn()
            return (await self._hand_over(letter, mail, operation),)

    async def look_up(self, operation: str, items: Sequence[Letter]) -> tuple[Receipt, ...]:
        """Always unknown: only the Sent folder, or the addressee, could tell."""
        reason = "SMTP cannot be asked what it has taken; look into the mailbox's Sent folder"
        return tuple(Receipt(key=letter.key, fate=Fate.UNKNOWN, code="blind", reason=reason) for letter in items)

    async def probe(self) -> Probe:
        """Connect, encrypt, log in, and leave again."""
        session = Session(self._server, clock=self._clock)
        try:
            await session.open()
            await session.noop()
        except Stopped as stopped:
            error = failure(stopped, operation="probe")
            detail = f"{error.message}." if error else f"smtp: {receipt('', stopped).reason}."
            return Probe(provider="smtp", state="fail", detail=detail, fix=error.hint if error else "Try again later.")
        finally:
            await session.quit()
        way = "unencrypted on this machine" if self._server.tls == "none" else "encrypted"
        login = "logged in" if self._server.user else "no login wanted"
        return Probe(provider="smtp", state="ok", detail=f"{self._server.host} takes mail ({way}, {login}).")

    async def sequence(self, sequence_id: str | None) -> MailSequence:
        """The mailbox; no request."""
        return as_sequence(self._inbox)

    async def pause(self, sequence_id: str) -> PauseReport:
        return pause_report("smtp", sequence_id)

    async def _hand_over(self, letter: Letter, mail: bytes, operation: str) -> Receipt:
        self._meter.add("api_calls")
        self._meter.add("smtp_api_calls")
        try:
            session = await self._ready()
            words = await session.send(mail, sender=letter.from_email, recipient=letter.to_email)
        except Stopped as stopped:
            error = failure(stopped, operation=operation)
            if error is not None:
                raise error from stopped
            return receipt(letter.key, stopped)
        found = _QUEUED_AS.search(words)
        provider_id = found[1] if found else None
        return Receipt(key=letter.key, fate=Fate.CONFIRMED, effect="created", provider_id=provider_id, status=250)

    async def _ready(self) -> Session:
        """The kept session where it still stands, else a new one; no letter has begun on either."""
        if self._session is not None and await self._session.is_ready():
            return self._session
        self._session = Session(self._server, clock=self._clock)
        await self._session.open()
        return self._session


def _is_host(text: str) -> bool:
    """Whether a resolver can be asked for it."""
    try:
        return bool(text.encode("idna"))
    except UnicodeError:
        return False


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
