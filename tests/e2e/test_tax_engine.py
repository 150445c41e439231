"""A tax engine as a function of its own, which the deployed functions call with their rights."""

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
import stripe

from local.aws import TAX_ENGINE, Stack
from tests.unit.test_tax_engine_page import ENGINE

type Client = stripe.StripeClient

MAY_RUN = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}


def packed(source: str) -> bytes:
    """The archive of a function that is one file."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packing:
        packing.writestr("app.py", source)
    return archive.getvalue()


@pytest.fixture
def engine(deployed: Stack) -> Iterator[None]:
    """The engine of the page about engines, deployed beside the stack."""
    functions, iam = deployed.client("lambda"), deployed.client("iam")
    policy = json.dumps(MAY_RUN)
    role = iam.create_role(RoleName=TAX_ENGINE, AssumeRolePolicyDocument=policy)["Role"]["Arn"]
    functions.create_function(
        FunctionName=TAX_ENGINE,
        Runtime="python3.13",
        Role=role,
        Handler="app.handler",
        Code={"ZipFile": packed(ENGINE)},
    )
    functions.get_waiter("function_active_v2").wait(FunctionName=TAX_ENGINE)
    try:
        yield
    finally:
        functions.delete_function(FunctionName=TAX_ENGINE)
        iam.delete_role(RoleName=TAX_ENGINE)


def drafted(client: Client, country: str) -> Any:
    """A draft of a hundred euros for a customer in a country, its taxes by the engine."""
    customer = client.v1.customers.create({"address": {"country": country}}).id
    draft = client.v1.invoices.create(
        {"customer": customer, "currency": "eur", "automatic_tax": {"enabled": True}}
    )
    line: Any = {"amount": 10_000, "description": "Work"}
    return client.v1.invoices.add_lines(str(draft.id), {"lines": [line]})


@pytest.mark.usefixtures("engine")
def test_an_invoice_has_the_taxes_that_the_engine_computes(client: Client) -> None:
    draft = drafted(client, "DE")
    assert (draft.automatic_tax.status, draft.total) == ("complete", 11_900)
    final = client.v1.invoices.finalize_invoice(draft.id)
    assert (final.status, final.total, final.total_excluding_tax) == ("open", 11_900, 10_000)
    nowhere = drafted(client, "US")
    assert nowhere.automatic_tax.status == "requires_location_inputs"


def test_without_the_engine_s_answer_the_invoice_stays_a_draft(client: Client) -> None:
    draft = drafted(client, "DE")
    assert (draft.status, draft.automatic_tax.status) == ("draft", "failed")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.invoices.finalize_invoice(draft.id)
    assert refused.value.code == "taxes_calculation_failed"
