"""What a PDF holds: its text, where it stands, and how it looks."""

from typing import Any

import pypdfium2


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
