"""Guards around every test: no network but loopback, no long real sleep, nothing of this machine's environment.

They hold in the test process. A command that a test spawns inherits the clean environment and the empty home, no more.
A guard that was hit fails the test even if the code under test swallowed the error.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import re
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, NoReturn

import hypothesis
import pytest

pytest_plugins = ("tests.contracts.watch", "tests.figures")

LONGEST_SLEEP_S = 2.0
MEMORY, ENOUGH_BYTES = Path("/dev/shm"), 2 * 2**30
"""Where there is room in memory the stores of tests are kept there: they wait for the disk at each of many commits."""

# The names of `.env.example` and of the providers to come; proxies and colours change what a test sees.
FOREIGN_NAMES = re.compile(
    r"""CMO_.* | LLM_PROVIDER | STATE_DB_URL | BLOB_DIR
    | GITHUB_(TOKEN|API_URL|GRAPHQL_URL) | OPENAI_.* | AZURE_OPENAI_.* | LANGFUSE_.* | LANGSMITH_.* | LANGCHAIN_.*
    | (INSTANTLY|SMARTLEAD|ATTIO|HUBSPOT|LINEAR|TWILIO|SMTP|IMAP)_.*
    | GOOGLE_(ACCESS_TOKEN|CLIENT_ID|CLIENT_SECRET|REFRESH_TOKEN|TOKEN_URL) | (GMAIL|GCAL|GDRIVE)_API_URL
    | (HTTP|HTTPS|ALL|NO)_PROXY | (http|https|all|no)_proxy | NO_COLOR | FORCE_COLOR""",
    re.VERBOSE,
)

# Textual's timers (a notice that fades after 5 s) run beside the test and make nobody wait.
BACKGROUND_TIMERS = ("textual.",)

hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, max_examples=60)
hypothesis.settings.load_profile("ci")

_session = pytest.MonkeyPatch()
_hits: list[str] = []
_connect = socket.socket.connect
_connect_ex = socket.socket.connect_ex
_sendto = socket.socket.sendto
_getaddrinfo = socket.getaddrinfo
_time_sleep = time.sleep
_asyncio_sleep = asyncio.sleep


def pytest_configure() -> None:
    """Before any test module, and with it cmo, is imported."""
    _clean_environment(_session)
    if "TMPDIR" not in os.environ and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ENOUGH_BYTES:
        _session.setenv("TMPDIR", str(MEMORY))
        _session.setattr(tempfile, "tempdir", None)
    _session.setattr(socket.socket, "connect", _guarded_connect)
    _session.setattr(socket.socket, "connect_ex", _guarded_connect_ex)
    _session.setattr(socket.socket, "sendto", _guarded_sendto)
    _session.setattr(socket, "getaddrinfo", _guarded_getaddrinfo)
    _session.setattr(time, "sleep", _guarded_time_sleep)
    _session.setattr(asyncio, "sleep", _guarded_asyncio_sleep)


def pytest_unconfigure() -> None:
    _session.undo()


@pytest.fixture(autouse=True)
def own_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No key and no CMO_ variable; the home, the platform's folders and cmo's own are empty ones of this test."""
    _clean_environment(monkeypatch)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for folder in ("CONFIG", "DATA", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{folder}_HOME", str(home / folder.lower()))
    monkeypatch.setenv("CMO_HOME", str(tmp_path / "cmo-home"))


@pytest.fixture(autouse=True)
def no_network_and_no_long_sleep() -> Iterator[None]:
    """Fails the test that reached for the network or slept, even if the error was swallowed on the way."""
    _hits.clear()
    yield
    assert not _hits, "; ".join(_hits)


def _clean_environment(patch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if FOREIGN_NAMES.fullmatch(name):
            patch.delenv(name)
    for name in ("LANGSMITH_TRACING", "LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING", "LANGCHAIN_TRACING_V2"):
        patch.setenv(name, "false")
    # As on a machine without a key store: nothing is found, and storing fails aloud.
    patch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")


def _refuse(what: str) -> NoReturn:
    _hits.append(what)
    raise AssertionError(what)


def _is_loopback(host: object) -> bool:
    name = host.decode() if isinstance(host, bytes) else str(host)
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _check_address(sock: socket.socket, address: Any) -> None:
    if sock.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(address[0]):
        _refuse(f"a test may not reach the network: {address}")


def _guarded_connect(self: socket.socket, address: Any) -> None:
    _check_address(self, address)
    _connect(self, address)


def _guarded_connect_ex(self: socket.socket, address: Any) -> int:
    _check_address(self, address)
    return _connect_ex(self, address)


def _guarded_sendto(self: socket.socket, data: Any, *flags_and_address: Any) -> int:
    _check_address(self, flags_and_address[-1])
    return _sendto(self, data, *flags_and_address)


def _guarded_getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> list[Any]:
    if host and not _is_loopback(host):  # no host: an address to listen on
        _refuse(f"a test may not look up a name: {host!r}")
    return _getaddrinfo(host, *args, **kwargs)


def _guarded_time_sleep(seconds: float) -> None:
    if seconds > LONGEST_SLEEP_S:
        _refuse(f"a test may not sleep for real: time.sleep({seconds}); use the injected clock")
    _time_sleep(seconds)


def _guarded_asyncio_sleep(delay: float, result: Any = None) -> Coroutine[Any, Any, Any]:
    caller = str(sys._getframe(1).f_globals.get("__name__"))
    if delay <= LONGEST_SLEEP_S or caller.startswith(BACKGROUND_TIMERS):
        return _asyncio_sleep(delay, result)
    return _oversleep(delay)


async def _oversleep(delay: float) -> NoReturn:
    """A long wait that is cancelled in time, such as a heartbeat's, is no sleep."""
    await _asyncio_sleep(LONGEST_SLEEP_S)
    _refuse(f"a test may not sleep for real: asyncio.sleep({delay}); use the injected clock")
