"""Invoices by hand of any mix, and what is taken back of them bit by bit, drawn from a seed."""

from random import Random

from meterline.store.base.documents import Body
from tests.faults.broken import BrokenRuleError
from tests.faults.lives.catalogue import CURRENCIES
from tests.faults.lives.credited import GIVEN
from tests.faults.lives.life import Life
from tests.faults.lives.offers import issue_note, rates

_DUE = ({"collection_method": "charge_automatically"}, {"collection_method": "send_invoice"})
_TOTALS = ("subtotal", "total", "total_excluding_tax", "total_taxes", "total_discount_amounts")


def bill_mix(life: Life, chance: Random) -> None:
    """An invoice of charges and credits with discounts and rates of any mix, as its draft said."""
    customer = chance.choice(life.customers)
    _discount_customer(life, chance, customer)
    currency = life.currency if chance.random() < 0.6 else chance.choice(CURRENCIES)
    params: Body = {"customer": customer, "currency": currency, **chance.choice(_DUE)}
    if params["collection_method"] == "send_invoice":
        params["days_until_due"] = 30
    params |= {"default_tax_rates": rates(life, chance), "discounts": _discounts(life, chance)}
    made = life.shop.ask("POST", "/v1/invoices", **params)
    if made.is_refusal:
        return
    path = f"/v1/invoices/{made.body['id']}"
    lines = [_line(life, chance) for _ in range(chance.choice([1, 2, 2, 4]))]
    draft = life.shop.ask("POST", f"{path}/add_lines", lines=lines)
    final = life.shop.ask("POST", f"{path}/finalize")
    for name in _TOTALS if not draft.is_refusal and not final.is_refusal else ():
        if draft.body[name] != final.body[name]:
            text = f"{path} {name}: {draft.body[name]}, then {final.body[name]}"
            raise BrokenRuleError("a preview is the bill", life.shop.say(text))


def _discount_customer(life: Life, chance: Random, customer: str) -> None:
    if chance.random() < 0.2:
        coupon = chance.choice(["", *life.catalogue.coupons])
        life.shop.ask("POST", f"/v1/customers/{customer}", coupon=coupon)


def _discounts(life: Life, chance: Random) -> list[Body] | str:
    """Up to two coupons, or a code; or those that are inherited, which nothing says."""
    if chance.random() < 0.15:
        return [{"promotion_code": chance.choice(life.codes)}]
    named = chance.sample(life.catalogue.coupons, chance.choice([0, 0, 1, 2]))
    return [{"coupon": coupon} for coupon in named] or ""


def _line(life: Life, chance: Random) -> Body:
    line: Body = {
        "amount": chance.choice([-700, -10, 1, 90, 999, 1_003, 5_000, 123_450]),
        "description": "Work",
    }
    if line["amount"] > 0 and chance.random() < 0.3:
        line["discounts"] = _discounts(life, chance)
    if chance.random() < 0.4:
        line["tax_rates"] = rates(life, chance)
    return line


def credit_on(life: Life, chance: Random) -> None:
    """Take more and more of one invoice back: amounts, lines, given taxes, lines of its own."""
    final = [one for one in life.invoices("open", "paid", "uncollectible") if one["total"] > 0]
    if not final:
        return
    noted = [one for one in final if one["pre_payment_credit_notes_amount"]]
    invoice = chance.choice(noted if noted and chance.random() < 0.5 else final)
    for _ in range(chance.choice([1, 2, 3, 4])):
        issue_note(life, chance, invoice["id"], _asked(life, chance, invoice))


_KINDS = ("amount", "rest", "own", "lines", "taxes", "part", "part", "fitting", "fitting")


def _asked(life: Life, chance: Random, invoice: Body) -> Body:
    now = life.shop.record.versions[invoice["id"]][-1]
    credited = now["pre_payment_credit_notes_amount"] + now["post_payment_credit_notes_amount"]
    left = max(invoice["total"] - credited, 1)
    lines = [line for line in invoice["lines"]["data"] if line["amount"]]
    kind, line = chance.choice(_KINDS), chance.choice(lines)
    if kind in ("amount", "rest"):
        return {"amount": left if kind == "rest" else chance.randrange(1, left + 2)}
    if kind == "taxes":
        return {"lines": [_with_taxes(chance, line)], "metadata": GIVEN}
    own = {"type": "custom_line_item", "unit_amount": chance.choice([1, 10, left])}
    named = {
        "own": lambda: [{**own, "tax_rates": rates(life, chance)}],
        "lines": lambda: [_of(one) for one in lines],
        "part": lambda: [_part(chance, line)],
        "fitting": lambda: [_fitting(line, left)],
    }
    return {"lines": named[kind]()}


def _of(line: Body, **asked: object) -> Body:
    return {"type": "invoice_line_item", "invoice_line_item": line["id"], **asked}


def _part(chance: Random, line: Body) -> Body:
    return _of(line, amount=line["amount"] // chance.choice([1, 2, 3, 7]) or line["amount"])


def _fitting(line: Body, left: int) -> Body:
    """As much of a line as what is left of the whole invoice has room for, taxes and all."""
    return _of(line, amount=min(line["amount"], left * 7 // 10) or line["amount"])


def _with_taxes(chance: Random, line: Body) -> Body:
    """A part of a line with taxes that the request says: less than their share, or more."""
    taxes = [
        {
            "tax_rate": tax["tax_rate_details"]["tax_rate"],
            "amount": tax["amount"] // chance.choice([1, 2, 5]),
            "taxable_amount": 0,
        }
        for tax in line["taxes"]
    ]
    return _part(chance, line) | ({"tax_amounts": taxes} if taxes else {})


def void_recent(life: Life, chance: Random) -> None:
    """Let a note of an invoice that is still open never have been."""
    is_open = {one["id"] for one in life.invoices("open")}
    issued = [one for one in life.shop.record.latest("credit_note") if one["status"] == "issued"]
    notes = [one for one in issued if one["invoice"] in is_open] or issued
    if notes:
        life.shop.ask("POST", f"/v1/credit_notes/{chance.choice(notes)['id']}/void")
