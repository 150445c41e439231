"""What a test runs on: DynamoDB in memory, in moto, or DynamoDB Local; moto for other services.

The tables are made from ``template.yaml``: a test can't pass on a schema that is not deployed.
"""

import contextlib
import itertools
import os
import secrets
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import boto3
import botocore.session
import moto.core.models
import yaml
from botocore.loaders import create_loader
from moto import mock_aws
from moto.backends import get_backend
from moto.core.models import DEFAULT_ACCOUNT_ID

from meterline.services.events.fan_out import ENDPOINTS
from meterline.services.work import usage_watch
from meterline.store.base import clients, first_attempts, listing_notes
from meterline.store.base.clients import reset_clients
from meterline.store.base.settings import settings
from meterline.store.billing import tax_engine
from meterline.store.events import partition_index
from tests.dynamodb.engine import DynamoDB
from tests.dynamodb.values import shown
from tests.dynamodb.wire import answered_by

if TYPE_CHECKING:
    from moto.core.config import DefaultConfig

moto.core.models.RESPONSES_METHODS = []
"""Only botocore asks AWS here: moto need not prepare for what ``requests`` may ask."""

setattr(botocore.session, "create_loader", cache(create_loader))  # noqa: B010 - mypy
"""Each test has clients of its own; what AWS's services look like is read once for all of them."""

ROOT = Path(__file__).parent.parent
REGION = "us-east-1"
LOCAL_READ_SECONDS = 60
"""How long DynamoDB Local is waited for: on a busy machine it may pause for seconds."""

ENGINES_A_DATABASE = 25
"""So many tests have a database of DynamoDB Local after each other, which spends ten threads on
each. A write looks through the streams of all tables that its database ever had: with one database,
late tests took ten times as long as early.
"""
MOST_LEFT = 500
"""Tables in which a test leaves more are thrown away: to empty them takes longer."""

TABLES = ("meter_events", "usage", "billing", "access")
QUEUES = ("renewals", "invoices", "clocks", "webhooks")
TOPICS = ("alerts", "events", "operations")
FAILED_BATCHES = "failed-batches"
PDFS = "pdfs"
STACK = "tested-stack"
PUBLIC_URL = "https://billing.example.com"

_TABLE_PROPERTIES = (
    "AttributeDefinitions",
    "KeySchema",
    "GlobalSecondaryIndexes",
)


_started = itertools.count()


class _TemplateLoader(yaml.CSafeLoader):
    """Reads CloudFormation's short forms as ``{"Fn::Tag": value}``."""


