from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib import import_module

import pytest

from benchmarks.__main__ import NAMES, main


@pytest.mark.parametrize("name", NAMES)
def test_each_benchmark_says_what_it_measures_and_returns_rows(name: str) -> None:
    module = import_module(f"benchmarks.{name}")
    run: Callable[..., object] = module.run
    assert module.__doc__
    assert run.__doc__
    signature = inspect.signature(run)
    assert not signature.parameters
    assert signature.return_annotation == "list[Row]"


def test_a_benchmark_that_does_not_exist_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["speed"])
    assert left.value.code == 2
    assert "no benchmark is called speed" in capsys.readouterr().err


def test_one_that_breaks_leaves_the_others_their_rows(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down() -> None:
        raise RuntimeError("out of order")

    monkeypatch.setattr("benchmarks.demo.run", break_down)
    assert main(["demo"]) == 1
    assert "out of order" in capsys.readouterr().out
