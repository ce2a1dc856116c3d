"""Jobs in processes of their own, to be killed: a program that imports everything once and forks for each job.

It forks while it has one thread. A line of JSON says what to run, or whom to wait for; a line comes back.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

from cmo.config import Secret
from cmo.domain.job import JobStatus, Plan
from cmo.service.wiring import Outside
from tests.e2e.driver import ANCHOR, SPEED, Site, StoppedClock

ROOT = Path(__file__).parents[2]
PAUSED = 75


class Hand:
    """Starts jobs in other processes; the other end of this program."""

    def __init__(self) -> None:
        self._program = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.hand"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )

    def start(self, site: Site) -> int:
        """Run the job of `site` in a process, on a stopped clock; the process."""
        outside = {
            "github_api_url": site.outside.github_api_url,
            "github_graphql_url": site.outside.github_graphql_url,
            "dns_server": site.outside.dns_server,
            "tokens": [token.reveal() for token in site.outside.github_tokens],
        }
        return self._say({"home": str(site.home), "outside": outside, "plan": site.plan.model_dump(mode="json")})

    def wait(self, pid: int) -> int:
        """How the process ended, as `os.waitstatus_to_exitcode` tells it: a signal is negative."""
        return self._say({"wait": pid})

    def run(self, site: Site) -> int:
        """Run the job of `site` in a process to its end."""
        return self.wait(self.start(site))

    def _say(self, command: dict[str, Any]) -> int:
        assert self._program.stdin is not None
        assert self._program.stdout is not None
        self._program.stdin.write(json.dumps(command) + "\n")
        self._program.stdin.flush()
        return int(self._program.stdout.readline())

    def close(self) -> None:
        self._program.communicate()


def _run(command: dict[str, Any]) -> int:
    places = command["outside"]
    tokens = tuple(Secret(token) for token in places.pop("tokens"))
    outside = Outside(clock=StoppedClock(ANCHOR, speed=SPEED), github_tokens=tokens, **places)
    site = Site(Path(command["home"]), outside, plan=Plan.model_validate(command["plan"]))
    return 0 if site.run().status is JobStatus.FINISHED else PAUSED


def _forked(command: dict[str, Any]) -> int:
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        code = _run(command)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    for line in sys.stdin:
        command = json.loads(line)
        if "wait" in command:
            _, status = os.waitpid(command["wait"], 0)
            answer = os.waitstatus_to_exitcode(status)
        else:
            answer = _forked(command)
        print(answer, flush=True)


if __name__ == "__main__":
    from cmo.graph.environment import harden
    from cmo.providers.registry import PROVIDERS, factory

    harden()
    for name in PROVIDERS:
        factory(name)  # imported before the forks, not after each
    main()
