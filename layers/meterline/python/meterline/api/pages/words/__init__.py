"""The words around an invoice's facts, in the languages that pages and PDFs speak.

Owns the languages and which of them a customer is spoken to in. Does not own the facts
(``services.documents``), nor how numbers and dates are written (``pages.formats``, by Babel).

How to add a language: a module with its ``Words``, a row in ``LANGUAGES``, and its code in
``layers/pages/Makefile``, which keeps its numbers and dates. Nothing else knows which there are.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from babel import Locale, UnknownLocaleError

from meterline.api.pages.words.english import ENGLISH
from meterline.api.pages.words.german import GERMAN
from meterline.api.pages.words.table import Words

LANGUAGES: Final[Mapping[str, Words]] = {"en": ENGLISH, "de": GERMAN}
"""Words by the code of their language."""

DEFAULT: Final = "en-US"
"""What is spoken to who prefers nothing that is here."""

_LONGEST: Final = 35
"""Letters of a language tag, as RFC 5646 would have room for them."""


def locale_for(preferred: Iterable[str]) -> Locale:
    """The first of the preferred locales whose language is spoken here, else the default.

    Tags are as customers have them, such as ``de`` or ``de-AT``. A territory that Babel does not
    know gives the language as such.
    """
    for tag in (*preferred, DEFAULT):
        language, *rest = tag[:_LONGEST].replace("_", "-").split("-")
        if language.lower() in LANGUAGES:
            return _locale(language.lower(), rest)
    raise LookupError(DEFAULT)


def words_for(locale: Locale) -> Words:
    """The words of a locale that ``locale_for`` gave."""
    return LANGUAGES[locale.language]


def _locale(language: str, rest: Iterable[str]) -> Locale:
    for part in rest:
        try:
            return Locale(language, part.upper())
        except (UnknownLocaleError, ValueError):
            continue
    return Locale(language)
