"""Rules of automatic top-ups: created, changed and canceled.

A rule looks at the balance as soon as it is there, is changed, or goes on: the invoice that follows
is in the same commit.
"""

from typing import TYPE_CHECKING, Any

from meterline.core.base.errors import BillingError
from meterline.core.base.money import check_amount, check_charge, known_currency
from meterline.core.base.periods import check_interval_count
from meterline.core.base.unset import merged_metadata, or_none
from meterline.core.billing.balances import minimum_charge_minor
from meterline.services.base.ids import new_object_id
from meterline.services.base.lookups import find, on_customers_time
from meterline.services.billing.engine_taxes import requested_automatic_tax
from meterline.services.billing.line_taxes import requested_rates
from meterline.services.billing.unit_of_work import UnitOfWork, open_unit_of_work
from meterline.services.credits.grants import DEFAULT_PRIORITY, requested_scope
from meterline.services.credits.top_up_bodies import (
    CANCELED,
    CREATED,
    KIND,
    MOST,
    UPDATED,
    CreditTopUp,
    Every,
    TopUpGrant,
    TopUpLimit,
    TopUpTaxChanges,
    canceled,
    to_be_looked_at,
    top_ups_of,
)
from meterline.services.credits.top_ups import paused
from meterline.services.metering.watch_list import Purpose, enter_customer
from meterline.services.top_ups.buying import put_rule
from meterline.services.top_ups.looks import bought_if_low
from meterline.store.base.documents import Body, Document

if TYPE_CHECKING:
    from meterline.core.base.wire import Invoice
    from meterline.services.base.context import Context

_GRANTED = "grant[amount]"


def create_credit_top_up(ctx: "Context", params: Body) -> CreditTopUp:
    """Have a customer's credits topped up whenever its live balance falls below a threshold.

    Refused with more rules than are allowed. Where the balance is too low already, the first
    invoice is made at once.
    """
    customer = find(ctx, "customer", params["customer"], param="customer")
    uow = open_unit_of_work(on_customers_time(ctx, customer), customer)
    if len(top_ups_of(uow.customer)) >= MOST:
        raise BillingError(
            f"A customer can have at most {MOST} top-ups. Cancel one that is no longer needed.",
            param="customer",
        )
    rule = _new(uow, params)
    document = Document(
        kind=KIND,
        livemode=ctx.livemode,
        body=rule,
        timeline=customer.timeline,
        parent=customer.id,
    )
    return _saved(uow, document, rule, CREATED)


def update_credit_top_up(ctx: "Context", rule_id: str, params: Body) -> CreditTopUp:
    """Change a rule, pause it, or have it go on; refused once it is canceled."""
    uow, document = _open(ctx, rule_id, "changed")
    rule = _checked(_changed(uow, document.body, params))
    return _saved(uow, document, _moved(uow, rule, params.get("status")), UPDATED)


def cancel_credit_top_up(ctx: "Context", rule_id: str, params: Body) -> CreditTopUp:  # noqa: ARG001 - a route
    """End a rule. An invoice that it has made stays: its payment still makes the grant."""
    uow, document = _open(ctx, rule_id, "canceled")
    rule = canceled(document.body)
    put_rule(uow, document, rule)
    uow.emit(CANCELED, rule)
    uow.save(result_id=rule_id)
    return rule


def _open(ctx: "Context", rule_id: str, what: str) -> tuple[UnitOfWork, Document[CreditTopUp]]:
    document: Document[CreditTopUp] = find(ctx, KIND, rule_id)
    if document.body["status"] == "canceled":
        raise BillingError(
            f"The credit top-up {rule_id} is canceled and cannot be {what}. Create a new one."
        )
    customer = find(ctx, "customer", document.body["customer"], param="customer")
    return open_unit_of_work(on_customers_time(ctx, customer), customer), document


def _saved(
    uow: UnitOfWork, document: Document[CreditTopUp], rule: CreditTopUp, event: str
) -> CreditTopUp:
    """The rule as it is stored, after a first look at the balance."""
    enter_customer(uow.ctx, Purpose.THRESHOLDS, uow.stored_customer.id)
    after = bought_if_low(uow, rule)
    put_rule(uow, document, after)
    if event == CREATED:
        uow.emit_first(CREATED, rule)
    else:
        uow.emit(UPDATED, after, document.body)
    uow.save(result_id=rule["id"])
    stored = uow.drafted(rule["id"])
    assert stored is not None, "it was put"  # noqa: S101
    saved: CreditTopUp = stored.body
    return saved


