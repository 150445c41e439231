"""AWS clients: one of each for a process, created when first used."""

import os
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from meterline.store.base.answers import read_in_one_step
from meterline.store.base.budgets import (
    ATTEMPTS,
    CONNECT_SECONDS,
    READ_SECONDS,
    TAX_ENGINE_CONNECT_SECONDS,
    TAX_ENGINE_READ_SECONDS,
)
from meterline.store.base.request_bodies import body_of

SERVICES = ["dynamodb", "events", "lambda", "s3", "sns", "sqs"]
"""What there are clients of."""

_IN_LAMBDA = "AWS_LAMBDA_FUNCTION_NAME"
"""The variable that Lambda alone sets."""

_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
"""The variables that name an endpoint for S3 that is not AWS's."""

_TOGETHER = "meterline_together"
"""What asks several things of a client that sends first attempts by itself."""

type Request = dict[str, Any]
type Answer = dict[str, Any]
type Outcome = Callable[[], Answer]
"""The answer to a call, asked for once; raises what became of it instead."""

if TYPE_CHECKING:
    from botocore.config import Config
    from botocore.loaders import Loader
    from botocore.session import Session


@cache
def dynamodb() -> Any:  # noqa: ANN401 - botocore builds its clients at run time
    """The DynamoDB client: short timeouts, since a lost answer is retried safely everywhere.

    It leaves checking the parameters of a call to DynamoDB, writes them as they stand, and reads
    answers as they stand (``answers``): botocore looks at each value of a hundred events several
    times, which takes longer than accepting them. And it sends first attempts by itself
    (``first_attempts``).
    """
    return _client("dynamodb")


def query_together(client: Any, queries: Sequence[Request]) -> list[Answer]:  # noqa: ANN401 - as botocore builds it
    """DynamoDB's answers to several queries, which do not wait for each other, in their order."""
    return [outcome() for outcome in _ask_together(client, "query", queries)]


def delete_together(client: Any, deletes: Sequence[Request]) -> list[Outcome]:  # noqa: ANN401 - as above
    """What comes of deleting several items, which does not wait for each other, in their order.

    Until it is asked, a delete may not have been tried.
    """
    return _ask_together(client, "delete_item", deletes)


def _ask_together(client: Any, method: str, calls: Sequence[Request]) -> list[Outcome]:  # noqa: ANN401 - as above
    together = getattr(client, _TOGETHER, None)
    if together is None:
        return _one_by_one(client, method, calls)
    outcomes: list[Outcome] = together(client.meta.method_to_api_mapping[method], calls)
    return outcomes


def _one_by_one(client: Any, method: str, calls: Sequence[Request]) -> list[Outcome]:  # noqa: ANN401 - as above
    return [partial(getattr(client, method), **call) for call in calls]


@cache
def sqs() -> Any:  # noqa: ANN401 - botocore builds its clients at run time
    """The SQS client."""
    return _client("sqs")


@cache
def sns() -> Any:  # noqa: ANN401 - botocore builds its clients at run time
    """The SNS client."""
    return _client("sns")


@cache
def eventbridge() -> Any:  # noqa: ANN401 - botocore builds its clients at run time
    """The EventBridge client."""
    return _client("events")


@cache
def s3() -> Any:  # noqa: ANN401 - botocore builds its clients at run time
    """The S3 client."""
    return _client("s3")


@cache
def tax_engine() -> Any:  # noqa: ANN401 - botocore builds its clients at run time
    """The Lambda client, for the one call to the tax engine, which is not repeated."""
    return _client("lambda")


def reset_clients() -> None:
    """Forget the clients, so that the next use reads the environment again (for tests)."""
    for client in (dynamodb, eventbridge, sqs, sns, s3, tax_engine, session):
        client.cache_clear()


def _client(service: str) -> Any:  # noqa: ANN401 - botocore builds its clients at run time
    from meterline.store.base.first_attempts import send_first_attempts  # noqa: PLC0415 - see below

    client = session().create_client(service, config=_config(service))
    if service == "dynamodb":
        setattr(client, _TOGETHER, send_first_attempts(client))
    return client


def _set_aside(**call: Any) -> Any:  # noqa: ANN401 - as botocore has it
    """Let botocore prepare a call whose lists and maps are empty."""
    params = call["context"]["meterline_params"] = call["params"]
    return {
        name: value if isinstance(value, str) else type(value)() for name, value in params.items()
    }


def _write(**call: Any) -> None:  # noqa: ANN401 - as botocore has it
    """Give the prepared call its parameters: DynamoDB's wire has the form of its API."""
    params = call["context"].pop("meterline_params")
    call["params"]["body"] = body_of(params)


@cache
def session() -> "Session":
    """The session that all clients belong to."""
    # botocore alone: the same clients as boto3's, a tenth of a cold start earlier.
    from botocore.session import Session  # noqa: PLC0415 - only a function that calls AWS pays

    made = Session()
    if _IN_LAMBDA in os.environ:
        # Elsewhere a profile may lead to credentials by way of more services (sso, sts).
        made.register_component("data_loader", _loader_of_our_services())
    made.register("provide-client-params.dynamodb", _set_aside)
    made.register("before-call.dynamodb", _write)
    made.register("before-parse.dynamodb", read_in_one_step)
    return made


def _loader_of_our_services() -> "Loader":
    from botocore.loaders import Loader  # noqa: PLC0415 - see above

    class OurServices(Loader):
        """Spares each cold start a look at the folders of the 400 services that there are."""

        def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002 - botocore's
            return SERVICES

    return OurServices()


def _config(service: str) -> "Config":
    from botocore.config import Config  # noqa: PLC0415 - see above

    is_engine = service == "lambda"
    return Config(
        **_of_buckets() if service == "s3" else {},
        connect_timeout=TAX_ENGINE_CONNECT_SECONDS if is_engine else CONNECT_SECONDS,
        read_timeout=TAX_ENGINE_READ_SECONDS if is_engine else READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": 1 if is_engine else ATTEMPTS},
        tcp_keepalive=True,
        parameter_validation=False,
        # Botocore describes the machine anew for each request unless it is told what to say.
        user_agent="Meterline",
    )


def _of_buckets() -> dict[str, Any]:
    """What lets S3 take the addresses that we sign, in every region.

    Left alone, botocore signs them by Signature Version 2 where S3 once took it, which buckets made
    since June 2020 refuse
    (https://aws.amazon.com/blogs/aws/amazon-s3-update-sigv2-deprecation-period-extended-modified/);
    and for a host without a region, which redirects to another host during a bucket's first day,
    and knows no region that is newer than 2019. An endpoint of the operator's own has no host for
    each bucket.
    """
    has_own_endpoint = any(os.environ.get(name) for name in _ENDPOINTS)
    style = "path" if has_own_endpoint else "virtual"
    return {"signature_version": "s3v4", "s3": {"addressing_style": style}}
