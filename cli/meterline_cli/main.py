"""``meterline COMMAND …``: finds the command's module and hands it the rest of the line."""

import importlib
import os
import sys
from collections.abc import Sequence

from botocore.exceptions import BotoCoreError, ClientError

COMMANDS = {
    "api-key": ("meterline_cli.api_key", "create, list, roll and revoke API keys"),
    "due": ("meterline_cli.due", "show what is due and what is stuck"),
    "erase-customer": ("meterline_cli.erase_customer", "erase what is personal about a customer"),
    "explain": ("meterline_cli.explain", "tell why an invoice is so"),
    "export-customer": ("meterline_cli.export_customer", "write all that is stored about one"),
    "reconcile": ("meterline_cli.reconcile", "compare counters with their events, and repair"),
    "redrive": ("meterline_cli.redrive", "give failed work another try"),
    "resend-events": ("meterline_cli.resend_events", "send again what endpoints have not taken"),
    "replay": ("meterline_cli.replay", "give functions again what their streams have lost"),
    "usage-events": ("meterline_cli.usage_events", "write the events behind a number as CSV"),
    "import-usage": ("meterline_cli.import_usage", "send a CSV of usage as meter events"),
}
"""Each module has ``run(arguments) -> exit status``."""


_ADVICE = (
    "This command works on the tables of a deployment: it needs AWS credentials and a region "
    "(AWS_REGION, or a profile). For the stack on this machine: "
    "python -m local.stack run meterline …"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; its exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] not in COMMANDS:
        print(_usage(), file=sys.stderr)
        return 0 if given in (["-h"], ["--help"]) else 2
    _take_region()
    module = importlib.import_module(COMMANDS[given[0]][0])
    try:
        status: int = module.run(given[1:])
    except (BotoCoreError, ClientError) as error:
        print(f"AWS: {error}\n{_ADVICE}", file=sys.stderr)
        return 2
    return status


def _take_region() -> None:
    """Let ``AWS_REGION`` say the region, as in AWS's own CLI: botocore reads another variable."""
    if region := os.environ.get("AWS_REGION"):
        os.environ["AWS_DEFAULT_REGION"] = region


def _usage() -> str:
    lines = [f"  {name:<17}{purpose}" for name, (_, purpose) in COMMANDS.items()]
    return "\n".join(["usage: meterline COMMAND …", "", *lines])


if __name__ == "__main__":
    sys.exit(main())
