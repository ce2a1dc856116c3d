from __future__ import annotations

from pathlib import Path

import pytest

from cmo import service
from cmo.config import Settings
from cmo.domain import event as ev
from cmo.domain.lead import Email, EmailClass
from cmo.domain.suppression import SuppressionKind
from cmo.errors import PolicyRefused, ToolInputInvalid
from cmo.service import suppress as verbs
from cmo.service.audit import AuditFilter
from cmo.store.commit import commit
from tests.fakes.jobs import plan_factory
from tests.fakes.outside import NOW
from tests.service.test_controls import settings_in


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


@pytest.mark.parametrize(
    ("text", "kind", "stored"),
    [
        ("Ana+x@ANA.example", None, ("email", "ana@ana.example")),
        ("@acme.example", None, ("domain", "acme.example")),
        ("*.acme.example", None, ("domain", "acme.example")),
        ("@Ana", None, ("login", "ana")),
        ("Acme Inc.", SuppressionKind.ACCOUNT, ("account", "acme")),
        ("acme.example", SuppressionKind.ACCOUNT, ("account", "acme.example")),
        ("Mail.Acme.example", SuppressionKind.ACCOUNT, ("account", "acme.example")),
    ],
)
def test_a_target_is_read_in_the_form_it_is_compared_in(
    text: str, kind: SuppressionKind | None, stored: tuple[str, str]
) -> None:
    target = verbs.read_target(text, kind)
    assert (target.kind.value, target.value) == stored


@pytest.mark.parametrize("text", ["", "@", "ana@", "ana@acme,example", "ana b@acme.example", "com."])
def test_what_names_nobody_is_refused(text: str) -> None:
    with pytest.raises(ToolInputInvalid):
        verbs.read_target(text)


def test_suppressing_is_audited_without_the_address(settings: Settings) -> None:
    target = verbs.read_target("ana@ana.example")
    assert verbs.suppress(settings, target, reason="ana@ana.example wrote: stop")
    assert not verbs.suppress(settings, target, reason="again")

    (row,) = AuditFilter(action="leads.suppress").rows(settings)
    assert row.object.startswith("person:")
    assert "ana@ana" not in str(row)


def test_what_an_operator_added_can_be_lifted_and_an_import_cannot(settings: Settings, tmp_path: Path) -> None:
    by_hand, imported = verbs.read_target("bob@bob.example"), verbs.read_target("ana@ana.example")
    verbs.suppress(settings, by_hand, reason="a mistake")
    (tmp_path / "stop.csv").write_text("email\nana@ana.example\n")
    verbs.import_suppressed(settings, tmp_path / "stop.csv")

    assert verbs.unsuppress(settings, by_hand, reason="wrong person")
    assert not verbs.unsuppress(settings, by_hand, reason="again")
    with pytest.raises(PolicyRefused):
        verbs.unsuppress(settings, imported, reason="please")
    assert [entry.value for entry in verbs.list_suppressed(settings)] == ["ana@ana.example"]


def test_an_import_takes_the_good_rows_and_names_the_bad_ones(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "stop.csv"
    path.write_bytes(
        b"\xef\xbb\xbfE-Mail;Domain;Reason\r\nAna@ANA.example;;asked\r\n;acme.example;\r\nnobody;;\r\n\r\n;;x\r\n"
    )

    done = verbs.import_suppressed(settings, path, reason="list of 2025")

    assert (done.new, done.known) == (2, 0)
    assert [(bad.row, bad.column) for bad in done.bad] == [(4, "email"), (6, "email, domain")]
    assert {(e.value, e.reason) for e in verbs.list_suppressed(settings)} == {
        ("ana@ana.example", "asked"),
        ("acme.example", "list of 2025"),
    }
    assert done.bad_file is not None
    assert done.bad_file.read_text().splitlines()[:2] == ["row,column,reason", "4,email,is no email"]
    assert verbs.import_suppressed(settings, path).known == 2


def test_a_file_without_a_header_that_helps_is_refused(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("name\nAna\n")
    with pytest.raises(ToolInputInvalid, match="row 1"):
        verbs.import_suppressed(settings, tmp_path / "a.csv")


def test_an_export_comes_back_by_an_import_and_leaves_hashes_out(settings: Settings, tmp_path: Path) -> None:
    for text in ("+ana@ana.example", "acme.example", "ana"):
        verbs.suppress(settings, verbs.read_target(text), reason="=HYPERLINK()")
    verbs.suppress(settings, verbs.Target(SuppressionKind.HASH, "0" * 64), reason="erased")

    done = verbs.export_suppressed(settings, tmp_path / "out.csv")

    text = (tmp_path / "out.csv").read_text()
    assert (done.rows, done.left_out) == (3, 1)
    assert "'=HYPERLINK()" in text
    other = settings_in(tmp_path / "other")
    assert verbs.import_suppressed(other, tmp_path / "out.csv").new == 3
    assert {e.value for e in verbs.list_suppressed(other)} == {"+ana@ana.example", "acme.example", "ana"}


def test_a_dry_import_changes_nothing(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "stop.csv").write_text("kind,value\nlogin,Ana\nname,x\n")

    done = verbs.import_suppressed(settings, tmp_path / "stop.csv", dry_run=True)
    assert (done.new, len(done.bad), done.bad_file) == (1, 1, None)
    assert verbs.list_suppressed(settings) == []


@pytest.mark.parametrize("text", ["ana", "ana@ana.example"])
def test_an_objection_on_record_keeps_what_an_operator_added_first(settings: Settings, text: str) -> None:
    target = verbs.read_target(text)
    verbs.suppress(settings, target, reason="we know them")
    job = service.start_job(settings, plan_factory()).id
    found = Email(
        email="ana@ana.example", email_class=EmailClass.PUBLISHED, source_url="https://github.com/ana", seen_at=NOW
    )
    told: list[ev.Event] = [
        ev.EmailFound(login="Ana", email=found),
        ev.PersonOptedOut(login="Ana", email="ana@ana.example", words="no mail", source_url="https://github.com/ana"),
    ]
    with service.writer(settings) as conn:
        commit(conn, job, [(f"e{n}", event) for n, event in enumerate(told)], at=NOW, epoch=None)

    with pytest.raises(PolicyRefused):
        verbs.unsuppress(settings, target, reason="a mistake")
