"""Templates: Jinja, with everything escaped that is put into them and nothing missing unnoticed."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined

OWN_TEMPLATES: Final = Path(__file__).parent / "templates"
_LINKED: Final = frozenset({"http", "https", "mailto", "tel"})


@cache
def environment(templates: Path) -> Environment:
    """The environment of a folder of templates, which may also extend and include the shared ones.

    It escapes in every template, whatever that is called, and refuses a name that has no value.
    """
    made = Environment(
        loader=FileSystemLoader([templates, OWN_TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters["linkable"] = linkable
    return made


def render(templates: Path, name: str, values: Mapping[str, object]) -> bytes:
    """The page that a template of a folder makes of ``values``."""
    return environment(templates).get_template(name).render(values).encode()


def linkable(text: str | None) -> str | None:
    """The address if a link may lead to it, else None: one that runs a script is no address."""
    if not text:
        return None
    try:
        scheme = urlsplit(text).scheme
    except ValueError:
        return None
    return text if scheme.lower() in _LINKED else None
