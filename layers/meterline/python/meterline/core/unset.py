"""The value of a field that the caller wants cleared, as opposed to one not mentioned at all."""

from enum import Enum
from typing import Any, Final


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


def merged_metadata(stored: dict[str, str], given: Any) -> dict[str, str]:  # noqa: ANN401 - or UNSET
    """Metadata after an update: given keys replace, an empty value removes its key, UNSET all."""
    if given is UNSET:
        return {}
    merged: dict[str, Any] = {**stored, **(given or {})}
    return {key: value for key, value in merged.items() if value is not UNSET}
