"""A key stays where it is: not in the store, a file, an error or any output, though services give it back in their
refusals in every form that a service may."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from cmo.cli.diagnostics import masked_trace
from cmo.clock import Clock
from cmo.errors import CmoError
from cmo.sandbox.server import HOST, STOP_S
from cmo.sandbox.vendors.door import Door
from cmo.sandbox.vendors.registry import OFFERS
from cmo.sandbox.wire import Request, Response, serve_connection
from cmo.service import health, kill
from cmo.service.reconcile import Reconciling
from cmo.service.whynot import why_not
from cmo.store.db import Connection
from tests.delivery.campaigns import CAMPAIGNS, PEOPLE, Running, impatient, prepared
from tests.delivery.services import Serve, Services
from tests.fakes.campaign import campaign
from tests.fakes.clock import StillClock
from tests.fakes.ledger import ledger_row
from tests.service.test_forget import _text as stored_text
from tests.service.test_sending import send_all, sending_of

PLANTED = {
    "INSTANTLY_API_KEY": "planted/instantly+5d21==",
    "SMARTLEAD_API_KEY": "planted/smartlead+8e90==",
    "SMTP_PASSWORD": "planted/smtp+77ab==",
    "GOOGLE_ACCESS_TOKEN": "planted/gmail+0b1c==",
    "ATTIO_API_KEY": "planted/attio+3e4f==",
    "HUBSPOT_ACCESS_TOKEN": "planted/hubspot+6a5b==",
    "LINEAR_API_KEY": "planted/linear+d00d==",
}
STATUSES = (200, 302, 400, 401, 403, 408, 422, 429, 500)


def forms(key: str) -> set[str]:
    """How a key may be written."""
    plain = {key, quote(key, safe=""), quote(key), quote_plus(key), json.dumps(key)[1:-1], key.replace("/", "\\/")}
    return plain | {base64.b64encode(text.encode()).decode() for text in (key, f"me:{key}", f"\0me\0{key}")}


class Echoing(Services):
    """Services that, from some request on, give back whatever they were sent, and the keys in every form."""

    def __init__(self, names: Sequence[str], *, clock: Clock, status: int, after: int) -> None:
        """
        Args:
            after: So many requests to each service are answered as they should be; with 0 the keys are the planted.
        """
        self._status, self._after, self._asked = status, after, Counter[str]()
        super().__init__(names, clock=clock)

    @property
    def places(self) -> dict[str, str]:
        found = super().places
        return found if self._after else {name: PLANTED.get(name, value) for name, value in found.items()}

    @property
    def keys(self) -> dict[str, str]:
        """Those that are sent: of each service its own."""
        own = {name for vendor in self.vendors for name in OFFERS[vendor].variables}
        return {name: value for name, value in self.places.items() if name in PLANTED and name in own}

    def _at(self, door: Door) -> Serve:
        async def handle(request: Request) -> Response:
            self._asked[door.vendor.name] += 1
            if self._asked[door.vendor.name] <= self._after:
                return await door.handle(request)
            return self._echo(door.vendor.name, request)

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await serve_connection(reader, writer, handle, number=1)

        return serve

    def _echo(self, vendor: str, request: Request) -> Response:
        told = [request.target, *request.headers.values()]
        words = " ".join(
            [
                *told,
                *(
                    form
                    for name, key in self.keys.items()
                    if name in OFFERS[vendor].variables
                    for form in sorted(forms(key))
                ),
            ]
        )
        body = {"message": words, "error": {"message": words, "code": words}, "errors": [{"message": words}],
                "detail": words, "error_description": words, "data": None}  # fmt: skip
        content = words if self._asked.total() % 3 == 0 else json.dumps(body)
        headers = {"Retry-After": "1", "Location": f"{request.target}?again={quote(words[:900])}"}
        return Response(self._status, content.encode(), headers)


@contextmanager
def echoing_smtp() -> Iterator[int]:
    """A mail server that refuses the login and gives back what it was told; its port."""
    loop = asyncio.new_event_loop()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hi\r\n")
        try:
            while line := await reader.readline():
                if line.startswith(b"EHLO"):
                    writer.write(b"250-hi\r\n250 AUTH PLAIN LOGIN\r\n")
                    continue
                told = base64.b64decode(line.rpartition(b" ")[2] + b"==").replace(b"\0", b" ")
                writer.write(b"535 5.7.8 no such login: " + line.strip() + b" that is " + told.strip() + b"\r\n")
        finally:
            writer.close()

    async def end() -> None:
        server.close()
        open_ = asyncio.all_tasks() - {asyncio.current_task()}
        for task in open_:
            task.cancel()
        await asyncio.gather(*open_, return_exceptions=True)
        await asyncio.sleep(0)  # closed writers let go of their sockets

    server = loop.run_until_complete(asyncio.start_server(serve, HOST, 0))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(end(), loop).result(STOP_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(STOP_S)
        loop.close()


def leaks(home: Path, conn: Connection, said: str, keys: Mapping[str, str]) -> list[str]:
    """Where a key stands in any of its forms: in the home, unpacked in the store, or in what was said."""
    needles = {form: name for name, key in keys.items() for form in forms(key)}
    texts = [("said", said)]
    texts += [(str(path), path.read_bytes().decode("latin-1")) for path in home.rglob("*") if path.is_file()]
    for (table,) in conn.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        for row in conn.execute(f"SELECT * FROM {table}"):
            texts += [(table, stored_text(table, value)) for value in tuple(row)]
    return sorted(
        {
            f"{where}: {name}: {text[max(0, text.index(form) - 60) :][:140]!r}"
            for where, text in texts
            for form, name in needles.items()
            if form in text
        }
    )


def walk(run: Running, conn: Connection) -> str:
    """Everything that calls a provider, once; what it said, or raised."""
    made = run.delivery(conn)
    steps: list[Callable[[], object]] = [
        lambda: run.deliver(conn),
        lambda: run.deliver(conn),
        lambda: Reconciling(made).look(),
        lambda: why_not(run.settings, made.job.id, short="0000", found=made.found),
        lambda: [health._probe(run.settings, made.found, name) for name in run.campaign.services],
    ]
    said = []
    for step in steps:
        try:
            said.append(repr(step()))
        except CmoError as error:
            said += [error.message, error.hint, repr(error.details), repr(error), masked_trace(error)]
    return "\n".join([*said, *run.troubles])


@pytest.mark.off_contract  # the services answer with our key, in any way they can
@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("name", [name for name in CAMPAIGNS if CAMPAIGNS[name].services])
def test_a_key_that_a_service_gives_back_goes_no_further(name: str, status: int, tmp_path: Path) -> None:
    found = dict[int, list[str]]()
    for after in (0, 2, 4):
        home, clock = tmp_path / str(after), StillClock()
        shutil.copytree(prepared(name, PEOPLE), home)
        with Echoing(CAMPAIGNS[name].services, clock=clock, status=status, after=after) as services, impatient(5.0):
            run = Running(CAMPAIGNS[name], home, services, clock)
            with closing(run.open()) as conn:
                found[after] = leaks(home, conn, walk(run, conn), services.keys)
    assert found == {0: [], 2: [], 4: []}


def test_a_kill_says_nothing_of_the_key_that_it_used(tmp_path: Path) -> None:
    shutil.copytree(prepared("smartlead", PEOPLE), tmp_path / "it")
    with Echoing(("smartlead", "hubspot"), clock=StillClock(), status=401, after=0) as services, impatient(5.0):
        run = Running(CAMPAIGNS["smartlead"], tmp_path / "it", services)
        with closing(run.open()) as conn:
            job_id = conn.execute("SELECT id FROM jobs").fetchone()["id"]
            sequence_id = CAMPAIGNS["smartlead"].sequence_id or ""
            ledger_row(conn, job_id, "maint1@org1.example", operation="smartlead.enrol", sequence_id=sequence_id)
            receipt = kill.kill(run.settings)
            assert [campaign.state for campaign in receipt.campaigns] == ["not_confirmed"]
            assert leaks(run.home, conn, repr(receipt), services.keys) == []


def test_a_login_that_a_mail_server_gives_back_goes_no_further(tmp_path: Path) -> None:
    made = campaign(tmp_path, plan={"mailer": "smtp"})
    with echoing_smtp() as port:
        made.places = {"SMTP_HOST": HOST, "SMTP_PORT": str(port), "SMTP_USER": "me", **PLANTED}
        with closing(made.open()) as conn:
            with sending_of(made) as sending:
                send_all(sending)
                said = sending.deliver(most=None, patience_s=0.0).stopped
            said += repr(health._probe(made.settings, made.found, "smtp"))
            assert "no such login" in said
            assert leaks(tmp_path, conn, said, {"SMTP_PASSWORD": PLANTED["SMTP_PASSWORD"]}) == []
