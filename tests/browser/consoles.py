"""The console behind a server on loopback, and somebody who is signed in to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Browser

from meterline.services.account.api_keys import create_key
from tests.browser.visits import Visit, visiting
from tests.factories.busy_deployment import Busy
from tests.integration.api.conftest import Api


@dataclass(frozen=True, slots=True)
class Console:
    """The deployment, what is in it, and the keys that sign in."""

    api: Api
    busy: Busy

    @contextmanager
    def visited(
        self,
        browser: Browser,
        name: str,
        width: int,
        scheme: str,
        *,
        key: str = "",
        **options: Any,
    ) -> Iterator[Visit]:
        """A fresh visitor who has signed in with a key; with the usual one unless given."""
        address, called = self.api.bridge.address, f"console-{name}"
        with visiting(browser, address, called, width, scheme, **options) as visit:  # type: ignore[arg-type]  # of a table
            visit.open("/console/sign-in")
            visit.page.fill("#key", key or self.api.key)
            visit.page.click("text=Sign in >> nth=-1")
            visit.page.wait_for_url("**/console")
            yield visit


def live_key() -> str:
    """A key of live mode."""
    return create_key(livemode=True, name="live").secret


def restricted_key() -> str:
    """A key that may read customers, and nothing else."""
    return create_key(livemode=False, name="support", rights={"customers": "read"}).secret
