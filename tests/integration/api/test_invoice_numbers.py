"""Invoice numbers: no two final invoices of a mode have the same, and none keeps a bill waiting."""

import random
from typing import Any

import pytest
import stripe

from meterline.services.account.api_keys import create_key
from tests.integration.api.conftest import Api, Client
from tests.integration.stories.stage import Stage


@pytest.fixture
def stage(api: Api) -> Stage:
    return Stage(api, "2024-01-01")


def customer(client: Client, prefix: str, **params: Any) -> str:
    return str(client.v1.customers.create({"invoice_prefix": prefix, **params}).id)


def draft(client: Client, payer: str, **params: Any) -> str:
    made = client.v1.invoices.create({"customer": payer, "currency": "usd", **params})
    client.v1.invoice_items.create(
        {"customer": payer, "amount": 1_000, "currency": "usd", "invoice": made.id}
    )
    return str(made.id)


def final(client: Client, payer: str, **params: Any) -> str:
    """The number of a new final invoice."""
    invoice = client.v1.invoices.finalize_invoice(draft(client, payer, **params))
    return str(invoice.number)


def refused(call: Any) -> stripe.InvalidRequestError:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        call()
    return refusal.value


def test_a_number_given_twice_is_refused(client: Client) -> None:
    """When it is given, and when another invoice became final with it meanwhile."""
    first, second = customer(client, "AAA"), customer(client, "BBB")
    waiting = draft(client, second, number="R-1")
    assert final(client, first, number="R-1") == "R-1"
    again = refused(lambda: final(client, second, number="R-1"))
    assert (again.http_status, again.param) == (400, "number")
    late = refused(lambda: client.v1.invoices.finalize_invoice(waiting))
    assert (late.http_status, late.param) == (400, "number")
    assert client.v1.invoices.retrieve(waiting).status == "draft"
    client.v1.invoices.update(waiting, {"number": ""})
    assert client.v1.invoices.finalize_invoice(waiting).number == "BBB-0001"


def test_a_number_of_a_sequence_cannot_be_given(client: Client) -> None:
    assert final(client, customer(client, "AAA")) == "AAA-0001"
    other = customer(client, "BBB")
    assert refused(lambda: draft(client, other, number="AAA-0001")).param == "number"


def test_a_sequence_passes_over_numbers_that_were_given(client: Client) -> None:
    first, second = customer(client, "AAA"), customer(client, "BBB")
    for number in ("AAA-0001", "AAA-0002", "AAA-0004"):
        final(client, second, number=number)
    assert [final(client, first) for _ in range(2)] == ["AAA-0003", "AAA-0005"]
    assert client.v1.customers.retrieve(first).next_invoice_sequence == 6


def test_an_invoice_of_a_subscription_passes_over_them_too(stage: Stage) -> None:
    prefix = stage.client.v1.customers.retrieve(stage.customer).invoice_prefix
    other = customer(stage.client, "BBB")
    for sequence in (1, 2, 4):
        final(stage.client, other, number=f"{prefix}-{sequence:04}")
    stage.subscribe(stage.price("Seat", 1_000))
    stage.until("2024-02-02")
    assert [invoice.number for invoice in stage.invoices()] == [f"{prefix}-0003", f"{prefix}-0005"]


def test_a_draft_that_advances_to_a_taken_number_waits_for_a_person(stage: Stage) -> None:
    client = stage.client
    waiting = draft(client, stage.customer, number="R-1", auto_advance=True)
    final(client, customer(client, "BBB"), number="R-1")
    stage.until("2024-01-03")
    stopped = client.v1.invoices.retrieve(waiting)
    assert (stopped.status, stopped.auto_advance) == ("draft", False)
    assert stopped.last_finalization_error["param"] == "number"
    told = client.v1.events.list({"type": "invoice.finalization_failed"}).data
    assert [event.data.object["id"] for event in told] == [waiting]
    client.v1.invoices.update(waiting, {"number": "R-2"})
    done = client.v1.invoices.finalize_invoice(waiting)
    assert (done.number, done.last_finalization_error) == ("R-2", None)


def test_a_prefix_belongs_to_its_customer_for_good(client: Client) -> None:
    first, second = customer(client, "AAA"), customer(client, "BBB")
    assert final(client, first) == "AAA-0001"
    client.v1.customers.update(first, {"invoice_prefix": "CCC"})
    assert final(client, first) == "CCC-0002"
    for take in (
        lambda: client.v1.customers.update(second, {"invoice_prefix": "AAA"}),
        lambda: customer(client, "AAA"),
    ):
        assert refused(take).param == "invoice_prefix"
    client.v1.customers.delete(second)
    assert refused(lambda: customer(client, "BBB")).param == "invoice_prefix"
    client.v1.customers.update(first, {"invoice_prefix": "AAA"})
    assert final(client, first) == "AAA-0003"


def test_void_invoices_and_deleted_customers_keep_their_numbers(client: Client) -> None:
    first, second = customer(client, "AAA"), customer(client, "BBB")
    voided = draft(client, first, number="R-1")
    client.v1.invoices.finalize_invoice(voided)
    client.v1.invoices.void_invoice(voided)
    client.v1.customers.delete(first)
    assert refused(lambda: draft(client, second, number="R-1")).param == "number"


def test_a_deleted_clock_leaves_no_numbers(stage: Stage) -> None:
    client = stage.client
    assert final(client, stage.customer, number="R-1") == "R-1"
    client.v1.test_helpers.test_clocks.delete(stage.clock)
    stage.work_on_clock()
    assert final(client, customer(client, "BBB"), number="R-1") == "R-1"


def test_modes_have_numbers_of_their_own(api: Api, client: Client) -> None:
    live = api.client(create_key(livemode=True, name="live").secret)
    for one in (client, live):
        assert final(one, customer(one, "AAA"), number="R-1") == "R-1"


@pytest.mark.parametrize("seed", range(3))
def test_no_two_final_invoices_have_one_number(client: Client, seed: int) -> None:
    """Random customers, prefixes, given numbers and sequences."""
    chance = random.Random(seed)
    prefixes = ["AAA", "BBB", "CCC"]
    payers = [customer(client, one) for one in prefixes]
    numbers, refusals = [], set()
    for _ in range(14):
        payer = chance.choice(payers)
        given = f"{chance.choice(prefixes)}-{chance.randint(1, 4):04}"
        chosen = chance.random()
        try:
            if chosen < 0.2:
                prefix = chance.choice([*prefixes, "DDD"])
                client.v1.customers.update(payer, {"invoice_prefix": prefix})
            elif chosen < 0.6:
                numbers.append(final(client, payer, number=given))
            else:
                numbers.append(final(client, payer))
        except stripe.InvalidRequestError as refusal:
            refusals.add(refusal.param)
    assert refusals <= {"number", "invoice_prefix"}
    assert len(numbers) > 3
    assert len(set(numbers)) == len(numbers)
