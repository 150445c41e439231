"""What puts, updates and deletions do, and what is refused: one row for each rule."""

from decimal import Decimal

from tests.integration.dynamodb.calls import (
    batch_get,
    batch_write,
    case,
    delete,
    deleting,
    fails,
    has,
    holds,
    item,
    lacks,
    put,
    putting,
    statements,
    update,
    values,
)

FAILED = "ConditionalCheckFailedException"
OLD = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
KILOBYTE = "k" * 1024
LARGEST = "x" * (400 * 1024 - 300)
"""A little less than an item may have."""

INSERT = "INSERT INTO \"{table}\" VALUE {'pk': ?, 'sk': ?, 'n': ?}"
UPDATE = 'UPDATE "{table}" SET "n" = ? WHERE "pk" = ? AND "sk" = ? AND "n" = ?'
UPDATE_AND_REMOVE = (
    'UPDATE "{table}" SET "n" = ? REMOVE "b" WHERE "pk" = ? AND "sk" = ? AND "n" = ?'
)
PARTITION = "{partition}"

_VALUES = [
    case("a put replaces the whole item", put(item(a=1)), put(item(b=2)), has(b=2)),
    case(
        "every type comes back as it was put",
        put(item(s="é", n=-5, b=b"\x00\xff", ss={"a", "b"}, ns={1, 2}, t=True, z=None, l=[1, "a"])),
        has(s="é", n=-5, b=b"\x00\xff", ss={"a", "b"}, ns={1, 2}, t=True, z=None, l=[1, "a"]),
    ),
    case("maps come back as they were put", put(item(m={"a": {"b": 1}})), has(m={"a": {"b": 1}})),
    case(
        "numbers come back without superfluous zeros",
        put(item(a={"N": "1.50"}, b={"N": "007"}, c={"N": "1E3"}, d={"N": "-0"})),
        has(a=Decimal("1.5"), b=7, c=1000, d=0),
    ).but(moto="gives numbers back as they were written"),
    case("38 digits are kept", put(item(n=Decimal("9" * 38))), has(n=Decimal("9" * 38))),
    case("39 digits are too many", put(item(n=Decimal("9" * 39))).invalid("38")).but(
        moto="takes any number of digits"
    ),
    case("a number that is none is refused", put(item(n={"N": "five"})).invalid()),
    case("an empty set is refused", put(item(s={"SS": []})).invalid("empty")),
    case(
        "a set with a value twice is refused", put(item(s={"SS": ["a", "a"]})).invalid("dupl")
    ).but(moto="keeps it once"),
    case("an empty text is a value", put(item(s="")), has(s="")),
    case("an empty sort key is refused", put(item(sk="")).invalid("empty string")),
    case(
        "a key of another type is refused",
        put({**item(), "sk": {"N": "1"}}).invalid(),
    ),
    case(
        "an item without its sort key is refused",
        put({"pk": {"S": PARTITION}}).invalid(),
    ),
    case(
        "a key of an index of another type is refused",
        put(item(due_at="soon", due_pk="d")).invalid(),
    ).but(moto="looks at texts only"),
    case("a sort key of 1024 bytes is kept", put(item("s" * 1024)), has("s" * 1024)),
    case("a sort key of 1025 bytes is refused", put(item("s" * 1025)).invalid("1024 bytes")),
    case("an item of nearly 400 KB is kept", put(item(a=LARGEST)), has(a=LARGEST)).but(
        moto="takes 405,000 bytes"
    ),
    case(
        "an item of more than 400 KB is refused",
        put(item(a=LARGEST + KILOBYTE)).invalid("Item size has exceeded the maximum allowed size"),
        lacks(),
    ),
    case(
        "an update to more than 400 KB is refused",
        put(item(a=LARGEST)),
        update("SET b = :b", **values(b=KILOBYTE)).invalid("Item size to update has exceeded"),
        has(a=LARGEST),
    ).but(moto="takes 405,000 bytes"),
]

