"""Customers, their balance, and test clocks."""

from tests.contract.cases.table import Case, Refused, holds, missing
from tests.contract.world import DAY

CASES = {
    "Customer.create": Case(
        lambda w: w.v1.customers.create(
            {
                "name": "Ännchen & Söhne",
                "email": "a@example.com",
                "address": {"city": "Köln", "country": "DE"},
                "preferred_locales": ["de", "en"],
                "metadata": {"own": w.own},
            }
        ),
        lambda w: {
            "object": "customer",
            "name": "Ännchen & Söhne",
            "address.city": "Köln",
            "address.line1": None,
            "preferred_locales.1": "en",
            "metadata.own": w.own,
            "livemode": False,
        },
        Refused(
            lambda w: w.v1.customers.create({"test_clock": "clock_missing"}),
            code="resource_missing",
            param="test_clock",
            says="No such test clock",
        ),
    ),
    "Customer.retrieve": Case(
        lambda w: w.v1.customers.retrieve(w.customer),
        lambda w: {"id": w.customer, "name": "Ada", "email": None},
        missing(lambda w: w.v1.customers.retrieve("cus_missing"), "customer: 'cus_missing'"),
    ),
    "Customer.update": Case(
        lambda w: w.v1.customers.update(
            w.customer, {"name": "", "metadata": {"own": "", "plan": "x"}}
        ),
        lambda w: {
            "id": w.customer,
            "name": None,
            "metadata": lambda found: found.to_dict() == {"plan": "x"},
        },
        Refused(
            lambda w: w.v1.customers.update(w.customer, {"tax_exempt": "sometimes"}),
            param="tax_exempt",
        ),
    ),
    "Customer.deleteDiscount": Case(
        lambda w: w.v1.customers.delete_discount(w.discounted_customer),
        lambda w: {
            "object": "discount",
            "deleted": True,
            "source.coupon": w.coupon,
            "customer": w.discounted_customer,
            "subscription": None,
        },
        Refused(
            lambda w: w.v1.customers.delete_discount(w.customer),
            404,
            "resource_missing",
            says="No active discount for customer",
        ),
    ),
    "Customer.createTaxId": Case(
        lambda w: w.v1.customers.tax_ids.create(
            w.customer, {"type": "eu_vat", "value": "DE123456789"}
        ),
        lambda w: {
            "object": "tax_id",
            "country": "DE",
            "customer": w.customer,
            "owner.type": "customer",
            "type": "eu_vat",
            "value": "DE123456789",
            "verification.status": "unavailable",
        },
        Refused(
            lambda w: w.v1.customers.tax_ids.create(
                w.customer, {"type": "eu_vat", "value": "DE12345678"}
            ),
            code="tax_id_invalid",
            param="value",
            says="Invalid value for eu_vat.",
        ),
    ),
    "Customer.retrieveTaxId": Case(
        lambda w: w.v1.customers.tax_ids.retrieve(w.customer, w.tax_id),
        lambda w: {"id": w.tax_id, "value": "GB123456789"},
        missing(
            lambda w: w.v1.customers.tax_ids.retrieve(w.customer, "txi_missing"),
            "tax ID: 'txi_missing'",
        ),
    ),
    "Customer.listTaxIds": Case(
        lambda w: w.tax_id and w.v1.customers.tax_ids.list(w.customer),
        lambda w: {"data": holds(w.tax_id), "url": f"/v1/customers/{w.customer}/tax_ids"},
        missing(lambda w: w.v1.customers.tax_ids.list("cus_missing"), "customer: 'cus_missing'"),
    ),
    "Customer.deleteTaxId": Case(
        lambda w: w.v1.customers.tax_ids.delete(w.customer, w.tax_id),
        lambda w: {"id": w.tax_id, "object": "tax_id", "deleted": True},
        missing(
            lambda w: w.v1.customers.tax_ids.delete(w.customer, "txi_missing"),
            "tax ID: 'txi_missing'",
        ),
    ),
    "TaxId.create": Case(
        lambda w: w.v1.tax_ids.create({"type": "ch_vat", "value": "CHE-123.456.789 MWST"}),
        lambda w: {"object": "tax_id", "owner.type": "self", "customer": None, "country": "CH"},
        Refused(
            lambda w: w.v1.tax_ids.create(
                {"type": "eu_vat", "value": "DE123456789", "owner": {"type": "application"}}
            ),
            param="owner[type]",
        ),
    ),
    "TaxId.retrieve": Case(
        lambda w: w.v1.tax_ids.retrieve(w.account_tax_id),
        lambda w: {"id": w.account_tax_id, "value": "GB123456789"},
        missing(lambda w: w.v1.tax_ids.retrieve("txi_missing"), "tax ID: 'txi_missing'"),
    ),
    "TaxId.list": Case(
        lambda w: w.account_tax_id and w.v1.tax_ids.list({"limit": 100}),
        lambda w: {"data": holds(w.account_tax_id), "url": "/v1/tax_ids"},
        Refused(
            lambda w: w.v1.tax_ids.list({"owner": {"type": "customer"}}),
            code="parameter_missing",
            param="owner[customer]",
        ),
    ),
    "TaxId.del": Case(
        lambda w: w.v1.tax_ids.delete(w.account_tax_id),
        lambda w: {"id": w.account_tax_id, "object": "tax_id", "deleted": True},
        missing(lambda w: w.v1.tax_ids.delete("txi_missing"), "tax ID: 'txi_missing'"),
    ),
    "Customer.del": Case(
        lambda w: w.v1.customers.delete(w.customer),
        lambda w: {"id": w.customer, "object": "customer", "deleted": True},
        missing(lambda w: w.v1.customers.delete("cus_missing"), "customer"),
    ),
    "Customer.list": Case(
        lambda w: w.v1.customers.list({"limit": 100, "created": {"gte": int(w.told.created)}}),
        lambda w: {"object": "list", "url": "/v1/customers", "data": holds(w.customer)},
        Refused(
            lambda w: w.v1.customers.list({"limit": -1}),
            code="parameter_invalid_integer",
            param="limit",
        ),
    ),
    "Customer.search": Case(
        lambda w: (
            w.customer
            and w.v1.customers.search({"query": f'metadata["own"]:"{w.own}"', "limit": 1})
        ),
        lambda w: {"object": "search_result", "data.0.id": w.customer, "has_more": False},
        Refused(lambda w: w.v1.customers.search({"query": "name"}), param="query"),
    ),
    "Customer.createBalanceTransaction": Case(
        lambda w: w.v1.customers.balance_transactions.create(
            w.customer, {"amount": -500, "currency": "usd", "description": "Sorry"}
        ),
        lambda w: {
            "object": "customer_balance_transaction",
            "amount": -500,
            "ending_balance": -500,
            "customer": w.customer,
            "type": "adjustment",
        },
        Refused(
            lambda w: w.v1.customers.balance_transactions.create(w.customer, {"currency": "usd"}),
            code="parameter_missing",
            param="amount",
        ),
    ),
    "Customer.retrieveBalanceTransaction": Case(
        lambda w: w.v1.customers.balance_transactions.retrieve(w.customer, w.transaction),
        lambda w: {"id": w.transaction, "amount": -500},
        missing(
            lambda w: w.v1.customers.balance_transactions.retrieve(w.customer, "cbtxn_missing"),
            "customer balance transaction",
        ),
    ),
    "Customer.updateBalanceTransaction": Case(
        lambda w: w.v1.customers.balance_transactions.update(
            w.customer, w.transaction, {"description": "Bonus"}
        ),
        lambda w: {"id": w.transaction, "description": "Bonus"},
        Refused(
            lambda w: w.v1.customers.balance_transactions.update(
                w.customer, w.transaction, {"amount": 1}
            ),
            code="parameter_unknown",
            param="amount",
        ),
    ),
    "Customer.listBalanceTransactions": Case(
        lambda w: w.transaction and w.v1.customers.balance_transactions.list(w.customer),
        lambda w: {
            "data.0.id": w.transaction,
            "url": f"/v1/customers/{w.customer}/balance_transactions",
        },
        missing(lambda w: w.v1.customers.balance_transactions.list("cus_missing"), "customer"),
    ),
    "Customer.listSubscriptions": Case(
        lambda w: w.subscription and w.raw("get", f"/v1/customers/{w.customer}/subscriptions"),
        lambda w: {
            "data": holds(w.subscription.id),
            "url": f"/v1/customers/{w.customer}/subscriptions",
        },
        missing(lambda w: w.raw("get", "/v1/customers/cus_missing/subscriptions"), "customer"),
    ),
    "TestClock.create": Case(
        lambda w: w.v1.test_helpers.test_clocks.create({"frozen_time": w.now, "name": "A year"}),
        lambda w: {"frozen_time": w.now, "name": "A year", "status": "ready"},
        Refused(
            lambda w: w.v1.test_helpers.test_clocks.create({}),
            code="parameter_missing",
            param="frozen_time",
        ),
    ),
    "TestClock.retrieve": Case(
        lambda w: w.v1.test_helpers.test_clocks.retrieve(w.clock),
        lambda w: {"id": w.clock, "frozen_time": w.now},
        missing(lambda w: w.v1.test_helpers.test_clocks.retrieve("clock_missing"), "test clock"),
    ),
    "TestClock.advance": Case(
        lambda w: w.v1.test_helpers.test_clocks.advance(w.clock, {"frozen_time": w.now + DAY}),
        lambda w: {"id": w.clock, "status": "advancing"},
        Refused(
            lambda w: w.v1.test_helpers.test_clocks.advance(w.clock, {"frozen_time": w.now - DAY}),
            param="frozen_time",
        ),
    ),
    "TestClock.list": Case(
        lambda w: w.clock and w.v1.test_helpers.test_clocks.list({"limit": 100}),
        lambda w: {"data": holds(w.clock), "url": "/v1/test_helpers/test_clocks"},
        Refused(
            lambda w: w.v1.test_helpers.test_clocks.list({"starting_after": "clock_missing"}),
            code="resource_missing",
            param="starting_after",
        ),
    ),
    "TestClock.del": Case(
        lambda w: w.v1.test_helpers.test_clocks.delete(w.clock),
        lambda w: {"id": w.clock, "deleted": True},
        missing(lambda w: w.v1.test_helpers.test_clocks.delete("clock_missing"), "test clock"),
    ),
}
