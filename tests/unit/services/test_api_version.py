"""Which versions of Stripe's API a client may name."""

import inspect
import re

import stripe.params
from stripe import _api_version

from meterline.services.base.api_version import API_VERSION, KNOWN_VERSIONS


def test_the_known_versions_are_those_that_the_sdk_lists() -> None:
    source = inspect.getsource(stripe.params.WebhookEndpointCreateParams)
    assert set(re.findall(r'"(\d{4}-\d\d-\d\d[.a-z]*)"', source)) == KNOWN_VERSIONS


def test_meterline_speaks_the_version_of_the_sdk() -> None:
    assert _api_version._ApiVersion.CURRENT == API_VERSION  # noqa: SLF001 - has no public name
    assert API_VERSION in KNOWN_VERSIONS
