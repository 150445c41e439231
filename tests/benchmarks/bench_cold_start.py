"""Cold starts: importing each function's handler, against boto3 with a DynamoDB client alone.

Both with the packages of the runtime layer and no others, once ``make up`` has built it: the
packages of a developer's machine make boto3 heavier.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.results import Result
from tests.engines import ROOT

REPEATS = 7
_LAYER = ROOT / ".local/build/RuntimeLayer/python"
_FLOOR = "import boto3; boto3.client('dynamodb')"
_HANDLER = (
    "import importlib.util as u; s = u.spec_from_file_location('app', '{path}');"
    "m = u.module_from_spec(s); s.loader.exec_module(m);"
    "from meterline.store.clients import dynamodb; dynamodb()"
)
_TIMED = "import time; started = time.process_time();{code};print(time.process_time() - started)"


def measure() -> Iterator[Result]:
    """The CPU time of importing and of making the first client, function by function."""
    paths = {path.parent.name: path for path in sorted(ROOT.glob("functions/*/app.py"))}
    codes = {"": _FLOOR} | {name: _HANDLER.format(path=path) for name, path in paths.items()}
    with TemporaryDirectory() as compiled:
        seconds = _least_seconds(codes, Path(compiled))
    floor = seconds.pop("")
    for name, value in seconds.items():
        yield Result(
            f"cold start of {name}",
            value * 1_000,
            "ms",
            floor=floor * 1_000,
            ratio=value / floor,
            target="ratio <= 1.1" if name == "ingest_meter_events" else "ratio <= 1.6",
        )


def _least_seconds(codes: Mapping[str, str], compiled: Path) -> dict[str, float]:
    """The least CPU time of each piece of code among some rounds in which all take their turn."""
    rounds = [
        {name: _seconds(code, compiled) for name, code in codes.items()} for _ in range(REPEATS)
    ]
    return {name: min(one[name] for one in rounds) for name in codes}


def _seconds(code: str, compiled: Path) -> float:
    ours = str(ROOT / "layers/meterline/python")
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(_LAYER), ours] if _LAYER.exists() else [ours]),
        "PYTHONPYCACHEPREFIX": str(compiled),
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
    }
    without_site = ["-S"] if _LAYER.exists() else []
    command = [sys.executable, *without_site, "-c", _TIMED.format(code=code)]
    return float(subprocess.check_output(command, env=environment, text=True))  # noqa: S603 - this interpreter
