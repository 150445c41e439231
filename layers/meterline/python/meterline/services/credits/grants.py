"""Grants of billing credits: made, changed, voided and expired (contract section B).

A grant says what was granted and never what is left: the customer has the balance (``balances``),
and the ledger what became of it. So an invoice that takes credits writes no grant.
"""

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from meterline.core.base.errors import BillingError
from meterline.core.base.money import check_amount, known_currency
from meterline.core.base.periods import check_interval_count
from meterline.core.base.unset import merged_metadata, or_none
from meterline.core.credits.measures import is_of_meter, parts_of
from meterline.services.base.context import Context
from meterline.services.base.lookups import check_named_once, customer_of, find, on_customers_time
from meterline.services.base.outbox import EventDraft
from meterline.services.credits.alerts import compared
from meterline.services.credits.balances import (
    MOST_UNUSED,
    balance_of,
    unused,
    with_balance,
)
from meterline.services.credits.grant_states import (
    KIND,
    CreditGrantState,
    GrantTerms,
    account_of,
    grant_document,
    new_grant,
    written_after,
)
from meterline.services.credits.ledger import CREATED, DebitType, debit
from meterline.services.credits.recurrence import granted, period_end
from meterline.services.credits.top_ups import woken
from meterline.store.base.documents import Body, Change, Document

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meterline.core.base.wire import (
        CreditBalanceTransaction,
        CreditGrant,
        CreditGrantApplicabilityConfigScope,
        CreditGrantChanges,
        CreditGrantRecurrence,
        Customer,
        Meter,
        Price,
    )

DEFAULT_PRIORITY: Final = 50
_UNITS = "amount[custom_pricing_unit]"
_VALUE = "amount[monetary][value]"
_SCOPE = "applicability_config[scope]"


def create_credit_grant(ctx: Context, params: Body) -> "CreditGrant":
    """Grant a customer credits; its balance and the ledger have them from then on."""
    customer = find(ctx, "customer", params["customer"], param="customer")
    ctx = on_customers_time(ctx, customer)
    if unused(customer.body, ctx.now) >= MOST_UNUSED:
        raise BillingError(
            f"A customer can have at most {MOST_UNUSED} unused credit grants. Void or expire one"
            " that is no longer needed, or wait until one is used up.",
            param="customer",
        )
    grant = _new_grant(ctx, customer.body, params)
    body, entry = granted(ctx, customer.body, grant)
    crossings = compared(ctx, customer.body, body)
    document = Document(
        kind=KIND,
        livemode=ctx.livemode,
        body=grant,
        timeline=customer.timeline,
        parent=customer.id,
    )
    ctx.save(
        Change(puts=[grant_document(document, grant), *written_after(customer, crossings), entry]),
        [
            EventDraft(f"{KIND}.created", grant),
            EventDraft(CREATED, entry.body),
            *crossings.events,
        ],
        result_id=grant["id"],
    )
    return grant


def update_credit_grant(ctx: Context, grant_id: str, params: Body) -> "CreditGrant":
    """Change a grant's metadata, or when it expires unless it is void or has expired."""
    document = find(ctx, KIND, grant_id)
    customer = customer_of(ctx, document)
    ctx = on_customers_time(ctx, document)
    before = document.body
    changes: CreditGrantChanges = {
        "metadata": merged_metadata(before["metadata"], params.get("metadata"))
    }
    if "expires_at" in params:
        if "meterline" in before:
            raise BillingError(
                "A grant that recurs expires with its period. Expire it now, or let it recur no"
                " more with meterline[recurrence]=none.",
                param="expires_at",
            )
        _check_open(ctx, before, "given another expiry", param="expires_at")
        changes["expires_at"] = or_none(params["expires_at"])
        _check_expiry(ctx, changes["expires_at"], before["effective_at"])
    grant: CreditGrant = {**before, **changes}
    if "meterline" in params:
        grant.pop("meterline", None)
    if grant == before:
        ctx.save(Change(checks=[document]), result_id=grant_id)
        return before
    state = CreditGrantState.of(before)
    due = state.expiry_due_at if "expires_at" not in params else grant["expires_at"]
    again = state.recurs_at if "meterline" in grant else None
    changed: CreditGrant = grant | {"updated": ctx.now}
    grant = replace(state, expiry_due_at=due, recurs_at=again).on(changed)
    body, balance = customer.body, balance_of(customer.body, grant_id)
    if balance is not None:
        body = with_balance(body, balance | {"expires_at": grant["expires_at"]})
    # The customer is written even if nothing is left: what comes back with an invoice that is void
    # at the same time has to know the new expiry.
    puts = [grant_document(document, grant)]
    ctx.save(
        Change(puts=[*puts, replace(customer, body=body)]),
        [EventDraft(f"{KIND}.updated", grant, before=before)],
        result_id=grant_id,
    )
    return grant


