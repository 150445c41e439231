"""Counters that too many count in at once: who loses races there hands over what it has.

With many shards a busy customer's counter is written by each of them, and each lost race is paid
for. Whoever has lost one twice stores its arrivals as a parcel instead, which nobody contends for,
and the few consumers of parcels count them together. For a minute it does so at once.
"""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from botocore.exceptions import BotoCoreError, ClientError

from meterline.observability import failure, logger
from meterline.services.metering.groups import Group
from meterline.store.base.batches import Throttled
from meterline.store.metering.parcels import Parcel, ParcelKey, put_parcel
from meterline.store.metering.usage import BucketKey

CONTENDED_SECONDS = 60
_MOST_REMEMBERED = 10_000

type Groups = Mapping[BucketKey, Group]


@dataclass(slots=True)
class Contention:
    """The counters that this process has lost races for (``clock``: seconds of the wall clock)."""

    clock: Callable[[], float] = time.time
    _until: dict[BucketKey, float] = field(default_factory=dict)

    def spared(self, groups: Groups) -> Groups:
        """The groups to be counted here: those of contended counters are handed over."""
        if not self._until:
            return groups
        now = self.clock()
        contended = {key: one for key, one in groups.items() if self._until.get(key, 0) > now}
        return self._sent(groups, contended) if contended else groups

    def handed_over(self, lost: Groups) -> Groups:
        """The groups that are left, having lost races again, to be counted here nevertheless."""
        left = self._sent(lost, lost)
        if len(self._until) + len(lost) > _MOST_REMEMBERED:
            self._until.clear()
        until = self.clock() + CONTENDED_SECONDS
        self._until |= dict.fromkeys(lost.keys() - left.keys(), until)
        return left

    def _sent(self, groups: Groups, contended: Groups) -> Groups:
        sent = {key for key, group in contended.items() if self._send(group)}
        return {key: group for key, group in groups.items() if key not in sent}

    def _send(self, group: Group) -> bool:
        """Hand a group over; False if it must be counted here, or could not be stored.

        The same arrivals make the same parcel, so a batch that comes again replaces it.
        """
        if group.must_be_counted:
            return False
        said = b"".join(b"%b%d" % (row.identity, row.cancels) for row in group.arrivals)
        key = ParcelKey(group.key, hashlib.sha256(said).digest()[:16])
        try:
            put_parcel(Parcel(key, group.measure, group.arrivals), now=int(self.clock()))
        except (Throttled, ClientError, BotoCoreError) as error:
            logger.warning("no parcel", **failure(error))
            return False
        return True
