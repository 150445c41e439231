"""What DynamoDB says when it refuses."""

from typing import Any


class Refused(Exception):  # noqa: N818 - it is what DynamoDB answers, no fault of ours
    """An answer with an error; ``more`` stands beside the code and the message."""

    def __init__(self, code: str, message: str, **more: Any) -> None:
        super().__init__(f"{code}: {message}")
        self.response: dict[str, Any] = {"Error": {"Code": code, "Message": message}, **more}


def invalid(message: str) -> Refused:
    """A request that DynamoDB does not take."""
    return Refused("ValidationException", message)


def invalid_value(message: str) -> Refused:
    """A request with a value that DynamoDB does not take."""
    return invalid(f"One or more parameter values were invalid: {message}")
