"""Features: what products let their customers do (contract section E).

A feature has no events. Its lookup key is its own while it is active; archiving is final, frees the
key, and takes the feature from nobody whose product has it.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from meterline.core.base.errors import BillingError
from meterline.core.base.frozen import frozen
from meterline.core.base.private_state import PrivateState
from meterline.core.base.unset import merged_metadata
from meterline.services.base.context import Context
from meterline.services.base.ids import new_id
from meterline.services.base.lookups import find
from meterline.store.base.documents import Body, Change, Claim, ClaimTaken, Document

if TYPE_CHECKING:
    from meterline.core.base.wire import Feature

KIND: Final = "entitlements.feature"
LOOKUP_KEY = "feature_lookup_key"
"""The claim through which a lookup key leads to the active feature that has it."""


@frozen
class FeatureState(PrivateState):
    """What a feature remembers: when it was created, which Stripe's does not show."""

    created: int | None = None


def create_feature(ctx: Context, params: Body) -> "Feature":
    """Create a feature under a lookup key that no active one has."""
    feature: Feature = {
        "id": new_id("feat_" if ctx.livemode else "feat_test_"),
        "object": KIND,
        "active": True,
        "livemode": ctx.livemode,
        "lookup_key": params["lookup_key"],
        "metadata": merged_metadata({}, params.get("metadata")),
        "name": params["name"],
    }
    feature = FeatureState(created=ctx.now).on(feature)
    document = Document(kind=KIND, livemode=ctx.livemode, body=feature)
    change = Change(puts=[document], claims=[_claim(feature)])
    try:
        ctx.save(change, result_id=feature["id"])
    except ClaimTaken:
        raise BillingError(
            f"A feature with lookup_key {feature['lookup_key']} already exists.",
            code="resource_already_exists",
            param="lookup_key",
        ) from None
    return feature


def update_feature(ctx: Context, feature_id: str, params: Body) -> "Feature":
    """Change the name or metadata of an active feature, or archive it for good."""
    document = find(ctx, KIND, feature_id)
    before = document.body
    if not before["active"]:
        raise BillingError(
            f"The feature {feature_id} is archived: it can neither be changed nor made active"
            " again. Create a new one; its lookup key is free.",
            param="active" if "active" in params else None,
        )
    feature: Feature = before | {
        "active": params.get("active", True),
        "metadata": merged_metadata(before["metadata"], params.get("metadata")),
        "name": params.get("name", before["name"]),
    }
    change = Change(checks=[document])
    if feature != before:
        releases = [] if feature["active"] else [_claim(feature)]
        change = Change(puts=[replace(document, body=feature)], releases=releases)
    ctx.save(change, result_id=feature_id)
    return feature


def _claim(feature: "Feature") -> Claim:
    return Claim(LOOKUP_KEY, feature["lookup_key"], feature["id"])
