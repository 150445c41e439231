"""Who computes the taxes of a phase, and which tax ids of the seller its invoices show."""

from collections.abc import Iterator
from typing import Any

import pytest
import stripe

from tests.integration.api.conftest import Api
from tests.integration.stories.schedules import again, months, phase, schedule, update
from tests.integration.stories.stage import Stage
from tests.tax_engine import TaxEngine, deployed

ON: dict[str, Any] = {"automatic_tax": {"enabled": True}}
OFF: dict[str, Any] = {"automatic_tax": {"enabled": False}}


@pytest.fixture
def stage(api: Api) -> Stage:
    return Stage(api, "2024-01-01", currency="eur")


@pytest.fixture
def engine(stage: Stage) -> Iterator[TaxEngine]:
    """An engine that adds 19 per cent."""
    del stage
    with deployed() as running:
        yield running


PHASES: list[tuple[dict[str, Any], list[dict[str, Any]], list[int]]] = [
    (ON, [{}, OFF, ON], [1190, 1000, 1190]),
    (ON, [OFF, {}, {"automatic_tax": ""}], [1000, 1190, 1190]),
    ({}, [{}, ON, {}], [1000, 1190, 1000]),
    (OFF, [ON, {}, OFF], [1190, 1000, 1000]),
]
"""What a schedule says, what each of its phases says, and what they bill."""


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize(("settings", "own", "totals"), PHASES)
def test_a_phase_or_else_its_schedule_says_whether_the_engine_computes_taxes(
    stage: Stage, settings: dict[str, Any], own: list[dict[str, Any]], totals: list[int]
) -> None:
    price = stage.price("Plan", 1000)
    schedule(stage, *[phase(price, **months(1), **one) for one in own], default_settings=settings)
    stage.until("2024-03-02")
    assert [total for _, total in stage.totals()] == totals


@pytest.mark.usefixtures("engine")
def test_an_update_says_so_of_the_running_phase_at_once(stage: Stage) -> None:
    price = stage.price("Plan", 1000)
    made = schedule(stage, phase(price, **months(3)))
    start = made.phases[0].start_date
    update(stage, made, phase(price, start_date=start, **months(3), **ON))
    assert stage.client.v1.subscriptions.retrieve(made.subscription).automatic_tax.enabled
    update(stage, made, phase(price, start_date=start, **months(3)), default_settings=ON)
    stage.until("2024-02-02")
    assert stage.invoices()[-1].total == 1190
    assert again(stage, made).default_settings.automatic_tax.liability.type == "self"


@pytest.mark.usefixtures("engine")
def test_what_a_subscription_itself_says_goes_on_where_phases_agree(stage: Stage) -> None:
    price = stage.price("Plan", 1000)
    made = schedule(stage, *[phase(price, **months(1)) for _ in range(2)])
    stage.client.v1.subscriptions.update(made.subscription, ON)
    stage.until("2024-02-02")
    assert stage.invoices()[-1].total == 1190


@pytest.mark.usefixtures("engine")
def test_a_schedule_of_a_subscription_has_what_that_says(stage: Stage) -> None:
    subscription = stage.subscribe(stage.price("Plan", 1000), **ON)
    made = stage.client.v1.subscription_schedules.create({"from_subscription": subscription.id})
    assert made.default_settings.automatic_tax.enabled


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"default_settings": ON}, "default_settings[automatic_tax][enabled]"),
        ({"phases": [ON]}, "phases[0][automatic_tax][enabled]"),
        (
            {"default_settings": {"invoice_settings": {"account_tax_ids": ["txi_no"]}}},
            "default_settings[invoice_settings][account_tax_ids][0]",
        ),
        (
            {"phases": [{}, {"invoice_settings": {"account_tax_ids": ["txi_no"]}}]},
            "phases[1][invoice_settings][account_tax_ids][0]",
        ),
    ],
)
def test_what_no_deployment_or_account_has_is_refused(
    stage: Stage, params: dict[str, Any], param: str
) -> None:
    price = stage.price("Plan", 1000)
    phases = [phase(price, **months(1), **one) for one in params.get("phases", [{}])]
    with pytest.raises(stripe.InvalidRequestError) as refused:
        schedule(stage, *phases, **{key: params[key] for key in params if key != "phases"})
    assert refused.value.param == param
    assert stage.client.v1.subscription_schedules.list({}).data == []


def test_invoices_show_the_tax_ids_that_were_agreed_on(stage: Stage) -> None:
    tax_ids, price = stage.client.v1.tax_ids, stage.price("Plan", 1000)
    seller = {"owner": {"type": "self"}, "type": "eu_vat"}
    first, second = (
        tax_ids.create({**seller, "value": value}).id for value in ("DE123456789", "FR12345678901")
    )
    made = schedule(
        stage,
        phase(price, **months(1)),
        phase(price, **months(1), invoice_settings={"account_tax_ids": [second]}),
        phase(price, **months(1)),
        default_settings={"invoice_settings": {"account_tax_ids": [first]}},
    )
    assert made.phases[1].invoice_settings.account_tax_ids == [second]
    tax_ids.delete(second)
    stage.until("2024-03-02")
    assert [one.account_tax_ids for one in stage.invoices()] == [[first], [second], [first]]
