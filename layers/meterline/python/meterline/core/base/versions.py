"""The first byte of whatever is stored packed says which form the rest has.

What a release cannot read it refuses, so that nothing is misread after an upgrade or a way back
(``docs/decisions/versions-of-what-is-stored.md``).
"""


class UnknownVersion(ValueError):  # noqa: N818 - reads as what happened
    """Stored bytes are in a form that this release does not know: a later one wrote them, or they
    are spoiled.
    """


def check_version(data: bytes, known: int, what: str) -> None:
    """Raises ``UnknownVersion`` unless ``data`` begins with the version that is known."""
    if not data or data[0] != known:
        found = f"version {data[0]}" if data else "no version"
        raise UnknownVersion(f"{what} are stored in {found}; this release reads version {known}")
