"""The fonts that PDFs are set in, and the characters that they can show.

PDF/A refuses a document with a character that no font has, and names are typed in by people: what
cannot be shown becomes a square, so that an invoice always comes out.
"""

import re
import unicodedata
from bisect import bisect_right
from functools import cache
from importlib.util import find_spec
from pathlib import Path

FAMILIES = {
    "Inter": "fontpkg_inter",
    "IBM Plex Sans Arabic": "fontpkg_ibm_plex_sans_arabic",
    "Noto Sans CJK TC": "cvttf_NotoSansCJK_Regular",
    "Noto Sans Devanagari": "fontpkg_noto_sans_devanagari",
    "Noto Sans Thai": "fontpkg_noto_sans_thai",
    "Open Sans": "fontpkg_open_sans",
}
"""Where each comes from, of what `layers/typesetting` installs; the first that has it shows it."""

COVERAGE = Path(__file__).parent / "coverage.txt"
"""Spans of the characters that one of the fonts shows; `python -m local.fonts` writes it."""

NOT_SHOWN = "\u25a1"
"""A square, in place of characters that no font shows."""

_JOINERS = "\u200c\u200d\u200e\u200f"
"""They steer how neighbours are set, and are nothing themselves."""

_SQUARES = re.compile(f"{NOT_SHOWN}[{NOT_SHOWN}{_JOINERS}]*")


def folders() -> list[str]:
    """Where the font files are."""
    found = [find_spec(package) for package in FAMILIES.values()]
    return [str(Path(spec.origin).parent) for spec in found if spec and spec.origin]


def can_be_set(text: str) -> str:
    """A text as the fonts can show it: composed, on one line, a square for what they cannot."""
    composed = " ".join(unicodedata.normalize("NFC", text).split())
    shown = "".join(
        letter if _is_shown(letter) else NOT_SHOWN for letter in composed if _is_seen(letter)
    )
    return _SQUARES.sub(NOT_SHOWN, shown)


def _is_seen(letter: str) -> bool:
    """Whether a character is more than an instruction (to a terminal, or to an emoji font)."""
    hidden = unicodedata.category(letter) in {"Cc", "Cf"} or "\ufe00" <= letter <= "\ufe0f"
    return not hidden or letter in _JOINERS


def _is_shown(letter: str) -> bool:
    starts, ends = _spans()
    at = bisect_right(starts, ord(letter)) - 1
    return letter in _JOINERS or (at >= 0 and ord(letter) <= ends[at])


@cache
def _spans() -> tuple[list[int], list[int]]:
    spans = [span.split("-") for span in COVERAGE.read_text().split()]
    return [int(span[0], 16) for span in spans], [int(span[-1], 16) for span in spans]
