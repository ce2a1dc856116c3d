"""How clients reach their services: in turn, within their patience, and again where that does no harm."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import httpx
import pytest

from cmo.errors import (
    AuthRejected,
    ContractBroken,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    RateLimited,
)
from cmo.providers.calling import Caller, finite, within
from cmo.providers.ports import Meter
from tests.fakes.clock import StillClock

T = TypeVar("T")


def use(act: Callable[[Caller], Awaitable[T]], *windows: tuple[int, float], clock: StillClock, meter: Meter) -> T:
    """What `act` gives with a caller whose patience is ten seconds."""

    async def scene() -> T:
        caller = Caller(
            "vendor",
            *windows,
            base_url="https://vendor.example/",
            timeout_s=1.0,
            patience_s=10.0,
            clock=clock,
            meter=meter,
            rng=random.Random(7),
            transport=httpx.MockTransport(lambda _: httpx.Response(200)),
        )
        try:
            return await act(caller)
        finally:
            await caller.close()

    return asyncio.run(scene())


def test_a_short_wait_is_waited_and_a_long_one_is_the_callers() -> None:
    clock, meter = StillClock(), Meter()

    async def act(caller: Caller) -> list[float]:
        told = []
        for wait_s in (10.0, 10.5):
            raise_later = caller.limited("no", "ask", wait_s=wait_s)
            assert raise_later.retry_after_s == wait_s
            try:
                await caller.send("GET", "/x", operation="ask")
            except RateLimited as exc:
                told.append(exc.retry_after_s)
        return told

    assert use(act, clock=clock, meter=meter) == [10.5]
    assert clock.monotonic() == 10.0
    assert meter.snapshot() == {"api_calls": 1, "vendor_api_calls": 1}


def test_a_full_window_that_is_longer_than_patience_is_the_callers_too() -> None:
    async def act(caller: Caller) -> None:
        for _ in range(3):
            await caller.send("GET", "/x", operation="ask")

    meter = Meter()
    with pytest.raises(RateLimited) as caught:
        use(act, (2, 3600.0), clock=StillClock(), meter=meter)
    assert caught.value.retry_after_s == 3600.0
    assert meter.snapshot()["api_calls"] == 2


@pytest.mark.parametrize(
    ("error", "asked"),
    [
        (ProviderUnavailable("no", provider="vendor", operation="ask"), 3),
        (ContractBroken("no", provider="vendor", operation="ask"), 3),
        (ProviderUnavailable("no", provider="vendor", operation="ask", details={"connected": False}), 1),
        (ProviderRejected("no", provider="vendor", operation="ask"), 1),
        (RateLimited("no", provider="vendor", operation="ask", retry_after_s=1.0), 1),
    ],
)
def test_only_what_was_lost_is_asked_for_again(error: ProviderError, asked: int) -> None:
    clock, times = StillClock(), []

    async def ask() -> None:
        times.append(clock.monotonic())
        raise error

    with pytest.raises(type(error)):
        use(lambda caller: caller.again(ask), clock=clock, meter=Meter())
    assert len(times) == asked
    assert clock.monotonic() <= 1.0 + 2.0


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, ContractBroken),
        (204, ContractBroken),
        (301, ProviderUnavailable),
        (303, ProviderUnavailable),
        (400, ProviderRejected),
        (401, AuthRejected),
        (404, ProviderRejected),
        (408, ProviderUnavailable),
        (500, ProviderUnavailable),
    ],
)
def test_a_status_says_whether_anything_can_have_happened(status: int, kind: type[ProviderError]) -> None:
    async def act(caller: Caller) -> ProviderError:
        return caller.error(status, "words", "ask")

    error = use(act, clock=StillClock(), meter=Meter())
    assert type(error) is kind
    assert (error.message, error.status) == ("vendor: ask: words", status)


@pytest.mark.parametrize(
    ("value", "number"),
    [("7", 7.0), (7, 7.0), (" 1.5 ", 1.5), ("-1", -1.0), (True, None), (None, None), ("nan", None), ("inf", None)],
)
def test_a_number_is_read_in_any_form(value: Any, number: float | None) -> None:
    assert finite(value) == number


@pytest.mark.parametrize(("told_s", "wait_s"), [(-5.0, 1.0), (0.0, 1.0), (30.0, 30.0), (1e12, 3600.0)])
def test_a_wait_makes_sense(told_s: float, wait_s: float) -> None:
    assert within(told_s) == wait_s
