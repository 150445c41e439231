"""How values look in the console."""

import pytest

from meterline.api.console import formats


@pytest.mark.parametrize(
    ("count", "seconds", "shown"),
    [
        (0, 86_400, "0"),
        (1, 86_400, "0.0000116"),
        (110, 86_400, "0.00127"),
        (86_400, 86_400, "1"),
        (1_080_000, 86_400, "12.5"),
        (110_592_000, 86_400, "1,280"),
        (10**12, 86_400, "11,600,000"),
    ],
)
def test_a_rate_has_three_digits(count: int, seconds: int, shown: str) -> None:
    assert formats.rate(count, seconds) == shown
