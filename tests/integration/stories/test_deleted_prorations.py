"""A proration that is deleted charges nothing, so nothing of it comes back, or gives nothing back.

What comes back is never more than what was charged for it, whoever deletes which item when.
"""

from typing import Any

import pytest
from stripe import InvalidRequestError

from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage, at

_HALFWAY = "2024-01-16 12:00"
_MODES = pytest.mark.parametrize("mode", ["classic", "flexible"])


@pytest.fixture
def stage(api: Api) -> Stage:
    return Stage(api, "2024-01-01")


def _subscribed(stage: Stage, mode: str, amount: int = 1_000, **params: Any) -> Any:
    return stage.subscribe(stage.price("Small", amount), billing_mode={"type": mode}, **params)


def _swap(stage: Stage, made: Any, amount: int, **params: Any) -> None:
    item = {"id": made["items"].data[0].id, "price": stage.price(f"P{amount}", amount)}
    stage.change(made, items=[item], **params)


def _upgraded(stage: Stage, mode: str) -> Any:
    """From 10.00 to 30.00 in the middle of the month: -500 and 1500 wait."""
    made = _subscribed(stage, mode)
    stage.until(_HALFWAY)
    _swap(stage, made, 3_000)
    return made


def _pending(stage: Stage) -> list[Any]:
    params: Any = {"customer": stage.customer, "pending": True, "limit": 100}
    return list(reversed(stage.client.v1.invoice_items.list(params).data))


def _amounts(stage: Stage) -> list[int]:
    return sorted(item.amount for item in _pending(stage))


def _delete(stage: Stage, amount: int) -> str:
    [found] = [item for item in _pending(stage) if item.amount == amount]
    stage.client.v1.invoice_items.delete(found.id)
    return str(found.id)


def _cancel(stage: Stage, made: Any, **params: Any) -> None:
    stage.client.v1.subscriptions.cancel(made.id, {"prorate": True, **params})


@_MODES
def test_a_cancellation_credits_nothing_of_a_deleted_debit(stage: Stage, mode: str) -> None:
    made = _upgraded(stage, mode)
    _delete(stage, 1_500)
    _cancel(stage, made)
    assert _amounts(stage) == [-500]


@_MODES
def test_another_change_credits_nothing_of_a_deleted_debit(stage: Stage, mode: str) -> None:
    made = _upgraded(stage, mode)
    _delete(stage, 1_500)
    _swap(stage, made, 2_000)
    assert _amounts(stage) == [-500, 1_000]
    _cancel(stage, made)
    assert _amounts(stage) == [-1_000, -500, 1_000]


@_MODES
def test_a_pause_credits_nothing_of_a_deleted_debit(stage: Stage, mode: str) -> None:
    made = _upgraded(stage, mode)
    _delete(stage, 1_500)
    stage.client.v1.subscriptions.pause(made.id, {"type": "subscription"})
    assert _amounts(stage) == [-500]


@_MODES
def test_a_new_cycle_credits_nothing_of_a_deleted_debit(stage: Stage, mode: str) -> None:
    made = _upgraded(stage, mode)
    _delete(stage, 1_500)
    stage.change(made, billing_cycle_anchor="now", proration_behavior="always_invoice")
    assert stage.invoices()[-1].total + sum(_amounts(stage)) == 3_000 - 500


@_MODES
def test_a_renewed_period_is_given_back_whatever_was_deleted_before_it(
    stage: Stage, mode: str
) -> None:
    made = _upgraded(stage, mode)
    _delete(stage, 1_500)
    stage.until("2024-02-01 02:00")
    assert stage.invoices()[-1].total == 3_000 - 500
    stage.until("2024-02-15 12:00")
    _cancel(stage, made)
    assert _amounts(stage) == [-1_500]


@_MODES
@pytest.mark.parametrize("how", ["draft", "line", "item"])
def test_a_debit_that_is_deleted_with_its_draft_is_not_given_back(
    stage: Stage, mode: str, how: str
) -> None:
    """With the whole draft the credit of what was billed before is deleted too."""
    made = _upgraded(stage, mode)
    params: Any = {"customer": stage.customer, "pending_invoice_items_behavior": "include"}
    draft = stage.client.v1.invoices.create(params)
    debit = next(line for line in draft.lines.data if line.amount == 1_500)
    if how == "draft":
        stage.client.v1.invoices.delete(draft.id)
    elif how == "line":
        removed: Any = {"lines": [{"id": debit.id, "behavior": "delete"}]}
        stage.client.v1.invoices.remove_lines(draft.id, removed)
    else:
        item = debit.parent.subscription_item_details.invoice_item
        stage.client.v1.invoice_items.delete(item)
    _cancel(stage, made)
    assert _amounts(stage) == ([-500] if (mode, how) == ("flexible", "draft") else [])


