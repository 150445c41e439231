"""Billing credits: grants, their balance, and the ledger."""

from tests.contract.cases.table import Case, Refused, holds, missing

_SCOPE = {"type": "applicability_scope", "applicability_scope": {"price_type": "metered"}}
_MONEY = {"type": "monetary", "monetary": {"currency": "usd", "value": 500}}
_TOP_UPS = "/v1/meterline/credit_top_ups"
_METERED = {"scope": {"price_type": "metered"}}

CASES = {
    "CreditGrant.create": Case(
        lambda w: w.v1.billing.credit_grants.create(
            {
                "customer": w.customer,
                "amount": _MONEY,
                "applicability_config": _METERED,
                "category": "promotional",
                "expires_at": w.now + 86_400,
                "name": "Welcome",
                "priority": 10,
                "metadata": {"own": w.own},
                "expand": ["customer"],
            }
        ),
        lambda w: {
            "object": "billing.credit_grant",
            "amount.monetary.value": 500,
            "applicability_config.scope.price_type": "metered",
            "category": "promotional",
            "customer.id": w.customer,
            "expires_at": w.now + 86_400,
            "priority": 10,
            "voided_at": None,
        },
        Refused(
            lambda w: w.v1.billing.credit_grants.create(
                {
                    "customer": w.customer,
                    "amount": _MONEY,
                    "applicability_config": {"scope": {"prices": [{"id": w.price}]}},
                }
            ),
            param="applicability_config[scope][prices][0][id]",
            says="is not metered",
        ),
    ),
    "CreditGrant.retrieve": Case(
        lambda w: w.v1.billing.credit_grants.retrieve(w.grant, {"expand": ["customer"]}),
        lambda w: {"id": w.grant, "customer.id": w.customer, "category": "paid", "priority": 50},
        missing(
            lambda w: w.v1.billing.credit_grants.retrieve("credgr_no"), "credit grant: 'credgr_no'"
        ),
    ),
    "CreditGrant.update": Case(
        lambda w: w.v1.billing.credit_grants.update(
            w.grant, {"expires_at": w.now + 86_400, "metadata": {"seen": "yes"}}
        ),
        lambda w: {"id": w.grant, "expires_at": w.now + 86_400, "metadata.seen": "yes"},
        Refused(
            lambda w: w.v1.billing.credit_grants.update(w.grant, {"expires_at": w.now - 5}),
            param="expires_at",
            says="must lie in the future",
        ),
    ),
    "CreditGrant.list": Case(
        lambda w: w.grant and w.v1.billing.credit_grants.list({"customer": w.customer}),
        lambda w: {"data": holds(w.grant), "url": "/v1/billing/credit_grants"},
        Refused(
            lambda w: w.v1.billing.credit_grants.list({"price": "x"}),
            code="parameter_unknown",
            param="price",
        ),
    ),
    "CreditGrant.expire": Case(
        lambda w: w.v1.billing.credit_grants.expire(w.grant),
        lambda w: {"id": w.grant, "expires_at": lambda at: at >= w.now, "voided_at": None},
        Refused(
            lambda w: (
                w.v1.billing.credit_grants.expire(w.grant)
                and w.v1.billing.credit_grants.expire(w.grant)
            ),
            says="has expired and cannot be expired",
        ),
    ),
    "CreditGrant.voidGrant": Case(
        lambda w: w.v1.billing.credit_grants.void_grant(w.units),
        lambda w: {
            "id": w.units,
            "amount.type": "custom_pricing_unit",
            "amount.monetary": None,
            "amount.custom_pricing_unit.value": "250.5",
            "expires_at": None,
            "voided_at": lambda at: at >= w.now,
        },
        Refused(
            lambda w: (
                w.v1.billing.credit_grants.void_grant(w.grant)
                and w.v1.billing.credit_grants.void_grant(w.grant)
            ),
            says="is void and cannot be voided",
        ),
    ),
    "CreditBalanceSummary.retrieve": Case(
        lambda w: (
            w.grant
            and w.v1.billing.credit_balance_summary.retrieve(
                {"customer": w.customer, "filter": _SCOPE, "expand": ["customer"]}
            )
        ),
        lambda w: {
            "object": "billing.credit_balance_summary",
            "customer.id": w.customer,
            "balances.0.available_balance.monetary.value": 1_000,
            "balances.0.ledger_balance.monetary.value": 1_000,
        },
        Refused(
            lambda w: w.v1.billing.credit_balance_summary.retrieve(
                {"customer": w.customer, "filter": {"type": "credit_grant"}}
            ),
            code="parameter_missing",
            param="filter[credit_grant]",
        ),
    ),
    "LiveCreditBalance.retrieve": Case(
        lambda w: (
            w.grant
            and w.units
            and w.raw("get", "/v1/meterline/credit_balance", customer=w.customer)
        ),
        lambda w: {
            "object": "meterline.credit_balance",
            "customer": w.customer,
            "balances.0.custom_pricing_unit": w.meter.id,
            "balances.0.live": "250.5",
            "balances.1.currency": "usd",
            "balances.1.live": 1_000,
        },
        Refused(
            lambda w: w.raw("get", "/v1/meterline/credit_balance", customer="cus_no"),
            code="resource_missing",
            param="customer",
        ),
    ),
    "CreditBalanceTransaction.list": Case(
        lambda w: (
            w.granted
            and w.v1.billing.credit_balance_transactions.list(
                {"customer": w.customer, "expand": ["data.credit_grant"]}
            )
        ),
        lambda w: {
            "data": holds(w.granted),
            "data.0.credit_grant.id": w.grant,
            "data.0.credit.type": "credits_granted",
            "url": "/v1/billing/credit_balance_transactions",
        },
        Refused(
            lambda w: w.v1.billing.credit_balance_transactions.list({}),
            code="parameter_missing",
            param="customer",
        ),
    ),
    "CreditBalanceTransaction.retrieve": Case(
        lambda w: w.v1.billing.credit_balance_transactions.retrieve(w.granted),
        lambda w: {
            "id": w.granted,
            "credit_grant": w.grant,
            "credit.amount.monetary.value": 1_000,
            "debit": None,
            "type": "credit",
        },
        missing(
            lambda w: w.v1.billing.credit_balance_transactions.retrieve("cbtxn_no"),
            "credit balance transaction: 'cbtxn_no'",
        ),
    ),
    "CreditTopUp.create": Case(
        lambda w: w.raw(
            "post",
            _TOP_UPS,
            customer=w.customer,
            amount=1_000,
            currency="usd",
            grant={"amount": 1_100, "expires_after": {"interval": "year"}},
            limit={"interval": "day", "count": 2},
            name="Prepaid",
            threshold=500,
            expand=["customer", "latest_invoice"],
        ),
        lambda w: {
            "object": "meterline.credit_top_up",
            "customer.id": w.customer,
            "grant.amount": 1_100,
            "grant.expires_after.interval_count": 1,
            "latest_invoice.total": 1_000,
            "limit.count": 2,
            "pause": None,
            "status": "awaiting_payment",
        },
        Refused(
            lambda w: w.raw(
                "post", _TOP_UPS, customer=w.customer, amount=5, currency="usd", threshold=500
            ),
            param="amount",
            says="must be at least 50 in usd",
        ),
    ),
    "CreditTopUp.retrieve": Case(
        lambda w: w.raw("get", f"{_TOP_UPS}/{w.top_up}"),
        lambda w: {"id": w.top_up, "amount": 1_000, "customer": w.customer, "threshold": 1},
        missing(lambda w: w.raw("get", f"{_TOP_UPS}/crtop_no"), "credit top-up: 'crtop_no'"),
    ),
    "CreditTopUp.list": Case(
        lambda w: w.top_up and w.raw("get", _TOP_UPS, customer=w.customer),
        lambda w: {"data": holds(w.top_up), "url": _TOP_UPS},
        Refused(
            lambda w: w.raw("get", _TOP_UPS, price="x"), code="parameter_unknown", param="price"
        ),
    ),
    "CreditTopUp.update": Case(
        lambda w: w.raw("post", f"{_TOP_UPS}/{w.top_up}", amount=2_000, status="paused"),
        lambda w: {
            "id": w.top_up,
            "amount": 2_000,
            "grant.amount": 2_000,
            "pause.reason": "requested",
            "status": "paused",
        },
        Refused(
            lambda w: w.raw("post", f"{_TOP_UPS}/{w.top_up}", amount=0),
            code="parameter_invalid_integer",
            param="amount",
        ),
    ),
    "CreditTopUp.cancel": Case(
        lambda w: w.raw("post", f"{_TOP_UPS}/{w.top_up}/cancel"),
        lambda w: {"id": w.top_up, "status": "canceled"},
        Refused(
            lambda w: (
                w.raw("post", f"{_TOP_UPS}/{w.top_up}/cancel")
                and w.raw("post", f"{_TOP_UPS}/{w.top_up}/cancel")
            ),
            says="is canceled and cannot be canceled",
        ),
    ),
}
