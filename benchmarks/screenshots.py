"""Pictures of the full screen for README: `python -m benchmarks.screenshots` runs the demo and draws them anew.

They go to `examples/screens/`. Nothing is measured here, and `python -m benchmarks` does not run it.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import time
from pathlib import Path

from benchmarks.measure import ROOT, clean_environment, progress, scratch
from benchmarks.startup import command
from cmo.config import Sources, load
from cmo.service.hosting import Launch
from cmo.tui.app import Workplace
from cmo.tui.desk import Desk
from tests.tui.screen import Seen

FOLDER = ROOT / "examples" / "screens"
SIZE = (100, 30)
APPROVED = 6
_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
"""A picture asks no server for its letters."""
_HOSTS = re.compile(r"(?<=[\w.+]@)(?!sandbox\.example)[\w.-]+")
"""Where invented people have their mail: in a world that looks real these may be somebody's, and are dotted out."""
_PHRASE = re.compile(r"Type `(\d+)`")
"""How many mails would leave, as the dialog asks for it."""


def main() -> None:
    """Draw Run, Review, Errors and Outbox, as a person finds them after the demo."""
    os.environ["TZ"] = "UTC"
    time.tzset()
    home = scratch() / "screenshots"
    home.mkdir()
    env = {**clean_environment(home), "CMO_SANDBOX": "1", "CMO_OPERATOR": "ana"}
    for words in (("demo",), ("jobs", "set", "last", "mode=send_allowed")):
        progress("cmo " + " ".join(words))
        subprocess.run(
            command(words, eager=False), cwd=home, env=env, stdin=subprocess.DEVNULL, capture_output=True, check=True
        )
    asyncio.run(_draw(home, env))


async def _draw(home: Path, env: dict[str, str]) -> None:
    settings = load(Sources(env=env, folder=home))
    desk = Desk(settings, settings_of=lambda plan: settings)
    app = Workplace(desk, Launch((), home, env), screen="run")
    async with app.run_test(size=SIZE) as pilot:
        seen = Seen(app, pilot)
        await seen.settled()
        _save(seen, "run")
        await seen.go("errors")
        _save(seen, "errors")
        await seen.go("review")
        _save(seen, "review")
        await seen.press("slash", *"score>=80 -flag:short", "enter")
        await seen.press(*["a"] * APPROVED)
        await seen.go("outbox")
        await seen.pilot.press("S")
        await seen.until(lambda: _PHRASE.search(seen.text) is not None, looks=2_000)
        await seen.press(*_PHRASE.findall(seen.text)[0], "enter")
        await seen.until(lambda: "held" in seen.text, looks=2_000)
        app.clear_notifications()
        await seen.settled()
        _save(seen, "outbox")


def _save(seen: Seen, name: str) -> None:
    FOLDER.mkdir(exist_ok=True)
    drawn = _FONTS.sub("", seen.app.export_screenshot(title=f"cmo tui --screen {name}"))
    drawn = _HOSTS.sub(lambda host: "·" * len(host[0]), drawn)
    (FOLDER / f"{name}.svg").write_text("\n".join(row.rstrip() for row in drawn.splitlines()) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
