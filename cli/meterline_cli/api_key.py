"""``meterline api-key``: the keys of a deployment.

It writes to the tables of a deployment, so it needs AWS credentials that may: whoever can do that
owns the deployment anyway. Its tables are those of ``--stack``, or of ``METERLINE_*`` variables.
Each change leaves an event that names the credentials it was made with.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from meterline.core.base.errors import BillingError
from meterline.services.account import api_keys
from meterline.store.account.access import FULL_RIGHTS, ApiKey
from meterline_cli import deployment


def run(arguments: Sequence[str]) -> int:
    """Run the command; its exit status."""
    options = _parser().parse_args(arguments)
    deployment.find(options.stack)
    try:
        command: Callable[[argparse.Namespace], None] = options.command
        command(options)
    except BillingError as refusal:
        print(refusal.message, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="meterline api-key", description=__doc__)
    parser.add_argument(
        "--stack", default="meterline", help="the CloudFormation stack (%(default)s)"
    )
    verbs = parser.add_subparsers(required=True, metavar="create|list|roll|revoke")

    create = verbs.add_parser("create", help="make a key and print it, once")
    create.add_argument("--live", action="store_true", help="a key for live mode, not test mode")
    create.add_argument("--name", default="", help="what the key is for")
    create.add_argument(
        "--right",
        action="append",
        metavar="RESOURCE=read|write",
        help="restrict the key to these rights, e.g. billing_meter_events=write; may be repeated",
    )
    create.set_defaults(command=_create)

    listed = verbs.add_parser("list", help="show all keys, without their secrets")
    listed.set_defaults(command=_list)

    roll = verbs.add_parser("roll", help="replace a key by a new one with the same rights")
    roll.add_argument("id", help="the key's id, as list shows it")
    roll.add_argument(
        "--grace-seconds",
        type=int,
        default=0,
        help="how long the old key still works (%(default)s)",
    )
    roll.set_defaults(command=_roll)

    revoke = verbs.add_parser("revoke", help="end a key, within a minute everywhere")
    revoke.add_argument("id", help="the key's id, as list shows it")
    revoke.set_defaults(command=_revoke)
    return parser


def _create(options: argparse.Namespace) -> None:
    rights = None if options.right is None else dict(map(_right, options.right))
    made = api_keys.create_key(
        livemode=options.live, name=options.name, rights=rights, aws_principal=_aws_principal()
    )
    print(made.secret)


def _right(text: str) -> tuple[str, str]:
    resource, _, right = text.partition("=")
    return resource, right


def _list(_: argparse.Namespace) -> None:
    for key in api_keys.list_keys():
        print(
            "  ".join([key.id, key.hint, _date(key.created), _state(key), _rights(key), key.name])
        )


def _roll(options: argparse.Namespace) -> None:
    fresh = api_keys.roll_key(
        options.id, old_usable_seconds=options.grace_seconds, aws_principal=_aws_principal()
    )
    print(fresh.secret)


def _revoke(options: argparse.Namespace) -> None:
    api_keys.revoke_key(options.id, aws_principal=_aws_principal())


def _aws_principal() -> str | None:
    """Whose credentials these are; None where STS cannot be asked."""
    try:
        return str(boto3.client("sts").get_caller_identity()["Arn"])
    except (BotoCoreError, ClientError):
        return None


def _date(instant: int) -> str:
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%d")


def _state(key: ApiKey) -> str:
    if key.usable_until is None:
        return "usable"
    if key.usable(int(time.time())):
        return f"usable until {datetime.fromtimestamp(key.usable_until, UTC):%Y-%m-%d %H:%M} UTC"
    return "ended"


def _rights(key: ApiKey) -> str:
    if key.rights == FULL_RIGHTS:
        return "all"
    return ",".join(f"{resource}={right}" for resource, right in sorted(key.rights.items()))
