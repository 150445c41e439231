"""Starts MiniStack with four gaps closed. Drop what a newer version does itself.

MiniStack 1.5 writes stream records for the item operations and for transactions, but not for
``INSERT``, ``UPDATE`` and ``DELETE`` statements: here PartiQL writes reach a table's stream.

It forgets the records of a stream that a function hands back (``batchItemFailures``): here their
whole batch comes again, as it may on AWS too.

With ``AUTH=true`` it asks policies about the names of API calls. On AWS a batch of messages needs
the right to send one, and a batch of statements needs the right to each: so it is here. Conditions
on the partition keys of a call (``dynamodb:LeadingKeys``) hold for every table of a transaction.
"""

import copy
import functools
import json
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

from ministack.app import main
from ministack.core import iam_actions, iam_evaluator
from ministack.services import dynamodb, lambda_svc

from local import ministack_rights, ministack_templates

type Answer = tuple[int, Any, Any]
type Statement = Callable[..., Answer]
type Item = dict[str, Any]

_SUCCESS = 200
_NO_SORT_KEY = "__no_sort__"


def _with_stream_record(run: Statement) -> Statement:
    """``run``, followed by the stream record of what it changed."""

    @functools.wraps(run)
    def wrapped(table: dict[str, Any], parsed: dict[str, Any], *rest: object) -> Answer:
        key = _key(table, parsed)
        before = copy.deepcopy(_stored(table, key))
        answer = run(table, parsed, *rest)
        after = _stored(table, key)
        if answer[0] == _SUCCESS and before != after:
            dynamodb._emit_stream_event(  # noqa: SLF001 - MiniStack has no public way to tell streams
                parsed["table"], _change(before, after), before, copy.deepcopy(after)
            )
        return answer

    return wrapped


def _key(table: dict[str, Any], parsed: dict[str, Any]) -> tuple[Any, Any]:
    """The partition and sort key that a statement is about; (None, None) if it names none."""
    if parsed["op"] == "INSERT":
        item = parsed.get("item", {})
        equal = item.get("M", item) if set(item) == {"M"} else item
    else:
        equal = {name: value for name, op, value in parsed.get("conditions") or [] if op == "="}
    return _value(equal.get(table["pk_name"])), (
        _value(equal.get(table["sk_name"])) if table["sk_name"] else _NO_SORT_KEY
    )


def _value(typed: Any) -> Any:  # noqa: ANN401 - a typed DynamoDB value, or none
    return None if typed is None else dynamodb._extract_key_val(typed)  # noqa: SLF001 - see above


def _stored(table: dict[str, Any], key: tuple[Any, Any]) -> Item | None:
    partition, sort = key
    item: Item | None = table["items"].get(partition, {}).get(sort)
    return item


def _change(before: Item | None, after: Item | None) -> str:
    if before is None:
        return "INSERT"
    return "REMOVE" if after is None else "MODIFY"


_poll_streams = lambda_svc._poll_dynamodb_streams  # noqa: SLF001 - MiniStack has no public way to poll
_execute = lambda_svc._execute_function  # noqa: SLF001 - see above
_polling = threading.local()


def _poll() -> bool:
    """MiniStack's turn at all streams."""
    _polling.now = True
    try:
        polled: bool = _poll_streams()
        return polled
    finally:
        _polling.now = False


def _execute_for_stream(function: dict[str, Any], event: Any) -> dict[str, Any]:  # noqa: ANN401 - MiniStack's own signature
    """An invocation; of a stream's batch one that hands records back has failed."""
    result: dict[str, Any] = _execute(function, event)
    body = result.get("body")
    answer = json.loads(body) if isinstance(body, str) and body else body
    if (
        getattr(_polling, "now", False)
        and isinstance(answer, dict)
        and answer.get("batchItemFailures")
    ):
        return result | {"error": True}
    return result


