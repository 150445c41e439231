"""The metrics of our own that the template's alarms watch and its dashboard shows."""

import json
from collections.abc import Iterator
from typing import Any

from meterline.observability import NAMESPACE
from tests.engines import STACK, resources

type Metric = tuple[str, tuple[tuple[str, str], ...]]
"""The name of a metric, and its dimensions, sorted."""


def metric(name: str, dimensions: dict[str, str]) -> Metric:
    """A metric, of whatever order its dimensions stand in."""
    return name, tuple(sorted(dimensions.items()))


def watched() -> dict[str, Metric]:
    """What each alarm on a metric of ours watches, in the stack of the tests."""
    return {
        name: metric(
            alarm["MetricName"],
            {
                dimension["Name"]: _value(dimension["Value"])
                for dimension in alarm.get("Dimensions", [])
            },
        )
        for name, alarm in resources("AWS::CloudWatch::Alarm").items()
        if alarm["Namespace"] == NAMESPACE
    }


def on_dashboard() -> set[Metric]:
    """What the dashboard shows, in the stack of the tests."""
    [dashboard] = resources("AWS::CloudWatch::Dashboard").values()
    text = dashboard["DashboardBody"]["Fn::Sub"].replace("${AWS::StackName}", STACK)
    rows = (
        row
        for widget in json.loads(text)["widgets"]
        for row in widget["properties"].get("metrics", [])
    )
    return {_row(row) for row in rows if row[0] == NAMESPACE}


def emitted(output: str) -> Iterator[Metric]:
    """The metrics in the lines of the embedded metric format among what was written."""
    for line in map(json.loads, output.splitlines()):
        for directive in line.get("_aws", {}).get("CloudWatchMetrics", []):
            assert directive["Namespace"] == NAMESPACE
            [names] = directive["Dimensions"]
            dimensions = {name: line[name] for name in names}
            for one in directive["Metrics"]:
                assert line[one["Name"]], "CloudWatch finds a value under the metric's name"
                yield metric(one["Name"], dimensions)


def _row(row: list[Any]) -> Metric:
    _, name, *dimensions = (word for word in row if isinstance(word, str))
    return metric(name, dict(zip(dimensions[::2], dimensions[1::2], strict=True)))


def _value(value: Any) -> str:
    return STACK if value == {"Ref": "AWS::StackName"} else str(value)
