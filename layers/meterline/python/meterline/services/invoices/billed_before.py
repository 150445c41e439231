"""What thresholds billed of the running period's usage, with which discounts and taxes."""

from typing import TYPE_CHECKING

from meterline.services.billing.invoice_bodies import (
    billed_item_of,
    invoice_lines,
)
from meterline.services.billing.line_discounts import billed_with_reductions
from meterline.services.billing.private_states import (
    BilledBefore,
    LineState,
    SubscriptionItemState,
)
from meterline.services.billing.tier_lines import whole_lines
from meterline.services.billing.unit_of_work import UnitOfWork

if TYPE_CHECKING:
    from meterline.core.base.wire import SubscriptionItem


def usage_billed(uow: UnitOfWork, item: "SubscriptionItem") -> BilledBefore | None:
    """The amount and quantity of a metered item that its period's invoices billed, if any did.

    ``gives_back`` says what may come back of it. The discounts are those of the last invoice as it
    stands: they may have changed as long as it was a draft.
    """
    billed = SubscriptionItemState.of(item).usage_billed
    if billed is None:
        return None
    invoice = uow.ctx.store.get(billed["invoice"]) if "invoice" in billed else None
    lines = [] if invoice is None else invoice_lines(invoice.body)
    own_lines = [line for line in whole_lines(lines) if billed_item_of(line) == item["id"]]
    taxed = next((LineState.of(line).taxed for line in own_lines), None)
    gives_back = billed_with_reductions(billed["amount"], own_lines)
    return {**billed, "gives_back": gives_back, "taxed": taxed}
