"""Cold starts: importing each function's handler, against boto3 with a DynamoDB client alone.

Both from the function's layers as `sam build` makes them, compiled and with no other packages;
boto3, which the functions do without, lies beside them, compiled too.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from itertools import batched
from operator import truediv
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from tests.benchmarks.layers import BuiltLayers, layers_of_functions
from tests.benchmarks.promises import COLD_INGESTION, COLD_START
from tests.benchmarks.results import Result
from tests.engines import ROOT

FUNCTIONS = layers_of_functions()
REPEATS = 5
_FLOOR = "import boto3; boto3.client('dynamodb')"
_HANDLER = (
    "import importlib.util as u; s = u.spec_from_file_location('app', '{path}');"
    "m = u.module_from_spec(s); s.loader.exec_module(m);"
    "from meterline.store.base.clients import dynamodb; dynamodb()"
)
_TIMED = "import time; started = time.process_time();{code};print(time.process_time() - started)"


def measure() -> Iterator[Result]:
    """The CPU time of importing and of making the first client, function by function.

    Each start has the floor's beside it, so that whatever else the machine does slows both; two
    functions of the same layers have one between them. Value, floor and ratio are medians, the
    ratio that of the pairs' ratios.
    """
    with TemporaryDirectory() as directory:
        built = BuiltLayers(Path(directory))
        for layers in sorted(set(FUNCTIONS.values())):
            functions = sorted(name for name, own in FUNCTIONS.items() if own == layers)
            for names in batched(functions, 2, strict=False):
                yield from _starts(names, built.search_path(layers))


def _starts(names: Sequence[str], search_path: str) -> Iterator[Result]:
    """Of two functions, or of the last one."""
    first, *second = names
    floors: list[float] = []
    starts: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(REPEATS):
        starts[first].append(_seconds(_code(first), search_path))
        floors.append(_seconds(_FLOOR, search_path))
        for name in second:
            starts[name].append(_seconds(_code(name), search_path))
    for name, values in starts.items():
        yield Result(
            f"cold start of {name}",
            median(values) * 1_000,
            "ms",
            floor=median(floors) * 1_000,
            ratio=median(map(truediv, values, floors)),
            goal=COLD_INGESTION if name == "ingest_meter_events" else COLD_START,
        )


def _code(function: str) -> str:
    return _HANDLER.format(path=ROOT / "functions" / function / "app.py")


def _seconds(code: str, search_path: str) -> float:
    environment = os.environ | {
        "PYTHONPATH": search_path,
        "AWS_LAMBDA_FUNCTION_NAME": "bench",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
    }
    command = [sys.executable, "-S", "-c", _TIMED.format(code=code)]
    return float(subprocess.check_output(command, env=environment, text=True))  # noqa: S603 - this interpreter
