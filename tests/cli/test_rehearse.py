from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cmo.cli.rehearse import lines
from cmo.config import Sources, load
from cmo.domain.job import Mode
from cmo.service.rehearse import inside, throw_away
from tests.cli.harness import Cmo
from tests.fakes.jobs import plan_factory
from tests.service.test_mail_setup import COMPLETE
from tests.service.test_rehearsal_report import rehearsal_factory

JOB = """goal: find 5 python maintainers active in the last 90 days, topics ci
caps:
  max_repos: 10
settings:
  quota.max_emails_per_day: 1
"""
READY = '[mode]\nsending = "send_allowed"\n'


@pytest.fixture
def job_file(cmo: Cmo) -> str:
    (cmo.folder / "job.yaml").write_text(JOB)
    return "job.yaml"


def sources_of(cmo: Cmo, **env: str) -> Sources:
    return Sources(env={**cmo.env, **env}, folder=cmo.folder, keyring=lambda: None)


def test_a_job_file_is_rehearsed_to_the_end_and_nothing_of_it_stays(cmo: Cmo, job_file: str) -> None:
    cmo.home.mkdir()
    (cmo.home / "config.toml").write_text(READY)
    cmo.env |= COMPLETE

    result = cmo.spawn("rehearse", job_file, "--faults", "none", "--json")

    assert result.code == 0, result.err
    found: dict[str, Any] = json.loads(result.out)["data"]
    assert found["drafts"] >= found["approved"] > 0
    assert sum(found["sent"].values()) == found["arrived"] > 0
    assert len(found["sent"]) > 1  # the quota of the file takes several days
    assert set(found["sent"].values()) == {1}
    assert (found["doubles"], found["doubtful"], found["is_cut"]) == (0, 0, False)
    assert found["crm"]["attio.person"]["created"] > 0
    assert found["missing"] == []
    assert sorted(path.name for path in cmo.home.iterdir()) == ["config.toml", "sandbox"]
    assert not list((cmo.home / "sandbox").iterdir())


def test_it_runs_with_the_operators_own_settings_and_templates_in_a_home_of_its_own(cmo: Cmo, tmp_path: Path) -> None:
    cmo.home.mkdir()
    (cmo.home / "config.toml").write_text('[sender]\nname = "Ana Ruiz"\n[quota]\nmax_emails_per_day = 3\n')
    own = load(sources_of(cmo))

    settings = throw_away(sources_of(cmo), tmp_path / "away", job=plan_factory(settings={"quota.per_inbox_daily": 4}))

    assert (settings.sender_name, settings.max_emails_per_day, settings.per_inbox_daily) == ("Ana Ruiz", 3, 4)
    assert settings.sandbox
    assert settings.mode() is Mode.SEND_ALLOWED  # in the throw-away home only
    assert own.mode() is Mode.DRAFT_ONLY
    assert settings.actor == "operator:rehearsal"
    assert settings.paths.config_dir == own.paths.config_dir
    for place in (settings.paths.data_dir, settings.paths.db, settings.paths.runs_dir, settings.paths.state_dir):
        assert place.is_relative_to(tmp_path / "away")


def test_no_real_key_can_be_read_in_a_rehearsal(cmo: Cmo, tmp_path: Path) -> None:
    settings = throw_away(sources_of(cmo, ATTIO_API_KEY="real", GITHUB_TOKEN="real"), tmp_path / "away")
    assert settings.secrets.find("attio") is None
    assert not settings.github_tokens()


def test_real_sequences_and_lists_are_replaced_and_it_is_said(cmo: Cmo) -> None:
    plan = plan_factory(mailer="instantly", sequence_id="123", crm="attio", list_id="abc")
    moved, told = inside(plan, load(sources_of(cmo)))
    assert "123" not in (moved.sequence_id, "")
    assert moved.list_id != "abc"
    assert ["123" in told[0], "abc" in told[1]] == [True, True]


def test_a_mailbox_of_ones_own_needs_no_sequence(cmo: Cmo) -> None:
    plan = plan_factory(mailer="smtp", crm="attio")
    assert inside(plan, load(sources_of(cmo))) == (plan, ())


def test_what_happened_is_told_in_lines() -> None:
    found = rehearsal_factory(
        flagged={"same": 2},
        refused={"country": 3},
        refused_because={"country": "Canada asks"},
        advice=("Do this.",),
        is_cut=True,
        waiting=9,
    )
    told = "\n".join(lines(found))
    for words in ("12 in 2 days", "9 were left after 30 days", "2 flagged (same 2)", "Canada asks", "Do this."):
        assert words in told


@pytest.mark.parametrize("argv", [("none.yaml",), ("job.yaml", "--faults", "some"), ("job.yaml", "--sample", "0")])
def test_what_cannot_be_rehearsed_is_refused_before_anything_is_made(
    cmo: Cmo, job_file: str, argv: tuple[str, ...]
) -> None:
    assert cmo("rehearse", *argv).code in (2, 78)
    assert not cmo.home.exists()
