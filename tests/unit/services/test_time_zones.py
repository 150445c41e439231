"""Time zones are those of the IANA database, the same on every machine."""

from zoneinfo import ZoneInfo

import pytest

from meterline.core.base.errors import BillingError
from meterline.services.metering.time_zones import time_zone


@pytest.mark.parametrize(
    "name",
    ["UTC", "Etc/UTC", "Europe/Berlin", "Asia/Calcutta", "US/Eastern", "GMT+0", "America/Nuuk"],
)
def test_a_name_of_the_database_is_taken(name: str) -> None:
    assert time_zone(name) == ZoneInfo(name)


@pytest.mark.parametrize(
    "name",
    [
        *("localtime", "posixrules", "Factory", "right/UTC", "posix/Europe/Berlin"),
        *(
            "",
            "Europe",
            "Mars/Olympus",
            "europe/berlin",
            " UTC",
            "../etc/passwd",
            "Europe/./Berlin",
        ),
        *("tzdata.zi", "UTC\nGMT", "\x00"),
    ],
)
def test_any_other_name_is_refused_even_if_the_machine_knows_it(name: str) -> None:
    with pytest.raises(BillingError) as refused:
        time_zone(name)
    assert refused.value.param == "timezone"
