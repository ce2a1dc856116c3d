from __future__ import annotations

import json
import subprocess
import sys


def test_weights_changed_by_a_process_that_is_killed_at_any_boundary_end_with_the_same_rows() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.resume.score_walker"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["failures"] == []
    assert len(report["left"]) >= 8
    assert sorted(set(report["left"]), reverse=True) == [10, 6, 2, 0], "each page is whole, or was never begun"
    assert report["leads"] > 0
