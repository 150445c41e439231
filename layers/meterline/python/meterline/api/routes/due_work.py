"""``/v1/meterline/due_work``: what is due and what is stuck, as ``meterline due`` tells it."""

from dataclasses import asdict
from typing import Final

from meterline.api.lists import LIMIT, Listing
from meterline.api.operations import Answer, Operation
from meterline.api.params.specs import Params, object_
from meterline.api.router import Routes
from meterline.services.base.context import Context
from meterline.services.work.operations import DueObject, due_objects

OBJECT: Final = "meterline.due_work"
_USUAL: Final = 10


def _list(ctx: Context, params: Params) -> Listing:
    """The objects whose work is due, the longest due first; those of test clocks wait for them."""
    most = params.get("limit", _USUAL)
    found = due_objects(ctx, most=most + 1)
    rows = [_row(work, livemode=ctx.livemode) for work in found[:most]]
    return Listing(rows, has_more=len(found) > most)


def _row(work: DueObject, *, livemode: bool) -> dict[str, object]:
    return {
        "object": OBJECT,
        "id": work.object_id,
        "due_at": work.due_at,
        "livemode": livemode,
        "object_type": work.kind,
        "status": work.status,
        "stuck": asdict(work.stuck) if work.stuck is not None else None,
    }


ROUTES = Routes(
    [
        Operation(
            method="GET",
            path="/v1/meterline/due_work",
            run=_list,
            permission="meterline_due_work",
            kind=OBJECT,
            answer=Answer.ROWS,
            params=object_(limit=LIMIT),
        )
    ]
)
