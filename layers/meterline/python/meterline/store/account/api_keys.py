"""Writing API keys: a change, the list of all keys and the events of it, in one transaction.

Only ``meterline api-key`` comes here: no function may write keys.
"""

import secrets
from collections.abc import Sequence
from typing import Any

from meterline.store.account.access import ApiKey, Item, find_key, key_address
from meterline.store.base.clients import dynamodb
from meterline.store.base.documents import Document
from meterline.store.base.listing_notes import note_partitions, placed
from meterline.store.base.settings import settings
from meterline.store.billing.commit import stored_item
from meterline.store.events.partition_index import index_partitions

_LIST = {"pk": {"S": "keys"}}


def save_keys(keys: Sequence[ApiKey], events: Sequence[Document]) -> None:
    """Store keys as they are now, list them, and store the events of it; all or nothing."""
    events = list(map(placed, events))
    for document in events:
        index_partitions([document], document.livemode)
    note_partitions(events)
    table = settings().access_table
    listed = {
        "TableName": table,
        "Key": _LIST,
        "UpdateExpression": "ADD digests :digests",
        "ExpressionAttributeValues": {":digests": {"SS": [key.digest for key in keys]}},
    }
    billing = settings().billing_table
    dynamodb().transact_write_items(
        TransactItems=[
            *({"Put": {"TableName": table, "Item": _item(key)}} for key in keys),
            {"Update": listed},
            *({"Put": {"TableName": billing, "Item": stored_item(event)}} for event in events),
        ],
        # A retry after a lost answer carries the same token, so it takes effect once.
        ClientRequestToken=secrets.token_hex(16),
    )


def list_keys() -> list[ApiKey]:
    """All keys ever made, oldest first, revoked ones included."""
    answer = dynamodb().get_item(TableName=settings().access_table, Key=_LIST, ConsistentRead=True)
    digests: list[str] = answer["Item"]["digests"]["SS"] if "Item" in answer else []
    keys = (find_key(digest) for digest in digests)
    return sorted((key for key in keys if key), key=lambda key: (key.created, key.id))


def _item(key: ApiKey) -> Item:
    item: dict[str, Any] = {
        "pk": {"S": key_address(key.digest)},
        "id": {"S": key.id},
        "digest": {"S": key.digest},
        "livemode": {"BOOL": key.livemode},
        "rights": {"M": {name: {"S": right} for name, right in key.rights.items()}},
        "name": {"S": key.name},
        "hint": {"S": key.hint},
        "created": {"N": str(key.created)},
    }
    if key.usable_until is not None:
        item["usable_until"] = {"N": str(key.usable_until)}
    return item
