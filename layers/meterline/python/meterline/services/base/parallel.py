"""Waiting for several answers at once."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

_MOST = 8


def in_parallel[T](calls: Sequence[Callable[[], T]]) -> list[T]:
    """The results of ``calls`` in their order, made at the same time; the first failure raises."""
    if len(calls) <= 1:
        return [call() for call in calls]
    with ThreadPoolExecutor(min(_MOST, len(calls))) as threads:
        return list(threads.map(lambda call: call(), calls))
