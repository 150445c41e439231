"""AWS clients: one of each for a process, created when first used."""

from functools import cache
from typing import TYPE_CHECKING, Any

SERVICES = ["dynamodb", "s3", "sns", "sqs"]
"""What there are clients of."""

if TYPE_CHECKING:
    from botocore.config import Config
    from botocore.session import Session


@cache
def dynamodb() -> Any:  # noqa: ANN401 - botocore builds its clients at run time
    """The DynamoDB client: short timeouts, since a lost answer is retried safely everywhere.

    It leaves checking the parameters of a call to DynamoDB.
    """
    return _client("dynamodb")


@cache
def sqs() -> Any:  # noqa: ANN401 - botocore builds its clients at run time
    """The SQS client."""
    return _client("sqs")


@cache
def sns() -> Any:  # noqa: ANN401 - botocore builds its clients at run time
    """The SNS client."""
    return _client("sns")


@cache
def s3() -> Any:  # noqa: ANN401 - botocore builds its clients at run time
    """The S3 client."""
    return _client("s3")


def reset_clients() -> None:
    """Forget the clients, so that the next use reads the environment again (for tests)."""
    for client in (dynamodb, sqs, sns, s3, _session):
        client.cache_clear()


def _client(service: str) -> Any:  # noqa: ANN401 - botocore builds its clients at run time
    return _session().create_client(service, config=_config())


@cache
def _session() -> "Session":
    # botocore alone: the same clients as boto3's, a fifth of a cold start earlier.
    from botocore.loaders import Loader  # noqa: PLC0415 - only a function that calls AWS pays
    from botocore.session import Session  # noqa: PLC0415 - see above

    class OurServices(Loader):
        """Spares each cold start a look at the folders of the 400 services that there are."""

        def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002 - botocore's
            return SERVICES

    session = Session()
    session.register_component("data_loader", OurServices())
    return session


def _config() -> "Config":
    from botocore.config import Config  # noqa: PLC0415 - see above

    return Config(
        connect_timeout=2,
        read_timeout=5,
        retries={"mode": "standard", "total_max_attempts": 4},
        tcp_keepalive=True,
        # Looking at each value of a hundred events twice takes longer than accepting them.
        parameter_validation=False,
    )
