"""Lines' descriptions in the words of a language, as far as Meterline wrote them itself."""

from collections.abc import Iterator

from meterline.api.pages.formats import Formats
from meterline.api.pages.words.table import Phrases
from meterline.services.documents.descriptions import Described, Rate, described


def in_words(text: str, product_name: str, phrases: Phrases, formats: Formats) -> str:
    """A description in a language and its numbers; as it is if somebody else has written it."""
    said = described(text, product_name, formats.currency)
    return text if said is None else "".join(_parts(said, phrases, formats))


def _parts(said: Described, phrases: Phrases, formats: Formats) -> Iterator[str]:
    what = said.product
    if said.quantity is not None:
        unit = f" {said.unit_label}" if said.unit_label else ""
        what = f"{formats.number(said.quantity)}{unit} × {what}"
    day = "" if said.after is None else formats.short_day(said.after)
    yield phrases.occasions[said.occasion].format(what=what, day=day)
    if said.is_free:
        yield f" ({phrases.free_trial})"
    if said.rate is not None:
        yield f" ({_rate(said.rate, phrases, formats)})"
    if said.minimum is not None:
        yield phrases.minimum.format(amount=formats.money(said.minimum))
    if said.maximum is not None:
        yield phrases.maximum.format(amount=formats.money(said.maximum))


def _rate(rate: Rate, phrases: Phrases, formats: Formats) -> str:
    if rate.unit_amount is None or rate.interval is None:
        percent = "" if rate.percent is None else formats.percent(rate.percent)
        fee = "" if rate.fee is None else f" + {formats.money(rate.fee)}"
        return phrases.at.format(amount=percent) + fee
    tier = "" if rate.tier is None else f"{phrases.tier.format(place=rate.tier)} "
    each = "" if rate.units is None else phrases.per_units.format(count=formats.number(rate.units))
    one, several = phrases.rhythms[rate.interval]
    count = rate.interval_count
    rhythm = one if count == 1 else several.format(count=formats.number(count))
    return f"{tier}{phrases.at.format(amount=formats.money(rate.unit_amount))}{each} / {rhythm}"
