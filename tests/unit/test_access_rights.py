"""Who may write what in the Access table, and who may call the tax engine.

No function makes, changes or ends an API key.
"""

import pytest

from tests.engines import resources
from tests.rights import Use, may, statements_of

FUNCTIONS = sorted(resources("AWS::Serverless::Function"))
ACTIONS = ("GetItem", "PutItem", "UpdateItem", "DeleteItem")
PARTS = {
    "key": "key#0f1e",
    "list of keys": "keys",
    "record": "idem#key_1#0f1e",
    "session": "session#0f1e",
    "console": "console#0f1e",
}
"""What stands in the table, and an address of each."""

FIND_KEYS = {("GetItem", "key"), ("GetItem", "console")}
KEEP_RECORDS = {(action, "record") for action in ("PutItem", "UpdateItem", "DeleteItem")}
KEEP_SESSIONS = {("GetItem", "session"), ("PutItem", "session")}
RIGHTS = {
    "AnswerUnknownRouteFunction": FIND_KEYS,
    "IngestMeterEventsFunction": FIND_KEYS | KEEP_SESSIONS,
    "ServeAlertsFunction": FIND_KEYS | KEEP_RECORDS,
    "ServeCatalogFunction": FIND_KEYS | KEEP_RECORDS,
    "ServeConsoleFunction": FIND_KEYS | {("PutItem", "console"), ("DeleteItem", "console")},
    "ServeCustomersFunction": FIND_KEYS | KEEP_RECORDS,
    "ServeEventsFunction": FIND_KEYS | KEEP_RECORDS,
    "ServeInvoicesFunction": FIND_KEYS | KEEP_RECORDS,
    "ServeSubscriptionsFunction": FIND_KEYS | KEEP_RECORDS,
    "ServeUsageFunction": FIND_KEYS,
}
"""All that a function may do with the table; those that are not here may do nothing."""


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_has_its_own_part_of_the_access_table_and_no_other(function: str) -> None:
    allowed = {
        (action, part)
        for action in ACTIONS
        for part, key in PARTS.items()
        if may(function, Use(action, "AccessTable", key))
    }
    assert allowed == RIGHTS.get(function, set())


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(
    "action", ["BatchGetItem", "BatchWriteItem", "PartiQLInsert", "PartiQLUpdate", "Query", "Scan"]
)
def test_no_function_uses_the_access_table_without_naming_a_key(function: str, action: str) -> None:
    assert not may(function, Use(action, "AccessTable"))


DRAFTING = {
    "AdvanceTestClocksFunction",
    "ProduceInvoicesFunction",
    "RollBillingCyclesFunction",
    "ServeInvoicesFunction",
    "ServeSubscriptionsFunction",
    "WatchUsageFunction",
}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_drafts_invoices_may_call_the_named_engine_and_no_other_function(
    function: str,
) -> None:
    calls = [each for each in statements_of(function) if "lambda:" in str(each["Action"])]
    engine = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${TaxEngine}"
    allowed = {
        "Effect": "Allow",
        "Action": "lambda:InvokeFunction",
        "Resource": {"Fn::Sub": engine},
    }
    assert calls == ([allowed] if function in DRAFTING else [])
    properties = resources("AWS::Serverless::Function")[function]
    named = properties.get("Environment", {}).get("Variables", {})
    assert ("METERLINE_TAX_ENGINE" in named) == (function in DRAFTING)
