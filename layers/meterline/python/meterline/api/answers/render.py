"""Stored bodies as the wire shows them: no private state, with what the request expands."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from meterline.api.answers.expansion import ExpansionPath
from meterline.core.base.frozen import frozen
from meterline.core.base.private_state import public
from meterline.core.kinds.kind import Body, Edge, Link
from meterline.core.kinds.registry import find_kind, kind_of
from meterline.services.base.ids import derived_object_id
from meterline.store.base.long_lists import first_rows

if TYPE_CHECKING:
    from meterline.store.billing.repository import BillingStore

_RELATED_LIMIT = 10
_PARTS = (Link.PART, Link.EMBEDDED)


@frozen
class Renderer:
    """Shows bodies of one mode, as they are at ``now`` (wall clock, UTC seconds).

    Each level of an expansion is one batch of reads.
    """

    store: "BillingStore"
    now: int

    def show(
        self, kind: str, bodies: Iterable[Body], expansion_paths: Iterable[ExpansionPath]
    ) -> list[Body]:
        """The bodies as the wire shows them. The given bodies are left as they are."""
        shown = [_visible(body) for body in bodies]
        self._complete(kind, shown, list(expansion_paths))
        return shown

    def _complete(
        self, kind: str, bodies: list[Body], expansion_paths: list[ExpansionPath]
    ) -> None:
        """Expand, embed and hide, in place."""
        spec = find_kind(kind)
        bodies = [body for body in bodies if not body.get("deleted")]
        if spec is None or not bodies:
            return
        further: dict[str, list[ExpansionPath]] = {}
        for first, *rest in expansion_paths:
            further.setdefault(first.field, []).append(tuple(rest))
        for name, edge in spec.edges.items():
            if edge.link is Link.EMBEDDED:
                self._load([place for body in bodies for place in _places(body, name.split("."))])
        for body in bodies:
            for name in set(spec.hidden) - further.keys():
                body.pop(name, None)
            body.update(first_rows(body))
            if spec.answered:
                spec.answered(body, self.now)
        for name, edge in spec.edges.items():
            if name in further or edge.link in _PARTS:
                deeper = [trail for trail in further.get(name, []) if trail]
                self._follow(bodies, name, edge, deeper)

    def _follow(
        self, bodies: list[Body], name: str, edge: Edge, expansion_paths: list[ExpansionPath]
    ) -> None:
        if edge.link is Link.RELATED:
            self._relate(bodies, name, edge, expansion_paths)
            return
        if edge.link in (Link.EMPTY_LIST, Link.NULL):
            for body in bodies:
                is_list = edge.link is Link.EMPTY_LIST
                body[name] = _list_under(body, name, []) if is_list else None
            return
        places = [place for body in bodies for place in _places(body, name.split("."))]
        if edge.link in _PARTS:
            reached = _distinct(part for place in places for part in place.objects)
        else:
            reached = self._load(places)
        self._complete(edge.kind, reached, expansion_paths)

    def _load(self, places: "list[_Place]") -> list[Body]:
        """Put the objects, as they are now, in the places of their ids."""
        found = self.store.recall([id_ for place in places for id_ in place.ids])
        loaded = {id_: _referred(document.body) for id_, document in found.items()}
        for place in places:
            place.replace(loaded)
        return list(loaded.values())

    def _relate(
        self, bodies: list[Body], name: str, edge: Edge, expansion_paths: list[ExpansionPath]
    ) -> None:
        for body in bodies:
            found, has_more = self._related(body, edge)
            related = [_visible(other) for other in found]
            self._complete(edge.kind, related, expansion_paths)
            body[name] = _list_under(body, name, related) | {"has_more": has_more}
            if edge.url:
                body[name]["url"] = edge.url

    def _related(self, body: Body, edge: Edge) -> tuple[list[Body], bool]:
        """The first of the objects that belong to a body, and whether there are more."""
        from meterline.store.billing.repository import Span  # noqa: PLC0415 - only expansion needs the store

        if edge.is_only_one:
            only = derived_object_id(edge.kind, body["id"])
            known = self.store.get_many([only])
            return [document.body for document in known.values()], False
        page = self.store.page(
            edge.kind, Span(), limit=_RELATED_LIMIT, parent=body["id"], keep=_is_current
        )
        return [document.body for document in page.documents], page.has_more


@frozen
class _Place:
    """Where a field stands: ``holder[key]`` is an id, an object, a list of either, or nothing."""

    holder: Body
    key: str

    @property
    def _values(self) -> list[Any]:
        value = self.holder[self.key]
        return value if isinstance(value, list) else [value]

    @property
    def objects(self) -> list[Body]:
        return [value for value in self._values if isinstance(value, dict)]

    @property
    def ids(self) -> list[str]:
        return [id_ for id_ in map(_id_of, self._values) if id_ is not None]

    def replace(self, loaded: dict[str, Body]) -> None:
        """Put the loaded objects in the place of their ids; what is missing stays as it is."""
        shown = [loaded.get(_id_of(value) or "", value) for value in self._values]
        self.holder[self.key] = shown if isinstance(self.holder[self.key], list) else shown[0]


def _distinct(bodies: Iterable[Body]) -> list[Body]:
    """Each body once, though several places hold it."""
    return list({id(body): body for body in bodies}.values())


def _list_under(body: Body, name: str, listed: list[Body]) -> Body:
    """A list object at the address under the object that it belongs to."""
    url = f"{kind_of(body['object']).url_of(body['id'])}/{name}"
    return {"object": "list", "data": listed, "has_more": False, "url": url}


def _places(value: Any, words: list[str]) -> Iterator[_Place]:  # noqa: ANN401 - any JSON
    """All places of the field ``words`` inside ``value``, walking through lists."""
    if isinstance(value, list):
        for element in value:
            yield from _places(element, words)
    elif isinstance(value, dict) and words[0] in value:
        if len(words) == 1:
            yield _Place(value, words[0])
        else:
            yield from _places(value[words[0]], words[1:])


def _id_of(value: Any) -> str | None:  # noqa: ANN401 - any JSON
    if isinstance(value, str):
        return value
    return value.get("id") if isinstance(value, dict) else None


def _visible(body: Body) -> Body:
    """A copy without private state; of a deleted object only what says that it is deleted."""
    if body.get("deleted"):
        return {"id": body["id"], "object": body["object"], "deleted": True}
    return public(body)


def _referred(body: Body) -> Body:
    """The same where another object refers to it: some kinds are shown whole though deleted."""
    spec = find_kind(body["object"])
    if spec is None or not spec.outlasts_deletion:
        return _visible(body)
    return public({name: value for name, value in body.items() if name != "deleted"})


def _is_current(body: Body) -> bool:
    return not body.get("deleted") and body.get("status") != "canceled"
