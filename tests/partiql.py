"""What DynamoDB does for the PartiQL writes of the product; the tests' engines lack it."""

import re
from collections.abc import Callable
from typing import Any

_INSERT = re.compile(r'INSERT INTO "(?P<table>[^"]+)" VALUE \{(?P<fields>.*)\}')
_UPDATE = re.compile(
    r'UPDATE "(?P<table>[^"]+)" (?P<changes>(?:(?:SET "\w+" = \?|REMOVE "\w+") )+)'
    r'WHERE (?P<terms>"\w+" = \?(?: AND "\w+" = \?)*)'
)

type Item = dict[str, Any]
type Find = Callable[[str, Item], Item | None]
"""The stored item of a table that has the keys of another item."""

type Write = Callable[[str, Item], object]


def execute(statement: Item, find: Find, write: Write) -> Item:
    """Run one statement of a batch; its part of the answer."""
    text, parameters = statement["Statement"], statement["Parameters"]
    if match := _INSERT.fullmatch(text):
        names = re.findall(r"'(\w+)': \?", match["fields"])
        item = dict(zip(names, parameters, strict=True))
        if find(match["table"], item):
            return {"Error": {"Code": "DuplicateItem", "Message": "Duplicate primary key exists"}}
        write(match["table"], item)
        return {"TableName": match["table"]}
    match = _UPDATE.fullmatch(text)
    assert match, text
    names = re.findall(r'SET "(\w+)"', match["changes"])
    terms = re.findall(r'"(\w+)" =', match["terms"])
    wanted = dict(zip(terms, parameters[len(names) :], strict=True))
    stored = find(match["table"], wanted)
    if stored is None or not holds(wanted, stored):
        message = "The conditional request failed"
        return {"Error": {"Code": "ConditionalCheckFailed", "Message": message}}
    removed = re.findall(r'REMOVE "(\w+)"', match["changes"])
    kept = {name: value for name, value in stored.items() if name not in removed}
    changes = dict(zip(names, parameters[: len(names)], strict=True))
    write(match["table"], kept | changes)
    return {"TableName": match["table"]}


def holds(wanted: Item, stored: Item) -> bool:
    """Whether the stored item has the values that a statement asks for."""
    return wanted.items() <= stored.items()
