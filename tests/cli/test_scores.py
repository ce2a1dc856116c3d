"""`cmo score`: what features give, what a change would do, and the change with a yes."""

from __future__ import annotations

import pytest

from cmo.store.audit import iter_audit
from cmo.store.db import open_store
from cmo.store.jobs import get_job
from tests.cli.harness import Cmo
from tests.fakes.scored import scores_of, store_with_scores


@pytest.fixture
def job(cmo: Cmo) -> str:
    """Ten scored people, two of them rejected; two leads have drafts."""
    cmo.home.mkdir()
    conn, job_id = store_with_scores(cmo.home / "campaign.db", 10, drafted=2)
    conn.close()
    return job_id


def test_weights_are_listed_with_their_defaults(cmo: Cmo, job: str) -> None:
    data = cmo("score", "show", "--json").document["data"]
    assert (data[0]["feature"], data[0]["points"], data[0]["default"], data[0]["version"]) == ("role", 25, 25, 1)
    assert all(row["about"] for row in data)
    assert sum(row["default"] for row in data) == 100
    shown = cmo("score", "show", job, out_tty=True)
    assert "version" not in shown.out
    assert "Together at most 100 points" in shown.err
    assert cmo("score", "show", "nobody").code == 4


def test_a_try_says_who_moves_and_changes_nothing_but_the_record(cmo: Cmo, job: str) -> None:
    conn = open_store(cmo.home / "campaign.db")
    before = scores_of(conn, job)
    result = cmo("score", "set", "last", "reach=60", "role=0", "--dry-run")
    data = cmo("score", "set", "reach=60", "role=0", "--dry-run", "--json").document["data"]
    assert "get another score" in result.err
    assert "becomes a lead" in result.err
    assert f"cmo score set {job[-6:]} role=0 reach=60" in result.err
    assert (data["version"], data["dry_run"], data["effect"]["people"]) == (2, True, 10)
    assert data["changes"]["role"] == {"before": 25, "after": 0}
    assert scores_of(conn, job) == before
    assert [row.is_dry for row in iter_audit(conn, action="score.set")] == [True, True]


def test_a_change_is_asked_for_and_scores_everybody_anew(cmo: Cmo, job: str) -> None:
    conn = open_store(cmo.home / "campaign.db")
    assert cmo("score", "set", "role=60").code == 5
    asked = cmo("score", "set", "role=60", stdin="n\n", tty=True)
    assert "role 25 → 60? [y/N]" in asked.err
    assert get_job(conn, job).plan.weights.version == 1
    result = cmo("score", "set", "role=60", "--yes")
    assert result.code == 0
    assert "Weights 2. Scored anew: 10 people." in result.err
    assert scores_of(conn, job)["maint1"] == 100
    assert "weights=(version=2 points=(role=60))" in cmo("logs", job, "--all").out
    assert "That is how it is already." in cmo("score", "set", "role=60").err
    assert cmo("score", "show", "--json").document["data"][0]["points"] == 60


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["roles=1"], "Did you mean role?"),
        (["role=lots"], "a whole number from -100 to 100"),
        (["last", "role"], "is no FEATURE=N"),
        (["last"], "Which feature?"),
        ([], "Which feature?"),
    ],
)
def test_what_is_no_change_is_wrong_usage(cmo: Cmo, job: str, argv: list[str], said: str) -> None:
    result = cmo("score", "set", *argv)
    assert (result.code, said in result.err) == (2, True), result.err


def test_unknown_features_in_the_settings_are_named(cmo: Cmo) -> None:
    assert cmo("config", "set", "scoring.weights", "role=30,reech=1").code == 0
    result = cmo("config", "check")
    assert "there is no feature reech" in result.out
    assert "Did you mean reach?" in result.out
    assert cmo("config", "set", "scoring.weights", "role=101").code == 2
