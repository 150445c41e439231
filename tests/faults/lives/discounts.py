"""What discounts must take off the lines of an invoice, from the terms of their coupons."""

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction

from meterline.services.billing.tier_lines import whole_id
from meterline.store.base.documents import Body
from tests.faults.broken import BrokenRuleError
from tests.faults.lives.catalogue import COUPONS
from tests.faults.lives.life import Life
from tests.faults.lives.taxes import half_away


def check_discounts(life: Life, invoice: Body) -> None:
    """Each line has off what its own discounts take, then those of the whole invoice."""
    lines = invoice["lines"]["data"]
    if any(_is_a_part_of_before(line) for line in lines):
        return
    left = [line["amount"] if line["discountable"] else 0 for line in lines]
    wanted: list[list[tuple[str, int]]] = [[] for _ in lines]
    wholes: dict[str, list[int]] = {}
    for place, line in enumerate(lines):
        wholes.setdefault(whole_id(line), []).append(place)
    for places in wholes.values():
        for discount in dict.fromkeys(one for place in places for one in lines[place]["discounts"]):
            having = [place for place in places if discount in lines[place]["discounts"]]
            _take(life, invoice, discount, having, left, wanted)
    for discount in invoice["discounts"]:
        _take(life, invoice, discount, range(len(lines)), left, wanted)
    for line, parts in zip(lines, wanted, strict=True):
        found = [(part["discount"], part["amount"]) for part in line["discount_amounts"]]
        if found != parts:
            text = f"{invoice['id']} {line['id']} of {line['amount']}: {found}, not {parts}"
            raise BrokenRuleError("a line has off what its discounts take", life.shop.say(text))


def _is_a_part_of_before(line: Body) -> bool:
    """Whether a line bills or gives back a part of what was billed before, with what that had."""
    state = line["_"]
    return bool(state.get("gives_back") or state.get("billed_before") or state.get("corrects"))


def _take(
    life: Life,
    invoice: Body,
    discount: str,
    places: Iterable[int],
    left: list[int],
    wanted: list[list[tuple[str, int]]],
) -> None:
    coupon = life.shop.record.versions[discount][-1]["source"]["coupon"]
    terms = COUPONS[coupon]
    taking = list(places)
    if "percent_off" in terms:
        percent = Fraction(Decimal(str(terms["percent_off"])))
        off = [half_away(left[place] * percent / 100) for place in taking]
    else:
        own = {terms["currency"]: terms} | terms.get("currency_options", {})
        most = max(sum(left[place] for place in taking), 0)
        amount = min(own[invoice["currency"]]["amount_off"], most)
        off = _shared(amount, [max(left[place], 0) for place in taking])
    for place, part in zip(taking, off, strict=True):
        if part:
            left[place] -= part
            wanted[place].append((discount, part))


def _shared(amount: int, weights: list[int]) -> list[int]:
    """An amount in proportion to weights, the rest of the rounding to the last that have room."""
    total = sum(weights)
    if not min(amount, total):
        return [0] * len(weights)
    shares = [amount * weight // total for weight in weights]
    for place in reversed(range(len(weights))):
        more = min(amount - sum(shares), weights[place] - shares[place])
        shares[place] += more
    return shares


def check_redemptions(life: Life) -> None:
    """What is redeemed of a code is what has come of it, and never more than its limit."""
    discounts = [versions[0] for versions in life.shop.record.of_kind("discount")]
    for code in life.shop.record.latest("promotion_code"):
        made = sum(one["promotion_code"] == code["id"] for one in discounts)
        most = code["max_redemptions"]
        if code["times_redeemed"] != made or (most is not None and made > most):
            text = f"{code['code']}: {code['times_redeemed']} of {most}, {made} discounts"
            raise BrokenRuleError("a code is redeemed as often as it says", life.shop.say(text))
