"""Counts meter events from the stream of their table; what fails is delivered again."""

from typing import Any

from meterline.observability import observed
from meterline.services.base.patience import function_to_redrive
from meterline.services.metering.count import count_records


@observed
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401 - Lambda's
    """Count a batch; gives the records from which on Lambda must deliver again.

    ``redriven`` records come from a person, who is told what still cannot be read.
    """
    failed = count_records(event["Records"], function=function_to_redrive(event, context))
    return {"batchItemFailures": [{"itemIdentifier": number} for number in failed]}
