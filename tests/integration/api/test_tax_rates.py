"""Tax rates: what they are never changes, what is said of them may."""

from random import Random
from typing import Any

import pytest
import stripe

from meterline.services.account.api_keys import create_key
from tests.integration.api.conftest import Api, Client

VAT = {"display_name": "VAT", "inclusive": False, "percentage": "19.0"}


def test_a_rate_says_what_it_was_made_with(client: Client) -> None:
    said = {
        "active": False,
        "country": "US",
        "description": "Of the state alone",
        "display_name": "Sales tax",
        "inclusive": True,
        "jurisdiction": "Texas",
        "metadata": {"own": "1"},
        "state": "TX",
        "tax_type": "sales_tax",
    }
    rate = client.v1.tax_rates.create({**said, "percentage": "6.2500"})
    shown = client.v1.tax_rates.retrieve(rate.id).to_dict()
    assert {name: shown[name] for name in said} == said
    assert (shown["percentage"], shown["effective_percentage"]) == (6.25, 6.25)
    assert rate.id.startswith("txr_")


@pytest.mark.parametrize(
    ("changed", "param"),
    [
        ({"percentage": "12.34567"}, "percentage"),
        ({"percentage": "100.01"}, "percentage"),
        ({"percentage": "-1"}, "percentage"),
        ({"percentage": "much"}, "percentage"),
        ({"inclusive": "partly"}, "inclusive"),
        ({"country": "Germany"}, "country"),
        ({"tax_type": "tithe"}, "tax_type"),
        ({"display_name": "x" * 51}, "display_name"),
        ({"metadata": {f"k{n}": Random(n).randbytes(240).hex() for n in range(50)}}, "metadata"),
    ],
)
def test_what_a_rate_cannot_be_is_refused(
    client: Client, changed: dict[str, Any], param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.tax_rates.create({**VAT, **changed})
    assert refused.value.param == param


@pytest.mark.parametrize("name", ["percentage", "inclusive"])
def test_what_a_rate_comes_to_never_changes(client: Client, name: str) -> None:
    rate = client.v1.tax_rates.create(VAT)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.tax_rates.update(rate.id, {name: "1"})
    assert (refused.value.code, refused.value.param) == ("parameter_unknown", name)


def test_words_of_a_rate_change_and_events_say_so(client: Client) -> None:
    rate = client.v1.tax_rates.create({**VAT, "description": "Old"})
    client.v1.tax_rates.update(rate.id, {"description": "", "display_name": "MwSt."})
    created, updated = (
        next(iter(client.v1.events.list({"type": f"tax_rate.{verb}"}).data))
        for verb in ("created", "updated")
    )
    assert (created.data.object["percentage"], created.data.object["display_name"]) == (19, "VAT")
    assert updated.data.object["description"] is None
    assert updated.data.previous_attributes.to_dict() == {
        "description": "Old",
        "display_name": "VAT",
    }


def test_lists_are_filtered(client: Client) -> None:
    made = {
        (active, inclusive): client.v1.tax_rates.create(
            {**VAT, "active": active, "inclusive": inclusive}
        ).id
        for active in (True, False)
        for inclusive in (True, False)
    }

    def listed(**filters: bool) -> set[str]:
        return {rate.id for rate in client.v1.tax_rates.list({"limit": 100, **filters}).data}

    ours = set(made.values())
    assert listed() & ours == ours
    assert listed(active=True) & ours == {made[True, True], made[True, False]}
    assert listed(inclusive=False) & ours == {made[True, False], made[False, False]}
    assert listed(active=False, inclusive=True) & ours == {made[False, True]}


@pytest.mark.parametrize(
    ("given", "param", "says"),
    [
        (["txr_nope"], "default_tax_rates[0]", "No such tax rate: 'txr_nope'"),
        (["{rate}", "{rate}"], "default_tax_rates[1]", "named twice"),
        (["{inactive}"], "default_tax_rates[0]", "is inactive"),
        (["{customer}"], "default_tax_rates[0]", "No such tax rate"),
        (["{rate}"] * 11, "default_tax_rates", "10"),
    ],
)
def test_rates_that_cannot_be_used_are_refused(
    client: Client, given: list[str], param: str, says: str
) -> None:
    known = {
        "rate": client.v1.tax_rates.create(VAT).id,
        "inactive": client.v1.tax_rates.create({**VAT, "active": False}).id,
        "customer": client.v1.customers.create({}).id,
    }
    rates = [one.format(**known) for one in given]
    with pytest.raises(stripe.InvalidRequestError, match=says) as refused:
        client.v1.invoices.create({"customer": known["customer"], "default_tax_rates": rates})
    assert refused.value.param == param
    assert client.v1.invoices.list({"customer": known["customer"]}).data == []


def test_a_rate_of_the_other_mode_is_none(api: Api, client: Client) -> None:
    live = api.client(create_key(livemode=True).secret)
    rate = live.v1.tax_rates.create(VAT)
    customer = client.v1.customers.create({})
    with pytest.raises(stripe.InvalidRequestError, match="No such tax rate"):
        client.v1.invoices.create({"customer": customer.id, "default_tax_rates": [rate.id]})


def test_a_rate_that_became_inactive_stays_where_it_is(client: Client) -> None:
    first, second = (client.v1.tax_rates.create(VAT).id for _ in range(2))
    customer = client.v1.customers.create({})
    draft = client.v1.invoices.create({"customer": customer.id, "default_tax_rates": [first]})
    client.v1.tax_rates.update(first, {"active": False})
    changed = client.v1.invoices.update(draft.id, {"default_tax_rates": [first, second]})
    assert [rate.id for rate in changed.default_tax_rates] == [first, second]
