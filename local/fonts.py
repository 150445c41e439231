"""Writes which characters the fonts of PDFs can show: ``python -m local.fonts``."""

from collections.abc import Iterator
from pathlib import Path

from fontTools.ttLib import TTFont

from meterline.api.pdfs.fonts import COVERAGE, folders

_LAST_CONTROL, _PRIVATE, _LAST_ASSIGNED = 0x1F, (0xE000, 0xF8FF), 0xE0000


def main() -> None:
    """Write the spans, a line each."""
    COVERAGE.write_text("\n".join(spans(characters())) + "\n")


def characters() -> set[int]:
    """All that one of the fonts shows and a document may hold: PDF/A allows no private use."""
    files = [path for folder in folders() for path in Path(folder).rglob("*.[ot]tf")]
    return {code for path in files for code in _shown_by(path) if _may_be_held(code)}


def _shown_by(path: Path) -> set[int]:
    with TTFont(path, lazy=True) as font:
        return set(font.getBestCmap())


def _may_be_held(code: int) -> bool:
    is_private = _PRIVATE[0] <= code <= _PRIVATE[1] or code > _LAST_ASSIGNED
    return code > _LAST_CONTROL and not is_private


def spans(codes: set[int]) -> Iterator[str]:
    """Character codes as spans in hexadecimal, in order."""
    first = last = -1
    for code in sorted(codes):
        if code != last + 1:
            if first >= 0:
                yield f"{first:x}-{last:x}"
            first = code
        last = code
    yield f"{first:x}-{last:x}"


if __name__ == "__main__":
    main()
