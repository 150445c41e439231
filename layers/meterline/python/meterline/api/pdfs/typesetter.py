"""Sets a sheet of words as a PDF, by Typst and the template `invoice.typ`.

The PDF is PDF/A-3a: it can be kept for decades, read aloud, and carry an attached e-invoice. The
same sheet gives the same bytes.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import typst

from meterline.api.pdfs import fonts

STANDARD: Final = "a-3a"
TEMPLATE = Path(__file__).parent / "invoice.typ"

_LONG_BYTES: Final = 500_000
"""Of a PDF of some 500 lines, of which Typst remembers 40 MB."""

_REMEMBERED: Final = 10
"""Documents through which Typst remembers what it made of one, in case that it is set again."""


def set_pdf(sheet: Mapping[str, Any], at: int) -> bytes:
    """A sheet as a PDF that says it was made at an instant."""
    words = json.dumps({**sheet, "fonts": list(fonts.FAMILIES)})
    compiler = typst.Compiler(
        TEMPLATE.read_bytes(), font_paths=_fonts(), sys_inputs={"sheet": words}
    )
    made = compiler.compile(format="pdf", pdf_standards=[STANDARD], timestamp=at)
    if not isinstance(made, bytes):
        message = "Typst made several files of one sheet."
        raise TypeError(message)
    if len(made) > _LONG_BYTES:
        _forget()
    return made


def _forget() -> None:
    """Have Typst forget the documents so far: ten long ones would fill a function's memory."""
    for _ in range(_REMEMBERED):
        typst.Compiler(b"-", font_paths=_fonts()).compile(format="svg")


@cache
def _fonts() -> typst.Fonts:
    return typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=fonts.folders()
    )
