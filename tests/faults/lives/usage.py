"""Usage is billed once: metered lines say what a list of the events says that was kept beside."""

from collections.abc import Iterable
from decimal import Decimal
from itertools import pairwise

from meterline.store.base.documents import Body
from tests.faults.broken import BrokenRuleError
from tests.faults.lives.life import Life
from tests.faults.lives.lines import whole_lines
from tests.faults.lives.shop import stamp


def check_lines(life: Life, finals: Iterable[Body]) -> None:
    """Each metered line of invoices that have just become final has the usage of its period."""
    for invoice in finals:
        for line in whole_lines(invoice["lines"]["data"]):
            if line["_"]["meter"] is not None:
                _check_line(life, invoice, line)


def _check_line(life: Life, invoice: Body, line: Body) -> None:
    start, end = line["period"]["start"], line["period"]["end"]
    wanted, name = used(life, invoice["customer"], line["_"]["meter"], (start, end))
    if Decimal(line["quantity_decimal"]) != wanted:
        text = (
            f"{invoice['id']} bills {line['quantity_decimal']} of {wanted} {name}"
            f" from {stamp(start)} to {stamp(end)}"
        )
        raise BrokenRuleError("a line bills the usage of its period", life.shop.say(text))


def used(life: Life, customer: str, meter: str, span: tuple[int, int]) -> tuple[int, str]:
    """What a customer used in a span by what was sent, and the meter's name."""
    name = next(name for name, known in life.catalogue.meters.items() if known == meter)
    values = [
        value
        for whose, event_name, at, value in life.usage
        if (whose, event_name) == (customer, name) and span[0] <= at < span[1]
    ]
    return (max(values, default=0) if name == "peak" else sum(values)), name


def check_once(life: Life) -> None:
    """No second of an item's usage is billed by two invoices; thresholds bill in steps."""
    billed: dict[tuple[str, str], list[tuple[int, int, str]]] = {}
    for invoice in life.invoices("draft", "open", "paid", "uncollectible"):
        for line in whole_lines(invoice["lines"]["data"]):
            details = line["parent"]["subscription_item_details"] or {}
            if line["_"]["meter"] is None or "subscription_item" not in details:
                continue
            if invoice["billing_reason"] == "subscription_threshold":
                continue
            key = details["subscription_item"], line["_"]["meter"]
            bounds = line["period"]["start"], line["period"]["end"], invoice["id"]
            billed.setdefault(key, []).append(bounds)
    for (item, _), spans in billed.items():
        for (_, end, one), (start, _, other) in pairwise(sorted(spans)):
            if start < end:
                text = f"{item} by {one} and {other}: {stamp(start)} before {stamp(end)}"
                raise BrokenRuleError("usage is billed once", life.shop.say(text))


def check_thresholds(life: Life, finals: Iterable[Body]) -> None:
    """What thresholds billed of a period is taken off once by whatever bills it in the end."""
    for invoice in finals:
        if invoice["billing_reason"] == "subscription_threshold":
            continue
        lines = invoice["lines"]["data"]
        for line in whole_lines(lines):
            item = _item_of(line)
            if line["_"]["meter"] is None or item is None:
                continue
            start = line["period"]["start"]
            before = sum(_billed_by_thresholds(life, item, start))
            taken = -sum(
                one["amount"]
                for one in lines
                if one["_"]["meter"] is None
                and _item_of(one) == item
                and one["period"]["start"] == start
                and "corrects" not in one["_"]
            )
            if before and taken != before:
                text = f"{invoice['id']} takes off {taken} of {before} of {item}"
                rule = "what thresholds billed is taken off once"
                raise BrokenRuleError(rule, life.shop.say(text))


def _billed_by_thresholds(life: Life, item: str, start: int) -> Iterable[int]:
    for versions in list(life.shop.record.of_kind("invoice")):
        if versions[-1]["billing_reason"] == "subscription_threshold":
            for line in versions[-1]["lines"]["data"]:
                if _item_of(line) == item and line["period"]["start"] == start:
                    yield line["amount"]


def _item_of(line: Body) -> str | None:
    details = line["parent"]["subscription_item_details"] or {}
    return None if details.get("invoice_item") else details.get("subscription_item")
