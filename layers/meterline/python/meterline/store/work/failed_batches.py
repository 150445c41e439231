"""Stream records that could not be processed, kept whole in a bucket when their stream forgets.

Lambda puts a batch there that failed too often; a function puts records there that it cannot read.
Both have one form: Lambda's record of an invocation, with the event under ``payload``.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from meterline.core.base.frozen import frozen
from meterline.store.base.clients import s3
from meterline.store.base.settings import settings

type Record = Mapping[str, Any]


@frozen
class FailedBatch:
    """A batch: its key in the bucket, the function that failed with it, and its records."""

    key: str
    function: str
    records: list[Record]


def set_aside(records: Sequence[Record], *, function: str) -> None:
    """Keep records that ``function`` cannot read; the same records are kept once."""
    numbers = "\n".join(str(record["dynamodb"]["SequenceNumber"]) for record in records)
    name = hashlib.sha256(numbers.encode()).hexdigest()[:32]
    body = {
        "version": "1.0",
        "requestContext": {"functionArn": function, "condition": "UnreadableRecord"},
        "payload": {"Records": records},
    }
    s3().put_object(
        Bucket=settings().failed_batches_bucket,
        Key=f"set-aside/{name}.json",
        Body=json.dumps(body).encode(),
    )


def failed_batches() -> Iterator[FailedBatch]:
    """Every batch in the bucket, by its key: Lambda's ones end with their time."""
    bucket = settings().failed_batches_bucket
    for page in s3().get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for entry in page.get("Contents", []):
            body = s3().get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
            yield _batch(entry["Key"], json.loads(body))


def forget(batch: FailedBatch) -> None:
    """Remove a batch that has been processed."""
    s3().delete_object(Bucket=settings().failed_batches_bucket, Key=batch.key)


def _batch(key: str, body: Mapping[str, Any]) -> FailedBatch:
    payload = body["payload"]
    event = json.loads(payload) if isinstance(payload, str) else payload
    return FailedBatch(key, str(body["requestContext"]["functionArn"]), event["Records"])
