"""The engine that the other tests stand on has the schema that is deployed."""

import pytest

from meterline.store.base.settings import settings
from tests.engines import Engine


def test_the_billing_table_has_its_indexes_and_streams_new_images(dynamodb: Engine) -> None:
    table = dynamodb.client.describe_table(TableName=settings().billing_table)["Table"]
    indexes = {index["IndexName"]: index for index in table["GlobalSecondaryIndexes"]}
    assert set(indexes) == {"listing", "parent", "due"}
    shown = {name: index["Projection"]["ProjectionType"] for name, index in indexes.items()}
    assert shown == {"listing": "KEYS_ONLY", "parent": "KEYS_ONLY", "due": "INCLUDE"}
    assert indexes["due"]["Projection"]["NonKeyAttributes"] == ["kind"]
    assert table["StreamSpecification"]["StreamViewType"] == "NEW_IMAGE"


def test_every_table_forgets_by_the_same_attribute(dynamodb: Engine) -> None:
    for table in dynamodb.tables.values():
        answer = dynamodb.client.describe_time_to_live(TableName=table)
        assert answer["TimeToLiveDescription"]["AttributeName"] == "expires_at"


def test_tables_start_empty_and_settings_point_at_them(dynamodb: Engine) -> None:
    assert settings().access_table == dynamodb.tables["access"]
    assert dynamodb.scan("access") == []
    assert settings().renewals_queue_url
    assert settings().alerts_topic_arn


def test_a_transaction_that_fails_leaves_every_item_as_it_was(dynamodb: Engine) -> None:
    table = dynamodb.tables["access"]

    def key(name: str) -> dict[str, dict[str, str]]:
        return {part: {"S": name} for part in keys}

    schema = dynamodb.client.describe_table(TableName=table)["Table"]["KeySchema"]
    keys = [one["AttributeName"] for one in schema]
    for name in ("changed", "removed"):
        dynamodb.client.put_item(TableName=table, Item=key(name) | {"count": {"N": "1"}})
    before = dynamodb.scan("access")
    set_count = {
        "UpdateExpression": "SET #count = :two",
        "ExpressionAttributeNames": {"#count": "count"},
        "ExpressionAttributeValues": {":two": {"N": "2"}},
    }
    check = {"ConditionExpression": "attribute_exists(nothing)"}
    with pytest.raises(dynamodb.client.exceptions.TransactionCanceledException):
        dynamodb.client.transact_write_items(
            TransactItems=[
                {"Update": {"TableName": table, "Key": key("changed"), **set_count}},
                {"Delete": {"TableName": table, "Key": key("removed")}},
                {"Put": {"TableName": table, "Item": key("added")}},
                {"ConditionCheck": {"TableName": table, "Key": key("missing"), **check}},
            ]
        )
    assert dynamodb.scan("access") == before
