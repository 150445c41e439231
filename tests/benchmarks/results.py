"""What a benchmark reports, the clock it reads, and the processes that it has."""

import gc
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

from tests.benchmarks.goals import Goal


@dataclass(frozen=True, slots=True)
class Result:
    """One measured figure.

    ``floor`` is measured in the same run: the least that any code would need; ``ratio`` compares
    the two, and ``goal`` judges the value, or the ratio.
    """

    name: str
    value: float
    unit: str
    floor: float | None = None
    ratio: float | None = None
    goal: Goal | None = None

    @property
    def judged(self) -> float:
        """What the goal is about: the value, or the ratio, which must be there then."""
        if self.goal is None or self.goal.of == "value":
            return self.value
        assert self.ratio is not None, f"{self.name}: a goal of its ratio, and no floor"
        return self.ratio

    @property
    def is_met(self) -> bool:
        """Whether the figure keeps to its goal; one without a goal does."""
        return self.goal is None or self.goal.is_met_by(self.judged)

    def row(self) -> dict[str, object]:
        """The figure as a JSON object, without what it lacks; with the verdict on its goal."""
        verdict = {"goal": self.goal.text, "met": self.is_met} if self.goal else {}
        figures = {"value": self.value, "unit": self.unit, "floor": self.floor, "ratio": self.ratio}
        found = {name: figure for name, figure in figures.items() if figure is not None}
        return {"name": self.name, **found, **verdict}


def cpu_seconds(work: Callable[[], object], *, repeats: int) -> float:
    """The least CPU time of ``work`` among some repeats, in seconds."""
    times = []
    for _ in range(repeats):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times)


def processes() -> Executor:
    """Two processes, as the smallest machine has cores, which share nothing with this one."""
    return ProcessPoolExecutor(2, mp_context=get_context("spawn"))


type Steps = Sequence[Callable[[], object]]


def in_parallel(one: Steps, other: Steps, *, repeats: int) -> tuple[float, float]:
    """The least CPU time of two pieces of work, in seconds: the sum of each step's least.

    They take turns step by step, so that whatever else the machine does meets both, and short steps
    find a quiet moment. What was prepared for them is no business of the garbage collector
    meanwhile: a function has one batch in memory, not ten.
    """
    gc.collect()
    gc.freeze()
    turns = [
        [
            (cpu_seconds(a, repeats=1), cpu_seconds(b, repeats=1))
            for a, b in zip(one, other, strict=True)
        ]
        for _ in range(repeats)
    ]
    gc.unfreeze()
    least = [[min(times) for times in zip(*step, strict=True)] for step in zip(*turns, strict=True)]
    return sum(step[0] for step in least), sum(step[1] for step in least)
