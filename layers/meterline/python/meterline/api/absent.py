"""What Stripe's API has and Meterline has not, so that the refusal can say so.

Programs that copy an account ask for every list that Stripe has. A list of what can never exist
here is empty, an object of it is missing, and making one is refused with the reason. Functions
import this only when a path is none of theirs.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from meterline.api.operations import Answer, Operation, permission_of
from meterline.api.params.refusals import Raw
from meterline.api.params.specs import Object, Param, Params
from meterline.core.base.errors import BillingError, no_such
from meterline.store.base.account import account_id

if TYPE_CHECKING:
    from meterline.api.call import Call

type Answered = Mapping[str, object]

_MONEY = (
    "Meterline moves no money. Collect payments with a processor of your own, and mark invoices as "
    "paid with `paid_out_of_band` or `attach_payment`"
)
_TAX = "Meterline finds no tax rates by itself. Create them with POST /v1/tax_rates"
_CONNECT = "a deployment of Meterline is one account, without Connect"
_LATER = "Meterline does not have it yet"
_BESIDE = "Meterline meters and bills, and this is beside that"
_PREVIEW = "create a preview instead: POST /v1/invoices/create_preview"
_PRICES = "plans are a view of recurring prices; create or change a price: POST /v1/prices"
_METERS = "report usage as meter events: POST /v1/billing/meter_events"
_SCHEMES = "a subscription is changed by POST /v1/subscriptions/{id}"

LISTS: dict[str, dict[str, str]] = {
    _MONEY: {
        "/v1/balance_transactions": "balance transaction",
        "/v1/charges": "charge",
        "/v1/charges/{id}/refunds": "refund",
        "/v1/checkout/sessions": "checkout.session",
        "/v1/customers/{customer}/bank_accounts": "bank account",
        "/v1/customers/{customer}/cards": "card",
        "/v1/customers/{customer}/cash_balance_transactions": "cash balance transaction",
        "/v1/customers/{customer}/payment_methods": "PaymentMethod",
        "/v1/customers/{customer}/sources": "source",
        "/v1/disputes": "dispute",
        "/v1/forwarding/requests": "forwarding request",
        "/v1/payment_attempt_records": "payment attempt record",
        "/v1/payment_intents": "payment_intent",
        "/v1/payment_links": "payment link",
        "/v1/payment_method_configurations": "payment method configuration",
        "/v1/payment_method_domains": "payment method domain",
        "/v1/payment_methods": "PaymentMethod",
        "/v1/payment_records": "payment record",
        "/v1/payouts": "payout",
        "/v1/refunds": "refund",
        "/v1/setup_attempts": "setup attempt",
        "/v1/setup_intents": "setupintent",
        "/v1/shipping_rates": "shipping rate",
        "/v1/topups": "top-up",
        "/v1/transfers": "transfer",
    },
    _TAX: {
        "/v1/tax/locations": "tax location",
        "/v1/tax/registrations": "tax registration",
        "/v1/tax_codes": "tax code",
    },
    _CONNECT: {
        "/v1/accounts": "account",
        "/v1/accounts/{account}/capabilities": "capability",
        "/v1/accounts/{account}/external_accounts": "external account",
        "/v1/accounts/{account}/persons": "person",
        "/v1/application_fees": "application fee",
        "/v1/apps/installs": "app install",
        "/v1/apps/secrets": "secret",
        "/v2/core/accounts": "account",
        "/v1/country_specs": "country spec",
    },
    _LATER: {
        "/v1/billing/feedback_options": "feedback option",
        "/v1/billing_portal/configurations": "configuration",
        "/v1/invoice_rendering_templates": "invoice rendering template",
        "/v1/product_catalog/trial_offers": "trial offer",
        "/v1/quotes": "quote",
    },
    _METERS: {
        "/v1/subscription_items/{item}/usage_record_summaries": "usage record summary",
        "/v1/subscription_items/{item}/usage_records": "usage record",
    },
    _BESIDE: {
        "/v1/apple_pay/domains": "domain",
        "/v1/bitcoin/receivers": "bitcoin receiver",
        "/v1/bitcoin/transactions": "bitcoin transaction",
        "/v1/climate/orders": "order",
        "/v1/climate/products": "climate product",
        "/v1/climate/suppliers": "supplier",
        "/v1/exchange_rates": "exchange rate",
        "/v1/file_links": "file link",
        "/v1/files": "file",
        "/v1/financial_connections/accounts": "account",
        "/v1/financial_connections/transactions": "transaction",
        "/v1/identity/verification_reports": "verification report",
        "/v1/identity/verification_sessions": "verification session",
        "/v1/issuer_fraud_records": "issuer fraud record",
        "/v1/issuing/authorizations": "authorization",
        "/v1/issuing/cardholders": "cardholder",
        "/v1/issuing/cards": "card",
        "/v1/issuing/disputes": "dispute",
        "/v1/issuing/personalization_designs": "personalization design",
        "/v1/issuing/physical_bundles": "physical bundle",
        "/v1/issuing/tokens": "token",
        "/v1/issuing/transactions": "transaction",
        "/v1/order_returns": "order return",
        "/v1/orders": "order",
        "/v1/radar/early_fraud_warnings": "early fraud warning",
        "/v1/radar/value_list_items": "value list item",
        "/v1/radar/value_lists": "value list",
        "/v1/recipients": "recipient",
        "/v1/reporting/report_runs": "report run",
        "/v1/reporting/report_types": "report type",
        "/v1/reviews": "review",
        "/v1/sigma/scheduled_query_runs": "scheduled query run",
        "/v1/skus": "sku",
        "/v1/terminal/configurations": "configuration",
        "/v1/terminal/locations": "location",
        "/v1/terminal/readers": "reader",
        "/v1/three_d_secure/authentications": "authentication",
        "/v1/treasury/credit_reversals": "credit reversal",
        "/v1/treasury/debit_reversals": "debit reversal",
        "/v1/treasury/financial_accounts": "financial account",
        "/v1/treasury/inbound_transfers": "inbound transfer",
        "/v1/treasury/outbound_payments": "outbound payment",
        "/v1/treasury/outbound_transfers": "outbound transfer",
        "/v1/treasury/received_credits": "received credit",
        "/v1/treasury/received_debits": "received debit",
        "/v1/treasury/transaction_entries": "transaction entry",
        "/v1/treasury/transactions": "transaction",
    },
}
"""Lists by the reason why they are empty: their address, and what Stripe calls one of them."""

AREAS: dict[str, tuple[str, ...]] = {
    _PREVIEW: ("/v1/invoices/upcoming",),
    _PRICES: ("/v1/plans",),
    _MONEY: (
        "/v1/balance",
        "/v1/balance_settings",
        "/v1/confirmation_tokens",
        "/v1/customer_sessions",
        "/v1/customers/{customer}/cash_balance",
        "/v1/customers/{customer}/funding_instructions",
        "/v1/ephemeral_keys",
        "/v1/mandates",
        "/v1/sources",
        "/v1/test_helpers/confirmation_tokens",
        "/v1/test_helpers/customers",
        "/v1/test_helpers/refunds",
        "/v1/tokens",
        "/v2/money_management",
        "/v2/test_helpers/money_management",
    ),
    _TAX: ("/v1/tax",),
    _CONNECT: (
        "/v1/account_links",
        "/v1/account_sessions",
        "/v1/apps",
        "/v1/link_account_sessions",
        "/v2/core/account_links",
        "/v2/core/account_tokens",
        "/v2/core/vault",
    ),
    _LATER: (
        "/v1/billing_portal",
        "/v1/customers/{customer}/discount",
        "/v2/billing",
        "/v2/commerce",
    ),
    _SCHEMES: ("/v1/customers/{customer}/subscriptions",),
    _BESIDE: (
        "/v1/checkout",
        "/v1/climate",
        "/v1/financial_connections",
        "/v1/identity",
        "/v1/issuing",
        "/v1/radar",
        "/v1/terminal",
        "/v1/test_helpers/issuing",
        "/v1/test_helpers/terminal",
        "/v1/test_helpers/treasury",
        "/v1/treasury",
    ),
}
"""What else Stripe has at these addresses and below, by the reason why it is not here."""

_ADDRESSES: list[tuple[str, str, str | None]] = sorted(
    [(address, why, noun) for why, lists in LISTS.items() for address, noun in lists.items()]
    + [(address, why, None) for why, areas in AREAS.items() for address in areas],
    key=lambda row: row[0].count("/"),
    reverse=True,
)
"""All of them, with what is below an address before it."""

_WRITES = ("POST", "DELETE")
_OWNERS = {"customer": "customer", "product": "product"}
"""The kinds of ours that an empty list can belong to, by the variable in its address."""


class _Anything(Object):
    """Parameters that are not looked at: nothing would come of them."""

    def parse(self, raw: Mapping[str, Raw]) -> Params:  # noqa: ARG002 - see above
        """No parameters."""
        return {}

    def extended(self, **fields: Param) -> "Object":  # noqa: ARG002 - see above
        """The same."""
        return self


def absent_operation(method: str, path: str) -> Operation | None:
    """What answers a request for something that Stripe has and Meterline has not; None where Stripe
    has nothing either.
    """
    if method != "GET" and method not in _WRITES:
        return None
    for address, why, noun in _ADDRESSES:
        if found := _found(address, path):
            if method != "GET" or noun is None:
                return _operation(method, address, _refuser(method, path, why))
            owner, below = found
            return _operation(method, address, _reader(path, address, owner, noun, below))
    return None


def _reader(
    path: str, address: str, owner: list[str], noun: str, below: list[str]
) -> Callable[..., Answered]:
    def run(call: "Call", params: Params) -> Answered:  # noqa: ARG001 - see _Anything
        if owner:
            _find_owner(call, address, owner[0])
        if below == ["search"]:
            return _LISTED | {"object": "search_result", "next_page": None, "url": path}
        if below:
            raise no_such(noun, below[0])
        return _PAGED if path.startswith("/v2/") else _LISTED | {"url": path}

    return run


def _find_owner(call: "Call", address: str, owner_id: str) -> None:
    """Refuse (404) the list of an object that does not exist."""
    from meterline.services.base.lookups import find  # noqa: PLC0415 - only lists of something need it

    variable = address[address.index("{") + 1 : address.index("}")]
    if variable == "item":
        from meterline.services.subscriptions.item_verbs import find_item  # noqa: PLC0415 - see above

        find_item(call.context(), owner_id, {})
    elif variable in _OWNERS:
        find(call.context(), _OWNERS[variable], owner_id)
    elif variable != "account" or owner_id != account_id():
        raise no_such(variable, owner_id)


_PAGED: dict[str, object] = {"data": [], "next_page_url": None, "previous_page_url": None}
_LISTED: dict[str, object] = {"object": "list", "data": [], "has_more": False}


def _refuser(method: str, path: str, why: str) -> Callable[..., Answered]:
    def run(call: "Call", params: Params) -> Answered:  # noqa: ARG001 - see _Anything
        raise BillingError(
            f"{method} {path[:200]} is not supported here: {why}.",
            status=404 if method == "GET" else 400,
        )

    return run


def _found(address: str, path: str) -> tuple[list[str], list[str]] | None:
    """The values of an address's variables, and the words below it, if a path belongs to it."""
    template, words = address.split("/"), path.split("/")
    pairs = list(zip(template, words, strict=False))
    if len(words) < len(template) or "" in words[1:]:
        return None
    if any(name != word for name, word in pairs if not name.startswith("{")):
        return None
    owner = [word for name, word in pairs if name.startswith("{")]
    return owner, words[len(template) :]


def _operation(method: str, address: str, run: Callable[..., Answered]) -> Operation:
    return Operation(
        method=method,
        path=address,
        run=run,
        permission=permission_of(address),
        answer=Answer.RAW,
        params=_Anything(),
        light=True,
        idempotent=False,
    )
