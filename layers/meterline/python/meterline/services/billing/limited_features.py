"""Features of products with a limit of usage: from then on the usage of its meter is watched."""

from typing import TYPE_CHECKING

from meterline.services.base.context import Context
from meterline.services.base.lookups import find
from meterline.services.catalog import product_features
from meterline.services.metering.watch_list import Purpose, enter_meter
from meterline.store.base.documents import Body

if TYPE_CHECKING:
    from meterline.core.base.wire import ProductFeature


def attach_feature(ctx: Context, product_id: str, params: Body) -> "ProductFeature":
    """Attach an active feature to a product that does not have it.

    ``meterline[limit]`` says how much usage of a meter comes with it in each period. Its meter is
    entered before the commit, as the watch list asks for.
    """
    attachment, change = product_features.new_attachment(ctx, product_id, params)
    limit = params.get(product_features.FIELD, {}).get("limit")
    if limit is not None:
        param = f"{product_features.FIELD}[limit][meter]"
        enter_meter(ctx, Purpose.LIMITS, find(ctx, "billing.meter", limit["meter"], param=param).id)
    ctx.save(change, result_id=attachment["id"])
    return attachment
