"""Nested forms, as every generation of Stripe's SDKs and curl users send them.

``items[0][price]=p``, ``items[][price]=p`` and ``metadata[k]=v`` become nested dicts and lists of
strings. A dict with number keys stays a dict here: only the parameter's specification knows whether
``x[0]`` is the first of a list or the key "0" of a map.
"""

import re
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qsl

from meterline.core.base.errors import BillingError

type Form = dict[str, Any]
"""Names to strings, nested dicts, and lists where the form said ``[]``."""

MAX_PAIRS = 2_000
MAX_DEPTH = 12

_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)\Z")
_SEGMENT = re.compile(r"\[([^\[\]]*)\]")


def decode_form(text: str) -> Form:
    """The nested parameters of a query string or a form body.

    Raises BillingError (400) for bytes that are not UTF-8, names whose brackets do not match, and a
    name that is used both for a value and for a group.
    """
    form: Form = {}
    for name, value in _pairs(text):
        match = _NAME.match(name)
        if match is None:
            raise BillingError(f"Invalid parameter name: {_excerpt(name)}", param=_excerpt(name))
        segments = [match[1], *_SEGMENT.findall(match[2])]
        if len(segments) > MAX_DEPTH:
            raise BillingError(f"Parameters are nested too deeply: {_excerpt(name)}")
        _insert(form, segments, value, name)
    return form


def merge_forms(first: Form, second: Form) -> Form:
    """Both forms as one, for verbs whose parameters may stand in the query and in the body."""
    merged = dict(first)
    for name, value in second.items():
        mine = merged.get(name)
        both = isinstance(mine, dict) and isinstance(value, dict)
        merged[name] = merge_forms(mine, value) if both else value  # type: ignore[arg-type]  # both
    return merged


def _pairs(text: str) -> list[tuple[str, str]]:
    try:
        pairs = parse_qsl(
            text, keep_blank_values=True, errors="strict", max_num_fields=MAX_PAIRS, separator="&"
        )
    except UnicodeDecodeError:
        raise BillingError("The request is not valid UTF-8, percent-encoded.") from None
    except ValueError:
        raise BillingError(f"Too many parameters: at most {MAX_PAIRS} are accepted.") from None
    for name, value in pairs:
        if "\x00" in name or "\x00" in value:
            raise BillingError("Parameters must not contain null bytes.")
    return pairs


def _insert(form: Form, segments: list[str], value: str, name: str) -> None:
    """Put ``value`` at ``segments``; an empty segment appends to a list."""
    holder: Any = form
    for segment, following in pairwise(segments):
        holder = _descend(holder, segment, list if following == "" else dict, segments, name)
    if isinstance(holder, list):
        holder.append(value)
    elif isinstance(holder.get(segments[-1]), (dict, list)):
        raise _mixed(name)
    else:
        holder[segments[-1]] = value


def _descend(
    holder: Any,  # noqa: ANN401 - a dict or a list of the growing form
    segment: str,
    kind: type,
    segments: list[str],
    name: str,
) -> Any:  # noqa: ANN401 - see holder
    if isinstance(holder, list):
        if not (holder and isinstance(holder[-1], kind)) or _is_repeated(holder[-1], segments):
            holder.append(kind())
        return holder[-1]
    child = holder.setdefault(segment, kind())
    if not isinstance(child, kind):
        raise _mixed(name)
    return child


def _is_repeated(element: Any, segments: list[str]) -> bool:  # noqa: ANN401 - part of a form
    """Whether a list's last element already has this field, so that a new element starts."""
    rest = segments[segments.index("") + 1 :] if "" in segments else []
    for segment in rest:
        if segment == "":
            return False
        if not isinstance(element, dict) or segment not in element:
            return False
        element = element[segment]
    return True


def _mixed(name: str) -> BillingError:
    return BillingError(
        f"Invalid parameters: {_excerpt(name)} is used both for a value and for a group of values.",
        param=_excerpt(name),
    )


def _excerpt(name: str) -> str:
    return name[:100]
