"""Linear's client against the sandbox over loopback HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import httpx
import pytest

from cmo.domain.outward import Fate, Receipt, Repeat, TicketItem
from cmo.errors import AuthRejected, ConfigError, ProviderRejected, ProviderUnavailable, RateLimited
from cmo.providers.linear import OPERATIONS, Linear
from cmo.sandbox.vendors.linear import API_KEY, OAUTH_TOKEN, TEAM_ID, LinearVendor
from tests.providers.linear.rig import client_at, comment, issue, linear_at_sandbox, link


async def _write(client: Linear, operation: str, *items: TicketItem) -> tuple[Receipt, ...]:
    async with client:
        return tuple([(await client.write(operation, [item]))[0] for item in items])


async def _look_up(client: Linear, operation: str, *items: TicketItem) -> tuple[Receipt, ...]:
    async with client:
        return await client.look_up(operation, items)


def _said(
    body: object, operation: str = "linear.issue", status: int = 200, headers: dict[str, str] | None = None
) -> Receipt:
    """What a write comes to where Linear says `body` to everything."""
    text = body if isinstance(body, str) else json.dumps(body)
    client = client_at(transport=httpx.MockTransport(lambda _: httpx.Response(status, text=text, headers=headers)))
    item = issue() if operation == "linear.issue" else link(issue())
    return asyncio.run(_write(client, operation, item))[0]


def _error(kind: str, message: str = "no") -> dict[str, object]:
    return {"data": None, "errors": [{"message": message, "extensions": {"type": kind}}]}


def test_a_parent_a_child_a_comment_and_a_link_are_written() -> None:
    with linear_at_sandbox() as rig:
        parent = issue("job", title="Job cmo-1", priority=2)
        child = issue("job/3f9a1c", parent_id=parent.id)
        both = asyncio.run(_write(rig.client(), "linear.issue", parent, child))
        said = asyncio.run(_write(rig.client(), "linear.comment", comment(child)))
        linked = asyncio.run(_write(rig.client(), "linear.link", link(child)))
    assert [(r.fate, r.effect, r.provider_id) for r in both] == [
        (Fate.CONFIRMED, "created", "CMO-1"),
        (Fate.CONFIRMED, "created", "CMO-2"),
    ]
    first, second = rig.vendor.issues
    assert (first.id, first.title, first.description, first.priority) == (parent.id, "Job cmo-1", "It is slow.", 2)
    assert second.parent_id == parent.id
    assert said[0].fate is linked[0].fate is Fate.CONFIRMED
    assert [(row.issue_id, row.body) for row in rig.vendor.comments] == [(child.id, "Three more.")]
    assert [(row.issue_id, row.url) for row in rig.vendor.links] == [(child.id, "https://github.example/ada-quill")]
    assert rig.meter.snapshot() == {"api_calls": 4, "linear_api_calls": 4}


def test_a_second_issue_under_the_same_id_is_told_as_confirmed_and_not_made() -> None:
    with linear_at_sandbox() as rig:
        first, again = asyncio.run(_write(rig.client(), "linear.issue", issue(), issue(title="Another title")))
    assert (first.fate, again.fate, again.effect, again.provider_id) == (
        Fate.CONFIRMED,
        Fate.CONFIRMED,
        "noop",
        "CMO-1",
    )
    assert [row.title for row in rig.vendor.issues] == ["41 people wait for GitHub"]


def test_an_archived_issue_is_still_found() -> None:
    with linear_at_sandbox() as rig:
        asyncio.run(_write(rig.client(), "linear.issue", issue()))
        rig.vendor.archive(issue().id, rig.clock.now())
        found, missing = asyncio.run(_look_up(rig.client(), "linear.issue", issue(), issue("other")))
    assert (found.fate, found.provider_id, missing.fate) == (Fate.CONFIRMED, "CMO-1", Fate.ABSENT)


@pytest.mark.parametrize("act", ["archive", "trash", "move"])
def test_an_issue_that_somebody_put_away_is_not_made_again(act: str) -> None:
    with linear_at_sandbox() as rig:
        asyncio.run(_write(rig.client(), "linear.issue", issue()))
        (held,) = rig.vendor.issues
        match act:
            case "archive":
                rig.vendor.archive(held.id, rig.clock.now())
            case "trash":
                held.trashed = True
            case _:
                held.number, held.team_id = 77, "5d0d4c11-9f0a-4f5e-8a51-0c7f5d2a9b30"
        (again,) = asyncio.run(_write(rig.client(), "linear.issue", issue()))
        (found,) = asyncio.run(_look_up(rig.client(), "linear.issue", issue()))
    assert (again.fate, again.effect, found.fate) == (Fate.CONFIRMED, "noop", Fate.CONFIRMED)
    assert len(rig.vendor.issues) == 1


def test_a_team_may_be_named_by_its_key_and_is_asked_for_once() -> None:
    with linear_at_sandbox() as rig:
        items = [issue(f"job/{number}", team_id="CMO") for number in range(2)]
        asyncio.run(_write(rig.client(), "linear.issue", *items))
        assert [row.team_id for row in rig.vendor.issues] == [TEAM_ID] * 2
        assert rig.calls() == 3
        with pytest.raises(ConfigError, match="no team `SALES`"):
            asyncio.run(_write(rig.client(), "linear.issue", issue("other", team_id="SALES")))
        assert len(rig.vendor.issues) == 2


def test_more_issues_than_a_page_are_looked_up() -> None:
    items = [issue(f"job/{number}") for number in range(120)]
    with linear_at_sandbox() as rig:
        asyncio.run(_write(rig.client(), "linear.issue", items[3], items[117]))
        found = asyncio.run(_look_up(rig.client(), "linear.issue", *items))
    assert [n for n, receipt in enumerate(found) if receipt.fate is Fate.CONFIRMED] == [3, 117]
    assert [receipt.key for receipt in found] == [item.key for item in items]
    assert rig.calls() == 2 + 3


def test_a_link_is_found_on_its_own_issue_only_and_behind_the_first_page() -> None:
    issues = [issue(f"job/{number}") for number in range(60)]
    with linear_at_sandbox() as rig:
        asyncio.run(_write(rig.client(), "linear.issue", *issues))
        asyncio.run(_write(rig.client(), "linear.link", *[link(item) for item in issues[1:]]))
        found, missing = asyncio.run(_look_up(rig.client(), "linear.link", link(issues[-1]), link(issues[0])))
    assert (found.fate, missing.fate) == (Fate.CONFIRMED, Fate.ABSENT)


def test_a_link_written_twice_is_one_link() -> None:
    with linear_at_sandbox() as rig:
        asyncio.run(_write(rig.client(), "linear.issue", issue()))
        asyncio.run(_write(rig.client(), "linear.link", link(issue()), link(issue(), title="Ada Quill, maintainer")))
    assert [row.title for row in rig.vendor.links] == ["Ada Quill, maintainer"]


@pytest.mark.parametrize(
    ("operation", "item", "words"),
    [
        ("linear.issue", issue(title="  "), "no title"),
        ("linear.issue", issue(team_id=""), "no team"),
        ("linear.issue", issue(id="5f0c2a52-7d11-5b3e-9a58-20c4be7f1d03"), "no UUID v4"),
        ("linear.comment", comment(issue(), body=" "), "no text"),
        ("linear.comment", comment(issue(), parent_id=None), "no issue"),
        ("linear.link", link(issue(), url="javascript:alert(1)"), "no web address"),
        ("linear.link", link(issue(), parent_id=None), "no issue"),
        ("linear.link", link(issue(), title=""), "no title"),
    ],
)
def test_what_the_schema_would_let_through_incomplete_is_refused_without_a_request(
    operation: str, item: TicketItem, words: str
) -> None:
    with linear_at_sandbox() as rig:
        (receipt,) = asyncio.run(_write(rig.client(), operation, item))
    assert (receipt.fate, rig.calls()) == (Fate.REFUSED, 0)
    assert words in receipt.reason


def test_an_issue_of_an_unknown_team_is_refused_after_looking() -> None:
    with linear_at_sandbox() as rig:
        (receipt,) = asyncio.run(
            _write(rig.client(), "linear.issue", issue(team_id="00000000-0000-4000-8000-000000000000"))
        )
    assert (receipt.fate, receipt.code, receipt.reason) == (
        Fate.REFUSED,
        "rejected",
        "Linear: Entity not found: Team",
    )


def test_a_full_plan_is_refused_with_what_to_do() -> None:
    with linear_at_sandbox(vendor=LinearVendor(issue_limit=1)) as rig:
        _, receipt = asyncio.run(_write(rig.client(), "linear.issue", issue(), issue("other")))
    assert (receipt.fate, receipt.code) == (Fate.REFUSED, "usage_limit")
    assert "archive issues" in receipt.reason


def test_an_oauth_token_travels_as_bearer_and_a_key_does_not() -> None:
    with linear_at_sandbox() as rig:
        for key in (API_KEY, OAUTH_TOKEN):
            assert asyncio.run(_look_up(rig.client(key), "linear.issue", issue()))[0].fate is Fate.ABSENT


def test_a_wrong_key_raises_and_shows_no_key() -> None:
    with linear_at_sandbox() as rig, pytest.raises(AuthRejected, match="refused") as caught:
        asyncio.run(_write(rig.client("lin_api_wrongwrongwrongwrong"), "linear.issue", issue()))
    assert "wrongwrong" not in str(caught.value)
    assert "cmo auth set linear" in caught.value.hint


def test_a_limit_told_as_400_lets_no_request_out_before_its_end() -> None:
    with linear_at_sandbox(vendor=LinearVendor(requests_per_hour=2)) as rig:

        async def act() -> None:
            async with rig.client() as client:
                for key in ("a", "b"):
                    await client.write("linear.issue", [issue(key)])
                for _ in range(3):
                    with pytest.raises(RateLimited) as caught:
                        await client.write("linear.issue", [issue("c")])
                    assert caught.value.retry_after_s == pytest.approx(3600, abs=2)
                assert rig.calls() == 3
                rig.clock.advance(3600)
                await client.write("linear.issue", [issue("c")])

        asyncio.run(act())
    assert len(rig.vendor.issues) == 3


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"X-RateLimit-Requests-Remaining": "0", "X-RateLimit-Requests-Reset": "1795176090000"}, 90.0),
        ({"X-RateLimit-Requests-Remaining": "4", "X-RateLimit-Requests-Reset": "1795176090000"}, 60.0),
        ({"X-RateLimit-Complexity-Remaining": "0", "X-RateLimit-Complexity-Reset": "1795176045000"}, 45.0),
        ({"X-RateLimit-Requests-Remaining": "0", "X-RateLimit-Requests-Reset": "1000"}, 1.0),
        ({"X-RateLimit-Requests-Remaining": "0", "X-RateLimit-Requests-Reset": "9" * 30}, 3600.0),
        ({"Retry-After": "soon", "X-RateLimit-Requests-Reset": "nan"}, 60.0),
        ({}, 60.0),
    ],
)
@pytest.mark.parametrize("status", [400, 429])
def test_the_wait_after_a_limit_comes_from_the_headers(status: int, headers: dict[str, str], wait: float) -> None:
    body = {"errors": [{"message": "Rate limit exceeded", "extensions": {"code": "RATELIMITED"}}]}
    with pytest.raises(RateLimited) as caught:
        _said(body, status=status, headers=headers)
    assert caught.value.retry_after_s == pytest.approx(wait)


@pytest.mark.parametrize(
    "kind", ["network error", "internal error", "lock timeout", "unknown", "other", "new kind", ""]
)
def test_an_error_that_may_pass_leaves_the_write_unknown(kind: str) -> None:
    receipt = _said(_error(kind))
    assert (receipt.fate, receipt.code) == (Fate.UNKNOWN, "server_error")


@pytest.mark.parametrize("status", [301, 302, 303, 304, 307])
def test_a_redirect_that_is_not_followed_leaves_the_write_unknown(status: int) -> None:
    receipt = _said("<html>elsewhere</html>", status=status)
    assert (receipt.fate, receipt.code) == (Fate.UNKNOWN, "server_error")


@pytest.mark.parametrize("status", [400, 403, 404, 410])
def test_a_call_that_no_linear_answered_raises(status: int) -> None:
    with pytest.raises(ProviderRejected, match=f"HTTP {status}"):
        _said("<html>no</html>", status=status)


@pytest.mark.parametrize(("is_there", "fate"), [(True, Fate.CONFIRMED), (False, Fate.UNKNOWN)])
@pytest.mark.parametrize("kind", ["", "internal error", "user error"])
def test_a_success_next_to_errors_counts_only_once_it_is_read_back(kind: str, is_there: bool, fate: Fate) -> None:
    row = {"id": issue().id, "identifier": "CMO-9"}
    half = {"errors": [{"message": "state is missing", "extensions": {"type": kind}}]}

    def answer(request: httpx.Request) -> httpx.Response:
        if b"issueCreate" in request.content:
            return httpx.Response(200, json={"data": {"issueCreate": {"success": True, "issue": row}}, **half})
        return httpx.Response(200, json={"data": {"issues": {"nodes": [row] if is_there else []}}})

    client = client_at(transport=httpx.MockTransport(answer))
    assert asyncio.run(_write(client, "linear.issue", issue()))[0].fate is fate


def test_an_issue_under_another_id_than_ours_is_held() -> None:
    receipt = _said({"data": {"issueCreate": {"success": True, "issue": {"id": "another", "identifier": "CMO-9"}}}})
    assert (receipt.fate, receipt.effect, receipt.provider_id) == (Fate.HELD, "ambiguous", "CMO-9")


@pytest.mark.parametrize("payload", [{"success": True, "issue": None}, {"success": None}, {"success": "yes"}, {}, None])
def test_an_answer_that_does_not_say_what_happened_is_never_a_refusal_or_a_success(payload: object) -> None:
    assert _said({"data": {"issueCreate": payload}}).fate is Fate.UNKNOWN


HOSTILE = ["", "null", "[]", "7", '"x"', "<html>", "{", '{"data": 7}', '{"data": [], "errors": 7}', '{"errors": []}',
           '{"errors": [7, null]}', '{"errors": [{"message": 7, "extensions": []}]}', '{"data": {"issueCreate": []}}',
           '{"data": {"issueCreate": {"success": true, "issue": {"id": {"a": 1}}}}}', "[" * 100_000,
           '{"data": {"issues": {"nodes": [null, 7, {"id": true}]}}}', '{"data": {"issues": null}}']  # fmt: skip


@pytest.mark.parametrize("body", HOSTILE)
@pytest.mark.parametrize("operation", ["linear.issue", "linear.link"])
def test_a_hostile_answer_leaves_a_write_unknown(operation: str, body: str) -> None:
    assert _said(body, operation).fate is Fate.UNKNOWN


@pytest.mark.parametrize("body", [*HOSTILE, '{"data": {"issues": {"nodes": []}}, "errors": [{"message": "half"}]}'])
def test_a_hostile_answer_is_never_taken_for_absence(body: str) -> None:
    def client() -> Linear:
        return client_at(transport=httpx.MockTransport(lambda _: httpx.Response(200, text=body)))

    receipts = [asyncio.run(_look_up(client(), name, link(issue())))[0] for name in ("linear.link", "linear.comment")]
    known = "nodes" in body and "errors" not in body  # a whole list of issues without ours
    receipts += [] if known else list(asyncio.run(_look_up(client(), "linear.issue", issue())))
    assert {receipt.fate for receipt in receipts} == {Fate.UNKNOWN}


def test_pages_without_end_are_not_followed_for_ever() -> None:
    body = {"data": {"attachmentsForURL": {"nodes": [], "pageInfo": {"hasNextPage": True, "endCursor": "again"}}}}
    client = client_at(transport=httpx.MockTransport(lambda _: httpx.Response(200, json=body)))
    assert asyncio.run(_look_up(client, "linear.link", link(issue())))[0].fate is Fate.UNKNOWN


def test_a_read_is_tried_again_after_passing_failures() -> None:
    answers = iter([httpx.Response(502, text="<html>"), httpx.Response(200, json={"data": {"issues": {"nodes": []}}})])
    client = client_at(transport=httpx.MockTransport(lambda _: next(answers)))
    assert asyncio.run(_look_up(client, "linear.issue", issue()))[0].fate is Fate.ABSENT


def test_reading_gives_up_after_three_tries() -> None:
    tries: list[httpx.Request] = []

    def fail(request: httpx.Request) -> httpx.Response:
        tries.append(request)
        return httpx.Response(503, text="down")

    client = client_at(transport=httpx.MockTransport(fail))
    assert asyncio.run(_look_up(client, "linear.issue", issue()))[0].fate is Fate.UNKNOWN
    assert len(tries) == 3


@pytest.mark.parametrize("name", ["CMO", TEAM_ID])
def test_a_team_is_found_by_key_and_by_id(name: str) -> None:
    async def act(make: Callable[..., Linear], wanted: str) -> str | None:
        async with make() as client:
            team = await client.find_team(wanted)
        return team.id if team else None

    with linear_at_sandbox() as rig:
        assert asyncio.run(act(rig.client, name)) == TEAM_ID
        assert asyncio.run(act(rig.client, "NOPE")) is None


@pytest.mark.parametrize(
    ("given", "state", "words"),
    [
        ({"team": TEAM_ID}, "ok", "accepted; team CMO (Outreach)"),
        ({}, "ok", "accepted"),
        ({"team": "NOPE"}, "warn", "no team NOPE"),
        ({"key": "lin_api_wrongwrongwrongwrong"}, "fail", "the key was refused"),
        ({"url": "http://127.0.0.1:1/graphql"}, "fail", "no connection"),
    ],
)
def test_the_probe_tells_whether_the_key_and_the_team_will_do(given: dict[str, str], state: str, words: str) -> None:
    with linear_at_sandbox() as rig:

        async def act() -> tuple[str, str]:
            async with rig.client(**given) as client:
                probe = await client.probe()
            return probe.state, probe.detail

        told = asyncio.run(act())
    assert told[0] == state
    assert words in told[1]


def test_no_connection_raises_since_nothing_can_have_happened() -> None:
    with pytest.raises(ProviderUnavailable) as caught:
        asyncio.run(_write(client_at("http://127.0.0.1:1/graphql"), "linear.issue", issue()))
    assert caught.value.details["connected"] is False


def test_only_what_an_upsert_makes_may_be_repeated() -> None:
    classes = {operation.name: operation.repeat for operation in OPERATIONS}
    assert classes == {
        "linear.issue": Repeat.LOOKED_UP,
        "linear.comment": Repeat.LOOKED_UP,
        "linear.link": Repeat.REPEATABLE,
    }
    assert list(client_at().operations) == list(classes)
