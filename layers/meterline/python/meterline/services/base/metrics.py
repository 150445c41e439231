"""Metrics without a call: CloudWatch makes them of log lines in its embedded metric format."""

import json
import sys
import time

NAMESPACE = "Meterline"


def measure(unit: str, *, work: str | None = None, **values: int) -> None:
    """Log one value for each metric, all in one CloudWatch ``unit`` (Count, Seconds).

    ``work`` is a dimension: which kind of work the values are about.
    """
    of_what = {"Work": work} if work else {}
    about = {
        "Timestamp": int(time.time() * 1_000),
        "CloudWatchMetrics": [
            {
                "Namespace": NAMESPACE,
                "Dimensions": [list(of_what)],
                "Metrics": [{"Name": name, "Unit": unit} for name in values],
            }
        ],
    }
    sys.stdout.write(json.dumps({"_aws": about, **of_what, **values}) + "\n")
