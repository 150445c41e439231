"""The kinds of objects that belong to a customer alone."""

from meterline.core.kinds.divisions import Division, Facet, flag
from meterline.core.kinds.kind import Edge, Kind, Link, Search, Sizes, empty

KINDS = (
    Kind(
        name="customer",
        noun="customer",
        id_prefix="cus_",
        collection="customers",
        edges={
            "test_clock": Edge("test_helpers.test_clock"),
            "subscriptions": Edge("subscription", Link.RELATED),
            "cash_balance": Edge("", Link.NULL),
            "discount": Edge("discount", Link.PART),
            "sources": Edge("", Link.EMPTY_LIST),
            "tax_ids": Edge("tax_id", Link.RELATED),
        },
        empty=empty(
            whole="address invoice_settings invoice_settings.custom_fields "
            "invoice_settings.rendering_options shipping shipping.address",
            null="default_source invoice_credit_balance tax "
            "invoice_settings.default_payment_method",
            former="cards default_card subscription tax_info",
        ),
        hidden=("invoice_credit_balance",),
        division=Division(
            {
                "on_clock": Facet(
                    {"no": 4, "yes": 1}, lambda customer: flag(bool(customer.get("test_clock")))
                )
            }
        ),
        search=Search(
            frozenset({"email", "metadata", "name", "phone"}), indexed=frozenset({"email"})
        ),
    ),
    Kind(
        name="customer_balance_transaction",
        noun="customer balance transaction",
        id_prefix="cbtxn_",
        permission="customers",
        edges={
            "credit_note": Edge("credit_note"),
            "customer": Edge("customer"),
            "invoice": Edge("invoice"),
        },
        empty=empty(null="checkout_session"),
        belongs_to_customer=True,
    ),
    Kind(
        name="meterline.deleted_tax_id",
        id_prefix="deleted_",
        is_listed=False,
        sizes=Sizes(is_own=True),
    ),
    Kind(
        name="tax_id",
        noun="tax ID",
        id_prefix="txi_",
        permission="customers",
        edges={"customer": Edge("customer"), "owner.customer": Edge("customer")},
        empty=empty(whole="owner verification", null="owner.account owner.application"),
        belongs_to_customer=True,
    ),
)
