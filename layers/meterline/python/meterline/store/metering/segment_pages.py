"""The segments of an hour, the newest first and page by page: of any number, in little memory."""

from collections.abc import Iterator
from typing import Any

from meterline.core.metering import packed_rows
from meterline.core.metering.aggregation import Measure, Row
from meterline.core.metering.buckets import Bucket
from meterline.store.base.clients import dynamodb
from meterline.store.base.settings import settings
from meterline.store.metering.segment_chain import Chain
from meterline.store.metering.usage import (
    BucketKey,
    NotVisible,
    newest_segments,
    segment_key,
    segment_prefix,
)


def newest_first(key: BucketKey, bucket: Bucket, measure: Measure) -> Iterator[list[Row]]:
    """The rows of the segments that a counter has, eventually consistent: half the read units.

    Raises NotVisible when the newest segments are not there (yet).
    """
    if not bucket.segments:
        return
    missing, chain = newest_segments(key, bucket, segment_prefix(key)), Chain(bucket.newest)
    request: dict[str, Any] = {
        "TableName": settings().usage_table,
        "KeyConditionExpression": "pk = :pk AND sk BETWEEN :low AND :high",
        "ExpressionAttributeValues": {
            ":pk": {"S": key.partition},
            ":low": {"S": segment_prefix(key)},
            ":high": {"S": segment_key(key, bucket)},
        },
        "ScanIndexForward": False,
    }
    while True:
        answer = dynamodb().query(**request)
        for item in answer["Items"]:
            missing.discard(item["sk"]["S"])
            if not chain.has(item["sk"]["S"], item):
                continue
            # Those of one commit say their rows in order: the last first, as the segments come.
            yield packed_rows.unpack(item["rows"]["B"], key.start, measure)
        if "LastEvaluatedKey" not in answer:
            break
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
    if missing:
        raise NotVisible
