"""The types of alerts: what each is about, and where its alerts stand.

``TYPES`` has one row for each type. Creating, moving, listing and telling go by it; how a crossing
is found is told where it is looked for (``alert_watch``). The terms of an alert are its field that
is named like the type.
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

from meterline.core.base.errors import BillingError
from meterline.core.base.money import format_decimal, known_currency
from meterline.core.credits.measures import parts_of
from meterline.core.metering.acceptance import measure_of
from meterline.services.base.context import Context
from meterline.services.base.lookups import find
from meterline.services.customers.customer_state import CreditAlert, CustomerState
from meterline.services.metering.watch_list import (
    Purpose,
    alerts_count,
    enter_customer,
    enter_everybody,
    enter_meter,
)
from meterline.store.base.documents import Body

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meterline.core.base.wire import (
        Alert,
        AlertCreditBalanceThresholdLte,
        AlertUsageThreshold,
        AlertUsageThresholdFilter,
        CreditMoney,
        CreditUnits,
        Customer,
        Meter,
        Subscription,
    )
    from meterline.store.base.documents import Count, Document

type Terms = Mapping[str, Any]
"""What an alert is on, as stored."""

MOST_IN_A_SET = 25


class AlertType:
    """What creating an alert of a type does, and what its terms say.

    The alerts of a type stand in sets that whoever watches reads: those not archived. A change of
    an alert writes its set, so that what is remembered of its alerts is void.
    """

    name: ClassVar[str]
    is_by_subscription: ClassVar[bool] = False
    """Whether each subscription is told of by itself, also where periods begin together."""

    limit: ClassVar[str]
    """What a set of alerts is for, in the words of the refusal of one too many."""

    def terms(self, ctx: Context, requested: Body) -> Terms:
        """The terms that a request asks for; what they name must be there."""
        raise NotImplementedError

    def set_of(self, terms: Terms) -> str:
        """The set that alerts on these terms stand in."""
        raise NotImplementedError

    def enter(self, ctx: Context, terms: Terms) -> None:
        """Have watched what an alert is about, before the alert is there."""
        raise NotImplementedError

    def written_beside(self, ctx: Context, alert: "Alert") -> "list[Document[Customer]]":  # noqa: ARG002 - of every type
        """What each change of an alert, which is as given then, writes besides it and its set."""
        return []

    def counted(self, ctx: Context, terms: Terms) -> "list[Count]":  # noqa: ARG002 - of every type
        """What each change of an alert on these terms counts up."""
        return []

    def parent(self, terms: Terms) -> str | None:  # noqa: ARG002 - of every type
        """The object that alerts are listed under, if any."""
        return None

    def customer(self, terms: Terms) -> str | None:
        """The customer that an alert is restricted to; None for all."""
        raise NotImplementedError

    def meter(self, terms: Terms) -> str | None:  # noqa: ARG002 - of every type
        """The meter that an alert is about, if it is about one."""
        return None

    def threshold(self, terms: Terms) -> int | Decimal:
        """The value that is compared."""
        raise NotImplementedError

    def told_of(self, terms: Terms, subscription: str | None) -> Terms:  # noqa: ARG002 - of every type
        """What is told of a crossing besides the value, when and whose it is."""
        return {}


class UsageThreshold(AlertType):
    """Usage of a meter has reached a value, once for life or in a billing period."""

    name = "usage_threshold"
    limit = "a meter and customer"

    def terms(self, ctx: Context, requested: Body) -> Terms:
        """The meter, for all customers or for one."""
        meter: Meter = find(
            ctx, "billing.meter", requested["meter"], param="usage_threshold[meter]"
        ).body
        if measure_of(meter).has_levels:
            raise BillingError(
                "Usage of a weighted_sum grows as time goes by, and alerts look when events come:"
                " ask for summaries, or for access to a feature with a limit.",
                param="usage_threshold[meter]",
            )
        if measure_of(meter).has_samples and requested["recurrence"] == "one_time":
            raise BillingError(
                "A percentile is one of a billing period: ask for"
                " usage_threshold[recurrence]=billing_period.",
                param="usage_threshold[recurrence]",
            )
        customer = only_customer(requested.get("filters"))
        if customer is not None:
            find(ctx, "customer", customer, param="usage_threshold[filters][0][customer]")
        return {
            "filters": [{"type": "customer", "customer": customer}] if customer else None,
            "gte": requested["gte"],
            "meter": requested["meter"],
            "recurrence": requested["recurrence"],
        }

    def set_of(self, terms: Terms) -> str:
        """That of the meter, for the customer or for all."""
        return alerts_set(terms["meter"], self.customer(terms))

    def enter(self, ctx: Context, terms: Terms) -> None:
        """The customer, or everybody's usage of the meter."""
        customer = self.customer(terms)
        if customer is None:
            enter_meter(ctx, Purpose.ALERTS, terms["meter"])
        else:
            enter_customer(ctx, Purpose.ALERTS, customer)

    def written_beside(self, ctx: Context, alert: "Alert") -> "list[Document[Customer]]":
        """The customer as it is: what is remembered of its usage is beside it."""
        customer = self.customer(terms_of(alert))
        found: Document[Customer] | None = ctx.store.get(customer) if customer else None
        return [] if found is None else [found]

    def counted(self, ctx: Context, terms: Terms) -> "list[Count]":
        """Of an alert for all, the state of the meter's: what is remembered goes by it."""
        return [] if self.customer(terms) else [alerts_count(ctx, terms["meter"])]

    def parent(self, terms: Terms) -> str | None:
        """The meter."""
        return self.meter(terms)

    def customer(self, terms: Terms) -> str | None:
        """That of the filter."""
        return only_customer(terms["filters"])

    def meter(self, terms: Terms) -> str | None:
        """The meter whose usage is compared."""
        return str(terms["meter"])

    def threshold(self, terms: Terms) -> int:
        """The usage."""
        return int(terms["gte"])


