"""Rosters: which objects count towards a limit, written by the commit of whoever joins or leaves.

An index may lag behind, and two requests may count at once. A roster is read as last committed, and
whoever changes it does so on condition that nobody else did: a limit holds whatever runs together.
"""

from collections.abc import Sequence
from dataclasses import replace

from meterline.core.base.errors import BillingError
from meterline.services.base.context import Context
from meterline.store.base.documents import Document

KIND = "roster"


def members(ctx: Context, *names: str) -> list[str]:
    """The ids of the objects on these rosters, each in the order in which they joined it."""
    found = ctx.store.get_many(_roster_id(name) for name in names)
    return [one for roster in found.values() for one in roster.body["members"]]


def joined(
    ctx: Context, name: str, member_id: str, *, most: int, refusal: BillingError
) -> Document:
    """A roster with one more member, for the commit of who joins; ``refusal`` if it has ``most``.

    What is counted is what the commit is conditional on.
    """
    roster = _roster(ctx, name)
    if len(roster.body["members"]) >= most:
        raise refusal
    return _with(roster, [*roster.body["members"], member_id])


def left(ctx: Context, name: str, member_id: str) -> list[Document]:
    """A roster without a member, for the commit of who leaves; nothing if it was on none."""
    roster = _roster(ctx, name)
    stay = [one for one in roster.body["members"] if one != member_id]
    return [_with(roster, stay)] if len(stay) < len(roster.body["members"]) else []


def ended(ctx: Context, name: str) -> list[Document]:
    """A roster to be deleted, if it is stored."""
    roster = _roster(ctx, name)
    return [roster] if roster.version else []


def _roster(ctx: Context, name: str) -> Document:
    """The roster as stored, or a new one."""
    roster_id = _roster_id(name)
    fresh = Document(KIND, ctx.livemode, {"id": roster_id, "created": 0, "members": []})
    return ctx.store.get(roster_id) or fresh


def _roster_id(name: str) -> str:
    """The id of a roster. It has a slash, which ids of a caller's choice cannot have."""
    return f"roster/{name}"


def _with(roster: Document, member_ids: Sequence[str]) -> Document:
    return replace(roster, body=roster.body | {"members": list(member_ids)})
