"""Older names of parameters, read as they are called now.

A subscription had one ``plan`` and one ``quantity`` beside it, a ``coupon`` instead of discounts,
and ``prorate`` instead of three ways to prorate; a promotion code had a ``coupon``. SDKs of those
years send these names still.
"""

from collections.abc import Callable, Mapping
from typing import Any, override

from meterline.api.params.groups import Object
from meterline.api.params.kinds import Param, Params
from meterline.api.params.refusals import Raw
from meterline.api.params.specs import boolean, integer, string
from meterline.core.base.frozen import frozen

type Form = dict[str, Raw]
type Translation = Callable[[Form], None]
"""Changes a form in place."""

ONLY_ITEM: Mapping[str, Param] = {"plan": string(), "quantity": integer(minimum=0)}
"""What an update says of the only item."""

_ITEM = ("plan", "price", "quantity")


@frozen(kw_only=True)
class Renamed(Object):
    """Named parameters some of which have older names."""

    translations: tuple[Translation, ...] = ()

    @override
    def convert(self, raw: Raw, name: str) -> Params:
        """The parameters, whichever of their names were used."""
        if not isinstance(raw, Mapping):
            return Object.convert(self, raw, name)
        form = dict(raw)
        for translate in self.translations:
            translate(form)
        return Object.convert(self, form, name)

    @override
    def takes_as_is(self, raw: Raw) -> bool:
        """No: an older name may be among them."""
        return False


def renamed(params: Object, *translations: Translation) -> Renamed:
    """The same parameters, also under their older names."""
    return Renamed(
        fields=params.fields,
        exclusive=params.exclusive,
        one_of=params.one_of,
        translations=translations,
    )


def prorate(form: Form) -> None:
    """``prorate`` says whether a change is prorated."""
    if "prorate" in form and "proration_behavior" not in form:
        prorates: Any = boolean().read(form.pop("prorate"), "prorate")
        form["proration_behavior"] = "create_prorations" if prorates else "none"


def only_discount(form: Form) -> None:
    """``coupon`` or ``promotion_code`` is the only discount; an empty one takes all away."""
    for name in ("coupon", "promotion_code"):
        if name in form and "discounts" not in form:
            redeemed = form.pop(name)
            form["discounts"] = redeemed if redeemed in ("", None) else [{name: redeemed}]


def only_item(form: Form) -> None:
    """``plan`` (or ``price``) and ``quantity`` are those of the only item."""
    if "items" not in form and ("plan" in form or "price" in form):
        form["items"] = [{name: form.pop(name) for name in _ITEM if name in form}]


def promoted_coupon(form: Form) -> None:
    """``coupon`` is what a promotion code is for."""
    if "coupon" in form and "promotion" not in form:
        form["promotion"] = {"type": "coupon", "coupon": form.pop("coupon")}
