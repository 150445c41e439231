"""The entries of one decision in the ledger of billing credits, and the boxes that store them."""

from meterline.core.credits.boxes import MOST, box_of, contents
from meterline.services.base.context import Context
from meterline.services.credits.ledger import Account, Boxes, InvoiceLineRef, debit
from meterline.store.base.documents import Document
from meterline.store.billing.repository import BillingStore

NOW = 1_700_000_000
ACCOUNT = Account("credgr_1", "usd", "cus_1", None)


def context(*, livemode: bool = False) -> Context:
    return Context(BillingStore(livemode=livemode), NOW, NOW)


def entered(ctx: Context, boxes: Boxes, amounts: range) -> list[str]:
    """The ids of new entries that were put into boxes."""
    line = InvoiceLineRef("in_1", "il_1")
    made = [debit(ctx, ACCOUNT, "credits_applied", amount, applied=line) for amount in amounts]
    return [boxes.add(ctx, one)["id"] for one in made]


def held(documents: list[Document]) -> list[tuple[str, int]]:
    """What boxes hold: ids and amounts, in order."""
    bodies = [body for document in documents for body in contents(document.body)]
    return [(body["id"], body["debit"]["amount"]["monetary"]["value"]) for body in bodies]


def test_a_decision_without_entries_has_no_box() -> None:
    assert Boxes().documents(context(), "cus_1") == []


def test_entries_stand_in_one_box_in_their_order() -> None:
    boxes = Boxes()
    ids = entered(context(), boxes, range(1, 21))
    [box] = boxes.documents(context(), "cus_1")
    assert held([box]) == list(zip(ids, range(1, 21), strict=True))
    assert {box_of(id_) for id_ in ids} == {box.id}
    assert (box.created, box.parent, box.body["customer"]) == (NOW, "cus_1", "cus_1")


def test_a_full_box_is_followed_by_another() -> None:
    boxes = Boxes()
    ids = entered(context(), boxes, range(1, 2 * MOST + 2))
    documents = boxes.documents(context(), "cus_1")
    assert [len(box.body["entries"]) for box in documents] == [MOST, MOST, 1]
    assert [id_ for id_, _ in held(documents)] == ids == sorted(ids)


def test_a_copy_goes_on_by_itself() -> None:
    boxes = Boxes()
    first = entered(context(), boxes, range(1, 2))
    other = boxes.copy()
    entered(context(), other, range(2, 4))
    assert held(boxes.documents(context(), "cus_1")) == [(first[0], 1)]
    assert [amount for _, amount in held(other.documents(context(), "cus_1"))] == [1, 2, 3]


def test_boxes_store_what_the_api_shows_and_no_id_twice() -> None:
    boxes = Boxes()
    entered(context(), boxes, range(1, 3))
    [box] = boxes.documents(context(), "cus_1")
    assert all({"id", "_"}.isdisjoint(entry) for entry in box.body["entries"])


def test_ids_say_in_which_mode_they_are() -> None:
    for livemode, prefix in ((True, "cbtxn_"), (False, "cbtxn_test_")):
        ctx = context(livemode=livemode)
        [id_] = entered(ctx, Boxes(), range(1, 2))
        assert id_.rpartition("_")[0] + "_" == prefix
