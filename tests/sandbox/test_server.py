from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from graphql import parse, validate

from cmo.clock import ScaledClock
from cmo.sandbox import FaultKind, FaultPlan, FaultRule, Sandbox, SandboxSettings
from cmo.sandbox.github_graphql import load_schema
from cmo.sandbox.wire import Response
from tests.sandbox.conftest import ANCHOR, Bench, StartSandbox


def test_the_environment_points_clients_here(bench: Bench) -> None:
    environment = bench.sandbox.environment()
    assert environment["GITHUB_API_URL"] == bench.sandbox.github_url
    assert environment["GITHUB_GRAPHQL_URL"] == f"{bench.sandbox.github_url}/graphql"
    assert environment["GITHUB_TOKEN"] == "sandbox-token"
    assert environment["CMO_DNS_SERVER"] == f"127.0.0.1:{bench.sandbox.dns_address[1]}"


def test_a_stopped_sandbox_refuses_connections_and_may_be_stopped_again(start: StartSandbox) -> None:
    sandbox = start().sandbox
    port = int(sandbox.github_url.rpartition(":")[2])
    sandbox.stop()
    sandbox.stop()
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
        pass


def test_a_sandbox_is_a_context(bench: Bench) -> None:
    with Sandbox(SandboxSettings(anchor_at=ANCHOR), clock=ScaledClock(ANCHOR), world=bench.world) as sandbox:
        assert sandbox.dns_address[1] > 0


def test_time_passes_on_the_clock_only(start: StartSandbox) -> None:
    bench = start(latency_s=3.0)
    before = bench.clock.monotonic()
    answer = bench.get("/users/jabbott")
    assert bench.clock.monotonic() - before >= 3.0
    assert answer.headers["date"] == "Tue, 17 Nov 2026 08:00:00 GMT"


def test_connections_are_kept_alive_and_garbage_ends_one(bench: Bench) -> None:
    port = int(bench.sandbox.github_url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=2) as raw:
        for _ in range(2):
            raw.sendall(b"GET /versions HTTP/1.1\r\nHost: x\r\nUser-Agent: x\r\n\r\n")
            assert raw.recv(65536).startswith(b"HTTP/1.1 200")
        raw.sendall(b"nonsense\r\n\r\n")
        assert raw.recv(65536) == b""


def test_the_books_keep_every_request_but_never_the_token(start: StartSandbox) -> None:
    bench = start()
    bench.get("/users/jabbott", per_page=1)
    bench.data("{ viewer { login } }")
    rest, graphql = bench.sandbox.books.entries
    assert (rest.method, rest.path, rest.resource, rest.cost, rest.status) == (
        "GET",
        "/users/jabbott?per_page=1",
        "core",
        1,
        200,
    )
    assert (graphql.resource, graphql.cost) == ("graphql", 1)
    assert rest.token == graphql.token
    assert "sandbox-token" not in json.dumps(bench.sandbox.books.to_json())


def test_the_books_keep_graphql_documents_that_can_be_validated(start: StartSandbox) -> None:
    bench = start()
    for _ in range(2):
        bench.ask("{ viewer { login } }")
    assert bench.sandbox.books.documents == {"{ viewer { login } }": 2}
    assert all(validate(load_schema(), parse(text)) == [] for text in bench.sandbox.books.documents)


def test_totals_can_be_taken_from_a_point_on(start: StartSandbox) -> None:
    bench = start()
    bench.get("/users/jabbott")
    mark = len(bench.sandbox.books.entries)
    bench.get("/users/ctalbot")
    assert bench.sandbox.books.totals(since=mark).rest_requests == 1
    assert bench.sandbox.books.totals().rest_requests == 2


def test_a_second_process_goes_on_in_the_same_hour(start: StartSandbox, tmp_path: Path) -> None:
    plan = FaultPlan((FaultRule(kind=FaultKind.SERVER_ERROR, nth=(3,)),))
    first = start(core_limit=3, faults=plan)
    for _ in range(2):
        assert first.get("/users/jabbott").status_code == 200
    first.sandbox.save(tmp_path / "books.json")
    first.sandbox.stop()

    second = Sandbox(first.sandbox.settings, clock=first.clock, world=first.world)
    second.load(tmp_path / "books.json")
    bench = Bench(second.start(), first.clock)
    assert bench.get("/users/jabbott").status_code == 500
    assert bench.get("/users/jabbott").status_code in (403, 429)
    assert second.books.totals().rest_requests == 4
    bench.close()


def test_a_saved_block_still_holds(start: StartSandbox, tmp_path: Path) -> None:
    first = start(rest_points_per_minute=1)
    for _ in range(2):
        first.get("/users/jabbott")
    first.sandbox.save(tmp_path / "books.json")
    second = Sandbox(first.sandbox.settings, clock=first.clock, world=first.world)
    second.load(tmp_path / "books.json")
    bench = Bench(second.start(), first.clock)
    bench.get("/users/jabbott")
    assert second.books.totals().made_while_limited == 1
    bench.close()


def test_json_answers_are_compact() -> None:
    assert Response.json(200, {"a": [1, None]}).body == b'{"a":[1,null]}'
