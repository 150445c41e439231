"""Twelve invoices that pages and PDFs are looked at with: each has what the others have not."""

from collections.abc import Callable, Mapping
from itertools import batched
from typing import Any, Final

from meterline.api.auth import forget_cached
from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage

SELLER: Final[Mapping[str, Any]] = {
    "business_profile": {
        "support_email": "billing@kiln.example",
        "support_phone": "+49 30 5550 100",
        "support_url": "https://kiln.example/help",
    },
    "branding": {"primary_color": "#b3541e"},
    "company": {
        "name": "Kiln Compute GmbH",
        "address": {
            "line1": "Ziegelstraße 12",
            "postal_code": "10117",
            "city": "Berlin",
            "country": "DE",
        },
        "tax_ids": [{"type": "eu_vat", "value": "DE123456789"}],
    },
    "invoice_settings": {
        "footer": "Kiln Compute GmbH · Managing director: Ada Beispiel · HRB 12345, Berlin",
        "payment_instructions": "Please transfer the amount to\nIBAN DE00 0000 0000 0000 0000 00"
        "\nBIC EXAMPLEXXX\n\nName the invoice number as the reference.",
    },
}
"""Settings of the account that sells."""

US_ADDRESS: Final = {
    "line1": "350 Fifth Avenue",
    "line2": "Floor 21",
    "city": "New York",
    "state": "NY",
    "postal_code": "10118",
    "country": "US",
}
_START: Final = "2026-10-01"
_END: Final = "2026-11-01 02:00"


def describe_seller(api: Api) -> None:
    """Give the account a name, an address, tax ids and payment instructions."""
    forget_cached()
    api.client().raw_request("post", "/v1/meterline/settings", **SELLER)


class _Customer(Stage):
    """A customer who is sent invoices that are due after two weeks."""

    @property
    def own(self) -> Any:
        """The SDK's client."""
        return self.client.v1

    def described(self, **params: Any) -> "_Customer":
        """The same customer, described."""
        self.own.customers.update(self.customer, params)
        return self

    def billed(self, *prices: str, **params: Any) -> Any:
        """A subscription whose invoices are sent."""
        sent = {"collection_method": "send_invoice", "days_until_due": 14}
        return self.subscribe(*prices, **sent, **params)

    def invoice(self, *items: Mapping[str, Any], **params: Any) -> str:
        """A final invoice of invoice items."""
        sent = {
            "collection_method": "send_invoice",
            "days_until_due": 14,
            "currency": self.currency,
        }
        draft = self.own.invoices.create({"customer": self.customer, **sent, **params})
        for some in batched(items, 40, strict=False):
            self.own.invoices.add_lines(draft.id, {"lines": list(map(self._priced, some))})
        return str(self.own.invoices.finalize_invoice(draft.id).id)

    def _priced(self, item: Mapping[str, Any]) -> Mapping[str, Any]:
        """A line, with a price of its own if it has a unit amount."""
        if "unit_amount_decimal" not in item:
            return item
        others = {name: value for name, value in item.items() if name != "unit_amount_decimal"}
        return others | {
            "price_data": {
                "currency": self.currency,
                "product_data": {"name": item["description"]},
                "unit_amount_decimal": item["unit_amount_decimal"],
            }
        }

    def latest(self) -> str:
        """The newest invoice, finalized if it is a draft."""
        newest = self.invoices()[-1]
        if newest.status == "draft":
            self.own.invoices.finalize_invoice(newest.id)
        return str(newest.id)

    def rate(self, percentage: str, **params: Any) -> str:
        """A tax rate."""
        given = {"display_name": "VAT", "inclusive": False, "percentage": percentage, **params}
        return str(self.own.tax_rates.create(given).id)


def _customer(api: Api, currency: str = "usd", **params: Any) -> _Customer:
    named = {"name": "Marble & Sons LLC", "email": "accounts@marble.example", **params}
    return _Customer(api, _START, currency).described(**named)