def _short_form(loader: yaml.CSafeLoader, tag: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    return {tag if tag == "Ref" else f"Fn::{tag}": value}


_TemplateLoader.add_multi_constructor("!", _short_form)


@cache
def template() -> dict[str, Any]:
    """The deployment's template, short forms spelled out."""
    return load_template(ROOT / "template.yaml")


def load_template(path: Path) -> dict[str, Any]:
    """A template in a file, short forms spelled out."""
    loaded: dict[str, Any] = yaml.load(path.read_text(), Loader=_TemplateLoader)  # noqa: S506 - a SafeLoader
    return loaded


def resources(kind: str) -> dict[str, dict[str, Any]]:
    """The properties of the template's resources of a CloudFormation type, by logical id."""
    return {
        name: resource.get("Properties", {})
        for name, resource in template()["Resources"].items()
        if resource["Type"] == kind
    }


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine with the four tables, the queues and the topics; ``METERLINE_*`` point at them."""

    client: Any
    tables: Mapping[str, str]
    environment: Mapping[str, str]
    endpoint: str | None
    memory: DynamoDB | None

    def scan(self, table: str) -> list[dict[str, Any]]:
        """Every item of a table (``meter_events``, ``usage``, ``billing`` or ``access``)."""
        if self.memory is not None:
            return [shown(item) for item in self.memory.table(self.tables[table]).items.values()]
        pages = self.client.get_paginator("scan").paginate(
            TableName=self.tables[table], ConsistentRead=True
        )
        return [item for page in pages for item in page["Items"]]


@contextlib.contextmanager
def running(endpoint: str | None = None) -> Iterator[Engine]:
    """An engine with empty tables: in memory, or DynamoDB Local at ``endpoint``."""
    with _running_in_memory() if endpoint is None else _running_locally(endpoint) as engine:
        yield engine


@contextlib.contextmanager
def running_on_moto() -> Iterator[Engine]:
    """An engine with empty tables in moto, which runs no PartiQL that the product writes."""
    base = _base_environment()
    botocore_sends = mock.patch.object(first_attempts, "send_first_attempts", return_value=None)
    with _environment(base), _mocked(None), botocore_sends:
        own = boto3.client("dynamodb")
        tables = {name: create_table(own, name) for name in TABLES}
        environment = _names_of_tables(tables) | _names_of_queues_and_topics()
        _make_queues_and_topics()
        with _environment(environment):
            yield Engine(own, tables, base | environment, None, None)


@contextlib.contextmanager
def _running_in_memory() -> Iterator[Engine]:
    """What costs time is made once for all tests: clients, and queues and topics for tests that
    have none; those are made when they are first asked for.
    """
    base = _base_environment()
    memory = DynamoDB()
    tables = {name: f"{name}-{secrets.token_hex(4)}" for name in TABLES}
    for name, table in tables.items():
        memory.call("CreateTable", {**table_definition(name), "TableName": table})
        memory.call("UpdateTimeToLive", {"TableName": table, **_time_to_live(name)})
    environment = base | _names_of_tables(tables) | _names_of_queues_and_topics()
    with (
        _environment(environment),
        _mocked(None),
        answered_by(memory, _make_queues_and_topics),
        mock.patch.object(clients, "_client", _client_of_memory),
    ):
        yield Engine(client("dynamodb"), tables, environment, None, memory)


@contextlib.contextmanager
def _running_locally(endpoint: str) -> Iterator[Engine]:
    """Tables of DynamoDB Local are emptied and used again: to make and delete them took longer than
    half of all tests, and to make clients as long as a third.
    """
    database = _IDLE[endpoint].pop() if _IDLE[endpoint] else _Database(endpoint)
    environment = database.environment
    with (
        _environment(environment),
        _mocked(endpoint),
        mock.patch.object(clients, "_client", database.client_of_product),
        mock.patch.object(clients, "READ_SECONDS", LOCAL_READ_SECONDS),
    ):
        _make_queues_and_topics()
        yield Engine(database.client, database.tables, environment, endpoint, None)
        if database.is_emptied():
            _IDLE[endpoint].append(database)


class _Database:
    """A database of DynamoDB Local, which has one for each access key: four tables and clients."""

    def __init__(self, endpoint: str) -> None:
        self._tests = 0
        base = _base_environment() | {
            "AWS_ACCESS_KEY_ID": f"testing{os.getpid()}x{next(_started)}",
            "AWS_ENDPOINT_URL_DYNAMODB": endpoint,
            "AWS_ENDPOINT_URL_DYNAMODB_STREAMS": endpoint,
        }
        with _environment(base), _mocked(endpoint):
            self.client = boto3.Session().client("dynamodb")
            self.tables = {name: create_table(self.client, name) for name in TABLES}
        self.client_of_product = cache(clients._client)  # noqa: SLF001 - what it makes is kept
        self.environment = base | _names_of_tables(self.tables) | _names_of_queues_and_topics()

    def is_emptied(self) -> bool:
        """Empty the tables for the next test; or delete them, and say no, if that costs less."""
        self._tests += 1
        left = {table: self._keys(table) for table in self.tables.values()}
        if self._tests == ENGINES_A_DATABASE or sum(map(len, left.values())) > MOST_LEFT:
            for table in left:
                self.client.delete_table(TableName=table)
            return False
        for table, keys in left.items():
            for some in itertools.batched(keys, 25, strict=False):
                deletions = [{"DeleteRequest": {"Key": key}} for key in some]
                self.client.batch_write_item(RequestItems={table: deletions})
        return True

    def _keys(self, table: str) -> list[dict[str, Any]]:
        """Those of all items, or of more than may be left."""
        [name] = [name for name, own in self.tables.items() if own == table]
        names = [part["AttributeName"] for part in table_definition(name)["KeySchema"]]
        answer = self.client.scan(
            TableName=table,
            ConsistentRead=True,
            Limit=MOST_LEFT + 1,
            ProjectionExpression=", ".join(f"#{one}" for one in names),
            ExpressionAttributeNames={f"#{one}": one for one in names},
        )
        found: list[dict[str, Any]] = answer["Items"]
        return found * (1 if "LastEvaluatedKey" not in answer else MOST_LEFT)


_IDLE: dict[str, list[_Database]] = defaultdict(list)
"""The databases that no test uses, by their endpoints."""


def _mocked(endpoint: str | None) -> contextlib.AbstractContextManager[Any]:
    config: DefaultConfig = {"core": {"mock_credentials": False}}
    if endpoint:
        config["core"]["passthrough"] = {"urls": [f"{endpoint}.*"], "services": []}
    return mock_aws(config=config)


@cache
def client(service: str) -> Any:
    """A client for tests of a service that moto or the engine in memory stands for."""
    return boto3.client(service)


_client_of_memory = cache(clients._client)  # noqa: SLF001 - what it makes is kept
"""The product's clients on the engine in memory: all tests have the same."""


def _base_environment() -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled",
        "AWS_EC2_METADATA_DISABLED": "true",
        "METERLINE_PUBLIC_URL": PUBLIC_URL,
        "METERLINE_STACK": STACK,
    }


