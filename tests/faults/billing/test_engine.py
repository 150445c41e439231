"""The engine in memory answers every call of billing as the engine that tests are run on does."""

from collections import Counter
from random import Random
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from tests.faults.billing.engine import MemoryDynamoDB
from tests.faults.billing.test_random_runs import BEGINNING, Weeks
from tests.faults.billing.wire import Wire
from tests.faults.billing.world import World


class Twin:
    """Asks both engines everything, and compares what they say."""

    def __init__(self, memory: MemoryDynamoDB) -> None:
        self.memory = memory
        self.compared: Counter[str] = Counter()
        self.differences: list[object] = []

    def connect(self, monkeypatch: pytest.MonkeyPatch) -> None:
        send = BaseClient._make_api_call  # type: ignore[attr-defined] # noqa: SLF001 - the one door

        def both(client: BaseClient, operation: str, arguments: dict[str, Any]) -> object:
            if client.meta.service_model.service_name != "dynamodb":
                return send(client, operation, arguments)
            refusal = answer = None
            try:
                answer = send(client, operation, arguments)
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

    def _ask(self, operation: str, arguments: dict[str, Any]) -> object:
        try:
            return _essence(self.memory.call(operation, arguments), None)
        except ClientError as error:
            return _essence(None, error)


def _essence(answer: Any, refusal: ClientError | None) -> object:
    """What an answer means: found items, or which conditions refused; no measures, no order of a
    batch.
    """
    if refusal is not None:
        response: dict[str, Any] = dict(refusal.response)
        reasons = [one.get("Code") for one in response.get("CancellationReasons", [])]
        return response["Error"]["Code"], reasons
    found = answer.get("Items", [])
    batches = answer.get("Responses", {})
    if isinstance(batches, list):  # of statements: whether each was refused, and why
        return [one.get("Error", {}).get("Code") for one in batches]
    listed = {table: sorted(map(_comparable, items)) for table, items in batches.items()}
    one = _comparable(answer["Item"]) if answer.get("Item") else None
    return [_comparable(item) for item in found], listed, one


def _comparable(item: dict[str, Any]) -> str:
    plain = {
        name: sorted(content) if kind == "SS" else content
        for name, value in item.items()
        for kind, content in value.items()
    }
    return str(sorted(plain.items()))


@pytest.mark.parametrize("seed", [1, 2])
def test_random_weeks_hear_the_same_from_both_engines(
    world: World, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    twin = Twin(MemoryDynamoDB(world.engine.tables))
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
