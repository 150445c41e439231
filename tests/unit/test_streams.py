"""What the template lets through from a stream is what its function acts on."""

import json

from meterline.services.publishing import TOLD_KINDS
from tests.engines import resources


def test_every_kind_of_event_reaches_the_publisher_and_nothing_else() -> None:
    mappings = resources("AWS::Lambda::EventSourceMapping").values()
    publisher = next(one for one in mappings if "PublishEvents" in json.dumps(one["FunctionName"]))
    (only,) = publisher["FilterCriteria"]["Filters"]
    pattern = json.loads(only["Pattern"])
    assert pattern["eventName"] == ["INSERT"]
    assert pattern["dynamodb"]["NewImage"]["kind"]["S"] == list(TOLD_KINDS)