def create_table(client: Any, name: str) -> str:
    """A new, empty table like that of the template; its name."""
    table = f"{name}-{secrets.token_hex(4)}"
    client.create_table(TableName=table, **table_definition(name))
    client.update_time_to_live(TableName=table, **_time_to_live(name))
    return table


def _time_to_live(name: str) -> dict[str, Any]:
    return {"TimeToLiveSpecification": _properties(name)["TimeToLiveSpecification"]}


def table_definition(name: str) -> dict[str, Any]:
    """What the template says of a table, as an API call says it."""
    properties = _properties(name)
    arguments = {key: properties[key] for key in _TABLE_PROPERTIES if key in properties}
    arguments["BillingMode"] = "PAY_PER_REQUEST"  # unless the deployment chooses otherwise
    if "GlobalSecondaryIndexes" in arguments:
        # How much an index takes from its first moment is a choice of the deployment.
        arguments["GlobalSecondaryIndexes"] = [
            {key: value for key, value in index.items() if key != "WarmThroughput"}
            for index in arguments["GlobalSecondaryIndexes"]
        ]
    if "StreamSpecification" in properties:
        arguments["StreamSpecification"] = {
            "StreamEnabled": True,
            **properties["StreamSpecification"],
        }
    return arguments


def _properties(name: str) -> dict[str, Any]:
    logical_id = "".join(word.capitalize() for word in name.split("_")) + "Table"
    return resources("AWS::DynamoDB::Table")[logical_id]


def _names_of_tables(tables: Mapping[str, str]) -> dict[str, str]:
    return {f"METERLINE_{name.upper()}_TABLE": table for name, table in tables.items()}


def _names_of_queues_and_topics() -> dict[str, str]:
    """What they are called as moto makes them."""
    queues = f"https://sqs.{REGION}.amazonaws.com/{DEFAULT_ACCOUNT_ID}"
    topics = f"arn:aws:sns:{REGION}:{DEFAULT_ACCOUNT_ID}"
    return {
        **{f"METERLINE_{name.upper()}_QUEUE_URL": f"{queues}/{name}" for name in QUEUES},
        **{f"METERLINE_{name.upper()}_TOPIC_ARN": f"{topics}:{name}" for name in TOPICS},
        "METERLINE_FAILED_BATCHES_BUCKET": FAILED_BATCHES,
        "METERLINE_PDFS_BUCKET": PDFS,
    }


def _make_queues_and_topics() -> None:
    """Put them into moto without its API, which takes longer than many a test."""
    for name in QUEUES:
        get_backend("sqs")[DEFAULT_ACCOUNT_ID][REGION].create_queue(name)
    for name in TOPICS:
        get_backend("sns")[DEFAULT_ACCOUNT_ID][REGION].create_topic(name)
    for name in (FAILED_BATCHES, PDFS):
        get_backend("s3")[DEFAULT_ACCOUNT_ID]["aws"].create_bucket(name, REGION)


@contextlib.contextmanager
def _environment(changes: Mapping[str, str]) -> Iterator[None]:
    """Set variables, and forget what this process remembers of the old ones; undo both."""
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    _forget()
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        _forget()


def _forget() -> None:
    """Also of what tables hold: the next may have the same names."""
    ENDPOINTS.forget()
    tax_engine.PATIENCE.until = 0
    listing_notes.PROCESS = listing_notes.Process()
    usage_watch.LATEST_LISTS.clear()
    settings.cache_clear()
    partition_index._write.cache_clear()  # noqa: SLF001 - nothing else ever forgets it
    reset_clients()
