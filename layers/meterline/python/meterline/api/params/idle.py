"""Parameters that are taken as long as they ask for nothing, and are dropped then.

Clients send `off_session=true`, `automatic_tax[enabled]=false` or `tax_rates=` out of habit. What
changes no bill is no reason to refuse a request; anything else of these parameters is refused, with
the reason, as nobody may believe that it takes effect. An empty value never asks for anything.
"""

from collections.abc import Mapping
from typing import Any, override

from meterline.api.params.kinds import Param, Schema
from meterline.api.params.refusals import Raw
from meterline.api.params.specs import array, boolean, enum, object_, string
from meterline.core.base.errors import BillingError
from meterline.core.base.frozen import frozen
from meterline.core.base.unset import UNSET

MOVES_NO_MONEY = "Meterline moves no money"
HAS_NO_TAXES = "Meterline finds no tax rates by itself; give `tax_rates`"
IS_ONE_ACCOUNT = "a deployment of Meterline is one account, without Connect"
HAS_NO_SHIPPING = "Meterline ships nothing"
IS_DISCOUNTED_BY_DISCOUNTS = "redeem it with `discounts`, on a subscription or an invoice"


@frozen(kw_only=True)
class Idle(Param):
    """A parameter whose ``taken`` values ask for nothing; ``why`` others are refused."""

    taken: Param | None = None
    why: str

    @property
    @override
    def is_idle(self) -> bool:
        """Yes: its value is dropped."""
        return True

    @override
    def read(self, raw: Raw, name: str) -> Any:
        """Nothing; BillingError for a value that asks for something."""
        if raw in ("", [], {}):
            return UNSET
        if self.taken is None:
            raise self._refusal(name)
        try:
            self.taken.read(raw, name)
        except BillingError as refusal:
            raise self._refusal(refusal.param or name) from None
        return UNSET

    def convert(self, raw: Raw, name: str) -> Any:  # noqa: ANN401 - as all kinds have it
        """The same as ``read``."""
        return self.read(raw, name)

    def describe(self) -> Schema:
        """The values that are taken."""
        nothing: Schema = {"type": "string", "enum": [""], "description": self.why}
        return {"anyOf": [self.taken.describe(), nothing]} if self.taken else nothing

    def _refusal(self, name: str) -> BillingError:
        return BillingError(
            f"Received unknown parameter: {name}. It is not supported here: {self.why}.",
            code="parameter_unknown",
            param=name,
        )


@frozen(kw_only=True)
class _Anything(Param):
    """Any value, however nested."""

    def convert(self, raw: Raw, name: str) -> Any:  # noqa: ANN401, ARG002 - any value
        """The value."""
        return raw

    def describe(self) -> Schema:
        """No limits."""
        return {}


def idle(why: str, taken: Param | None = None) -> Idle:
    """A parameter that is dropped if it is empty or ``taken``, and refused otherwise."""
    return Idle(why=why, taken=taken)


_OFF = enum("false", "False")
_SELF = object_(type=enum("self"))
LIABILITY = idle(IS_ONE_ACCOUNT, _SELF)
_ISSUER = idle(IS_ONE_ACCOUNT, _SELF)
_HOW_TO_PAY = idle(
    MOVES_NO_MONEY,
    object_(
        default_mandate=idle(MOVES_NO_MONEY),
        payment_method_options=_Anything(),
        payment_method_types=array(string()),
        save_default_payment_method=enum("off", "on_subscription"),
    ),
)

LINE: Mapping[str, Param] = {
    "tax_behavior": idle(HAS_NO_TAXES, enum("unspecified")),
    "tax_code": idle(HAS_NO_TAXES),
}
"""Of an invoice item, pending or previewed."""

_BILL: Mapping[str, Param] = {
    "default_payment_method": idle(MOVES_NO_MONEY),
    "default_source": idle(MOVES_NO_MONEY),
    "on_behalf_of": idle(IS_ONE_ACCOUNT),
    "payment_settings": _HOW_TO_PAY,
    "transfer_data": idle(IS_ONE_ACCOUNT),
}

SUBSCRIPTION: Mapping[str, Param] = {
    **_BILL,
    "application_fee_percent": idle(IS_ONE_ACCOUNT),
    "coupon": idle(IS_DISCOUNTED_BY_DISCOUNTS),
    "managed_payments": idle(MOVES_NO_MONEY, object_(enabled=_OFF)),
    "off_session": idle(MOVES_NO_MONEY, boolean()),
    "promotion_code": idle(IS_DISCOUNTED_BY_DISCOUNTS),
}
TRIAL_ANCHOR = idle("the end of a trial is the anchor", enum("now"))
"""Of what becomes of a subscription when its trial ends."""

SUBSCRIPTION_ITEM: Mapping[str, Param] = {
    "off_session": idle(MOVES_NO_MONEY, boolean()),
}
INVOICE_SETTINGS: Mapping[str, Param] = {
    "issuer": _ISSUER,
}
INVOICE: Mapping[str, Param] = {
    **_BILL,
    "application_fee_amount": idle(IS_ONE_ACCOUNT),
    "issuer": _ISSUER,
    "shipping_cost": idle(HAS_NO_SHIPPING),
    "shipping_details": idle(HAS_NO_SHIPPING),
}
INVOICE_PAYMENT: Mapping[str, Param] = {
    "forgive": idle(MOVES_NO_MONEY, _OFF),
    "mandate": idle(MOVES_NO_MONEY),
    "off_session": idle(MOVES_NO_MONEY, boolean()),
    "payment_method": idle(MOVES_NO_MONEY),
    "source": idle(MOVES_NO_MONEY),
}
PREVIEW: Mapping[str, Param] = {
    "issuer": _ISSUER,
    "on_behalf_of": idle(IS_ONE_ACCOUNT),
}
CUSTOMER: Mapping[str, Param] = {
    "cash_balance": idle(MOVES_NO_MONEY),
    "default_source": idle(MOVES_NO_MONEY),
    "payment_method": idle(MOVES_NO_MONEY),
    "source": idle(MOVES_NO_MONEY),
    "validate": idle(MOVES_NO_MONEY, boolean()),
}
PARCEL: Mapping[str, Param] = {
    "carrier": idle(HAS_NO_SHIPPING),
    "tracking_number": idle(HAS_NO_SHIPPING),
}
"""Of a customer's shipping; the answers have them, so that some clients send them back."""

ENDPOINT: Mapping[str, Param] = {"connect": idle(IS_ONE_ACCOUNT, _OFF)}
CUSTOMER_INVOICE_SETTINGS: Mapping[str, Param] = {"default_payment_method": idle(MOVES_NO_MONEY)}
PRICE: Mapping[str, Param] = {
    "custom_unit_amount": idle("a price has an amount of its own", object_(enabled=_OFF)),
}