@_MODES
def test_a_debit_that_leaves_its_draft_and_waits_again_is_given_back(
    stage: Stage, mode: str
) -> None:
    made = _upgraded(stage, mode)
    params: Any = {"customer": stage.customer, "pending_invoice_items_behavior": "include"}
    draft = stage.client.v1.invoices.create(params)
    lines: Any = [{"id": line.id, "behavior": "unassign"} for line in draft.lines.data]
    stage.client.v1.invoices.remove_lines(draft.id, {"lines": lines})
    _cancel(stage, made)
    assert _amounts(stage) == [-1_500, -500, 1_500]


@_MODES
def test_a_debit_that_is_given_back_is_deleted_after_its_credit(stage: Stage, mode: str) -> None:
    made = _upgraded(stage, mode)
    _swap(stage, made, 2_000)
    assert _amounts(stage) == [-1_500, -500, 1_000, 1_500]
    with pytest.raises(InvalidRequestError, match="is given back by ii_") as refused:
        _delete(stage, 1_500)
    assert refused.value.param == "id"
    _delete(stage, -1_500)
    _delete(stage, 1_500)
    _cancel(stage, made)
    assert _amounts(stage) == [-1_000, -500, 1_000]


@_MODES
def test_the_amount_of_a_debit_that_may_come_back_stays(stage: Stage, mode: str) -> None:
    _upgraded(stage, mode)
    [debit] = [item for item in _pending(stage) if item.amount == 1_500]
    with pytest.raises(InvalidRequestError, match="The amount of a proration cannot be changed"):
        stage.client.v1.invoice_items.update(debit.id, {"amount": 1})


def test_time_that_an_end_won_back_is_given_back_if_it_is_charged(stage: Stage) -> None:
    """An end comes earlier and is undone: of three parts of the month the last is not charged."""
    made = _subscribed(stage, "flexible", 3_100)
    stage.until("2024-01-11")
    for end in (at("2024-01-22"), ""):
        stage.change(made, cancel_at=end, proration_behavior="create_prorations")
    assert _amounts(stage) == [-1_000, 1_000]
    _delete(stage, 1_000)
    _cancel(stage, made)
    assert _amounts(stage) == [-1_100, -1_000]


@_MODES
@pytest.mark.parametrize(
    ("resumed", "credit"), [("none", None), ("create_prorations", -500)], ids=str
)
def test_time_that_a_pause_gave_back_comes_back_again_only_if_it_was_charged_again(
    stage: Stage, mode: str, resumed: str, credit: int | None
) -> None:
    made = _subscribed(stage, mode)
    stage.until(_HALFWAY)
    subscriptions = stage.client.v1.subscriptions
    subscriptions.pause(made.id, {"type": "subscription"})
    how: Any = {"billing_cycle_anchor": "unchanged", "proration_behavior": resumed}
    subscriptions.resume(made.id, how)
    _cancel(stage, made)
    again = [] if credit is None else [credit, -credit]
    assert _amounts(stage) == sorted([-500, *again])


@pytest.mark.parametrize(
    ("mode", "back"), [("classic", [-1_500, 1_500]), ("flexible", [-1_500, -500, 1_500])]
)
def test_what_a_deleted_credit_gave_back_comes_back_by_a_later_change(
    stage: Stage, mode: str, back: list[int]
) -> None:
    """Flexible mode gives back all that was billed, classic mode the price of now."""
    made = _upgraded(stage, mode)
    _delete(stage, -500)
    _cancel(stage, made)
    assert _amounts(stage) == back


@pytest.mark.parametrize("order", [(-500, 1_500), (1_500, -500)])
@pytest.mark.parametrize(
    ("mode", "credits_"), [("classic", []), ("flexible", [(-500, "Unused time on Small")])]
)
def test_what_was_billed_comes_back_though_all_prorations_of_a_change_are_deleted(
    stage: Stage, mode: str, credits_: list[tuple[int, str]], order: tuple[int, int]
) -> None:
    """As after a change without proration; classic mode, by the price of now, gives nothing."""
    made = _upgraded(stage, mode)
    for one in order:
        _delete(stage, one)
    _cancel(stage, made)
    left = [(item.amount, item.description.split(" after")[0]) for item in _pending(stage)]
    assert left == credits_


@_MODES
def test_a_deleted_credit_of_a_deleted_debit_gives_nothing_back(stage: Stage, mode: str) -> None:
    made = _upgraded(stage, mode)
    _swap(stage, made, 2_000)
    for one in (-1_500, 1_500, 1_000):
        _delete(stage, one)
    _cancel(stage, made)
    assert _amounts(stage) == [-500]
