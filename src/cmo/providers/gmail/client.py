"""Gmail behind the `Mailer` port. A letter becomes a draft under our own Message-ID, and the draft is sent: a draft
can be sent only once, and what was sent can be looked up."""

from __future__ import annotations

import base64
import random
from collections.abc import Mapping, Sequence
from typing import Self

import httpx

from cmo.clock import Clock
from cmo.config.secrets import Secret
from cmo.domain.outward import Fate, Inbox, Letter, Operation, PauseReport, Probe, Receipt, Repeat
from cmo.domain.outward import Sequence as MailSequence
from cmo.domain.text import clean_line
from cmo.errors import ContractBroken, ProviderError, ProviderRejected
from cmo.providers.calling import Caller
from cmo.providers.gmail.parse import bare_id, find_id, find_ids, headers_of
from cmo.providers.gmail.tokens import GoogleLogin, Tokens
from cmo.providers.gmail.wire import PATIENCE_S, WINDOWS, Wire
from cmo.providers.mail.mailbox import as_sequence, pause_report, prepare
from cmo.providers.ports import Meter
from cmo.providers.receipts import UNCLEAR, absent, confirmed, doubtful, held, refused, unknown

TIMEOUT_S = 20.0
CALLS_PER_LETTER = 8
SEND = Operation(
    name="gmail.send",
    repeat=Repeat.LOOKED_UP,
    known_by="our own Message-ID among sent mail; a draft can be sent only once",
    batch=1,
    timeout_s=TIMEOUT_S * CALLS_PER_LETTER,
    margin_s=120.0,
    source="google.md, Gmail: send and drafts.create are not idempotent",
)
"""The margin is long because nothing is said about how soon search finds what was just sent."""
OPERATIONS: tuple[Operation, ...] = (SEND,)

LOOK_UP = "look for the letter"
GOOGLE_MADE = "@mail.gmail.com"
"""How a Message-ID ends that Gmail put in place of another."""
ALIKE = 10
"""Most mails to one person that are compared."""
CLOCKS_DIFFER_S = 3600
"""How far our clock may be ahead of Google's."""


