"""What the file says of itself, for who looks for it (6.6)."""

from datetime import datetime
from typing import Any, Final
from xml.etree import ElementTree as ET

from tests.pdf_archives.archive import Archive, Rules

_RDF: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_DC: Final = "http://purl.org/dc/elements/1.1/"
_XMP: Final = "http://ns.adobe.com/xap/1.0/"
_PDF: Final = "http://ns.adobe.com/pdf/1.3/"
_ID: Final = "http://www.aiim.org/pdfa/ns/id/"
_EXTENSION: Final = "http://www.aiim.org/pdfa/ns/extension/"
_SCHEMA: Final = "http://www.aiim.org/pdfa/ns/schema#"
_KNOWN: Final = {
    _DC,
    _XMP,
    _PDF,
    _ID,
    _EXTENSION,
    "http://ns.adobe.com/xap/1.0/mm/",
    "http://ns.adobe.com/xap/1.0/rights/",
    "http://ns.adobe.com/xap/1.0/t/pg/",
}
_SCHEMA_SAYS: Final = {"schema", "namespaceURI", "prefix"}


def _stream(archive: Archive) -> Any:
    found = archive.catalog.get("/Metadata")
    return None if found is None else found.get_object()


def _packet(archive: Archive) -> str:
    stream = _stream(archive)
    return "" if stream is None else stream.get_data().decode(errors="replace")


def _described(archive: Archive) -> list[ET.Element]:
    """The properties that the metadata has."""
    try:
        root = ET.fromstring(_packet(archive).lstrip("\ufeff"))  # noqa: S314 - made by Typst
    except ET.ParseError:
        return []
    return [one for part in root.iter(f"{{{_RDF}}}Description") for one in part]


def _value(archive: Archive, namespace: str, name: str) -> str | None:
    for one in _described(archive):
        if one.tag == f"{{{namespace}}}{name}":
            return "".join(one.itertext()).strip()
    return None


def _says_same(archive: Archive, name: str, namespace: str, of: str) -> bool:
    """Whether a text of the file's own is that of the metadata, where there is one."""
    own = archive.info.get(name)
    return own is None or str(own) == _value(archive, namespace, of)


def _dates_agree(archive: Archive) -> bool:
    pairs = (("/CreationDate", "CreateDate"), ("/ModDate", "ModifyDate"))
    for own, of in pairs:
        text = archive.info.get(own)
        if text is None:
            continue
        stamp = datetime.strptime(str(text).replace("'", ""), "D:%Y%m%d%H%M%S%z")
        said = _value(archive, _XMP, of)
        if said is None or datetime.fromisoformat(said) != stamp:
            return False
    return True


def _namespaces(archive: Archive) -> set[str]:
    return {one.tag.partition("}")[0].lstrip("{") for one in _described(archive)}


def _declared(archive: Archive) -> set[str]:
    """The namespaces that the metadata explains itself."""
    found = [part for one in _described(archive) for part in one.iter()]
    return {part.text or "" for part in found if part.tag == f"{{{_SCHEMA}}}namespaceURI"}


def _are_explained(archive: Archive) -> bool:
    for one in _described(archive):
        if one.tag == f"{{{_EXTENSION}}}schemas":
            for schema in one.iter(f"{{{_RDF}}}li"):
                said = {part.tag.removeprefix(f"{{{_SCHEMA}}}") for part in schema}
                is_schema = f"{{{_SCHEMA}}}schema" in {part.tag for part in schema}
                if is_schema and not said >= _SCHEMA_SAYS:
                    return False
    return True


RULES: Rules = {
    "there is metadata": lambda a: bool(_described(a)),
    "the metadata is not packed": lambda a: (
        _stream(a) is not None and "/Filter" not in _stream(a) and b"<x:xmpmeta" in a.raw
    ),
    "the metadata's packet is plain UTF-8": lambda a: (
        "bytes=" not in _packet(a)[:100] and "encoding=" not in _packet(a)[:100]
    ),
    "part 3 is claimed": lambda a: _value(a, _ID, "part") == "3",
    "level A is claimed": lambda a: _value(a, _ID, "conformance") == "A",
    "titles agree": lambda a: _says_same(a, "/Title", _DC, "title"),
    "authors agree": lambda a: _says_same(a, "/Author", _DC, "creator"),
    "makers agree": lambda a: (
        _says_same(a, "/Creator", _XMP, "CreatorTool")
        and _says_same(a, "/Producer", _PDF, "Producer")
    ),
    "dates agree": _dates_agree,
    "no property is unknown": lambda a: _namespaces(a) <= _KNOWN | _declared(a),
    "schemas of its own are explained": _are_explained,
}