_CONDITIONS = [
    case(
        "a put on condition that nothing is there is done once",
        put(item(a=1), "attribute_not_exists(pk)"),
        put(item(a=2), "attribute_not_exists(pk)").refused(
            FAILED, "The conditional request failed"
        ),
        has(a=1),
    ),
    case(
        "a refused write shows the item that stands in its way, if asked",
        put(item(a=1)),
        put(item(a=2), "a = :two", **OLD, **values(two=2)).refused(FAILED).gives(Item=item(a=1)),
        put(item(a=2), "a = :two", **values(two=2)).refused(FAILED).gives(Item=None),
    ),
    case(
        "a refused write shows nothing where nothing is",
        put(item(a=2), "attribute_exists(pk)", **OLD).refused(FAILED).gives(Item=None),
    ),
    case(
        "a deletion on condition",
        put(item(v=1)),
        delete(condition="v = :v", **values(v=1)),
        lacks(),
    ),
    case(
        "a deletion whose condition fails deletes nothing",
        put(item(v=1)),
        delete(condition="v = :v", **values(v=2)).refused(FAILED),
        has(v=1),
    ),
    case("what is not there can be deleted", delete(), lacks()),
    case(
        "AND binds stronger than OR",
        put(item(a=1, b=1)),
        put(item(c=1), "a = :one OR b = :two AND a = :two", **values(one=1, two=2)),
        has(c=1),
    ),
    case(
        "brackets bind first",
        put(item(a=1, b=1)),
        put(item(c=1), "(a = :one OR b = :two) AND a = :two", **values(one=1, two=2)).refused(
            FAILED
        ),
    ),
    case(
        "NOT turns a condition round",
        put(item(a=1)),
        put(item(b=1), "NOT a = :one", **values(one=1)).refused(FAILED),
        put(item(b=1), "NOT a = :two", **values(two=2)),
    ),
    case(
        "an attribute that is not there is not equal to anything",
        put(item()),
        put(item(), "a = :one", **values(one=1)).refused(FAILED),
        put(item(), "a <> :one", **values(one=1)),
    ),
    case(
        "an attribute that is not there is neither smaller nor greater",
        put(item()),
        put(item(), "a < :one OR a >= :one", **values(one=1)).refused(FAILED),
    ),
    case(
        "values of different types differ",
        put(item(a="1")),
        put(item(), "a = :one", **values(one=1)).refused(FAILED),
        put(item(), "a > :zero", **values(zero=0)).refused(FAILED),
    ).but(moto="fails otherwise"),
    case(
        "numbers compare as numbers",
        put(item(n=10)),
        holds("n > :nine AND n = :ten", **values(nine=9, ten={"N": "10.0"})),
    ),
    case(
        "BETWEEN takes in both ends",
        put(item(n=5)),
        holds("n BETWEEN :a AND :b", **values(a=5, b=6)),
        holds("n BETWEEN :a AND :b", **values(a=4, b=5)),
        fails("n BETWEEN :a AND :b", **values(a=6, b=7)),
    ),
    case(
        "IN takes any of its values",
        put(item(n=5)),
        holds("n IN (:a, :b)", **values(a=4, b=5)),
        fails("n IN (:a, :b)", **values(a=4, b=6)),
    ),
    case(
        "begins_with and contains",
        put(item(s="abc", ss={"x", "y"})),
        holds("begins_with(s, :a) AND contains(ss, :x)", **values(a="ab", x="x")),
        fails("begins_with(s, :b)", **values(b="bc")),
        fails("contains(ss, :z)", **values(z="z")),
        holds("contains(s, :b)", **values(b="bc")),
    ),
    case(
        "size and attribute_type",
        put(item(s="abc", ss={"x", "y"})),
        holds("size(s) = :n AND attribute_type(ss, :t)", **values(n=3, t="SS")),
        fails("size(ss) > :n", **values(n=2)),
    ),
    case(
        "a reserved word needs a placeholder",
        put(item(state="a")),
        put(item(), "state = :a", **values(a="a")).invalid("reserved keyword: state"),
        update(
            None,
            condition="#s = :a",
            ExpressionAttributeNames={"#s": "state"},
            **values(a="a"),
        ),
    ).but(moto="takes reserved words in conditions"),
    case(
        "a value that no expression uses is refused",
        put(item(), "attribute_not_exists(pk)", **values(a=1)).invalid("unused in expressions"),
    ).but(moto="looks at names only"),
    case(
        "a name that no expression uses is refused",
        put(item(), "attribute_not_exists(pk)", ExpressionAttributeNames={"#a": "a"}).invalid(
            "unused in expressions"
        ),
    ),
    case("a value that is not given is refused", put(item(), "a = :a").invalid(":a")).but(
        moto="fails otherwise"
    ),
    case(
        "a condition that is none is refused",
        put(item(), "a = = :a", **values(a=1)).invalid("Syntax error"),
    ).but(moto="fails otherwise"),
]

