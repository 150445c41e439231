"""Limits: which objects count towards one, as a set of members that commits change.

An index may lag behind, and two requests may count at once. So the set is read as last committed,
and a commit that changes it fails if another did meanwhile: the limit holds beside any other work.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple, TypedDict

from meterline.core.base.errors import BillingError
from meterline.services.base.context import Context
from meterline.store.base.documents import Document

KIND = "roster"


class MembersSet(TypedDict):
    """A set as it is stored."""

    id: str
    created: int
    members: list[str]


class Members(NamedTuple):
    """The members of sets, each in the order in which they joined it; ``state`` is another one
    after each commit that touches one of the sets.
    """

    ids: list[str]
    state: str


def members(ctx: Context, *names: str) -> list[str]:
    """The ids of the members of these sets, each in the order in which they joined it."""
    return members_and_state(ctx, *names).ids


def members_and_state(ctx: Context, *names: str) -> Members:
    """The same, with what tells whether the sets are still those that were read."""
    set_ids = [set_id(name) for name in names]
    found: dict[str, Document[MembersSet]] = ctx.store.get_many(set_ids)
    versions = [str(found[id_].version) if id_ in found else "0" for id_ in set_ids]
    ids = [member for members_set in found.values() for member in members_set.body["members"]]
    return Members(ids, " ".join(versions))


def touched(ctx: Context, name: str) -> list[Document[MembersSet]]:
    """The set as it is, for a commit that changes what a member means; nothing if there is none."""
    return _stored(_members_set(ctx, name))


def with_member(
    ctx: Context, name: str, member_id: str, *, most: int, refusal: BillingError
) -> Document[MembersSet]:
    """The set with one more member, for the commit that adds it; ``refusal`` if it has ``most``.

    What is counted is what the commit is conditional on.
    """
    members_set = _members_set(ctx, name)
    if len(members_set.body["members"]) >= most:
        raise refusal
    return _with(members_set, [*members_set.body["members"], member_id])


def without_member(ctx: Context, name: str, member_id: str) -> list[Document[MembersSet]]:
    """The set without a member, for the commit that removes it; nothing if it was in none."""
    members_set = _members_set(ctx, name)
    stay = [member for member in members_set.body["members"] if member != member_id]
    return [_with(members_set, stay)] if len(stay) < len(members_set.body["members"]) else []


def deleted_set(ctx: Context, name: str) -> list[Document[MembersSet]]:
    """The set, to be deleted with what it counts, if it is stored."""
    return _stored(_members_set(ctx, name))


def _stored(members_set: Document[MembersSet]) -> list[Document[MembersSet]]:
    return [members_set] if members_set.version else []


def _members_set(ctx: Context, name: str) -> Document[MembersSet]:
    """The set as stored, or a new one."""
    roster_id = set_id(name)
    stored: Document[MembersSet] | None = ctx.store.get(roster_id)
    empty: MembersSet = {"id": roster_id, "created": 0, "members": []}
    return stored or Document(KIND, ctx.livemode, empty)


def set_id(name: str) -> str:
    """The id of a set. It has a slash, which ids of a caller's choice cannot have."""
    return f"roster/{name}"


def _with(members_set: Document[MembersSet], member_ids: Sequence[str]) -> Document[MembersSet]:
    return replace(members_set, body=members_set.body | {"members": list(member_ids)})
