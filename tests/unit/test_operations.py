"""What the deployment tells its operator, what it logs, and what bounds its work."""

import json
from typing import Any

import pytest

from tests.benchmarks.bench_deployment import idle_dollars, vital_alarms
from tests.benchmarks.promises import IDLE_DOLLARS
from tests.engines import resources, template
from tests.gateway import routes
from tests.rights import statements_of

ALARMS = resources("AWS::CloudWatch::Alarm")
[STAGE] = resources("AWS::ApiGatewayV2::Stage").values()
SCHEDULED = ("DispatchDueWorkFunction", "ReconcileUsageFunction")
QUEUES = ("Renewals", "Invoices", "Clocks", "Webhooks")
SEND_ON = {
    "RollBillingCyclesFunction": {"Renewals", "Invoices"},
    "ProduceInvoicesFunction": {"Renewals", "Invoices"},
    "AdvanceTestClocksFunction": {"Clocks"},
    "DeliverWebhooksFunction": {"Webhooks"},
}
"""The workers that send messages which come back to them, and the queues."""

INGEST = {
    "/v1/billing/meter_events",
    "/v1/billing/meter_event_adjustments",
    "/v2/billing/meter_events",
    "/v2/billing/meter_event_adjustments",
    "/v2/billing/meter_event_session",
    "/v2/billing/meter_event_stream",
}


def watched(namespace: str, metric: str) -> set[str]:
    """What the alarms on a metric are about: the resources that their dimensions name."""
    return {
        json.dumps([dimension["Value"] for dimension in alarm.get("Dimensions", [])])
        for alarm in ALARMS.values()
        if (alarm["Namespace"], alarm["MetricName"]) == (namespace, metric)
    }


def about(reference: dict[str, Any]) -> str:
    return json.dumps([reference])


@pytest.mark.parametrize("moment", ["AlarmActions", "OKActions"])
def test_every_alarm_tells_the_operator_when_it_begins_and_when_it_ends(moment: str) -> None:
    for name, alarm in ALARMS.items():
        assert alarm.get(moment) == [{"Ref": "OperationsTopic"}], name


VITAL = {
    "ApiErrorsAlarm",
    "CountUsageIteratorAgeAlarm",
    "DueWorkLagAlarm",
    "InvoicesDeadLettersAlarm",
    "PublishEventsIteratorAgeAlarm",
    "ReconcileUsageErrorsAlarm",
    "RenewalsDeadLettersAlarm",
    "UsageDifferencesAlarm",
    "WatchUsageIteratorAgeAlarm",
}
"""One for each thing that can stay undone: a request, a record, a message, something due, a
difference between events and counters."""


def test_the_vital_alarms_are_always_there_and_the_others_are_asked_for() -> None:
    conditions = {name: template()["Resources"][name].get("Condition") for name in ALARMS}
    assert vital_alarms() == VITAL
    others = {name: conditions[name] for name in ALARMS if name not in VITAL}
    assert others.pop("TaxEngineFailuresAlarm") == "HasTaxEngine"
    assert set(others.values()) == {"HasAllAlarms"}
    assert template()["Resources"]["Dashboard"]["Condition"] == "HasAllAlarms"


def test_a_deployment_costs_at_most_two_dollars_a_month_when_idle() -> None:
    dollars = idle_dollars()
    assert IDLE_DOLLARS.is_met_by(sum(dollars.values())), dollars


def test_no_alarm_rings_before_there_is_anything_to_measure() -> None:
    assert {alarm["TreatMissingData"] for alarm in ALARMS.values()} <= {"notBreaching", "missing"}


def test_an_alarm_tells_when_the_sweeps_stop() -> None:
    assert ALARMS["DueWorkLagAlarm"]["TreatMissingData"] == "missing"
    assert ALARMS["DueWorkLagAlarm"]["InsufficientDataActions"] == [{"Ref": "OperationsTopic"}]


def test_an_alarm_watches_the_writes_of_each_table_for_throttles() -> None:
    tables = {about({"Ref": name}) for name in resources("AWS::DynamoDB::Table")}
    assert watched("AWS/DynamoDB", "WriteThrottleEvents") == tables


def test_an_alarm_watches_all_functions_for_throttles() -> None:
    assert watched("AWS/Lambda", "Throttles") == {"[]"}


@pytest.mark.parametrize(
    "queue", ["RenewalsQueue", "InvoicesQueue", "ClocksQueue", "WebhooksQueue"]
)
def test_an_alarm_tells_of_work_that_nobody_takes_from_its_queue(queue: str) -> None:
    named = about({"Fn::GetAtt": f"{queue}.QueueName"})
    assert named in watched("AWS/SQS", "ApproximateAgeOfOldestMessage")


@pytest.mark.parametrize("topic", ["AlertsTopic", "EventsTopic"])
def test_an_alarm_tells_of_subscribers_that_cannot_be_reached(topic: str) -> None:
    named = about({"Fn::GetAtt": f"{topic}.TopicName"})
    assert named in watched("AWS/SNS", "NumberOfNotificationsFailed")


MAPPINGS = resources("AWS::Lambda::EventSourceMapping")
STREAMS = sorted(name for name, one in MAPPINGS.items() if "DestinationConfig" in one)


