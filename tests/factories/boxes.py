"""What a stored body has: itself, or of a box the objects that it holds."""

from collections.abc import Iterable
from typing import Any

from meterline.core.kinds.registry import kind_of
from meterline.store.base.documents import Body


def objects_in(kind: str, body: Body) -> tuple[str, Iterable[Any]]:
    """The kind of the objects that a stored body has, and their bodies in order."""
    boxing = kind_of(kind).boxing
    return (kind, [body]) if boxing is None else (boxing.of, boxing.contents(body))
