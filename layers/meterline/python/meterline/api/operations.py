"""Operations: everything about one verb of one resource, as the tables of routes say it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field, replace
from enum import Enum
from typing import Any

from meterline.api.params.specs import Object, array, object_, string
from meterline.core.base.frozen import frozen

EXPAND = array(string(max_length=200), max_items=20)
"""The parameter that every operation takes."""


type Names = Callable[[Mapping[str, Any]], Iterable[str]]
"""Gives the ids of the objects that parameters name."""

type Reveal = Callable[[Any, Mapping[str, Any]], Mapping[str, Any]]
"""Gives what an answer alone shows, of a stored body and the parameters of the request."""

JSON = "application/json"
_TEXTS = ("text/", JSON)


class Answer(Enum):
    """How what an operation returns becomes the response body."""

    OBJECT = "object"
    """A stored body of the operation's kind: rendered and expanded."""
    LIST = "list"
    """A ``Listing`` of bodies of the kind."""
    SEARCH = "search"
    """A ``SearchPage`` of bodies of the kind."""
    PAGE = "page"
    """A ``Listing`` of rows that are shown as they are."""
    ROWS = "rows"
    """The same, of rows that have the shape of the operation's kind."""
    RAW = "raw"
    """A finished JSON value."""
    BYTES = "bytes"
    """A finished body, of the operation's content type."""


@frozen(kw_only=True)
class Operation:
    """One verb of the API.

    ``run`` is called as ``run(context, *path_values, params)``, where context is a
    ``services.context.Context``, or the bare ``api.call.Call`` when ``light`` (for functions that
    must start without the object store). ``permission`` names the resource that a restricted key
    needs; GET needs read, everything else write. ``idempotent`` operations honour Idempotency-Key.
    ``takes_session`` ones ask for a stream session's token. ``public`` ones ask for no key: they
    know no mode, expand nothing, and keep no answers for repetitions. ``hidden`` fields of the
    answer itself, beside its objects, are shown when expanded: ``run`` finds them in the call.
    Refusals are always JSON; ``content_type`` is that of answers.
    """

    method: str
    path: str
    run: Callable[..., Any]
    permission: str
    kind: str = ""
    answer: Answer = Answer.OBJECT
    params: Object = field(default_factory=Object)
    light: bool = False
    idempotent: bool = True
    takes_session: bool = False
    public: bool = False
    hidden: tuple[str, ...] = ()
    content_type: str = JSON
    reveal: Reveal | None = None
    find_again: Callable[..., Mapping[str, Any]] | None = None
    names: Names | None = None

    def revealing(self, reveal: Reveal) -> "Operation":
        """The same operation, whose answer alone shows the fields that ``reveal`` takes from the
        stored body, as its parameters ask. They are secrets: no stored answer holds them, a replay
        takes them again.
        """
        return replace(self, reveal=reveal)

    def found_again_by(self, find: Callable[..., Mapping[str, Any]]) -> "Operation":
        """The same operation, for objects that are a part of another: a replay whose stored answer
        was lost asks ``find(context, id, params)`` for the result.
        """
        return replace(self, find_again=find)

    def naming(self, names: Names) -> "Operation":
        """The same operation, whose parameters name objects that it reads ahead: ``names`` gives
        their ids. They are read while the idempotency key is claimed.
        """
        return replace(self, names=names)

    @property
    def keeps_answers(self) -> bool:
        """Whether a repetition under the same Idempotency-Key gets the first answer."""
        return self.idempotent and not self.public

    @property
    def is_binary(self) -> bool:
        """Whether its answers are no text."""
        return not self.content_type.startswith(_TEXTS)

    @property
    def writes(self) -> bool:
        """Whether a restricted key needs the right to write."""
        return self.method != "GET"

    @property
    def accepted(self) -> Object:
        """The parameters that it takes, ``expand`` included."""
        return self.params.extended(expand=EXPAND)


def permission_of(path: str) -> str:
    """The resource that a path is about: ``billing_meters`` for ``/v1/billing/meters/{id}``."""
    words = []
    for segment in segments_of(path)[1:]:
        if is_variable(segment):
            break
        words.append(segment)
    return "_".join(words)


def get(path: str, kind: str, run: Callable[..., Any], params: Object | None = None) -> Operation:
    """``GET`` of one object."""
    return _operation("GET", path, kind, run, params)


def post(path: str, kind: str, run: Callable[..., Any], params: Object | None = None) -> Operation:
    """``POST``: create, update or act; answers with an object of ``kind``."""
    return _operation("POST", path, kind, run, params)


def delete(
    path: str, kind: str, run: Callable[..., Any], params: Object | None = None
) -> Operation:
    """``DELETE``; answers with the deleted object's remains, or with what became of it."""
    return _operation("DELETE", path, kind, run, params)


def _operation(
    method: str, path: str, kind: str, run: Callable[..., Any], params: Object | None
) -> Operation:
    return Operation(
        method=method,
        path=path,
        run=run,
        permission=permission_of(path),
        kind=kind,
        params=params or object_(),
    )


def segments_of(path: str) -> tuple[str, ...]:
    """The words of a path, in order."""
    return tuple(path.split("/")[1:])


def is_variable(segment: str) -> bool:
    """Whether a word of an operation's path stands for a value."""
    return segment.startswith("{")
