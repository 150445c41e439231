"""Waiting for several answers at once."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

_MOST = 8


def in_parallel[T](calls: Sequence[Callable[[], T]]) -> list[T]:
    """The results of ``calls`` in their order, made at the same time; the first failure raises.

    The first is made by this thread: it would only wait.
    """
    if len(calls) <= 1:
        return [call() for call in calls]
    own, *others = calls
    with ThreadPoolExecutor(min(_MOST - 1, len(others))) as threads:
        rest = threads.map(lambda call: call(), others)
        try:
            return [own(), *rest]
        except BaseException:
            threads.shutdown(cancel_futures=True)
            raise


def beside[T](other: Callable[[], object], call: Callable[[], T]) -> T:
    """The result of ``call``, after ``other`` was made at the same time, whatever became of it."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(other)
        return call()
