"""The words of pages: complete in every language, and chosen by what a customer prefers."""

import re
from dataclasses import asdict
from decimal import Decimal
from typing import get_args

import pytest
from babel import Locale

from meterline.api.pages.descriptions import in_words
from meterline.api.pages.formats import Formats
from meterline.api.pages.words import LANGUAGES, locale_for, words_for
from meterline.api.pages.words.table import Phrases, Words
from meterline.services.documents.descriptions import Interval, Occasion
from tests.engines import ROOT

NBSP = "\N{NO-BREAK SPACE}"
_BY_WHAT = {"occasions", "rhythms"}
OTHERS = sorted(set(LANGUAGES) - {"en"})


def texts(words: Words | Phrases) -> dict[str, str]:
    """The words of a language by their names, or its phrases."""
    found: dict[str, str] = {}
    for name, said in asdict(words).items():
        one = {name: said} if isinstance(said, str) else said if name in _BY_WHAT else {}
        for of, text in one.items():
            many = [text] if isinstance(text, str) else text
            found |= {f"{name} {of} {place}": form for place, form in enumerate(many)}
    return found


def places(text: str) -> list[str]:
    """The names that a text is filled in with."""
    return sorted(re.findall(r"\{(\w*)\}", text))


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_no_word_is_missing(language: str) -> None:
    assert [name for name, text in texts(LANGUAGES[language]).items() if not text.strip()] == []


@pytest.mark.parametrize("language", OTHERS)
def test_each_language_says_the_same_facts(language: str) -> None:
    english, other = texts(LANGUAGES["en"]), texts(LANGUAGES[language])
    assert [n for n, text in english.items() if places(text) != places(other[n])] == []


# phrase | what it is filled in with
FILLED_IN = {
    "at": ["amount"],
    "free_trial": [],
    "maximum": ["amount"],
    "minimum": ["amount"],
    "occasions": ["what"],
    "occasions unused": ["day", "what"],
    "occasions remaining": ["day", "what"],
    "per_units": ["count"],
    "rhythms": [],
    "tier": ["place"],
}


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_each_language_can_say_all_that_descriptions_say(language: str) -> None:
    phrases = LANGUAGES[language].phrases
    assert set(phrases.occasions) == set(get_args(Occasion.__value__))
    assert set(phrases.rhythms) == set(get_args(Interval.__value__))
    for name, text in texts(phrases).items():
        whole, of, form = name.split()
        several = ["count"] if form == "1" else []
        assert places(text) == several + FILLED_IN.get(f"{whole} {of}", FILLED_IN[whole]), name


# description | what it is of | in German
IN_GERMAN = [
    ("3 × Storage (at $1234.50 / month)", "Storage", "3 × Storage (zu 1.234,50 $ / Monat)"),
    ("1234.5 GB × Storage", "Storage", "1.234,5 GB × Storage"),
    (
        "Remaining time on 2 × Team after 16 Nov 2026",
        "Team",
        "Restliche Zeit für 2 × Team nach dem 16.11.2026",
    ),
    (
        "Unused time on Team after 01 Mar 2026",
        "Team",
        "Nicht genutzte Zeit für Team nach dem 01.03.2026",
    ),
    ("Free trial for 1 × Team", "Team", "Kostenlose Testphase für 1 × Team"),
    ("Trial period for Team", "Team", "Testphase für Team"),
    ("9 × Calls (Free trial)", "Calls", "9 × Calls (kostenlose Testphase)"),
    (
        "9 × Calls (Tier 2 at $0.005 / 3 months)",
        "Calls",
        "9 × Calls (Stufe 2 zu 0,005 $ / 3 Monate)",
    ),
    (
        "9 × Calls (at $5.00 per 1000 units / week)",
        "Calls",
        "9 × Calls (zu 5,00 $ je 1.000 Einheiten / Woche)",
    ),
    ("9 × Sales (at 2.9 % + $0.30)", "Sales", "9 × Sales (zu 2,9 % + 0,30 $)"),
    (
        "9 × Calls, model large, minimum $50.00",
        "Calls",
        "9 × Calls, model large, mindestens 50,00 $",
    ),
    ("9 × Calls, maximum $50.00", "Calls", "9 × Calls, höchstens 50,00 $"),
    ("Late usage: 7 × Calls", "Calls", "Nachträglich erfasste Nutzung: 7 × Calls"),
    ("Already billed: 7 × Calls", "Calls", "Bereits berechnet: 7 × Calls"),
    ("Calls of our big customer", "Calls", "Calls of our big customer"),
    ("Remaining time on Team after 16 Nov 2026", "", "Remaining time on Team after 16 Nov 2026"),
]


# description | what it is of | in American English
IN_ENGLISH = [
    (
        "34207 × API requests (Tier 3 at $0.00125 / month)",
        "API requests",
        "34,207 × API requests (Tier 3 at $0.00125 / month)",
    ),
    (
        "5 × Calls (at $1000.00 per 1000 units / 3 months)",
        "Calls",
        "5 × Calls (at $1,000.00 per 1,000 units / 3 months)",
    ),
    (
        "Remaining time on 2 × Team after 16 Nov 2026",
        "Team",
        "Remaining time on 2 × Team after Nov 16, 2026",
    ),
    ("Unused time on Team after 01 Mar 2026", "Team", "Unused time on Team after Mar 1, 2026"),
    ("Calls of 1000 customers", "Calls", "Calls of 1000 customers"),
]
IN_WORDS = [("de", *row) for row in IN_GERMAN] + [("en-US", *row) for row in IN_ENGLISH]


@pytest.mark.parametrize(("tag", "text", "product", "said"), IN_WORDS)
def test_a_description_that_nobody_typed_is_said_in_the_language(
    tag: str, text: str, product: str, said: str
) -> None:
    locale = locale_for([tag])
    found = in_words(text, product, words_for(locale).phrases, Formats(locale, "usd"))
    assert found.replace(NBSP, " ") == said


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
