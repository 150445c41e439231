"""Where people reach this deployment: the beginning of the addresses that are given out.

The template says it to workers. A function that answers the API cannot be told the API's address,
which is made after it: without a domain of the deployment's own it goes by the one it is called at.
"""

from meterline.store.base.settings import settings

_called_at = ""


def note_call(domain: str, base_path: str) -> None:
    """Remember at which domain, and below which path of it, API Gateway says it was called."""
    global _called_at  # noqa: PLW0603 - what this process was called at last
    if domain:
        _called_at = f"https://{domain}{base_path}"


def public_address(path: str) -> str:
    """The whole address of a path of this deployment."""
    return (settings().public_url or _called_at) + path
