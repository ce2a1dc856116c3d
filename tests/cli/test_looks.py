"""What a job looks like: `cmo`, `status`, `watch`, `logs`, `jobs`, `leads`, `export` on a store as a run leaves it."""

from __future__ import annotations

import json

import pytest

from cmo.domain.event import JobFinished
from tests.cli.harness import Cmo, Result
from tests.cli.seed import seed


@pytest.fixture
def job(cmo: Cmo) -> str:
    return seed(cmo.home)


def looks(cmo: Cmo, *argv: str) -> list[Result]:
    return [cmo(*argv), cmo(*argv, out_tty=True), cmo(*argv, "--json"), cmo(*argv, "--plain", out_tty=True)]


SIGNS = "✓▶◆⚠✗■·█░─│┌└▌⋯→"
READING = [
    [],
    ["status"],
    ["watch"],
    ["logs", "last", "--all"],
    ["jobs", "list"],
    ["jobs", "show"],
    ["leads", "list"],
    ["leads", "show", "bob"],
    ["leads", "why", "bob"],
    ["limits", "show"],
    ["export", "--dry-run"],
]


@pytest.mark.parametrize("argv", READING, ids=" ".join)
def test_every_view_works_in_every_form_and_gives_no_orders_to_a_terminal(cmo: Cmo, job: str, argv: list[str]) -> None:
    for result in looks(cmo, *argv):
        assert result.code == 0, result.err
        bare = result.out.replace("\x1b[0m", "")
        assert not any(sign in bare for sign in ("\x1b]", "\x07", "\u202e"))
        assert "Traceback" not in result.err
    for line in cmo(*argv, "--json").out.splitlines():
        assert json.loads(line)["schema"].startswith("cmo.")


@pytest.mark.parametrize("argv", [a for a in READING if a[:1] not in (["watch"], ["limits"], ["export"])], ids=" ".join)
def test_a_view_does_not_write_to_the_store(cmo: Cmo, job: str, argv: list[str]) -> None:
    before = (cmo.home / "campaign.db").read_bytes()
    cmo(*argv)

    assert (cmo.home / "campaign.db").read_bytes() == before


def test_status_shows_the_progress_summary(cmo: Cmo, job: str) -> None:
    data = cmo("status", "--json").document["data"]

    assert (data["job_id"], data["status"], data["target"]) == (job, "paused", 10)
    assert (data["good_leads"], data["held_leads"]) == (2, 1)
    assert data["progress"]["candidates_identified"] == 3
    assert set(data["progress"]) == {"repos_found", "candidates_identified", "leads_enriched", "emails_prepared"}
    assert set(data["metrics"]) == {"api_calls", "steps_completed", "errors_encountered", "tokens_used"}
    assert data["error_groups"][0]["message"] == "GitHub answered 502"


def test_status_on_a_terminal_is_short_and_fits(cmo: Cmo, job: str) -> None:
    lines = cmo("status", "--plain", out_tty=True).out.splitlines()

    assert len(lines) <= 14
    assert all(len(line) <= 80 for line in lines)
    assert lines[0].startswith(f"{job}  paused  DRAFT-ONLY")


def test_bare_cmo_is_the_status_of_the_newest_job(cmo: Cmo, job: str) -> None:
    assert cmo("--json").out == cmo("status", "--json").out
    assert len(cmo(out_tty=True).out.splitlines()) <= 14


def test_status_names_what_to_type_next(cmo: Cmo, job: str) -> None:
    assert "cmo resume" in cmo("status").err


@pytest.mark.parametrize("ref", ["last", None, "exact", "tail"])
def test_a_job_is_named_by_id_part_or_last(cmo: Cmo, job: str, ref: str | None) -> None:
    given = {"exact": [job], "tail": [job[-6:]], "last": ["last"], None: []}[ref]

    assert cmo("status", *given, "--json").document["data"]["job_id"] == job


def test_a_job_that_is_not_there_is_named(cmo: Cmo, job: str) -> None:
    result = cmo("status", "999999")

    assert result.code == 4
    assert "999999" in result.err


def test_a_finished_job_ends_watch_with_its_own_exit_code(cmo: Cmo) -> None:
    seed(cmo.home, end=JobFinished(summary="Found 2 good leads.", good_leads=2))

    assert cmo("watch").code == 0
    assert cmo("watch", "--exit-status").code == 3  # one item failed