class Gmail:
    """One mailbox at Gmail. The login needs the scopes `gmail.compose` and `gmail.readonly`."""

    def __init__(
        self,
        key: Secret | GoogleLogin,
        *,
        base_url: str,
        timeout_s: float = TIMEOUT_S,
        clock: Clock,
        meter: Meter,
        is_warm: bool = False,
        rng: random.Random | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Open no connection yet.

        Args:
            key: An access token, or what one can be had for.
            timeout_s: For one request; a letter takes up to `CALLS_PER_LETTER`.
            is_warm: The mailbox was warmed up before cmo came to use it.
            rng: For the jitter of waits.
        """
        self._is_warm = is_warm
        self._send = SEND.model_copy(update={"timeout_s": timeout_s * CALLS_PER_LETTER})
        self._address = ""
        caller = Caller(
            "gmail",
            *WINDOWS,
            patience_s=PATIENCE_S,
            base_url=base_url,
            timeout_s=timeout_s,
            clock=clock,
            meter=meter,
            rng=rng,
            transport=transport,
        )
        tokens = Tokens(key, timeout_s=timeout_s, clock=clock, meter=meter, transport=transport)
        self._wire = Wire(tokens, caller, rng=rng or random.Random())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._wire.close()

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {self._send.name: self._send}

    async def write(self, operation: str, items: Sequence[Letter]) -> tuple[Receipt, ...]:
        """As `Writer.write`; `provider_id` is Gmail's id of the sent message."""
        return tuple([await self._write_one(letter) for letter in items])

    async def look_up(self, operation: str, items: Sequence[Letter]) -> tuple[Receipt, ...]:
        """As `Writer.look_up`; a letter of which a draft is still there was not sent."""
        receipts = []
        for letter in items:
            try:
                receipts.append((await self._find(letter))[0])
            except UNCLEAR as exc:
                receipts.append(doubtful(letter, Fate.UNKNOWN, exc))
        return tuple(receipts)

    async def probe(self) -> Probe:
        """Whether the login is accepted, and for which mailbox."""
        try:
            address = await self._mailbox()
        except ProviderError as exc:
            return Probe(provider="gmail", state="fail", detail=exc.message, fix=exc.hint)
        return Probe(provider="gmail", state="ok", detail=f"accepted; mail leaves from {address}")

    async def sequence(self, sequence_id: str | None) -> MailSequence:
        """The mailbox, as `Mailer.sequence`."""
        inbox = Inbox(address=await self._mailbox(), provider="gmail", is_warm=self._is_warm)
        return as_sequence(inbox)

    async def pause(self, sequence_id: str) -> PauseReport:
        return pause_report("gmail", sequence_id)

    async def _mailbox(self) -> str:
        """The address of the account, asked for once."""
        if not self._address:
            profile = await self._wire.read("profile", units="profile", operation="ask for the mailbox")
            address = profile.get("emailAddress")
            if not isinstance(address, str) or "@" not in address:
                raise ContractBroken(
                    "gmail: the profile names no address", provider="gmail", operation="ask for the mailbox"
                )
            self._address = clean_line(address)
        return self._address

    async def _write_one(self, letter: Letter) -> Receipt:
        """Nothing leaves until the draft is sent, so that whatever goes wrong before leaves no doubt."""
        try:
            mail = prepare(letter, inbox=await self._mailbox())
            if isinstance(mail, Receipt):
                return mail
            found, draft_id = await self._find(letter)
            if found.fate is not Fate.ABSENT:
                return found.model_copy(update={"effect": found.effect or "noop"})
            draft_id = await self._put_draft(draft_id, mail)
        except UNCLEAR as exc:
            return doubtful(letter, Fate.LATER, exc)
        except ProviderRejected as exc:
            return _refused(letter, exc)
        return await self._send_draft(letter, draft_id)

    async def _send_draft(self, letter: Letter, draft_id: str) -> Receipt:
        try:
            sent = await self._wire.call(
                "POST", "drafts/send", units="drafts.send", operation="send the draft", json_body={"id": draft_id}
            )
        except UNCLEAR as exc:
            return doubtful(letter, Fate.UNKNOWN, exc)
        except ProviderRejected as exc:
            if exc.status == 404:
                reason = "The draft is gone: it was sent or deleted by somebody else."
                return unknown(letter, "draft_gone", reason, status=404)
            return _refused(letter, exc)
        message_id = find_id(sent)
        if not message_id:
            reason = "Gmail's answer does not name the message it sent."
            return unknown(letter, "contract_broken", reason, status=200)
        return await self._read_back(letter, message_id)

    async def _read_back(self, letter: Letter, message_id: str) -> Receipt:
        """The receipt of a sent letter; says so where Gmail has put another Message-ID in place of ours."""
        receipt = confirmed(letter, message_id, "created", status=200)
        try:
            headers = await self._headers(message_id)
        except ProviderError:
            return receipt
        kept = bare_id(headers.get("message-id", letter.message_id))
        if kept == letter.message_id:
            return receipt
        reason = f"Gmail gave it another Message-ID: {kept}. Answers refer to that one."
        return receipt.model_copy(update={"code": "message_id_replaced", "reason": reason})

    async def _put_draft(self, draft_id: str, mail: bytes) -> str:
        """The id of a draft with exactly the bytes of `mail`: one that is there is overwritten, since somebody may
        have edited it."""
        body = {"message": {"raw": base64.urlsafe_b64encode(mail).decode()}}
        if draft_id:
            draft = await self._wire.call(
                "PUT", f"drafts/{draft_id}", units="drafts.update", operation="update the draft", json_body=body
            )
        else:
            draft = await self._wire.call(
                "POST", "drafts", units="drafts.create", operation="create the draft", json_body=body
            )
        made = find_id(draft)
        if not made:
            raise ContractBroken(
                "gmail: create the draft: the answer names no draft", provider="gmail", operation="create the draft"
            )
        return made

    async def _find(self, letter: Letter) -> tuple[Receipt, str]:
        """Where `letter` is: CONFIRMED, HELD, UNKNOWN or ABSENT, and then the id of its draft where there is one.

        Raises:
            ProviderError: it cannot be known now.
        """
        ours = f"rfc822msgid:{letter.message_id}"
        sent = await self._search(ours)
        if sent:
            return confirmed(letter, sent[0]), ""
        drafts = await self._list("drafts", units="drafts.list", params={"q": ours})
        if drafts:
            return absent(letter), drafts[0]
        return await self._find_renamed(letter), ""

    async def _find_renamed(self, letter: Letter) -> Receipt:
        """The same mail under a Message-ID that Gmail made: nobody promises that it keeps ours."""
        after = int(letter.written_at.timestamp()) - CLOCKS_DIFFER_S
        later = await self._search(f"to:{letter.to_email} after:{after}")
        if len(later) > ALIKE:
            reason = f"More than {ALIKE} mails have left for this person: whether this is one of them is not known."
            return unknown(letter, "too_many", reason)
        for message_id in later:
            headers = await self._headers(message_id)
            if bare_id(headers.get("x-google-original-message-id", "")) == letter.message_id:
                return confirmed(letter, message_id)
            is_googles = bare_id(headers.get("message-id", "")).endswith(GOOGLE_MADE)
            if is_googles and headers.get("subject") == clean_line(letter.subject, limit=1000):
                reason = "A mail with this subject has left for this person under another Message-ID: look at it."
                return held(letter, "ambiguous", reason, provider_id=message_id)
        return absent(letter)

    async def _search(self, query: str) -> list[str]:
        """Ids of sent messages, newest first; the trash is searched too. A copy that came in is no proof of sending."""
        params = {"q": query, "labelIds": "SENT", "includeSpamTrash": "true"}
        return await self._list("messages", units="messages", params=params)

    async def _list(self, path: str, *, units: str, params: Mapping[str, str]) -> list[str]:
        found = find_ids(await self._wire.read(path, units=units, operation=LOOK_UP, params=params), path)
        if found is None:
            raise ContractBroken(
                f"gmail: {LOOK_UP}: the answer does not say what was found", provider="gmail", operation=LOOK_UP
            )
        return found

    async def _headers(self, message_id: str) -> dict[str, str]:
        message = await self._wire.read(
            f"messages/{message_id}", units="messages", operation="read the headers", params={"format": "metadata"}
        )
        return headers_of(message)


def _refused(letter: Letter, exc: ProviderRejected) -> Receipt:
    """The refusal of one letter.

    Raises:
        ProviderRejected: it is not about this letter.
    """
    if exc.status not in (400, 413):
        raise exc
    return refused(letter, "rejected", exc.message, status=exc.status)
