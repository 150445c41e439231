"""A random run is the same any day: what it reaches reads the run's clock and no other."""

import re
from pathlib import Path

from tests.frozen_time import FUNCTIONS, MODULES

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "layers" / "meterline" / "python" / "meterline"
CLOCKS = re.compile(
    r"\btime\.(time|time_ns|monotonic)\b|^from time import .*\b(time|monotonic)\b", re.MULTILINE
)

LEFT_ALONE = {
    "api/console": "no run opens the console",
    "api/pages": "no run opens a page",
    "api/pdfs": "no run opens a document",
    "services/base/patience.py": "how long a process has seen failures: no run fails for so long",
    "services/metering/reconcile_pass.py": "how long a process has worked",
    "services/work/sweep.py": "how long a process has worked",
    "store/base/signatures.py": "AWS refuses signatures of another time",
    "store/events/event_bus.py": "how long a call took",
    "store/events/outgoing_calls.py": "how long a call took",
}
"""Whose clock goes on in random runs, and why that changes none."""


def _path(owner: object) -> str:
    name = getattr(owner, "__name__", type(owner).__module__)
    return name.removeprefix("meterline.").replace(".", "/") + ".py"


def test_who_reads_a_clock_reads_that_of_the_run_or_is_left_alone_for_a_reason() -> None:
    paths = {path.relative_to(PACKAGE).as_posix(): path for path in PACKAGE.rglob("*.py")}
    readers = {name for name, path in paths.items() if CLOCKS.search(path.read_text())}
    alone = {name for name in readers if name.startswith(tuple(LEFT_ALONE))}
    frozen = {_path(owner) for owner in (*MODULES, *(owner for owner, _ in FUNCTIONS))}
    assert readers - alone - frozen == set()
    assert alone.isdisjoint(frozen)
    assert all(any(name.startswith(one) for name in alone) for one in LEFT_ALONE)
