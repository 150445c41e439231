"""What a function imports at its start: the hot path does without the object store."""

import subprocess
import sys

import pytest

from tests.engines import ROOT

HEAVY = {"pynamodb", "boto3", "aws_lambda_powertools.utilities.batch", "requests", "jsonschema"}
"""Each doubles a start, or nearly; the batch utility is for the queues' workers only."""


@pytest.mark.parametrize(
    "module",
    [
        "meterline.observability",
        "meterline.api.app",
        "meterline.api.lists",
        "meterline.api.routes.description",
        "meterline.api.routes.meter_events",
    ],
)
def test_light_modules_import_nothing_heavy(module: str) -> None:
    program = f"import sys, {module}; print(*sys.modules)"
    path = str(ROOT / "layers" / "meterline" / "python")
    done = subprocess.run(  # noqa: S603 - this interpreter, a fixed program
        [sys.executable, "-c", program],
        env={"PYTHONPATH": path},
        check=True,
        capture_output=True,
        text=True,
    )
    assert HEAVY.isdisjoint(done.stdout.split())
