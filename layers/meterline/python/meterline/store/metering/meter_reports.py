"""Error reports of meters, written into the Billing table on the plain client."""

from typing import Any

from meterline.store.base.clients import dynamodb
from meterline.store.base.documents import Document
from meterline.store.base.keys import object_key
from meterline.store.base.packing import pack
from meterline.store.base.settings import settings


def save(document: Document) -> None:
    """Store a new document, listed among those of its kind; nothing if it is there already."""
    from meterline.store.base.index_keys import index_keys  # noqa: PLC0415 - the hot path knows no kinds
    from meterline.store.base.listing_notes import note_partition, placed  # noqa: PLC0415 - see above

    document = placed(document)
    note_partition(document)
    listed = {name: {"S": str(value)} for name, value in index_keys(document).items()}
    item: dict[str, Any] = {
        "pk": {"S": object_key(document.livemode, document.id)},
        "sk": {"S": "#"},
        "kind": {"S": document.kind},
        "version": {"N": "1"},
        "body": {"B": pack(document.body)},
        "expires_at": {"N": str(document.expires_at)},
        **listed,
    }
    client = dynamodb()
    try:
        client.put_item(
            TableName=settings().billing_table,
            Item=item,
            ConditionExpression="attribute_not_exists(pk)",
        )
    except client.exceptions.ConditionalCheckFailedException:
        return