TIERS: Final = [
    {"up_to": 10_000, "unit_amount_decimal": "0.5"},
    {"up_to": 50_000, "unit_amount_decimal": "0.3", "flat_amount": 500},
    {"up_to": "inf", "unit_amount_decimal": "0.125"},
]


def tiers(api: Api) -> str:
    """A month of metered usage at graduated tiers, and a seat."""
    its = _customer(api, address=US_ADDRESS)
    requests = its.metered(
        "API requests",
        its.meter(),
        billing_scheme="tiered",
        tiers_mode="graduated",
        tiers=TIERS,
    )
    its.billed(its.price("Team plan", 4_900), requests)
    its.until("2026-10-31 23:00")
    for day in range(1, 32):
        its.use(900 + 137 * (day * day % 29), f"2026-10-{day:02} 12:00")
    its.until(_END)
    return its.latest()


def two_tax_rates(api: Api) -> str:
    """Two rates that are added, and one that prices contain."""
    its = _customer(api, "eur", name="Marmor und Söhne GmbH", preferred_locales=["de-DE"])
    german = {"jurisdiction": "DE", "country": "DE", "display_name": "MwSt."}
    full, less = its.rate("19", **german), its.rate("7", **german)
    inside = its.rate("10", display_name="Tourism tax", inclusive=True)
    return its.invoice(
        {"amount": 120_000, "description": "Workshop, two days", "tax_rates": [full]},
        {"amount": 3_495, "description": "Printed handbook", "tax_rates": [less]},
        {"amount": 8_800, "description": "Night in the guest house", "tax_rates": [inside]},
        description="Thank you for having been with us in Berlin.",
    )


def reverse_charge(api: Api) -> str:
    """A company of another member state, which owes the tax itself."""
    its = _customer(
        api,
        "eur",
        name="Atelier Lumière SARL",
        tax_exempt="reverse",
        address={
            "line1": "4 rue de la Paix",
            "postal_code": "75002",
            "city": "Paris",
            "country": "FR",
        },
    )
    its.own.customers.tax_ids.create(its.customer, {"type": "eu_vat", "value": "FRAB123456789"})
    rate = its.rate("19", jurisdiction="DE", country="DE")
    return its.invoice(
        {"amount": 250_000, "description": "Consulting, October 2026", "tax_rates": [rate]},
        custom_fields=[{"name": "Purchase order", "value": "PO-2026-1042"}],
    )


def credits_(api: Api) -> str:
    """Usage that prepaid credits pay for in part, and requests of which many are included."""
    its = _customer(api)
    requests = its.meter("requests")
    included = {"id": requests, "value": "25000"}
    for priority, amount in (
        (0, {"type": "custom_pricing_unit", "custom_pricing_unit": included}),
        (50, {"type": "monetary", "monetary": {"currency": "usd", "value": 5_000}}),
    ):
        its.own.billing.credit_grants.create(
            {
                "customer": its.customer,
                "category": "paid",
                "amount": amount,
                "applicability_config": {"scope": {"price_type": "metered"}},
                "priority": priority,
            }
        )
    its.billed(
        its.metered("GPU seconds", its.meter(), "0.9"), its.metered("Requests", requests, "0.02")
    )
    its.until("2026-10-31 23:00")
    its.use(90_000, "2026-10-04", meter="requests")
    for day in (2, 5, 9, 17, 23, 30):
        its.use(1_500 * day, f"2026-10-{day:02} 18:00")
    its.until(_END)
    return its.latest()


def discounts(api: Api) -> str:
    """A percentage off the whole invoice, and an amount off a line."""
    its = _customer(api)
    tenth = its.own.coupons.create({"percent_off": 12.5, "duration": "forever"}).id
    fixed = its.own.coupons.create(
        {"amount_off": 1_000, "currency": "usd", "duration": "forever"}
    ).id
    return its.invoice(
        {"amount": 30_000, "description": "Team plan, a year"},
        {"amount": 9_900, "description": "Onboarding", "discounts": [{"coupon": fixed}]},
        discounts=[{"coupon": tenth}],
    )


