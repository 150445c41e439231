"""What the template lets through from a stream is what its function acts on."""

import json

import pytest

from meterline.core.kinds.registry import event_kinds
from tests.engines import resources


def test_every_kind_of_event_reaches_the_publisher_and_nothing_else() -> None:
    mappings = resources("AWS::Lambda::EventSourceMapping").values()
    publisher = next(one for one in mappings if "PublishEvents" in json.dumps(one["FunctionName"]))
    (only,) = publisher["FilterCriteria"]["Filters"]
    pattern = json.loads(only["Pattern"])
    assert pattern["eventName"] == ["INSERT"]
    assert pattern["dynamodb"]["NewImage"]["kind"]["S"] == list(event_kinds())


MAPPINGS = {
    name: mapping
    for name, mapping in resources("AWS::Lambda::EventSourceMapping").items()
    if "Stream" in json.dumps(mapping["EventSourceArn"])
}


@pytest.mark.parametrize("name", sorted(MAPPINGS))
def test_a_stream_gives_records_up_by_age_alone_and_into_the_bucket(name: str) -> None:
    mapping = MAPPINGS[name]
    assert mapping["MaximumRetryAttempts"] == -1
    assert 3_600 < mapping["MaximumRecordAgeInSeconds"] < 86_400
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert "FailedBatchesBucket" in json.dumps(mapping["DestinationConfig"]["OnFailure"])


@pytest.mark.parametrize("name", sorted(MAPPINGS))
def test_a_function_on_a_stream_may_set_records_aside(name: str) -> None:
    function = resources("AWS::Serverless::Function")[f"{name.removesuffix('Mapping')}Function"]
    rights = json.dumps(function["Policies"])
    assert "s3:PutObject" in rights
    assert "${FailedBatchesBucket.Arn}/*" in rights


def test_each_of_the_three_streams_has_its_function() -> None:
    assert sorted(MAPPINGS) == ["CountUsageMapping", "PublishEventsMapping", "WatchUsageMapping"]