class SpendThreshold(AlertType):
    """The usage of a subscription's running period has come to an amount (``spend_alerts``)."""

    name = "spend_threshold"
    is_by_subscription = True
    limit = "what a customer spends"

    def terms(self, ctx: Context, requested: Body) -> Terms:
        """The amount, of all subscriptions in its currency, of a customer's, or of one.

        The filter ``customer`` is our own; of one subscription it names whose that is.
        """
        filters = requested.get("filters") or {}
        customer, subscription = (
            filters.get(name) for name in ("customer", "pricing_plan_subscription")
        )
        at = "spend_threshold[filters]"
        if customer is not None:
            find(ctx, "customer", customer, param=f"{at}[customer]")
        if subscription is not None:
            param = f"{at}[pricing_plan_subscription]"
            owner = find(ctx, "subscription", subscription, param=param).body["customer"]
            if customer not in (None, owner):
                raise BillingError(f"{subscription} is not {customer}'s.", param=param)
            customer = owner
        amount = requested["gte"]["amount"]
        known_currency(amount["currency"], "spend_threshold[gte][amount][currency]")
        scope = {"customer": customer, "pricing_plan_subscription": subscription}
        return {
            "aggregation_period": "billing",
            "filters": scope if customer else None,
            "group_by": "pricing_plan_subscription",
            "gte": {
                "type": "amount",
                "amount": {"currency": amount["currency"], "value": amount["value"]},
                "custom_pricing_unit": None,
            },
        }

    def set_of(self, terms: Terms) -> str:
        """That of the customer, or the one for all."""
        return spend_set(self.customer(terms))

    def enter(self, ctx: Context, terms: Terms) -> None:
        """The customer, or everybody."""
        customer = self.customer(terms)
        if customer is None:
            enter_everybody(ctx, Purpose.THRESHOLDS)
        else:
            enter_customer(ctx, Purpose.THRESHOLDS, customer)

    def written_beside(self, ctx: Context, alert: "Alert") -> "list[Document[Customer]]":
        """The customer as it is: what is remembered of its amounts goes by its version."""
        return _customers(ctx, self.customer(terms_of(alert)))

    def customer(self, terms: Terms) -> str | None:
        """That of the filters."""
        return terms["filters"]["customer"] if terms["filters"] else None

    def threshold(self, terms: Terms) -> int:
        """The amount, minor units."""
        return int(terms["gte"]["amount"]["value"])

    def told_of(self, terms: Terms, subscription: str | None) -> Terms:
        """The currency, and which subscription it is of."""
        return {
            "currency": terms["gte"]["amount"]["currency"],
            "custom_pricing_unit": None,
            "external_customer_id": None,
            "group_by": {
                "type": terms["group_by"],
                "pricing_plan_subscription": subscription,
            },
        }

    def concerns(self, terms: Terms, subscription: "Subscription") -> bool:
        """Whether an alert is about a subscription of the customer whose alerts it is among."""
        only = terms["filters"] and terms["filters"]["pricing_plan_subscription"]
        is_meant = only in (None, subscription["id"])
        return is_meant and terms["gte"]["amount"]["currency"] == subscription["currency"]


