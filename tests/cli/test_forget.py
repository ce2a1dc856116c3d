from __future__ import annotations

from tests.cli.harness import Cmo
from tests.cli.seed import seed


def test_forgetting_asks_for_the_address(cmo: Cmo) -> None:
    seed(cmo.home)

    assert cmo("forget", "ana@ana.example").code == 5
    assert "Nothing was changed" in cmo("forget", "ana@ana.example", tty=True, stdin="yes\n").err
    assert cmo("leads", "show", "ana").code == 0
    done = cmo("forget", "Ana@ana.example", tty=True, stdin="ana@ANA.example\n")
    assert done.code == 0
    assert "They stay suppressed" in " ".join(done.err.split())
    assert cmo("leads", "show", "ana").code == 4


def test_a_dry_run_says_who_it_would_be(cmo: Cmo) -> None:
    seed(cmo.home)

    result = cmo("forget", "ana@ana.example", "--dry-run")
    assert "Known as: ana" in result.err
    assert cmo("leads", "show", "ana").code == 0


def test_the_document_names_nobody(cmo: Cmo) -> None:
    seed(cmo.home)

    result = cmo("forget", "ana@ana.example", "--yes", "--json")
    assert result.code == 0
    assert "ana@" not in result.out
    assert result.document["data"]["rows"]["emails"] == 1


def test_what_is_no_address_is_bad_input(cmo: Cmo) -> None:
    assert cmo("forget", "ana", "--yes").code == 65
