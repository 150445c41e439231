"""Each rule of PDF/A-3a that files are held to notices a file that breaks it."""

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from pypdf.generic import (
    ArrayObject,
    BooleanObject,
    DictionaryObject,
    NameObject,
    NumberObject,
    StreamObject,
    TextStringObject,
)

from meterline.api.pdfs.typesetter import set_pdf
from tests.factories.sheets import sheet
from tests.pdf_archives import RULES, archive_faults, faults_in
from tests.pdf_archives.archive import Archive
from tests.pdf_archives.fonts import plain_fonts, shown_fonts
from tests.pdf_archives.tags import elements

AT = 1_767_312_000

type Mistake = Callable[[Archive], None]


@cache
def good() -> bytes:
    return set_pdf(sheet(), AT)


def as_object(value: Any) -> Any:
    """A value as a file has it: texts that begin with a stroke are names."""
    match value:
        case dict():
            return DictionaryObject(
                {NameObject(name): as_object(part) for name, part in value.items()}
            )
        case list():
            return ArrayObject(map(as_object, value))
        case bool():
            return BooleanObject(value)
        case int():
            return NumberObject(value)
        case str():
            return NameObject(value) if value.startswith("/") else TextStringObject(value)
    return value


def put(one: Any, **values: Any) -> None:
    """Give a dictionary values under names."""
    for name, value in values.items():
        one[NameObject(f"/{name}")] = as_object(value)


def in_catalog(**values: Any) -> Mistake:
    return lambda archive: put(archive.catalog, **values)


def in_page(**values: Any) -> Mistake:
    return lambda archive: put(archive.pages[0], **values)


def with_remark(**values: Any) -> Mistake:
    rect = [0, 0, 9, 9]
    return in_page(Annots=[{"/Type": "/Annot", "/Rect": rect, "/F": 4, **values}])


def with_state(**values: Any) -> Mistake:
    def mistake(archive: Archive) -> None:
        put(archive.pages[0]["/Resources"].get_object(), ExtGState={"/g0": values})

    return mistake


def with_image(**values: Any) -> Mistake:
    def mistake(archive: Archive) -> None:
        archive.objects.append(as_object({"/Type": "/XObject", **values}))

    return mistake


def without(find: Callable[[Archive], Any], name: str) -> Mistake:
    def mistake(archive: Archive) -> None:
        del find(archive)[name]

    return mistake


def drawn(*operations: tuple[list[Any], bytes]) -> Mistake:
    """Drawn at the end of the first page."""

    def mistake(archive: Archive) -> None:
        archive.operations[0].extend(operations)

    return mistake


def said(former: str, other: str) -> Mistake:
    """Another text in the metadata."""

    def mistake(archive: Archive) -> None:
        stream = metadata(archive)
        packet = stream.get_data().decode()
        assert former in packet
        stream.set_data(packet.replace(former, other).encode())

    return mistake


def with_raw(change: Callable[[bytes], bytes]) -> Mistake:
    def mistake(archive: Archive) -> None:
        archive.raw = change(archive.raw)

    return mistake


def metadata(archive: Archive) -> Any:
    return archive.catalog["/Metadata"].get_object()


def intent(archive: Archive) -> Any:
    return archive.catalog["/OutputIntents"][0].get_object()


def with_tag(role: str, **values: Any) -> Mistake:
    """Another name of the first tag below the whole."""
    return lambda archive: put(next(elements(archive))[1], S=f"/{role}", **values)


def in_profile(archive: Archive) -> None:
    intent(archive)["/DestOutputProfile"].get_object().set_data(b"\0" * 128)


def with_text_of(code: str) -> Mistake:
    def mistake(archive: Archive) -> None:
        stream = shown_fonts(archive)[0]["/ToUnicode"].get_object()
        stream.set_data(f"1 beginbfchar\n<0001> <{code}>\nendbfchar".encode())

    return mistake


def with_codes_in_disorder(archive: Archive) -> None:
    stream = shown_fonts(archive)[0]["/ToUnicode"].get_object()
    stream.set_data(b"2 beginbfchar\n<0002> <0041>\n<0001> <0042>\nendbfchar")


def without_text(archive: Archive) -> None:
    shown_fonts(archive)[0]["/ToUnicode"].get_object().set_data(b"")


def without_fonts(archive: Archive) -> None:
    archive.objects[:] = [one for one in archive.objects if one.get("/Type") != "/Font"]


def with_packed(name: str) -> Mistake:
    def mistake(archive: Archive) -> None:
        stream = StreamObject()
        put(stream, Filter=name)
        archive.objects.append(stream)

    return mistake


def without_file(archive: Archive) -> None:
    descriptor = plain_fonts(archive)[0]["/FontDescriptor"].get_object()
    del descriptor["/FontFile2"]


