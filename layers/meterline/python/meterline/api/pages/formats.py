"""Money, numbers and dates as people of a locale write them, by Babel. Nothing is rounded."""

import copy
import re
from datetime import UTC, date, datetime
from decimal import Decimal, localcontext
from typing import Final

from babel import Locale
from babel.dates import format_date, format_datetime, format_interval
from babel.numbers import NumberPattern, format_decimal, format_percent

from meterline.core.base.frozen import frozen
from meterline.core.base.money import EXACT, minor_digits

_HUNDREDTH: Final = -2
_TOO_CLOSE: Final = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])")
"""Between a digit and a letter of a currency's code CLDR has a space, which Babel leaves out."""

_DAY: Final = "yMMMd"


@frozen
class Formats:
    """How a locale writes what is in one currency; days are those of UTC."""

    locale: Locale
    currency: str

    def money(self, amount_minor: Decimal | int) -> str:
        """An amount of minor units in the currency's own, with all digits that it has."""
        digits = minor_digits(self.currency)
        major = Decimal(amount_minor).scaleb(-digits, EXACT)
        pattern: NumberPattern = copy.copy(self.locale.currency_formats["standard"])
        pattern.frac_prec = (digits, digits)
        with localcontext(EXACT):
            text: str = pattern.apply(
                major,
                self.locale,
                currency=self.currency.upper(),
                currency_digits=False,
                decimal_quantization=False,  # of more digits that it has, it has all
            )
        return _TOO_CLOSE.sub("\N{NO-BREAK SPACE}", text)

    def number(self, value: Decimal | int) -> str:
        """A quantity, with all digits that it has."""
        with localcontext(EXACT):
            return format_decimal(value, locale=self.locale, decimal_quantization=False)

    def percent(self, value: Decimal) -> str:
        """A percentage, such as that of a tax rate: 19 is 19 %."""
        return format_percent(
            value.scaleb(_HUNDREDTH), locale=self.locale, decimal_quantization=False
        )

    def day(self, instant: int) -> str:
        """The day of an instant: November 29, 2026."""
        return format_date(_day(instant), "long", locale=self.locale)

    def short_day(self, instant: int) -> str:
        """The same, shorter: Nov 29, 2026."""
        return format_date(_day(instant), "medium", locale=self.locale)

    def hour(self, instant: int) -> str:
        """The day and the hour of an instant, UTC."""
        moment = datetime.fromtimestamp(instant, UTC)
        return format_datetime(moment, "short", tzinfo=UTC, locale=self.locale)

    def span(self, start: int, end: int) -> str:
        """From a day until another: Nov 1 - Dec 1, 2026; one day if they are the same."""
        return format_interval(_day(start), _day(end), _DAY, locale=self.locale)

    def country(self, code: str) -> str:
        """A country by its code, in the locale's language."""
        return str(self.locale.territories.get(code.upper(), code))


def _day(instant: int) -> date:
    return datetime.fromtimestamp(instant, UTC).date()
