"""Specifications of parameters, written so that they read as documentation.

    CREATE_METER = object_(
        display_name=string(required=True, max_length=250),
        default_aggregation=object_(
            formula=enum("count", "last", "sum", required=True), required=True
        ),
        event_time_window=enum("day", "hour"),
        metadata=metadata(),
    )
    params = CREATE_METER.parse(raw)

``parse`` answers with a dict that holds the given parameters only, as Python values: str, int,
bool, Decimal, list, dict. An empty string on an ``emptyable`` parameter gives ``UNSET``: the caller
wants the field cleared. The first wrong parameter raises BillingError with Stripe's code, message
and ``param`` (``items[0][price]``). Unknown parameters are refused before anything else.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from meterline.api.params.groups import Array, Map, Object
from meterline.api.params.kinds import (
    MAX_STRING,
    MAX_TIMESTAMP,
    Boolean,
    DecimalNumber,
    Either,
    Integer,
    OneOf,
    Param,
    Params,
    String,
)
from meterline.api.params.refusals import exclusive, missing
from meterline.core.base.unset import MAX_METADATA_KEYS

__all__ = [
    "RANGE",
    "Array",
    "Boolean",
    "DecimalNumber",
    "Either",
    "Integer",
    "Map",
    "Object",
    "OneOf",
    "Param",
    "Params",
    "String",
    "array",
    "boolean",
    "decimal_",
    "either",
    "enum",
    "exclusive",
    "integer",
    "map_",
    "metadata",
    "missing",
    "object_",
    "string",
    "timestamp",
]


def string(
    *,
    required: bool = False,
    emptyable: bool = False,
    max_length: int = MAX_STRING,
    pattern: str = "",
    hint: str = "",
    lower: bool = False,
    blank: bool = False,
) -> String:
    """Text; ``pattern`` must match all of it, ``lower`` folds it to lower case first. Where it may
    be ``blank`` an empty text is a value like others.
    """
    return String(
        required=required,
        emptyable=emptyable,
        max_length=max_length,
        pattern=pattern,
        hint=hint,
        lower=lower,
        blank=blank,
    )


def integer(
    *,
    required: bool = False,
    emptyable: bool = False,
    minimum: int | None = None,
    maximum: int | None = None,
) -> Integer:
    """A whole number."""
    return Integer(required=required, emptyable=emptyable, minimum=minimum, maximum=maximum)


def timestamp(*, required: bool = False, emptyable: bool = False) -> Integer:
    """An instant in UTC seconds."""
    return Integer(required=required, emptyable=emptyable, minimum=0, maximum=MAX_TIMESTAMP)


def decimal_(
    *,
    required: bool = False,
    emptyable: bool = False,
    minimum: int | None = None,
    maximum: int | None = None,
    places: int = 12,
) -> DecimalNumber:
    """An exact decimal number."""
    return DecimalNumber(
        required=required,
        emptyable=emptyable,
        minimum=None if minimum is None else Decimal(minimum),
        maximum=None if maximum is None else Decimal(maximum),
        places=places,
    )


def boolean(*, required: bool = False, emptyable: bool = False) -> Boolean:
    """True or false."""
    return Boolean(required=required, emptyable=emptyable)


def enum(
    *values: str,
    required: bool = False,
    emptyable: bool = False,
    refused: Mapping[str, str] | None = None,
) -> OneOf:
    """One of ``values``; refusals of the ``refused`` ones say why."""
    return OneOf(required=required, emptyable=emptyable, values=values, refused=refused or {})


def either(*options: Param, required: bool = False, emptyable: bool = False) -> Either:
    """The first of ``options`` that fits, e.g. ``either(enum("now"), timestamp())``."""
    return Either(required=required, emptyable=emptyable, options=options)


def array(
    item: Param,
    *,
    required: bool = False,
    emptyable: bool = False,
    max_items: int = 100,
    min_items: int = 0,
) -> Array:
    """A list of ``item``."""
    return Array(
        required=required,
        emptyable=emptyable,
        item=item,
        max_items=max_items,
        min_items=min_items,
    )


def map_(
    value: Param, *, required: bool = False, emptyable: bool = False, max_keys: int = 100
) -> Map:
    """Values of one kind under free keys."""
    return Map(required=required, emptyable=emptyable, value=value, max_keys=max_keys)


def metadata(*, emptyable: bool = True) -> Map:
    """Stripe's metadata: at most 50 keys of 40 characters, values of 500; "" removes a key."""
    return Map(
        emptyable=emptyable,
        value=String(max_length=500, emptyable=emptyable),
        max_keys=MAX_METADATA_KEYS,
        key_length=40,
        key_noun="metadata key",
    )


def object_(
    fields: Mapping[str, Param] | None = None,
    /,
    *,
    required: bool = False,
    emptyable: bool = False,
    exclusive: Iterable[tuple[str, ...]] = (),
    one_of: Iterable[tuple[str, ...]] = (),
    **more: Param,
) -> Object:
    """Named parameters, given as keywords, or in a dict where a name is a word of Python."""
    return Object(
        required=required,
        emptyable=emptyable,
        fields={**(fields or {}), **more},
        exclusive=tuple(exclusive),
        one_of=tuple(one_of),
    )


RANGE = either(
    object_(gt=timestamp(), gte=timestamp(), lt=timestamp(), lte=timestamp()), timestamp()
)
"""``created=…`` or ``created[gte]=…``: a list's filter by time."""
