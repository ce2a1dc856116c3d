"""`cmo templates`: what is in force, an own copy, a try on real leads."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmo.store.db import open_store
from tests.cli.harness import Cmo
from tests.cli.seed import seed
from tests.fakes.jobs import new_job


@pytest.fixture
def job(cmo: Cmo) -> str:
    for key, value in {
        "sender.name": "Sam Field",
        "sender.email": "sam@field.example",
        "sender.postal_address": "1 Mill Lane, 12345 Springfield",
        "copy.offer": "We make a service that finds tests which fail at random, and names the change behind it.",
        "copy.question": "Is that a problem for the project at the moment, or is it solved?",
    }.items():
        assert cmo("config", "set", key, value).code == 0
    return seed(cmo.home)


def own(cmo: Cmo, name: str, text: str) -> Path:
    folder = cmo.home / "templates"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def test_the_list_shows_built_in_and_own_templates(cmo: Cmo) -> None:
    own(cmo, "breakup.a.j2", "Subject: x\n\nBye.")
    rows = cmo("templates", "list", "--json").document["data"]
    assert [(row["name"], row["origin"], row["state"]) for row in rows] == [
        ("first_touch.a", "built-in", "ok"),
        ("first_touch.b", "built-in", "ok"),
        ("follow_up_1.a", "built-in", "ok"),
        ("follow_up_2.a", "built-in", "ok"),
        ("breakup.a", "own", "ok"),
    ]


def test_the_list_names_the_mistake_and_the_fix_of_a_broken_template(cmo: Cmo) -> None:
    own(cmo, "breakup.a.j2", "Subject: x\n\n{{ fact('hok') }}")
    result = cmo("templates", "list")
    assert result.code == 0
    assert "broken" in result.out
    assert "breakup.a.j2, line 3: there is no fact `hok`." in result.err
    assert "Did you mean `hook`?" in result.err


def test_what_show_prints_is_an_own_copy(cmo: Cmo, job: str) -> None:
    result = cmo("templates", "show", "first_touch.a")
    path = own(cmo, "first_touch.a.j2", result.out)
    assert f"An own copy goes to: {path}" in result.err
    assert "  hook           after 'you': the one thing most worth mentioning" in result.err
    before, after = (cmo("templates", "test", "first_touch.a", "--json").document["data"] for _ in range(2))
    assert before == after
    assert cmo("templates", "list", "--json").document["data"][0]["origin"] == "own"


@pytest.mark.parametrize("command", ["show", "test"])
def test_a_template_that_is_not_there_is_answered_with_those_that_are(cmo: Cmo, job: str, command: str) -> None:
    result = cmo("templates", command, "welcome")
    assert result.code == 65
    assert "first_touch.a, first_touch.b" in result.err


def test_a_try_shows_the_mails_of_a_jobs_leads_with_sources_and_findings(cmo: Cmo, job: str) -> None:
    result = cmo("templates", "test", "first_touch.a", out_tty=True)
    assert result.code == 0, result.err
    assert "Hi Ana," in result.out
    assert "because you merged 12 pull requests in org/proj." in result.out
    assert "hook: merged 12 pull requests in org/proj" in result.out
    assert "warn same:" in result.out
    assert "2 rendered, 0 with something that blocks approval. Nothing was stored." in result.err


def test_a_hostile_name_gives_no_orders_to_a_terminal(cmo: Cmo, job: str) -> None:
    for argv in (["first_touch.a"], ["first_touch.a", "--json"]):
        result = cmo("templates", "test", *argv, out_tty=True)
        assert result.code == 0
        out = result.out.replace("\x1b[0m", "")
        assert not any(sign in out for sign in ("\x1b]", "\x07", "\u202e"))


def test_the_sample_is_as_large_as_asked(cmo: Cmo, job: str) -> None:
    rows = cmo("templates", "test", "breakup", "--sample", "1", "--json").document["data"]
    assert [row["login"] for row in rows] == ["ana"]
    assert rows[0]["subject"] == "My last mail about org/proj"


def test_a_broken_template_is_bad_data(cmo: Cmo, job: str) -> None:
    own(cmo, "first_touch.a.j2", "Subject: x\n\n{% for a in b %}{% endfor %}")
    result = cmo("templates", "test", "first_touch.a")
    assert result.code == 65
    assert "first_touch.a.j2, line 3: `for` is not allowed in a template." in result.err


def test_a_file_that_is_no_text_is_bad_data(cmo: Cmo) -> None:
    own(cmo, "first_touch.a.j2", "x").write_bytes(b"\xff\xfe\x00")
    result = cmo("templates", "list")
    assert result.code == 65
    assert "UTF-8" in result.err


def test_without_a_job_there_is_nobody_to_try_it_on(cmo: Cmo) -> None:
    assert cmo("templates", "test", "first_touch.a").code == 4


def test_a_job_without_leads_is_said_so(cmo: Cmo) -> None:
    conn = open_store(cmo.home / "campaign.db")
    new_job(conn)
    conn.close()
    result = cmo("templates", "test", "first_touch.a")
    assert result.code == 4
    assert "no accepted leads" in result.err


def test_without_a_pitch_every_draft_is_blocked_and_the_command_that_helps_is_named(cmo: Cmo) -> None:
    seed(cmo.home)
    result = cmo("templates", "test", "first_touch.a", out_tty=True)
    assert result.code == 0
    assert 'cmo config set copy.offer "…"' in " ".join(result.out.split())
    assert "2 rendered, 2 with something that blocks approval." in result.err
