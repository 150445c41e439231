"""What a phase asks of its subscription, as the parameters of a creation or of a change.

Entering a phase is a creation or a change like any other: it is decided by the functions that
``POST /v1/subscriptions`` and ``POST /v1/subscriptions/{id}`` use. A phase says everything about
the subscription's items, discounts, collection and texts; metadata is merged.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from meterline.core.base.unset import UNSET
from meterline.core.schedules.phases import Sold, paired
from meterline.services.billing.schedule_bodies import (
    current_phase_of,
    current_place,
    end_set_by,
    inherits_discount,
)
from meterline.services.billing.subscription_bodies import items_of, renews_at
from meterline.services.billing.unit_of_work import UnitOfWork
from meterline.store.base.documents import Body

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        Subscription,
        SubscriptionItem,
        SubscriptionSchedule,
        SubscriptionScheduleDefaultSettings,
        SubscriptionSchedulePhase,
        SubscriptionSchedulePhaseAddInvoiceItem,
        SubscriptionSchedulePhaseDiscount,
        SubscriptionSchedulePhaseItem,
        TaxRate,
    )


def params_of_start(
    schedule: "SubscriptionSchedule",
    phase: "SubscriptionSchedulePhase",
    now: int,
) -> Body:
    """The parameters of the creation of a subscription that begins with a phase.

    A phase that began in the past backdates it.
    """
    settings = schedule["default_settings"]
    fields = _fields_of(settings, phase)
    params: Body = {name: value for name, value in fields.items() if value is not UNSET}
    params |= {
        "customer": schedule["customer"],
        "billing_mode": {"type": schedule["billing_mode"]["type"]},
        "currency": phase["currency"],
        "items": [
            _of_item(item) | {"discounts": named(item["discounts"])} for item in phase["items"]
        ],
        "discounts": named(phase["discounts"]),
        "inherits_discount": inherits_discount(phase),
        "metadata": {key: value for key, value in phase["metadata"].items() if value},
        "add_invoice_items": one_off_params(phase),
        "proration_behavior": phase["proration_behavior"],
    }
    if _is_taxed(settings, phase):
        params["automatic_tax"] = {"enabled": True}
    if phase["trial_end"] is not None and phase["trial_end"] > now:
        params["trial_end"] = phase["trial_end"]
    if phase["start_date"] < now:
        params["backdate_start_date"] = phase["start_date"]
    return params


def params_of_update(
    uow: UnitOfWork,
    subscription: "Subscription",
    schedule: "SubscriptionSchedule",
    former: "tuple[SubscriptionSchedulePhase, SubscriptionScheduleDefaultSettings]",
) -> Body:
    """The parameters of the change that an update of the current phase makes of a subscription.

    Of what the ``former`` phase and settings said too, nothing is asked again.
    """
    phase, settings = current_phase_of(schedule), schedule["default_settings"]
    was, had = former
    before = _fields_of(had, was)
    fields = _fields_of(settings, phase)
    params: Body = {name: value for name, value in fields.items() if value != before[name]}
    params |= _automatic_tax(_is_taxed(had, was), _is_taxed(settings, phase))
    params["items"] = [
        _without_former(change, item, was)
        for change, item in zip_longest(_changed_items(uow, subscription, phase), phase["items"])
    ]
    if _discounts_of(phase) != _discounts_of(was):
        params["discounts"] = _kept(uow, subscription["discounts"], phase["discounts"])
        params["inherits_discount"] = inherits_discount(phase)
    if phase["metadata"] != was["metadata"]:
        params["metadata"] = _merged(phase["metadata"])
    if phase["trial_end"] != was["trial_end"]:
        params |= _trial(subscription, phase, uow.ctx.now)
    charged = list(was["add_invoice_items"])
    params["add_invoice_items"] = [
        charge
        for item, charge in zip(phase["add_invoice_items"], one_off_params(phase), strict=True)
        if not _taken(charged, item)
    ]
    return params | _end(subscription, schedule)


def _discounts_of(phase: "SubscriptionSchedulePhase") -> tuple[Any, bool]:
    return phase["discounts"], inherits_discount(phase)


def _taken(
    charged: "list[SubscriptionSchedulePhaseAddInvoiceItem]",
    item: "SubscriptionSchedulePhaseAddInvoiceItem",
) -> bool:
    """Whether a charge is one of those that were made; each of them counts once."""
    if item not in charged:
        return False
    charged.remove(item)
    return True


def _without_former(
    change: Body, item: "SubscriptionSchedulePhaseItem | None", was: "SubscriptionSchedulePhase"
) -> Body:
    """The change of an item, without the discounts that the phase gave it before."""
    same = item is not None and any(
        (other["price"], other["discounts"]) == (item["price"], item["discounts"])
        for other in was["items"]
    )
    if same and "id" in change:
        return {name: value for name, value in change.items() if name != "discounts"}
    return change


def params_of_entry(
    uow: UnitOfWork,
    subscription: "Subscription",
    schedule: "SubscriptionSchedule",
    phase: "SubscriptionSchedulePhase",
) -> Body:
    """The parameters of the change that enters a phase; ``schedule`` is in it already.

    At the end of a period the renewal of that second bills what the change makes.
    """
    settings = schedule["default_settings"]
    former = schedule["phases"][current_place(schedule) - 1]
    params: Body = {
        **_fields_of(settings, phase),
        **_automatic_tax(_is_taxed(settings, former), _is_taxed(settings, phase)),
        "add_invoice_items": one_off_params(phase),
        "items": _changed_items(uow, subscription, phase),
        "discounts": _kept(uow, subscription["discounts"], phase["discounts"]),
        "inherits_discount": inherits_discount(phase),
        "metadata": _merged(phase["metadata"]),
        "proration_behavior": phase["proration_behavior"],
        **_trial(subscription, phase, uow.ctx.now),
        **_end(subscription, schedule),
    }
    resets = anchor_of(settings, phase) == "phase_start"
    if (
        resets
        and "trial_end" not in params
        and subscription["status"] not in ("trialing", "paused")
    ):
        params["billing_cycle_anchor"] = "now"
    elif params["proration_behavior"] == "always_invoice" and "trial_end" not in params:
        renews_now = renews_at(subscription) == uow.ctx.now
        params["proration_behavior"] = "create_prorations" if renews_now else "always_invoice"
    return params


def anchor_of(
    settings: "SubscriptionScheduleDefaultSettings", phase: "SubscriptionSchedulePhase"
) -> str:
    """``phase_start`` if a phase restarts the billing cycle, ``automatic`` if it goes on."""
    return phase["billing_cycle_anchor"] or settings["billing_cycle_anchor"]


def days_until_due(
    settings: "SubscriptionScheduleDefaultSettings", phase: "SubscriptionSchedulePhase"
) -> int | None:
    """How long invoices that are sent in a phase may be paid."""
    own = phase["invoice_settings"]
    days = None if own is None else own["days_until_due"]
    return settings["invoice_settings"]["days_until_due"] if days is None else days


def one_off_params(phase: "SubscriptionSchedulePhase") -> list[Body]:
    """The charges of a phase as ``add_invoice_items``, with the bounds of the phase as instants."""
    bounds = {"phase_start": phase["start_date"], "phase_end": phase["end_date"]}

    def bound(at: Mapping[str, Any]) -> Body:
        if at["type"] in bounds:
            return {"type": "timestamp", "timestamp": bounds[at["type"]]}
        return dict(at)

    charges = []
    for item in phase["add_invoice_items"]:
        period = {name: bound(item["period"][name]) for name in ("start", "end")}
        charge: Body = {
            "price": item["price"],
            "quantity": item["quantity"],
            "metadata": {key: value for key, value in item["metadata"].items() if value},
            "period": period,
            "discounts": named(item["discounts"]),
            "tax_rates": _ids(item["tax_rates"]),
        }
        if item["discountable"] is not None:
            charge["discountable"] = item["discountable"]
        charges.append(charge)
    return charges


def named(discounts: "Sequence[SubscriptionSchedulePhaseDiscount]") -> list[Body]:
    """The discounts of a phase as a request names them."""
    return [
        {name: value for name, value in entry.items() if value is not None} for entry in discounts
    ]


def _fields_of(
    settings: "SubscriptionScheduleDefaultSettings", phase: "SubscriptionSchedulePhase"
) -> Body:
    """The plain fields that a phase, or else the schedule, sets; UNSET clears one."""
    method = phase["collection_method"] or settings["collection_method"] or "charge_automatically"
    days = days_until_due(settings, phase) if method == "send_invoice" else None
    thresholds = phase["billing_thresholds"] or settings["billing_thresholds"]
    own: Mapping[str, Any] = phase["invoice_settings"] or {}
    usual: Mapping[str, Any] = settings["invoice_settings"]
    return {
        "billing_thresholds": thresholds or UNSET,
        "collection_method": method,
        "default_tax_rates": _ids(phase["default_tax_rates"]),
        "days_until_due": UNSET if days is None else days,
        "description": phase["description"] or settings["description"] or UNSET,
        "invoice_settings": {
            name: own.get(name) or usual[name] or UNSET
            for name in ("account_tax_ids", "custom_fields", "description", "footer")
        },
    }


def _is_taxed(
    settings: "SubscriptionScheduleDefaultSettings", phase: "SubscriptionSchedulePhase"
) -> bool:
    """Whether a phase, or else its schedule, has the tax engine compute the taxes."""
    tax: Mapping[str, Any] = phase.get("automatic_tax") or settings.get("automatic_tax") or {}
    return bool(tax.get("enabled"))


def _automatic_tax(before: bool, after: bool) -> Body:  # noqa: FBT001 - of two phases
    """The change of who computes the taxes; a subscription's own goes on where phases agree."""
    return {} if before == after else {"automatic_tax": {"enabled": after}}


