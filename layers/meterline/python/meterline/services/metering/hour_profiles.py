"""Profiles of busy hours: what a cut through an hour reads, whatever the number of its events.

The worker that writes every hundredth segment of an hour adds up, second by second, what the
segments since the last profile hold. A cut then reads the counter, the profile, and at most about a
hundred segments. A profile that could not be made is made up for by the next one.
"""

from collections.abc import Iterable, Sequence

from meterline.core.base.errors import BillingError
from meterline.core.metering.aggregation import Measure, Row
from meterline.core.metering.buckets import Bucket
from meterline.core.metering.second_profiles import (
    NeedsAllRows,
    Profile,
    Seconds,
    fold,
    has_profile,
    without_cancelled,
)
from meterline.observability import failure, logger
from meterline.store.metering import usage, usage_profiles
from meterline.store.metering.usage import BucketKey, NotVisible
from meterline.store.metering.usage_commits import Change

SEGMENTS_A_PROFILE = 100
READS = 3
"""How often an hour is read before it is too short: of a commit just made not all may be visible.
"""


def extend_if_due(change: Change) -> None:
    """Make the profile of a bucket that got segments, if it is time.

    It is a shortcut for readers: when it fails, what was counted stays counted.
    """
    before, after = change.before.segments, change.after.segments
    is_due = before // SEGMENTS_A_PROFILE < after // SEGMENTS_A_PROFILE
    if not is_due or not has_profile(change.measure):
        return
    try:
        _extend(change)
    except NeedsAllRows:
        return
    except Exception as error:  # noqa: BLE001 - the next profile makes up for it
        logger.warning("no profile", **failure(error))


def _extend(change: Change) -> None:
    key, measure, segments = change.key, change.measure, change.after.segments
    profile = usage_profiles.read_profile(key, measure)
    until = usage.segment_key(key, change.after)
    later = usage.segments_after(key, change.after, measure, profile.until)
    if len(later) != segments - profile.segments:
        return  # expired, or not all of a commit is visible yet: better none than a wrong one
    rows = [row for _, rows in later for row in rows]
    seconds = fold(profile.seconds, rows, measure)
    extended = Profile(segments, until, seconds)
    usage_profiles.save_profile(key, extended, measure, change.after.watermark)


def read_hour(key: BucketKey, measure: Measure) -> tuple[Seconds, list[Row]]:
    """The usage of an hour: by seconds as far as its profile goes, and the events since, all as of
    the moment at which the counter was read.

    Raises NeedsAllRows where the profile cannot be used, and BillingError where segments are past
    their retention, rather than to say too little.
    """
    for _ in range(READS):
        bucket, profile = usage_profiles.read_with_profile(key, measure)
        rows: list[Row] = []
        if bucket.segments > profile.segments:
            rows = _rows_after(key, bucket, measure, profile.until)
        seconds, events = without_cancelled(profile.seconds, [*rows, *bucket.inline], measure)
        found = sum(part.count for part in seconds.values()) + len(events)
        if found >= bucket.aggregate.count:
            return seconds, events
    raise rows_expired(key)


def read_levels(
    key: BucketKey, bucket: Bucket, arrivals: Sequence[Row], measure: Measure
) -> list[Row]:
    """The rows of a bucket's segments among which arrivals take their places, as far as the levels
    of the hour and the events that arrive depend on them. Raises NotVisible.

    They are read as for a cut: the last level of each second from the profile, and the rows since.
    """
    profile = usage_profiles.read_profile(key, measure)
    if 0 < profile.segments <= bucket.segments:
        rows: list[Row] = []
        if bucket.segments > profile.segments:
            later = usage.segments_after(key, bucket, measure, profile.until)
            rows = [row for _, some in later for row in some]
        chosen = [part.chosen for part in profile.seconds.values() if part.chosen is not None]
        if _stand(chosen, [*rows, *bucket.inline, *arrivals]):
            earliest = min(row.accepted_at for row in arrivals)
            if earliest <= bucket.watermark:
                rows += usage.read_segments(key, bucket, measure, accepted_from=earliest)
            return [*chosen, *rows]
    return usage.read_segments(key, bucket, measure)


def _stand(chosen: Iterable[Row], later: Iterable[Row]) -> bool:
    """Whether no later row takes one of these out: who takes its place then is not known."""
    cancelled = {row.identity for row in later if row.cancels}
    return cancelled.isdisjoint([row.identity for row in chosen])


def _rows_after(key: BucketKey, bucket: Bucket, measure: Measure, after: str) -> list[Row]:
    try:
        later = usage.segments_after(key, bucket, measure, after)
    except NotVisible:
        raise rows_expired(key) from None
    return [row for _, rows in later for row in rows]


def rows_expired(key: BucketKey) -> BillingError:
    """The refusal to say what only the events of an hour could."""
    return BillingError(
        f"The events of the hour from {key.start} are not kept any more: ask for whole hours.",
        code="usage_rows_expired",
    )
