"""What taxes a line must bear: by fractions, from what the catalogue says of its rates."""

from decimal import Decimal
from fractions import Fraction

from meterline.store.base.documents import Body
from tests.faults.broken import BrokenRuleError
from tests.faults.lives.catalogue import Catalogue
from tests.faults.lives.life import Life, items_of

_FINAL = ("open", "paid", "uncollectible", "void")


def on_top(line: Body) -> int:
    """What taxes add to a line."""
    return sum(int(tax["amount"]) for tax in line["taxes"] if tax["tax_behavior"] == "exclusive")


def inside(line: Body) -> int:
    """What of a line is tax."""
    return sum(int(tax["amount"]) for tax in line["taxes"] if tax["tax_behavior"] == "inclusive")


def pretax(line: Body) -> int:
    """What a line comes to before taxes on top."""
    return int(line["amount"] - sum(part["amount"] for part in line["pretax_credit_amounts"]))


def taxed_on(line: Body) -> int:
    """The same without what discounts and credits of earlier invoices took off what the line goes
    on from, or takes back: that was not taxed there.
    """
    amount, known = pretax(line), line["_"]
    if known.get("untaxed"):
        return amount - int(known["untaxed"])
    if known.get("corrects") and known.get("gives_back") and amount < 0:
        back = known["gives_back"]
        off = sum(int(off) for _, off in back["discounts"]) + int(back.get("credits", 0))
        return max(amount, min(0, off - int(back["amount"])))
    return amount


def half_away(exact: Fraction) -> int:
    """The nearest whole number; a half goes away from zero."""
    whole = int(abs(exact) + Fraction(1, 2))
    return whole if exact >= 0 else -whole


def due(catalogue: Catalogue, amount: int, rates: list[str]) -> list[int]:
    """What each of some rates comes to on an amount."""
    terms = [catalogue.rates[rate] for rate in rates]
    percents = [Fraction(Decimal(percent)) for percent, _ in terms]
    within = sum(
        (percent for percent, (_, inclusive) in zip(percents, terms, strict=True) if inclusive),
        Fraction(0),
    )
    contained = [
        half_away(amount * percent / (100 + within)) if inclusive else 0
        for percent, (_, inclusive) in zip(percents, terms, strict=True)
    ]
    net = amount - sum(contained)
    return [
        part if inclusive else half_away(net * percent / 100)
        for part, percent, (_, inclusive) in zip(contained, percents, terms, strict=True)
    ]


def rates_of(line: Body) -> list[str]:
    """The rates by which a line is taxed."""
    return [tax["tax_rate_details"]["tax_rate"] for tax in line["taxes"]]


def check_taxes(life: Life, invoice: Body) -> None:
    """Each line has the taxes that its rates come to, or none by its customer's exemption."""
    for line in invoice["lines"]["data"]:
        found = [tax["amount"] for tax in line["taxes"]]
        exempt = any(
            tax["taxability_reason"] in ("customer_exempt", "reverse_charge")
            for tax in line["taxes"]
        )
        wanted = [0] * len(found) if exempt else due(life.catalogue, taxed_on(line), rates_of(line))
        if found != wanted:
            text = f"{invoice['id']} {line['id']}: {found}, not {wanted} on {taxed_on(line)}"
            raise BrokenRuleError("a line is taxed by its rates", life.shop.say(text))
        if line["amount"] > 0 and found and exempt != (invoice["customer_tax_exempt"] != "none"):
            text = f"{invoice['id']} {line['id']}: {invoice['customer_tax_exempt']}"
            raise BrokenRuleError("who is exempt owes no tax", life.shop.say(text))


def check_whose_rates(life: Life, invoice: Body) -> None:
    """A new invoice taxes what items bill by their own rates, else by those of its subscription."""
    details = (invoice["parent"] or {}).get("subscription_details") or {}
    subscription = life.shop.record.versions.get(str(details.get("subscription")))
    if not subscription or subscription[-1]["status"] in ("canceled", "incomplete_expired"):
        return
    own = {item["id"]: _ids(item["tax_rates"]) for item in items_of(subscription[-1])}
    default = _ids(subscription[-1]["default_tax_rates"])
    for line in invoice["lines"]["data"]:
        about = line["parent"]["subscription_item_details"] or {}
        item = about.get("subscription_item")
        if about.get("invoice_item") or line["amount"] <= 0 or item not in own:
            continue
        wanted = own[item] or default
        if rates_of(line) != wanted:
            text = f"{invoice['id']} {line['id']}: {rates_of(line)}, not {wanted}"
            raise BrokenRuleError("an item's rates come before the defaults", life.shop.say(text))


def _ids(rates: list[Body] | None) -> list[str]:
    return [rate["id"] for rate in rates or ()]


def check_taxes_given_back(life: Life) -> None:
    """A credit of flexible billing has the rates of the line that it gives back a part of."""
    rates: dict[str, list[str]] = {}
    credits_: list[tuple[Body, list[str]]] = []
    for invoice in life.invoices("draft", *_FINAL):
        for line in invoice["lines"]["data"]:
            rates[line["id"]] = sorted(rates_of(line))
            details = line["parent"][line["parent"]["type"]]
            credited = details["proration_details"]["credited_items"]
            if credited:
                credits_.append((line, credited["invoice_line_items"]))
    for line, given_back in credits_:
        known = next((rates[id_] for id_ in given_back if id_ in rates), None)
        if known is not None and known != rates[line["id"]]:
            text = f"{line['id']}: {rates[line['id']]}, billed with {known}"
            raise BrokenRuleError("what comes back is taxed as it was billed", life.shop.say(text))