def _ids(rates: "Iterable[TaxRate]") -> list[str]:
    return [rate["id"] for rate in rates]


def _changed_items(
    uow: UnitOfWork, subscription: "Subscription", phase: "SubscriptionSchedulePhase"
) -> list[Body]:
    """The items of a phase as changes of those that there are; the others are deleted."""
    before = items_of(subscription)
    sold = [Sold(item["price"]["id"], item["price"]["product"]) for item in before]
    prices = uow.read(item["price"] for item in phase["items"])
    products = {price_id: price.body["product"] for price_id, price in prices.items()}
    wanted = [Sold(item["price"], products.get(item["price"], "")) for item in phase["items"]]
    places = paired(sold, wanted)
    changes = [
        _change_of(uow, None if place is None else before[place], item)
        for place, item in zip(places, phase["items"], strict=True)
    ]
    gone = [item for place, item in enumerate(before) if place not in places]
    return changes + [{"id": item["id"], "deleted": True} for item in gone]


def _change_of(
    uow: UnitOfWork, before: "SubscriptionItem | None", item: "SubscriptionSchedulePhaseItem"
) -> Body:
    change = _of_item(item)
    if before is None:
        return change | {"discounts": named(item["discounts"])}
    if before["price"]["id"] == item["price"]:
        change.pop("price")
    discounts = _kept(uow, before["discounts"], item["discounts"])
    return {"billing_thresholds": UNSET} | change | {"id": before["id"], "discounts": discounts}


