"""Lines of invoices as the rules of the lives read them: with their private state."""

from collections.abc import Iterable
from typing import Any

from meterline.services.billing import tier_lines


def whole_lines(lines: Iterable[Any]) -> list[dict[str, Any]]:
    """The lines with those of one price's tiers as one (``tier_lines.whole_lines``)."""
    return [dict(line) for line in tier_lines.whole_lines(lines)]
