"""Long lists inside objects: which field holds one, and the first rows, which stand for it."""

from collections.abc import Iterator, Mapping
from typing import Any

from meterline.core.kinds.registry import find_kind
from meterline.store.base.packing import Body, text_bytes

_MAX_SHOWN_BYTES = 60_000


def long_field(body: Mapping[str, Any]) -> str | None:
    """The field of a body that holds such a list; None if it holds none."""
    kind = find_kind(body.get("object", ""))
    if kind is None or kind.long_list is None:
        return None
    field = kind.long_list.field
    return field if isinstance(body.get(field), dict) else None


def first_rows[B: Mapping[str, Any]](body: B) -> B:
    """The body as lists and events show it: of a long list only the first rows, as many as its kind
    shows.

    Fewer where these are uncommonly long, so that the events of a commit fit into one item. Bodies
    without a long list stay as they are.
    """
    field = long_field(body)
    kind = find_kind(body.get("object", ""))
    if field is None or kind is None or kind.long_list is None:
        return body
    listed = body[field]
    shown = list(_while_short(listed["data"][: kind.long_list.shown(body)]))
    if len(shown) == len(listed["data"]):
        return body
    whole: Any = body
    shortened: B = whole | {field: listed | {"data": shown, "has_more": True}}
    return shortened


def _while_short(rows: list[Body]) -> Iterator[Body]:
    """The rows up to where they become uncommonly long; at least one."""
    size = 0
    for place, row in enumerate(rows):
        size += text_bytes(row)
        if place and size > _MAX_SHOWN_BYTES:
            return
        yield row
