"""How large what is stored may be: DynamoDB's limits, and what a request may add below them.

An item of DynamoDB takes 400 KB, and an invoice is put together from what four objects say: its
customer's name and addresses, its subscription's metadata, a line, and its own texts. So each
object that somebody writes may take 50 KB as it is stored, compressed. Whatever Meterline later
makes of objects of that size fits (``docs/decisions/sizes-and-counts.md``).
"""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from meterline.core.base.private_state import is_private
from meterline.core.kinds.registry import kind_of
from meterline.store.base.documents import Body, Document, Oversized, TooLong
from meterline.store.base.packing import pack

ITEM_BYTES = 400_000
TRANSACTION_BYTES = 4_000_000
OPERATIONS = 100
"""DynamoDB's limits, the first two rounded down from KB and MB of 1,024."""

HASH_KEY_BYTES = 2_048
RANGE_KEY_BYTES = 1_024
_RANGE_KEYS = frozenset({"sk", "list_sk"})
_HASH_KEYS = frozenset({"pk", "list_pk", "parent_pk", "due_pk"})

WRITTEN_BYTES = 50_000
"""What an object that somebody writes may take, packed."""

_LONG_CHARACTERS = 40
_NUMBERS_CHARACTERS = 1_000
_NUMBER_BYTES = 21

type Item = Mapping[str, Mapping[str, Any]]


def check_limits(items: Iterable[Item], operations: int) -> None:
    """Raises ``Oversized`` if DynamoDB would refuse a transaction that writes these items."""
    total = 0
    for item in items:
        size = item_bytes(item)
        total += size
        if size > ITEM_BYTES:
            raise Oversized(f"{item['pk']['S']} takes {size} bytes, more than {ITEM_BYTES}")
        _check_keys(item)
    if total > TRANSACTION_BYTES:
        raise Oversized(f"A change of {total} bytes exceeds {TRANSACTION_BYTES}")
    if operations > OPERATIONS:
        raise Oversized(f"A change of {operations} operations exceeds {OPERATIONS}")


def item_bytes(item: Item) -> int:
    """The size of an item by DynamoDB's rule: names and values, text as UTF-8."""
    return sum(_bytes(name) + _value_bytes(value) for name, value in item.items())


def check_written(
    document: Document, packed_bytes: int, read_stored: Callable[[], Body | None]
) -> None:
    """Raises ``TooLong`` if a request makes an object longer than it may be.

    ``packed_bytes`` is what its whole body takes; ``read_stored`` gives its body as last committed.
    An object that is too long already, for Meterline itself added to it, may be changed, but not
    with more text.
    """
    if kind_of(document.kind).sizes.is_own:
        return
    if document.version == 0:
        _check_fields(document)
    if packed_bytes <= WRITTEN_BYTES:
        return
    own = _own(document.body, document.kind)
    size = len(pack(own))
    if size <= WRITTEN_BYTES:
        return
    stored = read_stored()
    if stored is None or _grows(_own(stored, document.kind), own):
        longest = max(own, key=lambda name: _text_characters(own[name]))
        raise TooLong(document.kind, document.id, longest, size, WRITTEN_BYTES)


def _check_fields(document: Document) -> None:
    for field, most in kind_of(document.kind).sizes.fields.items():
        size = len(pack({field: document.body.get(field)}))
        if size > most:
            raise TooLong(document.kind, document.id, field, size, most)


def _own(body: Body, kind: str) -> Body:
    copied = kind_of(kind).sizes.copied
    return {
        name: value for name, value in body.items() if not is_private(name) and name not in copied
    }


def _grows(before: Body, after: Body) -> bool:
    """Whether an object has more text than before, or many more numbers."""
    more_text = _words(after) > _words(before)
    return more_text or _text_characters(after) > _text_characters(before) + _NUMBERS_CHARACTERS


def _words(value: object, *, is_metadata: bool = False) -> int:
    """How many characters people wrote: metadata, and whatever is longer than a status or an id."""
    if isinstance(value, dict):
        return sum(
            _words(part, is_metadata=is_metadata or name == "metadata")
            + (len(name) if is_metadata else 0)
            for name, part in value.items()
        )
    if isinstance(value, list):
        return sum(_words(part, is_metadata=is_metadata) for part in value)
    if isinstance(value, str) and (is_metadata or len(value) > _LONG_CHARACTERS):
        return len(value)
    return 0


def _text_characters(value: object) -> int:
    return len(json.dumps(value, ensure_ascii=False))


def _check_keys(item: Item) -> None:
    for names, most in ((_HASH_KEYS, HASH_KEY_BYTES), (_RANGE_KEYS, RANGE_KEY_BYTES)):
        for name in names & item.keys():
            if _value_bytes(item[name]) > most:
                raise Oversized(f"The key {name} takes more than {most} bytes")


def _value_bytes(value: Mapping[str, Any]) -> int:
    [(kind, content)] = value.items()
    if kind == "N":
        return _NUMBER_BYTES
    if kind in ("SS", "BS"):
        return sum(map(_bytes, content))
    return _bytes(content)


def _bytes(value: str | bytes) -> int:
    return len(value.encode("utf-8", "surrogatepass")) if isinstance(value, str) else len(value)
