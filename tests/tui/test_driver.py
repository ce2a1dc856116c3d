"""How a tab's process speaks with the server."""

from __future__ import annotations

import subprocess
import sys

SIZE = 500_000
"""Much more than a pipe takes at once."""
TALK = f"""
import asyncio
from threading import Thread
from textual.app import App
from cmo.tui.web.driver import Driver

async def main():
    driver = Driver(App())
    say = [
        lambda: driver.write("p" * {SIZE}),
        lambda: driver.write_meta({{"type": "m" * {SIZE}}}),
        lambda: driver.write_binary_encoded(("deliver_chunk", "key", b"c" * {SIZE})),
    ]
    threads = [Thread(target=one) for one in say]
    for thread in threads: thread.start()
    for thread in threads: thread.join()

asyncio.run(main())
"""


def test_what_two_threads_write_at_once_stays_whole() -> None:
    said = subprocess.run([sys.executable, "-c", TALK], input=b"", capture_output=True, check=True, timeout=60).stdout
    packets = {}
    while said:
        size = int.from_bytes(said[1:5], "big")
        packets[said[:1]], said = said[5 : 5 + size], said[5 + size :]
    assert packets.keys() == {b"D", b"M", b"P"}
    assert all(letter * SIZE in packets[kind] for kind, letter in ((b"D", b"p"), (b"M", b"m"), (b"P", b"c")))
