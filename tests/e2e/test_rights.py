"""What a function's own credentials open: nobody makes an API key from inside one."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.aws import REGION, Stack, outputs


@pytest.fixture
def catalog(stack: Stack) -> Any:
    """A DynamoDB client with the credentials of the function that serves the catalogue."""
    functions = stack.client("lambda").list_functions()["Functions"]
    [role] = [one["Role"] for one in functions if "ServeCatalog" in one["FunctionName"]]
    assumed = stack.client("sts").assume_role(RoleArn=role, RoleSessionName="rights")
    credentials = assumed["Credentials"]
    return boto3.client(
        "dynamodb",
        endpoint_url=stack.aws_endpoint,
        region_name=REGION,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )


def _put(client: Any, table: str, key: str) -> None:
    client.put_item(TableName=table, Item={"pk": {"S": key}})


def _transact(client: Any, table: str, key: str) -> None:
    item = {"TableName": table, "Item": {"pk": {"S": key}}}
    client.transact_write_items(TransactItems=[{"Put": item}])


@pytest.mark.parametrize("write", [_put, _transact])
def test_a_function_writes_idempotency_records_and_neither_keys_nor_sessions(
    stack: Stack, catalog: Any, write: Any
) -> None:
    table = outputs(stack.aws_endpoint)["AccessTable"]
    write(catalog, table, "idem#key_none#rights")
    for key in ("key#rights", "keys", "session#rights"):
        with pytest.raises(ClientError) as refused:
            write(catalog, table, key)
        assert refused.value.response["Error"]["Code"] == "AccessDeniedException"
