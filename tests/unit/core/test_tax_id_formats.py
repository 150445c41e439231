"""Tax ids are written as their type is, and tell which country they are of."""

import json

import pytest

from meterline.core.base.errors import BillingError
from meterline.core.billing.tax_id_formats import TYPES, country_of
from tests.engines import ROOT

# type | value | country
WELL_WRITTEN = [
    ("eu_vat", "ATU12345678", "AT"),
    ("eu_vat", "BE0123456789", "BE"),
    ("eu_vat", "CY12345678Z", "CY"),
    ("eu_vat", "DE123456789", "DE"),
    ("eu_vat", "EL123456789", "GR"),
    ("eu_vat", "ESA1234567Z", "ES"),
    ("eu_vat", "FRAB123456789", "FR"),
    ("eu_vat", "IE1234567AB", "IE"),
    ("eu_vat", "LT123456789123", "LT"),
    ("eu_vat", "NL123456789B12", "NL"),
    ("eu_vat", "SE123456789123", "SE"),
    ("eu_vat", "XI123456789", "GB"),
    ("eu_oss_vat", "EU123456789", None),
    ("gb_vat", "GB123456789", "GB"),
    ("gb_vat", "GBGD123", "GB"),
    ("ch_vat", "CHE-123.456.789 MWST", "CH"),
    ("ch_vat", "CHE123456789TVA", "CH"),
    ("no_vat", "123456789MVA", "NO"),
    ("us_ein", "12-3456789", "US"),
    ("ca_gst_hst", "123456789RT0002", "CA"),
    ("au_abn", "12345678912", "AU"),
    ("in_gst", "12ABCDE3456FGZH".replace("FGZH", "F1ZH"), "IN"),
    ("jp_trn", "T1234567891234", "JP"),
    ("ic_nif", "A1234567Z", "ES"),
    ("ae_trn", "whatever the office writes", "AE"),
]


@pytest.mark.parametrize(("type_", "value", "country"), WELL_WRITTEN)
def test_a_value_that_is_written_well_tells_its_country(
    type_: str, value: str, country: str | None
) -> None:
    assert country_of(type_, value, "value") == country


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("eu_vat", "DE12345678"),
        ("eu_vat", "de123456789"),
        ("eu_vat", "DE 123456789"),
        ("eu_vat", "123456789"),
        ("eu_vat", "GB123456789"),
        ("eu_vat", "US123456789"),
        ("eu_vat", "D"),
        ("gb_vat", "123456789"),
        ("ch_vat", "CHE-123.456.789"),
        ("us_ein", "123-456789"),
        ("us_ein", "\u0661\u0662-3456789"),
        ("jp_trn", "1234567891234"),
    ],
)
def test_a_value_that_is_not_is_refused(type_: str, value: str) -> None:
    with pytest.raises(BillingError, match=f"Invalid value for {type_}") as refused:
        country_of(type_, value, "tax_id_data[0][value]")
    assert (refused.value.code, refused.value.param) == ("tax_id_invalid", "tax_id_data[0][value]")


def test_all_types_of_the_schema_are_known() -> None:
    path = ROOT / "layers/meterline/python/meterline/api/stripe.schema.json"
    schema = json.loads(path.read_text())["$defs"]["invoice:CustomerTaxId"]
    assert {*TYPES, "unknown"} == set(schema["properties"]["type"]["enum"])
