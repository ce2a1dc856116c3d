"""The campaigns of one account: chosen by their id, read, paused."""

from __future__ import annotations

import math
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from cmo.clock import Clock
from cmo.domain.outward import LEAD_LIMIT, Fate, Letter, Operation, PauseReport, Probe, Receipt, SequenceState
from cmo.domain.text import clean_line
from cmo.errors import (
    AuthRejected,
    CampaignHolds,
    ConfigError,
    PlanFull,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    RateLimited,
)
from cmo.providers.receipts import PLAN_WAIT_S, UNCLEAR, doubtful, refused
from cmo.providers.sequencer.letters import unfit
from cmo.providers.sequencer.values import text
from cmo.providers.sequencer.wire import PATIENCE_S, Wire

LOOK_AGAIN_S = 60.0
HOLD_WAIT_S = 300.0
"""Before a campaign that does not send is looked at again by itself."""
_SCOPE = re.compile(r"\b[a-z_]+:(?:read|create|update|delete|all)\b")
_QUIET_WORDS: Mapping[SequenceState, str] = {
    "paused": "paused",
    "draft": "a draft, which sends nothing",
    "finished": "finished, so it sends nothing",
}


@dataclass(frozen=True)
class Scope:
    """One thing that a key may be allowed, and a harmless request that needs it."""

    name: str
    path: str
    method: str = "GET"
    body: object = None


@dataclass(frozen=True)
class Manner:
    """How one service speaks of its campaigns."""

    provider: str
    title: str
    """Its name, for people."""
    root: str
    """The path of campaigns."""
    id_form: re.Pattern[str]
    id_words: str
    """What an id looks like."""
    id_place: str
    """Where a person finds it."""
    pause_path: str
    """Behind the path of a campaign."""
    pause_body: object
    state_of: Callable[[Mapping[str, object]], SequenceState]
    """Of a campaign as it was read."""
    probe_path: str
    """Of something small that tells whether the key is known."""
    scopes: tuple[Scope, ...] = ()
    """What can be tried of what the key has to be allowed; empty where the service has no such thing."""
    all_scopes: str = ""
    """Everything that the key has to be allowed, in words."""


