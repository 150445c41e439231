"""What transactions do, and why they are refused."""

from tests.integration.dynamodb.calls import (
    case,
    check,
    delete,
    has,
    in_transaction,
    item,
    lacks,
    put,
    transact,
    update,
    values,
)

OLD = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
NEW = "attribute_not_exists(pk)"

TRANSACTIONS = [
    case(
        "a transaction writes all its items",
        put(item("gone")),
        put(item("seen", v=1)),
        transact(
            in_transaction(put(item("a", n=1), NEW)),
            in_transaction(update("SET n = :n", "b", **values(n=2))),
            in_transaction(delete("gone")),
            check("v = :v", "seen", **values(v=1)),
        ),
        has("a", n=1),
        has("b", n=2),
        lacks("gone"),
        has("seen", v=1),
    ),
    case(
        "a transaction with one refused condition writes nothing, and says which it was",
        put(item("old", v=1)),
        transact(
            in_transaction(put(item("new"))),
            in_transaction(put(item("old", v=2), "v = :v", **values(v=5))),
            in_transaction(delete("other")),
        ).cancelled("None", "ConditionalCheckFailed", "None"),
        lacks("new"),
        has("old", v=1),
    ),
    case(
        "a refused operation shows the item that stands in its way, if asked",
        put(item("old", v=1)),
        transact(
            in_transaction(put(item("new"))),
            in_transaction(put(item("old", v=2), NEW, **OLD)),
        ).cancelled("None", "ConditionalCheckFailed", items=(None, item("old", v=1))),
    ),
    case(
        "all refused operations are told",
        put(item("old", v=1)),
        transact(
            check(NEW, "old"),
            check("attribute_exists(pk)", "new"),
        ).cancelled("ConditionalCheckFailed", "ConditionalCheckFailed"),
    ),
    case(
        "conditions are judged by what was there before",
        transact(
            in_transaction(put(item("a"))),
            check("attribute_not_exists(pk)", "b"),
        ),
        has("a"),
    ),
    case(
        "a transaction has one operation for an item",
        transact(in_transaction(put(item("a"))), in_transaction(delete("a"))).invalid(
            "multiple operations"
        ),
        lacks("a"),
    ),
    case(
        "a transaction has 100 operations",
        transact(*(in_transaction(put(item(f"{number}"))) for number in range(100))),
        has("99"),
    ),
    case(
        "a transaction has no more than 100 operations",
        transact(*(in_transaction(put(item(f"{number}"))) for number in range(101))).invalid(),
        lacks("0"),
    ),
    case(
        "a transaction with an item that is too large writes nothing",
        transact(
            in_transaction(put(item("a"))),
            in_transaction(put(item("b", x="x" * 400 * 1024))),
        ).invalid("Item size has exceeded"),
        lacks("a"),
    ),
    case(
        "a transaction of more than 4 MB writes nothing",
        transact(
            *(in_transaction(put(item(f"{number}", x="x" * 390 * 1024))) for number in range(11))
        ).invalid(),
        lacks("0"),
    ).but(moto="has no limit"),
    case(
        "an update that can't be done cancels the transaction",
        put(item("a", n="text")),
        transact(
            in_transaction(put(item("b"))),
            in_transaction(update("ADD n :one", "a", **values(one=1))),
        ).cancelled("None", "ValidationError"),
        lacks("b"),
    ).but(moto="fails otherwise", local="refuses the request, unlike what AWS documents"),
    case(
        "a token makes a transaction happen once",
        transact(
            in_transaction(update("ADD n :one", "a", **values(one=1))),
            ClientRequestToken="once of this case",
        ),
        transact(
            in_transaction(update("ADD n :one", "a", **values(one=1))),
            ClientRequestToken="once of this case",
        ),
        has("a", n=1),
    ).but(moto="knows no tokens"),
    case(
        "a token stands for one transaction",
        transact(in_transaction(put(item("a", n=1))), ClientRequestToken="another of this case"),
        transact(
            in_transaction(put(item("a", n=2))), ClientRequestToken="another of this case"
        ).refused("IdempotentParameterMismatchException"),
        has("a", n=1),
    ).but(moto="knows no tokens"),
    case(
        "a token of a refused transaction is free",
        transact(
            in_transaction(put(item("a", n=1), "attribute_exists(pk)")),
            ClientRequestToken="a third of this case",
        ).cancelled("ConditionalCheckFailed"),
        put(item("a")),
        transact(
            in_transaction(put(item("a", n=1), "attribute_exists(pk)")),
            ClientRequestToken="a third of this case",
        ),
        has("a", n=1),
    ),
]
