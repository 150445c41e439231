"""Rosters: which objects count towards a limit, written by the commit of whoever joins or leaves.

An index may lag behind, and two requests may count at once. A roster is read as last committed, and
whoever changes it does so on condition that nobody else did: a limit holds whatever runs together.
"""

from collections.abc import Sequence
from dataclasses import replace

from meterline.core.errors import BillingError
from meterline.services.context import Context
from meterline.store.documents import Document

KIND = "roster"


def members(ctx: Context, name: str) -> list[str]:
    """The ids of the objects on a roster, in the order in which they joined."""
    return list(_roster(ctx, name).body["members"])


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
    """The roster as stored. Its id has a slash, which ids of a caller's choice cannot have."""
    roster_id = f"roster/{name}"
    fresh = Document(KIND, ctx.livemode, {"id": roster_id, "created": 0, "members": []})
    return ctx.store.get(roster_id) or fresh


def _with(roster: Document, member_ids: Sequence[str]) -> Document:
    return replace(roster, body=roster.body | {"members": list(member_ids)})
