"""What a PDF holds: its text, where it stands, and whether it is fit for archives.

`archive_faults` looks for what ISO 19005-3 (PDF/A-3, level A) asks of a file and a program can see
without drawing it: identification, colours, fonts, tags, and what must not be in it. It says
nothing of the operators in page streams, which Typst checks while it writes.
"""

import io
from collections.abc import Iterator
from typing import Any

import pypdfium2
from pypdf import PdfReader
from pypdf.generic import DictionaryObject, IndirectObject, StreamObject

_FORBIDDEN = {"/JavaScript", "/Launch", "/Sound", "/Movie", "/ResetForm", "/ImportData", "/XFA"}


def text_of(pdf: bytes) -> str:
    """The text that can be copied, page by page."""
    document = pypdfium2.PdfDocument(pdf)
    return "\n".join(page.get_textpage().get_text_range() for page in document)


def pages_of(pdf: bytes) -> int:
    """How many pages there are."""
    return len(pypdfium2.PdfDocument(pdf))


def outside_margins(pdf: bytes, margin: int = 36) -> list[str]:
    """The characters that stand within ``margin`` points of an edge, or off the page."""
    strays = []
    for page in pypdfium2.PdfDocument(pdf):
        width, height = page.get_size()
        text = page.get_textpage()
        for at in range(text.count_chars()):
            left, bottom, right, top = text.get_charbox(at)
            if left < right and not (
                margin <= left and right <= width - margin and margin <= bottom and top <= height
            ):
                strays.append(text.get_text_range(at, 1))
    return strays


def picture_of(pdf: bytes, page: int = 0, scale: int = 2) -> Any:
    """A page as a picture (of Pillow)."""
    return pypdfium2.PdfDocument(pdf)[page].render(scale=scale).to_pil()


def archive_faults(pdf: bytes) -> list[str]:
    """What keeps a file from being PDF/A-3a, as far as can be seen; nothing if all is well."""
    reader = PdfReader(io.BytesIO(pdf))
    catalog: Any = reader.trailer["/Root"]
    metadata = catalog.get("/Metadata")
    xmp = metadata.get_object().get_data().decode() if metadata else ""
    intents = [one.get_object() for one in catalog.get("/OutputIntents", [])]
    fonts = [one for one in _objects(reader) if one.get("/Type") == "/Font"]
    checks = {
        "a binary comment follows the header": min(pdf.splitlines()[1][1:5]) >= 0x80,
        "part 3 is claimed": "<pdfaid:part>3<" in xmp,
        "level A is claimed": "<pdfaid:conformance>A<" in xmp,
        "the metadata is not packed": bool(metadata) and "/Filter" not in metadata.get_object(),
        "the trailer has an id": "/ID" in reader.trailer,
        "nothing is encrypted": "/Encrypt" not in reader.trailer,
        "there is an output intent for archives": [one["/S"] for one in intents] == ["/GTS_PDFA1"],
        "the intent brings its profile": all("/DestOutputProfile" in one for one in intents),
        "the file is tagged": bool(catalog.get("/MarkInfo", {}).get("/Marked")),
        "the tags have a tree": "/StructTreeRoot" in catalog,
        "the language is known": "/Lang" in catalog,
        "there are fonts": bool(fonts),
        "each font is embedded": all(map(_is_embedded, fonts)),
        "each text can be copied": all(map(_has_unicode, fonts)),
        "nothing acts": not any(_acts(one) for one in _objects(reader)),
        "no stream is LZW": not any(
            "LZW" in str(one.get("/Filter")) for one in _objects(reader) if "/Filter" in one
        ),
    }
    return [rule for rule, holds in checks.items() if not holds]


def _objects(reader: PdfReader) -> Iterator[DictionaryObject]:
    numbers = {number for section in reader.xref.values() for number in section}
    numbers |= set(reader.xref_objStm)
    for number in sorted(numbers):
        found = IndirectObject(number, 0, reader).get_object()
        if isinstance(found, DictionaryObject | StreamObject):
            yield found


def _is_embedded(font: DictionaryObject) -> bool:
    if font.get("/Subtype") == "/Type0":
        descendants: Any = font["/DescendantFonts"]
        return _is_embedded(descendants[0].get_object())
    descriptor: Any = font.get("/FontDescriptor")
    files = {"/FontFile", "/FontFile2", "/FontFile3"}
    return bool(descriptor) and bool(files & descriptor.get_object().keys())


def _has_unicode(font: DictionaryObject) -> bool:
    return "/ToUnicode" in font or str(font.get("/Subtype", "")).startswith("/CIDFont")


def _acts(one: DictionaryObject) -> bool:
    kinds = {str(one.get("/S")), str(one.get("/Type"))}
    return bool(kinds & _FORBIDDEN) or "/JS" in one or "/AA" in one
