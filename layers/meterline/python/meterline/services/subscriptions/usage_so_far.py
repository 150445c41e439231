"""What metered items have used of their running periods, and the lines that would bill it now."""

from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING

from meterline.core.base.frozen import frozen
from meterline.core.base.money import EXACT
from meterline.core.base.periods import Period
from meterline.core.billing.invoicing import interim_line
from meterline.core.catalog.price_models import Usage
from meterline.services.base.context import Context
from meterline.services.billing.item_terms import (
    billed_item,
    is_metered,
    usage_period,
    usage_span,
)
from meterline.services.billing.private_states import SubscriptionItemState
from meterline.services.billing.subscription_bodies import items_of
from meterline.services.invoices.drafting import ItemLine
from meterline.services.invoices.metered import usage_in

if TYPE_CHECKING:
    from meterline.core.base.wire import Subscription, SubscriptionItem


@frozen
class ItemUsage:
    """What a metered item used in its period so far, and how much of that is billed."""

    item: "SubscriptionItem"
    period: Period
    usage: Usage

    @property
    def crossed_threshold(self) -> int | None:
        """The item's own threshold, if it has one and what is not billed yet reaches it."""
        left = self.left
        return self._threshold if left is not None and left <= 0 else None

    @property
    def left(self) -> Decimal | None:
        """How much more is used when the item's own threshold is reached, if it has one."""
        if self._threshold is None:
            return None
        earlier = SubscriptionItemState.of(self.item).usage_billed
        billed = "0" if earlier is None else earlier["quantity"]
        further = EXACT.subtract(self.usage.quantity, Decimal(billed))
        return EXACT.subtract(Decimal(self._threshold), further)

    @property
    def _threshold(self) -> int | None:
        thresholds = self.item["billing_thresholds"]
        return None if thresholds is None else thresholds["usage_gte"]


def usage_of_periods(ctx: Context, subscription: "Subscription") -> list[ItemUsage]:
    """What each metered item has used of its whole running period, also ahead of the clock."""
    metered = list(filter(is_metered, items_of(subscription)))
    periods = {item["id"]: (item, usage_period(item)) for item in metered}
    usage = usage_in(ctx, subscription["customer"], periods)
    return [ItemUsage(*cut, usage[item_id]) for item_id, cut in periods.items()]


def interim_lines(subscription: "Subscription", usage: Iterable[ItemUsage]) -> list[ItemLine]:
    """The lines of usage in the middle of its period."""
    anchor = subscription["billing_cycle_anchor"]
    return [
        ItemLine(
            used.item,
            interim_line(
                billed_item(used.item),
                used.usage,
                used.period,
                usage_span(used.item, anchor, usage_period(used.item)),
            ),
        )
        for used in usage
    ]
