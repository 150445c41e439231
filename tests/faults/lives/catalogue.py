"""What is sold in all lives: prices of every model, interval and currency, coupons, meters."""

from dataclasses import dataclass, field
from typing import Any

from tests.faults.lives.shop import Answer, Shop

DAYS = {"day": 1, "week": 7, "month": 30, "quarter": 91, "year": 365}
"""About how long an interval is."""

FAMILIES = (("day", "week"), ("month", "quarter", "year"))
"""Intervals that one subscription can mix."""

CURRENCIES = ("usd", "eur", "jpy", "kwd")

_TIERS: list[dict[str, Any]] = [
    {"up_to": 2, "unit_amount": 500, "flat_amount": 100},
    {"up_to": 10, "unit_amount": 300},
    {"up_to": "inf", "unit_amount_decimal": "99.5"},
]
_MODELS: dict[str, dict[str, Any]] = {
    "flat": {"unit_amount": 1_999},
    "small": {"unit_amount": 7},
    "graduated": {"billing_scheme": "tiered", "tiers_mode": "graduated", "tiers": _TIERS},
    "volume": {"billing_scheme": "tiered", "tiers_mode": "volume", "tiers": _TIERS},
    "packages": {"unit_amount": 1_000, "transform_quantity": {"divide_by": 3, "round": "up"}},
    "free": {"unit_amount": 0},
}
_METERED: dict[str, dict[str, Any]] = {
    "calls": {"unit_amount": 3},
    "calls tiered": {"billing_scheme": "tiered", "tiers_mode": "graduated", "tiers": _TIERS},
    "percent": {"meterline": {"percentage": {"percent": "2.5", "fixed_fee_decimal": "10"}}},
    "bounded": {
        "unit_amount": 3,
        "meterline": {"minimum_amount": 400, "maximum_amount": 900},
    },
}
LIMITED = "calls"
"""The feature with a limit, and the meter that the limit is on."""

_LIMITS = {"flat": 8, "calls": 400, "graduated": 48}
"""How many calls come with the products of these prices."""

COUPONS: dict[str, dict[str, Any]] = {
    "fifth-once": {"percent_off": 20, "duration": "once"},
    "third-forever": {"percent_off": "33.3", "duration": "forever"},
    "half-repeating": {"percent_off": 50, "duration": "repeating", "duration_in_months": 2},
    "all-once": {"percent_off": 100, "duration": "once"},
    "off-once": {
        "amount_off": 500,
        "currency": "usd",
        "duration": "once",
        "currency_options": {"eur": {"amount_off": 450}, "jpy": {"amount_off": 700}},
    },
    "off-forever": {"amount_off": 300, "currency": "usd", "duration": "forever"},
}
"""The terms of all coupons by their ids."""

WORDS = {"WELCOME": "fifth-once", "PARTNER": "half-repeating", "LESS": "off-once"}
"""What customers type, and the coupons that they redeem by it."""

_RATES = (("19", False), ("8.875", False), ("20", True), ("5.5", True), ("0", False))
"""Percentages of tax rates, and whether they are in the price."""


@dataclass(frozen=True, slots=True)
class Tag:
    """A price in the catalogue."""

    id: str
    name: str
    interval: str
    currency: str
    meter: str | None


@dataclass(slots=True)
class Catalogue:
    """All prices, the coupons' ids, and the meters' event names."""

    tags: list[Tag] = field(default_factory=list)
    coupons: list[str] = field(default_factory=lambda: list(COUPONS))
    rates: dict[str, tuple[str, bool]] = field(default_factory=dict)
    """The percentage of each tax rate, and whether it is in the price."""
    meters: dict[str, str] = field(default_factory=dict)
    limits: dict[str, int] = field(default_factory=dict)
    """How much usage of calls comes with a product in each period, by the product's id."""

    def named(self, name: str) -> Tag:
        """The price of a name."""
        return next(tag for tag in self.tags if tag.name == name)


def set_up(shop: Shop) -> Catalogue:
    """Create it all."""
    catalogue = Catalogue()
    for event_name, formula in (("calls", "sum"), ("volume", "sum"), ("peak", "max")):
        made = _made(
            shop.ask(
                "POST",
                "/v1/billing/meters",
                display_name=event_name,
                event_name=event_name,
                default_aggregation={"formula": formula},
            )
        )
        catalogue.meters[event_name] = made
    for currency in CURRENCIES:
        for interval in DAYS:
            for name, terms in _offers(currency):
                _add(shop, catalogue, f"{interval} {name}", interval, currency, terms)
    _limit(shop, catalogue)
    for coupon, terms in COUPONS.items():
        _made(shop.ask("POST", "/v1/coupons", id=coupon, **terms))
    for percentage, inclusive in _RATES:
        given = {"display_name": "Tax", "inclusive": inclusive, "percentage": percentage}
        catalogue.rates[_made(shop.ask("POST", "/v1/tax_rates", **given))] = percentage, inclusive
    shop.names |= {tag.id: f"«{tag.name}»" for tag in catalogue.tags}
    return catalogue


def _limit(shop: Shop, catalogue: Catalogue) -> None:
    """Let some products come with calls: the feature of the same name, with a limit."""
    feature = _made(shop.ask("POST", "/v1/entitlements/features", name=LIMITED, lookup_key=LIMITED))
    for tag in catalogue.tags:
        name = tag.name.removeprefix(f"{tag.interval} ")
        if name not in _LIMITS:
            continue
        product = str(shop.look_up(f"/v1/prices/{tag.id}", method="GET").body["product"])
        limit = {"meter": catalogue.meters[LIMITED], "quantity": str(_LIMITS[name])}
        path = f"/v1/products/{product}/features"
        _made(shop.ask("POST", path, entitlement_feature=feature, meterline={"limit": limit}))
        catalogue.limits[product] = _LIMITS[name]


def _offers(currency: str) -> list[tuple[str, dict[str, Any]]]:
    licensed = _MODELS if currency == "usd" else {"flat": {"unit_amount": 1_500}}
    metered = _METERED if currency == "usd" else {"calls": {"unit_amount": 2}}
    plain = list(licensed.items())
    if currency == "usd":
        plain.append(("trying", {"unit_amount": 2_500, "recurring": {"trial_period_days": 9}}))
    return plain + [(name, terms | {"meter": _meter_of(name)}) for name, terms in metered.items()]


def _meter_of(name: str) -> str:
    return {"percent": "volume", "bounded": "peak"}.get(name, "calls")


def _add(
    shop: Shop, catalogue: Catalogue, name: str, interval: str, currency: str, terms: dict[str, Any]
) -> None:
    terms = dict(terms)
    event_name = terms.pop("meter", None)
    recurring: dict[str, Any] = {"interval": "month" if interval == "quarter" else interval}
    if interval == "quarter":
        recurring["interval_count"] = 3
    if event_name:
        recurring |= {"usage_type": "metered", "meter": catalogue.meters[event_name]}
    recurring |= terms.pop("recurring", {})
    full = name if currency == "usd" else f"{name} {currency}"
    made = _made(
        shop.ask(
            "POST",
            "/v1/prices",
            currency=currency,
            product_data={"name": full},
            recurring=recurring,
            **terms,
        )
    )
    catalogue.tags.append(Tag(made, full, interval, currency, event_name))


def _made(answer: Answer) -> str:
    assert not answer.is_refusal, answer.body
    return str(answer.body["id"])
