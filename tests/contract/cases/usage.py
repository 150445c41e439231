"""Meters, the events that they count, and alerts."""

import stripe

from tests.contract.cases.table import Case, Refused, holds, missing
from tests.contract.world import DAY

CASES = {
    "Meter.create": Case(
        lambda w: w.v1.billing.meters.create(
            {
                "display_name": "Calls",
                "event_name": w.own,
                "default_aggregation": {"formula": "last"},
                "customer_mapping": {"type": "by_id", "event_payload_key": "who"},
                "value_settings": {"event_payload_key": "much"},
            }
        ),
        lambda w: {
            "object": "billing.meter",
            "event_name": w.own,
            "default_aggregation.formula": "last",
            "customer_mapping.event_payload_key": "who",
            "status": "active",
        },
        Refused(
            lambda w: w.v1.billing.meters.create({"display_name": "Calls", "event_name": w.own}),
            code="parameter_missing",
            param="default_aggregation",
        ),
    ),
    "Meter.retrieve": Case(
        lambda w: w.v1.billing.meters.retrieve(w.meter.id),
        lambda w: {"id": w.meter.id, "event_name": w.meter.event_name},
        missing(lambda w: w.v1.billing.meters.retrieve("mtr_missing"), "meter"),
    ),
    "Meter.update": Case(
        lambda w: w.v1.billing.meters.update(w.meter.id, {"display_name": "Requests"}),
        lambda w: {"id": w.meter.id, "display_name": "Requests"},
        Refused(
            lambda w: w.v1.billing.meters.update(w.meter.id, {"display_name": "x" * 251}),
            param="display_name",
        ),
    ),
    "Meter.deactivate": Case(
        lambda w: w.v1.billing.meters.deactivate(w.meter.id),
        lambda w: {"id": w.meter.id, "status": "inactive"},
        missing(lambda w: w.v1.billing.meters.deactivate("mtr_missing"), "meter"),
    ),
    "Meter.reactivate": Case(
        lambda w: w.v1.billing.meters.reactivate(w.v1.billing.meters.deactivate(w.meter.id).id),
        lambda w: {"id": w.meter.id, "status": "active"},
        missing(lambda w: w.v1.billing.meters.reactivate("mtr_missing"), "meter"),
    ),
    "Meter.list": Case(
        lambda w: w.meter and w.v1.billing.meters.list({"status": "active", "limit": 100}),
        lambda w: {"data": holds(w.meter.id), "url": "/v1/billing/meters"},
        Refused(lambda w: w.v1.billing.meters.list({"status": "broken"}), param="status"),
    ),
    "Meter.listEventSummaries": Case(
        lambda w: w.v1.billing.meters.event_summaries.list(
            w.meter.id,
            {
                "customer": w.customer,
                "start_time": w.now // DAY * DAY - DAY,
                "end_time": w.now // DAY * DAY,
                "value_grouping_window": "day",
            },
        ),
        lambda w: {"object": "list", "url": f"/v1/billing/meters/{w.meter.id}/event_summaries"},
        Refused(
            lambda w: w.v1.billing.meters.event_summaries.list(
                w.meter.id,
                {
                    "customer": w.customer,
                    "start_time": w.now // DAY * DAY + 1,
                    "end_time": w.now // DAY * DAY + DAY,
                    "value_grouping_window": "day",
                },
            ),
            param="start_time",
        ),
    ),
    "Meter.listEvents": Case(
        lambda w: w.raw(
            "get",
            f"/v1/billing/meters/{w.meter.id}/events",
            customer=w.customer,
            start_time=w.now - DAY,
            end_time=w.now + DAY,
        ),
        lambda w: {"object": "list", "url": f"/v1/billing/meters/{w.meter.id}/events"},
        Refused(
            lambda w: w.raw("get", f"/v1/billing/meters/{w.meter.id}/events", start_time=1),
            code="parameter_missing",
            param="customer",
        ),
    ),
    "MeterUsage.retrieve": Case(
        lambda w: w.raw(
            "get",
            "/v1/billing/analytics/meter_usage",
            customer=w.customer,
            starts_at=w.now // 60 * 60 - DAY,
            ends_at=w.now // 60 * 60,
            meters=[{"meter": w.meter.id}],
        ),
        lambda w: {"object": "billing.analytics.meter_usage", "rows.object": "list"},
        Refused(
            lambda w: w.raw(
                "get",
                "/v1/billing/analytics/meter_usage",
                customer=w.customer,
                starts_at=w.now // 60 * 60 + 1,
                ends_at=w.now // 60 * 60 + DAY,
            ),
            param="starts_at",
        ),
    ),
    "AnalyticsAmount.list": Case(
        lambda w: w.raw(
            "get",
            "/v1/meterline/analytics/amounts",
            customer=w.customer,
            starts_at=w.now // 60 * 60 - DAY,
            ends_at=w.now // 60 * 60,
            value_grouping_window="day",
            timezone="Asia/Kathmandu",
        ),
        lambda w: {"object": "list", "url": "/v1/meterline/analytics/amounts"},
        Refused(
            lambda w: w.raw(
                "get",
                "/v1/meterline/analytics/amounts",
                customer=w.customer,
                starts_at=w.now // 60 * 60 + 1,
                ends_at=w.now // 60 * 60 + DAY,
            ),
            param="starts_at",
        ),
    ),
    "AnalyticsForecast.retrieve": Case(
        lambda w: w.raw("get", "/v1/meterline/analytics/forecast", subscription=w.subscription.id),
        lambda w: {
            "object": "meterline.analytics.forecast",
            "subscription": w.subscription.id,
            "expected.total": 1_000,
            "method.type": "elapsed_time",
        },
        Refused(
            lambda w: w.raw("get", "/v1/meterline/analytics/forecast", subscription="sub_no"),
            code="resource_missing",
            param="subscription",
        ),
    ),
    "AnalyticsInvoiced.retrieve": Case(
        lambda w: w.raw(
            "get", "/v1/meterline/analytics/invoiced", months=2, timezone="America/New_York"
        ),
        lambda w: {
            "object": "meterline.analytics.invoiced",
            "months": lambda months: len(months) == 2,
        },
        Refused(
            lambda w: w.raw("get", "/v1/meterline/analytics/invoiced", month="2026-13"),
            param="month",
        ),
    ),
    "AnalyticsTopCustomers.retrieve": Case(
        lambda w: w.raw(
            "get",
            "/v1/meterline/analytics/top_customers",
            meter=w.meter.id,
            starts_at=w.now // DAY * DAY - DAY,
            ends_at=w.now // DAY * DAY,
        ),
        lambda w: {
            "object": "meterline.analytics.top_customers",
            "meter": w.meter.id,
            "rows.url": "/v1/meterline/analytics/top_customers",
        },
        Refused(
            lambda w: w.raw(
                "get",
                "/v1/meterline/analytics/top_customers",
                meter="mtr_no",
                starts_at=0,
                ends_at=DAY,
            ),
            code="resource_missing",
            param="meter",
        ),
    ),
    "MeterEvent.create": Case(
        lambda w: w.v1.billing.meter_events.create(w.event(identifier=w.own, timestamp=w.now)),
        lambda w: {
            "object": "billing.meter_event",
            "identifier": w.own,
            "timestamp": w.now,
            "payload.value": "3",
        },
        Refused(
            lambda w: w.v1.billing.meter_events.create(w.event(identifier=w.sent)),
            says="An event already exists with identifier",
        ),
    ),
    "MeterEventAdjustment.create": Case(
        lambda w: w.v1.billing.meter_event_adjustments.create(
            {
                "event_name": w.meter.event_name,
                "type": "cancel",
                "cancel": {"identifier": w.sent},
            }
        ),
        lambda w: {
            "object": "billing.meter_event_adjustment",
            "cancel.identifier": w.sent,
            "status": lambda status: status in ("pending", "complete"),
        },
        Refused(
            lambda w: w.v1.billing.meter_event_adjustments.create(
                {"event_name": w.meter.event_name, "type": "cancel"}
            ),
            code="parameter_missing",
            param="cancel",
        ),
    ),
    "v2.MeterEvent.create": Case(
        lambda w: w.v2.billing.meter_events.create(w.event(identifier=w.own)),
        lambda w: {
            "object": "v2.billing.meter_event",
            "identifier": w.own,
            "timestamp": lambda text: text.endswith("Z"),
            "livemode": False,
        },
        Refused(
            lambda w: w.v2.billing.meter_events.create(
                {"event_name": w.own, "payload": {"a": "1"}}
            ),
            code="no_meter",
            says="No meter was found matching event_name",
        ),
    ),
    "v2.MeterEventAdjustment.create": Case(
        lambda w: w.v2.billing.meter_event_adjustments.create(
            {
                "event_name": w.meter.event_name,
                "type": "cancel",
                "cancel": {"identifier": w.sent},
            }
        ),
        lambda w: {
            "object": "v2.billing.meter_event_adjustment",
            "cancel.identifier": w.sent,
            "created": lambda text: text.endswith("Z"),
        },
        Refused(
            lambda w: w.v2.billing.meter_event_adjustments.create(
                {"event_name": w.own, "type": "cancel", "cancel": {"identifier": "nothing"}}
            ),
            code="invalid_cancel_configuration",
        ),
    ),
    "v2.MeterEventSession.create": Case(
        lambda w: w.v2.billing.meter_event_session.create(),
        lambda w: {
            "object": "v2.billing.meter_event_session",
            "authentication_token": bool,
            "expires_at": lambda text: text.endswith("Z"),
        },
        Refused(
            lambda w: w.with_key("sk_test_wrong").v2.billing.meter_event_session.create(),
            401,
            error=stripe.AuthenticationError,
        ),
    ),
    "v2.MeterEventStream.create": Case(
        lambda w: w.streamer.v2.billing.meter_event_stream.create(
            {"events": [w.event(identifier=f"{w.own}-{number}") for number in range(3)]}
        ),
        lambda w: {},
        Refused(
            lambda w: w.v2.billing.meter_event_stream.create({"events": [w.event()]}),
            401,
            error=stripe.AuthenticationError,
        ),
    ),
    "Alert.create": Case(
        lambda w: w.v1.billing.alerts.create(
            {
                "alert_type": "usage_threshold",
                "title": "Much",
                "usage_threshold": {
                    "meter": w.meter.id,
                    "gte": 100,
                    "recurrence": "one_time",
                    "filters": [{"type": "customer", "customer": w.customer}],
                },
            }
        ),
        lambda w: {
            "object": "billing.alert",
            "status": "active",
            "usage_threshold.filters.0.customer": w.customer,
            "usage_threshold.meter": w.meter.id,
        },
        Refused(
            lambda w: w.v1.billing.alerts.create(
                {
                    "alert_type": "usage_threshold",
                    "title": "Much",
                    "usage_threshold": {"meter": "mtr_x", "gte": 1, "recurrence": "one_time"},
                }
            ),
            code="resource_missing",
            param="usage_threshold[meter]",
        ),
    ),
    "Alert.retrieve": Case(
        lambda w: w.v1.billing.alerts.retrieve(w.alert, {"expand": ["usage_threshold.meter"]}),
        lambda w: {"id": w.alert, "usage_threshold.meter.id": w.meter.id},
        missing(lambda w: w.v1.billing.alerts.retrieve("alrt_missing"), "alert"),
    ),
    "Alert.list": Case(
        lambda w: w.alert and w.v1.billing.alerts.list({"meter": w.meter.id}),
        lambda w: {"data.0.id": w.alert, "url": "/v1/billing/alerts"},
        Refused(lambda w: w.v1.billing.alerts.list({"alert_type": "loud"}), param="alert_type"),
    ),
    "Alert.activate": Case(
        lambda w: w.v1.billing.alerts.activate(w.v1.billing.alerts.deactivate(w.alert).id),
        lambda w: {"id": w.alert, "status": "active"},
        Refused(
            lambda w: w.v1.billing.alerts.activate(w.v1.billing.alerts.archive(w.alert).id),
            code="status_transition_invalid",
            says="archived",
        ),
    ),
    "Alert.deactivate": Case(
        lambda w: w.v1.billing.alerts.deactivate(w.alert),
        lambda w: {"id": w.alert, "status": "inactive"},
        missing(lambda w: w.v1.billing.alerts.deactivate("alrt_missing"), "alert"),
    ),
    "Alert.archive": Case(
        lambda w: w.v1.billing.alerts.archive(w.alert),
        lambda w: {"id": w.alert, "status": "archived"},
        missing(lambda w: w.v1.billing.alerts.archive("alrt_missing"), "alert"),
    ),
    "Alert.listNotifications": Case(
        lambda w: w.raw("get", f"/v1/billing/alerts/{w.alert}/notifications", customer=w.customer),
        lambda w: {"object": "list", "url": f"/v1/billing/alerts/{w.alert}/notifications"},
        Refused(
            lambda w: w.raw("get", f"/v1/billing/alerts/{w.alert}/notifications"),
            code="parameter_missing",
            param="customer",
        ),
    ),
}