def test_a_paused_job_ends_watch_with_75_when_asked(cmo: Cmo, job: str) -> None:
    assert cmo("watch", "--exit-status").code == 75


def test_every_end_says_that_nothing_was_sent_and_how_to_go_on(cmo: Cmo, job: str) -> None:
    err = cmo("watch").err

    assert "Nothing was sent. Continuing cannot send anyone twice." in err
    assert "cmo resume" in err
    assert "1 item failed" in err


@pytest.mark.parametrize("interval", ["0", "soon", "-1s", "99999h"])
def test_an_interval_that_is_none_is_wrong_usage(cmo: Cmo, job: str, interval: str) -> None:
    assert cmo("watch", f"--interval={interval}").code == 2


def test_logs_show_run_events_and_with_all_one_line_a_person(cmo: Cmo, job: str) -> None:
    assert "ana" not in cmo("logs", "last").out
    assert "ana: 86 HOT" in cmo("logs", "last", "--all").out


@pytest.mark.parametrize(
    ("flags", "kinds"),
    [
        (["--level", "error"], ["item_failed"]),
        (["--stage", "enrich", "--all"], ["item_failed"]),
        (["--grep", "WIDENED"], ["search_widened"]),
        (["--since", "2026-11-20T14:02:30+00:00"], ["stage_entered", "search_widened", "job_paused"]),
    ],
)
def test_logs_can_be_narrowed(cmo: Cmo, job: str, flags: list[str], kinds: list[str]) -> None:
    found = [json.loads(line)["kind"] for line in cmo("logs", "last", "--json", *flags).out.splitlines()]

    assert found
    assert set(found) <= set(kinds)


@pytest.mark.parametrize(
    "flags", [["--stage", "enrch"], ["--grep", "("], ["--since", "yesterday-ish"], ["--level", "all"]]
)
def test_a_wrong_narrowing_is_wrong_usage(cmo: Cmo, job: str, flags: list[str]) -> None:
    assert cmo("logs", "last", *flags).code == 2


def test_logs_on_a_pipe_are_tab_separated(cmo: Cmo, job: str) -> None:
    first = cmo("logs", "last").out.splitlines()[0].split("\t")

    assert first == ["2026-11-20T14:02:11Z", "info", "job_started", "started by test"]


def test_leads_are_listed_best_first_with_their_state(cmo: Cmo, job: str) -> None:
    data = cmo("leads", "list", "--json").document

    assert data["total"] == 3
    assert [(row["login"], row["score"], row["state"]) for row in data["data"]] == [
        ("ana", 86, "accepted"),
        ("bob", 71, "held"),
        ("cy", 20, "rejected"),
    ]


def test_a_part_of_the_leads_says_that_it_is_one(cmo: Cmo, job: str) -> None:
    result = cmo("leads", "list", "--limit", "2", "--fields", "login")

    assert result.out == "login\nana\nbob\n"
    assert "2 of 3 shown" in result.err
    assert cmo("leads", "list", "--limit", "2", "--json").document["next"] == "2"
    assert cmo("leads", "list", "--offset", "2", "--fields", "login").out == "login\ncy\n"


@pytest.mark.parametrize(
    ("where", "logins"),
    [
        ("score>=60", ["ana", "bob"]),
        ("state:held", ["bob"]),
        ("-label:cold email:published", ["ana"]),
        ("org:cy", ["cy"]),
    ],
)
def test_leads_are_filtered(cmo: Cmo, job: str, where: str, logins: list[str]) -> None:
    assert [row["login"] for row in cmo("leads", "list", "--where", where, "--json").document["data"]] == logins


def test_nothing_matched_exits_4_with_an_empty_table(cmo: Cmo, job: str) -> None:
    result = cmo("leads", "list", "--where", "score>=99", "--fields", "login")

    assert (result.code, result.out) == (4, "login\n")
    assert "Nobody matches score>=99" in result.err


@pytest.mark.parametrize("where", ["scor>=9", "score>=many", '"open', "label:"])
def test_a_wrong_filter_is_wrong_usage(cmo: Cmo, job: str, where: str) -> None:
    result = cmo("leads", "list", "--where", where)

    assert result.code == 2
    assert "Traceback" not in result.err


