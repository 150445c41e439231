"""The answers to an operator: what is due and stuck, and how an invoice came about."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from meterline.core.base.frozen import frozen
from meterline.services.base.context import Context
from meterline.services.base.lookups import find
from meterline.services.billing.invoice_bodies import billed_period
from meterline.services.billing.private_states import (
    ExplainedBounds,
    ExplainedStep,
    LineExplanation,
    LineState,
)
from meterline.store.base import keys
from meterline.store.base.documents import LIVE
from meterline.store.work.stuck import Stuck, read_stuck
from meterline.store.work.sweeps import due_page

if TYPE_CHECKING:
    from meterline.core.base.wire import InvoiceLine


@frozen
class DueObject:
    """An object with work that is due: since when (UTC seconds), what it is now, and whether it is
    stuck.
    """

    object_id: str
    kind: str
    status: str
    due_at: int
    stuck: Stuck | None = None


def due_objects(ctx: Context, *, most: int) -> list[DueObject]:
    """The objects of this mode that are due by ``ctx.now``, oldest first, up to ``most``."""
    partitions = keys.due_keys(ctx.livemode, LIVE)
    entries = [
        entry
        for partition in partitions
        for entry in due_page(partition, 0, ctx.now, limit=most).entries
    ]
    entries.sort(key=lambda entry: (entry.due_at, entry.object_id))
    ids = [entry.object_id for entry in entries[:most]]
    found, stuck = ctx.store.get_many(ids), read_stuck(ctx.livemode, ids)
    return [
        DueObject(
            entry.object_id,
            document.kind,
            "deleted" if document.body.get("deleted") else document.body["status"],
            entry.due_at,
            _of_instant(stuck.get(entry.object_id), entry.due_at),
        )
        for entry in entries[:most]
        if (document := found.get(entry.object_id)) is not None
    ]


def _of_instant(stuck: Stuck | None, due_at: int) -> Stuck | None:
    return stuck if stuck is not None and stuck.due_at == due_at else None


def explain_invoice(ctx: Context, invoice_id: str) -> list[str]:
    """How an invoice came about, in lines of text: each of its lines tier by tier, then totals."""
    invoice = find(ctx, "invoice", invoice_id).body
    currency = invoice["currency"].upper()
    return [
        (
            f"{invoice_id} is {invoice['status']}: {invoice['billing_reason']} for"
            f" {invoice['customer']}, period {invoice['period_start']} to {invoice['period_end']};"
            f" amounts in minor units of {currency}"
        ),
        *(text for line in invoice["lines"]["data"] for text in _explain_line(line)),
        (
            f"subtotal {invoice['subtotal']}, total {invoice['total']}, balance before"
            f" {invoice['starting_balance']}, due {invoice['amount_due']}"
        ),
    ]


def _explain_line(line: "InvoiceLine") -> Iterator[str]:
    state = LineState.of(line)
    how: LineExplanation = state.explanation or {"steps": [], "full_amount": 0}
    yield f"  {line['description']}: {line['amount']}"
    if state.meter:
        period = billed_period(line)
        yield (
            f"    usage {line['quantity_decimal']} of {state.meter}"
            f" from {period.start} until {period.end}"
        )
    if state.corrects:
        shown = line["period"]
        yield (
            f"    late usage from {shown['start']} until {shown['end']}: what that period costs"
            f" now, less what {state.corrects} and its corrections billed"
        )
    for step in [*how.get("steps", ()), *how.get("rated_again", ())]:
        yield f"    {_explain_step(step)}"
    if how.get("seconds") != how.get("of_seconds"):
        yield (
            f"    {how['full_amount']} x {how['seconds']} s / {how['of_seconds']} s"
            f" = {line['amount']}"
        )
    if bounds := how.get("bounds"):
        yield _explain_bounds(bounds)


def _explain_step(step: ExplainedStep) -> str:
    upto = "" if step["up_to"] is None else f" up to {step['up_to']}"
    tier = "" if step["tier"] is None else f"tier {step['tier']}{upto}: "
    counted = f"{step['quantity']} events" if step["counts"] == "events" else step["quantity"]
    flat = "" if step["flat_amount"] in (None, "0") else f" + {step['flat_amount']} flat"
    return f"{tier}{counted} x {step['unit_amount']}{flat} = {step['amount']}"


def _explain_bounds(bounds: ExplainedBounds) -> str:
    limits = (("minimum", bounds["minimum_amount"]), ("maximum", bounds["maximum_amount"]))
    named = " and ".join(f"{name} {amount}" for name, amount in limits if amount is not None)
    return (
        f"{named} for {bounds['seconds']} s / {bounds['of_seconds']} s:"
        f" {bounds['usage_amount']} - {bounds['reduction']} + {bounds['true_up']}"
    )
