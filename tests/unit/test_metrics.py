"""The metrics of the code are those that alarms and the dashboard name, stack by stack."""

import ast
import json
from collections.abc import Iterator
from itertools import chain

import pytest

from meterline.observability import NAMESPACE, SERVICE, record_metric
from tests.engines import ROOT, STACK, template
from tests.template_metrics import emitted, metric, on_dashboard, watched

SOURCES = (ROOT / "functions", ROOT / "layers/meterline/python/meterline")


def names_in_code() -> set[str]:
    """The names that the calls of ``record_metric`` give to metrics: its keywords."""
    paths = chain.from_iterable(source.rglob("*.py") for source in SOURCES)
    calls = chain.from_iterable(_calls(ast.parse(path.read_text())) for path in paths)
    return {keyword.arg for call in calls for keyword in call.keywords if keyword.arg} - {"work"}


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="record_metric")):
                yield node


def test_the_code_records_the_metrics_of_the_dashboard_and_no_others() -> None:
    assert names_in_code() == {name for name, _ in on_dashboard()}


def test_what_an_alarm_watches_is_on_the_dashboard() -> None:
    assert set(watched().values()) <= on_dashboard()
    assert set(watched()) == {
        "UsageDifferencesAlarm",
        "DueWorkLagAlarm",
        "RecordsSetAsideAlarm",
        "TaxEngineFailuresAlarm",
    }


def test_every_metric_of_the_template_is_of_this_service_and_of_its_own_stack() -> None:
    for name, dimensions in {*watched().values(), *on_dashboard()}:
        assert {("service", SERVICE), ("stack", STACK)} <= set(dimensions), name


def test_functions_are_told_the_name_of_their_stack() -> None:
    variables = template()["Globals"]["Function"]["Environment"]["Variables"]
    assert variables["METERLINE_STACK"] == {"Ref": "AWS::StackName"}


def test_a_metric_is_a_line_that_cloudwatch_understands(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("METERLINE_STACK", STACK)
    record_metric("Count", work="renewals", WorkDone=9, WorkFailed=1)
    line = json.loads(capsys.readouterr().out)
    assert line.pop("_aws")["Timestamp"] > 1_700_000_000_000, "milliseconds"
    assert line == {
        "service": SERVICE,
        "stack": STACK,
        "work": "renewals",
        "WorkDone": [9],
        "WorkFailed": [1],
    }


def test_a_metric_declares_its_unit_and_its_dimensions(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("METERLINE_STACK", STACK)
    record_metric("Seconds", DueLag=3)
    [directive] = json.loads(capsys.readouterr().out)["_aws"]["CloudWatchMetrics"]
    assert directive == {
        "Namespace": NAMESPACE,
        "Dimensions": [["stack", "service"]],
        "Metrics": [{"Name": "DueLag", "Unit": "Seconds"}],
    }


def test_a_count_of_nothing_is_not_written_and_a_time_of_nothing_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    record_metric("Count", DueSent=0, DueStuck=0)
    assert capsys.readouterr().out == ""
    record_metric("Count", DueSent=0, DueStuck=1)
    assert json.loads(capsys.readouterr().out).keys() & {"DueSent", "DueStuck"} == {"DueStuck"}
    record_metric("Seconds", DueLag=0)
    assert json.loads(capsys.readouterr().out)["DueLag"] == [0]


def test_the_metrics_of_two_stacks_of_an_account_are_two(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for stack in ("billing-eu", "billing-us"):
        monkeypatch.setenv("METERLINE_STACK", stack)
        record_metric("Seconds", DueLag=0)
    assert list(emitted(capsys.readouterr().out)) == [
        metric("DueLag", {"service": SERVICE, "stack": "billing-eu"}),
        metric("DueLag", {"service": SERVICE, "stack": "billing-us"}),
    ]


def test_a_metric_leaves_nothing_for_the_next_one(capsys: pytest.CaptureFixture[str]) -> None:
    record_metric("Count", work="renewals", WorkDone=1)
    capsys.readouterr()
    record_metric("Count", DueSent=2)
    assert "work" not in json.loads(capsys.readouterr().out)
