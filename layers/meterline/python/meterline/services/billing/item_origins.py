"""Where an invoice item comes from: the subscription that it belongs to, if there is one."""

from typing import TYPE_CHECKING

from meterline.services.billing.private_states import InvoiceItemState

if TYPE_CHECKING:
    from meterline.core.base.wire import InvoiceItem, InvoiceItemParentSubscriptionDetails


def subscription_of_item(item: "InvoiceItem") -> str | None:
    """The id of the subscription that an invoice item belongs to."""
    origin = origin_of_item(item)
    return None if origin is None else origin["subscription"]


def origin_of_item(item: "InvoiceItem") -> "InvoiceItemParentSubscriptionDetails | None":
    """The subscription that an invoice item comes from, and its item; None for a plain one.

    The credit of a cancelled subscription does not show them: private state has them.
    """
    parent = InvoiceItemState.of(item).parent or item["parent"]
    return None if parent is None else parent["subscription_details"]