_RIGHT_OF_BATCH = {
    "sns:PublishBatch": "sns:Publish",
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}
_STATEMENTS = {"dynamodb:ExecuteStatement", "dynamodb:BatchExecuteStatement"}
_VERB_AND_TABLE = re.compile(r'\s*(INSERT|UPDATE|DELETE|SELECT).*?"([^"]+)"', re.DOTALL)
_ask_for_action = iam_actions.extract_iam_action
_ask_for_items = iam_actions.dynamodb_transaction_checks


def _action(*request: Any) -> str | None:  # noqa: ANN401 - MiniStack's own signature
    """The right that a request needs; a batch's is that of one message."""
    action: str | None = _ask_for_action(*request)
    return _RIGHT_OF_BATCH.get(action or "", action)


def _items(action: str, body: bytes, region: str, account: str) -> list[tuple[str, str]]:
    """The rights, with their tables, that a transaction or a batch of statements needs."""
    if action not in _STATEMENTS:
        return list(_ask_for_items(action, body, region, account))
    return list(
        _statement_rights(json.loads(body or b"{}"), f"arn:aws:dynamodb:{region}:{account}")
    )


def _statement_rights(request: Item, owner: str) -> Iterator[tuple[str, str]]:
    for statement in request.get("Statements", [request]):
        if found := _VERB_AND_TABLE.match(statement.get("Statement", "")):
            yield f"dynamodb:PartiQL{found[1].capitalize()}", f"{owner}:table/{found[2]}"


_ITEM_ACTIONS = {
    "Put": "dynamodb:PutItem",
    "Update": "dynamodb:UpdateItem",
    "Delete": "dynamodb:DeleteItem",
    "ConditionCheck": "dynamodb:ConditionCheckItem",
}
_KEYS_OF_TABLES = "keys of tables"
_ask_for_context = iam_actions.dynamodb_service_context
_enforce = iam_evaluator.enforce


def _context(body: bytes) -> Item:
    """What conditions may ask about a call, with the partition keys that it names by table."""
    return {**_ask_for_context(body), _KEYS_OF_TABLES: _keys_of_tables(json.loads(body or b"{}"))}


def _keys_of_tables(request: Item) -> dict[tuple[str | None, str], list[str]]:
    """The partition keys by action (None: the call's own) and table."""
    found: dict[tuple[str | None, str], list[str]] = {}
    details = [(None, request)] + [
        (_ITEM_ACTIONS.get(member), detail)
        for item in request.get("TransactItems", [])
        for member, detail in item.items()
    ]
    for action, detail in details:
        name = str(detail.get("TableName", ""))
        table = dynamodb._tables.get(name)  # noqa: SLF001 - MiniStack has no public way to find tables
        address = detail.get("Key") or detail.get("Item") or {}
        if table and table["pk_name"] in address:
            key = _value(address[table["pk_name"]])
            found.setdefault((action, name), []).append(key)
    return found


def _enforce_with_keys(
    access_key: str,
    action: str,
    *where: str,
    resource_arn: str = "*",
    service_context: Item | None = None,
) -> Any:  # noqa: ANN401 - MiniStack's own result
    """MiniStack's decision, for the keys that the call names in this table."""
    context = dict(service_context or {})
    keys = context.pop(_KEYS_OF_TABLES, {})
    table = resource_arn.rpartition("table/")[2]
    if named := keys.get((action, table), keys.get((None, table))):
        context["dynamodb:LeadingKeys"] = named
    return _enforce(access_key, action, *where, resource_arn=resource_arn, service_context=context)


iam_actions.dynamodb_service_context = _context
iam_evaluator.enforce = _enforce_with_keys
iam_actions.extract_iam_action = _action
iam_actions.dynamodb_transaction_checks = _items
for _name in ("_partiql_insert", "_partiql_update", "_partiql_delete"):
    setattr(dynamodb, _name, _with_stream_record(getattr(dynamodb, _name)))

lambda_svc._execute_function = _execute_for_stream  # noqa: SLF001 - see above
lambda_svc._poll_dynamodb_streams = _poll  # noqa: SLF001 - see above

ministack_templates.close_gaps()
ministack_rights.take_notes()

if __name__ == "__main__":
    main()