def _of_item(item: "SubscriptionSchedulePhaseItem") -> Body:
    request: Body = {
        "price": item["price"],
        "metadata": _merged(item["metadata"]),
        "tax_rates": _ids(item["tax_rates"]),
    }
    if "quantity" in item:
        request["quantity"] = item["quantity"]
    if item["billing_thresholds"] is not None:
        request["billing_thresholds"] = item["billing_thresholds"]
    return request


def _kept(
    uow: UnitOfWork,
    standing: Sequence[str],
    wanted: "Sequence[SubscriptionSchedulePhaseDiscount]",
) -> list[Body]:
    """The discounts that a phase wants; one of the same coupon or code that stands goes on."""
    there: dict[str, str] = {}
    for discount in uow.read(standing).values():
        there[discount.body["promotion_code"] or discount.body["source"]["coupon"]] = discount.id
    named_by = (entry.get("promotion_code") or entry.get("coupon") for entry in named(wanted))
    return [
        entry if name not in there else {"discount": there[name]}
        for name, entry in zip(named_by, named(wanted), strict=True)
    ]


def _merged(metadata: Mapping[str, str]) -> Body:
    """The metadata of a phase as a request has it: an empty value takes a key away."""
    return {key: value or UNSET for key, value in metadata.items()}


def _trial(subscription: "Subscription", phase: "SubscriptionSchedulePhase", now: int) -> Body:
    """The trial of a phase, if it begins another one; the end of one that goes on without it."""
    trial_end = phase["trial_end"]
    trials = subscription["status"] == "trialing"
    if trial_end is not None and trial_end > now:
        same = trials and subscription["trial_end"] == trial_end
        return {} if same else {"trial_end": trial_end}
    return {"trial_end": "now"} if trials else {}


def _end(subscription: "Subscription", schedule: "SubscriptionSchedule") -> Body:
    """The end that the schedule sets, or takes back."""
    end = end_set_by(schedule)
    if end == subscription["cancel_at"]:
        return {}
    return {"cancel_at": UNSET if end is None else end}