class Campaigns:
    def __init__(self, wire: Wire, manner: Manner, clock: Clock) -> None:
        self._wire = wire
        self._clock = clock
        self._read_s: dict[str, float] = {}
        """Campaign -> when it was read last, on the clock."""
        self._manner = manner

    def checked(self, sequence_id: str | None) -> str:
        """`sequence_id` in lower case.

        Raises:
            ProviderRejected: it is none; nothing was sent.
        """
        if sequence_id is None or not self._manner.id_form.fullmatch(sequence_id):
            raise ProviderRejected(
                f"{self._manner.provider}: name the campaign by its id, {self._manner.id_words}.",
                provider=self._manner.provider,
                operation="choose a campaign",
                hint=self._manner.id_place,
            )
        return sequence_id.lower()

    def of(self, operation: Operation | None, items: Sequence[Letter]) -> str:
        """The one campaign of `items`.

        Raises:
            ConfigError: no such operation.
            ValueError: more items than it takes.
            ProviderRejected: there is no campaign, or several; nothing was sent.
        """
        if operation is None:
            raise ConfigError(f"{self._manner.title} has no such operation.")
        if len(items) > operation.batch:
            raise ValueError(f"{operation.name} takes at most {operation.batch} items")
        named = {letter.sequence_id for letter in items}
        return self.checked(named.pop() if len(named) == 1 else None)

    async def read(self, campaign_id: str, *, patience_s: float = 0.0) -> dict[str, object]:
        """The campaign; for `patience_s` see `Wire.ask`."""
        path = f"{self._manner.root}/{campaign_id}"
        body = await self._wire.ask("GET", path, operation="read a campaign", patience_s=patience_s)
        if not isinstance(body, dict) or "status" not in body:
            raise self._wire.broken("read a campaign", "it has no status")
        self._read_s[campaign_id] = self._clock.monotonic()
        return body

    async def look_again(self, campaign_id: str) -> None:
        """Read a campaign again that was read, but more than `LOOK_AGAIN_S` ago: somebody may have paused it since.

        Raises:
            CampaignHolds: it does not send; nothing was handed over.
            As `Writer.write` where it cannot be read.
        """
        manner = self._manner
        if self._clock.monotonic() - self._read_s.get(campaign_id, math.inf) <= LOOK_AGAIN_S:
            return
        try:
            state = manner.state_of(await self.read(campaign_id))
        except UNCLEAR as exc:
            raise ProviderUnavailable(
                exc.message,
                provider=manner.provider,
                operation=exc.operation,
                status=exc.status,
                details={"connected": False},  # for the hand-over, which was not tried
            ) from exc
        if state != "sending":
            words = f"The campaign at {manner.title} is {state} and would only hold what it is handed: resume it there."
            raise CampaignHolds(words, provider=manner.provider, operation="hand over", retry_after_s=HOLD_WAIT_S)

    async def pause(self, sequence_id: str) -> PauseReport:
        """Pause, and read back, whatever the pausing itself answered; see `Mailer.pause`.

        Both are asked again after limits and lost answers: pausing twice is pausing once.
        """
        manner, asked = self._manner, ""
        try:
            campaign_id = self.checked(sequence_id)
            try:
                path = f"{manner.root}/{campaign_id}{manner.pause_path}"
                await self._wire.ask(
                    "POST", path, operation="pause a campaign", body=manner.pause_body, patience_s=PATIENCE_S
                )
            except ProviderError as exc:
                asked = f" Asking for it failed: {exc.message}."
            state = manner.state_of(await self.read(campaign_id, patience_s=PATIENCE_S))
        except ProviderError as exc:
            detail = f"Whether the campaign is paused is not known: {exc.message}.{asked}"
            return PauseReport(provider=manner.provider, sequence_id=sequence_id, state=None, detail=detail)
        if state in _QUIET_WORDS:
            detail = f"{manner.title} says that the campaign is {_QUIET_WORDS[state]}."
        else:
            detail = f"The campaign is not paused: pause it in {manner.title}.{asked}"
        return PauseReport(provider=manner.provider, sequence_id=sequence_id, state=state, detail=detail)

    async def probe(self) -> Probe:
        """Read something small; see `Writer.probe`."""
        manner = self._manner
        try:
            body = await self._workspace()
            missing = [name for scope in manner.scopes for name in await self._missing(scope)]
        except RateLimited as exc:
            detail = f"The limit is reached for {exc.retry_after_s:.0f} s."
            return Probe(provider=manner.provider, state="warn", detail=detail)
        except AuthRejected as exc:
            detail = f"{manner.title} refuses the key."
            return Probe(provider=manner.provider, state="fail", detail=detail, fix=exc.hint)
        except ProviderError as exc:
            return Probe(provider=manner.provider, state="fail", detail=exc.message, fix=exc.hint)
        if missing:
            detail = f"The key is known, but it lacks {', '.join(dict.fromkeys(missing))}."
            fix = f"Make a key in {manner.title} with {manner.all_scopes}, then: cmo auth set {manner.provider}"
            return Probe(provider=manner.provider, state="fail", detail=detail, fix=fix)
        name = clean_line(text(body.get("name"))) if isinstance(body, dict) else ""
        detail = f"The key is accepted{f'; workspace {name}' if name else ''}."
        return Probe(provider=manner.provider, state="ok", detail=detail)

    async def _workspace(self) -> object:
        """What the key belongs to; nothing where a key with scopes may not read that, which we do not need."""
        try:
            return await self._wire.ask("GET", self._manner.probe_path, operation="check the key", tries=1)
        except ProviderRejected as exc:
            if exc.status != 403 or not self._manner.scopes:
                raise
            return None

    async def _missing(self, scope: Scope) -> list[str]:
        """The scopes that the service names when it refuses, or `scope` where it names none; empty where it is held."""
        try:
            await self._wire.ask(
                scope.method, scope.path, operation="try what the key may do", body=scope.body, tries=1
            )
        except ProviderRejected as exc:
            if exc.status != 403:
                raise
            return _SCOPE.findall(exc.message) or [scope.name]
        return []


async def add_fit(
    letters: Sequence[Letter], add: Callable[[Sequence[Letter]], Awaitable[Mapping[str, Receipt]]], *, title: str
) -> tuple[Receipt, ...]:
    """A receipt for each letter: refusals for those that must not be handed over, for the rest what `add` gives by
    key. Where the service refuses a call for what is in it, a letter on its own is refused with it.

    Args:
        title: The service's name, for people.
    Raises:
        PlanFull: nobody was added, because the plan holds no more.
        Otherwise as `Writer.write`.
    """
    receipts = unfit(letters)
    fit = [letter for letter in letters if letter.key not in receipts]
    if fit:
        try:
            added = await add(fit)
        except ProviderRejected as exc:
            if exc.status == 402:
                raise _plan_full(f"The plan at {title} does not cover this: {exc.message}", title, status=402) from exc
            if len(letters) > 1 or not exc.is_for_content:
                raise
            receipts[fit[0].key] = refused(fit[0], "rejected", exc.message, status=exc.status)
        except UNCLEAR as exc:
            receipts |= {letter.key: doubtful(letter, Fate.UNKNOWN, exc) for letter in fit}
        else:
            if all(receipt.code == LEAD_LIMIT for receipt in added.values()):
                raise _plan_full(f"The plan at {title} is full: remove people there, or upgrade it.", title)
            receipts |= added
    return tuple(receipts[letter.key] for letter in letters)


def _plan_full(words: str, title: str, *, status: int | None = None) -> PlanFull:
    operation = "add people to a campaign"
    return PlanFull(words, provider=title.lower(), operation=operation, retry_after_s=PLAN_WAIT_S, status=status)
