"""Cold starts: importing each function's handler, against boto3 with a DynamoDB client alone."""

import os
import subprocess
import sys
from collections.abc import Iterator

from tests.benchmarks.results import Result
from tests.engines import ROOT

REPEATS = 5
_FLOOR = "import boto3; boto3.client('dynamodb')"
_HANDLER = (
    "import importlib.util as u; s = u.spec_from_file_location('app', '{path}');"
    "m = u.module_from_spec(s); s.loader.exec_module(m);"
    "from meterline.store.clients import dynamodb; dynamodb()"
)
_TIMED = "import time; started = time.process_time();{code};print(time.process_time() - started)"


def measure() -> Iterator[Result]:
    """The CPU time of importing and of making the first client, function by function."""
    floor = _seconds(_FLOOR)
    for path in sorted(ROOT.glob("functions/*/app.py")):
        value = _seconds(_HANDLER.format(path=path))
        name = path.parent.name
        yield Result(
            f"cold start of {name}",
            value * 1_000,
            "ms",
            floor=floor * 1_000,
            ratio=value / floor,
            target="ratio <= 1.1" if name == "ingest_meter_events" else "ratio <= 1.6",
        )


def _seconds(code: str) -> float:
    environment = os.environ | {
        "PYTHONPATH": str(ROOT / "layers/meterline/python"),
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
    }
    command = [sys.executable, "-c", _TIMED.format(code=code)]
    return min(
        float(subprocess.check_output(command, env=environment, text=True))  # noqa: S603 - this interpreter
        for _ in range(REPEATS)
    )
