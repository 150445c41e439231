"""``expand``: which paths a kind has, and whether the key that asks may follow them."""

from collections.abc import Callable, Iterable

from meterline.core.base.errors import BillingError
from meterline.core.base.frozen import frozen
from meterline.core.kinds.kind import Edge, Link
from meterline.core.kinds.registry import find_kind, kind_of

MAX_LEVELS = 4

_UNFILLED = (Link.EMPTY_LIST, Link.NULL)
_LISTS = (Link.RELATED, Link.EMPTY_LIST)

type ExpansionPath = tuple["Step", ...]
"""A path as the edges it follows; the last step may reveal a hidden field instead."""


@frozen
class Step:
    """One expansion: the field, and the edge it leads along (None: a hidden field is shown)."""

    field: str
    edge: Edge | None


def read_expansion_paths(
    paths: Iterable[str], kind: str, *, of_list: bool, may_read: Callable[[str], bool]
) -> list[ExpansionPath]:
    """The expansions that a request asks for.

    BillingError 400 for a path that cannot be expanded or is too deep; 403 for an object that the
    key, asked through ``may_read(permission)``, must not see.
    """
    expansion_paths = []
    for path in dict.fromkeys(paths):
        words = path.split(".")
        if len([word for word in words if word != "data"]) > MAX_LEVELS:
            raise BillingError(
                f"You cannot expand more than {MAX_LEVELS} levels of a property ({path}).",
                param="expand",
            )
        if of_list:
            if words[0] != "data" or len(words) == 1:
                raise _not_expandable(path)
            words = words[1:]
        trail = _follow(words, kind, path)
        _check_rights(trail, path, may_read)
        if trail:
            expansion_paths.append(trail)
    return expansion_paths


def _follow(words: list[str], kind: str, path: str) -> ExpansionPath:
    """The edges of a path, as far as there is something to follow them to."""
    spec = find_kind(kind)
    if spec is None:
        raise _not_expandable(path)
    for length in range(len(words), 0, -1):
        name, rest = ".".join(words[:length]), words[length:]
        if name in spec.hidden and not rest:
            return (Step(name, None),)
        edge = spec.edges.get(name)
        if edge is None:
            continue
        if edge.link in _LISTS and rest[:1] == ["data"]:
            rest = rest[1:]
        if edge.link in _UNFILLED:
            rest = []
        return (Step(name, edge), *(_follow(rest, edge.kind, path) if rest else ()))
    if spec.empty.has(words):
        return ()
    raise _not_expandable(path)


def _check_rights(trail: ExpansionPath, path: str, may_read: Callable[[str], bool]) -> None:
    for step in trail:
        if step.edge is None or step.edge.link not in (Link.REFERENCE, Link.RELATED):
            continue
        permission = kind_of(step.edge.kind).permission
        if not may_read(permission):
            raise BillingError(
                f"The provided key does not have the required permissions to expand '{path}'. "
                f"Having the '{permission}_read' permission would allow this request to continue.",
                status=403,
                param="expand",
            )


def _not_expandable(path: str) -> BillingError:
    return BillingError(f"This property cannot be expanded ({path}).", param="expand")
