from __future__ import annotations

import json
import subprocess
import sys

PAGE = 12
"""The most items that one page of the walked job asks a provider for."""


def test_a_job_killed_at_any_boundary_ends_with_the_same_rows_and_files() -> None:
    done = subprocess.run([sys.executable, "-m", "tests.resume.walker"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["leads_count"] >= 8
    assert report["boundaries"] > 100
    assert report["failures"] == []
    assert report["most_repeated"] <= PAGE