def void_credit_grant(ctx: Context, grant_id: str, params: Body) -> "CreditGrant":  # noqa: ARG001 - a route
    """Take back a grant of which nothing was ever applied."""
    document = find(ctx, KIND, grant_id)
    customer = customer_of(ctx, document)
    ctx = on_customers_time(ctx, document)
    _check_open(ctx, document.body, "voided")
    balance = balance_of(customer.body, grant_id)
    if balance is None or balance.get("is_used"):
        raise BillingError(
            f"The credit grant {grant_id} cannot be voided: some of it was applied to an invoice."
            " Expire it instead.",
        )
    return _closed(ctx, document, customer, "credits_voided", {"voided_at": ctx.now})


def expire_credit_grant(ctx: Context, grant_id: str, params: Body) -> "CreditGrant":  # noqa: ARG001 - a route
    """Expire a grant now, with all that is left of it."""
    document = find(ctx, KIND, grant_id)
    customer = customer_of(ctx, document)
    ctx = on_customers_time(ctx, document)
    _check_open(ctx, document.body, "expired")
    return _closed(ctx, document, customer, "credits_expired", {"expires_at": ctx.now})


def without_rest(
    ctx: Context, customer: "Customer", grant: "CreditGrant", type_: DebitType
) -> "tuple[Customer, list[Document[CreditBalanceTransaction]]]":
    """The customer without what is left of a grant, and the entry that takes it, if any."""
    balance = balance_of(customer, grant["id"])
    if balance is None:
        return customer, []
    expires_at = grant["expires_at"]
    at = ctx.now if type_ == "credits_voided" or expires_at is None else min(ctx.now, expires_at)
    entry = debit(ctx, account_of(grant), type_, balance["left"], effective_at=at)
    return with_balance(customer, balance | {"left": 0}), [entry]


def _closed(
    ctx: Context,
    document: "Document[CreditGrant]",
    customer: "Document[Customer]",
    type_: DebitType,
    changes: "CreditGrantChanges",
) -> "CreditGrant":
    """The grant after a request took what was left of it."""
    closed: CreditGrant = {**document.body, **changes, "updated": ctx.now}
    grant = CreditGrantState().on(closed)
    body, entries = without_rest(ctx, customer.body, grant, type_)
    crossings = compared(ctx, customer.body, body)
    put = replace(document, body=grant, due_at=None)
    ctx.save(
        Change(
            puts=[
                *[put, *written_after(customer, crossings), *entries],
                *woken(ctx, customer.body, body),
            ]
        ),
        [
            EventDraft(f"{KIND}.updated", grant, before=document.body),
            *(EventDraft(CREATED, entry.body) for entry in entries),
            *crossings.events,
        ],
        result_id=document.id,
    )
    return grant


def _new_grant(ctx: Context, customer: "Customer", params: Body) -> "CreditGrant":
    measure, value = _requested_amount(ctx, params["amount"])
    effective_at = params.get("effective_at", ctx.now)
    recurrence = _recurrence(params, effective_at)
    expires_at = period_end(recurrence, 1) if recurrence else params.get("expires_at")
    _check_expiry(ctx, expires_at, effective_at)
    scope = requested_scope(ctx, params["applicability_config"]["scope"])
    check_pays_for(ctx, measure, scope)
    terms = GrantTerms(
        value=value,
        measure=measure,
        category=params.get("category", "paid"),
        config={"scope": scope},
        effective_at=effective_at,
        expires_at=expires_at,
        metadata=merged_metadata({}, params.get("metadata")),
        name=params.get("name"),
        priority=params.get("priority", DEFAULT_PRIORITY),
    )
    grant = new_grant(ctx, customer, terms)
    if recurrence is None:
        return CreditGrantState(expiry_due_at=expires_at).on(grant)
    recurring = CreditGrantState(expiry_due_at=expires_at, number=1, recurs_at=expires_at)
    grant["meterline"] = {"recurrence": recurrence}
    return recurring.on(grant)


