"""Metadata: the caller's own key-value pairs on an object."""

from collections.abc import Mapping
from typing import Any


def merged_metadata(stored: Mapping[str, str], given: Mapping[str, Any] | Any) -> dict[str, str]:  # noqa: ANN401 - UNSET is the wire's
    """Metadata after an update: keys are merged, an unset value removes its key, unset all of them."""
    if not given:
        return {}
    merged = {**stored, **given}
    return {key: value for key, value in merged.items() if value}
