"""Notes beside an object: what is derived from it and from what follows it, and may be lost.

They are attributes of the object's own item, so whoever reads the object has read them. A commit
writes the item whole: its notes go with each, and a note is of the version that it stands beside.

Whoever is to derive a note anew **forgets** it first. Whoever looks meanwhile has to do the same,
and only the last who forgot can note: so nothing that happens between deriving and noting is missed
by both. ``generation`` counts who has forgotten and noted since the object's last commit.
"""

from typing import Any, NamedTuple

from meterline.core.base.frozen import frozen
from meterline.store.base.batches import tries
from meterline.store.base.clients import dynamodb
from meterline.store.base.documents import Body, Document
from meterline.store.base.keys import object_key
from meterline.store.base.packing import pack, unpack
from meterline.store.base.settings import settings

_NOTE, _GENERATION = "note:", "noted:"


class Place(NamedTuple):
    """Where something may be noted: beside this version, if no other has written since."""

    version: int
    generation: int = 0


@frozen
class Note:
    """A note as it was read with its object, None if there is none."""

    place: Place
    body: Body | None = None


def note_of(document: Document, name: str) -> Note:
    """A note of a document that was read in a batch; nothing is known of another's notes."""
    found = document.beside
    generation = int(found.get(_GENERATION + name, {"N": "0"})["N"])
    packed = found.get(_NOTE + name)
    body = None if packed is None else unpack(packed["B"])
    return Note(Place(document.version, generation), body)


def forget_note(livemode: bool, object_id: str, name: str) -> Place | None:  # noqa: FBT001 - a part of the key
    """Forget a note before it is derived anew; None if there is no such object to note it at.

    From then on nobody who forgot it before can note what was derived meanwhile.
    """
    client = dynamodb()
    for _ in tries():
        try:
            answer = client.update_item(
                **_item(livemode, object_id),
                UpdateExpression="ADD #generation :one REMOVE #note",
                ConditionExpression="attribute_exists(pk)",
                ExpressionAttributeNames={"#generation": _GENERATION + name, "#note": _NOTE + name},
                ExpressionAttributeValues={":one": {"N": "1"}},
                ReturnValues="ALL_NEW",
            )
        except client.exceptions.ConditionalCheckFailedException:
            return None
        except client.exceptions.TransactionConflictException as conflict:
            failure = conflict  # a commit of the object is under way
        else:
            stored = answer["Attributes"]
            generation = stored[_GENERATION + name]["N"]
            return Place(int(stored["version"]["N"]), int(generation))
    raise failure


def save_note(livemode: bool, object_id: str, name: str, place: Place, body: Body) -> None:  # noqa: FBT001 - a part of the key
    """Note something, unless the object or the note was written since ``place`` was read."""
    client = dynamodb()
    unchanged, values = "attribute_not_exists(#generation)", {}
    if place.generation:
        unchanged = "#generation = :generation"
        values = {":generation": {"N": str(place.generation)}}
    try:
        client.update_item(
            **_item(livemode, object_id),
            UpdateExpression="SET #note = :note ADD #generation :one",
            ConditionExpression=f"#version = :version AND {unchanged}",
            ExpressionAttributeNames={
                "#generation": _GENERATION + name,
                "#note": _NOTE + name,
                "#version": "version",
            },
            ExpressionAttributeValues={
                ":one": {"N": "1"},
                ":note": {"B": pack(body)},
                ":version": {"N": str(place.version)},
                **values,
            },
        )
    except (
        client.exceptions.ConditionalCheckFailedException,
        client.exceptions.TransactionConflictException,
    ):
        return


def notes_in(item: dict[str, Any]) -> dict[str, Any]:
    """The notes in an item of the Billing table."""
    return {name: value for name, value in item.items() if name.startswith((_NOTE, _GENERATION))}


def _item(livemode: bool, object_id: str) -> dict[str, Any]:  # noqa: FBT001 - a part of the key
    key = {"pk": {"S": object_key(livemode, object_id)}, "sk": {"S": "#"}}
    return {"TableName": settings().billing_table, "Key": key}
