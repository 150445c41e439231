"""What there is to say of a kind of object. Whatever depends on the kind is derived from this.

A new kind of object is one record (``core.kinds.registry`` lists them), its service, its routes and
its schema. Fields of a body are named by dotted paths; lists on the way are walked through.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from enum import Enum, StrEnum
from typing import Any

from meterline.core.base.frozen import frozen
from meterline.core.kinds.divisions import Division

type Body = dict[str, Any]
type Term = tuple[str, ...]
"""What finds an object: the name of a field, and what it holds."""

_NONE: frozenset[str] = frozenset()


class Link(Enum):
    """How a field holds the other object."""

    REFERENCE = "reference"
    """An id, or a list of ids; the object takes its place when expanded."""
    EMBEDDED = "embedded"
    """Always the whole object, as it is now, whatever was stored."""
    PART = "part"
    """An object that lives inside this one."""
    RELATED = "related"
    """Absent until expanded: the list of the objects that belong to this one."""
    EMPTY_LIST = "empty_list"
    """The same, of what can never exist here."""
    NULL = "null"
    """Absent until expanded, and then null."""


@frozen
class Edge:
    """A field that leads to an object of ``kind``.

    ``is_only_one``: there is one related object at most, whose id follows from that of the object
    that it belongs to. ``url`` is where related objects are listed, if not under that object.
    """

    kind: str
    link: Link = Link.REFERENCE
    is_only_one: bool = False
    url: str = ""


@frozen
class Empty:
    """What ``expand`` may name though nothing comes of it; only names that Stripe never had are
    refused.

    ``whole`` fields are objects that every answer shows; below the ``null`` ones nothing stands,
    so any field of theirs may be named; ``former`` ones are null or absent too, and were fields of
    older versions, whose clients still ask for them.
    """

    whole: frozenset[str] = _NONE
    null: frozenset[str] = _NONE
    former: frozenset[str] = _NONE

    def has(self, words: list[str]) -> bool:
        """Whether a path can be expanded, with nothing to show for it."""
        if ".".join(words) in self.whole:
            return True
        beginnings = (".".join(words[:length]) for length in range(1, len(words) + 1))
        return any(beginning in self.null or beginning in self.former for beginning in beginnings)


def empty(*, whole: str = "", null: str = "", former: str = "") -> Empty:
    """The same, of fields that are separated by blanks."""
    return Empty(frozenset(whole.split()), frozenset(null.split()), frozenset(former.split()))


@frozen
class Search:
    """What can be searched for: fields that are compared ``exact``, and with numbers.

    ``indexed`` fields find an object by themselves; ``owner`` names the object it is listed under.
    Metadata is always among what finds it.
    """

    exact: frozenset[str]
    numeric: frozenset[str] = frozenset({"created"})
    indexed: frozenset[str] = _NONE
    owner: str | None = None


class Queue(StrEnum):
    """The queues of due work."""

    RENEWALS = "renewals"
    INVOICES = "invoices"
    CLOCKS = "clocks"
    WEBHOOKS = "webhooks"


@frozen
class LongList:
    """The field that holds a list of which an object shows the first ones only; a list of its own
    has the rest. ``shown`` says how many, of a body.
    """

    field: str
    shown: Callable[[Any], int]


@frozen
class Batching:
    """How objects stand on batches, documents that decide for many of them at once.

    ``batch_of`` gives the id of the batch that a body stands on, if it does. ``as_batched`` gives
    the body as its batch (a body too) says it is now; None if the batch does not name it.
    """

    batch_of: Callable[[Any], str | None]
    as_batched: Callable[[Any, Any], Mapping[str, Any] | None]


@frozen
class Boxing:
    """How objects of the kind ``of`` stand in boxes, documents that hold several of them each.

    A box stands in their lists, at a place before those of its ``contents``: their ids begin with
    its id, and have all been created when it was. ``box_of`` gives the id of the box that an
    object's id says it is in, if it does. What stands in a box is never changed.
    """

    of: str
    box_of: Callable[[str], str | None]
    contents: Callable[[Any], Iterable[Mapping[str, Any]]]


@frozen
class Sizes:
    """What bounds the size of an object that a request writes.

    ``fields`` of a new one may take so many bytes, packed. What is ``copied`` from other objects
    does not count. Of what Meterline alone writes nothing does: other rules bound that.
    """

    fields: Mapping[str, int] = field(default_factory=dict)
    copied: tuple[str, ...] = ()
    is_own: bool = False


@frozen(kw_only=True)
class Kind:
    """A kind of object: ``name`` is what it says under ``object``.

    Refusals call it ``noun``, and ``names_mode`` has them say in which mode it was looked for. Its
    ids begin with ``id_prefix``. It is found under ``/{api}/{collection}/{id}``; restricted keys
    need ``permission``, which follows from the collection unless it is given.

    ``hidden`` fields are stored but shown only when expanded. A deleted object that
    ``outlasts_deletion`` is shown as it was where others refer to it. ``answered`` adds to an
    answer, at a second of the wall clock, what follows from the rest of the body; ``emitted`` gives
    the body as events show it.

    Lists of the kind are divided by ``division``; ``is_listed`` is False for what is only found by
    its id or under another object. ``terms`` are what finds an object beside what ``search`` says.

    Work that falls due goes to ``queue``; there ``group_of`` an id says whose share it takes. What
    ``belongs_to_customer`` goes with a deleted test clock's customers. The documents of a kind that
    ``holds_events`` are batches of events; with ``boxing`` they are boxes of another kind.
    """

    name: str
    noun: str = "object"
    names_mode: bool = False
    id_prefix: str = ""
    api: str = "v1"
    collection: str | None = None
    permission: str = ""
    edges: Mapping[str, Edge] = field(default_factory=dict)
    empty: Empty = field(default_factory=Empty)
    hidden: tuple[str, ...] = ()
    outlasts_deletion: bool = False
    answered: Callable[[Body, int], None] | None = None
    emitted: Callable[[Body], Body] = lambda body: body
    division: Division = field(default_factory=Division)
    is_listed: bool = True
    search: Search | None = None
    terms: Callable[[Any], Iterable[Term]] = lambda _: ()
    queue: Queue | None = None
    group_of: Callable[[str], str] | None = None
    belongs_to_customer: bool = False
    holds_events: bool = False
    long_list: LongList | None = None
    batching: Batching | None = None
    boxing: Boxing | None = None
    sizes: Sizes = field(default_factory=Sizes)

    def __post_init__(self) -> None:
        if not self.permission and self.collection:
            object.__setattr__(self, "permission", self.collection.replace("/", "_"))

    def url_of(self, object_id: str) -> str | None:
        """Where an object of the kind is found; None if it has no address of its own."""
        return None if self.collection is None else f"/{self.api}/{self.collection}/{object_id}"
