"""What the template lets through from a stream is what its function acts on."""

import json
from collections import Counter

import pytest

from meterline.core.kinds.registry import event_kinds
from tests.benchmarks.bench_deployment import ALERT, PARCEL, alert_seconds
from tests.benchmarks.promises import ALERT_SECONDS
from tests.engines import resources, template

READERS_A_SHARD = 2
"""More readers of a stream's shard than two are throttled."""


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
    alias = MAPPINGS[name]["FunctionName"]["Ref"]
    function = resources("AWS::Serverless::Function")[alias.removesuffix(".Alias")]
    rights = json.dumps(function["Policies"])
    assert "s3:PutObject" in rights
    assert "${FailedBatchesBucket.Arn}/*" in rights


def test_each_of_the_three_streams_has_its_functions_and_no_more_than_dynamodb_serves() -> None:
    streams = {name: json.dumps(mapping["EventSourceArn"]) for name, mapping in MAPPINGS.items()}
    assert sorted(streams) == [
        "CountParcelsMapping",
        "CountUsageMapping",
        "PublishEventsMapping",
        "WatchUsageMapping",
    ]
    assert max(Counter(streams.values()).values()) <= READERS_A_SHARD


def test_a_record_of_counters_goes_to_one_function() -> None:
    filters = {
        name: MAPPINGS[name]["FilterCriteria"]["Filters"][0]["Pattern"]
        for name in ("CountParcelsMapping", "WatchUsageMapping")
    }
    prefixes = {
        name: json.loads(pattern)["dynamodb"]["Keys"]["sk"]["S"]
        for name, pattern in filters.items()
    }
    assert prefixes == {
        "CountParcelsMapping": [{"prefix": "q#"}],
        "WatchUsageMapping": [{"prefix": "h#"}],
    }


# event source | how long it gathers records
WINDOWS = [
    ("CountParcelsMapping", {"Ref": "CountingWindowSeconds"}),
    ("CountUsageMapping", {"Ref": "CountingWindowSeconds"}),
    ("WatchUsageMapping", 0),
    ("PublishEventsMapping", 0),
]


@pytest.mark.parametrize(("name", "window"), WINDOWS)
def test_records_are_gathered_only_where_that_spares_writes(name: str, window: object) -> None:
    assert MAPPINGS[name]["MaximumBatchingWindowInSeconds"] == window


HOP_SECONDS = 0.325
"""A stream shows a change, Lambda looks, and the function works: as the decision on alerts says."""


def test_what_gathers_records_leaves_an_alert_two_seconds_in_all() -> None:
    defaults = {name: one.get("Default") for name, one in template()["Parameters"].items()}
    on_the_way = ("CountUsageMapping", "WatchUsageMapping", "PublishEventsMapping")
    windows = [MAPPINGS[name]["MaximumBatchingWindowInSeconds"] for name in on_the_way]
    gathering = sum(int(defaults[one["Ref"]]) if isinstance(one, dict) else one for one in windows)
    assert gathering + HOP_SECONDS * len(on_the_way) <= 2


def test_batches_of_a_shard_run_side_by_side_where_no_order_between_keys_matters() -> None:
    # Lambda keeps the order of a key's records alone: an object's events have keys of their own.
    parallel = {name: one.get("ParallelizationFactor", 1) for name, one in MAPPINGS.items()}
    assert parallel == {
        "CountParcelsMapping": 1,
        "CountUsageMapping": 1,
        "PublishEventsMapping": 1,
        "WatchUsageMapping": {"Ref": "WatchParallelism"},
    }


def test_an_alert_comes_within_two_seconds_of_its_event_as_the_mappings_gather_records() -> None:
    assert ALERT_SECONDS.is_met_by(alert_seconds(ALERT))
    assert ALERT_SECONDS.is_met_by(alert_seconds(PARCEL))
