"""DynamoDB as it is under load: of a batch it does a part, and says what it left undone."""

from collections.abc import Callable
from typing import Any

type Call = dict[str, Any]
type Send = Callable[[Any, str, Call], Any]

BATCHES = ("BatchGetItem", "BatchWriteItem")


def answer_in_part(
    send: Send, client: object, operation: str, arguments: Call, share: Callable[[int], int]
) -> Any:
    """Send as many parts of a batch of one table as ``share`` says; the others are left undone."""
    [(table, request)] = arguments["RequestItems"].items()
    is_read = operation == "BatchGetItem"
    parts = request["Keys"] if is_read else request
    number = share(len(parts))
    done, left = (
        request | {"Keys": some} if is_read else some for some in (parts[:number], parts[number:])
    )
    answer: Call = {"Responses": {table: []}}
    if number:
        answer = send(client, operation, arguments | {"RequestItems": {table: done}})
    undone = {table: left} if number < len(parts) else {}
    return answer | {"UnprocessedKeys" if is_read else "UnprocessedItems": undone}
