"""Which characters PDFs can show, and what becomes of the others."""

import pytest
import typst

from local.fonts import characters, spans
from meterline.api.pdfs.fonts import COVERAGE, FAMILIES, can_be_set, folders


def test_the_fonts_are_those_that_are_installed() -> None:
    fonts = typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=folders()
    )
    assert sorted(fonts.families()) == sorted(FAMILIES)


def test_the_list_of_characters_is_what_the_fonts_show() -> None:
    assert COVERAGE.read_text().split() == list(spans(characters()))


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("Ada Lovelace", "Ada Lovelace"),
        ("山田 商店", "山田 商店"),
        ("two\nlines\tand  more ", "two lines and more"),
        ("a\x00b\x1bc", "abc"),
        ("party \U0001f389", "party □"),
        ("\U0001f469\u200d\U0001f469\u200d\U0001f467 family", "□ family"),
        ("e\u0301", "é"),
        ("\ue000", "□"),
        ("soft\u00adhyphen", "softhyphen"),
        ("", ""),
    ],
)
def test_what_no_font_shows_becomes_a_square(typed: str, shown: str) -> None:
    assert can_be_set(typed) == shown
