"""What the client does after every answer that the contract's list of errors has, not only how it reads it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from cmo.errors import AuthRejected, CmoError, ProviderRejected, RateLimited
from cmo.providers.github import GitHub
from cmo.providers.github.limits import Kind
from cmo.providers.github.rest import RestAnswer
from cmo.providers.ports import PersonKey
from tests.contracts.files import contract, needs_contracts
from tests.fakes.clock import StillClock
from tests.providers.github.world import World, client, user

LISTED: dict[str, Any] = contract("github.error-cases.json")
CASES: list[dict[str, Any]] = LISTED.get("cases", [])
SEARCH, FOUND = "/search/repositories?q=x", {"total_count": 0, "incomplete_results": False, "items": []}
MOST_ASKED = 20
AFTER_NO: dict[str, type[CmoError] | Kind] = {
    "auth": AuthRejected,
    "search_window": ProviderRejected,
    "validation": ProviderRejected,
    "permanent": Kind.PERMANENT,
    "not_found": Kind.NOT_FOUND,
    "empty": Kind.EMPTY,
    "not_modified": Kind.NOT_MODIFIED,
    "ok": Kind.OK,
}


def of(*classes: str) -> pytest.MarkDecorator:
    cases = [case for case in CASES if case["expect"]["class"] in classes]
    return pytest.mark.parametrize("case", cases, ids=[case["id"] for case in cases])


class Server:
    """Answers `case` once; then there is nothing wrong. Its clock is the contract's."""

    def __init__(self, case: dict[str, Any]) -> None:
        self.world = World(
            people=[user("ann")],
            clock=StillClock(datetime.fromtimestamp(LISTED["now_epoch_s"], UTC)),
            route=self.answer,
        )
        self.asked_at_s: list[float] = []
        self._case = case
        self._is_graphql = case["api"] == "graphql"

    def answer(self, request: httpx.Request) -> httpx.Response | None:
        self.asked_at_s.append(self.world.clock.monotonic())
        if len(self.asked_at_s) == 1:
            content = {"json": self._case["json"]} if self._case.get("json") is not None else {}
            text = {"text": self._case["text"]} if "text" in self._case else {}
            return httpx.Response(self._case["status"], headers=self._case["headers"], **content, **text)
        return None if self._is_graphql else httpx.Response(200, json=FOUND)

    async def ask(self, github: GitHub) -> object:
        if self._is_graphql:
            return await github.fetch_profiles([PersonKey(login="ann", user_id="U_ann")])
        return await github.get(SEARCH)

    def ask_until_told(self) -> object:
        """What one client is told in the end; waits where it is told to wait."""

        async def scene() -> object:
            async with client(self.world) as github:
                for _ in range(MOST_ASKED):
                    try:
                        return await self.ask(github)
                    except RateLimited as exc:
                        self.world.clock.advance(exc.retry_after_s)
                raise AssertionError("limited for ever")

        return asyncio.run(scene())


def is_whole(told: object) -> bool:
    if isinstance(told, RestAnswer):
        return (told.kind, told.value) == (Kind.OK, FOUND)
    return "ann@mail.example" in repr(told)


@needs_contracts
@of("primary_limit", "secondary_limit")
def test_a_limit_is_waited_for_in_full_and_the_answer_then_comes_whole(case: dict[str, Any]) -> None:
    server = Server(case)
    assert is_whole(server.ask_until_told())
    refused_at_s, asked_at_s = server.asked_at_s
    expected = case["expect"]
    assert asked_at_s - refused_at_s >= expected.get("wait_s", expected.get("wait_min_s"))


@needs_contracts
@of("transient", "not_ready")
def test_a_failure_that_passes_is_asked_about_again_after_a_pause(case: dict[str, Any]) -> None:
    server = Server(case)
    assert is_whole(server.ask_until_told())
    assert len(server.asked_at_s) == 2
    assert server.world.clock.slept_s


@needs_contracts
@of(*AFTER_NO)
def test_an_answer_that_stays_is_taken_at_its_word_and_not_asked_for_again(case: dict[str, Any]) -> None:
    server, expected = Server(case), AFTER_NO[case["expect"]["class"]]
    if isinstance(expected, Kind):
        told = server.ask_until_told()
        assert isinstance(told, RestAnswer)
        assert told.kind is expected
    else:
        with pytest.raises(expected):
            server.ask_until_told()
    assert len(server.asked_at_s) == 1


@needs_contracts
@of("redirect")
def test_a_move_is_followed(case: dict[str, Any]) -> None:
    moved = {**case, "headers": {"location": SEARCH}}
    server = Server(moved)
    assert is_whole(server.ask_until_told())
    assert len(server.asked_at_s) == 2


@needs_contracts
def test_every_case_of_the_list_is_met_by_one_of_these_tests_or_by_those_of_partial_answers() -> None:
    met = {"primary_limit", "secondary_limit", "transient", "not_ready", "redirect", "partial", *AFTER_NO}
    assert {case["expect"]["class"] for case in CASES} <= met