_UPDATES = [
    case("an update makes an item where none is", update("SET a = :a", **values(a=1)), has(a=1)),
    case("an update of nothing makes an item of its key", update(None), has()).but(
        moto="fails otherwise"
    ),
    case(
        "SET changes some attributes and leaves the others",
        put(item(a=1, b=2)),
        update("SET b = :b, c = :c", **values(b=3, c=4)),
        has(a=1, b=3, c=4),
    ),
    case(
        "SET reads the item as it was",
        put(item(a=1, b=2)),
        update("SET a = b, b = a"),
        has(a=2, b=1),
    ),
    case(
        "SET adds and subtracts",
        put(item(a=1)),
        update("SET a = a + :two", **values(two=2)),
        update("SET a = a - :four", **values(four=4)),
        has(a=-1),
    ),
    case(
        "SET of what another attribute would be fails without it",
        put(item()),
        update("SET a = a + :two", **values(two=2)).invalid("does not exist in the item"),
    ),
    case(
        "if_not_exists gives the attribute or the other value",
        update("SET a = if_not_exists(a, :one)", **values(one=1)),
        update("SET a = if_not_exists(a, :zero) + :one", **values(zero=0, one=1)),
        has(a=2),
    ),
    case(
        "list_append joins lists",
        put(item(l=[1])),
        update("SET l = list_append(l, :more)", **values(more=[2, 3])),
        has(l=[1, 2, 3]),
    ),
    case("REMOVE takes attributes away", put(item(a=1, b=2)), update("REMOVE a, c"), has(b=2)),
    case(
        "ADD counts from nothing, and REMOVE beside it",
        update("ADD n :one REMOVE a", **values(one=1)),
        update("ADD n :one", **values(one=1)),
        has(n=2),
    ),
    case(
        "ADD puts members into a set, DELETE takes them out",
        update("ADD s :s", **values(s={"a"})),
        update("ADD s :s", **values(s={"a", "b"})),
        has(s={"a", "b"}),
        update("DELETE s :s", **values(s={"a"})),
        has(s={"b"}),
        update("DELETE s :s", **values(s={"b"})),
        has(),
    ),
    case(
        "ADD to a text is refused",
        put(item(a="x")),
        update("ADD a :one", **values(one=1)).invalid("incorrect data type"),
    ),
    case(
        "a part of the key can't be changed",
        update("SET sk = :a", **values(a="b")).invalid("part of"),
    ),
    case(
        "an attribute can be changed only once",
        update("SET a = :a, a = :a", **values(a=1)).invalid("overlap"),
    ),
    case(
        "parts of maps and lists are changed in their place",
        put(item(m={"a": 1, "b": 2}, l=[1, 2, 3])),
        update("SET m.a = :n REMOVE m.b, l[0]", **values(n=9)),
        has(m={"a": 9}, l=[2, 3]),
    ),
    case(
        "a path through what is not there is refused",
        put(item()),
        update("SET m.a = :n", **values(n=9)).invalid("document path"),
    ),
    case(
        "an update gives back what was asked for",
        put(item(a=1, b=2)),
        update("SET a = :a", ReturnValues="ALL_OLD", **values(a=2)).gives(
            Attributes=item(a=1, b=2)
        ),
        update("SET a = :a", ReturnValues="ALL_NEW", **values(a=3)).gives(
            Attributes=item(a=3, b=2)
        ),
        update("SET a = :a", ReturnValues="UPDATED_NEW", **values(a=4)).gives(
            Attributes={"a": {"N": "4"}}
        ),
        update("SET a = :a", ReturnValues="UPDATED_OLD", **values(a=5)).gives(
            Attributes={"a": {"N": "4"}}
        ),
    ),
    case(
        "a put and a deletion give back what was there",
        put(item(a=1), ReturnValues="ALL_OLD").gives(Attributes=None),
        put(item(a=2), ReturnValues="ALL_OLD").gives(Attributes=item(a=1)),
        delete(ReturnValues="ALL_OLD").gives(Attributes=item(a=2)),
    ),
    case(
        "an update whose condition fails makes no item",
        update("SET a = :a", condition="attribute_exists(pk)", **values(a=1)).refused(FAILED),
        lacks(),
    ),
]

