"""AWS clients: one of each for a process, created when first used."""

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from botocore.config import Config


@cache
def dynamodb() -> Any:  # noqa: ANN401 - boto3 builds its clients at run time
    """The DynamoDB client: short timeouts, since a lost answer is retried safely everywhere."""
    return _client("dynamodb")


@cache
def sqs() -> Any:  # noqa: ANN401 - boto3 builds its clients at run time
    """The SQS client."""
    return _client("sqs")


@cache
def sns() -> Any:  # noqa: ANN401 - boto3 builds its clients at run time
    """The SNS client."""
    return _client("sns")


def reset_clients() -> None:
    """Forget the clients, so that the next use reads the environment again (for tests)."""
    for client in (dynamodb, sqs, sns):
        client.cache_clear()


def _client(service: str) -> Any:  # noqa: ANN401 - boto3 builds its clients at run time
    import boto3  # noqa: PLC0415 - only a function that calls AWS pays for the import

    return boto3.client(service, config=_config())


def _config() -> "Config":
    from botocore.config import Config  # noqa: PLC0415 - see above

    return Config(
        connect_timeout=2,
        read_timeout=5,
        retries={"mode": "standard", "total_max_attempts": 4},
        tcp_keepalive=True,
    )
