"""A PDF as its rules look at it: its bytes and its objects."""

import io
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

from pypdf import PdfReader
from pypdf.generic import ContentStream, DictionaryObject, IndirectObject

type Rules = dict[str, Callable[[Archive], bool]]


def is_true(value: Any) -> bool:
    """Whether a value of the file is true: pypdf's own are never false."""
    return getattr(value, "value", value) is True


class Archive:
    """A file and the objects in it, which a planted mistake may change."""

    def __init__(self, pdf: bytes) -> None:
        self.raw = pdf
        self.reader = PdfReader(io.BytesIO(pdf))

    @property
    def catalog(self) -> Any:
        """The document's root."""
        return self.reader.trailer["/Root"]

    @property
    def info(self) -> Any:
        """What the file says of itself outside its metadata, as pairs of a name and a value."""
        found = self.reader.trailer.get("/Info")
        return {} if found is None else found.get_object()

    @cached_property
    def objects(self) -> list[Any]:
        """Every dictionary and stream that has a number."""
        numbers = {number for section in self.reader.xref.values() for number in section}
        numbers |= set(self.reader.xref_objStm)
        found = (IndirectObject(n, 0, self.reader).get_object() for n in sorted(numbers))
        return [one for one in found if isinstance(one, DictionaryObject)]

    def of_type(self, name: str) -> list[Any]:
        """The numbered objects of a type, such as ``/Font``."""
        return [one for one in self.objects if one.get("/Type") == name]

    def dictionaries(self) -> Iterator[Any]:
        """Every dictionary, also those inside others."""
        for one in (*self.objects, *self.pages):
            yield from _inside(one)

    @cached_property
    def pages(self) -> list[Any]:
        """The pages."""
        return [page.get_object() for page in self.reader.pages]

    @cached_property
    def operations(self) -> list[list[tuple[list[Any], bytes]]]:
        """What each page is drawn with: operands and operators."""
        return [
            ContentStream(page["/Contents"].get_object(), self.reader).operations
            for page in self.pages
            if "/Contents" in page
        ]


def _inside(one: Any) -> Iterator[Any]:
    if isinstance(one, DictionaryObject):
        yield one
        parts = list(one.values())
    elif isinstance(one, list):
        parts = list(one)
    else:
        return
    for part in parts:
        if not isinstance(part, IndirectObject):
            yield from _inside(part)
