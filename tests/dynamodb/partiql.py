"""PartiQL, as far as the product writes it: INSERT of an item, UPDATE of one item by its key."""

import re
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from tests.dynamodb.refusals import Refused, invalid
from tests.dynamodb.requests import Answer, Request, refuse_repeated
from tests.dynamodb.store import Store
from tests.dynamodb.tables import Key, Table, check_size
from tests.dynamodb.values import Item, is_equal, shown, taken
from tests.dynamodb.writes import TOO_LARGE, TOO_LARGE_UPDATED

_INSERT = re.compile(r'INSERT INTO "(?P<table>[^"]+)" VALUE \{(?P<fields>.*)\}')
_UPDATE = re.compile(
    r'UPDATE "(?P<table>[^"]+)" (?P<changes>(?:(?:SET "\w+" = \?|REMOVE "\w+") )+)'
    r'WHERE (?P<terms>"\w+" = \?(?: AND "\w+" = \?)*)'
)
_MOST_STATEMENTS = 25
_TAKEN = ("DuplicateItem", "Duplicate primary key exists in table")
_CHANGED = ("ConditionalCheckFailed", "The conditional request failed")


class Statement(NamedTuple):
    """A statement that is understood: the attributes that it sets (or inserts), removes and asks
    for, in the order of its parameters.
    """

    table: str
    sets: tuple[str, ...]
    removes: tuple[str, ...]
    terms: tuple[str, ...]


def batch_execute_statement(store: Store, asked: Request) -> Answer:
    """Each statement by itself: others may come between, and each has an answer of its own."""
    statements: Sequence[Request] = asked["Statements"]
    if not 0 < len(statements) <= _MOST_STATEMENTS:
        raise invalid(
            "1 validation error detected: Value at 'statements' failed to satisfy constraint: "
            "Member must have length less than or equal to 25"
        )
    prepared = [_prepared(store, one) for one in statements]
    refuse_repeated([(one.table.name, one.key) for one in prepared])
    answers: list[Answer] = []
    for one in prepared:
        if answers:
            store.faults.between("BatchExecuteStatement")
        with store.turn:
            answers.append(_answer(store, one))
    return {"Responses": answers}


@cache
def parsed(text: str) -> Statement:
    """What a statement says."""
    if match := _INSERT.fullmatch(text):
        return Statement(match["table"], tuple(re.findall(r"'(\w+)': \?", match["fields"])), (), ())
    match = _UPDATE.fullmatch(text)
    if match is None:
        raise invalid(f"Statement wasn't well formed, can't be processed: {text}")
    return Statement(
        match["table"],
        tuple(re.findall(r'SET "(\w+)"', match["changes"])),
        tuple(re.findall(r'REMOVE "(\w+)"', match["changes"])),
        tuple(re.findall(r'"(\w+)" =', match["terms"])),
    )


class Prepared(NamedTuple):
    """A statement with its place and its parameters by their names: those to be set, those asked
    for.
    """

    asked: Request
    statement: Statement
    table: Table
    key: Key
    sets: Item
    terms: Item


def _prepared(store: Store, asked: Request) -> Prepared:
    statement = parsed(asked["Statement"])
    table = store.table(statement.table)
    sets, terms = _filled(statement, asked["Parameters"])
    return Prepared(asked, statement, table, _place(table, statement, sets, terms), sets, terms)


def _filled(statement: Statement, parameters: Sequence[Any]) -> tuple[Item, Item]:
    names = [*statement.sets, *statement.terms]
    if len(names) != len(parameters):
        raise invalid("Number of parameters in request and statement don't match.")
    cut = len(statement.sets)
    return (
        taken(dict(zip(statement.sets, parameters[:cut], strict=True))),
        taken(dict(zip(statement.terms, parameters[cut:], strict=True))),
    )


def _place(table: Table, statement: Statement, sets: Item, terms: Item) -> Key:
    if not statement.terms:
        return table.key_of_new(sets)
    if any(name not in terms for name in table.key_names):
        raise invalid("Where clause does not contain a mandatory equality on all key attributes")
    return table.key({name: terms[name] for name in table.key_names})


def _answer(store: Store, one: Prepared) -> Answer:
    asked, statement, table, key = one.asked, one.statement, one.table, one.key
    if (code := store.faults.statement_code(table.name)) is not None:
        return {"Error": {"Code": code, "Message": "Try again later"}, "TableName": table.name}
    before = table.items.get(key)
    refusal = _refusal(statement, one.terms, before)
    if refusal is not None:
        wanted = asked.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
        item = {"Item": shown(before)} if wanted and before is not None else {}
        error = {"Code": refusal[0], "Message": refusal[1], **item}
        return {"Error": error, "TableName": table.name}
    try:
        after = _made(table, statement, one.sets, before)
    except Refused as refused:
        message = refused.response["Error"]["Message"]
        return {"Error": {"Code": "ValidationError", "Message": message}, "TableName": table.name}
    store.write(table, key, after)
    return {"TableName": table.name}


def _refusal(statement: Statement, terms: Item, before: Item | None) -> tuple[str, str] | None:
    if not statement.terms:
        return _TAKEN if before is not None else None
    return None if before is not None and holds(terms, before) else _CHANGED


def holds(terms: Item, stored: Item) -> bool:
    """Whether the stored item has the values that a statement asks for."""
    return all(name in stored and is_equal(stored[name], value) for name, value in terms.items())


def _made(table: Table, statement: Statement, sets: Item, before: Item | None) -> Item:
    kept = {name: value for name, value in (before or {}).items() if name not in statement.removes}
    made = kept | sets
    table.check_keys(made)
    check_size(made, TOO_LARGE if before is None else TOO_LARGE_UPDATED)
    return made
