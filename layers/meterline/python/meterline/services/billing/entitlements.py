"""Active entitlements: what a customer may do, as its subscriptions' items grant it.

The customer remembers the grants, and every commit that changes a subscription brings them up to
date: so they are never behind, and whoever has the customer knows them. The rules are in ``core``.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from meterline.core.base.errors import BillingError
from meterline.core.billing.entitlements import (
    GRANTING,
    MOST_GRANTS,
    GrantedFeature,
    ItemGrant,
    ItemPeriod,
    active_features,
    begun,
    grants_after,
    number_of,
)
from meterline.core.kinds.events import ENTITLEMENT_ADDED, ENTITLEMENT_REMOVED
from meterline.services.base.ids import derived_id
from meterline.services.billing.subscription_bodies import items_of
from meterline.services.catalog.product_bodies import AttachedFeature, features_of
from meterline.services.customers.customer_state import CustomerState

if TYPE_CHECKING:
    from meterline.core.base.wire import ActiveEntitlement, Customer, Product, Subscription
    from meterline.store.base.documents import Document

KIND: Final = "entitlements.active_entitlement"
SUMMARY = "entitlements.active_entitlement_summary"
UPDATED = f"{SUMMARY}.updated"

_SHOWN = 10
_TOLD = 100
"""How many of those that were added, or removed, an event names."""

_DIGITS = 12
_CUSTOMER_PREFIX = "cus_"

type _Periods = dict[str, ItemPeriod]
type _ReadProducts = Callable[[Iterable[str]], "Mapping[str, Document[Product]]"]


def with_entitlements(
    customer: "Customer",
    subscriptions: "Iterable[Document[Subscription]]",
    read_products: _ReadProducts,
    *,
    is_asked_for: bool,
) -> "Customer":
    """The customer after a commit that stores these subscriptions.

    Products are read only where a period of an item begins. Refused if a request would have more
    granted than is remembered; scheduled work then leaves what it finds.
    """
    changes = [(document, *_begun(document)) for document in subscriptions]
    wanted = {period["product"] for _, _, fresh in changes for period in fresh.values()}
    products = read_products(sorted(wanted)) if wanted else {}
    grants = before = grants_of(customer)
    for document, items, fresh in changes:
        found = {item: _features(products, period) for item, period in fresh.items()}
        changed = grants_after(grants, document.id, items, found)
        if number_of(changed) > max(MOST_GRANTS, number_of(grants)):
            if is_asked_for:
                raise _too_many()
            changed = grants_after(grants, document.id, items, {})
        grants = changed
    if grants == before:
        return customer
    return replace(CustomerState.of(customer), grants=grants or None).on(customer)


def grants_of(customer: Mapping[str, Any]) -> list[ItemGrant]:
    """What the subscriptions of a customer grant."""
    return CustomerState.of(customer).grants or []


def entitlements_of(customer: Mapping[str, Any]) -> "list[ActiveEntitlement]":
    """The active entitlements of a customer, the newest first."""
    return [
        {
            "id": _id_of(customer, feature),
            "object": KIND,
            "feature": feature,
            "livemode": customer["livemode"],
            "lookup_key": lookup_key,
        }
        for feature, lookup_key in active_features(grants_of(customer)).items()
    ]


def summary_of(customer: "Customer") -> Mapping[str, Any]:
    """The summary of a customer's active entitlements, as events show it: the first ten."""
    return _with_entitlements(customer, entitlements_of(customer), _SHOWN)


def difference_of(
    customer: "Customer", former: "Customer"
) -> "Iterator[tuple[str, Mapping[str, Any]]]":
    """What a change has added to the entitlements of a customer, and removed, by type of event.

    One of each tells of all: a customer may have a thousand features.
    """
    before, after = entitlements_of(former), entitlements_of(customer)
    for type_, some, others in (
        (ENTITLEMENT_ADDED, after, before),
        (ENTITLEMENT_REMOVED, before, after),
    ):
        known = {entitlement["id"] for entitlement in others}
        changed = [entitlement for entitlement in some if entitlement["id"] not in known]
        if changed:
            yield type_, _with_entitlements(customer, changed, _TOLD)


def _with_entitlements(
    customer: "Customer", entitlements: "Sequence[ActiveEntitlement]", most: int
) -> Mapping[str, Any]:
    return {
        "object": SUMMARY,
        "customer": customer["id"],
        "entitlements": {
            "object": "list",
            "data": entitlements[:most],
            "has_more": len(entitlements) > most,
            "url": f"/v1/customer/{customer['id']}/entitlements",
        },
        "livemode": customer["livemode"],
    }


def is_entitled_alike(customer: "Customer", other: "Customer") -> bool:
    """Whether two states of a customer have the same active entitlements."""
    return active_features(grants_of(customer)) == active_features(grants_of(other))


def customer_id_of(entitlement_id: str) -> str:
    """The id of the customer whose entitlement has this id, if it is one."""
    tail = entitlement_id.removeprefix("ent_").removeprefix("test_")
    return f"{_CUSTOMER_PREFIX}{tail[:-_DIGITS]}"


def _begun(document: "Document[Subscription]") -> tuple[_Periods, _Periods]:
    """The items of a subscription that grant, and those of them whose grants begin anew."""
    stored = document.stored
    after = _periods(document.body)
    return after, begun(_periods(stored) if stored else {}, after)


def _periods(subscription: "Subscription") -> _Periods:
    if subscription["status"] not in GRANTING:
        return {}
    return {
        item["id"]: {
            "product": item["price"]["product"],
            "start": item["current_period_start"],
            "end": item["current_period_end"],
        }
        for item in items_of(subscription)
    }


def _features(
    products: "Mapping[str, Document[Product]]", period: ItemPeriod
) -> list[GrantedFeature]:
    product = products.get(period["product"])
    attached = features_of(product.body) if product else []
    return [_granted(attachment) for attachment in attached]


def _granted(attached: AttachedFeature) -> GrantedFeature:
    granted: GrantedFeature = {
        "feature": attached["feature"],
        "lookup_key": attached["lookup_key"],
    }
    return {**granted, "limit": attached["limit"]} if "limit" in attached else granted


def _id_of(customer: Mapping[str, Any], feature: str) -> str:
    """The id of an entitlement: its customer can be read off it, as there is no stored object."""
    prefix = "ent_" if customer["livemode"] else "ent_test_"
    own = derived_id("", customer["id"], feature)[:_DIGITS]
    return f"{prefix}{customer['id'].removeprefix(_CUSTOMER_PREFIX)}{own}"


def _too_many() -> BillingError:
    return BillingError(
        f"A customer's subscriptions can have {MOST_GRANTS} features at most, each counted for"
        " every item that it comes with. Detach features from products, or end subscriptions.",
        param="items",
    )
