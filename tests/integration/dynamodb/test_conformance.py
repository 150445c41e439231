"""Every engine answers each call as DynamoDB does: the tests' engine can be trusted as far as this
table goes, and what the product asks for is in it.
"""

import re
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.engines import Engine
from tests.integration.dynamodb.calls import Call, Case, value
from tests.integration.dynamodb.cases_of_reads import READS
from tests.integration.dynamodb.cases_of_transactions import TRANSACTIONS
from tests.integration.dynamodb.cases_of_writes import WRITES

CASES = [*WRITES, *TRANSACTIONS, *READS]


def test_each_rule_stands_once() -> None:
    assert len({case.rule for case in CASES}) == len(CASES)


@pytest.mark.parametrize("row", CASES, ids=lambda row: str(row.rule))
def test_an_engine_follows_the_rule(
    request: pytest.FixtureRequest, dynamodb: Engine, engine_name: str, row: Case
) -> None:
    """What an engine is known to do otherwise, it must still do otherwise."""
    if engine_name in row.not_on:
        request.applymarker(pytest.mark.xfail(reason=row.not_on[engine_name]))
    for place, call in enumerate(row.calls):
        _follow(dynamodb, row, call, f"call {place}: {call.operation}")


def test_a_scan_finds_every_item_once_whatever_its_pages_and_segments(dynamodb: Engine) -> None:
    client, table = dynamodb.client, dynamodb.tables["usage"]
    put = [{"pk": value(f"p{number % 7}"), "sk": value(str(number))} for number in range(40)]
    for one in put:
        client.put_item(TableName=table, Item=one)
    found: list[Any] = []
    for segment in range(3):
        start: dict[str, Any] = {}
        while True:
            page = client.scan(TableName=table, Segment=segment, TotalSegments=3, Limit=4, **start)
            assert len(page["Items"]) <= 4
            found += page["Items"]
            if "LastEvaluatedKey" not in page:
                break
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    assert sorted(map(_plainly, found)) == sorted(map(_plainly, put))


def _plainly(item: dict[str, Any]) -> list[str]:
    return sorted(map(str, item.items()))


def _follow(engine: Engine, row: Case, call: Call, what: str) -> None:
    table = engine.tables["billing"]

    def filled(text: str) -> str:
        return text.replace("{partition}", row.rule).replace("{table}", table)

    request = _mapped(call.request, filled)
    if call.operation == "TransactWriteItems":
        for operation in request["TransactItems"]:
            next(iter(operation.values()))["TableName"] = table
    elif call.operation not in ("BatchGetItem", "BatchWriteItem", "BatchExecuteStatement"):
        request["TableName"] = table
    ask: Any = getattr(engine.client, _snake_case(call.operation))
    if call.error is None:
        _compare(ask(**request), _mapped(call.answer, filled), what)
        return
    with pytest.raises(ClientError) as caught:
        ask(**request)
    response: dict[str, Any] = dict(caught.value.response)
    assert (response["Error"]["Code"], what) == (call.error, what), response["Error"]
    assert call.message in response["Error"]["Message"], what
    _compare(response, _mapped(call.answer, filled), what)
    if call.reasons is not None:
        reasons = response["CancellationReasons"]
        assert tuple(reason["Code"] for reason in reasons) == call.reasons, what
        if call.reason_items is not None:
            wanted = _mapped(list(call.reason_items), filled)
            assert [_plain(one.get("Item")) for one in reasons] == _plain(wanted), what


def _compare(answer: dict[str, Any], wanted: dict[str, Any], what: str) -> None:
    for name, content in wanted.items():
        assert (_plain(answer.get(name)), what) == (_plain(content), what)


def _plain(found: Any) -> Any:
    """An answer with its sets in order: DynamoDB has none."""
    if isinstance(found, dict):
        return {
            name: sorted(one) if name in ("SS", "NS", "BS") else _plain(one)
            for name, one in found.items()
        }
    return [_plain(one) for one in found] if isinstance(found, list) else found


def _mapped(given: Any, change: Callable[[str], str]) -> Any:
    if isinstance(given, str):
        return change(given)
    if isinstance(given, dict):
        return {change(name): _mapped(one, change) for name, one in given.items()}
    return [_mapped(one, change) for one in given] if isinstance(given, (list, tuple)) else given


def _snake_case(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
