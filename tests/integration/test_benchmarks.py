"""Every benchmark runs to its end, made small: what it measures is for ``make bench`` to tell."""

import importlib
import json
import math
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from importlib.metadata import distribution
from itertools import islice
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from meterline.store.base.settings import settings
from tests.benchmarks import __main__ as bench
from tests.benchmarks.bench_hot_customer import Hot
from tests.benchmarks.layers import BESIDE, layers_of_functions
from tests.benchmarks.results import Result
from tests.benchmarks.sections import COUNTING, SECTIONS
from tests.benchmarks.worlds import pipeline
from tests.engines import ROOT


def first_batch(engine: Any, batches: Iterable[Any]) -> int:
    return pipeline(engine, islice(batches, 1))


def a_thread() -> Executor:
    """In place of processes, which would have to import all this."""
    return ThreadPoolExecutor(1)


class InstalledLayers:
    """What is installed here of a function's layers, and nothing else that it would not find."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def search_path(self, layers: Iterable[str]) -> str:
        names = {name for layer in layers for name in pinned(layer)} | set(BESIDE)
        for name in names:
            installed = distribution(name)
            for first in {file.parts[0] for file in installed.files or ()} - {"..", "__pycache__"}:
                (self._directory / first).symlink_to(str(installed.locate_file(first)))
        return os.pathsep.join([str(ROOT / "layers/meterline/python"), str(self._directory)])


def pinned(layer: str) -> list[str]:
    """The distributions that a layer's requirements pin."""
    requirements = ROOT / "layers" / layer.removesuffix("Layer").lower() / "requirements.txt"
    text = requirements.read_text() if requirements.exists() else ""
    return re.findall(r"^([\w.-]+)==", text, re.MULTILINE)


# what to replace in a benchmark | by what
SMALL: dict[str, dict[str, object]] = {
    "bench_analytics": {"EVENTS": (100,), "CUSTOMERS": 20, "MONTH_DAYS": 3, "YEAR_DAYS": 6},
    "bench_cold_start": {
        "FUNCTIONS": {"serve_pdfs": layers_of_functions()["serve_pdfs"]},
        "REPEATS": 1,
        "BuiltLayers": InstalledLayers,
    },
    "bench_core": {"INVOICES": 2},
    "bench_costs": {"CUSTOMERS": 100, "EVENTS": 100},
    "bench_deliveries": {"BATCHES": 1, "QUESTIONS": 2},
    "bench_dimension_pages": {"EXPONENTS": (2,)},
    "bench_dimensions": {"BATCHES": 2, "CELLS": (2,)},
    "bench_hot_customer": {
        "SHARDS": {100: (2,), 10: (2,)},
        "Hot": partial(Hot, rate=200, seconds=1),
    },
    "bench_metering_cpu": {"RECORDS": 1_000, "REQUESTS": 1, "REPEATS": 2},
    "bench_metering_units": {"pipeline": first_batch},
    "bench_midnight": {"RENEWALS": 200, "USED": {"sparse": (24,)}, "processes": a_thread},
    "bench_shards": {"SHARDS": (2,), "REQUESTS": 2},
    "bench_small_calls": {"CALLS": 2, "REPEATS": 2},
    "bench_summaries": {"EXPONENTS": (3,), "HOT_HOUR_EVENTS": 2_000},
    "bench_verbs": {"TIMES": 1},
    "bench_watching": {"BATCH": 2, "TOGETHER": 2, "MONTH_HOURS": 2, "RATES": ((2, 2),)},
}


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], list[Result]]]:
    """Runs a section by its name, made small; afterwards nothing is left of it.

    One that runs beside another finds no clock of CPU, which the other's work would falsify.
    """

    def run(name: str) -> list[Result]:
        for module, replaced in SMALL.items():
            for constant, value in replaced.items():
                monkeypatch.setattr(f"tests.benchmarks.{module}.{constant}", value)
        for clock in ("process_time", "thread_time") if name in COUNTING else ():
            monkeypatch.delattr(time, clock)
        return list(importlib.import_module(f"tests.benchmarks.bench_{name}").measure())

    with patch.dict(os.environ):
        yield run
    settings.cache_clear()


@pytest.mark.parametrize("name", SECTIONS)
def test_each_benchmark_gives_figures_with_units(
    name: str, measured: Callable[[str], list[Result]]
) -> None:
    results = measured(name)
    assert results
    assert all(result.unit and math.isfinite(result.value) for result in results)
    assert len({result.name for result in results}) == len(results)


def test_benchmarks_chosen_by_a_word_leave_a_line_for_each_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "awscrt", None)
    monkeypatch.setattr(bench, "OUTPUT", tmp_path / "made" / "bench.jsonl")
    bench.main(["publishing"])
    lines = [json.loads(line) for line in bench.OUTPUT.read_text().splitlines()]
    assert [line["unit"] for line in lines] == ["calls", "events"]
    assert "events a second of a shard" in capsys.readouterr().out