class CreditBalanceThreshold(AlertType):
    """A customer's balance of billing credits has come down to an amount (``credits.alerts``), in a
    currency or in units of a meter.

    The customer remembers its alerts of this type: each commit that changes its credits knows them.
    """

    name = "credit_balance_threshold"
    limit = "the credits of a customer"

    def terms(self, ctx: Context, requested: Body) -> Terms:
        """The amount, of one customer's grants, or of those for some prices."""
        [asked] = requested["filters"]
        at = "credit_balance_threshold[filters][0]"
        find(ctx, "customer", asked["customer"], param=f"{at}[customer]")
        grants = asked.get("credit_grants")
        return {
            "filters": [
                {
                    "type": "customer",
                    "customer": asked["customer"],
                    "credit_grants": None if grants is None else grants,
                }
            ],
            "lte": _requested_balance(ctx, requested["lte"]),
        }

    def set_of(self, terms: Terms) -> str:
        """That of the customer's credits."""
        return alerts_set("credits", self.customer(terms))

    def enter(self, ctx: Context, terms: Terms) -> None:
        """Nothing: no usage is watched."""

    def written_beside(self, ctx: Context, alert: "Alert") -> "list[Document[Customer]]":
        """The customer, who remembers the alert while it is active."""
        terms = terms_of(alert)
        return [
            replace(customer, body=self._remembered(customer.body, alert))
            for customer in _customers(ctx, self.customer(terms))
        ]

    def customer(self, terms: Terms) -> str | None:
        """That of the filter."""
        return str(terms["filters"][0]["customer"])

    def threshold(self, terms: Terms) -> int | Decimal:
        """The balance, minor units or units of a meter."""
        units = terms["lte"]["custom_pricing_unit"]
        return Decimal(units["value"]) if units else int(terms["lte"]["monetary"]["value"])

    def _remembered(self, customer: "Customer", alert: "Alert") -> "Customer":
        state = CustomerState.of(customer)
        known = {entry["alert"]: entry for entry in state.credit_alerts or ()}
        if alert["status"] == "active":
            known.setdefault(alert["id"], self._entry(alert))
        else:
            known.pop(alert["id"], None)
        return replace(state, credit_alerts=list(known.values()) or None).on(customer)

    def _entry(self, alert: "Alert") -> CreditAlert:
        terms = terms_of(alert)
        grants = terms["filters"][0]["credit_grants"]
        scope = grants["applicability_config"]["scope"] if grants else {}
        prices, money = scope.get("prices"), terms["lte"]["monetary"]
        if money:
            measure, lte = money["currency"], money["value"]
        else:
            units = terms["lte"]["custom_pricing_unit"]
            measure, lte = units["id"], parts_of(Decimal(units["value"]))
        return {
            "alert": alert["id"],
            "currency": measure,
            "is_below": False,
            "lte": lte,
            "prices": None if prices is None else [price["id"] for price in prices],
        }


