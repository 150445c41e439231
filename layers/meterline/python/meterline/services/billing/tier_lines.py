"""Lines of the tiers of one price, and the whole that they are of.

An invoice shows a line for each tier that a quantity reached and for each flat amount. The first of
them has the id of the whole, the others name it. What is said of the whole (usage that is counted
anew, what was billed before, what a change gives back) is said of all of them together.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from meterline.core.base.money import exact_difference, exact_sum, format_decimal
from meterline.services.base.ids import derived_object_id
from meterline.services.billing.private_states import LineState

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        InvoiceLine,
    )


def tier_line(first: "InvoiceLine", place: int) -> "InvoiceLine":
    """A line like the first one of a whole as the one at a place among the whole's lines."""
    if place == 0:
        return first
    state = replace(LineState.of(first), described=None, tier_of=first["id"])
    return state.on(first | {"id": derived_object_id("line_item", first["id"], place)})


def whole_id(line: Mapping[str, object]) -> str:
    """The id of the whole that a line is of: its own, unless it is that of a further tier."""
    return LineState.of(line).tier_of or str(line["id"])


def by_whole(lines: Iterable["InvoiceLine"]) -> dict[str, list["InvoiceLine"]]:
    """The lines of each whole by its id, in the order of the invoice."""
    wholes: dict[str, list[InvoiceLine]] = {}
    for line in lines:
        wholes.setdefault(whole_id(line), []).append(line)
    return wholes


def whole_lines(lines: Iterable["InvoiceLine"]) -> list["InvoiceLine"]:
    """Lines with those of one price's tiers as one, which has all that they bill."""
    return [_joined(of) for of in by_whole(lines).values()]


def line_ids(whole: "InvoiceLine") -> list[str]:
    """The ids of the lines that ``whole_lines`` made one."""
    return LineState.of(whole).line_ids or [whole["id"]]


def with_billed_before(
    lines: Sequence["InvoiceLine"], amount_minor: int, quantity: Decimal
) -> list["InvoiceLine"]:
    """The lines of a whole, each with what of it was billed before: as far as it goes, in order.

    What is more than all of them falls to the last. Discounts take their part of the difference,
    and credits in units pay for no more than the rest of the quantity.
    """
    shared, left = [], amount_minor
    for line in lines:
        share = left if line is lines[-1] else min(left, line["amount"])
        units = min(quantity, Decimal(line["quantity_decimal"]))
        state = replace(
            LineState.of(line), billed_before=share, quantity_before=format_decimal(units)
        )
        shared.append(state.on(line))
        left -= share
        quantity = exact_difference(quantity, units)
    return shared


def without_billed_before[S: LineState](state: S) -> S:
    """What a line remembers as if nothing of it was billed before."""
    return replace(state, billed_before=None, gives_back=None, quantity_before=None, untaxed=None)


def quantity_before(lines: Iterable["InvoiceLine"]) -> Decimal:
    """What of the quantity of a whole was billed before."""
    return exact_sum(Decimal(LineState.of(line).quantity_before or 0) for line in lines)


def _joined(lines: list["InvoiceLine"]) -> "InvoiceLine":
    if len(lines) == 1:
        return lines[0]
    amount = sum(line["amount"] for line in lines)
    quantity = exact_sum(Decimal(line["quantity_decimal"]) for line in lines)
    joined = lines[0] | {
        "amount": amount,
        "discount_amounts": [part for line in lines for part in line["discount_amounts"]],
        "quantity": int(quantity),
        "quantity_decimal": format_decimal(quantity),
        "subtotal": amount,
    }
    credited = [part for line in lines for part in LineState.of(line).credits or ()]
    ids = [line["id"] for line in lines]
    return replace(LineState.of(joined), credits=credited or None, line_ids=ids).on(joined)
