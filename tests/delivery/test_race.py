from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

PROCESSES = "12"


def test_processes_that_race_for_the_last_mails_of_a_quota_get_exactly_what_is_left(
    figure: Callable[[str], None],
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.delivery.racer", PROCESSES], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    told = ", ".join(f"{quota} {found['claimed'][0]} of {found['left']}" for quota, found in report.items())
    figure(f"{PROCESSES} processes racing for the last slots took: {told}")
    assert set(report) == {"day", "inbox", "company", "contact", "warm-up"}
    for quota, told in report.items():
        assert told["claimed"] == [told["left"]], quota
