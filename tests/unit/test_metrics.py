"""The metrics that alarms and the dashboard name are those that the functions emit."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meterline.services.base.metrics import NAMESPACE, measure
from tests.engines import ROOT, resources

type Metric = tuple[str, str | None]
"""The name of a metric, and the kind of work that it is about."""

SOURCES = (ROOT / "functions", ROOT / "layers/meterline/python/meterline/services")
WORKERS = {
    "roll_billing_cycles": "renewals",
    "produce_invoices": "invoices",
    "advance_test_clocks": "clocks",
}
"""What the functions that work for the queues call their work."""


def emitted() -> set[Metric]:
    """What the calls of ``measure`` in the code emit; its keywords name the metrics."""
    found: set[Metric] = set()
    for path in (path for source in SOURCES for path in source.rglob("*.py")):
        for call in _calls_of_measure(ast.parse(path.read_text())):
            keywords = {one.arg for one in call.keywords if one.arg is not None}
            works = WORKERS.values() if "work" in keywords else (None,)
            found |= {(name, work) for name in keywords - {"work"} for work in works}
    return found


def _calls_of_measure(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="measure")):
                yield node


def on_dashboard() -> set[Metric]:
    [dashboard] = resources("AWS::CloudWatch::Dashboard").values()
    widgets = json.loads(dashboard["DashboardBody"]["Fn::Sub"])["widgets"]
    rows = [row for widget in widgets for row in widget["properties"].get("metrics", [])]
    return {_metric(row) for row in rows if row[0] == NAMESPACE}


def _metric(row: list[Any]) -> Metric:
    words = [word for word in row if isinstance(word, str)]
    return (words[1], words[3] if len(words) > 3 else None)


def watched() -> dict[str, Metric]:
    """What alarms watch of our own metrics, by the alarms' names."""
    found = {}
    for name, alarm in resources("AWS::CloudWatch::Alarm").items():
        if alarm.get("Namespace") == NAMESPACE:
            dimensions = {one["Name"]: one["Value"] for one in alarm.get("Dimensions", [])}
            assert dimensions.keys() <= {"Work"}
            found[name] = (alarm["MetricName"], dimensions.get("Work"))
    return found


def test_the_dashboard_shows_only_metrics_that_are_emitted() -> None:
    assert on_dashboard() <= emitted()


def test_alarms_watch_only_metrics_that_are_emitted() -> None:
    assert set(watched().values()) <= emitted()
    assert watched(), "the lag of due work is watched"


def test_the_lag_what_is_done_what_fails_and_what_is_stuck_is_on_the_dashboard() -> None:
    shown = {name for name, _ in on_dashboard()}
    assert {"DueLag", "WorkDone", "WorkFailed", "DueSent", "DueResent", "DueStuck"} <= shown


@pytest.mark.parametrize(("function", "work"), WORKERS.items())
def test_each_worker_names_its_work_as_the_dashboard_does(function: str, work: str) -> None:
    assert ("WorkDone", work) in on_dashboard()
    assert ("WorkFailed", work) in on_dashboard()
    code = (ROOT / "functions" / function / "app.py").read_text()
    worker = (
        Path(ROOT) / "layers/meterline/python/meterline/services/work/queue_workers.py"
    ).read_text()
    assert f'"{work}"' in code + worker


def test_a_metric_is_a_log_line_that_cloudwatch_understands(
    capsys: pytest.CaptureFixture[str],
) -> None:
    measure("Count", work="renewals", WorkDone=9, WorkFailed=1)
    line = json.loads(capsys.readouterr().out)
    [directive] = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == NAMESPACE
    assert directive["Dimensions"] == [["Work"]]
    assert directive["Metrics"] == [
        {"Name": "WorkDone", "Unit": "Count"},
        {"Name": "WorkFailed", "Unit": "Count"},
    ]
    assert (line["Work"], line["WorkDone"], line["WorkFailed"]) == ("renewals", 9, 1)
    assert line["_aws"]["Timestamp"] > 1_700_000_000_000, "milliseconds"
