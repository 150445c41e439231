"""The recorded steps whose answers differ from Stripe's, by the reason.

All others are equal: 309 of the 311 requests that were recorded of what Meterline has.
"""

from collections.abc import Mapping

ON_PURPOSE: Mapping[str, tuple[str, ...]] = {
    "a change of the anchor to now sends an invoice at once, as Stripe's guide says": (
        "kiln_probe_prorations/anchor now: latest invoice",
        "kiln_probe_prorations/anchor now: what is pending",
    ),
}
