"""What AWS bills for the calls of some work, as the benchmarks count it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from meterline.services.base.parallel import beside
from meterline.store.base import clients
from tests.benchmarks.traffic import Traffic
from tests.engines import Engine

KB = 1_024

type Work = Callable[[str], object]


def item(pk: str, size: int = 100, **more: Any) -> dict[str, Any]:
    """An item of about so many bytes."""
    text = {"S": "x" * (size - 20)}
    return {"pk": {"S": pk}, "sk": {"S": "#"}, "text": text, **more}


def key(pk: str) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": "#"}}


def get(table: str, pk: str, **how: bool) -> object:
    return clients.dynamodb().get_item(TableName=table, Key=key(pk), **how)


def get_all(table: str, **how: bool) -> object:
    """One of 5 KB, one of 1 KB, and one that is not there."""
    asked = {"Keys": [key("large"), key("small"), key("none")], **how}
    return clients.dynamodb().batch_get_item(RequestItems={table: asked})


def query(table: str) -> object:
    return clients.dynamodb().query(
        TableName=table,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": "large"}},
    )


def put(table: str, made: dict[str, Any], **condition: str) -> object:
    return clients.dynamodb().put_item(TableName=table, Item=made, **condition)


def put_together(table: str) -> object:
    writes = [{"Put": {"TableName": table, "Item": item(pk)}} for pk in ("a", "b")]
    condition = {"ConditionExpression": "attribute_exists(pk)"}
    check = {"TableName": table, "Key": key("large"), **condition}
    return clients.dynamodb().transact_write_items(
        TransactItems=[*writes, {"ConditionCheck": check}]
    )


def update(table: str) -> object:
    return clients.dynamodb().update_item(
        TableName=table,
        Key=key("large"),
        UpdateExpression="REMOVE #text",
        ExpressionAttributeNames={"#text": "text"},
    )


def state(table: str, text: str, *parameters: str) -> object:
    statement = {"Statement": text.format(table), "Parameters": [{"S": one} for one in parameters]}
    return clients.dynamodb().batch_execute_statement(Statements=[statement])


INSERT = "INSERT INTO \"{}\" VALUE {{'pk': ?, 'sk': ?}}"
UPDATE = 'UPDATE "{}" SET "text" = ? WHERE "pk" = ? AND "sk" = ?'


@pytest.fixture
def usage(dynamodb: Engine) -> str:
    """The name of a table without indexes; an item of 5 KB and one of 1 KB are in it."""
    for pk, size in (("large", 5 * KB), ("small", KB)):
        put(dynamodb.tables["usage"], item(pk, size))
    return dynamodb.tables["usage"]


def recorded(work: Callable[[], object]) -> Traffic:
    with Traffic().recorded() as traffic:
        work()
    return traffic


# what is read | read units
@pytest.mark.parametrize(
    ("read", "units"),
    [
        (lambda table: get(table, "large", ConsistentRead=True), 2),
        (lambda table: get(table, "large"), 1),
        (lambda table: get(table, "none"), 0.5),
        (lambda table: get_all(table, ConsistentRead=True), 4),
        (get_all, 2),
        (query, 1),
    ],
)
def test_a_read_costs_by_what_it_finds_and_half_if_it_need_not_be_consistent(
    usage: str, read: Work, units: float
) -> None:
    assert recorded(lambda: read(usage)).read_units == units


# what is written | write units
@pytest.mark.parametrize(
    ("write", "units"),
    [
        (lambda table: put(table, item("new", 2 * KB)), 2),
        (lambda table: put(table, item("large")), 5),
        (update, 5),
        (lambda table: clients.dynamodb().delete_item(TableName=table, Key=key("large")), 5),
        (lambda table: state(table, INSERT, "new", "#"), 1),
        (lambda table: state(table, INSERT, "large", "#"), 5),
        (lambda table: state(table, UPDATE, "x", "large", "#"), 5),
    ],
)
def test_a_write_costs_by_the_larger_of_before_and_after(
    usage: str, write: Work, units: int
) -> None:
    assert recorded(lambda: write(usage)).write_units == units


def test_what_a_transaction_writes_and_checks_costs_twice(usage: str) -> None:
    assert recorded(lambda: put_together(usage)).write_units == 2 * (1 + 1 + 5)


def test_a_refused_write_costs_as_if_it_had_been_done(usage: str) -> None:
    def refused() -> None:
        with pytest.raises(ClientError, match="conditional request failed"):
            put(usage, item("large"), ConditionExpression="attribute_not_exists(pk)")

    assert recorded(refused).write_units == 5


# what is put in the place of an item that is listed at a | write units
@pytest.mark.parametrize(("list_sk", "units"), [("a", 1), ("b", 3), (None, 2)])
def test_an_entry_of_an_index_costs_where_it_leaves_and_where_it_comes(
    dynamodb: Engine, list_sk: str | None, units: int
) -> None:
    table = dynamodb.tables["billing"]
    put(table, item("listed", 100, list_pk={"S": "all"}, list_sk={"S": "a"}))
    place = {"list_sk": {"S": list_sk}} if list_sk else {}
    again = item("listed", 100, list_pk={"S": "all"}, **place)
    assert recorded(lambda: put(table, again)).write_units == units


def side_by_side(table: str) -> object:
    """Two calls at once, one of them with another after it."""

    def twice(pk: str) -> object:
        return get(table, pk), get(table, pk)

    with ThreadPoolExecutor(2) as threads:
        return list(
            threads.map(
                lambda call: call(), [partial(get, table, "large"), partial(twice, "small")]
            )
        )


# what is done | how many calls wait for another, with the first
CHAINS: dict[str, tuple[Work, int]] = {
    "nothing": (lambda _: None, 0),
    "one": (lambda table: get(table, "large"), 1),
    "one after another": (lambda table: [get(table, pk) for pk in ("large", "small")], 2),
    "side by side": (side_by_side, 2),
    "before and after": (
        lambda table: (get(table, "large"), side_by_side(table), get(table, "small")),
        4,
    ),
    "after one whose end alone is waited for": (
        lambda table: [beside(partial(get, table, "large"), dict), get(table, "small")],
        2,
    ),
    "by a map": (
        lambda table: list(ThreadPoolExecutor(9).map(partial(get, table), ["large"] * 9)),
        1,
    ),
}


@pytest.mark.parametrize("case", CHAINS)
def test_calls_side_by_side_count_once_however_threads_take_turns(
    dynamodb: Engine, case: str
) -> None:
    work, longest = CHAINS[case]
    with Traffic().recorded() as traffic:
        work(dynamodb.tables["billing"])
    assert traffic.round_trips == longest
