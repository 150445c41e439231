"""Entitlements: which features the subscriptions of a customer grant (contract section E).

An item of a subscription grants the features that its product had when the item's period began:
what is attached or detached later counts from the next period. A subscription grants while it is
active or in a trial, and also while it is past due: that is the time in which the customer is asked
to pay. One that is incomplete, paused, unpaid or over grants nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NotRequired, TypedDict

GRANTING = frozenset({"active", "past_due", "trialing"})
"""The statuses in which a subscription grants features."""

MOST_GRANTS = 1_000
"""Features that a customer's subscriptions grant, each as often as an item grants it."""


class FeatureLimit(TypedDict):
    """How much usage of a meter a feature comes with in each period; a decimal as text."""

    meter: str
    quantity: str


class GrantedFeature(TypedDict):
    """A feature as it is granted; without a limit, to any extent."""

    feature: str
    lookup_key: str
    limit: NotRequired[FeatureLimit]


class GrantPeriod(TypedDict):
    """For which usage a limit is: from the start to before the end, UTC seconds."""

    start: int
    end: int


class ItemGrant(TypedDict):
    """What one item of a subscription grants in its running period, which stands here if there is
    a limit: what has none is not written again with each renewal.
    """

    subscription: str
    item: str
    features: list[GrantedFeature]
    period: NotRequired[GrantPeriod]


class ItemPeriod(TypedDict):
    """The running period of an item, and the product that it sells in it."""

    product: str
    start: int
    end: int


def begun(
    before: Mapping[str, ItemPeriod], after: Mapping[str, ItemPeriod]
) -> dict[str, ItemPeriod]:
    """The items whose grants begin anew: new ones, in another period, or of another product.

    Both are the items of one subscription by id, none if it does not grant.
    """

    def stands(item: str, period: ItemPeriod) -> bool:
        former = before.get(item)
        return former is not None and former | {"end": period["end"]} == period

    return {item: period for item, period in after.items() if not stands(item, period)}


def grants_after(
    grants: Sequence[ItemGrant],
    subscription: str,
    items: Mapping[str, ItemPeriod],
    fresh: Mapping[str, list[GrantedFeature]],
) -> list[ItemGrant]:
    """A customer's grants after a change of one subscription that now has these ``items``.

    ``fresh`` are the features of those that begin anew. Items keep their places.
    """
    features = {
        grant["item"]: grant["features"]
        for grant in grants
        if grant["subscription"] == subscription
    }
    kept = {item: listed for item, listed in features.items() if item in items}
    whole = {**kept, **fresh}
    changed: list[ItemGrant] = []
    for grant in grants:
        if grant["subscription"] != subscription:
            changed.append(grant)
        elif listed := whole.pop(grant["item"], []):
            changed.append(_grant(subscription, grant["item"], listed, items))
    changed += [
        _grant(subscription, item, listed, items) for item, listed in whole.items() if listed
    ]
    return changed


def _grant(
    subscription: str,
    item: str,
    features: list[GrantedFeature],
    periods: Mapping[str, ItemPeriod],
) -> ItemGrant:
    grant: ItemGrant = {"subscription": subscription, "item": item, "features": features}
    if any("limit" in feature for feature in features):
        grant["period"] = {"start": periods[item]["start"], "end": periods[item]["end"]}
    return grant


def number_of(grants: Iterable[ItemGrant]) -> int:
    """How many features are granted, each as often as an item grants it."""
    return sum(len(grant["features"]) for grant in grants)


def active_features(grants: Sequence[ItemGrant]) -> dict[str, str]:
    """The lookup keys of the features that are granted, by id: each once, the newest first."""
    return {
        granted["feature"]: granted["lookup_key"]
        for grant in reversed(grants)
        for granted in reversed(grant["features"])
    }
