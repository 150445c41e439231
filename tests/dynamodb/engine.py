"""DynamoDB in memory: what each operation answers, in the form that botocore gives answers.

It refuses what DynamoDB refuses, in its words: that is tested operation by operation beside moto
and DynamoDB Local. An operation, or a part of one, that the product does not use is not there.
"""

from collections.abc import Callable, Mapping

from tests.dynamodb import partiql, reads, transactions, writes
from tests.dynamodb.refusals import Refused
from tests.dynamodb.requests import Answer, Request
from tests.dynamodb.store import Store
from tests.dynamodb.tables import Table


class DynamoDB(Store):
    """The tables of one account. Calls take turns, as several threads may ask."""

    def call(self, operation: str, request: Request) -> Answer:
        """Answer a call; raises ``Refused``."""
        self.faults.before(operation)
        if operation in _BATCHES:
            answer = _BATCHES[operation](self, request)
        else:
            with self.turn:
                answer = _OPERATIONS[operation](self, request)
        self.faults.after(operation)
        return answer


def _create_table(store: Store, asked: Request) -> Answer:
    name = asked["TableName"]
    if name in store.tables:
        raise Refused("ResourceInUseException", f"Table already exists: {name}")
    store.tables[name] = Table(asked)
    return _describe_table(store, asked)


def _describe_table(store: Store, asked: Request) -> Answer:
    table = store.table(asked["TableName"])
    return {"Table": {**table.description, "TableStatus": "ACTIVE"}}


def _delete_table(store: Store, asked: Request) -> Answer:
    store.table(asked["TableName"])
    del store.tables[asked["TableName"]]
    return {}


def _update_time_to_live(store: Store, asked: Request) -> Answer:
    """What expires stays: DynamoDB deletes it within days, so nobody may count on that."""
    table = store.table(asked["TableName"])
    table.time_to_live = asked["TimeToLiveSpecification"]
    return {"TimeToLiveSpecification": table.time_to_live}


def _describe_time_to_live(store: Store, asked: Request) -> Answer:
    told = store.table(asked["TableName"]).time_to_live
    status = "ENABLED" if told.get("Enabled") else "DISABLED"
    name = {"AttributeName": told["AttributeName"]} if told else {}
    return {"TimeToLiveDescription": {"TimeToLiveStatus": status, **name}}


_OPERATIONS: Mapping[str, Callable[[Store, Request], Answer]] = {
    "CreateTable": _create_table,
    "DescribeTable": _describe_table,
    "DeleteTable": _delete_table,
    "UpdateTimeToLive": _update_time_to_live,
    "DescribeTimeToLive": _describe_time_to_live,
    "GetItem": reads.get_item,
    "PutItem": writes.put_item,
    "DeleteItem": writes.delete_item,
    "UpdateItem": writes.update_item,
    "BatchGetItem": reads.batch_get_item,
    "TransactWriteItems": transactions.transact_write_items,
    "Query": reads.query,
    "Scan": reads.scan,
}

_BATCHES: Mapping[str, Callable[[Store, Request], Answer]] = {
    "BatchWriteItem": writes.batch_write_item,
    "BatchExecuteStatement": partiql.batch_execute_statement,
}
"""These take turns for each of their writes: others may come between."""
