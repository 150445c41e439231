"""Money adds up: invoices from their lines, balances from their transactions, credits from what
was charged.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from meterline.core.base.money import charge_step_minor
from meterline.store.base.documents import Body
from tests.faults.broken import BrokenRuleError
from tests.faults.lives.life import Life
from tests.faults.lives.lines import whole_lines
from tests.faults.lives.taxes import inside, on_top

_FINAL = ("open", "paid", "uncollectible", "void")


def check_invoice(life: Life, invoice: Body) -> None:
    """Totals follow from lines, what is due from totals and the balance, what is left from both."""
    lines = invoice["lines"]["data"]
    amount = sum(line["amount"] for line in lines)
    own = sum(map(_own_discounts, lines))
    off = sum(part["amount"] for line in lines for part in line["discount_amounts"])
    told = sum(part["amount"] for part in invoice["total_discount_amounts"])
    rule = "the subtotal is the sum of the lines, less their own discounts"
    _same(life, invoice, rule, invoice["subtotal"], amount - own)
    _same(life, invoice, "discounts are those of the lines", told, off)
    paid = _by_credits(lines)
    taxes, contained = sum(map(on_top, lines)), sum(map(inside, lines))
    total = amount - off - paid + taxes
    rule = "the total is what discounts and credits leave, and the taxes on top"
    _same(life, invoice, rule, invoice["total"], total)
    without = (invoice["total_excluding_tax"], invoice["subtotal_excluding_tax"])
    rule = "without taxes it is less by all of them"
    _same(life, invoice, rule, without, (total - taxes - contained, amount - own - contained))
    summed = sum(tax["amount"] for tax in invoice["total_taxes"])
    _same(life, invoice, "taxes are those of the lines", summed, taxes + contained)
    reduced = sum(part["amount"] for part in invoice["total_pretax_credit_amounts"])
    _same(life, invoice, "reductions are those of the lines", reduced, off + paid)
    _same(life, invoice, "a line stands once", len({line["id"] for line in lines}), len(lines))
    for line in lines:
        taken = sum(part["amount"] for part in line["discount_amounts"])
        if not -_discounts_to_give_back(line) <= taken <= max(line["amount"], 0):
            raise _fault(life, invoice, "a discount takes no more than there is", f"{taken}")
        if line["currency"] != invoice["currency"]:
            raise _fault(life, invoice, "an invoice has one currency", line["currency"])
    if invoice["status"] not in _FINAL:
        return
    owed = invoice["total"] + invoice["starting_balance"]
    due, ending = invoice["amount_due"], invoice["ending_balance"]
    less = invoice["pre_payment_credit_notes_amount"]
    if due:
        charged = invoice["collection_method"] == "charge_automatically"
        rest = owed % charge_step_minor(invoice["currency"]) if charged else 0
        _same(life, invoice, "what is owed is due", (due, ending), (owed - rest - less, rest))
    else:
        _same(
            life, invoice, "what is not due is on the balance", ending, owed if not less else ending
        )
    left = due if invoice["status"] in ("open", "void", "uncollectible") else 0
    if left and invoice["collection_method"] == "charge_automatically":
        step = charge_step_minor(invoice["currency"])
        _same(life, invoice, "what is due can be charged", left % step, 0)
    figures = (invoice["amount_paid"], invoice["amount_remaining"])
    _same(life, invoice, "what is not paid is left", figures, (due - left, left))


def _by_credits(lines: Iterable[Body]) -> int:
    """What credits pay of lines."""
    return sum(
        int(part["amount"])
        for line in lines
        for part in line["pretax_credit_amounts"]
        if part["type"] == "credit_balance_transaction"
    )


def _own_discounts(line: Body) -> int:
    return sum(
        int(part["amount"])
        for part in line["discount_amounts"]
        if part["discount"] in line["discounts"]
    )


def _discounts_to_give_back(line: Body) -> int:
    """What discounts took off what a line gives back; any part of a credit that takes part."""
    known = (line["_"].get("gives_back") or {}).get("discounts", [])
    own = max(-int(line["amount"]), 0) if line["discountable"] else 0
    return sum(int(off) for _, off in known) + own


def check_balances(life: Life) -> None:
    """A balance is the sum of its transactions in its currency, and an invoice's are what it says.

    So nothing in one currency moves a balance in another.
    """
    sums: dict[tuple[str, str], int] = defaultdict(int)
    applied: dict[str, int] = defaultdict(int)
    invoices = {one["id"]: one for one in life.invoices(*_FINAL)}
    for one in life.shop.record.latest("customer_balance_transaction"):
        sums[one["customer"], one["currency"]] += one["amount"]
        if one["invoice"] and not one["credit_note"]:
            applied[one["invoice"]] += one["amount"]
            invoice = invoices[one["invoice"]]
            rule = "an invoice moves the balance in its currency"
            _same(life, invoice, rule, one["currency"], invoice["currency"])
    for customer in life.shop.record.latest("customer"):
        if not customer.get("deleted"):
            _check_customer(life, customer, sums)
    for invoice in invoices.values():
        moved = invoice["ending_balance"] - invoice["starting_balance"]
        wanted = 0 if invoice["status"] == "void" else moved
        rule = "an invoice moves the balance by what it says"
        _same(life, invoice, rule, applied[invoice["id"]], wanted)


def _check_customer(life: Life, customer: Body, sums: Mapping[tuple[str, str], int]) -> None:
    stored = customer.get("invoice_credit_balance") or {}
    own = {whose[1]: amount for whose, amount in sums.items() if whose[0] == customer["id"]}
    wanted = {currency: -amount for currency, amount in own.items() if amount}
    balance = own.get(customer["currency"], 0)
    if stored != wanted or customer["balance"] != balance:
        text = f"{customer['id']}: {customer['balance']} and {stored}, its transactions {own}"
        raise BrokenRuleError("a balance is the sum of its transactions", life.shop.say(text))


def check_credits(life: Life) -> None:
    """What flexible billing gives back of lines is no more than what they charged."""
    charged: dict[str, int] = {}
    given: dict[tuple[str, ...], int] = defaultdict(int)
    for invoice in life.invoices("draft", *_FINAL):
        for line in invoice["lines"]["data"]:
            off = sum(part["amount"] for part in line["discount_amounts"])
            charged[line["id"]] = line["amount"] - off
            details = line["parent"][line["parent"]["type"]]
            credited = details["proration_details"]["credited_items"]
            if credited:
                given[tuple(credited["invoice_line_items"])] += line["amount"]
    for line_ids, amount in given.items():
        paid = sum(charged.get(id_, 0) for id_ in line_ids)
        if charged.keys() >= set(line_ids) and -amount > paid:
            text = f"{', '.join(line_ids)}: {-amount} of {paid}"
            raise BrokenRuleError("no more comes back than was charged", life.shop.say(text))


def check_time_given_back(life: Life) -> None:
    """No second of an item is given back more often than it was charged, by what still stands.

    A charge is a line for the period, or the debit of a change that was not deleted.
    """
    charges: dict[str, list[tuple[int, int]]] = defaultdict(list)
    credits_: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for invoice in life.invoices("draft", *_FINAL):
        for line in whole_lines(invoice["lines"]["data"]):
            details = line["parent"]["subscription_item_details"] or {}
            if line["_"]["meter"] is None and details and not details["invoice_item"]:
                charges[details["subscription_item"]].append(_bounds(line))
    for item in life.shop.record.latest("invoiceitem"):
        parent = item["_"].get("parent") or item["parent"] or {}
        details = parent.get("subscription_details") or {}
        if item["proration"] and not item["_"].get("meter") and "subscription_item" in details:
            of_item = credits_ if item["amount"] < 0 else charges
            of_item[details["subscription_item"]].append(_bounds(item))
    for name, given in credits_.items():
        for start, _ in given:
            times = sum(one <= start < end for one, end in given)
            paid = sum(one <= start < end for one, end in charges[name])
            if times > paid:
                text = f"{name} at {start}: {times} times, charged {paid} times"
                rule = "no time is given back more often than it was charged"
                raise BrokenRuleError(rule, life.shop.say(text))


def _bounds(billed: Body) -> tuple[int, int]:
    return billed["period"]["start"], billed["period"]["end"]


def _same(life: Life, invoice: Body, rule: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise _fault(life, invoice, rule, f"{found}, not {wanted}")


def _fault(life: Life, invoice: Body, rule: str, text: str) -> BrokenRuleError:
    return BrokenRuleError(rule, life.shop.say(f"{invoice['id']}: {text}"))
