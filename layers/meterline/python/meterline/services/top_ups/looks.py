"""Looking at live balances of credits: once usage was counted, and when a rule is due.

The balance is what is left once all that was used is billed (``previews.live_credits``). A look
that finds it high enough says how much more may be used before anybody has to look again.
"""

from typing import TYPE_CHECKING

from meterline.services.billing.unit_of_work import UnitOfWork, open_unit_of_work
from meterline.services.credits.top_up_bodies import (
    UPDATED,
    CreditTopUp,
    canceled,
    idle_top_ups,
    rule_document,
    to_be_looked_at,
    with_rule,
)
from meterline.services.credits.top_ups import available_to
from meterline.services.previews.live_credits import AllBilled, all_billed
from meterline.services.subscriptions.threshold_rooms import BilledUsage, Rooms, earliest_end
from meterline.services.subscriptions.usage_so_far import usage_of_periods
from meterline.services.top_ups.buying import bought, put_rule
from meterline.store.base.documents import Change, Document

if TYPE_CHECKING:
    from meterline.core.base.wire import Customer
    from meterline.services.base.context import Context


def buy_where_low(
    ctx: "Context", customer: "Document[Customer]", rooms: Rooms | None = None
) -> list[str]:
    """Buy credits by each rule of a customer whose balance is too low; the ids of these rules.

    Otherwise ``rooms`` are lowered to what is left until one is.
    """
    entries = idle_top_ups(customer.body)
    if not entries:
        return []
    billed = all_billed(ctx, customer)
    left = {
        entry["top_up"]: available_to(billed.customer, entry, ctx.now) - entry["threshold"]
        for entry in entries
    }
    low = [rule_id for rule_id, more in left.items() if more < 0]
    if not low:
        if rooms is not None:
            _lower(rooms, ctx, billed, min(left.values()))
        return []
    uow = open_unit_of_work(ctx, customer)
    rules: dict[str, Document[CreditTopUp]] = uow.read(low)
    for document in rules.values():
        _change(uow, document, bought(uow, document.body))
    uow.save()
    return low


def look_at_balance(ctx: "Context", document: "Document[CreditTopUp]") -> list[Document]:
    """Look at the balance of a rule that is due: buy if it is too low, or wait for usage.

    A rule whose limit was reached goes on with the next period. A customer that is deleted buys
    nothing.
    """
    rule, customer = document.body, ctx.store.get(document.body["customer"])
    if customer is None or customer.body.get("deleted"):
        written = rule_document(document, canceled(rule))
        ctx.save(Change(puts=[written]))
        return [written]
    uow = open_unit_of_work(ctx, customer)
    changed = bought_if_low(uow, going_on(to_be_looked_at(rule, None)))
    _change(uow, document, changed)
    return uow.save()


def going_on(rule: CreditTopUp) -> CreditTopUp:
    """The rule, watched again if it waited for the next period of its limit."""
    if rule["status"] != "limit_reached":
        return rule
    return {**rule, "status": "active"}


def bought_if_low(uow: UnitOfWork, rule: CreditTopUp) -> CreditTopUp:
    """The rule, which has bought credits if it is watched and its balance is too low."""
    known = idle_top_ups(with_rule(uow.customer, rule))
    entry = next((one for one in known if one["top_up"] == rule["id"]), None)
    if entry is None:
        return rule
    billed = all_billed(uow.ctx, uow.stored_customer)
    is_low = available_to(billed.customer, entry, uow.ctx.now) < entry["threshold"]
    return bought(uow, rule) if is_low else rule


def _change(uow: UnitOfWork, document: "Document[CreditTopUp]", rule: CreditTopUp) -> None:
    """Store a rule, and tell if what it shows is another."""
    put_rule(uow, document, rule)
    shown = ("status", "latest_invoice")
    if any(rule[name] != document.body[name] for name in shown):  # type: ignore[literal-required]
        uow.emit(UPDATED, rule, document.body)


def _lower(rooms: Rooms, ctx: "Context", billed: AllBilled, left: int) -> None:
    used = [
        BilledUsage(subscription, draft, usage_of_periods(ctx, subscription))
        for subscription, draft in billed.previews
    ]
    rooms.add_balance(used, left if billed.is_whole else 0)
    ends = [earliest_end(billed.uow, subscription) for subscription, _ in billed.previews]
    rooms.until = min([rooms.until, *ends])
