"""What is read: items, batches, pages of queries and scans."""

from typing import Any

from tests.integration.dynamodb.calls import (
    Item,
    batch_get,
    batch_write,
    case,
    delete,
    get,
    item,
    lacks,
    put,
    putting,
    query,
    value,
)

LARGE = "x" * 390 * 1024


def filled(*sks: str, **attributes: Any) -> Any:
    """Puts items with these sort keys, in another order."""
    return batch_write(*(putting(item(sk, **attributes)) for sk in reversed(sks)))


def items(*sks: str, **attributes: Any) -> list[Item]:
    """Items with these sort keys."""
    return [item(sk, **attributes) for sk in sks]


def due(sk: str, at: int, **attributes: Any) -> Item:
    """An item of an index whose partition is the case's."""
    return item(sk, due_pk="{partition}", due_at=at, **attributes)


def entry(sk: str, at: int) -> Item:
    """What the index holds of it."""
    return due(sk, at)


_BY_DUE = "due_pk = :pk"

_SINGLE = [
    case("what is not there gives no item", lacks()),
    case(
        "a projection gives parts of an item",
        put(item(a=1, b={"c": 2, "d": 3}, l=[1, 2])),
        get(ProjectionExpression="a, b.c, l[1]").gives(
            Item={"a": value(1), "b": value({"c": 2}), "l": value([2])}
        ),
    ),
    case(
        "a key with another attribute is refused",
        get(Key=item(a=1)).invalid(),
    ),
    case("a read of another key finds nothing", put(item("a")), get("b").gives(Item=None)),
]

_PAGES = [
    case(
        "a query gives a partition in order",
        filled("a", "b", "c"),
        query().gives(Items=items("a", "b", "c"), Count=3, LastEvaluatedKey=None),
    ),
    case(
        "a query can go backwards",
        filled("a", "b", "c"),
        query(ScanIndexForward=False).gives(Items=items("c", "b", "a")),
    ),
    case(
        "sort keys are in the order of their bytes",
        filled("Z", "a", "é"),
        query().gives(Items=items("Z", "a", "é")),
    ),
    case(
        "a query takes a range of sort keys",
        filled("a", "b", "c", "d"),
        query("pk = :pk AND sk BETWEEN :b AND :c", values={"b": "b", "c": "c"}).gives(
            Items=items("b", "c")
        ),
        query("pk = :pk AND sk > :b", values={"b": "b"}).gives(Items=items("c", "d")),
        query("pk = :pk AND sk >= :b", values={"b": "b"}).gives(Items=items("b", "c", "d")),
        query("pk = :pk AND sk < :b", values={"b": "b"}).gives(Items=items("a")),
        query("pk = :pk AND sk <= :b", values={"b": "b"}).gives(Items=items("a", "b")),
        query("pk = :pk AND sk = :b", values={"b": "b"}).gives(Items=items("b")),
    ),
    case(
        "a query takes sort keys by their beginning",
        filled("a", "b", "b#1", "b#2", "c"),
        query("pk = :pk AND begins_with(sk, :b)", values={"b": "b#"}).gives(
            Items=items("b#1", "b#2")
        ),
    ),
    case(
        "a page ends at the limit and the next begins after it",
        filled("a", "b", "c"),
        query(Limit=2).gives(Items=items("a", "b"), LastEvaluatedKey=item("b")),
        query(Limit=2, ExclusiveStartKey=item("b")).gives(Items=items("c"), LastEvaluatedKey=None),
    ),
    case(
        "a page that ends at the limit says so though nothing follows",
        filled("a", "b"),
        query(Limit=2).gives(Items=items("a", "b"), LastEvaluatedKey=item("b")),
    ).but(moto="looks ahead"),
    case(
        "a page backwards ends at the limit too",
        filled("a", "b", "c"),
        query(Limit=2, ScanIndexForward=False).gives(LastEvaluatedKey=item("b")),
        query(ExclusiveStartKey=item("b"), ScanIndexForward=False).gives(Items=items("a")),
    ),
    case(
        "a page may begin after what is no more",
        filled("a", "b", "c"),
        delete("b"),
        query(ExclusiveStartKey=item("b")).gives(Items=items("c")),
    ),
    case(
        "a filter takes away what was read",
        batch_write(putting(item("a", n=1)), putting(item("b", n=2)), putting(item("c", n=1))),
        query(FilterExpression="n = :one", values={"one": 1}).gives(
            Items=[item("a", n=1), item("c", n=1)], Count=2, ScannedCount=3
        ),
        query(FilterExpression="n = :two", values={"two": 2}, Limit=1).gives(
            Items=[], ScannedCount=1, LastEvaluatedKey=item("a")
        ),
    ),
    case(
        "a query counts",
        filled("a", "b"),
        query(Select="COUNT").gives(Items=None, Count=2),
    ),
    case(
        "a query shows parts of items",
        filled("a", n=1, s="x"),
        query(ProjectionExpression="n").gives(Items=[{"n": value(1)}]),
    ),
    case("a query needs a partition", query("sk = :pk").invalid("missed key schema element")),
    case(
        "a page ends with a megabyte",
        *(put(item(str(number), x=LARGE)) for number in range(4)),
        query().gives(Items=items("0", "1", "2", x=LARGE), Count=3, LastEvaluatedKey=item("2")),
        query(ExclusiveStartKey=item("2")).gives(Items=items("3", x=LARGE), LastEvaluatedKey=None),
    ).but(moto="ends a page before the item that makes it a megabyte"),
]

_INDEXES = [
    case(
        "an index holds the items with its keys, in its order, and only keys of them",
        put(due("a", 30, n=1)),
        put(due("b", 4, n=1)),
        put(item("c", due_at=1)),
        query(_BY_DUE, "due").gives(Items=[entry("b", 4), entry("a", 30)]),
        query(f"{_BY_DUE} AND due_at <= :at", "due", values={"at": 4}).gives(Items=[entry("b", 4)]),
    ),
    case(
        "an index follows its items",
        put(due("a", 1)),
        put(due("a", 2)),
        query(_BY_DUE, "due").gives(Items=[entry("a", 2)]),
        put(item("a")),
        query(_BY_DUE, "due").gives(Items=[]),
        put(due("a", 3)),
        delete("a"),
        query(_BY_DUE, "due").gives(Items=[]),
    ),
    case(
        "a page of an index ends with all keys of its last item",
        put(due("a", 1)),
        put(due("b", 2)),
        query(_BY_DUE, "due", Limit=1).gives(LastEvaluatedKey=entry("a", 1)),
        query(_BY_DUE, "due", ExclusiveStartKey=entry("a", 1)).gives(Items=[entry("b", 2)]),
    ),
    case(
        "an index can't be read consistently",
        query(_BY_DUE, "due", ConsistentRead=True).invalid("Consistent reads are not supported"),
    ),
    case(
        "an index that there is not is refused", query(_BY_DUE, "none").invalid("specified index")
    ).but(moto="says that it does not find it"),
]

_MANY = [
    case(
        "a batch gives the items that are there",
        put(item("a", n=1)),
        batch_get("a", "b").gives(Responses={"{table}": items("a", n=1)}, UnprocessedKeys={}),
    ),
    case(
        "a batch reads 100 items and no more",
        put(item("0")),
        batch_get(*map(str, range(100))).gives(Responses={"{table}": items("0")}),
        batch_get(*map(str, range(101))).invalid(),
    ),
]

READS = [*_SINGLE, *_PAGES, *_INDEXES, *_MANY]
