"""What the template lets each function do with the tables, and whether a call keeps to it.

IAM's own rules, as far as the template uses them: a statement allows an action on a resource, on
condition of the partition keys that the call names. Whatever else a statement says is refused
here, so that no condition is overlooked.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

import pytest
from botocore.client import BaseClient

from tests.engines import Engine, resources

type Statement = dict[str, Any]

_LEADING_KEYS = "dynamodb:LeadingKeys"
_ENCLOSING_OPERATION = "dynamodb:EnclosingOperation"
_ITEMS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}
_VERB_AND_TABLE = re.compile(r'\s*(INSERT|UPDATE|DELETE|SELECT).*?"([^"]+)"', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Use:
    """One use of a table: the right that it takes, the table or index, and the partition key."""

    action: str
    table: str
    key: str | None = None
    index: str | None = None


def may(function: str, use: Use) -> bool:
    """Whether a function (by logical id) may use a table (by logical id) so."""
    return any(_allows(statement, use) for statement in statements_of(function))


@contextmanager
def keeping_to_its_rights(function: str, engine: Engine) -> Iterator[None]:
    """Fails with the first call that uses a table in a way that the function has no right to."""
    logical_ids = {
        name: "".join(word.capitalize() for word in table.split("_")) + "Table"
        for table, name in engine.tables.items()
    }
    call = BaseClient._make_api_call  # type: ignore[attr-defined]  # noqa: SLF001 - all calls pass

    def watched(client: Any, operation: str, params: Mapping[str, Any]) -> Any:
        if client.meta.service_model.service_name == "dynamodb":
            for use in _uses(operation, params, logical_ids):
                if not may(function, use):
                    message = f"{function} has no right to {use}"
                    raise AssertionError(message)
        return call(client, operation, params)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", watched)
        yield


def _uses(
    operation: str, params: Mapping[str, Any], logical_ids: Mapping[str, str]
) -> Iterator[Use]:
    if operation == "TransactWriteItems":
        for item in params["TransactItems"]:
            [(member, detail)] = item.items()
            yield Use(_ITEMS[member], logical_ids[detail["TableName"]], _key(detail))
    elif operation in ("ExecuteStatement", "BatchExecuteStatement"):
        for statement in params.get("Statements", [params]):
            found = _VERB_AND_TABLE.match(statement["Statement"])
            assert found, statement
            yield Use(f"PartiQL{found[1].capitalize()}", logical_ids[found[2]])
    elif "RequestItems" in params:
        yield from (Use(operation, logical_ids[name]) for name in params["RequestItems"])
    else:
        table = logical_ids[params["TableName"]]
        yield Use(operation, table, _key(params), params.get("IndexName"))


def _key(detail: Mapping[str, Any]) -> str | None:
    address = detail.get("Key") or detail.get("Item") or {}
    return str(address["pk"]["S"]) if "pk" in address else None


def _allows(statement: Statement, use: Use) -> bool:
    assert statement["Effect"] == "Allow"
    assert statement.keys() <= {"Effect", "Action", "Resource", "Condition"}
    arn = f"{use.table}.Arn"
    resource = {"Fn::Sub": f"${{{arn}}}/index/{use.index}"} if use.index else {"Fn::GetAtt": arn}
    return (
        f"dynamodb:{use.action}" in _as_list(statement["Action"])
        and resource in _as_list(statement["Resource"])
        and all(
            _is_met(operator, values, use.key)
            for operator, values in statement.get("Condition", {}).items()
        )
    )


def _is_met(operator: str, values: Mapping[str, Any], key: str | None) -> bool:
    if list(values) == [_ENCLOSING_OPERATION]:
        return False  # asked only of what names no key, and here every item of a transaction does
    assert list(values) == [_LEADING_KEYS]
    if operator == "Null":
        return (key is None) == (str(values[_LEADING_KEYS]) == "true")
    assert operator == "ForAllValues:StringLike"
    return key is None or any(fnmatchcase(key, one) for one in values[_LEADING_KEYS])


def whole_statement(statement: Statement) -> Statement:
    """A statement that may depend on a parameter, as it is with that."""
    return dict(statement["Fn::If"][1]) if "Fn::If" in statement else statement


@cache
def statements_of(function: str) -> list[Statement]:
    """What a function may do, with all that a parameter can add."""
    managed = resources("AWS::IAM::ManagedPolicy")
    found: list[Statement] = []
    for each in resources("AWS::Serverless::Function")[function].get("Policies", []):
        policy = each["Fn::If"][1] if "Fn::If" in each else each
        document = managed[policy["Ref"]]["PolicyDocument"] if "Ref" in policy else policy
        found += document["Statement"]
    return [whole_statement(statement) for statement in found]


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
