"""What ``expand`` may name though nothing comes of it: objects that are always shown whole, and
fields that are always empty here. Only names that Stripe never had are refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass

_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Empty:
    """Dotted fields of one kind. ``whole`` ones are objects that every answer shows; below the
    ``null`` ones nothing stands, so any field of theirs may be named; ``former`` ones are null or
    absent too, and were fields of older versions, whose clients still ask for them.
    """

    whole: frozenset[str] = _NONE
    null: frozenset[str] = _NONE
    former: frozenset[str] = _NONE

    def has(self, words: list[str]) -> bool:
        """Whether a path can be expanded, with nothing to show for it."""
        if ".".join(words) in self.whole:
            return True
        beginnings = (".".join(words[:length]) for length in range(1, len(words) + 1))
        return any(one in self.null or one in self.former for one in beginnings)


def _empty(*, whole: str = "", null: str = "", former: str = "") -> Empty:
    return Empty(frozenset(whole.split()), frozenset(null.split()), frozenset(former.split()))


_PAYMENT = "default_payment_method default_source"
_CONNECT = "application automatic_tax.liability.account on_behalf_of"

EMPTY: Mapping[str, Empty] = {
    "billing.alert": _empty(whole="usage_threshold usage_threshold.filters"),
    "billing.meter": _empty(
        whole="customer_mapping default_aggregation status_transitions value_settings"
    ),
    "customer": _empty(
        whole="address invoice_settings invoice_settings.custom_fields "
        "invoice_settings.rendering_options shipping shipping.address",
        null="default_source discount invoice_credit_balance tax "
        "invoice_settings.default_payment_method",
        former="cards default_card subscription tax_info",
    ),
    "customer_balance_transaction": _empty(null="checkout_session credit_note"),
    "discount": _empty(whole="source", null="promotion_code", former="coupon"),
    "event": _empty(whole="data request"),
    "invoice": _empty(
        whole="automatic_tax automatic_tax.liability custom_fields customer_address "
        "customer_shipping customer_shipping.address lines parent parent.subscription_details "
        "payment_settings payment_settings.payment_method_options rendering rendering.pdf "
        "shipping_details shipping_details.address status_details status_details.uncollectible "
        "status_transitions threshold_reason threshold_reason.item_reasons "
        "total_discount_amounts total_pretax_credit_amounts issuer",
        null=f"{_PAYMENT} {_CONNECT} account_tax_ids customer_tax_ids default_tax_rates "
        "from_invoice issuer.account last_finalization_error parent.quote_details shipping_cost "
        "total_pretax_credit_amounts.credit_balance_transaction total_taxes",
        former="charge discount payment_intent quote subscription subscription_details tax "
        "total_tax_amounts transfer_data",
    ),
    "invoice_payment": _empty(
        whole="payment status_transitions",
        null="payment.charge payment.payment_intent payment.payment_record",
    ),
    "invoiceitem": _empty(
        whole="invoicing_rules parent parent.subscription_details period pricing "
        "pricing.price_details proration_details proration_details.credited_items "
        "proration_details.credited_items.invoice_line_item_details "
        "proration_details.discount_amounts",
        null="tax_rates",
        former="plan price subscription",
    ),
    "line_item": _empty(
        whole="discount_amounts parent parent.invoice_item_details "
        "parent.invoice_item_details.proration_details "
        "parent.invoice_item_details.proration_details.credited_items "
        "parent.subscription_item_details parent.subscription_item_details.proration_details "
        "parent.subscription_item_details.proration_details.credited_items period "
        "pretax_credit_amounts pricing pricing.price_details",
        null="pretax_credit_amounts.credit_balance_transaction taxes",
        former="invoice_item plan price proration_details subscription_item tax_amounts tax_rates",
    ),
    "plan": _empty(whole="transform_usage"),
    "price": _empty(whole="custom_unit_amount recurring transform_quantity"),
    "product": _empty(
        whole="marketing_features package_dimensions tax_details", null="tax_code", former="skus"
    ),
    "subscription": _empty(
        whole="automatic_tax automatic_tax.liability billing_cycle_anchor_config billing_mode "
        "billing_mode.flexible billing_thresholds cancellation_details invoice_settings "
        "invoice_settings.custom_fields invoice_settings.issuer items managed_payments "
        "pause_collection payment_settings payment_settings.payment_method_options "
        "pending_invoice_item_interval status_details status_details.paused "
        "status_details.paused.subscription trial_settings trial_settings.end_behavior",
        null=f"{_PAYMENT} {_CONNECT} billing_schedules cancellation_details.feedback_option "
        "default_tax_rates invoice_settings.account_tax_ids invoice_settings.issuer.account "
        "pending_setup_intent pending_update presentment_details schedule transfer_data",
        former="discount",
    ),
    "subscription_item": _empty(whole="billing_thresholds", null="current_trial tax_rates"),
    "test_helpers.test_clock": _empty(whole="status_details status_details.advancing"),
}
"""By kind. What can be filled is an edge in ``kinds`` instead."""


def expands_to_nothing(kind: str, words: list[str]) -> bool:
    """Whether ``expand`` may name this path of a kind, though it shows nothing more."""
    return kind in EMPTY and EMPTY[kind].has(words)