def with_glyph(code: bytes) -> Mistake:
    """A glyph shown at the end, in a part of the text that is there."""

    def mistake(archive: Archive) -> None:
        page = archive.operations[0]
        at = max(place for place, (_, operator) in enumerate(page) if operator == b"TJ")
        shown = TextStringObject("")
        shown._original_bytes = code  # noqa: SLF001 - what was read, not how it was taken
        page.insert(at + 1, ([shown], b"Tj"))

    return mistake


def twice_the_same_part(archive: Archive) -> None:
    number = {NameObject("/MCID"): NumberObject(0)}
    archive.operations[0] += [([NameObject("/Span"), number], b"BDC"), ([], b"EMC")]


def decoration_in_text(archive: Archive) -> None:
    page = archive.operations[0]
    number = DictionaryObject({NameObject("/MCID"): NumberObject(1)})
    page += [
        ([NameObject("/Span"), number], b"BDC"),
        ([NameObject("/Artifact")], b"BMC"),
        ([], b"EMC"),
        ([], b"EMC"),
    ]


def with_no_way_up(archive: Archive) -> None:
    del next(elements(archive))[1]["/P"]


FILE = {"/Type": "/Filespec", "/F": "x.xml", "/UF": "x.xml", "/EF": {}}

MISTAKES: dict[str, list[Mistake]] = {
    "the header names a version of PDF 1": [with_raw(lambda raw: raw.replace(b"-1.7", b"-2.0", 1))],
    "a binary comment follows the header": [
        with_raw(lambda raw: raw.replace(b"%\x80\x80", b"%ab", 1))
    ],
    "nothing follows the end": [with_raw(lambda raw: raw + b"\nmore")],
    "the trailer has ids": [without(lambda a: a.reader.trailer, "/ID")],
    "nothing is encrypted": [lambda a: put(a.reader.trailer, Encrypt={})],
    "everything is within limits": [
        in_catalog(Much=2**31),
        in_catalog(Long="x" * 32_768),
        in_catalog(Named="/" + "n" * 128),
        lambda a: put(a.catalog, **{"n" * 128: 1}),
    ],
    "pages are as large as pages are": [
        in_page(MediaBox=[0, 0, 2, 800]),
        in_page(CropBox=[0, 0, 600, 14_401]),
    ],
    "streams are packed by filters that will be known": [
        with_packed("/LZWDecode"),
        with_packed("/Crypt"),
    ],
    "no stream is in another file": [with_image(**{"/FFilter": "/FlateDecode"})],
    "there is an output intent for archives": [
        without(lambda a: a.catalog, "/OutputIntents"),
        lambda a: put(intent(a), S="/GTS_PDFX"),
    ],
    "the intent brings its profile": [without(intent, "/DestOutputProfile")],
    "the profile is one of RGB": [
        in_profile,
        lambda a: put(intent(a)["/DestOutputProfile"].get_object(), N=4),
    ],
    "no state of drawing has functions of its own": [
        with_state(**{"/TR": "/Identity"}),
        with_state(**{"/TR2": "/Identity"}),
        with_state(**{"/HTP": [0, 0]}),
    ],
    "blends are those that there are": [with_state(**{"/BM": "/Glow"})],
    "no image is smoothed or has another in its place": [
        with_image(**{"/Subtype": "/Image", "/Interpolate": True}),
        with_image(**{"/Subtype": "/Image", "/Alternates": []}),
    ],
    "no form is PostScript or of another document": [
        with_image(**{"/Subtype": "/PS"}),
        with_image(**{"/Subtype": "/Form", "/Ref": {}}),
    ],
    "nothing acts but links": [
        in_catalog(OpenAction={"/S": "/Launch", "/F": "x"}),
        in_catalog(OpenAction={"/S": "/JavaScript", "/JS": "x"}),
        in_catalog(OpenAction={"/S": "/Named", "/N": "/Print"}),
    ],
    "nothing happens by itself": [
        in_page(AA={"/O": {"/S": "/GoTo"}}),
        in_catalog(Names={"/JavaScript": {}}),
    ],
    "there are no forms to fill in": [in_catalog(AcroForm={"/Fields": []})],
    "remarks are of a kind that there is": [with_remark(**{"/Subtype": "/Movie"})],
    "remarks are printed as they are seen": [
        with_remark(**{"/Subtype": "/Link", "/F": 0}),
        with_remark(**{"/Subtype": "/Link", "/F": 6}),
    ],
    "remarks bring how they look": [with_remark(**{"/Subtype": "/Stamp"})],
    "attached files say what they are to the whole": [
        in_catalog(Kept={**FILE, "/AFRelationship": "/Alternative"}),
        in_catalog(AF=[{**FILE, "/AFRelationship": "/Invoice"}]),
    ],
    "there is one way to show it": [
        in_catalog(Names={"/AlternatePresentations": {}}),
        in_page(PresSteps={}),
    ],
    "no layer comes and goes": [in_catalog(OCProperties={"/D": {}})],
    "nothing is needed to read it": [
        in_catalog(Requirements=[]),
        in_catalog(NeedsRendering=True),
    ],
    "it permits everything": [in_catalog(Perms={"/UR": {}})],
    "there is metadata": [
        without(lambda a: a.catalog, "/Metadata"),
        said("</rdf:RDF>", ""),
    ],
    "the metadata is not packed": [lambda a: put(metadata(a), Filter="/FlateDecode")],
    "the metadata's packet is plain UTF-8": [said("<?xpacket ", "<?xpacket encoding='UTF-16' ")],
    "part 3 is claimed": [said("<pdfaid:part>3", "<pdfaid:part>2")],
    "level A is claimed": [said("<pdfaid:conformance>A", "<pdfaid:conformance>B")],
    "titles agree": [lambda a: put(a.info, Title="Another")],
    "authors agree": [lambda a: put(a.info, Author="Another")],
    "makers agree": [
        lambda a: put(a.info, Creator="Another"),
        lambda a: put(a.info, Producer="Another"),
    ],
    "dates agree": [
        lambda a: put(a.info, CreationDate="D:20260102000001Z"),
        said("<xmp:ModifyDate>2026", "<xmp:ModifyDate>2027"),
    ],
    "no property is unknown": [said("<dc:format>", "<x:y xmlns:x='urn:y'/><dc:format>")],
    "schemas of its own are explained": [
        said("<pdfaSchema:prefix>xmpMM</pdfaSchema:prefix>", ""),
    ],
    "there are fonts": [without_fonts],
    "fonts are of a kind that lasts": [lambda a: put(plain_fonts(a)[0], Subtype="/MMType1")],
    "each font is embedded": [without_file],
    "each font has one name": [lambda a: put(plain_fonts(a)[0], BaseFont="/Another")],
    "codes lead to glyphs": [
        without(lambda a: plain_fonts(a)[0], "/CIDToGIDMap"),
        lambda a: put(plain_fonts(a)[0], CIDSystemInfo={"/Ordering": "Japan1"}),
    ],
    "codes are read as glyphs": [lambda a: put(shown_fonts(a)[0], Encoding="/UniJIS-UTF16-H")],
    "glyphs are as wide as the page thinks": [
        lambda a: put(plain_fonts(a)[0], W=[1, [999]]),
    ],
    "each font says its text": [without(lambda a: shown_fonts(a)[0], "/ToUnicode")],
    "the text is characters": [with_text_of("0000"), with_text_of("FEFF")],
    "codes of text ascend": [with_codes_in_disorder],
    "operators are those that there are": [drawn(([], b"xx"))],
    "colours are those of the intent": [drawn(([0, 0, 0, 1], b"k"))],
    "rendering intents are those that there are": [drawn((["/Bright"], b"ri"))],
    "states are nested as far as a reader can": [
        drawn(*[([], b"q")] * 29, *[([], b"Q")] * 29),
        drawn(([], b"q")),
        drawn(([], b"Q")),
    ],
    "all that is painted is text or decoration": [drawn(([], b"f"))],
    "no decoration is text": [decoration_in_text],
    "no glyph is one that is missing": [with_glyph(b"\0\0")],
    "each text can be copied": [without_text, with_glyph(b"\0\xff")],
    "each glyph has its width": [with_glyph(b"\0\xff")],
    "the file is tagged": [
        without(lambda a: a.catalog, "/MarkInfo"),
        in_catalog(MarkInfo={"/Marked": False}),
    ],
    "nothing about the tags is suspect": [in_catalog(MarkInfo={"/Suspects": True})],
    "the tags have a tree": [without(lambda a: a.catalog, "/StructTreeRoot")],
    "tags are those that there are": [with_tag("Chapter")],
    "tags of tables and lists are in their places": [with_tag("TR"), with_tag("LI")],
    "tags lead up to the whole": [with_no_way_up],
    "each part of the text has its tag": [
        twice_the_same_part,
        lambda a: put(a.pages[0], StructParents=9),
    ],
    "the language is known": [
        without(lambda a: a.catalog, "/Lang"),
        in_catalog(Lang="English, please"),
    ],
    "languages inside are languages": [with_tag("Document", Lang="?")],
    "figures are described": [with_tag("Figure")],
}


def test_a_file_of_ours_is_fit_for_archives() -> None:
    assert archive_faults(good()) == []


def test_each_rule_has_a_mistake() -> None:
    assert sorted(MISTAKES) == sorted(RULES)


@pytest.mark.parametrize(
    ("rule", "mistake"),
    [(rule, mistake) for rule, mistakes in MISTAKES.items() for mistake in mistakes],
)
def test_each_rule_notices_what_breaks_it(rule: str, mistake: Mistake) -> None:
    archive = Archive(good())
    mistake(archive)
    assert not RULES[rule](archive)


def test_a_file_that_is_not_for_archives_breaks_many() -> None:
    archive = Archive(good())
    for name in ("/OutputIntents", "/Lang", "/MarkInfo"):
        del archive.catalog[name]
    assert len(faults_in(archive)) > 2
