"""Tags, by which a page is read aloud (6.7)."""

import re
from collections.abc import Iterator
from typing import Any, Final

from pypdf.generic import DictionaryObject, IndirectObject

from tests.pdf_archives.archive import Archive, Rules, is_true
from tests.pdf_archives.contents import marked

_ROLES: Final = frozenset(
    re.findall(
        r"\w+",
        """
        Document Part Art Sect Div BlockQuote Caption TOC TOCI Index NonStruct Private P H H1 H2
        H3 H4 H5 H6 L LI Lbl LBody Table TR TH TD THead TBody TFoot Span Quote Note Reference
        BibEntry Code Link Annot Ruby RB RT RP Warichu WT WP Figure Formula Form
        """,
    )
)
_LANGUAGE: Final = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")
_PARENTS: Final = {
    "TR": {"Table", "THead", "TBody", "TFoot"},
    "TH": {"TR"},
    "TD": {"TR"},
    "THead": {"Table"},
    "TBody": {"Table"},
    "TFoot": {"Table"},
    "LI": {"L"},
    "LBody": {"LI"},
}


def _tree(archive: Archive) -> Any:
    found = archive.catalog.get("/StructTreeRoot")
    return None if found is None else found.get_object()


def _kids(element: Any) -> list[Any]:
    found = element.get("/K", [])
    return list(found) if isinstance(found, list) else [found]


def elements(archive: Archive) -> Iterator[tuple[Any, Any]]:
    """Each tag below the root, with the one above it."""
    above = [_tree(archive)] if _tree(archive) else []
    while above:
        parent = above.pop()
        for kid in _kids(parent):
            one = kid.get_object() if isinstance(kid, IndirectObject) else kid
            if isinstance(one, DictionaryObject) and "/S" in one:
                yield parent, one
                above.append(one)


def _role(archive: Archive, element: Any) -> str:
    """What a tag is, in the words of the standard; circles lead nowhere."""
    roles = _tree(archive).get("/RoleMap", {})
    name, seen = str(element.get("/S", "")), set[str]()
    while name in roles and name not in seen and name.removeprefix("/") not in _ROLES:
        seen.add(name)
        name = str(roles[name])
    return name.removeprefix("/")


def _are_in_place(archive: Archive) -> bool:
    for parent, one in elements(archive):
        allowed = _PARENTS.get(_role(archive, one))
        if allowed is not None and _role(archive, parent) not in allowed:
            return False
    return True


def _lead_up(archive: Archive) -> bool:
    return all(
        "/P" in one and one["/P"].get_object() == parent for parent, one in elements(archive)
    )


def _numbers(archive: Archive) -> list[list[int]]:
    """The numbers of the parts of text on each page, in order."""
    return [
        [
            number
            for marks, (_, operator) in marked(page)
            if operator == b"BDC" and (number := marks[-1][1]) is not None
        ]
        for page in archive.operations
    ]


def _parents_of(archive: Archive, page: Any) -> list[Any]:
    """The tags of a page's parts of text, by their numbers."""
    entries = list(_tree(archive)["/ParentTree"].get_object().get("/Nums", []))
    known = dict(zip(map(int, entries[::2]), entries[1::2], strict=True))
    found = known.get(int(page.get("/StructParents", -1)))
    return [] if found is None else list(found.get_object())


def _are_found_by_tags(archive: Archive) -> bool:
    """Whether each part of the text has the one tag that names it."""
    if _tree(archive) is None:
        return False
    for page, numbers in zip(archive.pages, _numbers(archive), strict=True):
        parents = _parents_of(archive, page)
        if len(set(numbers)) != len(numbers) or any(n >= len(parents) for n in numbers):
            return False
        if not all(_names(parents[number].get_object(), number) for number in numbers):
            return False
    return True


def _names(element: Any, number: int) -> bool:
    for kid in _kids(element):
        one = kid.get_object() if isinstance(kid, IndirectObject) else kid
        if one == number or (isinstance(one, dict) and one.get("/MCID") == number):
            return True
    return False


def _is_language(text: Any) -> bool:
    return _LANGUAGE.fullmatch(str(text)) is not None


RULES: Rules = {
    "the file is tagged": lambda a: is_true(a.catalog.get("/MarkInfo", {}).get("/Marked")),
    "nothing about the tags is suspect": lambda a: (
        not is_true(a.catalog.get("/MarkInfo", {}).get("/Suspects"))
    ),
    "the tags have a tree": lambda a: next(elements(a), None) is not None,
    "tags are those that there are": lambda a: all(
        _role(a, one) in _ROLES for _, one in elements(a)
    ),
    "tags of tables and lists are in their places": _are_in_place,
    "tags lead up to the whole": _lead_up,
    "each part of the text has its tag": _are_found_by_tags,
    "the language is known": lambda a: _is_language(a.catalog.get("/Lang", "")),
    "languages inside are languages": lambda a: all(
        _is_language(one["/Lang"]) for _, one in elements(a) if "/Lang" in one
    ),
    "figures are described": lambda a: all(
        {"/Alt", "/ActualText"} & one.keys()
        for _, one in elements(a)
        if _role(a, one) in {"Figure", "Formula"}
    ),
}
