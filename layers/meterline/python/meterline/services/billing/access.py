"""The gate: may this customer use a feature, and how much of it is left (beyond Stripe).

An application asks before it serves. What a customer's subscriptions grant stands with the
customer, so that one read answers; of a feature with a limit, that read brings the usage as well.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from meterline.core.base.errors import no_such
from meterline.core.base.frozen import frozen
from meterline.core.base.money import format_decimal
from meterline.core.billing.entitlements import GrantedFeature, GrantPeriod
from meterline.core.metering.aggregation import EXACT
from meterline.services.base.context import Context
from meterline.services.base.lookups import customers_now, find
from meterline.services.billing.entitlements import grants_of
from meterline.services.metering.running_usage import Seen, read_with_usage, used_between

if TYPE_CHECKING:
    from meterline.core.base.wire import Customer, Meter

KIND: Final = "meterline.access"
UNAVAILABLE = "feature_unavailable"
REACHED = "usage_limit_reached"

_END_OF_TIME = 32_503_680_000
"""The year 3000, in which nothing is used."""

_MOST_HINTS = 1_000
_hints: "dict[tuple[bool, str], Meter]" = {}
"""The meters that limits of features were of: whose usage to read with the customer. A hint is
checked against what is read; what a meter counts never changes.
"""


@frozen
class _Allowance:
    """What one grant leaves of a limit, until its period ends."""

    limit: Decimal
    used: Decimal
    resets_at: int | None

    @property
    def balance(self) -> Decimal:
        return max(EXACT.subtract(self.limit, self.used), Decimal(0))


def access_of(ctx: Context, customer_id: str, feature: str, quantity: Decimal) -> Mapping[str, Any]:
    """Whether a customer may use ``quantity`` more of a feature, named by id or lookup key.

    Of several subscriptions with a limit, the one that leaves most counts; one without any beats
    them all. BillingError for a customer that is not there.
    """
    hint = _hints.get((ctx.livemode, feature))
    seen = read_with_usage(ctx, customer_id, hint)
    customer = seen.customer
    if customer is None or customer.kind != "customer" or customer.body.get("deleted"):
        raise no_such("customer", customer_id, param="customer")
    granted = _granted(customer.body, feature)
    if not granted:
        return _answer(ctx, customer_id, feature, reason=UNAVAILABLE)
    if any("limit" not in grant for grant, _ in granted):
        return _answer(ctx, customer_id, feature)
    allowances = [
        _allowance(ctx, seen, feature, grant, period)
        for grant, period in granted
        if period is not None
    ]
    best = max(allowances, key=lambda allowance: allowance.balance)
    reason = None if EXACT.add(best.used, quantity) <= best.limit else REACHED
    return _answer(ctx, customer_id, feature, best, reason=reason)


def _granted(customer: "Customer", feature: str) -> list[tuple[GrantedFeature, GrantPeriod | None]]:
    return [
        (feature_granted, grant.get("period"))
        for grant in grants_of(customer)
        for feature_granted in grant["features"]
        if feature in (feature_granted["feature"], feature_granted["lookup_key"])
    ]


def _allowance(
    ctx: Context, seen: Seen, feature: str, granted: GrantedFeature, period: GrantPeriod
) -> _Allowance:
    assert seen.customer is not None  # noqa: S101 - checked before
    limit, customer = granted["limit"], seen.customer.body
    now = customers_now(ctx, customer)
    start, end, resets_at = _running(now, period)
    if seen.meter is None or seen.meter["id"] != limit["meter"]:
        meter = find(ctx, "billing.meter", limit["meter"]).body
        _remember(ctx, feature, meter)
        seen = read_with_usage(ctx, customer["id"], meter)
    assert seen.meter is not None  # noqa: S101 - one way or the other it was read
    recent = None if customer["test_clock"] else seen.recent
    used = used_between(ctx.at(now), customer["id"], seen.meter, start, end, recent)
    return _Allowance(Decimal(limit["quantity"]), used, resets_at)


def _running(now: int, period: GrantPeriod) -> tuple[int, int, int | None]:
    """The running period, and when it ends: the one after that which is granted for, as long as the
    renewal is under way.
    """
    if now >= period["end"]:
        return period["end"], _END_OF_TIME, None
    return period["start"], period["end"], period["end"]


def _remember(ctx: Context, feature: str, meter: "Meter") -> None:
    if len(_hints) >= _MOST_HINTS:
        _hints.clear()
    _hints[ctx.livemode, feature] = meter


def _answer(
    ctx: Context,
    customer_id: str,
    feature: str,
    allowance: _Allowance | None = None,
    *,
    reason: str | None = None,
) -> Mapping[str, Any]:
    return {
        "object": KIND,
        "balance": allowance and format_decimal(allowance.balance),
        "customer": customer_id,
        "feature": feature,
        "has_access": reason is None,
        "limit": allowance and format_decimal(allowance.limit),
        "livemode": ctx.livemode,
        "reason": reason,
        "resets_at": allowance and allowance.resets_at,
        "used": allowance and format_decimal(allowance.used),
    }