def _requested_balance(ctx: Context, requested: Body) -> "AlertCreditBalanceThresholdLte":
    """The balance that an alert is asked to be on; one of no known measure is refused."""
    asked, at = requested["balance_type"], "credit_balance_threshold[lte]"
    if asked not in requested:
        raise BillingError(
            f"Missing required param: {at}[{asked}].",
            code="parameter_missing",
            param=f"{at}[{asked}]",
        )
    amount = requested[asked]
    if asked == "custom_pricing_unit":
        meter = find(ctx, "billing.meter", amount["id"], param=f"{at}[{asked}][id]").id
        units: CreditUnits = {"id": meter, "value": format_decimal(amount["value"])}
        return {"balance_type": asked, "custom_pricing_unit": units, "monetary": None}
    currency = known_currency(amount["currency"], f"{at}[monetary][currency]")
    money: CreditMoney = {"currency": currency, "value": amount["value"]}
    return {"balance_type": "monetary", "custom_pricing_unit": None, "monetary": money}


SPEND = SpendThreshold()

TYPES = {one.name: one for one in (UsageThreshold(), SPEND, CreditBalanceThreshold())}
"""The types of alerts there are, by name."""


def type_of(alert: "Alert") -> AlertType:
    """The type of an alert."""
    return TYPES[alert["alert_type"]]


def terms_of(alert: "Alert") -> Terms:
    """What an alert is on."""
    fields: Mapping[str, Any] = alert
    terms: Terms = fields[alert["alert_type"]]
    return terms


def usage_terms(alert: "Alert") -> "AlertUsageThreshold":
    """What an alert on usage is on."""
    terms = alert["usage_threshold"]
    assert terms is not None, "asked of alerts on usage"  # noqa: S101
    return terms


def requested_terms(ctx: Context, params: Body) -> tuple[AlertType, Terms]:
    """The type and the terms that a request for an alert asks for: those of its type, and no
    others.
    """
    asked = TYPES[params["alert_type"]]
    others = [name for name in TYPES if name in params and name != asked.name]
    if others:
        raise BillingError(
            f"{others[0]} cannot be given for an alert of the type {asked.name}.", param=others[0]
        )
    if asked.name not in params:
        raise BillingError(
            f"Missing required param: {asked.name}.", code="parameter_missing", param=asked.name
        )
    return asked, asked.terms(ctx, params[asked.name])


def _customers(ctx: Context, customer_id: str | None) -> "list[Document[Customer]]":
    """The customer that alerts are about, unless it is deleted, or they are about all."""
    customer = None if customer_id is None else ctx.store.get(customer_id)
    is_there = customer is not None and not customer.body.get("deleted")
    return [customer] if customer is not None and is_there else []


def too_many(asked: AlertType) -> BillingError:
    """The refusal of one alert more than a set takes."""
    return BillingError(
        f"At most {MOST_IN_A_SET} alerts are allowed for {asked.limit}: archive one that is no"
        " longer needed.",
    )


def spend_set(customer: str | None) -> str:
    """The set of the alerts, not archived, on what one customer spends, or any."""
    return alerts_set("spend", customer)


def alerts_set(meter_id: str, customer: str | None) -> str:
    """The set of the alerts, not archived, on a meter for one customer or for all."""
    return f"alerts/{meter_id}/{customer or 'all'}"


def only_customer(filters: "Sequence[AlertUsageThresholdFilter] | None") -> str | None:
    """The customer that a filter restricts an alert to, or None for all."""
    return filters[0]["customer"] if filters else None
