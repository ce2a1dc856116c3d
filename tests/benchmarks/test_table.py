from __future__ import annotations

import json

from benchmarks.table import HEADINGS, WIDEST_WHAT, Row, broken, document, render


def test_a_goal_is_met_up_to_its_bound_and_missed_beyond_it() -> None:
    assert Row(what="cost", measured=0.10, at_most=0.10).verdict == "ok"
    assert Row(what="cost", measured=0.11, at_most=0.10).verdict == "short"
    assert Row(what="recall", measured=0.97, at_least=0.97).verdict == "ok"
    assert Row(what="recall", measured=0.96, at_least=0.97).verdict == "short"


def test_zero_is_a_goal_like_any_other() -> None:
    assert Row(what="repeats", measured=0, at_most=0).verdict == "ok"
    assert Row(what="repeats", measured=1, at_most=0).verdict == "short"


def test_a_figure_without_a_goal_has_no_verdict() -> None:
    assert Row(what="requests", measured=12).verdict == ""


def test_a_benchmark_that_broke_is_a_row_that_says_why() -> None:
    row = broken("state", RuntimeError("no such column"))
    assert row.verdict == "failed"
    assert "no such column" in render([row])


def test_the_ratio_says_how_many_times_better_than_the_yardstick() -> None:
    assert Row(what="cost", measured=0.1, at_most=0.1, yardstick=5.0).ratio == 50
    assert Row(what="recall", measured=0.9, at_least=0.97, yardstick=0.45).ratio == 2
    assert Row(what="limited", measured=0, at_most=0, yardstick=237).ratio is None


def test_the_table_has_a_line_for_each_row_and_one_remark_for_equal_ones() -> None:
    rows = [Row(what=f"figure {n}", measured=n, unit="ms", at_most=2, yardstick_is="the naive way") for n in (1, 2, 3)]
    lines = render(rows).splitlines()
    assert lines[0].split() == list(HEADINGS)
    assert [line.split()[-1] for line in lines[2:5]] == ["ok", "ok", "short"]
    assert lines[5:] == ["", "[1] yardstick: the naive way"]


def test_a_long_name_is_cut_in_the_table_and_whole_in_json() -> None:
    row = Row(what="x" * (WIDEST_WHAT + 9), measured=1)
    assert row.what not in render([row])
    assert json.loads(json.dumps(document([row])))["data"][0]["what"] == row.what
