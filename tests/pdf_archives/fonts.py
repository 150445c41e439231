"""Fonts: all inside, as wide as the page thinks, and with the text that they show (6.2.11)."""

import io
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final

from fontTools.cffLib import CFFFontSet
from fontTools.ttLib import TTFont

from tests.pdf_archives.archive import Archive, Rules

_FILES: Final = ("/FontFile", "/FontFile2", "/FontFile3")
_NO_TEXT: Final = {0x0000, 0xFEFF, 0xFFFE}
_PAIR: Final = re.compile(r"<([0-9a-fA-F]+)>\s*<([0-9a-fA-F]+)>")
_RANGE: Final = re.compile(r"<([0-9a-fA-F]+)>\s*<([0-9a-fA-F]+)>\s*<([0-9a-fA-F]+)>")
_MOST_OFF: Final = 1.0
"""Of a thousandth of a font's size, which widths may differ by."""


def shown_fonts(archive: Archive) -> list[Any]:
    """The fonts that pages name."""
    return [one for one in archive.of_type("/Font") if one.get("/Subtype") == "/Type0"]


def plain_fonts(archive: Archive) -> list[Any]:
    """The fonts that have glyphs of their own."""
    return [one for one in archive.of_type("/Font") if one.get("/Subtype") != "/Type0"]


def texts_of(font: Any) -> dict[int, str]:
    """The texts that the codes of a font stand for."""
    found = font.get("/ToUnicode")
    return {} if found is None else dict(_texts(found.get_object().get_data().decode("latin-1")))


def _texts(cmap: str) -> Iterator[tuple[int, str]]:
    for block in re.findall(r"beginbfchar(.*?)endbfchar", cmap, re.DOTALL):
        for code, text in _PAIR.findall(block):
            yield int(code, 16), bytes.fromhex(text).decode("utf-16-be", "replace")
    for block in re.findall(r"beginbfrange(.*?)endbfrange", cmap, re.DOTALL):
        for first, last, text in _RANGE.findall(block):
            for place in range(int(last, 16) - int(first, 16) + 1):
                yield int(first, 16) + place, chr(int(text, 16) + place)


def _descriptor(font: Any) -> Any:
    found = font.get("/FontDescriptor")
    return {} if found is None else found.get_object()


def _file(font: Any) -> Any:
    descriptor = _descriptor(font)
    found = [descriptor[name].get_object() for name in _FILES if name in descriptor]
    return found[0] if found else None


def _is_known(font: Any) -> bool:
    return font.get("/Subtype") in {"/CIDFontType0", "/CIDFontType2", "/TrueType", "/Type1"}


def _is_mapped(font: Any) -> bool:
    return font.get("/Subtype") != "/CIDFontType2" or "/CIDToGIDMap" in font


def _has_order(font: Any) -> bool:
    order = font.get("/CIDSystemInfo", {"/Ordering": "Identity"}).get("/Ordering")
    return bool(order == "Identity")


def _is_named_alike(font: Any) -> bool:
    return bool(font.get("/BaseFont") == _descriptor(font).get("/FontName"))


def claimed_widths(font: Any) -> dict[int, float]:
    """How wide the page takes the glyphs of a font to be."""
    widths: dict[int, float] = {}
    entries = list(font.get("/W", []))
    while entries:
        first, following = int(entries.pop(0)), entries.pop(0)
        if isinstance(following, list):
            widths |= {first + place: float(width) for place, width in enumerate(following)}
        else:
            width = float(entries.pop(0))
            widths |= dict.fromkeys(range(first, int(following) + 1), width)
    return widths


def _drawn(font: Any) -> dict[int, float]:
    """How wide they are in the font's file, in thousandths of its size."""
    data = io.BytesIO(_file(font).get_data())
    if data.getvalue()[:1] == b"\x01":
        faces = CFFFontSet()
        faces.decompile(data, None)
        return _drawn_by_cff(faces[0])
    face = TTFont(data, lazy=True)
    if "CFF " in face:
        return _drawn_by_cff(face["CFF "].cff[0])
    scale = 1_000 / face["head"].unitsPerEm
    widths = face["hmtx"].metrics
    return {face.getGlyphID(name): width * scale for name, (width, _) in widths.items()}


def _drawn_by_cff(face: Any) -> dict[int, float]:
    found, scale = {}, 1_000 * face.FontMatrix[0] if hasattr(face, "FontMatrix") else 1.0
    for place, name in enumerate(face.charset):
        string, _ = face.CharStrings.getItemAndSelector(name)
        string.draw(_Nowhere())
        code = int(name[3:]) if re.fullmatch(r"cid\d+", name) else place
        found[code] = string.width * scale
    return found


class _Nowhere:
    """A pen that draws nothing."""

    def __getattr__(self, _: str) -> Any:
        return lambda *_, **__: None


def _is_as_wide(font: Any) -> bool:
    if _file(font) is None:
        return True
    drawn = _drawn(font)
    widths = claimed_widths(font).items()
    return all(abs(width - drawn.get(at, -1.0)) <= _MOST_OFF for at, width in widths)


def _says_text(font: Any) -> bool:
    return not any(
        {ord(x) for x in text} & _NO_TEXT or not text for text in texts_of(font).values()
    )


def _codes_ascend(font: Any) -> bool:
    codes = list(texts_of(font))
    return all(one < other for one, other in pairwise(codes))


RULES: Rules = {
    "there are fonts": lambda a: bool(shown_fonts(a)),
    "fonts are of a kind that lasts": lambda a: all(map(_is_known, plain_fonts(a))),
    "each font is embedded": lambda a: all(_file(font) is not None for font in plain_fonts(a)),
    "each font has one name": lambda a: all(map(_is_named_alike, plain_fonts(a))),
    "codes lead to glyphs": lambda a: all(
        _is_mapped(font) and _has_order(font) for font in plain_fonts(a)
    ),
    "codes are read as glyphs": lambda a: all(
        font.get("/Encoding") in {"/Identity-H", "/Identity-V"} for font in shown_fonts(a)
    ),
    "glyphs are as wide as the page thinks": lambda a: all(map(_is_as_wide, plain_fonts(a))),
    "each font says its text": lambda a: all("/ToUnicode" in font for font in shown_fonts(a)),
    "the text is characters": lambda a: all(map(_says_text, shown_fonts(a))),
    "codes of text ascend": lambda a: all(map(_codes_ascend, shown_fonts(a))),
}
