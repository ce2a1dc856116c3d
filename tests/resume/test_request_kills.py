from __future__ import annotations

import json
import subprocess
import sys


def test_a_request_and_its_answer_are_stored_once_wherever_the_job_or_the_operator_is_killed() -> None:
    done = subprocess.run([sys.executable, "-m", "tests.resume.asker"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert [name[:3] for name in report["kills"]] == ["ask"] * 3 + ["yes"] * 2
    assert report["failures"] == {}
    assert len(report["requests"]) == 1
    assert [row[1] for row in report["audit"]] == ["request.allow"]
    assert report["status"][0] == "finished"
    assert report["leads_count"] >= 8
