"""How much is asked for at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmo.domain.lead import RepoRef
from cmo.errors import ProviderUnavailable
from cmo.providers.github.batches import BatchSizer, work_off
from cmo.providers.github.queries import PageAsk, points

FIRST = PageAsk(RepoRef(id="R_1", full_name="o/r"))
LATER = replace(FIRST, after="x")


def takes(sizer: BatchSizer, *asks: PageAsk) -> list[int]:
    """The sizes of the batches that `asks` are taken in."""
    queue, sizes = deque(asks), []
    while queue:
        sizes.append(len(sizer.take(queue)))
    return sizes


def test_batches_are_even_and_as_few_as_can_be() -> None:
    sizer = BatchSizer()
    sizer.sizes[True] = 49
    assert takes(sizer, *[FIRST] * 100) == [34, 33, 33]


@given(first=st.integers(0, 120), later=st.integers(0, 300), size=st.integers(1, 100))
def test_no_batch_costs_more_than_a_point_and_none_is_lost(first: int, later: int, size: int) -> None:
    sizer = BatchSizer()
    sizer.sizes = {True: size, False: size}
    queue, taken = deque([FIRST] * first + [LATER] * later), 0
    while queue:
        batch = sizer.take(queue)
        taken += len(batch)
        assert 1 <= len(batch) <= size
        assert points(sum(ask.connections for ask in batch)) == 1
    assert taken == first + later


def test_a_page_that_was_too_much_gets_less_company() -> None:
    assert takes(BatchSizer(), *[replace(FIRST, company=3)] * 7) == [3, 3, 1]


@pytest.mark.parametrize(("elapsed_s", "size"), [(0.5, 32), (2.0, 20), (4.0, 16), (6.0, 11)])
def test_the_size_follows_the_response_time(elapsed_s: float, size: int) -> None:
    sizer = BatchSizer()
    sizer.answered([FIRST] * 16, elapsed_s)
    assert sizer.sizes == {True: size, False: 16}


def test_a_batch_that_was_cut_off_halves_the_size_down_to_one() -> None:
    sizer = BatchSizer()
    sizer.was_too_much([LATER] * 9)
    assert sizer.sizes[False] == 4
    sizer.was_too_much([LATER])
    assert sizer.sizes[False] == 1


def test_against_a_server_of_constant_speed_the_batches_settle_in_the_aim() -> None:
    sizer = BatchSizer()
    for _ in range(30):
        batch = [FIRST] * sizer.sizes[True]
        sizer.answered(batch, 0.1 + 0.27 * len(batch))
    assert 2.5 <= 0.1 + 0.27 * sizer.sizes[True] <= 5.0


def test_after_an_error_nothing_new_begins_but_what_is_under_way_ends() -> None:
    log: list[str] = []

    async def run() -> None:
        failed = asyncio.Event()

        async def step() -> bool:
            number = len(log)
            log.append(f"begin {number}")
            if number == 1:
                failed.set()
                raise ProviderUnavailable("down", provider="github", operation="x")
            await failed.wait()
            await asyncio.sleep(0)
            log.append(f"end {number}")
            return True

        await work_off(step, workers=3)

    with pytest.raises(ProviderUnavailable):
        asyncio.run(run())
    assert sorted(log) == ["begin 0", "begin 1", "end 0"]