def _requested_amount(ctx: Context, requested: Body) -> tuple[str, int]:
    """What a grant is asked to be counted in, and how much of that."""
    asked = requested["type"]
    if asked not in requested:
        raise BillingError(
            f"Missing required param: amount[{asked}].",
            code="parameter_missing",
            param=f"amount[{asked}]",
        )
    if asked == "custom_pricing_unit":
        units = requested[asked]
        return known_meter(ctx, units["id"], f"{_UNITS}[id]"), _parts(units["value"])
    money = requested[asked]
    currency = known_currency(money["currency"], "amount[monetary][currency]")
    check_amount(money["value"], currency, _VALUE)
    return currency, money["value"]


def _parts(units: Decimal) -> int:
    if units <= 0:
        raise BillingError("A grant has more than 0 units.", param=f"{_UNITS}[value]")
    return parts_of(units)


def known_meter(ctx: Context, meter_id: str, param: str) -> str:
    """The meter whose units are to be counted in; one that is unknown or inactive is refused,
    naming the parameter.
    """
    meter: Meter = find(ctx, "billing.meter", meter_id, param=param).body
    if meter["status"] != "active":
        raise BillingError(
            f"The meter {meter_id} is inactive, so nothing can use its units.", param=param
        )
    return meter_id


def check_pays_for(
    ctx: Context, measure: str, scope: "CreditGrantApplicabilityConfigScope", at: str = _SCOPE
) -> None:
    """Refuse a scope with prices of other meters than the one whose units are granted."""
    named = [str(price["id"]) for price in scope.get("prices", [])]
    if not named or not is_of_meter(measure):
        return
    prices: Mapping[str, Document[Price]] = ctx.store.get_many(named)
    for index, price_id in enumerate(named):
        recurring = prices[price_id].body["recurring"]
        if recurring is None or recurring["meter"] != measure:
            raise BillingError(
                f"Units of the meter {measure} only pay for its usage, and the price {price_id}"
                " bills another one.",
                param=f"{at}[prices][{index}][id]",
            )


def _recurrence(params: Body, anchor: int) -> "CreditGrantRecurrence | None":
    """How often a grant is made again, if it is; its periods are counted from ``anchor``."""
    asked = (params.get("meterline") or {}).get("recurrence")
    if asked is None:
        return None
    if "expires_at" in params:
        raise BillingError("A grant that recurs expires with its period.", param="expires_at")
    count = asked.get("interval_count", 1)
    check_interval_count(asked["interval"], count, "meterline[recurrence][interval_count]")
    return {
        "anchor": anchor,
        "interval": asked["interval"],
        "interval_count": count,
        "rollover_most": asked.get("rollover_most", 0),
    }


def requested_scope(
    ctx: Context, requested: Body, at: str = _SCOPE
) -> "CreditGrantApplicabilityConfigScope":
    """What a grant pays for: all metered prices, or those that are named."""
    prices: list[dict[str, Any]] | None = requested.get("prices")
    if prices is None:
        return {"price_type": "metered"}
    check_named_once(prices, "id", f"{at}[prices]")
    for index, named in enumerate(prices):
        param = f"{at}[prices][{index}][id]"
        price: Price = find(ctx, "price", named["id"], param=param).body
        if price["recurring"] is None or price["recurring"]["usage_type"] != "metered":
            raise BillingError(
                f"Credits only pay for usage, and the price {price['id']} is not metered.",
                param=param,
            )
    return {"prices": [{"id": named["id"]} for named in prices]}


def _check_expiry(ctx: Context, expires_at: int | None, effective_at: int) -> None:
    if expires_at is not None and expires_at <= max(ctx.now, effective_at):
        raise BillingError(
            "`expires_at` must lie in the future and after `effective_at`.", param="expires_at"
        )


def _check_open(ctx: Context, grant: "CreditGrant", what: str, param: str | None = None) -> None:
    """Refuse to end what has ended: a grant that is void or has expired stays as it is."""
    expires_at = grant["expires_at"]
    ended = "is void" if grant["voided_at"] is not None else "has expired"
    if grant["voided_at"] is not None or (expires_at is not None and expires_at <= ctx.now):
        raise BillingError(
            f"The credit grant {grant['id']} {ended} and cannot be {what}. Create a new one.",
            param=param,
        )