@pytest.mark.parametrize("mapping", sorted(MAPPINGS))
def test_an_alarm_tells_when_an_event_source_has_stopped(mapping: str) -> None:
    # With this metric a source reports 0 when it finds nothing: without data nobody looks.
    assert about({"Ref": mapping}) in watched("AWS/Lambda", "PolledEventCount")
    alarm = ALARMS[f"{mapping.removesuffix('Mapping')}SourceAlarm"]
    assert alarm["TreatMissingData"] == "missing"
    assert alarm["InsufficientDataActions"] == [{"Ref": "OperationsTopic"}]
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 0), "never"


@pytest.mark.parametrize("mapping", sorted(MAPPINGS))
def test_metrics_of_an_event_source_are_paid_for_only_where_alarms_watch_them(mapping: str) -> None:
    # An empty list, since a property that is left out leaves a source as it was.
    with_all_alarms = {"Fn::If": ["HasAllAlarms", ["EventCount"], []]}
    assert MAPPINGS[mapping]["MetricsConfig"] == {"Metrics": with_all_alarms}
    watching = {
        name
        for name, alarm in ALARMS.items()
        if {"Name": "EventSourceMappingUUID", "Value": {"Ref": mapping}}
        in alarm.get("Dimensions", [])
    }
    conditions = {template()["Resources"][name].get("Condition") for name in watching}
    assert conditions == {"HasAllAlarms"}


@pytest.mark.parametrize("mapping", STREAMS)
def test_alarms_tell_of_records_that_lambda_gave_up_and_of_those_it_could_not_keep(
    mapping: str,
) -> None:
    function = MAPPINGS[mapping]["FunctionName"]["Ref"].removesuffix(".Alias")
    # What reaches its destination does not count as dropped.
    kept = watched("AWS/Lambda", "OnFailureDestinationDeliveredEventCount")
    assert about({"Ref": mapping}) in kept
    assert about({"Ref": function}) in watched("AWS/Lambda", "DestinationDeliveryFailures")


def test_the_operator_is_subscribed_if_the_deployment_names_one() -> None:
    subscription = template()["Resources"]["OperatorSubscription"]
    assert subscription["Condition"] == "HasOperator"
    assert subscription["Properties"] == {
        "TopicArn": {"Ref": "OperationsTopic"},
        "Protocol": "email",
        "Endpoint": {"Ref": "OperatorEmail"},
    }
    assert template()["Parameters"]["OperatorEmail"]["Default"] == ""


def test_metrics_that_nothing_shows_are_not_paid_for() -> None:
    settings = [STAGE["DefaultRouteSettings"], *STAGE["RouteSettings"].values()]
    assert not any(setting.get("DetailedMetricsEnabled") for setting in settings)


def test_meter_events_have_limits_of_their_own() -> None:
    assert STAGE["DefaultRouteSettings"] == {
        "ThrottlingRateLimit": {"Ref": "RequestsPerSecond"},
        "ThrottlingBurstLimit": {"Ref": "RequestBurst"},
    }
    assert STAGE["RouteSettings"] == {
        f"ANY {path}": {
            "ThrottlingRateLimit": {"Ref": "IngestRequestsPerSecond"},
            "ThrottlingBurstLimit": {"Ref": "IngestBurst"},
        }
        for path in INGEST
    }


def test_routes_with_limits_of_their_own_are_routes_of_the_api() -> None:
    # A stage with settings of an unknown route is refused.
    assert set(STAGE["RouteSettings"]) <= {route.key for route in routes()}


def test_each_call_of_the_api_is_logged_without_anything_personal() -> None:
    settings = STAGE["AccessLogSettings"]
    assert settings["DestinationArn"] == {"Fn::GetAtt": "AccessLogGroup.Arn"}
    line = json.loads(settings["Format"])
    assert set(line.values()) == {
        "$context.requestId",
        "$context.integration.requestId",
        "$context.routeKey",
        "$context.httpMethod",
        "$context.status",
        "$context.error.responseType",
        "$context.responseLatency",
    }


@pytest.mark.parametrize("function", SCHEDULED)
def test_what_the_schedule_starts_is_neither_tried_again_nor_kept(function: str) -> None:
    properties = resources("AWS::Serverless::Function")[function]
    once = {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}
    assert properties["EventInvokeConfig"] == once
    [schedule] = [
        resource
        for resource in resources("AWS::Scheduler::Schedule").values()
        if resource["Target"]["Arn"] == {"Ref": f"{function}.Alias"}
    ]
    assert schedule["Target"]["RetryPolicy"] == once


def test_only_functions_that_send_work_to_themselves_may_loop() -> None:
    functions = resources("AWS::Serverless::Function")
    looping = {name for name, one in functions.items() if one.get("RecursiveLoop") == "Allow"}
    assert looping == set(SEND_ON)
    for name, queues in SEND_ON.items():
        statements = [
            statement
            for statement in statements_of(name)
            if statement["Action"] == "sqs:SendMessage"
        ]
        assert len(statements) == 1
        text = json.dumps(statements[0]["Resource"])
        assert {
            one for one in ("Renewals", "Invoices", "Clocks", "Webhooks") if one in text
        } == queues
