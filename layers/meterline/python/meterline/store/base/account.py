"""Who the account is: a deployment is one."""

import hashlib
from functools import cache

from meterline.store.base.settings import settings

_DIGITS = 16


@cache
def _id_of(table: str) -> str:
    return "acct_" + hashlib.sha256(table.encode()).hexdigest()[:_DIGITS]


def account_id() -> str:
    """The account's id, the same in both modes.

    It follows from the table of its keys: two deployments never share one, and a deployment keeps
    its own without having to store it where every request would have to read it.
    """
    return _id_of(settings().access_table)
