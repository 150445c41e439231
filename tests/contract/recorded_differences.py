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
    "a trial that ends without a payment method": ("kiln_12_subscriptions/39",),
}
