"""The words of pages: complete in every language, and chosen by what a customer prefers."""

import re
from dataclasses import asdict
from decimal import Decimal

import pytest
from babel import Locale

from meterline.api.pages.formats import Formats
from meterline.api.pages.words import LANGUAGES, locale_for, words_for
from tests.engines import ROOT

OTHERS = sorted(set(LANGUAGES) - {"en"})


def places(text: str) -> list[str]:
    """The names that a text is filled in with."""
    return sorted(re.findall(r"\{(\w*)\}", text))


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_no_word_is_missing(language: str) -> None:
    assert [name for name, text in asdict(LANGUAGES[language]).items() if not text.strip()] == []


@pytest.mark.parametrize("language", OTHERS)
def test_each_language_says_the_same_facts(language: str) -> None:
    english, other = asdict(LANGUAGES["en"]), asdict(LANGUAGES[language])
    assert [n for n, text in english.items() if places(text) != places(other[n])] == []


def test_the_layer_has_the_numbers_and_dates_of_each_language_and_no_others() -> None:
    makefile = (ROOT / "layers/pages/Makefile").read_text()
    kept = re.search(r"^LANGUAGES := (.*)$", makefile, re.MULTILINE)
    assert kept
    assert set(kept[1].split()) == {"root", *LANGUAGES}


# preferred | the locale that is spoken
PREFERRED = [
    ([], "en_US"),
    (["de"], "de"),
    (["de-AT"], "de_AT"),
    (["de_CH"], "de_CH"),
    (["DE-de"], "de_DE"),
    (["fr", "de"], "de"),
    (["ja", "zh-Hant-TW"], "en_US"),
    (["en-GB", "de"], "en_GB"),
    (["en"], "en"),
    (["de-XX"], "de"),
    (["de-Latn-DE"], "de_DE"),
    (["", "-", "*", "../de", "d" * 1_000], "en_US"),
    (["de-" + "A" * 1_000], "de"),
]


@pytest.mark.parametrize(("preferred", "spoken"), PREFERRED)
def test_the_first_language_that_is_known_is_spoken(preferred: list[str], spoken: str) -> None:
    locale = locale_for(preferred)
    assert str(locale) == spoken
    assert words_for(locale) is LANGUAGES[locale.language]


NBSP = "\N{NO-BREAK SPACE}"

# locale | currency | minor units | as it is written
MONEY = [
    ("en_US", "usd", 123_456, "$1,234.56"),
    ("en_US", "usd", -500, "-$5.00"),
    ("en_US", "jpy", 1_250_000, "¥1,250,000"),
    ("en_US", "kwd", 1_234, f"KWD{NBSP}1.234"),
    ("de_DE", "eur", 123_456, f"1.234,56{NBSP}€"),
    ("de_DE", "eur", 0, f"0,00{NBSP}€"),
    ("de_DE", "jpy", 5_000, f"5.000{NBSP}¥"),
    ("en_US", "isk", 10_000, f"ISK{NBSP}100.00"),
    ("en_US", "usd", Decimal("0.125"), "$0.00125"),
    ("en_US", "usd", Decimal("0.5"), "$0.005"),
    ("en_US", "usd", Decimal(250), "$2.50"),
    ("de_DE", "usd", Decimal("0.000000000001"), f"0,00000000000001{NBSP}$"),
    (
        "en_US",
        "usd",
        99_999_999_999_999_999_999_999_999_999,
        "$" + "999,999,999,999,999,999,999,999,999.99",
    ),
]


@pytest.mark.parametrize(("locale", "currency", "minor", "written"), MONEY)
def test_money_has_the_digits_of_its_currency_and_all_that_it_has(
    locale: str, currency: str, minor: int | Decimal, written: str
) -> None:
    assert Formats(Locale.parse(locale), currency).money(minor) == written


@pytest.mark.parametrize(
    ("locale", "value", "written"),
    [
        ("en_US", Decimal("1234567.891234"), "1,234,567.891234"),
        ("de_DE", Decimal("1234567.5"), "1.234.567,5"),
        ("en_US", 10**30 + 1, "1" + ",000" * 9 + ",001"),
    ],
)
def test_quantities_are_not_rounded(locale: str, value: int | Decimal, written: str) -> None:
    assert Formats(Locale.parse(locale), "usd").number(value) == written


@pytest.mark.parametrize(
    ("locale", "value", "written"),
    [("en_US", "8.875", "8.875%"), ("de_DE", "19", f"19{NBSP}%"), ("en_US", "33.3333", "33.3333%")],
)
def test_percentages_are_not_rounded(locale: str, value: str, written: str) -> None:
    assert Formats(Locale.parse(locale), "usd").percent(Decimal(value)) == written


def test_days_are_written_as_the_locale_has_them() -> None:
    first, last = 1_793_491_200, 1_796_083_200  # November 1 and December 1, 2026
    english = Formats(Locale.parse("en_US"), "usd")
    german = Formats(Locale.parse("de_DE"), "usd")
    assert (english.day(first), german.day(first)) == ("November 1, 2026", "1. November 2026")
    assert english.span(first, first) == "Nov 1, 2026"
    assert "Dec 1, 2026" in english.span(first, last)
    assert (english.country("DE"), german.country("DE")) == ("Germany", "Deutschland")
    assert english.country("??") == "??"
