"""One request, and what is known of it so far."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from meterline.api.auth import Principal, authenticate, authorize
from meterline.api.operations import Operation
from meterline.api.params.specs import Params
from meterline.api.requests import Request
from meterline.services.base.api_version import API_VERSION, requested_version
from meterline.services.base.ids import new_id
from meterline.store.base.documents import Receipt

if TYPE_CHECKING:
    from meterline.api.answers.expansion import ExpansionPath
    from meterline.services.base.context import Context
    from meterline.store.billing.repository import BillingStore


@dataclass(slots=True)
class Call:
    """One request and what is known of it so far. ``now`` is the wall clock, UTC seconds.

    It ``is_understood`` once its route, its sender and its version are known. ``shown_fields`` are
    the hidden ones of the answer itself that it asks for. ``stores`` are
    those of the modes: they recall what it has read.
    """

    request: Request
    now: int
    request_id: str = field(default_factory=lambda: new_id("req_"))
    path_values: list[str] = field(default_factory=list)
    params: Params = field(default_factory=dict)
    expansion_paths: "list[ExpansionPath]" = field(default_factory=list)
    shown_fields: frozenset[str] = frozenset()
    idempotency_key: str | None = None
    receipt: Receipt | None = None
    route: str = ""
    is_understood: bool = False
    stores: "dict[bool, BillingStore]" = field(default_factory=dict)
    api_version: str = API_VERSION
    """The version that the client names, or the newest: it decides defaults, such as a
    subscription's billing mode, but no shapes."""
    _principal: Principal | None = None

    @property
    def principal(self) -> Principal:
        """The key that asks; known once the request is authenticated."""
        if self._principal is None:
            message = "The request is not authenticated yet"
            raise RuntimeError(message)
        return self._principal

    @property
    def key_id(self) -> str | None:
        """The id of the API key that it acts for, if that is known."""
        return self._principal.key.id if self._principal else None

    @property
    def livemode(self) -> bool:
        """Whether it acts on live data."""
        return self.principal.livemode

    def authenticate(self, operation: Operation) -> None:
        """Find the key that asks, and check its right; BillingError 401 or 403."""
        self._principal = authenticate(self.request, operation, self.now)
        authorize(self._principal, self.request, operation)

    def read_version(self) -> None:
        """Note the version that the client names, if it names one; BillingError 400."""
        named = self.request.header("stripe-version")
        if named is not None:
            self.api_version = requested_version(named)

    def may_read(self, permission: str) -> bool:
        """Whether its key has the right to read a resource; without a key there is none."""
        return self._principal is not None and self._principal.may(permission, write=False)

    def context(self) -> "Context":
        """What services are given, in the mode of the key; imports the object store."""
        return self.context_in(livemode=self.livemode)

    def context_in(self, *, livemode: bool) -> "Context":
        """The same in a mode that something else than a key decides, as for public operations."""
        from meterline.services.base.context import Context  # noqa: PLC0415 - light functions lack it
        from meterline.services.base.outbox import Origin  # noqa: PLC0415 - see above
        from meterline.store.billing.repository import BillingStore  # noqa: PLC0415 - see above

        store = self.stores.setdefault(livemode, BillingStore(livemode, recalled={}))
        return Context(
            store=store,
            now=self.now,
            wall_clock=self.now,
            origin=Origin(
                self.request_id, self.idempotency_key, self.api_version, api_key=self.key_id
            ),
            receipt=self.receipt,
        )