def credit_note(api: Api) -> str:
    """Paid, with one note before the payment and another after it."""
    its = _customer(api)
    name = its.invoice(
        {"amount": 40_000, "description": "Migration project"},
        {"amount": 6_000, "description": "Travel expenses"},
    )
    notes = its.own.credit_notes
    notes.create({"invoice": name, "amount": 6_000, "reason": "order_change", "memo": "No travel"})
    its.own.invoices.pay(name, {"paid_out_of_band": True})
    notes.create({"invoice": name, "amount": 2_500, "credit_amount": 2_500, "reason": "duplicate"})
    return name


def prorations(api: Api) -> str:
    """More seats and another plan in the middle of a month."""
    its = _customer(api)
    small, large = its.price("Team plan", 4_900), its.price("Business plan", 12_900)
    subscription = its.billed(small)
    item = subscription["items"].data[0].id
    its.until("2026-10-11 06:30")
    its.change(subscription, items=[{"id": item, "quantity": 3}])
    its.until("2026-10-20")
    its.change(subscription, items=[{"id": item, "price": large, "quantity": 3}])
    its.until(_END)
    return its.latest()


def zero(api: Api) -> str:
    """Nothing to pay."""
    return _customer(api).invoice({"amount": 0, "description": "Free trial of the Team plan"})


def negative(api: Api) -> str:
    """More is given back than is billed: it stays on the customer's balance."""
    return _customer(api).invoice(
        {"amount": 2_000, "description": "Support hour"},
        {"amount": -9_500, "description": "Goodwill for the outage of October 3"},
    )


def yen(api: Api) -> str:
    """A currency without decimals."""
    its = _customer(api, "jpy", name="株式会社大理石", preferred_locales=["ja", "en"])
    rate = its.rate("10", display_name="JCT", jurisdiction="JP", country="JP", inclusive=True)
    return its.invoice(
        {"amount": 1_250_000, "description": "Team plan", "tax_rates": [rate]},
        {
            "quantity": 3,
            "unit_amount_decimal": "12000",
            "description": "Seats",
            "tax_rates": [rate],
        },
    )


def two_hundred_lines(api: Api) -> str:
    """As many lines as nobody wants to read."""
    its = _customer(api)
    items = [
        {
            "quantity": 1 + n % 7,
            "unit_amount_decimal": f"{150 + n}.5",
            "description": f"Ticket {n:03}",
        }
        for n in range(1, 201)
    ]
    return its.invoice(*items)


def long_names(api: Api) -> str:
    """Names and texts that are long, or are written from right to left."""
    its = _customer(
        api,
        name="شركة الرخام والأحجار الطبيعية للتجارة العامة والمقاولات المحدودة",
        email="a-very-long-mailbox-name-that-nobody-would-type@accounting.marble.example",
        preferred_locales=["de-AT"],
        address={
            "line1": "شارع الملك فهد، برج المملكة، الطابق الثاني والأربعون",
            "city": "الرياض",
            "postal_code": "12214",
            "country": "SA",
        },
    )
    return its.invoice(
        {
            "amount": 1_234_567,
            "description": "深圳市前海大理石与天然石材国际贸易有限公司年度数据处理与存储服务费用",
        },
        {"amount": 98_765, "description": "استضافة قواعد البيانات مع النسخ الاحتياطي اليومي"},
        {
            "amount": 4_321,
            "description": "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen" * 2,
        },
        custom_fields=[{"name": "プロジェクト番号", "value": "第四四半期・東京データセンター拡張"}],
    )


INVOICES: Final[Mapping[str, Callable[[Api], str]]] = {
    "tiers": tiers,
    "two-tax-rates": two_tax_rates,
    "reverse-charge": reverse_charge,
    "credits": credits_,
    "discounts": discounts,
    "credit-note": credit_note,
    "prorations": prorations,
    "zero": zero,
    "negative": negative,
    "yen": yen,
    "two-hundred-lines": two_hundred_lines,
    "long-names": long_names,
}
"""What makes each of the invoices, through the API of a deployment; they give its id."""
