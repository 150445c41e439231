"""What a tax engine answers: which taxes each line of an invoice has, read and checked.

An engine is a program of the deployment's own, and its answer becomes a bill. So an answer is taken
only whole: about the invoice that was asked about, in its currency, with each of its lines once,
and with taxes that have the sign of what they are on. Anything else is a wrong answer.
"""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from meterline.core.base.frozen import frozen
from meterline.core.base.money import MAX_AMOUNT_MINOR, decimal_places
from meterline.core.billing.taxes import JURISDICTION_LEVELS, TAX_TYPES, TAXABILITY_REASONS

MOST_TAXES: Final = 20
"""Taxes that an engine may give a line, as ``tax_amounts`` of a request."""

_COUNTRY_LETTERS = 2
_MOST_PLACES = 4
_WORDS: Mapping[str, int] = {
    "display_name": 100,
    "description": 500,
    "jurisdiction": 200,
    "state": 50,
}
"""The words about a rate, and how long each may be."""

_ENUMS: Mapping[str, Sequence[str]] = {
    "jurisdiction_level": JURISDICTION_LEVELS,
    "tax_type": TAX_TYPES,
}
_RATE = {"country", "inclusive", "percentage", *_WORDS, *_ENUMS}


class WrongAnswer(ValueError):  # noqa: N818 - an outcome of the engine's, not a defect
    """An answer that cannot be taken; what is wrong is said in words of our own."""


@frozen
class Asked:
    """What an engine was asked about: an invoice, and what its lines come to before taxes."""

    invoice: str
    currency: str
    amounts_minor: Mapping[str, int]


@frozen
class TaxAnswer:
    """The taxes of each line, as ``tax_amounts`` of a request would say them; None of an invoice
    whose customer is nowhere that the engine knows.
    """

    taxes: Mapping[str, Sequence[Mapping[str, Any]]] | None


def read_answer(text: bytes, asked: Asked) -> TaxAnswer:
    """The answer in a text of JSON; raises WrongAnswer."""
    try:
        answer = json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError):
        raise WrongAnswer("is no JSON") from None
    _expect(isinstance(answer, dict), "is no object")
    _expect(answer.get("invoice") == asked.invoice, "is about another invoice")
    status = answer.get("status", "complete")
    _expect(status in ("complete", "requires_location_inputs"), "has a status that there is not")
    if status == "requires_location_inputs":
        return TaxAnswer(None)
    _expect(answer.get("currency") == asked.currency, "is in another currency")
    lines = answer.get("lines")
    _expect(isinstance(lines, list), "has no list of lines")
    taxes = dict(_line(line, asked) for line in lines)
    _expect(len(taxes) == len(lines), "has a line twice")
    _expect(taxes.keys() == asked.amounts_minor.keys(), "lacks a line")
    return TaxAnswer(taxes)


def _line(line: Any, asked: Asked) -> tuple[str, list[Mapping[str, Any]]]:  # noqa: ANN401 - JSON
    _expect(isinstance(line, dict), "has a line that is no object")
    line_id = line.get("id")
    _expect(isinstance(line_id, str) and line_id in asked.amounts_minor, "has an unknown line")
    given = line.get("tax_amounts")
    _expect(isinstance(given, list), "has a line without tax_amounts")
    _expect(len(given) <= MOST_TAXES, f"has a line with more than {MOST_TAXES} taxes")
    taxes = [_tax(tax, asked.amounts_minor[line_id]) for tax in given]
    contained = sum(tax["amount"] for tax in taxes if tax["tax_rate_data"]["inclusive"])
    _expect(
        abs(contained) <= abs(asked.amounts_minor[line_id]),
        "has more tax in a line than the line comes to",
    )
    return line_id, taxes


def _tax(tax: Any, line_minor: int) -> Mapping[str, Any]:  # noqa: ANN401 - JSON
    _expect(isinstance(tax, dict), "has a tax that is no object")
    amounts = {name: tax.get(name) for name in ("amount", "taxable_amount")}
    for name, amount in amounts.items():
        _expect(isinstance(amount, int) and not isinstance(amount, bool), f"has no whole {name}")
        _expect(abs(amount) <= MAX_AMOUNT_MINOR, f"has too large a {name}")
        lowest, highest = (0, MAX_AMOUNT_MINOR) if line_minor > 0 else (-MAX_AMOUNT_MINOR, 0)
        _expect(lowest <= amount <= highest, f"has a {name} of another sign than its line")
    reason = tax.get("taxability_reason")
    _expect(
        reason is None or reason in TAXABILITY_REASONS, "has a taxability_reason that there is not"
    )
    said = {} if reason is None else {"taxability_reason": reason}
    return {**amounts, **said, "tax_rate_data": _rate(tax.get("tax_rate_data"))}


def _rate(rate: Any) -> Mapping[str, Any]:  # noqa: ANN401 - JSON
    _expect(isinstance(rate, dict), "has a tax without tax_rate_data")
    _expect(rate.keys() <= _RATE, "has tax_rate_data with an unknown field")
    _expect(isinstance(rate.get("inclusive"), bool), "has a rate that is not inclusive or not")
    _expect(bool(rate.get("display_name")), "has a rate without display_name")
    said = {name: value for name, value in rate.items() if value is not None}
    for name, longest in _WORDS.items():
        _expect(name not in said or _is_text(said[name], longest), f"has a wrong {name}")
    for name, known in _ENUMS.items():
        _expect(name not in said or said[name] in known, f"has a wrong {name}")
    _expect("country" not in said or _is_country(said["country"]), "has a wrong country")
    return {**said, "percentage": _percentage(rate.get("percentage"))}


def _is_text(word: Any, longest: int) -> bool:  # noqa: ANN401 - JSON
    return isinstance(word, str) and len(word) <= longest


def _is_country(word: Any) -> bool:  # noqa: ANN401 - JSON
    return (
        isinstance(word, str)
        and len(word) == _COUNTRY_LETTERS
        and word.isascii()
        and word.isalpha()
        and word.isupper()
    )


def _percentage(said: Any) -> Decimal:  # noqa: ANN401 - JSON
    is_number = isinstance(said, int | Decimal | str) and not isinstance(said, bool)
    try:
        percentage = Decimal(said) if is_number else None
    except InvalidOperation:
        percentage = None
    if percentage is None or not percentage.is_finite():
        raise WrongAnswer("has a rate without a percentage")
    _expect(0 <= percentage <= 100, "has a percentage that is none")  # noqa: PLR2004 - per cent
    _expect(decimal_places(percentage) <= _MOST_PLACES, "has a percentage of more than 4 places")
    return percentage


def _expect(holds: bool, wrong: str) -> None:  # noqa: FBT001 - a condition
    if not holds:
        raise WrongAnswer(wrong)
