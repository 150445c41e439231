"""The value of a field that the caller wants cleared, as opposed to one not mentioned at all."""

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

from meterline.core.base.errors import BillingError

MAX_METADATA_KEYS: Final = 50
"""How many keys the metadata of an object has at most."""


class Unset(Enum):
    """The type of ``UNSET``."""

    UNSET = "UNSET"

    def __bool__(self) -> bool:
        """False, so that ``params.get("email") or None`` clears a field."""
        return False


UNSET: Final = Unset.UNSET


def or_none(value: Any) -> Any:  # noqa: ANN401 - any field
    """What is stored for ``value``: null for a cleared field."""
    return None if value is UNSET else value


def merged_metadata(
    stored: Mapping[str, str],
    requested: Any,  # noqa: ANN401 - a map, None or UNSET
    param: str = "metadata",
) -> dict[str, str]:
    """Metadata after an update: given keys replace, an empty value removes its key, UNSET all.

    A new object has none stored. BillingError names ``param`` where more than 50 keys would stand.
    """
    if requested is UNSET:
        return {}
    pairs: dict[str, Any] = {**stored, **(requested or {})}
    merged = {key: value for key, value in pairs.items() if value is not UNSET}
    if len(merged) > MAX_METADATA_KEYS:
        raise BillingError(
            f"Metadata can have up to {MAX_METADATA_KEYS} keys, but you've set {len(merged)}.",
            param=param,
        )
    return merged
