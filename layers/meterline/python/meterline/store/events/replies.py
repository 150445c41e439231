"""What came of sending an event somewhere."""

from meterline.core.base.frozen import frozen


@frozen
class Reply:
    """What came of it: the status of the answer, if one came, and why that is no success."""

    status: int | None
    milliseconds: int
    error: str | None = None

    @property
    def is_success(self) -> bool:
        """Whether the endpoint has taken what was sent."""
        return self.error is None
