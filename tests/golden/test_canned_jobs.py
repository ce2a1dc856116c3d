"""The two example jobs, run in the sandbox on a fixed day: their CSV files are the contract, byte for byte.

Read the difference before renewing them: `python -m tests.golden.test_canned_jobs`.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import pytest

from tests.cli.harness import Cmo

HERE = Path(__file__).parent
EXAMPLES = HERE.parents[1] / "examples" / "jobs"
WORLD = {"seed": 7, "anchor_at": "2026-11-20T00:00:00+00:00", "now": "2026-11-20T09:00:00+00:00"}
JOBS = {"py-maintainers": "yaml", "go-devtools": "toml"}
FILES = ("prospects.csv", "attio_people.csv")


def run(job: str, home: Path) -> dict[str, bytes]:
    """The files of a job, after a run in a new world in `home`."""
    world = home / "sandbox" / "world" / "world.json"
    world.parent.mkdir(parents=True)
    world.write_text(json.dumps(WORLD))
    result = Cmo(home, home).spawn("run", str(EXAMPLES / f"{job}.{JOBS[job]}"), "--sandbox", "--yes")
    assert result.code in (0, 3), result.err
    (artifacts,) = (home / "sandbox" / "runs").glob("*/artifacts")
    return {name: (artifacts / name).read_bytes() for name in FILES}


@pytest.mark.parametrize("job", JOBS)
def test_an_example_job_writes_the_agreed_files(job: str, tmp_path: Path) -> None:
    found = run(job, tmp_path)
    assert found == {name: (HERE / f"{job}.{name}").read_bytes() for name in FILES}


if __name__ == "__main__":
    for name in sys.argv[1:] or JOBS:
        with tempfile.TemporaryDirectory() as folder:
            for file, text in run(name, Path(folder)).items():
                (HERE / f"{name}.{file}").write_bytes(text)
