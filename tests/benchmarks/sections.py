"""The sections of the benchmarks, one for each ``bench_*`` module, and in which order they run.

First those that count, and read no clock of CPU: two of them side by side. Then, with the machine
to itself, each that measures CPU.
"""

import importlib
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from tests.benchmarks.results import Result, processes

SECTIONS = tuple(
    sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))
)
COUNTING = (
    "watching",
    "dimensions",
    "hot_customer",
    "metering_units",
    "shards",
    "costs",
    "verbs",
    "deployment",
    "reconciliation",
)
"""Those that only count, the longest first."""


@dataclass(frozen=True, slots=True)
class Section:
    """What a section measured, and how long that took."""

    name: str
    results: list[Result]
    seconds: float

    @property
    def title(self) -> str:
        """Its name as people read it."""
        return self.name.replace("_", " ")


def chosen(words: Sequence[str]) -> list[str]:
    """The sections whose names contain one of these words, or all, in the order of running."""
    wanted = [name for name in SECTIONS if not words or any(word in name for word in words)]
    counting = [name for name in COUNTING if name in wanted]
    return counting + [name for name in wanted if name not in counting]


def run(names: Sequence[str]) -> Iterator[Section]:
    """Run these sections, and give each when it is done."""
    counting = [name for name in names if name in COUNTING]
    if len(counting) > 1:
        yield from _side_by_side(counting)
        names = [name for name in names if name not in counting]
    for name in names:
        yield run_alone(name)


def run_alone(name: str) -> Section:
    """Run a section in this process."""
    sys.modules["awscrt"] = None  # type: ignore[assignment] # functions sign requests without it
    began = monotonic()
    results = list(importlib.import_module(f"tests.benchmarks.bench_{name}").measure())
    return Section(name, results, monotonic() - began)


def _side_by_side(names: Sequence[str]) -> Iterator[Section]:
    with processes() as pool:
        for work in as_completed([pool.submit(run_alone, name) for name in names]):
            yield work.result()
