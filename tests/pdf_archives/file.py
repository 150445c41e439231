"""The file itself: header, trailer, colours, and what must not be in it (6.1 to 6.6, 6.8)."""

import re
from typing import Any, Final

from tests.pdf_archives.archive import Archive, Rules, is_true

_FILTERS: Final = {
    "/ASCII85Decode",
    "/ASCIIHexDecode",
    "/CCITTFaxDecode",
    "/DCTDecode",
    "/FlateDecode",
    "/JBIG2Decode",
    "/JPXDecode",
    "/RunLengthDecode",
}
_ACTIONS: Final = {"/GoTo", "/GoToR", "/GoToE", "/Named", "/SubmitForm", "/Thread", "/URI"}
_NAMED: Final = {"/FirstPage", "/LastPage", "/NextPage", "/PrevPage"}
_ANNOTATIONS: Final = {
    "/Caret",
    "/Circle",
    "/FileAttachment",
    "/FreeText",
    "/Highlight",
    "/Ink",
    "/Line",
    "/Link",
    "/PolyLine",
    "/Polygon",
    "/Popup",
    "/PrinterMark",
    "/Redact",
    "/Square",
    "/Squiggly",
    "/Stamp",
    "/StrikeOut",
    "/Text",
    "/TrapNet",
    "/Underline",
    "/Watermark",
    "/Widget",
}
_BLENDS: Final = {
    "/Color",
    "/ColorBurn",
    "/ColorDodge",
    "/Compatible",
    "/Darken",
    "/Difference",
    "/Exclusion",
    "/HardLight",
    "/Hue",
    "/Lighten",
    "/Luminosity",
    "/Multiply",
    "/Normal",
    "/Overlay",
    "/Saturation",
    "/Screen",
    "/SoftLight",
}
_RELATIONS: Final = {"/Alternative", "/Data", "/Source", "/Supplement", "/Unspecified"}
_PRINT, _UNSEEN = 4, 1 | 2 | 32 | 256
_LEAST_POINTS, _MOST_POINTS = 3, 14_400
_MOST_NAME, _MOST_STRING, _MOST_INTEGER = 127, 32_767, 2**31 - 1


def _intents(archive: Archive) -> list[Any]:
    return [one.get_object() for one in archive.catalog.get("/OutputIntents", [])]


def _profiles(archive: Archive) -> list[Any]:
    return [
        one["/DestOutputProfile"].get_object()
        for one in _intents(archive)
        if "/DestOutputProfile" in one
    ]


def _is_rgb_profile(profile: Any) -> bool:
    data = profile.get_data()
    return bool(profile.get("/N") == 3) and data[36:40] == b"acsp" and data[16:20] == b"RGB "


def _filters(stream: Any) -> list[str]:
    named = stream.get("/Filter", [])
    return [str(one) for one in (named if isinstance(named, list) else [named])]


def _actions(archive: Archive) -> list[Any]:
    return [
        one
        for one in archive.dictionaries()
        if "/S" in one and one.get("/Type", "/Action") == "/Action" and _is_action(one)
    ]


def _is_action(one: Any) -> bool:
    """Whether a dictionary with ``/S`` is an action, and no tag, intent or group."""
    keys = {"/D", "/URI", "/F", "/JS", "/N", "/H", "/Win", "/Fields", "/Sound", "/Next"}
    return one.get("/Type") == "/Action" or (bool(keys & one.keys()) and "/P" not in one)


def _acts_rightly(action: Any) -> bool:
    kind = action["/S"]
    return kind in _ACTIONS and (kind != "/Named" or action.get("/N") in _NAMED)


def _annotations(archive: Archive) -> list[Any]:
    return [one.get_object() for page in archive.pages for one in page.get("/Annots", [])]


def _is_printed(annotation: Any) -> bool:
    flags = annotation.get("/F", 0)
    return annotation.get("/Subtype") == "/Popup" or (flags & _PRINT and not flags & _UNSEEN)


def _looks(annotation: Any) -> bool:
    left, bottom, right, top = annotation.get("/Rect", (0, 0, 0, 0))
    is_empty = left == right and bottom == top
    return is_empty or annotation.get("/Subtype") in {"/Link", "/Popup"} or "/AP" in annotation


def _states(archive: Archive) -> list[Any]:
    found = [one for one in archive.dictionaries() if one.get("/Type") == "/ExtGState"]
    for one in archive.dictionaries():
        named = one.get("/ExtGState")
        found += [] if named is None else [x.get_object() for x in named.get_object().values()]
    return found


def _blends(state: Any) -> bool:
    mode = state.get("/BM", "/Normal")
    return all(one in _BLENDS for one in (mode if isinstance(mode, list) else [mode]))


def _images(archive: Archive) -> list[Any]:
    return [one for one in archive.objects if one.get("/Subtype") == "/Image"]


def _forms(archive: Archive) -> list[Any]:
    return [one for one in archive.objects if one.get("/Subtype") in {"/Form", "/PS"}]