_BATCHES = [
    case(
        "a batch puts and deletes",
        put(item("old")),
        batch_write(putting(item("a", n=1)), deleting("old"), deleting("never")).gives(
            UnprocessedItems={}
        ),
        has("a", n=1),
        lacks("old"),
    ),
    case(
        "a batch names a key once",
        batch_write(putting(item("a")), deleting("a")).invalid("contains duplicates"),
    ).but(moto="does both"),
    case("a batch reads a key once", batch_get("a", "a").invalid("contains duplicates")),
    case(
        "a batch has at most 25 writes",
        batch_write(*(putting(item(str(number))) for number in range(26))).invalid(),
    ).but(moto="takes more"),
]

_ONLY_MEMORY = "knows no parameters in INSERT and no conditions in UPDATE"
_STATEMENTS = [
    case(
        "a statement inserts an item that is not there",
        statements((INSERT, [PARTITION, "a", 1]), (INSERT, [PARTITION, "b", 2])),
        statements((INSERT, [PARTITION, "a", 3]), (INSERT, [PARTITION, "c", 4])).gives(
            Responses=[
                {
                    "Error": {
                        "Code": "DuplicateItem",
                        "Message": "Duplicate primary key exists in table",
                    },
                    "TableName": "{table}",
                },
                {"TableName": "{table}"},
            ]
        ),
        has("a", n=1),
        has("b", n=2),
        has("c", n=4),
    ).but(moto=_ONLY_MEMORY),
    case(
        "a statement updates an item that is as it says",
        put(item("a", n=1, b=2)),
        statements((UPDATE_AND_REMOVE, [2, PARTITION, "a", 1])).gives(
            Responses=[{"TableName": "{table}"}]
        ),
        has("a", n=2),
        statements((UPDATE, [3, PARTITION, "a", 1]), (UPDATE, [3, PARTITION, "no", 1])).gives(
            Responses=[
                {
                    "Error": {
                        "Code": "ConditionalCheckFailed",
                        "Message": "The conditional request failed",
                    },
                    "TableName": "{table}",
                },
            ]
            * 2
        ),
        has("a", n=2),
    ).but(moto=_ONLY_MEMORY),
    case(
        "statements of a batch are for different items",
        statements((INSERT, [PARTITION, "a", 1]), (INSERT, [PARTITION, "a", 2])).invalid(),
    ).but(moto=_ONLY_MEMORY),
]

WRITES = [*_VALUES, *_CONDITIONS, *_UPDATES, *_BATCHES, *_STATEMENTS]
