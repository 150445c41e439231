"""The one kind of refusal that every floor raises and the wire renders."""


class BillingError(Exception):
    """A request that the contract refuses; nothing was changed.

    ``message`` tells the caller what to do. ``code``, ``param``, ``status`` and ``type`` are the
    fields of Stripe's error object (contract section 1.6).
    """

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        status: int = 400,
        type: str = "invalid_request_error",  # noqa: A002 - the field's name on the wire
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.param = param
        self.status = status
        self.type = type


def param_inside(parent: str, name: str) -> str:
    """The name of a parameter inside ``parent``, or at the top if that is empty."""
    return f"{parent}[{name}]" if parent else name


def no_such(
    noun: str, object_id: str, *, param: str = "id", status: int | None = None, more: str = ""
) -> BillingError:
    """The refusal of a missing object: 404 if it stands in the path (``param="id"``), else 400,
    unless ``status`` says otherwise.
    """
    return BillingError(
        f"No such {noun}: '{object_id}'{more}",
        code="resource_missing",
        param=param,
        status=status or (404 if param == "id" else 400),
    )


def in_the_past(param: str, instant: int) -> BillingError:
    """The refusal of an instant that has passed."""
    return BillingError(
        f"The parameter `{param}` expects a unix timestamp representing a date and time in the"
        f" future. You specified the value `{instant}` which is in the past.",
        param=param,
    )


def lower_case_key(currency: str, param: str) -> None:
    """Refuse a currency that is the key of a map in capitals."""
    if currency != currency.lower():
        raise BillingError(
            "Currencies must be lowercase when used as keys in a map. Use"
            f" `{currency.lower()}` instead of `{currency}`.",
            param=param,
        )
