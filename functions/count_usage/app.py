"""Counts meter events from the stream of their table; what fails is delivered again."""

from typing import Any

from meterline.services.count import count_records


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's
    """Count a batch; gives the records from which on Lambda must deliver again."""
    failed = count_records(event["Records"])
    return {"batchItemFailures": [{"itemIdentifier": number} for number in failed]}
