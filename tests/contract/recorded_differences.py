"""The recorded steps whose answers differ from Stripe's, by the reason.

All other steps are equal. ``TO_BE_MENDED`` is to become empty.
"""

from collections.abc import Mapping

ON_PURPOSE: Mapping[str, tuple[str, ...]] = {
    "a change of the anchor to now sends an invoice at once, as Stripe's guide says": (
        "kiln_probe_prorations/anchor now: latest invoice",
        "kiln_probe_prorations/anchor now: what is pending",
    ),
    "a change is done or refused: none waits for a payment": (
        "kiln_12_subscriptions/42",
        "kiln_12_subscriptions/43",
    ),
    "the url of a list is a bare path: SDKs add the parameters again": (
        "kiln_12_subscriptions/15",
    ),
    "text that tells what was wrong as well": ("kiln_07_catalog/57",),
}

TO_BE_MENDED: Mapping[str, tuple[str, ...]] = {
    "the period of what is charged once is the subscription's": (
        "pay_rails/one_time_charge lines",
    ),
    "a trial that ends without a payment method": ("kiln_12_subscriptions/39",),
    "a trial's end together with a new anchor": ("pay_rails/swap_and_reset as sent",),
    "the latest invoice of a renewal is told by a later event": (
        "others/subscription.updated, renewed: only its items",
    ),
    "fields and texts of refusals": (
        "kiln_07_catalog/23",
        "kiln_12_subscriptions/07 once more there",
        "kiln_12_subscriptions/48",
        "kiln_13_invoices/32 [r] amount and quantity",
        "kiln_lists_and_errors/prefix AB_1",
        "kiln_lists_and_errors/prefix 13 letters",
    ),
}
