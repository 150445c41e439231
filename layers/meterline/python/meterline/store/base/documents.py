"""What the Billing table holds, as values: documents, and changes that are committed together."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from meterline.core.base.frozen import frozen
from meterline.core.base.private_state import private_value
from meterline.store.base.packing import Body

__all__ = [
    "LIVE",
    "Body",
    "Change",
    "Claim",
    "ClaimTaken",
    "Conflict",
    "Count",
    "Document",
    "LeaseLost",
    "Oversized",
    "Page",
    "Receipt",
    "TooLong",
]

LIVE = "live"
"""The timeline of everything that follows the wall clock; others are ids of test clocks."""


@frozen
class Document[B: Mapping[str, Any] = Any]:
    """One stored object and what finds it; of any kind, unless it says which body it has.

    ``version`` counts its commits (0: not stored yet) and guards them: a commit is refused when the
    stored version is another. ``due_at`` (UTC seconds on ``timeline``) is when it next needs work.
    ``parent`` is the id of the object that it is listed under, besides the list of its kind.
    ``terms`` are the search terms that find the stored version. ``parts`` are the names of the
    items beside it that hold the rows of a long list; where only its first ones were read,
    ``has_more`` of the list says so. ``shard`` is the one of its list that its entry stands in;
    where there is none yet, its id says which. ``stored`` is the body as it was read, which a
    document with another body keeps; None of a new one. ``beside`` are the notes that a batch has
    read with it (``store.base.notes``).
    """

    kind: str
    livemode: bool
    body: B
    version: int = 0
    due_at: int | None = None
    timeline: str = LIVE
    parent: str | None = None
    expires_at: int | None = None
    terms: frozenset[str] = frozenset()
    parts: tuple[str, ...] = ()
    shard: int | None = field(default=None, compare=False)
    stored: B | None = field(default=None, compare=False, repr=False)
    beside: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def id(self) -> str:
        """The object's id."""
        return str(self.body["id"])

    @property
    def created(self) -> int:
        """When the object was created, UTC seconds: lists are ordered by it.

        It is private state where Stripe's object does not show it.
        """
        return int(self.body.get("created") or private_value(self.body, "created") or 0)


@frozen
class Claim:
    """A value that only one object of its kind may hold, such as a meter's event name.

    It may be taken over from its ``former`` holder, as a price's lookup key may.
    """

    kind: str
    value: str
    holder: str
    former: str | None = None


class Count(NamedTuple):
    """A number that commits count up: an attribute of the item with this key."""

    pk: str
    sk: str
    name: str


@frozen
class Receipt:
    """The idempotency record of a request, marked as committed by the commit it belongs to.

    ``pk`` is its key in the Access table; ``lease`` proves that this attempt still holds it.
    """

    pk: str
    lease: str


@dataclass(slots=True)
class Change:
    """Everything that one decision writes; it is committed whole or not at all.

    ``checks`` are documents that the decision read and that must be unchanged at the commit.
    ``named`` are new documents, invisible until one of ``puts`` names them: they are written before
    the commit. ``unnamed`` are no longer visible: they are removed after it.
    So a commit can bring or end more of them than one transaction takes.
    ``result_id`` names the object that the request answers with, for a replay of its ``receipt``.
    ``counted`` are numbers that the commit counts up by one, whoever else does at the same time.
    ``is_asked_for`` says that a caller can be asked for less: a change by a request leaves
    room for what Meterline has to add later.
    """

    puts: list[Document] = field(default_factory=list)
    deletes: list[Document] = field(default_factory=list)
    checks: list[Document] = field(default_factory=list)
    named: list[Document] = field(default_factory=list)
    unnamed: list[Document] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    releases: list[Claim] = field(default_factory=list)
    counted: list[Count] = field(default_factory=list)
    receipt: Receipt | None = None
    result_id: str | None = None
    is_asked_for: bool = False


@frozen
class Page[B: Mapping[str, Any] = Any]:
    """One page of a list, in its order, and whether more follow."""

    documents: list[Document[B]]
    has_more: bool


class Conflict(Exception):  # noqa: N818 - an outcome to decide upon, not a defect
    """Something that the change depends on was changed meanwhile: load and decide again."""


class ClaimTaken(Exception):  # noqa: N818 - an outcome to decide upon, not a defect
    """A claimed value belongs to another object."""

    def __init__(self, claim: Claim) -> None:
        super().__init__(f"{claim.kind} {claim.value!r} is taken")
        self.claim = claim


class LeaseLost(Exception):  # noqa: N818 - an outcome to decide upon, not a defect
    """The request's idempotency record now belongs to another attempt."""


class Oversized(Exception):  # noqa: N818 - an outcome to decide upon, not a defect
    """What a change stores is more than DynamoDB takes; nothing was changed."""


class TooLong(Exception):  # noqa: N818 - an outcome to decide upon, not a defect
    """An object would take more room than a request may give it; nothing was changed.

    ``field`` is what takes most of it; ``size`` and ``most`` are in bytes, packed.
    """

    def __init__(self, kind: str, object_id: str, field: str, size: int, most: int) -> None:
        super().__init__(f"{object_id} takes {size} bytes, more than {most}")
        self.kind = kind
        self.field = field
        self.size = size
        self.most = most
