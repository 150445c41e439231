"""What pages are drawn with (6.2.2, 6.2.4, 6.2.11.8, and 6.7.2 of level A)."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from tests.pdf_archives.archive import Archive, Rules
from tests.pdf_archives.fonts import claimed_widths, texts_of

_TEXT: Final = {b"Tj", b"TJ", b"'", b'"'}
_PAINT: Final = _TEXT | {
    b"f",
    b"F",
    b"f*",
    b"B",
    b"B*",
    b"b",
    b"b*",
    b"S",
    b"s",
    b"sh",
    b"Do",
    b"INLINE IMAGE",
}
_OPERATORS: Final = (
    _PAINT
    | {b"q", b"Q", b"cm", b"w", b"J", b"j", b"M", b"d", b"ri", b"i", b"gs"}
    | {b"m", b"l", b"c", b"v", b"y", b"h", b"re", b"n", b"W", b"W*"}
    | {b"BT", b"ET", b"Tc", b"Tw", b"Tz", b"TL", b"Tf", b"Tr", b"Ts", b"Td", b"TD", b"Tm", b"T*"}
    | {b"CS", b"cs", b"SC", b"SCN", b"sc", b"scn", b"G", b"g", b"RG", b"rg", b"K", b"k"}
    | {b"MP", b"DP", b"BMC", b"BDC", b"EMC", b"BX", b"EX"}
)
_INTENTS: Final = {"/AbsoluteColorimetric", "/Perceptual", "/RelativeColorimetric", "/Saturation"}
_MOST_NESTED: Final = 28

type _Operation = tuple[list[Any], bytes]


def _each(archive: Archive) -> Iterator[_Operation]:
    for page in archive.operations:
        yield from page


def _only(found: Callable[[_Operation], bool]) -> Callable[[Archive], bool]:
    return lambda archive: all(map(found, _each(archive)))


def _nests(archive: Archive) -> bool:
    for page in archive.operations:
        depth = 0
        for _, operator in page:
            depth += (operator == b"q") - (operator == b"Q")
            if not 0 <= depth <= _MOST_NESTED:
                return False
        if depth:
            return False
    return True


def marked(page: list[_Operation]) -> Iterator[tuple[list[tuple[str, int | None]], _Operation]]:
    """What a page is drawn with, each with the marks around it now: their names and numbers."""
    marks: list[tuple[str, int | None]] = []
    for operands, operator in page:
        if operator in {b"BDC", b"BMC"}:
            given = operands[1] if len(operands) > 1 else {}
            number = given.get("/MCID") if isinstance(given, dict) else None
            marks.append((str(operands[0]), None if number is None else int(number)))
        elif operator == b"EMC":
            if not marks:
                marks.append(("more ends than beginnings", None))
            marks.pop()
        yield marks, (operands, operator)


def _is_all_marked(archive: Archive) -> bool:
    """Whether all that is painted is either part of the text or decoration."""
    for page in archive.operations:
        for marks, (_, operator) in marked(page):
            is_known = any(number is not None or name == "/Artifact" for name, number in marks)
            if operator in _PAINT and not is_known:
                return False
    return True


def _no_text_is_decoration_in_text(archive: Archive) -> bool:
    """Whether no decoration is inside a part of the text, nor the other way round."""
    for page in archive.operations:
        for marks, _ in marked(page):
            kinds = {name == "/Artifact" for name, number in marks if number or name == "/Artifact"}
            if len(kinds) > 1:
                return False
    return True


def _codes(operands: list[Any]) -> Iterator[int]:
    """The codes of glyphs, two bytes each."""
    for part in operands[-1] if isinstance(operands[-1], list) else [operands[-1]]:
        if isinstance(part, str | bytes):
            raw = part if isinstance(part, bytes) else part.original_bytes  # type: ignore[attr-defined]
            yield from (int.from_bytes(raw[at : at + 2]) for at in range(0, len(raw), 2))


def _shown(archive: Archive) -> Iterator[tuple[Any, int]]:
    """Each font that shows something, with each code that it shows."""
    for page, operations in zip(archive.pages, archive.operations, strict=True):
        fonts = page["/Resources"].get_object().get("/Font", {})
        font: Any = None
        for operands, operator in operations:
            if operator == b"Tf":
                font = fonts[operands[0]].get_object()
            elif operator in _TEXT:
                yield from ((font, code) for code in _codes(operands))


def _all_are_in(archive: Archive, known_of: Callable[[Any], Mapping[int, object]]) -> bool:
    """Whether each code that is shown is in what is known of its font."""
    known: dict[int, Mapping[int, object]] = {}
    for font, code in _shown(archive):
        if id(font) not in known:
            known[id(font)] = known_of(font)
        if code not in known[id(font)]:
            return False
    return True


def _widths(font: Any) -> Mapping[int, object]:
    return claimed_widths(font["/DescendantFonts"][0].get_object())


RULES: Rules = {
    "operators are those that there are": _only(lambda one: one[1] in _OPERATORS),
    "colours are those of the intent": _only(lambda one: one[1] not in {b"K", b"k"}),
    "rendering intents are those that there are": _only(
        lambda one: one[1] != b"ri" or one[0][0] in _INTENTS
    ),
    "states are nested as far as a reader can": _nests,
    "all that is painted is text or decoration": _is_all_marked,
    "no decoration is text": _no_text_is_decoration_in_text,
    "no glyph is one that is missing": lambda a: all(code for _, code in _shown(a)),
    "each text can be copied": lambda a: _all_are_in(a, texts_of),
    "each glyph has its width": lambda a: _all_are_in(a, _widths),
}
