"""One pass of due work: the first thing that is due for an object, done in one commit."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from meterline.core.base.frozen import frozen
from meterline.services.base.context import Context
from meterline.services.base.progress import DuePoint, DueStep, NoProgress
from meterline.store.base.documents import Document

type Do[B: Mapping[str, Any]] = Callable[[Context, Document[B]], list[Document]]
"""Does what is due for an object, which it moves on; returns the documents that it wrote."""


@frozen
class DueWork[B: Mapping[str, Any]]:
    """A kind of work on objects of one kind: when it is due for one, by its body, and what does it.

    ``do`` is called when that instant has come. It must commit a later one, or none; at the same
    instant it may go on only with less ``left``.
    """

    at: Callable[[B], int | None]
    do: Do[B]
    left: Callable[[B], tuple[Any, ...]] = lambda _body: ()


def first_due[B: Mapping[str, Any]](body: B, works: Sequence[DueWork[B]]) -> DuePoint | None:
    """The first thing that is due for an object: the earliest; of several at once, by order."""
    instants = [(work.at(body), rank) for rank, work in enumerate(works)]
    first = min(((at, rank) for at, rank in instants if at is not None), default=None)
    return None if first is None else DuePoint(*first, left=works[first[1]].left(body))


def do_pass[B: Mapping[str, Any]](
    ctx: Context, document: Document[B], works: Sequence[DueWork[B]]
) -> list[Document]:
    """Do the first thing that is due for an object by ``ctx.now``; returns what was written.

    Raises NoProgress, and writes nothing, when that would leave the object due for it again; also
    when nothing is due for it.
    """
    due_point = first_due(document.body, works)
    if due_point is None or due_point.at > ctx.now:
        message = f"{document.id} is due, but there is nothing to do for it"
        raise NoProgress(message)
    due_step = DueStep(document.id, due_point, lambda written: first_due(written.body, works))
    return do_due_step(ctx, document, due_step, works[due_point.rank].do)


def do_due_step[B: Mapping[str, Any]](
    ctx: Context, document: Document[B], due_step: DueStep, do: Do[B]
) -> list[Document]:
    """Do one step of due work; raises NoProgress if it does not move its object on."""
    written = do(replace(ctx, due_step=due_step), document)
    if not due_step.is_done:
        message = f"{document.id} is due at {due_step.since}, but nothing was done for it"
        raise NoProgress(message)
    return written