def _new(uow: UnitOfWork, params: Body) -> CreditTopUp:
    currency = known_currency(params["currency"], "currency")
    rule: CreditTopUp = {
        "id": new_object_id(KIND),
        "object": KIND,
        "amount": params["amount"],
        "automatic_tax": {"enabled": False},
        "collection_method": params.get("collection_method", "charge_automatically"),
        "created": uow.ctx.now,
        "currency": currency,
        "customer": uow.stored_customer.id,
        "days_until_due": params.get("days_until_due"),
        "default_tax_rates": _rates(uow, params.get("default_tax_rates") or []),
        "grant": _grant(uow, params.get("grant") or {}, params["amount"]),
        "latest_invoice": None,
        "limit": _limit(params.get("limit")),
        "livemode": uow.ctx.livemode,
        "metadata": merged_metadata({}, params.get("metadata")),
        "name": params.get("name"),
        "pause": None,
        "status": "active",
        "test_clock": uow.customer["test_clock"],
        "threshold": params["threshold"],
    }
    return _checked({**rule, **_tax(params)})


def _changed(uow: UnitOfWork, before: CreditTopUp, params: Body) -> CreditTopUp:
    """A rule with what a request says; it holds for the next invoice."""
    changes: Any = {name: params[name] for name in ("amount", "threshold") if name in params}
    for name in ("days_until_due", "name"):
        if name in params:
            changes[name] = or_none(params[name])
    if "collection_method" in params:
        changes["collection_method"] = params["collection_method"]
        if params["collection_method"] == "charge_automatically":
            changes.setdefault("days_until_due", None)
    if "default_tax_rates" in params:
        changes["default_tax_rates"] = _rates(uow, params["default_tax_rates"] or [])
    if "limit" in params:
        changes["limit"] = _limit(or_none(params["limit"]))
    if "metadata" in params:
        changes["metadata"] = merged_metadata(before["metadata"], params["metadata"])
    rule: CreditTopUp = {**before, **changes, **_tax(params)}
    if "grant" in params:
        rule["grant"] = _grant(uow, params["grant"], rule["amount"])
    elif "amount" in params and before["grant"]["amount"] == before["amount"]:
        rule["grant"] = {**before["grant"], "amount": rule["amount"]}
    return rule


def _moved(uow: UnitOfWork, rule: CreditTopUp, status: str | None) -> CreditTopUp:
    """The rule, paused or going on as a request says; a limit that was reached is compared again.

    A rule that goes on while an invoice of it waits for its payment waits for that too.
    """
    if status == "paused":
        return paused(rule, "requested", None)
    if rule["status"] != "limit_reached" and (status != "active" or rule["status"] != "paused"):
        return rule
    active: CreditTopUp = {**rule, "status": "active", "pause": None}
    if _is_awaited(uow, rule["latest_invoice"]):
        active["status"] = "awaiting_payment"
    return to_be_looked_at(active, None)


def _is_awaited(uow: UnitOfWork, invoice_id: str | None) -> bool:
    """Whether an invoice of a rule is neither paid nor given up."""
    found: dict[str, Document[Invoice]] = uow.read([invoice_id] if invoice_id else [])
    return any(one.body["status"] in ("draft", "open") for one in found.values())


def _tax(params: Body) -> TopUpTaxChanges:
    """Whether an engine computes the taxes of invoices to come, if a request says so."""
    enabled = requested_automatic_tax(params)
    return {} if enabled is None else {"automatic_tax": {"enabled": enabled}}


def _rates(uow: UnitOfWork, requested: list[str]) -> list[str]:
    return [rate["id"] for rate in requested_rates(uow, requested, (), "default_tax_rates")]


def _limit(requested: Body | None) -> TopUpLimit | None:
    if not requested:
        return None
    return {**_every(requested, "limit"), "count": requested["count"]}


def _every(requested: Body, param: str) -> Every:
    count = requested.get("interval_count", 1)
    check_interval_count(requested["interval"], count, f"{param}[interval_count]")
    return {"interval": requested["interval"], "interval_count": count}


def _grant(uow: UnitOfWork, requested: Body, amount: int) -> TopUpGrant:
    scope = (requested.get("applicability_config") or {}).get("scope") or {}
    after = requested.get("expires_after")
    return {
        "amount": requested.get("amount", amount),
        "applicability_config": {
            "scope": requested_scope(uow.ctx, scope, "grant[applicability_config][scope]")
        },
        "category": requested.get("category", "paid"),
        "expires_after": _every(after, "grant[expires_after]") if after else None,
        "priority": requested.get("priority", DEFAULT_PRIORITY),
    }


def _checked(rule: CreditTopUp) -> CreditTopUp:
    """The rule; refused with amounts or terms that no invoice could have."""
    currency = rule["currency"]
    check_amount(rule["amount"], currency, "amount")
    check_charge(rule["amount"], currency, "amount")
    check_amount(rule["grant"]["amount"], currency, _GRANTED)
    check_amount(rule["threshold"], currency, "threshold")
    is_sent = rule["collection_method"] == "send_invoice"
    if is_sent != (rule["days_until_due"] is not None):
        raise BillingError(
            "'days_until_due' must be specified for collection_method 'send_invoice', and for no"
            " other.",
            param="days_until_due",
        )
    least = 1 if is_sent else minimum_charge_minor(currency)
    if rule["amount"] < least:
        raise BillingError(
            f"Amounts that are charged automatically must be at least {least} in {currency}.",
            param="amount",
        )
    return rule
