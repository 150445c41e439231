"""Bodies as stored: JSON, compressed against a dictionary of what such JSON looks like.

Bodies are alike: the same field names, mostly the same values. A dictionary that holds them once
makes what is stored about a third of what plain compression gives, and with it the write units.
Another dictionary, or another compression, is another version.
"""

import json
import zlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from meterline.core.base.versions import check_version

type Body = dict[str, Any]
"""The JSON of an object as the API shows it, unexpanded; private state stands under ``_``."""

VERSION: Final = 6
"""The first one: bare compression, as it was once stored, never begins with this byte."""

_LEVEL = 6
_BARE = -15
"""Compressed without zlib's header and checksum, which would be ten bytes of each item."""

_DICTIONARY = Path(__file__).with_name("bodies.dictionary")


def pack(body: Mapping[str, Any]) -> bytes:
    """``body`` as stored: compressed JSON, keys in one order so that equal bodies are equal."""
    return pack_text(json.dumps(body, separators=(",", ":"), sort_keys=True).encode())


def unpack(data: bytes) -> Any:  # noqa: ANN401 - a body of any kind
    """The body that ``pack`` stored; UnknownVersion of what another release stored otherwise."""
    return json.loads(unpack_text(data))


def pack_text(text: bytes) -> bytes:
    """The bytes of a JSON text as stored: its version, and the text compressed."""
    packer = zlib.compressobj(_LEVEL, wbits=_BARE, zdict=_dictionary())
    return bytes((VERSION,)) + packer.compress(text) + packer.flush()


def unpack_text(data: bytes) -> bytes:
    """The text that ``pack_text`` stored, byte for byte; UnknownVersion as ``unpack``."""
    check_version(data, VERSION, "Bodies")
    return zlib.decompressobj(wbits=_BARE, zdict=_dictionary()).decompress(data[1:])


def text_bytes(value: object) -> int:
    """The size of JSON before it is packed; packed it takes no more than a few bytes beyond."""
    return len(json.dumps(value, separators=(",", ":")))


@cache
def _dictionary() -> bytes:
    """What the bodies were packed with; whatever was stored needs it, so it never changes."""
    return _DICTIONARY.read_bytes()