def _attachments(archive: Archive) -> list[Any]:
    return [one for one in archive.dictionaries() if "/EF" in one]


def _is_attached_rightly(attachment: Any, archive: Archive) -> bool:
    of_whole = [one.get_object() for one in archive.catalog.get("/AF", [])]
    kept = attachment["/EF"].get("/F")
    return (
        {"/F", "/UF"} <= attachment.keys()
        and attachment.get("/AFRelationship") in _RELATIONS
        and attachment in of_whole
        and kept is not None
        and "/Subtype" in kept.get_object()
    )


def _is_within_limits(archive: Archive) -> bool:
    return all(_fits(value) for one in archive.dictionaries() for value in one.values()) and all(
        len(str(name).encode()) - 1 <= _MOST_NAME for one in archive.dictionaries() for name in one
    )


def _fits(value: Any) -> bool:
    if isinstance(value, int):
        return abs(value) <= _MOST_INTEGER
    if isinstance(value, str):
        most = _MOST_NAME + 1 if value.startswith("/") else _MOST_STRING
        return len(value.encode(errors="surrogatepass")) <= most
    return True


def _sides(archive: Archive) -> list[float]:
    boxes = [page[name] for page in archive.pages for name in page if str(name).endswith("Box")]
    return [abs(float(box[at + 2]) - float(box[at])) for box in boxes for at in (0, 1)]


def _names(archive: Archive) -> set[str]:
    found = archive.catalog.get("/Names")
    return set() if found is None else set(found.get_object())


def _header(archive: Archive) -> bool:
    return re.match(rb"%PDF-1\.[0-7][\r\n]", archive.raw) is not None


def _ids(archive: Archive) -> bool:
    found = archive.reader.trailer.get("/ID", [])
    return len(found) == 2 and all(found)


RULES: Rules = {
    "the header names a version of PDF 1": _header,
    "a binary comment follows the header": lambda a: min(a.raw.splitlines()[1][1:5]) >= 0x80,
    "nothing follows the end": lambda a: re.search(rb"%%EOF(\r|\n|\r\n)?\Z", a.raw) is not None,
    "the trailer has ids": _ids,
    "nothing is encrypted": lambda a: "/Encrypt" not in a.reader.trailer,
    "everything is within limits": _is_within_limits,
    "pages are as large as pages are": lambda a: all(
        _LEAST_POINTS <= side <= _MOST_POINTS for side in _sides(a)
    ),
    "streams are packed by filters that will be known": lambda a: all(
        name in _FILTERS for one in a.objects for name in _filters(one)
    ),
    "no stream is in another file": lambda a: (
        not any({"/FFilter", "/FDecodeParms"} & one.keys() for one in a.objects)
    ),
    "there is an output intent for archives": lambda a: (
        [one.get("/S") for one in _intents(a)] == ["/GTS_PDFA1"]
    ),
    "the intent brings its profile": lambda a: len(_profiles(a)) == len(_intents(a)),
    "the profile is one of RGB": lambda a: all(map(_is_rgb_profile, _profiles(a))),
    "no state of drawing has functions of its own": lambda a: (
        not any(
            {"/TR", "/HTP"} & one.keys() or one.get("/TR2", "/Default") != "/Default"
            for one in _states(a)
        )
    ),
    "blends are those that there are": lambda a: all(map(_blends, _states(a))),
    "no image is smoothed or has another in its place": lambda a: (
        not any(
            is_true(one.get("/Interpolate")) or {"/Alternates", "/OPI"} & one.keys()
            for one in _images(a)
        )
    ),
    "no form is PostScript or of another document": lambda a: (
        not any(
            one["/Subtype"] == "/PS" or {"/OPI", "/PS", "/Ref"} & one.keys() for one in _forms(a)
        )
    ),
    "nothing acts but links": lambda a: all(map(_acts_rightly, _actions(a))),
    "nothing happens by itself": lambda a: (
        not any("/AA" in one or "/JS" in one for one in a.dictionaries())
        and "/JavaScript" not in _names(a)
    ),
    "there are no forms to fill in": lambda a: "/AcroForm" not in a.catalog,
    "remarks are of a kind that there is": lambda a: all(
        one.get("/Subtype") in _ANNOTATIONS for one in _annotations(a)
    ),
    "remarks are printed as they are seen": lambda a: all(map(_is_printed, _annotations(a))),
    "remarks bring how they look": lambda a: all(map(_looks, _annotations(a))),
    "attached files say what they are to the whole": lambda a: all(
        _is_attached_rightly(one, a) for one in _attachments(a)
    ),
    "there is one way to show it": lambda a: (
        "/AlternatePresentations" not in _names(a)
        and not any("/PresSteps" in page for page in a.pages)
    ),
    "no layer comes and goes": lambda a: "/OCProperties" not in a.catalog,
    "nothing is needed to read it": lambda a: (
        not {"/NeedsRendering", "/Requirements"} & a.catalog.keys()
    ),
    "it permits everything": lambda a: set(a.catalog.get("/Perms", {})) <= {"/DocMDP", "/UR3"},
}
