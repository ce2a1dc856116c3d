"""Each export is on the record, a dry run too, by whichever door; and nobody is named there."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmo.domain.audit import AuditRow
from cmo.errors import OutputUnwritable
from cmo.service import audit, suppress
from cmo.service.audit import AuditFilter
from cmo.service.exported import known_exports
from cmo.service.exports import export_job
from cmo.service.leads import lead_terms
from tests.fakes.campaign import Campaign, campaign


@pytest.fixture
def made(tmp_path: Path) -> Campaign:
    return campaign(tmp_path / "home", 3)


def exported(made: Campaign) -> list[AuditRow]:
    return list(reversed(AuditFilter(action="export.write").rows(made.settings)))


def test_an_export_of_people_says_what_how_many_by_which_filter_and_where_to(made: Campaign, tmp_path: Path) -> None:
    to = tmp_path / "for maint1@org1.example"
    terms = lead_terms("score>=98 -label:cold maint org:org")
    for dry in (True, False):
        export_job(made.settings, made.job_id, to=to, formats=("csv", "json"), terms=terms, dry_run=dry)
    export_job(made.settings, made.job_id, to=to, what=("leads",), logins=("maint3",))

    dry_row, row, of_one = exported(made)
    files = {f"{name}.{form}": 2 for form in ("csv", "json") for name in ("prospects", "attio_people")}
    assert dry_row.is_dry
    assert not row.is_dry
    assert (row.object, row.after) == (f"job:{made.job_id}", "written")
    assert (
        dry_row.detail
        == row.detail
        == {
            "files": files,
            "what": ["leads", "people"],
            "where": "score>=98 -label:cold text:… org:…",
            "to": "for ****@org1.example",
        }
    )
    assert (of_one.detail["files"], of_one.detail["chosen"]) == ({"prospects.csv": 1}, 1)
    assert "maint" not in "".join(row.model_dump_json() for row in exported(made))


def test_what_an_export_wrote_before_it_broke_off_is_known_to_forgetting(made: Campaign, tmp_path: Path) -> None:
    (tmp_path / "attio_people.csv").mkdir()
    with pytest.raises(OutputUnwritable):
        export_job(made.settings, made.job_id, to=tmp_path)
    assert known_exports(made.settings.paths) == [tmp_path / "prospects.csv"]


def test_exports_of_the_log_and_of_suppressions_are_on_the_record(made: Campaign, tmp_path: Path) -> None:
    suppress.suppress(made.settings, suppress.read_target("ana@acme.example"), reason="asked")
    for dry in (True, False):
        suppress.export_suppressed(made.settings, tmp_path / "stop.csv", dry_run=dry)
    wanted = AuditFilter(action="leads.")
    audit.export_audit(made.settings, None, "csv", wanted)

    assert [(row.object, row.detail["files"], row.is_dry) for row in exported(made)] == [
        ("suppressions", {"stop.csv": 1}, True), ("suppressions", {"stop.csv": 1}, False), ("audit", {"-": 1}, False),
    ]  # fmt: skip
    assert exported(made)[-1].detail["where"] == "action:leads."


def test_an_export_that_failed_is_not_on_the_record(made: Campaign, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(OutputUnwritable):
        export_job(made.settings, made.job_id, to=tmp_path / "taken" / "below")
    assert exported(made) == []


def test_following_the_chain_is_on_the_record_after_what_was_followed(made: Campaign) -> None:
    first, second = audit.verify_audit(made.settings), audit.verify_audit(made.settings)

    assert second.rows == first.rows + 1
    row = AuditFilter(action="audit.verify").rows(made.settings)[-1]
    assert (row.seq, row.after, row.detail) == (first.rows + 1, "whole", {"rows": first.rows})
