"""``/console/catalogue``: what is sold, and an editor for the common ways to price it."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from meterline.api.console.asking import Call, listing
from meterline.api.console.visits import Visit, found, signed_in
from meterline.api.pages.answers import Page
from meterline.core.base.errors import BillingError
from meterline.core.base.money import format_decimal, minor_digits

MODELS: Final = {
    "flat": ("Flat fee", "The same in each period."),
    "per_unit": ("Per unit", "Each seat, or each unit of usage, costs the same."),
    "package": ("Package", "So many units at a time, a part counts as a whole one."),
    "graduated": ("Graduated", "Each tier prices the units that are in it."),
    "volume": ("Volume", "The tier that all units reach prices all of them."),
}
"""The ways to price: what each is called, and what it does."""

INTERVALS: Final = ("month", "year", "week", "day")
TIER_ROWS: Final = 5
_TIERED: Final = ("graduated", "volume")


def _list(visit: Visit) -> Page:
    products = visit.api.ask(visit.listing("/v1/products"))
    return visit.page("products.html", products=products)


def _show(visit: Visit, product_id: str) -> Page:
    product, prices = visit.api.ask_all(
        [
            Call("GET", f"/v1/products/{product_id}"),
            listing("/v1/prices", product=product_id, limit=50, expand=["data.tiers"]),
        ]
    )
    return visit.page("product.html", product=found(product), prices=prices)


def _edit(visit: Visit) -> Page:
    return _editor(visit, visit.query, None, None)


def _create(visit: Visit) -> Page:
    """Show the call that the form comes to, or make it."""
    form = visit.form
    try:
        params = dict(_price(form))
    except BillingError as wrong:
        return _editor(visit, form, None, str(wrong))
    call = Call("POST", "/v1/prices", params, form.get("once"))
    if form.get("act") != "create":
        return _editor(visit, form, call, None)
    reply = visit.api.ask(call)
    if not reply.is_good:
        return _editor(visit, form, call, reply.problem)
    return visit.moved(f"/console/catalogue/{reply.body['product']}", done="created")


def _editor(visit: Visit, form: Mapping[str, str], call: Call | None, problem: str | None) -> Page:
    meters, products = visit.api.ask_all(
        [
            listing("/v1/billing/meters", status="active", limit=100),
            listing("/v1/products", active=True, limit=100),
        ]
    )
    usual = {"model": "flat", "currency": "usd", "interval": "month"}
    values = defaultdict(str, {**usual, **form})
    return visit.page(
        "price_editor.html",
        status=400 if problem else 200,
        form=values,
        call=call,
        problem=problem,
        meters=meters,
        products=products,
        models=MODELS,
        intervals=INTERVALS,
        tier_rows=range(1, TIER_ROWS + 1),
    )


def _price(form: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    """The parameters of the price that a form describes; BillingError for what it lacks."""
    currency, model = form.get("currency", "").lower(), form.get("model", "")
    if model not in MODELS:
        raise BillingError("Choose how it is priced.")
    digits = minor_digits(currency)
    yield "currency", currency
    if form.get("product"):
        yield "product", form["product"]
    elif form.get("name"):
        yield "product_data", {"name": form["name"], "unit_label": form.get("unit_label")}
    else:
        raise BillingError("Name the product, or choose one that is there.")
    yield "nickname", form.get("nickname")
    yield "recurring", _recurring(form, model)
    if model in _TIERED:
        yield "billing_scheme", "tiered"
        yield "tiers_mode", model
        yield "tiers", _tiers(form, digits)
        return
    yield "unit_amount_decimal", _minor(form.get("amount"), digits, "The amount")
    if model == "package":
        yield "transform_quantity", {"divide_by": form.get("package", ""), "round": "up"}


def _recurring(form: Mapping[str, str], model: str) -> Mapping[str, str]:
    terms = {"interval": form.get("interval", "month")}
    if model != "flat" and form.get("meter"):
        terms |= {"usage_type": "metered", "meter": form["meter"]}
    return terms


def _tiers(form: Mapping[str, str], digits: int) -> list[Mapping[str, str]]:
    tiers: list[Mapping[str, str]] = []
    for number in range(1, TIER_ROWS + 1):
        unit, flat = form.get(f"tier_{number}_unit"), form.get(f"tier_{number}_flat")
        if not unit and not flat:
            continue
        tier = {"up_to": form.get(f"tier_{number}_up_to", "inf")}
        tier["unit_amount_decimal"] = _minor(unit or "0", digits, f"The amount of tier {number}")
        if flat:
            tier["flat_amount_decimal"] = _minor(flat, digits, f"The flat fee of tier {number}")
        tiers.append(tier)
    if not tiers:
        raise BillingError("Give at least one tier an amount.")
    return tiers


def _minor(text: str | None, digits: int, what: str) -> str:
    """An amount as people write it, in minor units: 0.004 dollars are 0.4 cents."""
    try:
        amount = Decimal((text or "").replace(",", "").strip())
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite():
        message = f"{what} must be a number, such as 49.00."
        raise BillingError(message)
    return format_decimal(amount.scaleb(digits))


PAGES = [
    signed_in("GET", "/console/catalogue", _list),
    signed_in("POST", "/console/prices", _create),
    signed_in("GET", "/console/prices/new", _edit),
    signed_in("GET", "/console/catalogue/{id}", _show),
]