def test_why_shows_parts_that_add_up_and_where_the_address_is_from(cmo: Cmo, job: str) -> None:
    data = cmo("leads", "why", "ana@ana.example", "--json").document["data"]

    assert sum(part["points"] for part in data["score"]["parts"]) == data["score"]["value"] == 86
    assert data["addresses"][0]["source_url"] == "https://github.com/ana"
    text = cmo("leads", "why", "ana", out_tty=True).out
    assert "seen 2026-11-20 at https://github.com/ana" in text
    assert "+76.0  role: maintains org/proj" in text


def test_why_explains_who_was_dropped(cmo: Cmo, job: str) -> None:
    assert "bot" in cmo("leads", "why", "dee", "--json").document["data"]["decision"]


def test_a_person_nobody_knows_is_not_found(cmo: Cmo, job: str) -> None:
    assert cmo("leads", "why", "nobody").code == 4
    assert cmo("leads", "show", "nobody", "--job", "last").code == 4


def test_an_export_prints_one_path_a_line(cmo: Cmo, job: str) -> None:
    result = cmo("export", "last", "--to", "out", "--format", "csv,json,ndjson")

    paths = result.out.splitlines()
    assert len(paths) == 6
    assert sorted(path.name for path in (cmo.folder / "out").iterdir()) == sorted(
        path.rpartition("/")[2] for path in paths
    )
    assert json.loads((cmo.folder / "out" / "prospects.json").read_text())[0]["login"] == "ana"


def test_an_export_of_named_people_holds_only_these(cmo: Cmo, job: str) -> None:
    assert cmo("export", "last", "--what", "leads", "--login", "@Ana,nobody").code == 0
    rows = (cmo.folder / "prospects.csv").read_text().splitlines()
    assert len(rows) == 2
    assert rows[1].startswith("ana,")
    assert cmo("export", "last", "--login", "nobody").code == 4


def test_a_dry_export_says_what_it_would_write_and_writes_nothing(cmo: Cmo, job: str) -> None:
    result = cmo("export", "last", "--dry-run")

    assert "Would write 2 files" in result.out
    assert "Nothing was written" in result.out
    assert "Run it: cmo export" in result.err
    assert not list(cmo.folder.iterdir())


def test_an_export_into_a_place_that_cannot_be_written_exits_73(cmo: Cmo, job: str) -> None:
    (cmo.folder / "taken").write_text("")

    assert cmo("export", "--to", "taken/below").code == 73


@pytest.mark.parametrize("flags", [["--what", "lead"], ["--format", "xlsx"], ["--what", ","]])
def test_an_unknown_kind_of_export_is_wrong_usage(cmo: Cmo, job: str, flags: list[str]) -> None:
    assert cmo("export", *flags).code == 2


def test_jobs_are_listed_by_state(cmo: Cmo, job: str) -> None:
    assert [row["id"] for row in cmo("jobs", "list", "--json").document["data"]] == [job]
    assert cmo("jobs", "list", "--state", "finished", "--json").document["data"] == []


def test_the_whole_state_of_a_job_is_one_document(cmo: Cmo, job: str) -> None:
    data = cmo("jobs", "show", job, "--state", "--json").document["data"]

    assert data["job_id"] == job
    assert {"goal", "icp", "repos", "candidates", "leads", "errors", "counters", "history"} <= set(data)


def test_reading_without_a_store_makes_none(cmo: Cmo) -> None:
    for argv in (["status"], ["jobs", "list"], ["leads", "list"], ["logs", "last"], ["export"]):
        assert cmo(*argv).code in (0, 4)
    assert not cmo.home.exists()


def test_what_is_to_be_heard_has_words_for_signs_and_a_sentence_for_a_stage(cmo: Cmo, job: str) -> None:
    cmo.env["ACCESSIBLE"] = "1"

    for argv in [*READING, ["plan", "find 20 python maintainers"], ["errors", "list"], ["doctor", "--offline"]]:
        result = cmo(*argv, tty=True, out_tty=True)
        assert not set(SIGNS) & set(result.out + result.err), argv
    assert "  discover 1 of 1: done" in cmo("status", out_tty=True).out
    assert "✓" not in cmo("status", out_tty=True, env={"ACCESSIBLE": "0", "CMO_ASCII": "1"}).out
