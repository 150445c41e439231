"""Random weeks of billing hear the same from the engine in memory as from another one."""

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import groupby
from random import Random
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from tests.dynamodb.engine import DynamoDB
from tests.dynamodb.partiql import Statement, parsed
from tests.dynamodb.refusals import Refused
from tests.engines import Engine, running, running_on_moto, table_definition
from tests.faults.billing.test_random_runs import BEGINNING, Weeks
from tests.faults.billing.wire import Wire
from tests.faults.billing.world import world_on


@pytest.fixture
def dynamodb(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """The other engine: DynamoDB Local, or moto."""
    endpoint = request.config.getoption("--dynamodb-endpoint")
    with running(endpoint) if endpoint else running_on_moto() as engine:
        yield engine


type Send = Callable[[str, dict[str, Any]], Any]


class Twin:
    """Asks another engine and that in memory everything, and compares what they say."""

    def __init__(self, engine: Engine) -> None:
        self.memory = DynamoDB()
        self.compared: Counter[str] = Counter()
        self.differences: list[object] = []
        self._is_moto = engine.endpoint is None
        for kind, table in engine.tables.items():
            self.memory.call("CreateTable", {**table_definition(kind), "TableName": table})

    def connect(self, monkeypatch: pytest.MonkeyPatch) -> None:
        send = BaseClient._make_api_call  # type: ignore[attr-defined] # noqa: SLF001 - the one door

        def both(client: BaseClient, operation: str, arguments: dict[str, Any]) -> object:
            if client.meta.service_model.service_name != "dynamodb":
                return send(client, operation, arguments)
            refusal = answer = None
            try:
                answer = self._other(
                    lambda name, request: send(client, name, request), operation, arguments
                )
            except ClientError as error:
                refusal = error
            said, wanted = self._ask(operation, arguments), _essence(answer, refusal)
            if said != wanted:
                self.differences.append((operation, arguments, said, wanted))
            self.compared[operation] += 1
            if refusal is not None:
                raise refusal
            return answer

        monkeypatch.setattr(BaseClient, "_make_api_call", both)

    def _other(self, send: Send, operation: str, arguments: dict[str, Any]) -> Any:
        if self._is_moto and operation == "BatchExecuteStatement":
            return {
                "Responses": [
                    _without_partiql(send, statement) for statement in arguments["Statements"]
                ]
            }
        return send(operation, arguments)

    def _ask(self, operation: str, arguments: dict[str, Any]) -> object:
        try:
            return _essence(self.memory.call(operation, arguments), None)
        except Refused as refusal:
            return _essence(None, ClientError(refusal.response, operation))  # type: ignore[arg-type]


def _without_partiql(send: Send, asked: dict[str, Any]) -> dict[str, Any]:
    """What a statement does, asked for as a put or an update, which moto knows."""
    statement, given = parsed(asked["Statement"]), asked["Parameters"]
    is_insert = not statement.terms
    request = _as_put(statement, given) if is_insert else _as_update(statement, given)
    try:
        send("PutItem" if is_insert else "UpdateItem", {"TableName": statement.table, **request})
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        return {"Error": {"Code": "DuplicateItem" if is_insert else "ConditionalCheckFailed"}}
    return {"TableName": statement.table}


def _as_put(statement: Statement, given: list[Any]) -> dict[str, Any]:
    return {
        "Item": dict(zip(statement.sets, given, strict=True)),
        "ConditionExpression": f"attribute_not_exists({statement.sets[0]})",
    }


def _as_update(statement: Statement, given: list[Any]) -> dict[str, Any]:
    """Names of attributes may be numbers, such as days: placeholders stand for all of them."""
    cut = len(statement.sets)
    terms = dict(zip(statement.terms, given[cut:], strict=True))
    keys = {name: terms.pop(name) for name in ("pk", "sk")}
    named = dict.fromkeys((*statement.sets, *statement.removes, *terms))
    names = {name: f"#n{place}" for place, name in enumerate(named)}
    sets = [f"{names[name]} = :s{place}" for place, name in enumerate(statement.sets)]
    removed = ", ".join(names[name] for name in statement.removes)
    asked = {f":t{place}": value for place, value in enumerate(terms.values())}
    conditions = [f"{names[name]} = {value}" for name, value in zip(terms, asked, strict=True)]
    values = {f":s{place}": value for place, value in enumerate(given[:cut])}
    return {
        "Key": keys,
        "UpdateExpression": f"SET {', '.join(sets)}{f' REMOVE {removed}' if removed else ''}",
        "ConditionExpression": " AND ".join(conditions),
        "ExpressionAttributeNames": {place: name for name, place in names.items()},
        "ExpressionAttributeValues": values | asked,
    }


def _essence(answer: Any, refusal: ClientError | None) -> object:
    """What an answer means: found items, or which conditions refused; no measures, no order of a
    batch.
    """
    if refusal is not None:
        response: dict[str, Any] = dict(refusal.response)
        reasons = [reason.get("Code") for reason in response.get("CancellationReasons", [])]
        return response["Error"]["Code"], reasons
    found = [_comparable(item) for item in _settled(answer.get("Items", []))]
    batches = answer.get("Responses", {})
    if isinstance(batches, list):  # of statements: whether each was refused, and why
        return [batch.get("Error", {}).get("Code") for batch in batches]
    listed = {table: sorted(map(_comparable, items)) for table, items in batches.items()}
    one = _comparable(answer["Item"]) if answer.get("Item") else None
    return found, listed, one


def _settled(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows in the order of their due times; those due in the same second in one fixed order, since
    an index promises none among them.
    """
    if not all("due_at" in item for item in items):
        return items
    return [
        item
        for _, due in groupby(items, key=lambda item: item["due_at"]["N"])
        for item in sorted(due, key=_comparable)
    ]


def _comparable(item: dict[str, Any]) -> str:
    plain = {
        name: sorted(content) if kind == "SS" else content
        for name, value in item.items()
        for kind, content in value.items()
    }
    return str(sorted(plain.items()))


@pytest.mark.parametrize("seed", [1, 2])
def test_random_weeks_hear_the_same_from_both_engines(
    dynamodb: Engine, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    world = world_on(dynamodb, monkeypatch)
    twin = Twin(dynamodb)
    twin.connect(monkeypatch)
    world.wire = Wire()  # around both: what cuts in must reach them in the same order
    world.wire.connect(monkeypatch)
    meter = world.meter("tokens")
    licence = world.price(unit_amount=1_500, interval="week")
    metered = world.price(unit_amount=3, meter=meter, interval="week")
    world.clock.now = BEGINNING
    story = Weeks(world, Random(seed))
    story.begin((licence, metered), meter)
    story.run(disturbed=True)
    assert twin.differences == []
    operations = {"GetItem", "BatchGetItem", "PutItem", "Query", "TransactWriteItems"}
    assert operations <= twin.compared.keys()
    assert sum(twin.compared.values()) > 200
