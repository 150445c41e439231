"""Styles and scripts, at addresses that follow from their content: browsers keep them for good."""

import hashlib
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Final

from meterline.api.pages.answers import Page
from meterline.api.requests import Request
from meterline.core.base.frozen import frozen

OWN: Final = Path(__file__).parent / "static"
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_DIGITS: Final = 16
_FOR_GOOD: Final = {"cache-control": "public, max-age=31536000, immutable"}


@frozen
class Assets:
    """The files of some folders, served below ``root`` (such as ``/i/assets``).

    A file of an earlier folder stands before one of the same name in a later.
    """

    root: str
    folders: tuple[Path, ...] = (OWN,)

    def below(self, base_path: str) -> "Assets":
        """The same files where a domain has them below a path of its own."""
        return replace(self, root=base_path + self.root)

    def address(self, name: str) -> str:
        """Where a file is: ``page.css`` at ``/i/assets/page.0123456789abcdef.css``."""
        path = _found(self.folders, name)
        return f"{self.root}/{path.stem}.{_digest(path)}{path.suffix}"

    def answer(self, request: Request, asked: str) -> Page:  # noqa: ARG002 - as pages are asked
        """The file at an address. One of another release has this release's content, which nobody
        is to keep under that address.
        """
        stem, _, rest = asked.partition(".")
        digest, _, suffix = rest.rpartition(".")
        try:
            path = _found(self.folders, f"{stem}.{suffix}")
        except FileNotFoundError:
            return Page(b"", 404, "text/plain; charset=utf-8")
        kept = _FOR_GOOD if digest == _digest(path) else {}
        return Page(path.read_bytes(), content_type=_TYPES[path.suffix], headers=kept)


@cache
def _found(folders: tuple[Path, ...], name: str) -> Path:
    """The file of a name; FileNotFoundError for what is none of the folders' files."""
    for folder in folders:
        for path in folder.iterdir():
            if path.name == name and path.suffix in _TYPES:
                return path
    raise FileNotFoundError(name)


@cache
def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:_DIGITS]
