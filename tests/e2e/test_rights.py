"""What a function's own credentials open: what it needs, and no way to make an API key."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import boto3
import pytest
from botocore.exceptions import ClientError

from local.aws import REGION, RIGHTS_FILE, STACK_NAME, Stack, outputs
from local.ministack_rights import name_of, read


@pytest.fixture
def catalog(stack: Stack) -> Any:
    """A DynamoDB client with the credentials of the function that serves the catalogue."""
    functions = stack.client("lambda").list_functions()["Functions"]
    [role] = [
        function["Role"] for function in functions if "ServeCatalog" in function["FunctionName"]
    ]
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


USED_BY_LAMBDA = {
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:ListStreams",
    "s3:ListBucket",
    "s3:PutObject",
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
}
"""What Lambda does with a function's role before and after it runs: it reads streams and queues,
and puts what failed into the bucket. The emulator does that with rights of its own."""

type Statement = dict[str, Any]


def _roles(stack: Stack) -> Iterator[str]:
    """The names of the deployed functions' roles."""
    found = stack.client("cloudformation").describe_stack_resources(StackName=STACK_NAME)
    for resource in found["StackResources"]:
        if resource["ResourceType"] == "AWS::Lambda::Function":
            deployed = stack.client("lambda").get_function_configuration(
                FunctionName=resource["PhysicalResourceId"]
            )
            yield str(deployed["Role"]).rpartition("/")[2]


def _policies(stack: Stack) -> dict[str, tuple[list[Statement], set[str]]]:
    """The functions' policies by name: their statements, and the roles that have them."""
    iam = stack.client("iam")
    found: dict[str, tuple[list[Statement], set[str]]] = {}
    for role in _roles(stack):
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            found[f"{role}/{name}"] = (_document(document)["Statement"], {role})
        for policy in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
            arn = policy["PolicyArn"]
            if "::aws:" not in arn:
                version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
                held = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]
                statements = _document(held["Document"])["Statement"]
                found.setdefault(arn, (statements, set()))[1].add(role)
    return found


def _document(document: Any) -> Any:
    return json.loads(unquote(document)) if isinstance(document, str) else document


def _actions(statement: Statement) -> set[str]:
    actions = statement["Action"]
    return {actions} if isinstance(actions, str) else set(actions)


def _is_lambda_s(statement: Statement) -> bool:
    return _actions(statement) <= USED_BY_LAMBDA


RARE = {
    ("AdvanceTestClocksFunction", "sqs:SendMessage"): "a clock that outlasts an invocation",
    ("DeliverWebhooksFunction", "sqs:SendMessage"): "a last try that fails for a passing reason",
    ("ProduceInvoicesFunction", "sqs:SendMessage"): "work that leaves something due at once",
    ("RollBillingCyclesFunction", "sqs:SendMessage"): "work that leaves something due at once",
    ("WatchUsageFunction", "dynamodb:UpdateItem"): "alerts that look at more than the running hour",
}
"""Functions and rights that need longer than these tests have; tests of these functions in one
process show what they are for."""


def _is_rare(policy: str, statement: Statement) -> bool:
    return any(function in policy and right in _actions(statement) for function, right in RARE)


def _is_of_unnamed_keys(statement: Statement) -> bool:
    """Whether it is for an AWS that names no keys of a transaction; the emulator does."""
    return bool(statement.get("Condition", {}).get("Null") == {"dynamodb:LeadingKeys": "true"})


@pytest.mark.last
def test_no_statement_of_a_function_s_policies_could_be_taken_away(
    request: pytest.FixtureRequest, stack: Stack
) -> None:
    """Without it a call that these tests made would have been refused, and its test have failed."""
    every = set(Path(__file__).parent.rglob("test_*.py"))
    if every - {item.path for item in request.session.items}:
        pytest.skip("needs all end-to-end tests in one run")
    uses = read(RIGHTS_FILE)
    needed = {(use.role, *use.statements) for use in uses if len(use.statements) == 1}
    superfluous = [
        f"{name}: {json.dumps(statement)}"
        for name, (statements, roles) in _policies(stack).items()
        for statement in statements
        if not any((role, name_of(statement)) in needed for role in roles)
        and not _is_lambda_s(statement)
        and not _is_of_unnamed_keys(statement)
        and not _is_rare(name, statement)
    ]
    assert superfluous == []
